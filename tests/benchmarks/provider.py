"""A provider of the benchmarks' server: what every other one is, with nothing of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, ValidationError

from connector.contract import (
    Account,
    Company,
    Cursor,
    Finding,
    Kind,
    OpenItem,
    Page,
    ProviderSpec,
    Receipt,
    Trace,
    reference_of,
)
from connector.errors import Transient, Unsupported
from connector.receivables.capabilities import Capabilities
from connector.receivables.money import minor
from connector.receivables.records import (
    Contact,
    CreditNote,
    Customer,
    DocumentState,
    DueLine,
    Invoice,
    Message,
    Record,
)
from providers.http import Session
from tests.benchmarks.data import TODAY

COMPANY = Company(
    ledger_id="bench:1", name="Bench", country="FR", timezone="Europe/Paris", currency="EUR"
)
READS = Capabilities(complete_changes=True)


class Wire(BaseModel):
    """Only what we read of a row: the rest never becomes an object."""

    model_config = ConfigDict(frozen=True)

    id: str
    updated: datetime


class WireCustomer(Wire):
    name: str
    email: str
    country: str


class Whose(BaseModel):
    id: str


class WireInvoice(Wire):
    number: str
    customer: Whose
    status: DocumentState
    currency: str
    issued_on: date
    due_on: date
    total: Decimal
    due: Decimal
    reference: str


class Answer(BaseModel):
    """One page of either collection."""

    total: int
    more: bool
    newest: str
    customers: tuple[WireCustomer, ...] = ()
    invoices: tuple[WireInvoice, ...] = ()

    @property
    def rows(self) -> tuple[WireCustomer, ...] | tuple[WireInvoice, ...]:
        """The rows of whichever collection it is of."""
        return self.customers or self.invoices


class WireAccount(BaseModel):
    customer: WireCustomer
    invoices: tuple[WireInvoice, ...]


class WireMail(BaseModel):
    """A mail that went: its text carries our reference."""

    invoices: tuple[str, ...]
    on: date
    text: str


class Sent(BaseModel):
    """What the server tells of the mails about some invoices."""

    mails: tuple[WireMail, ...]


class Taken(BaseModel):
    """What it answers to a mail."""

    id: str


def to_customer(raw: WireCustomer) -> Customer:
    """Map one customer with the only contact."""
    return Customer(
        id=raw.id,
        name=raw.name,
        country=raw.country,
        contacts=(Contact(id="1", email=raw.email),),
        modified_at=raw.updated,
    )


def to_invoice(raw: WireInvoice) -> Invoice:
    """Map one invoice; amounts arrive as decimals in major units."""
    currency = raw.currency
    total, balance = minor(raw.total, currency), minor(raw.due, currency)
    return Invoice(
        id=raw.id,
        number=raw.number,
        customer_id=raw.customer.id,
        currency=currency,
        issued_on=raw.issued_on,
        state=raw.status,
        total=total,
        balance=balance,
        lines=(DueLine(due_on=raw.due_on, amount=total, balance=balance),),
        reference=raw.reference,
        modified_at=raw.updated,
    )


def to_record(raw: WireCustomer | WireInvoice) -> Record:
    """Map one row of either collection."""
    return to_invoice(raw) if isinstance(raw, WireInvoice) else to_customer(raw)


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


@dataclass
class Bench:
    """The books of one server; `by_number` reads them by page numbers, else by keyset."""

    http: Session
    size: int = 100
    by_number: bool = False
    can: Capabilities = READS

    def company(self) -> Company:
        return COMPANY

    def probe(self) -> Capabilities:
        return self.can

    def examine(self) -> Iterator[Finding]:
        yield Finding(what="read", fine=True)

    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        if kind not in SPEC.kinds:
            raise Unsupported(f"bench: no {kind}")
        return (self._by_number if self.by_number else self._by_place)(kind, since or "")

    def _by_place(self, kind: Kind, since: Cursor) -> Iterator[Page]:
        """Rows by (stamp, id). One that is edited meanwhile comes again, after all others.

        A cursor is the stamp and id of the last row told; that of a complete read is the stamp
        alone: rows that share it may follow.
        """
        at, _, last = since.partition(" ")
        more, total, done = True, None, 0
        while more:
            answer = self._ask(kind, after=at, id=last)
            total = done + answer.total if total is None else max(total, done + answer.total)
            rows, more = answer.rows, answer.more
            if rows:
                at, last = _stamp(rows[-1].updated), rows[-1].id
            done += len(rows)
            cursor = f"{at} {last}" if more else at
            yield Page(records=tuple(map(to_record, rows)), cursor=cursor, total=total)

    def _by_number(self, kind: Kind, since: Cursor) -> Iterator[Page]:
        """Rows by page number, the last page first; then those that were changed meanwhile.

        An edited row moves to the end, and all behind it move one place forward: into a page that
        is still to be read, never out of one. What moved to the end is read again as the changes
        since the newest stamp there was before page one, until a read meets no edit.
        A cursor is `low`; of a read under way `low`, `newest` and the last page stored.
        """
        low, newest, number = (*since.split(" "), "", "")[:3]
        while True:
            page = int(number) - 1 if number else 0
            first = None if page else self._ask(kind, since=low, page="1")
            if first:
                newest, page = first.newest, max(1, -(-first.total // self.size))
            settled = bool(first) and page == 1  # told in one answer: nothing moved meanwhile
            while page:
                whole = first if first and page == 1 and settled else None
                answer = whole or self._ask(kind, since=low, page=str(page))
                cursor = f"{low} {newest} {page}" if page > 1 or not settled else answer.newest
                records = tuple(map(to_record, answer.rows))
                yield Page(records=records, cursor=cursor, total=answer.total)
                page -= 1
            if settled:
                return
            low, number = newest, ""

    def _ask(self, kind: Kind, **query: str) -> Answer:
        """One page.

        Raises:
            Transient: the answer is cut off or no answer of this server.
        """
        params = {"size": str(self.size), **query}
        response = self.http.read("GET", f"/{kind}", params=params)
        try:
            return Answer.model_validate_json(response.content)
        except ValidationError as error:
            raise Transient(f"bench: /{kind}: {error.error_count()} fields do not read") from None

    def open_items(self) -> Iterator[OpenItem]:
        raise Unsupported("bench: changes are complete")

    def invoices(self, ids: Sequence[str]) -> Iterator[Invoice | CreditNote]:
        raise Unsupported("bench: changes are complete")

    def account(self, customer_id: str) -> Account:
        response = self.http.read("GET", f"/customers/{customer_id}")
        told = WireAccount.model_validate_json(response.content)
        invoices = tuple(map(to_invoice, told.invoices))
        return Account(customer=to_customer(told.customer), invoices=invoices)

    def pdf(self, invoice_id: str) -> bytes:
        raise Unsupported("bench: no documents")

    def note(self, invoice_id: str, text: str, *, key: str) -> Receipt:
        raise Unsupported("bench: it only reads")

    def email(self, message: Message, *, key: str) -> Receipt:
        mail = {"invoices": list(message.invoice_ids), "on": str(TODAY), "text": message.text}
        response = self.http.write("POST", "/mails", json=mail, headers={"Idempotency-Key": key})
        return Receipt(id=Taken.model_validate_json(response.content).id)

    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        asked = ",".join(invoice_ids)
        response = self.http.read("GET", "/mails", params={"invoices": asked})
        for mail in Sent.model_validate_json(response.content).mails:
            key = reference_of(mail.text)
            for invoice_id in mail.invoices:
                if key and invoice_id in invoice_ids:
                    yield Trace(invoice_id=invoice_id, on=mail.on, reminder_key=key)

    def close(self) -> None:
        self.http.close()


SPEC = ProviderSpec(
    name="bench",
    title="Benchmarks",
    can=READS,
    kinds=(Kind.CUSTOMERS, Kind.INVOICES),
    settings=(),
    open=lambda settings, tokens, meter: Bench(Session("bench", settings["URL"], meter=meter)),
)
