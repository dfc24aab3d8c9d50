"""An invoice's document: the one that Odoo keeps, else the one that the customer's page makes."""

from base64 import b64decode

from connector.errors import Rejected
from providers.http import Session
from providers.odoo.documents import MOVE
from providers.odoo.links import Link
from providers.odoo.mail import ATTACHMENT
from providers.odoo.wire import NoRight, Ref, Row, Text

NO_DOCUMENT = (303, 400, 403, 404, 422, 500)  # a page for people that says why


class Paper(Row):
    """The document that was made of an invoice."""

    invoice_pdf_report_id: Ref = None


class File(Row):
    """A stored file, base64."""

    datas: Text = ""


def document(link: Link, http: Session, invoice: int) -> bytes:
    """The invoice as PDF.

    Raises:
        Rejected: there is no such invoice, or the server makes no PDF of it.
    """
    fields = link.fields(MOVE, ("name",), ("invoice_pdf_report_id",))
    rows = link.sheet(MOVE, Paper, [["id", "=", invoice]], fields).rows
    if not rows:
        raise Rejected(f"odoo: there is no invoice {invoice}")
    content = _stored(link, rows[0].invoice_pdf_report_id) or _printed(link, http, invoice)
    if not content.startswith(b"%PDF"):
        raise Rejected(
            f"odoo: invoice {invoice} cannot be had as PDF: install wkhtmltopdf on Odoo's server, "
            "or print the invoice in Odoo once"
        )
    return content


def _stored(link: Link, attachment: int | None) -> bytes:
    if not attachment:
        return b""
    try:
        asked = [attachment]
        files = link.call(ATTACHMENT, "read", list[File], ids=asked, fields=["datas"])
        return b64decode(files[0].datas) if files else b""
    except (NoRight, ValueError):
        return b""


def _printed(link: Link, http: Session, invoice: int) -> bytes:
    """What the customer's page gives; an invoice that has no key to it yet is given one."""
    path = link.call(MOVE, "get_portal_url", str, ids=[invoice], report_type="pdf", download=True)
    return http.read("GET", path, accept=NO_DOCUMENT, document=True).content
