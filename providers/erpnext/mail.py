"""Mails as Frappe takes them, and what it kept of ours: comments and mails on invoices."""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from email.utils import getaddresses
from html import escape

from connector.contract import Trace, reference_of, trace_of
from connector.errors import OutcomeUnknown, Rejected, Transient
from providers.erpnext.link import MANY, Filter, Forbidden, Link
from providers.erpnext.wire import Row, Stamp, Text, Wire, plain

INVOICE = "Sales Invoice"
BATCH = 100  # invoices whose notes and mails are asked for in one call
TALK = 20  # mails that a document's history tells at once
SEES_ALL = {"System Manager", "Super Email User"}  # without, a list of mails leaves mails out
ADDRESS = re.compile(r"[^\s@,;:<>()\"\\]+@[^\s@,;:<>()\"\\]+")
BADLY = {"Bounced", "Error", "Expired", "Rejected", "Recipient Unsubscribed"}
NOT_QUEUED = "no mail was made: every recipient has unsubscribed, or is no valid address"


def addresses(recipients: Iterable[str]) -> list[str]:
    """The bare addresses of recipients such as `Name <a@b.example>`.

    Raises:
        Rejected: one of them is no single address.
    """
    found = []
    for recipient in recipients:
        parsed = getaddresses([recipient])
        address = parsed[0][1] if len(parsed) == 1 else ""
        if not recipient.isprintable() or not ADDRESS.fullmatch(address):
            raise Rejected(
                f"erpnext: {recipient!r} is not an e-mail address: correct it at the customer"
            )
        found.append(address)
    return found


def body_of(html: str, text: str, key: str) -> str:
    """What stands inside a page's `body`, with its styles: Frappe puts a page around it.

    It carries `Ref. <key>`, by which the mail is found again.
    """
    inside = re.search(r"<body[^>]*>(.*)</body>", html, re.DOTALL | re.IGNORECASE)
    styles = re.findall(r"<style.*?</style>", html, re.DOTALL | re.IGNORECASE) if inside else []
    body = "".join(styles) + (inside[1] if inside else html or note_html(text))
    return body if reference_of(plain(body)) == key else f"{body}<p>Ref. {key}</p>"


def note_html(text: str) -> str:
    """A note as a comment: text stays text, and lines stay lines."""
    return "<div>" + "<br>".join(escape(line, quote=False) for line in text.splitlines()) + "</div>"


def dropped(recipients: Sequence[str], told: str) -> list[str]:
    """Those of the recipients that Frappe says it has not written to."""
    named = {address.lower() for _, address in getaddresses([told])}
    return [address for address in recipients if address.lower() in named]


class Comment(Row):
    """Text that somebody put on a document."""

    reference_name: Text = ""
    content: Text = ""


class Mail(Row):
    """A mail about a document, as it was sent or received."""

    reference_doctype: Text = ""
    reference_name: Text = ""
    subject: Text = ""
    content: Text = ""
    creation: Stamp = None
    delivery_status: Text = ""


class Queued(Row):
    """A mail on its way out, and why it did not get there."""

    communication: Text = ""
    status: Text = ""
    error: Text = ""


class History(Wire):
    """What a document's form shows beside it."""

    comments: tuple[Comment, ...] = ()
    communications: tuple[Mail, ...] = ()


def traces(link: Link, user: str, invoices: Sequence[str]) -> Iterator[Trace]:
    """Our notes and mails on these invoices; days are those of the site.

    In lists of many invoices where the user's roles show all mails; else invoice by invoice, as
    whoever may read the invoice sees its history.
    """
    for start in range(0, len(invoices), BATCH):
        names = list(invoices[start : start + BATCH])
        comments, mails = _listed(link, names) if _sees_all(link, user) else _told(link, names)
        for comment in comments:
            if trace := trace_of(plain(comment.content), comment.reference_name):
                yield trace
        ours = [(mail, reference_of(plain(f"{mail.subject} {mail.content}"))) for mail in mails]
        failed = _undelivered(link, [mail for mail, key in ours if key])
        for mail, key in ours:
            if key and mail.creation:
                yield Trace(
                    invoice_id=mail.reference_name,
                    on=mail.creation.date(),
                    reminder_key=key,
                    undelivered=failed.get(mail.name, ""),
                )


def _sees_all(link: Link, user: str) -> bool:
    """Whether lists show this user all comments and mails: no list says what it leaves out."""
    try:
        method = "frappe.core.doctype.user.user.get_roles"
        roles = link.call(method, list[str], uid=user) or []
        return not SEES_ALL.isdisjoint(roles) and all(
            map(link.readable, ("Comment", "Communication"))
        )
    except (Rejected, Forbidden):
        return False


def _listed(link: Link, names: Sequence[str]) -> tuple[list[Comment], list[Mail]]:
    on: list[Filter] = [["reference_doctype", "=", INVOICE], ["reference_name", "in", list(names)]]
    notes = [["comment_type", "=", "Comment"], ["content", "like", "%relance/1 %"]]
    comments = link.every(
        "Comment", Comment, [*on, *notes], ["reference_name", "content"], limit=MANY
    )
    fields = ["reference_name", "subject", "content", "creation", "delivery_status"]
    ours = [["subject", "like", "%Ref. %"], ["content", "like", "%Ref. %"]]
    mails = link.every("Communication", Mail, on, fields, any_of=ours)
    return list(comments), list(mails)


def _told(link: Link, names: Sequence[str]) -> tuple[list[Comment], list[Mail]]:
    comments: list[Comment] = []
    mails: list[Mail] = []
    for name in names:
        try:
            method = "frappe.desk.form.load.get_docinfo"
            told = link.call(method, History, doctype=INVOICE, name=name) or History()
        except Rejected:
            continue  # there is no such invoice: nothing was written on it
        comments += [one.model_copy(update={"reference_name": name}) for one in told.comments]
        page, start = list(told.communications), 0
        while page:
            # what came from another document is linked to this one as well
            mails += [one for one in page if one.reference_name == name]
            start += TALK
            if len(page) < TALK:
                break
            method = "frappe.desk.form.load.get_communications"
            page = (
                link.call(method, list[Mail], doctype=INVOICE, name=name, start=start, limit=TALK)
                or []
            )
    unique = {mail.name: mail for mail in mails}
    return comments, list(unique.values())


def _undelivered(link: Link, mails: Sequence[Mail]) -> dict[str, str]:
    """Why these mails did not arrive, by name, as far as the site tells this user."""
    found = {
        mail.name: f"delivery status: {mail.delivery_status}"
        for mail in mails
        if mail.delivery_status in BADLY
    }
    doubtful = [mail.name for mail in mails if mail.delivery_status in BADLY | {""}]
    if not doubtful:
        return found
    filters = [["communication", "in", doubtful]]
    try:
        fields = ["communication", "status", "error"]
        queue = list(link.every("Email Queue", Queued, filters, fields))
    except Forbidden:
        return found
    queued = {one.communication for one in queue}
    found |= {name: NOT_QUEUED for name in doubtful if name not in queued | found.keys()}
    for one in queue:
        if one.status in ("Error", "Expired") and one.error:
            found[one.communication] = " ".join(one.error.split())[-300:]
    return found


def attached(link: Link, name: str, content: bytes) -> str:
    """The name of a private file on the site with this content.

    Raises:
        Transient: it could not be put there; nothing has been sent.
    """
    values = {
        "file_name": re.sub(r"[/\\]", "-", name),
        "content": b64encode(content).decode(),
        "decode": 1,
        "is_private": 1,
    }
    try:
        return link.make("File", values).name
    except OutcomeUnknown as error:
        raise Transient(f"{error}: nothing was sent") from None
