"""A provider whose books are in memory, and records with plain defaults."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from connector.contract import Account, Company, Cursor, Kind, OpenItem, Page, Receipt, Trace
from connector.errors import Rejected, Transient, Unsupported
from connector.receivables.capabilities import Capabilities
from connector.receivables.records import (
    CreditNote,
    Customer,
    DocumentState,
    DueLine,
    Invoice,
    Message,
    Payment,
    PaymentState,
)

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
COMPANY = Company(
    ledger_id="books:1", name="Dupont SARL", country="FR", timezone="Europe/Paris", currency="EUR"
)


def at(minutes: int) -> datetime:
    """An instant so many minutes after the first of November."""
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=minutes)


def customer(id: str = "c1", **more: Any) -> Customer:
    return Customer(**({"id": id, "name": f"Customer {id}"} | more))


def line(balance: int = 10000, due_on: date | None = date(2026, 10, 1), **more: Any) -> DueLine:
    return DueLine(**({"due_on": due_on, "amount": 10000, "balance": balance} | more))


def invoice(id: str = "i1", *lines: DueLine, **more: Any) -> Invoice:
    lines = lines or (line(),)
    balance = sum(part.balance for part in lines)
    given = {
        "id": id,
        "number": f"F-{id}",
        "customer_id": "c1",
        "currency": "EUR",
        "issued_on": date(2026, 9, 1),
        "state": DocumentState.OPEN if balance else DocumentState.PAID,
        "total": sum(part.amount for part in lines),
        "balance": balance,
        "lines": lines,
    }
    return Invoice(**(given | more))


def credit_note(id: str = "a1", balance: int = 3000, **more: Any) -> CreditNote:
    given = {
        "id": id,
        "number": f"A-{id}",
        "customer_id": "c1",
        "currency": "EUR",
        "issued_on": date(2026, 9, 15),
        "state": DocumentState.OPEN,
        "total": 3000,
        "balance": balance,
    }
    return CreditNote(**(given | more))


def payment(id: str = "p1", unallocated: int = 0, **more: Any) -> Payment:
    given = {
        "id": id,
        "customer_id": "c1",
        "currency": "EUR",
        "paid_on": date(2026, 10, 15),
        "amount": 10000,
        "unallocated": unallocated,
        "state": PaymentState.BOOKED,
    }
    return Payment(**(given | more))


class Books:
    """Implements `Provider`: keyset pages by (stamp, id), whole truth by id, no writes.

    `breaks_at` is the number of the read, counted over all verbs, that fails with `Transient`.
    """

    def __init__(self, *records: Customer | Invoice | CreditNote | Payment, size: int = 2) -> None:
        self.records = {(type(record), record.id): record for record in records}
        self.hidden: set[str] = set()  # deleted in the product
        self.unlisted: set[str] = set()  # left out of the open set
        self.told: dict[str, int] = {}  # balances of the open set that differ
        self.size = size
        self.reads = 0
        self.breaks_at: int | None = None
        self.asked: list[tuple[str, ...]] = []

    def put(self, record: Customer | Invoice | CreditNote | Payment) -> None:
        self.records[type(record), record.id] = record

    def company(self) -> Company:
        return COMPANY

    def probe(self) -> Capabilities:
        return Capabilities()

    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        made = {
            Kind.CUSTOMERS: Customer,
            Kind.INVOICES: Invoice,
            Kind.CREDIT_NOTES: CreditNote,
            Kind.PAYMENTS: Payment,
        }[kind]
        position = since or ""
        while True:
            self._read()
            found = sorted(
                (f"{record.modified_at or at(0)}|{record.id}", record)
                for (cls, _), record in self.records.items()
                if cls is made and record.id not in self.hidden
            )
            rest = [(key, record) for key, record in found if key > position][: self.size]
            if not rest:
                return
            position = rest[-1][0]
            yield Page(
                records=tuple(record for _, record in rest), cursor=position, total=len(found)
            )

    def open_items(self) -> Iterator[OpenItem]:
        self._read()
        for record in list(self.records.values()):
            if record.id in self.hidden | self.unlisted:
                continue
            if isinstance(record, Invoice) and record.state is DocumentState.OPEN:
                balance = self.told.get(record.id, sum(part.balance for part in record.lines))
                yield OpenItem(id=record.id, balance=balance, currency=record.currency)
            elif isinstance(record, CreditNote) and record.balance:
                yield OpenItem(id=record.id, balance=-record.balance, currency=record.currency)

    def invoices(self, ids: Sequence[str]) -> Iterator[Invoice | CreditNote]:
        self._read()
        self.asked.append(tuple(ids))
        for record in list(self.records.values()):
            if isinstance(record, Invoice | CreditNote) and record.id in {*ids} - self.hidden:
                yield record

    def account(self, customer_id: str) -> Account:
        raise Unsupported("account")

    def pdf(self, invoice_id: str) -> bytes:
        raise Unsupported("pdf")

    def note(self, invoice_id: str, text: str, *, key: str) -> Receipt:
        raise Rejected("these books are only read")

    def email(self, message: Message, *, key: str) -> Receipt:
        raise Rejected("these books are only read")

    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        return iter(())

    def close(self) -> None:
        return None

    def _read(self) -> None:
        self.reads += 1
        if self.breaks_at == self.reads:
            raise Transient("the connection was cut")
