"""The ledger of `tests.ledger` as a provider that keeps the contract."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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
    trace_of,
)
from connector.errors import Rejected, Unsupported
from connector.receivables.capabilities import Capabilities, Notes, Traces
from connector.receivables.records import (
    CreditNote,
    Customer,
    Invoice,
    Message,
    Payment,
    PaymentState,
    Record,
)
from tests.contract import TYPES
from tests.ledger import COMPANY, RECORDS, TODAY
from tests.records import owed

PAGE = 4


@dataclass
class InMemory:
    """Records in memory, told in pages of four; what is written is kept in `written`.

    A cursor is the stamp and id of the last row told; rows that share its stamp may follow it.
    """

    records: Sequence[Record] = RECORDS
    written: list[tuple[str, str]] = field(default_factory=list)

    def company(self) -> Company:
        return COMPANY

    def probe(self) -> Capabilities:
        return SPEC.can

    def examine(self) -> Iterator[Finding]:
        yield Finding(what="keep records", fine=True)

    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        if kind not in SPEC.kinds:
            raise Unsupported(f"no {kind}")
        rows = sorted((r for r in self.records if type(r) in TYPES[kind]), key=place)
        if since:
            rows = [row for row in rows if place(row) >= since]
        for start in range(0, len(rows) or 1, PAGE):
            page = rows[start : start + PAGE]
            yield Page(records=tuple(page), cursor=place(page[-1]) if page else since or "-")

    def open_items(self) -> Iterator[OpenItem]:
        for record in self.records:
            if owed(record) and isinstance(record, Invoice | CreditNote):
                yield OpenItem(id=record.id, balance=owed(record), currency=record.currency)

    def invoices(self, ids: Sequence[str]) -> Iterator[Invoice | CreditNote]:
        for record in self.records:
            if isinstance(record, Invoice | CreditNote) and record.id in ids:
                yield record

    def account(self, customer_id: str) -> Account:
        mine = [r for r in self.records if getattr(r, "customer_id", "") == customer_id]
        customers = [r for r in self.records if isinstance(r, Customer) and r.id == customer_id]
        if not customers:
            raise Rejected(f"no customer {customer_id}")
        return Account(
            customer=customers[0],
            invoices=tuple(r for r in mine if isinstance(r, Invoice) and owed(r)),
            credit_notes=tuple(r for r in mine if isinstance(r, CreditNote) and owed(r)),
            payments=tuple(
                r
                for r in mine
                if isinstance(r, Payment) and (r.unallocated or r.state is PaymentState.PENDING)
            ),
        )

    def pdf(self, invoice_id: str) -> bytes:
        raise Unsupported("no documents")

    def note(self, invoice_id: str, text: str, *, key: str) -> Receipt:
        self.written.append((invoice_id, text))
        return Receipt(id=str(len(self.written)))

    def email(self, message: Message, *, key: str) -> Receipt:
        self.written.append((message.invoice_ids[0], message.text))
        return Receipt(id=str(len(self.written)))

    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        for invoice_id, text in self.written:
            if invoice_id not in invoice_ids:
                continue
            if trace := trace_of(text, invoice_id):
                yield trace
            elif key := reference_of(text):
                yield Trace(invoice_id=invoice_id, on=TODAY, reminder_key=key)

    def close(self) -> None:
        pass


def place(record: Record) -> str:
    return f"{getattr(record, 'modified_at', None)} {getattr(record, 'id', '')}"


SPEC = ProviderSpec(
    name="memory",
    title="Memory",
    can=Capabilities(custom_email=True, note=Notes.INVOICE, traces=Traces.COMPLETE),
    kinds=(Kind.CUSTOMERS, Kind.INVOICES, Kind.PAYMENTS),
    settings=(),
    open=lambda settings, tokens, meter: InMemory(),
)
