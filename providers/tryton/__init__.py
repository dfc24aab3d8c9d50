"""Tryton, series 7.0 and newer: one company's customer invoices, and notes and mails on them.

What it cannot tell: a deleted row leaves no trace, so a contact taken away shows in `account` and
in the next change of its customer; a payment that was detached from its invoice shows when the
line or the invoice next changes. Only drafts, contacts and reconciliations can be deleted at all.
Posted invoices are compared with `open_items` on every run.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

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
from connector.errors import BadRecord, Rejected, Unsupported
from connector.receivables.capabilities import Capabilities, Notes, Traces
from connector.receivables.records import (
    CreditNote,
    DocumentState,
    Invoice,
    Message,
    PaymentState,
)
from providers.http import Session
from providers.tryton.ledger import MODEL, Found, Ledger
from providers.tryton.links import Link, Rest, Rpc
from providers.tryton.mail import addresses, body_of, one_line, traces
from providers.tryton.parties import to_customer
from providers.tryton.stream import STREAMS, Mark, merged, newest
from providers.tryton.wire import Row

RIGHTS = {
    "party.party": ("read", "read parties", True),
    MODEL: ("read", "read invoices", True),
    "account.move.line": ("read", "read accounting lines", True),
    "ir.note": ("create", "write notes", True),
}
PAGE = 500  # rows: a slow server stays under its 60 s


class Report(Row):
    """A document's template; `extension` is empty while it comes out as it was written, ODT."""

    extension: str | None = None


class Tryton:
    """One company's books on one database; see `connector.contract.Provider`."""

    def __init__(self, link: Link, company: int | None = None, page: int = PAGE) -> None:
        self._ledger = Ledger(link, company)
        self._page = page

    @property
    def _link(self) -> Link:
        return self._ledger.link

    def company(self) -> Company:
        ledger = self._ledger
        party = ledger.party(ledger.firm.party)
        known = to_customer(party)
        return Company(
            ledger_id=f"tryton:{ledger.link.database}:{ledger.company}",
            name=known.name,
            country=known.country,
            timezone=ledger.firm.timezone or "",
            currency=ledger.home,
            legal_id=known.legal_id,
            address=known.address,
            bank_line=party.numbers(),
            email=next((contact.email for contact in known.contacts if contact.email), ""),
            phone=next((contact.phone for contact in known.contacts if contact.phone), ""),
        )

    def probe(self) -> Capabilities:
        """Notes need write access to invoices; a PDF needs a report that is told to be one."""
        rights = dict[str, dict[str, bool]]
        access = self._link.call("ir.model.access", "get_access", rights, models=[MODEL])
        named = [["report_name", "=", MODEL]]
        reports = self._link.sheet("ir.action.report", Report, named, ["extension"]).rows
        return Capabilities(
            custom_email=True,
            note=Notes.INVOICE if access[MODEL]["write"] else Notes.NONE,
            traces=Traces.COMPLETE,
            pdf=any(report.extension == "pdf" for report in reports),
        )

    def examine(self) -> Iterator[Finding]:
        """The rights on each model that is read or written to, and the invoice's report."""
        rights = dict[str, dict[str, bool]]
        found = self._link.call("ir.model.access", "get_access", rights, models=list(RIGHTS))
        for model, (right, what, needed) in RIGHTS.items():
            yield Finding(
                what=what,
                fine=bool(found.get(model, {}).get(right)),
                mend=f"give the user's group {right} access to {model}: Accounting has it",
                needed=needed,
            )
        yield Finding(
            what="make invoices as PDF",
            fine=self.probe().pdf,
            mend="set the extension of the invoice report to PDF, with LibreOffice on the server",
            needed=False,
        )

    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        """Rows by id, of which the first read takes all and a later one what changed since.

        Raises:
            Unsupported: a kind that Tryton does not have.
        """
        ledger = self._ledger
        if kind is Kind.CUSTOMERS:
            return self._pages(kind, since, ledger.customers, lambda: [])
        if kind is Kind.INVOICES:
            return self._pages(kind, since, ledger.documents, ledger.posted)
        if kind is Kind.PAYMENTS:
            return self._pages(kind, since, ledger.payments, ledger.received)
        raise Unsupported(f"tryton: no changes of {kind}")

    def _pages(
        self,
        kind: Kind,
        since: Cursor | None,
        read: Callable[[list[object], int], Found[Any]],
        of_kind: Callable[[], list[object]],
    ) -> Iterator[Page]:
        stream, mark, domain = STREAMS[kind], Mark.parse(since), of_kind()
        if not mark.position:  # asked before the first row: what changes meanwhile is newer
            mark = Mark(low=mark.low, until=newest(self._link, stream))
        total = None
        if mark.low:
            domain.append(stream.changed(mark.low, merged(self._link, mark.low)))
        elif not mark.position:
            total = self._ledger.count(stream.model, domain)
        last = False
        while not last:
            found = read([*domain, ["id", ">", mark.position]], self._page)
            last = len(found.ids) < self._page
            mark = mark.done() if last else mark.at(found.ids[-1])
            records, bad = tuple(found.records), tuple(found.bad)
            yield Page(records=records, bad=bad, cursor=mark.text(), total=total)

    def open_items(self) -> Iterator[OpenItem]:
        """What Tryton says is left to pay, of each posted document.

        A row that does not read is left out: it is then asked for by id, and reported there.
        """
        return self._ledger.owed(self._page)

    def invoices(self, ids: Sequence[str]) -> Iterator[Invoice | CreditNote]:
        """These, fresh. One that cannot be read is raised at the end, not passed over as gone."""
        numbers = [int(number) for number in ids if number.isdecimal()]
        bad: list[BadRecord] = []
        for start in range(0, len(numbers), self._page):
            wanted = ["id", "in", numbers[start : start + self._page]]
            found = self._ledger.documents([*self._ledger.posted(), wanted])
            bad += found.bad
            yield from found.records
        if bad:
            raise bad[0]

    def account(self, customer_id: str) -> Account:
        """One customer, fresh; of a merged one, the customer who took it over.

        Raises:
            BadRecord: part of it cannot be read, so that nobody can say what is owed.
            Rejected: there is no such customer.
        """
        if not customer_id.isdecimal():
            raise Rejected(f"tryton: there is no customer {customer_id!r}")
        ledger = self._ledger
        party = ledger.party(int(customer_id))
        theirs = ["party", "=", party.id]
        documents = ledger.documents([*ledger.posted(), theirs, ["state", "=", "posted"]])
        money = ledger.payments([*ledger.received(), theirs, ["reconciliation", "=", None]])
        for bad in (*documents.bad, *money.bad):
            raise bad
        open_ = [record for record in documents.records if record.state is DocumentState.OPEN]
        return Account(
            customer=to_customer(party),
            invoices=tuple(record for record in open_ if isinstance(record, Invoice)),
            credit_notes=tuple(record for record in open_ if isinstance(record, CreditNote)),
            payments=tuple(
                payment
                for payment in money.records
                if payment.unallocated or payment.state is PaymentState.PENDING
            ),
        )

    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        """Our notes, and our mails by the reference in subject or text."""
        numbers = [number for number in invoice_ids if number.isdecimal()]
        return traces(self._link, numbers, ZoneInfo(self._ledger.firm.timezone or "UTC"))

    def pdf(self, invoice_id: str) -> bytes:
        """The invoice's document.

        Raises:
            Rejected: the server makes something else of it, such as ODT.
        """
        content = self._link.report(MODEL, _number(invoice_id))
        if not content.startswith(b"%PDF"):
            raise Rejected(
                f"tryton: the document of invoice {invoice_id} is no PDF: in Tryton set the "
                "report's extension to PDF, and have LibreOffice on its server"
            )
        return content

    def note(self, invoice_id: str, text: str, *, key: str) -> Receipt:
        values = [{"resource": f"{MODEL},{_number(invoice_id)}", "message": text}]
        ids = self._link.call("ir.note", "create", list[int], write=True, vlist=values)
        return Receipt(id=str(ids[0]))

    def email(self, message: Message, *, key: str) -> Receipt:
        """Handed over to the server's mail: a recipient that is refused later is not told.

        Raises:
            Rejected: an address or a document that cannot go; nothing was sent.
        """
        if not message.invoice_ids:
            raise Rejected("tryton: a mail goes with an invoice, and this one names none")
        files = [
            [file.name, file.content or self.pdf(file.invoice_id)] for file in message.attachments
        ]
        number = self._link.call(
            "ir.email",
            "send",
            int,
            write=True,
            to=addresses(message.to),
            cc=addresses(message.cc),
            bcc="",
            subject=one_line(message.subject),
            body=body_of(message.html, key),
            files=files or None,
            record=[MODEL, _number(message.invoice_ids[0])],
            reports=None,
            attachments=None,
        )
        return Receipt(id=str(number))

    def close(self) -> None:
        self._ledger.close()


def _number(invoice_id: str) -> int:
    if not invoice_id.isdecimal():
        raise Rejected(f"tryton: there is no invoice {invoice_id!r}")
    return int(invoice_id)


def check(settings: Mapping[str, str]) -> list[str]:
    """What is wrong with the settings, all of it."""
    problems = []
    url = settings.get("URL", "")
    where = urlsplit(url)
    if where.scheme not in ("http", "https") or not where.hostname:
        problems.append(
            f"RELANCE_TRYTON_URL is {url!r}: expected an address such as https://tryton.example"
        )
    if not settings.get("KEY"):
        problems += [
            f"RELANCE_TRYTON_{name} is missing: give user and password, or RELANCE_TRYTON_KEY"
            for name in ("USER", "PASSWORD")
            if not settings.get(name)
        ]
    company = settings.get("COMPANY", "")
    if company and not company.isdecimal():
        problems.append(f"RELANCE_TRYTON_COMPANY is {company!r}: expected the company's id, as 1")
    return problems


def connect(
    settings: Mapping[str, str], tokens: TokenStore, meter: Meter, page: int = PAGE
) -> Tryton:
    """The connection; nothing is asked of the server before the first method is called."""
    key, password = settings.get("KEY", ""), settings.get("PASSWORD", "")
    # without this header the server labels a plain answer as gzip
    headers = {"Accept-Encoding": "gzip"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    http = Session("tryton", settings["URL"], headers=headers, secrets=[key, password], meter=meter)
    link: Link
    if key:
        link = Rest(http, settings["DATABASE"])
    else:
        link = Rpc(http, settings["DATABASE"], settings["USER"], password)
    return Tryton(link, int(settings.get("COMPANY") or 0) or None, page)


SPEC = ProviderSpec(
    name="tryton",
    title="Tryton",
    can=Capabilities(custom_email=True, note=Notes.INVOICE, traces=Traces.COMPLETE, pdf=True),
    kinds=(Kind.CUSTOMERS, Kind.INVOICES, Kind.PAYMENTS),
    settings=(
        Setting(name="URL", help="the server, as https://tryton.example:8000"),
        Setting(name="DATABASE", help="the database's name"),
        Setting(name="KEY", help="a key of application rest", required=False, secret=True),
        Setting(name="USER", help="login, where there is no key", required=False),
        Setting(name="PASSWORD", help="of that login", required=False, secret=True),
        Setting(name="COMPANY", help="id, if the user has several", required=False),
    ),
    check=check,
    open=connect,
)
