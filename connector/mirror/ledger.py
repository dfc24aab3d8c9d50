"""The tables of the mirror: what the accounting software says, kept under the product's own ids."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from connector.mirror.columns import (
    Row,
    code,
    day,
    flag,
    instant,
    json_text,
    key,
    link,
    one_of,
    strict,
    words,
)
from connector.receivables.records import DocumentState, PaymentState


class Ledger(Row, table=True):
    """The one firm this file belongs to; instants are those the data speak of."""

    __table_args__ = strict(CheckConstraint("id = 1", name="one"))
    id: int | None = key()
    ledger_id: str = words(...)
    name: str = words()
    country: str = words()
    timezone: str = words()
    currency: str = words()
    installed_on: date = day()
    first_pull_on: date | None = day(None)
    payments_read_at: datetime | None = instant(None)
    open_read_at: datetime | None = instant(None)
    pulled_at: datetime | None = instant(None)  # end of the last complete pull


class Customer(Row, table=True):
    """Who owes. `stub`: known only by id, from a document that came first."""

    __table_args__ = strict()
    id: int | None = key()
    ref: str = words(..., unique=True)
    name: str = words()
    number: str = words()
    language: str = words()
    country: str = words()
    region: str = words()
    kind: str = words("business")
    address: str = words()
    legal_id: str = words()
    tags: list[str] = json_text([])
    owner: str = words()
    policy: str = words()
    mandate: bool = flag()
    credit_limit: int | None = None
    balances: dict[str, int] | None = json_text(None)
    active: bool = flag(True)
    stub: bool = flag()
    modified_at: datetime | None = instant(None)
    read_at: datetime = instant()  # when this version came in


class Contact(Row, table=True):
    """A person or mailbox at a customer's, in the product's order."""

    __table_args__ = strict()
    id: int | None = key()
    customer_id: int = link("customer.id")
    position: int
    ref: str = words()
    name: str = words()
    email: str = words()
    phone: str = words()
    role: str = words("main")
    language: str = words()


class Invoice(Row, table=True):
    """A customer invoice. `open_balance`: the open set's figure where it contradicts the lines.

    `discount` may be deducted when the rest is paid by `discount_until`.
    """

    __table_args__ = strict(
        one_of("state", *DocumentState),
        Index("ix_invoice_overpaid", "customer_id", sqlite_where=text("balance < 0")),
    )
    id: int | None = key()
    ref: str = words(..., unique=True)
    number: str = words()
    customer_id: int = link("customer.id")
    currency: str = code()
    issued_on: date = day()
    sent_on: date | None = day(None)
    state: str = code(...)
    total: int
    balance: int | None = None
    open_balance: int | None = None
    reference: str = words()
    payment_reference: str = words()
    pay_link: str = words()
    recipient: str = words()
    policy: str = words()
    modified_at: datetime | None = instant(None)
    read_at: datetime = instant()
    discount_until: date | None = day(None)
    discount: int = 0


class DueLine(Row, table=True):
    """One instalment. `ref` never changes; `rank` counts the present lines from 1 by due date.

    `gone_on`: the product no longer lists it; the row stays so that its `ref` is never used again.
    """

    __tablename__ = "due_line"
    __table_args__ = strict(
        UniqueConstraint("invoice_id", "ref"),
        Index("ix_due_line_open", "invoice_id", sqlite_where=text("balance <> 0")),
    )
    id: int | None = key()
    invoice_id: int = Field(foreign_key="invoice.id")
    ref: str = words(...)
    rank: int
    due_on: date | None = day(None)
    amount: int
    balance: int
    first_seen_on: date = day()
    settled_on: date | None = day(None)
    reopened_on: date | None = day(None)
    gone_on: date | None = day(None)


class CreditNote(Row, table=True):
    """A credit note; `balance` is the part not yet applied, positive."""

    __tablename__ = "credit_note"
    __table_args__ = strict(one_of("state", *DocumentState))
    id: int | None = key()
    ref: str = words(..., unique=True)
    number: str = words()
    customer_id: int = link("customer.id")
    currency: str = words()
    issued_on: date = day()
    state: str = words(...)
    total: int
    balance: int
    credits_invoice: str | None = words(None)
    modified_at: datetime | None = instant(None)
    read_at: datetime = instant()


class Payment(Row, table=True):
    """Money in; `unallocated` is the part set against nothing."""

    __table_args__ = strict(
        one_of("state", *PaymentState),
        Index("ix_payment_pending", "id", sqlite_where=text("state = 'pending'")),
    )
    id: int | None = key()
    ref: str = words(..., unique=True)
    customer_id: int = link("customer.id")
    currency: str = words()
    paid_on: date = day()
    amount: int
    unallocated: int
    state: str = words(...)
    reference: str = words()
    modified_at: datetime | None = instant(None)
    read_at: datetime = instant()


class Allocation(Row, table=True):
    """The part of a payment set against a document, which need not be mirrored."""

    __table_args__ = strict()
    id: int | None = key()
    payment_id: int = link("payment.id")
    invoice_ref: str = words(..., index=True)
    line_ref: str = words()
    amount: int


class Cursor(Row, table=True):
    """Where a stream was left, and when a read of it last came to its end."""

    __table_args__ = strict()
    kind: str = words(..., primary_key=True)
    value: str = words()
    completed_at: datetime | None = instant(None)
