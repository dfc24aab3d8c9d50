"""Dolibarr, versions 17 to 23: one firm's customer invoices, and notes on them in the agenda.

What it cannot do: no route sends an e-mail, so the firm's own mail server does. What it cannot
tell: nothing is stamped when a credit note is used or a payment deleted, so `open_items` is
compared on every run; a payment that was deleted stays among those told, without effect on what
is owed; which contact a single invoice is addressed to; whether Dolibarr's own reminders are on.
"""

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

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
    TokenStore,
    Trace,
)
from connector.errors import BadRecord, Rejected, Unsupported
from connector.receivables.capabilities import Capabilities, Limits, Notes, Traces
from connector.receivables.records import (
    CreditNote,
    DocumentState,
    Invoice,
    Message,
    Payment,
)
from providers.dolibarr.customers import Customers
from providers.dolibarr.documents import VALIDATED, Document
from providers.dolibarr.events import EVENTS, Agenda, Event
from providers.dolibarr.examine import examine, has_documents
from providers.dolibarr.firm import Named, company
from providers.dolibarr.ledger import INVOICES, NUMBERED, PARTIES, Ledger, left_of
from providers.dolibarr.link import Absent, Denied, Http, Link
from providers.dolibarr.money import Money
from providers.dolibarr.parties import Party
from providers.dolibarr.payments import to_free
from providers.dolibarr.settings import SETTINGS, base_of, check
from providers.dolibarr.stream import BLIND_OVERLAP, OVERLAP, Mark
from providers.dolibarr.wire import TITLE, Text, Wire, local

MANY = 300  # customers whose contacts changed that are named in one filter; more are all read


class File(Wire):
    """A document in an answer."""

    content: Text = ""
    encoding: Text = ""


class Dolibarr:
    """One firm's books on one server; see `connector.contract.Provider`."""

    def __init__(
        self,
        ledger: Ledger,
        named: Named,
        *,
        owner: str = "",
        single: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger, self._named, self._single, self._clock = ledger, named, single, clock
        self._people = Customers(ledger)
        self._agenda = Agenda(ledger.link, owner)

    def company(self) -> Company:
        return company(self._ledger, self._named)

    def probe(self) -> Capabilities:
        """Notes need the agenda; a PDF needs the right to read invoices."""
        link = self._ledger.link
        try:
            link.rows(EVENTS, Event, limit=1, sort=("t.id", "ASC"))
            noted = True
        except (Denied, Absent):
            noted = False
        return Capabilities(
            note=Notes.INVOICE if noted else Notes.NONE,
            traces=Traces.COMPLETE if noted else Traces.NONE,
            pdf=has_documents(self._ledger),
            pay_link=self._ledger.pay_link,
        )

    def examine(self) -> Iterator[Finding]:
        """Each right one by one, with its number and name as Dolibarr shows it."""
        return examine(self._ledger, self._agenda, self._named, single=self._single)

    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        """Rows by id, of which the first read takes all and a later one what was stamped since.

        Raises:
            Unsupported: a kind that Dolibarr does not have.
        """
        if kind not in SPEC.kinds:
            raise Unsupported(f"{TITLE}: no changes of {kind}")
        return self._pages(kind, since)

    def _pages(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        ledger, mark = self._ledger, Mark.parse(since)
        if not mark.position:  # asked before the first row: what changes meanwhile is newer
            mark = Mark(low=mark.low, until=ledger.newest(), free=mark.free)
        if kind is Kind.PAYMENTS:
            yield from Money(ledger, self._overlap).pages(mark)
        elif kind is Kind.CUSTOMERS:
            where = self._customers(mark)
            yield from self._read(mark, PARTIES, Party, where, self._people.of)
        else:
            where = [NUMBERED]
            if mark.low is not None:
                where.append(f"(t.tms:>=:'{local(mark.low, ledger.zone)}')")
            yield from self._read(mark, INVOICES, Document, where, ledger.documents)

    def _read(
        self,
        mark: Mark,
        path: str,
        row: type[Any],
        where: Sequence[str],
        mapped: Callable[..., Any],
    ) -> Iterator[Page]:
        for sheet in self._ledger.pages(path, row, where, mark.position):
            found = mapped(sheet)
            last = len(sheet.ids) < self._ledger.page
            mark = mark.done(self._overlap) if last else mark.at(sheet.ids[-1])
            records, bad = tuple(found.records), tuple(found.bad)
            yield Page(records=records, bad=bad, cursor=mark.text())

    def _customers(self, mark: Mark) -> list[str]:
        """Which third parties to read: all, or those stamped since and those whose contacts are."""
        if mark.low is None:
            return []
        since = local(mark.low, self._ledger.zone)
        moved = self._people.moved(since)
        if len(moved) > MANY:
            return []
        stamped = f"(t.tms:>=:'{since}')"
        return [f"({stamped} or (t.rowid:in:{','.join(moved)}))" if moved else stamped]

    @property
    def _overlap(self) -> timedelta:
        return OVERLAP if self._ledger.told_zone else BLIND_OVERLAP

    def open_items(self) -> Iterator[OpenItem]:
        """What Dolibarr says is left to pay, re-read as a whole: no stamp tells all of it."""
        return self._ledger.owed()

    def invoices(self, ids: Sequence[str]) -> Iterator[Invoice | CreditNote]:
        """These, fresh. One that cannot be read is raised at the end, not passed over as gone.

        Raises:
            AuthRequired: one of them is there, and the user may not see it any more.
        """
        numbers = [number for number in ids if number.isdecimal()]
        if not numbers:
            return
        found = self._ledger.by_id(numbers)
        yield from found.records
        for bad in found.bad:
            raise bad

    def account(self, customer_id: str) -> Account:
        """One customer, fresh: their validated documents, then what is available to them.

        Raises:
            BadRecord: part of it cannot be read, so that nobody can say what is owed.
            Rejected: there is no such customer.
        """
        if not customer_id.isdecimal():
            raise Rejected(f"{TITLE}: there is no customer {customer_id!r}")
        ledger = self._ledger
        customer = self._people.one(customer_id)
        discounts = [one for one in ledger.discounts(customer_id) if one.available]
        sources = ledger.raw(one.fk_facture_source for one in discounts)
        left = left_of(discounts)
        rows = [sources[source] for source in left if source in sources]
        bad: list[BadRecord] = []
        where = [f"(t.fk_statut:=:{VALIDATED})"]
        more = {"thirdparty_ids": customer_id}
        for sheet in ledger.pages(INVOICES, Document, where, more=more):
            rows, bad = rows + sheet.rows, bad + sheet.bad
        found = ledger.mapped(rows, left)
        for problem in (*bad, *found.bad):
            raise problem
        money: list[Payment] = [
            to_free(one, sources[one.fk_facture_source], ledger.books()).payment(one.rowid)
            for one in discounts
            if not one.credits and one.fk_facture_source in sources
        ]
        open_ = [record for record in found.records if record.state is DocumentState.OPEN]
        return Account(
            customer=customer,
            invoices=tuple(record for record in open_ if isinstance(record, Invoice)),
            credit_notes=tuple(record for record in open_ if isinstance(record, CreditNote)),
            payments=tuple(money),
        )

    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        """Our notes: events of ours on these invoices."""
        return self._agenda.traces([number for number in invoice_ids if number.isdecimal()])

    def pdf(self, invoice_id: str) -> bytes:
        """The invoice's document as it was last made; made anew where there is none.

        Raises:
            Rejected: there is no such invoice, or no PDF comes of it.
        """
        raw = self._ledger.raw([invoice_id]).get(invoice_id)
        if raw is None:
            raise Rejected(f"{TITLE}: there is no invoice {invoice_id!r}")
        name = raw.ref.replace("/", "_")
        path = raw.last_main_doc.partition("/")[2] if raw.last_main_doc.endswith(".pdf") else ""
        asked = {"modulepart": "facture", "original_file": path or f"{name}/{name}.pdf"}
        link = self._ledger.link
        found = link.get("documents/download", asked, missing=None)
        if found is None:
            asked["original_file"] = f"{name}/{name}.pdf"
            found = link.build("documents/builddoc", asked | {"doctemplate": "", "langcode": ""})
        try:
            content = b64decode(File.model_validate(found).content, validate=True)
        except (NoBase64, ValueError):
            content = b""
        if not content.startswith(b"%PDF"):
            raise Rejected(
                f"{TITLE}: the document of invoice {raw.ref} is no PDF: choose a PDF model for "
                "invoices in the setup of the module Factures"
            )
        return content

    def note(self, invoice_id: str, text: str, *, key: str) -> Receipt:
        """An event on the invoice and its customer; the invoice itself is not touched.

        Raises:
            Rejected: there is no such invoice, or the right is missing; nothing was written.
        """
        raw = self._ledger.raw([invoice_id]).get(invoice_id)
        if raw is None:
            raise Rejected(f"{TITLE}: there is no invoice {invoice_id!r}")
        return self._agenda.write(invoice_id, raw.socid, text, key=key, now=self._clock())

    def email(self, message: Message, *, key: str) -> Receipt:
        raise Unsupported(f"{TITLE}: no route sends an e-mail")

    def close(self) -> None:
        self._ledger.link.close()


def connect(
    settings: Mapping[str, str],
    tokens: TokenStore,
    meter: Meter,
    page: int = 0,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Dolibarr:
    """The connection; nothing is asked of the server before the first method is called."""
    key, entity = settings["KEY"], settings.get("ENTITY", "")
    headers = {"DOLAPIKEY": key, "Accept": "application/json"}
    if entity:
        headers["DOLAPIENTITY"] = entity
    http = Http(TITLE, base_of(settings["URL"]), headers=headers, secrets=[key], meter=meter)
    zone = settings.get("TIMEZONE", "")
    ledger = Ledger(
        Link(http),
        zone=zone,
        home=settings.get("CURRENCY", ""),
        pay_link=settings.get("PAY_LINK") == "yes",
        page=page,
    )
    named = Named(
        name=settings.get("COMPANY", ""),
        country=settings.get("COUNTRY", ""),
        zone=zone,
        bank_line=settings.get("BANK", ""),
    )
    owner = settings.get("USER_ID", "")
    return Dolibarr(ledger, named, owner=owner, single=not entity, clock=clock)


SPEC = ProviderSpec(
    name=TITLE,
    title="Dolibarr",
    can=Capabilities(note=Notes.INVOICE, traces=Traces.COMPLETE, pdf=True, pay_link=True),
    kinds=(Kind.CUSTOMERS, Kind.INVOICES, Kind.PAYMENTS),
    settings=SETTINGS,
    check=check,
    open=connect,
    limits=Limits(at_once=1),
)
