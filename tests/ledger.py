"""The ledger that every encoding of it must tell alike: a dozen invoices, one of each fate."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from connector.contract import Company
from connector.receivables.records import (
    Allocation,
    Contact,
    CreditNote,
    Customer,
    CustomerKind,
    DocumentState,
    DueLine,
    Invoice,
    Payment,
    PaymentState,
    Record,
    Role,
)

TODAY = date(2026, 11, 20)
COMPANY = Company(
    ledger_id="memory:ledger:1",
    name="Atelier Démo SARL",
    country="FR",
    timezone="Europe/Paris",
    currency="EUR",
)


def stamp(number: int) -> datetime:
    """An instant for the n-th record; every three share one, as rows of a transaction do."""
    return datetime(2026, 11, 1, 8, 30, tzinfo=UTC) + timedelta(minutes=number // 3)


def customer(number: int, name: str, **fields: object) -> Customer:
    contact = Contact(
        id=f"k{number}",
        name="Comptabilité",
        email=f"compta@client-{number}.example",
        role=Role.INVOICE,
    )
    given: dict[str, object] = {"country": "FR", "language": "fr", "contacts": (contact,)} | fields
    return Customer(  # type: ignore[arg-type]
        id=f"c{number}", name=name, number=f"C{number:04d}", modified_at=stamp(number), **given
    )


def line(id: str, due_on: date | None, amount: int, balance: int | None = None) -> DueLine:
    return DueLine(
        id=id, due_on=due_on, amount=amount, balance=amount if balance is None else balance
    )


def invoice(
    number: int,
    owner: int,
    *lines: DueLine,
    currency: str = "EUR",
    state: DocumentState = DocumentState.OPEN,
) -> Invoice:
    return Invoice(
        id=f"i{number}",
        number=f"F2026-{number:05d}",
        customer_id=f"c{owner}",
        currency=currency,
        issued_on=date(2026, 9, 1) + timedelta(days=number),
        state=state,
        total=sum(part.amount for part in lines),
        balance=sum(part.balance for part in lines),
        lines=lines,
        reference=f"CMD-{number}",
        modified_at=stamp(number),
    )


def payment(number: int, owner: int, amount: int, *parts: Allocation, **fields: object) -> Payment:
    return Payment(  # type: ignore[arg-type]
        id=f"p{number}",
        customer_id=f"c{owner}",
        currency="EUR",
        paid_on=date(2026, 10, 5),
        amount=amount,
        unallocated=amount - sum(part.amount for part in parts),
        allocations=parts,
        modified_at=stamp(number),
        **fields,
    )


CUSTOMERS: Sequence[Customer] = (
    customer(1, "Boulangerie Martin"),
    customer(2, "Mairie de Saint-Genest", kind=CustomerKind.PUBLIC),
    customer(3, "Dubois & fils <Lyon>", tags=("vip",)),
    customer(4, "Camille Petit", kind=CustomerKind.CONSUMER, contacts=()),
    customer(5, "Acme Inc.", country="US", language="en"),
    customer(6, "Ancien client", active=False),
)
INVOICES: Sequence[Invoice] = (
    invoice(1, 1, line("i1.1", date(2026, 10, 2), 123450)),
    invoice(2, 1, line("i2.1", date(2026, 12, 5), 8001)),
    # payable in three parts, of which one is paid
    invoice(
        3,
        2,
        line("i3.1", date(2026, 9, 30), 33333, 0),
        line("i3.2", date(2026, 10, 31), 33333),
        line("i3.3", date(2026, 11, 30), 33334),
    ),
    invoice(4, 2, line("i4.1", date(2026, 10, 15), 60000, 45099)),  # paid in part
    invoice(5, 3, line("i5.1", date(2026, 9, 20), 20000, 0), state=DocumentState.PAID),
    invoice(6, 3, line("i6.1", date(2026, 9, 22), 15000, 0), state=DocumentState.VOID),
    invoice(7, 3, line("i7.1", date(2026, 9, 24), 99999, 0), state=DocumentState.CREDITED),
    invoice(8, 3, line("i8.1", date(2026, 10, 1), 50005)),  # beside an open credit note
    invoice(9, 4, line("i9.1", date(2026, 10, 9), 12000)),  # beside money on account
    invoice(10, 4, line("i10.1", None, 777)),
    invoice(11, 5, line("i11.1", date(2026, 10, 20), 200050), currency="USD"),
    invoice(12, 5, line("i12.1", date(2026, 10, 21), 54321), currency="JPY"),
    invoice(13, 6, line("i13.1", date(2026, 8, 1), 1)),
)
CREDIT_NOTES: Sequence[CreditNote] = tuple(
    CreditNote(
        id=f"n{number}",
        number=f"A2026-{number:05d}",
        customer_id="c3",
        currency="EUR",
        issued_on=date(2026, 10, 12),
        state=DocumentState.OPEN if balance else DocumentState.PAID,
        total=total,
        balance=balance,
        credits_invoice=credited,
        modified_at=stamp(14 + number),
    )
    for number, total, balance, credited in ((1, 99999, 0, "i7"), (2, 10005, 10005, "i8"))
)
PAYMENTS: Sequence[Payment] = (
    payment(1, 2, 33333, Allocation(invoice_id="i3", line_id="i3.1", amount=33333)),
    payment(2, 2, 14901, Allocation(invoice_id="i4", amount=14901), reference="VIR 4711"),
    payment(3, 3, 20000, Allocation(invoice_id="i5", line_id="i5.1", amount=20000)),
    payment(4, 4, 5000),  # on account
    payment(5, 1, 8001, Allocation(invoice_id="i2", amount=8001), state=PaymentState.PENDING),
)
RECORDS: Sequence[Record] = (*CUSTOMERS, *INVOICES, *CREDIT_NOTES, *PAYMENTS)
