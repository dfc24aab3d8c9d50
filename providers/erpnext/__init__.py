"""ERPNext, versions 14 to 16: one company's sales invoices, and comments and mails on them.

What it cannot tell: a customer or document that was renamed is another one from then on; a payment
that was deleted shows only to a user who may read Deleted Document. Submitted invoices are
compared with `open_items` on every run, for the site can change them without moving a stamp.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from urllib.parse import urlsplit

from connector.contract import (
    Account,
    Company,
    Cursor,
    Finding,
    Kind,
    Meter,
    OpenItem,
    Page,
    ProviderSpec,
    Receipt,
    Setting,
    TokenStore,
    Trace,
)
from connector.errors import BadRecord, OutcomeUnknown, Rejected, Unsupported
from connector.receivables.capabilities import Capabilities, Limits, Notes, Traces
from connector.receivables.records import CreditNote, Customer, Invoice, Message
from providers.erpnext import rights
from providers.erpnext.ledger import Ledger
from providers.erpnext.link import FEW, Link
from providers.erpnext.mail import addresses, attached, body_of, dropped, note_html, traces
from providers.erpnext.received import Received
from providers.erpnext.site import DELETED, ENTRY, INVOICE, JOURNAL, PART, REQUEST, SIDE, Site
from providers.erpnext.stream import Mark, Part, newest
from providers.erpnext.wire import Row
from providers.http import Session


class Sent(Row):
    """What Frappe says of a mail that it has taken."""

    emails_not_sent_to: str | None = ""


class ErpNext:
    """One company's books on one site; see `connector.contract.Provider`."""

    def __init__(self, link: Link, settings: Mapping[str, str], page: int = FEW) -> None:
        self._link = link
        self._site = Site(link, settings.get("COMPANY", ""))
        self._ledger, self._received = Ledger(self._site), Received(self._site)
        self._sender = settings.get("SENDER", "")
        self._form = settings.get("PRINT_FORMAT", "")
        self._page = page

    @cached_property
    def _user(self) -> str:
        return str(self._link.call("frappe.auth.get_logged_user", str) or "")

    def company(self) -> Company:
        """The firm. Its ledger is known by when its company was made, and the short name that its
        accounts bear: neither changes with host, restore or renaming."""
        site, known = self._site, self._site.company
        return Company(
            ledger_id=f"erpnext:{known.creation:%Y%m%d%H%M%S%f}:{known.abbr}",
            name=known.company_name or known.name,
            country=site.firm.countries.get(known.country, ""),
            timezone=site.zone_name,
            currency=known.default_currency,
            legal_id=known.tax_id,
            address=site.address,
            bank_line=site.bank_line,
            email=known.email,
            phone=known.phone_no,
        )

    def probe(self) -> Capabilities:
        return rights.probe(self._link)

    def examine(self) -> Iterator[Finding]:
        return rights.examine(self._link, self._site)

    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        """Rows by name, of which the first read takes all and a later one what changed since.

        Raises:
            Unsupported: a kind that ERPNext does not have.
        """
        ledger, received = self._ledger, self._received
        if kind is Kind.CUSTOMERS:
            parts = [Part(doctype="Customer", read=ledger.customers_since, counted=[])]
            stamps = [("Customer", ""), ("Contact", ""), ("Address", "")]
        elif kind is Kind.INVOICES:
            bills = ledger.submitted
            parts = [Part(doctype=INVOICE, read=ledger.documents_since, counted=bills)]
            stamps = [(INVOICE, ""), (REQUEST, "")]
        elif kind is Kind.PAYMENTS:
            parts = [
                Part(doctype=ENTRY, read=received.entries_since, counted=received.received),
                Part(doctype=SIDE, read=received.journals_since),
                Part(doctype=DELETED, read=received.deleted_since),
            ]
            stamps = [(ENTRY, ""), (PART, ENTRY), (SIDE, JOURNAL), (DELETED, "")]
        else:
            raise Unsupported(f"erpnext: no changes of {kind}")
        return self._pages(parts, stamps, since)

    def _pages(
        self, parts: Sequence[Part], stamps: Sequence[tuple[str, str]], since: Cursor | None
    ) -> Iterator[Page]:
        mark = Mark.parse(since)
        if not mark.begun:  # asked before the first row: what changes meanwhile is newer
            mark = Mark(low=mark.low, until=newest(self._link, stamps))
        counted = parts[0].counted
        first = counted is not None and not mark.low and not mark.begun
        total = self._site.count(parts[0].doctype, counted or []) if first else None
        while mark.part < len(parts):
            part = parts[mark.part]
            found = part.read(mark.low, mark.after, self._page)
            full = len(found.names) >= self._page
            mark = mark.at(found.names[-1]) if full else mark.next()
            ended = mark.done() if mark.part == len(parts) else mark
            yield Page(
                records=tuple(found.records),
                bad=tuple(found.bad),
                cursor=ended.text(),
                total=total,
            )

    def open_items(self) -> Iterator[OpenItem]:
        """What is outstanding of each submitted document, whatever its status says.

        A row that does not read is left out: it is then asked for by name, and reported there.
        """
        return self._ledger.owed(self._page)

    def invoices(self, ids: Sequence[str]) -> Iterator[Invoice | CreditNote]:
        """These, fresh. One that cannot be read is raised at the end, not passed over as gone."""
        bad: list[BadRecord] = []
        for start in range(0, len(ids), self._page):
            wanted = ["name", "in", list(ids[start : start + self._page])]
            found = self._ledger.documents([*self._ledger.submitted, wanted])
            bad += found.bad
            yield from found.records
        for first in bad:
            raise first

    def account(self, customer_id: str) -> Account:
        """One customer, fresh.

        Raises:
            BadRecord: part of it cannot be read, so that nobody can say what is owed.
            Rejected: there is no such customer.
        """
        ledger = self._ledger
        who = ledger.customers([["name", "=", customer_id]])
        bills, money = ledger.owing(customer_id), self._received.money(customer_id)
        for bad in (*who.bad, *bills.bad, *money.bad):
            raise bad
        customers: list[Customer] = who.records
        if not customers:
            raise Rejected(f"erpnext: there is no customer {customer_id!r}")
        open_ = [record for record in bills.records if record.balance]
        return Account(
            customer=customers[0],
            invoices=tuple(record for record in open_ if isinstance(record, Invoice)),
            credit_notes=tuple(record for record in open_ if isinstance(record, CreditNote)),
            payments=tuple(money.records),
        )

    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        """Our comments, and our mails by the reference in subject or text."""
        return traces(self._link, self._user, invoice_ids) if invoice_ids else iter(())

    def pdf(self, invoice_id: str) -> bytes:
        """The invoice as the firm's print format draws it.

        Raises:
            Rejected: the site cannot draw it.
        """
        content = self._link.pdf(INVOICE, invoice_id, self._form)
        if not content.startswith(b"%PDF"):
            raise Rejected(
                f"erpnext: the document of {invoice_id} is no PDF: print it in ERPNext to see why"
            )
        return content

    def note(self, invoice_id: str, text: str, *, key: str) -> Receipt:
        made = self._link.call(
            "frappe.desk.form.utils.add_comment",
            Row,
            write=True,
            reference_doctype=INVOICE,
            reference_name=invoice_id,
            content=note_html(text),
            comment_email=self._user,
            comment_by="Relance",
        )
        return Receipt(id=made.name if made else "")

    def email(self, message: Message, *, key: str) -> Receipt:
        """Put into the site's queue, and kept on the first invoice; the queue sends in a minute.

        Raises:
            Rejected: an address or a document that cannot go, or nobody is written to.
        """
        if not message.invoice_ids or not message.to:
            raise Rejected("erpnext: a mail needs an invoice and a recipient")
        first, to, cc = message.invoice_ids[0], addresses(message.to), addresses(message.cc)
        own = any(file.invoice_id == first for file in message.attachments)
        files = [
            attached(self._link, file.name, self.pdf(file.invoice_id))
            for file in message.attachments
            if file.invoice_id != first
        ]
        asked: dict[str, object] = {
            "doctype": INVOICE,
            "name": first,
            "recipients": ", ".join(to),
            "cc": ", ".join(cc),
            "subject": " ".join(message.subject.split()),
            "content": body_of(message.html, message.text, key),
            "send_email": 1,
            "communication_medium": "Email",
            "print_language": message.language,
            "attachments": files,
        }
        asked |= {"sender": self._sender} if self._sender else {}
        asked |= {"print_format": self._print_format} if own else {}
        method = "frappe.core.doctype.communication.email.make"
        sent = self._link.call(method, Sent, write=True, **asked)
        if sent is None:
            raise OutcomeUnknown("erpnext: the mail's answer is empty: it may have been sent")
        missed = dropped([*to, *cc], sent.emails_not_sent_to or "")
        if set(to) <= set(missed):
            raise Rejected(
                f"erpnext: nobody was written to: ERPNext leaves out {', '.join(missed)}. Correct "
                "the address, or take it out of Email Unsubscribe"
            )
        if missed:
            words = "erpnext: %s: not written to: %s"
            logging.getLogger(__name__).warning(words, first, ", ".join(missed))
        return Receipt(id=sent.name)

    @cached_property
    def _print_format(self) -> str:
        """The print format for the mail's own invoice: it must be named, the default one too."""
        return self._form or self._site.default_format

    def close(self) -> None:
        self._link.close()


def check(settings: Mapping[str, str]) -> list[str]:
    """What is wrong with the settings, all of it."""
    problems = []
    url = settings.get("URL", "")
    where = urlsplit(url)
    if url and (where.scheme not in ("http", "https") or not where.hostname):
        problems.append(
            f"RELANCE_ERPNEXT_URL is {url!r}: expected an address such as https://erp.example.com"
        )
    for name in ("KEY", "SECRET"):
        if ":" in settings.get(name, ""):
            problems.append(f"RELANCE_ERPNEXT_{name} holds a colon: key and secret go apart")
    sender = settings.get("SENDER", "")
    if sender:
        try:
            addresses([sender])
        except Rejected:
            problems.append(f"RELANCE_ERPNEXT_SENDER is {sender!r}: expected an e-mail address")
    return problems


def connect(
    settings: Mapping[str, str], tokens: TokenStore, meter: Meter, page: int = FEW
) -> ErpNext:
    """The connection; nothing is asked of the site before the first method is called."""
    token = f"{settings['KEY']}:{settings['SECRET']}"
    headers = {"Authorization": f"token {token}", "Accept": "application/json"}
    secrets = [token, settings["SECRET"]]
    http = Session("erpnext", settings["URL"], headers=headers, secrets=secrets, meter=meter)
    return ErpNext(Link(http), settings, page)


SPEC = ProviderSpec(
    name="erpnext",
    title="ERPNext",
    can=Capabilities(
        custom_email=True,
        note=Notes.INVOICE,
        traces=Traces.COMPLETE,
        pdf=True,
        pay_link=True,
        native_reminders=True,
    ),
    kinds=(Kind.CUSTOMERS, Kind.INVOICES, Kind.PAYMENTS),
    settings=(
        Setting(name="URL", help="the site, as https://erp.example.com"),
        Setting(name="KEY", help="the user's API key"),
        Setting(name="SECRET", help="the API secret that belongs to it", secret=True),
        Setting(name="COMPANY", help="the company, if the user sees several", required=False),
        Setting(name="SENDER", help="who the mails come from, else the user", required=False),
        Setting(name="PRINT_FORMAT", help="of the PDF, else the default one", required=False),
    ),
    check=check,
    open=connect,
    limits=Limits(at_once=1),
)
