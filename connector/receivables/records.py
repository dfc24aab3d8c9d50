"""What a provider tells and what is sent: frozen records in the field's own words.

Dates (`_on`) are plain dates in the firm's zone, instants (`_at`) are aware UTC, amounts are
integers of the currency's minor unit. Ids are the product's own, as text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class CustomerKind(StrEnum):
    """Who the customer is in law."""

    BUSINESS = "business"
    CONSUMER = "consumer"
    PUBLIC = "public"


class Role(StrEnum):
    """What a contact is for, best recipient of a reminder first."""

    REMINDER = "reminder"
    ACCOUNTING = "accounting"
    INVOICE = "invoice"
    MAIN = "main"


class DocumentState(StrEnum):
    """How an invoice or credit note stands in the product."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    CREDITED = "credited"
    VOID = "void"


class PaymentState(StrEnum):
    """How a payment stands: on its way, booked, or sent back by the bank."""

    PENDING = "pending"
    BOOKED = "booked"
    RETURNED = "returned"
    VOID = "void"


class Mark(StrEnum):
    """What a person, or the product itself, has decided about an invoice or a customer."""

    HOLD = "hold"
    EXCLUDED = "excluded"
    DISPUTED = "disputed"
    PROMISED = "promised"
    PLAN = "plan"
    INSOLVENT = "insolvent"
    HANDED_OVER = "handed_over"
    WRITTEN_OFF = "written_off"
    NOT_DELIVERED = "not_delivered"
    IN_DIFFICULTY = "in_difficulty"
    BILL = "bill"  # an accepted bill of exchange, not matured
    RETENTION = "retention"  # retention money before its release
    FACTORED = "factored"  # sold: the factor is the payee
    REPLY = "reply"  # the customer answered and nobody has read it yet
    BOUNCED = "bounced"  # mail to the customer's address came back
    RESTART = "restart"  # the ladder of this invoice begins anew
    CALL = "call"  # a call was made: what was said
    CAUSE = "cause"  # why it is late: `code` is one of `Cause`
    CREDIT_LIMIT = "credit_limit"  # `amount` is the most the customer may owe
    CREDIT_CHECK = "credit_check"  # the customer's standing was looked up
    SUPPLY_STOP = "supply_stop"  # nothing more is delivered until this is settled
    STRATEGIC = "strategic"  # a customer of weight: every message is looked at first
    WARNING_SIGN = "warning_sign"  # a colleague has heard or seen something: facts alone
    SEGMENT = "segment"  # the owner's own choice of segment: `code` is its name
    TERMS = "terms"  # terms of payment agreed with a customer, for invoices issued `since` then
    WAIVED = "waived"  # for once, nothing is claimed beside the principal of this invoice


class Cause(StrEnum):
    """Why an invoice is paid late, or disputed; each asks for another next act."""

    WRONG_AMOUNT = "wrong_amount"
    WRONG_CONTACT = "wrong_contact"
    MISSING_ATTACHMENT = "missing_attachment"
    LOST_INVOICE = "lost_invoice"
    CUSTOMER_PROCESS = "customer_process"
    CASH_DIFFICULTY = "cash_difficulty"
    DISPUTE_GOODS = "dispute_goods"
    UNCLEAR_TERMS = "unclear_terms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A mark with its dates and author; on one invoice, or on a customer when `invoice_id` is None.

    `until` is the last day it holds (of a promise or an instalment: the day it is to be paid).
    `amount` is the part disputed or promised, the instalment or the credit limit, None for the
    whole. `code` is a `Cause`, the name of a segment, of BOUNCED the reminder that came back, of
    REPLY the message (or what came of it, where it is taken back); `owner` who sees to it. Several
    decisions of the mark PLAN on one invoice are its instalments. `made_at` is aware UTC.
    """

    mark: Mark
    since: date
    until: date | None = None
    amount: int | None = None
    because: str = ""
    author: str = ""
    customer_id: str = ""
    invoice_id: str | None = None
    code: str = ""
    owner: str = ""
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person or mailbox at the customer's."""

    id: str
    name: str = ""
    email: str = ""
    phone: str = ""
    role: Role = Role.MAIN
    language: str = ""  # ISO 639-1, empty when the product does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who owes."""

    id: str
    name: str
    number: str = ""
    language: str = ""
    country: str = ""  # ISO 3166-1 alpha-2
    region: str = ""
    kind: CustomerKind = CustomerKind.BUSINESS
    address: str = ""  # postal, several lines
    legal_id: str = ""
    tags: tuple[str, ...] = ()
    owner: str = ""  # who looks after this customer in the firm
    policy: str = ""  # a policy chosen for this customer
    mandate: bool = False  # pays by direct debit
    credit_limit: int | None = None
    contacts: tuple[Contact, ...] = ()
    decisions: tuple[Decision, ...] = ()  # what the product itself holds against reminding
    balances: Mapping[str, int] | None = None  # owed in all by currency, where the product says
    active: bool = True
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueLine:
    """One instalment of an invoice: every computation is per due line.

    `id` is the product's own, or empty: the mirror then numbers the lines once, by rank.
    """

    id: str = ""
    due_on: date | None
    amount: int
    balance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A posted customer invoice with its due lines.

    `balance` is the product's own figure, None where it gives none. `discount` is the amount that
    may be deducted when the rest is paid by `discount_until`.
    """

    id: str
    number: str
    customer_id: str
    currency: str
    issued_on: date
    sent_on: date | None = None
    state: DocumentState
    total: int
    balance: int | None
    lines: tuple[DueLine, ...]
    reference: str = ""  # the customer's order number
    payment_reference: str = ""  # what the customer should quote when paying
    pay_link: str = ""
    recipient: str = ""  # an e-mail address given for this invoice alone
    policy: str = ""  # a policy chosen for this invoice
    decisions: tuple[Decision, ...] = ()
    discount_until: date | None = None
    discount: int = 0
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNote:
    """A posted credit note; `total` and `balance` (the part not yet applied) are positive."""

    id: str
    number: str
    customer_id: str
    currency: str
    issued_on: date
    state: DocumentState
    total: int
    balance: int
    credits_invoice: str | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """The part of a payment set against one invoice (and due line, where the product tells)."""

    invoice_id: str
    line_id: str = ""
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money in; `unallocated` is the part set against nothing."""

    id: str
    customer_id: str
    currency: str
    paid_on: date
    amount: int
    unallocated: int
    state: PaymentState = PaymentState.BOOKED
    reference: str = ""
    allocations: tuple[Allocation, ...] = ()
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A reminder that went out before Relance, or is on its way: one row of a history file.

    `stage` and `n` say which rung of the ladder it was (`friendly`, `1`).
    """

    invoice_id: str
    line_id: str = ""
    stage: str
    n: str = "1"
    nth: int = 1
    on: date
    channel: str = "email"
    state: str = "sent"
    deadline_on: date | None = None
    legal: str = ""  # the legal duty this reminder answered for
    text: str = ""


Record = Customer | Invoice | CreditNote | Payment | Past


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a message; `content` is there once it was fetched."""

    name: str
    invoice_id: str
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The bank transfer that settles a message's claim, as the text of a QR code.

    `more` says that interest or charges are asked for beside it.
    """

    code: str
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one customer, ready to go; `invoice_ids` are what it speaks of."""

    customer_id: str
    invoice_ids: tuple[str, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    language: str
    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()
    reference: str  # the reminder key: the message carries `Ref. <key>`
    transfer: Transfer | None = None  # shown as a picture where the route can carry one
