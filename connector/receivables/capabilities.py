"""What an accounting product can do, as data: asked before anything is planned."""

from dataclasses import dataclass
from enum import StrEnum


class Notes(StrEnum):
    """Where the product can keep a note of ours."""

    NONE = "none"
    CUSTOMER = "customer"
    INVOICE = "invoice"


class Traces(StrEnum):
    """Whether our own writes can be read back, and so settle an unknown outcome."""

    NONE = "none"
    SOME = "some"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The most a product can do (`SPEC.can`), or what this connection can (`probe()`)."""

    complete_changes: bool = False  # changes() tells voids, deletions and moved balances too
    custom_email: bool = False  # email() sends our words; else the firm's SMTP does
    note: Notes = Notes.NONE
    note_limit: int | None = None  # characters
    traces: Traces = Traces.NONE
    pdf: bool = False  # the invoice as a PDF document
    pay_link: bool = False  # a page where the customer can pay
    idempotency: bool = False  # a repeated key is harmless there
    customer_balance: bool = False  # the product states what a customer owes in all
    native_reminders: bool = False  # the product is sending its own reminders right now
    contacts_only: bool = False  # email() reaches no address but those of the customer's contacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a product allows one firm's books: calls a second, a minute, in 24 hours, and at once.

    None: it names no such limit. `left_header` is the answer's header in which the product tells
    how many calls are left of the day, `keep` the share of a day that reading leaves for sending.
    """

    second: int | None = None
    minute: int | None = None
    day: int | None = None
    at_once: int | None = None
    left_header: str = ""
    keep: float = 0.1
