"""The facts a decision reads: every open due line with its customer, and the facts of the day.

The mirror fills these types; `sync` adds what only the day knows. Nothing here is worked out.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Self

from connector.receivables.measures import Verdict
from connector.receivables.records import Customer, Decision


class Stage(StrEnum):
    """How hard a step presses, mildest first."""

    BEFORE_DUE = "before_due"
    FRIENDLY = "friendly"
    FIRM = "firm"
    NOTICE = "notice"
    HANDOVER = "handover"


class Channel(StrEnum):
    """How a step reaches somebody."""

    EMAIL = "email"
    LETTER = "letter"
    NOTE = "note"
    CALL = "call"
    VISIT = "visit"
    TASK = "task"


_STAGES = tuple(Stage)
STAGE_RANK: Mapping[str, int] = {stage: rank for rank, stage in enumerate(_STAGES)}


class _Rung(NamedTuple):
    rank: int
    side: bool
    n: int


class Rung(_Rung):
    """One place on the ladder: the n-th message of a stage, or its n-th call, note or task.

    What a line has had is kept in rungs, so a renamed step or another policy repeats nothing.
    Rungs are ordered: messages of a stage, then its calls, notes and tasks (`side`), which are
    counted apart, then the next stage.
    """

    __slots__ = ()

    def __new__(cls, stage: str, n: int, side: bool = False) -> Self:
        return super().__new__(cls, STAGE_RANK[stage], side, n)

    @property
    def stage(self) -> Stage:
        """The stage it belongs to."""
        return _STAGES[self.rank]

    @property
    def number(self) -> str:
        """`1` for a message, `c1` for a call, note or task."""
        return f"c{self.n}" if self.side else str(self.n)

    def __str__(self) -> str:
        return f"{self.stage}.{self.number}"

    def __repr__(self) -> str:
        return f"Rung({self})"

    @classmethod
    def parse(cls, stage: str, number: str) -> "Rung":
        """The rung of a trace or a stored row.

        Raises:
            ValueError: no such stage, or not a number.
        """
        side = number.startswith("c")
        return cls(Stage(stage), int(number[1:] if side else number), side)


BY_HAND = Rung(Stage.FRIENDLY, 0, side=True)
"""`friendly.c0`: a message that a person asked for. No step: it counts for nothing but the gap."""


class HadState(StrEnum):
    """What became of a step for a line."""

    SENT = "sent"  # handed over, posted or created: it counts, and starts the gap
    PASSED = "passed"  # rejected by a person: it counts, and starts no gap
    BOUNCED = "bounced"  # came back: it was not had, and may be sent anew under the next `nth`
    RESTARTED = "restarted"  # had before the ladder was begun anew: only its `nth` matters


class Had(NamedTuple):
    """A step that a line has had.

    `deadline_on` is the day printed in it, if any; later where its receipt was: who was given so
    many days has as many from the day on which the letter came, `received_on`. `legal` names the
    legal duty it answered for; `wait_until` is the last day of that duty's wait.
    """

    rung: Rung
    on: date
    nth: int = 1
    state: HadState = HadState.SENT
    channel: Channel = Channel.EMAIL
    deadline_on: date | None = None
    legal: str = ""
    wait_until: date | None = None
    received_on: date | None = None


class Pending(StrEnum):
    """A reminder of a line that is in the outbox and not settled."""

    QUEUED = "queued"
    PROPOSED = "proposed"  # edited by a person and not yet approved
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """The unapplied part of a credit note, or an overpaid invoice."""

    id: str
    number: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """The unallocated part of a booked payment."""

    id: str
    currency: str
    paid_on: date
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overpaid:
    """An invoice on which more was paid than was owed; `amount` is what is too much."""

    customer_id: str
    customer: str
    owner: str
    number: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Paid:
    """The part of a booked payment that was set against an invoice, or against none (empty)."""

    on: date
    amount: int
    currency: str
    invoice_id: str = ""


UNKNOWN_PACE = Verdict()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One customer as the decision sees them.

    `last_message_on`: day of the latest e-mail or letter, planned and unknown ones included.
    `behaviour`: `new`, `loyal`, `late`, `occasional`, or empty when history says nothing.
    `signals`: what else is said, of `strategic`, `changed`, `watch` and `improved`; `pace` has the
    days behind it.
    """

    customer: Customer
    decisions: tuple[Decision, ...] = ()
    credits: tuple[Credit, ...] = ()
    money: tuple[Money, ...] = ()
    pending_money: tuple[Money, ...] = ()  # on its way, attached to nothing
    debit_refused: bool = False  # a direct debit came back: the mandate no longer protects
    last_message_on: date | None = None
    behaviour: str = ""
    signals: tuple[str, ...] = ()
    pace: Verdict = UNKNOWN_PACE
    bounced: frozenset[str] = frozenset()

    def is_any(self, words: Collection[str]) -> bool:
        """Whether one of these is the customer's behaviour or a signal of theirs."""
        return self.behaviour in words or any(signal in words for signal in self.signals)


class Case(NamedTuple):
    """One open due line; a tuple, for a ledger may have a million of them.

    `line` counts the lines of the invoice from 1 by due date. `mismatch` says in words which of
    the product's own figures disagree, empty when they agree. `transit_on` is the day a pending
    payment of this invoice was entered. `reopened_on` is the day the line was seen open again
    after it had been settled. `received` is what the customer has paid lately, told only where a
    part was paid, or a promise, a payment plan or a discount is to be held against it.
    `open_before` and `open_after` are the balances of the invoice's other open lines, by due date.
    `discount` may be deducted when the rest is paid by `discount_until`.
    """

    account: Account
    invoice_id: str
    number: str
    line_id: str
    line: int
    currency: str
    issued_on: date
    due_on: date | None
    amount: int
    balance: int
    sent_on: date | None = None
    total: int = 0
    reference: str = ""
    payment_reference: str = ""
    pay_link: str = ""
    recipient: str = ""
    policy: str = ""
    reopened_on: date | None = None
    discount_until: date | None = None
    discount: int = 0
    decisions: tuple[Decision, ...] = ()
    had: tuple[Had, ...] = ()
    pending: Pending | None = None
    pending_key: str = ""  # reminder key of that pending row
    last_message_on: date | None = None  # of this invoice, where reminders go by invoice
    mismatch: str = ""
    transit_on: date | None = None
    received: tuple[Paid, ...] = ()
    open_before: int = 0
    open_after: int = 0

    @property
    def id(self) -> str:
        """The line's identity: no two open lines share it."""
        return f"{self.invoice_id}\x1f{self.line_id}"

    def overdue(self, today: date) -> bool:
        """Whether the due date has passed; due today is not late."""
        return self.due_on is not None and self.due_on < today


APPROVED = "approved"
"""The mode of a replay: whatever would wait for a person counts as approved at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The facts of the day that are in no ledger; `sync` states them.

    `routes` maps a channel to what carries it (`api`, `smtp`, `print`, `note`); a channel that is
    missing has no route. `stale` says why the data are too old or incomplete to remind on, empty
    when they are fresh. `other_addresses` carries an e-mail to an address that is none of the
    customer's contacts: empty for nothing, None for the same as all. `top_share` is the share of
    customers who count as strategic by turnover, None where the policy does not ask. Instants are
    aware UTC.
    """

    routes: Mapping[Channel, str]
    templates: frozenset[tuple[str, str]]  # (template, language)
    language: str  # the firm's own
    other_addresses: str | None = None
    mode: str = "review"
    sample: bool = False
    stale: str = ""
    read_at: datetime | None = None
    payments_read_at: datetime | None = None
    native_reminders: bool = False
    top_share: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything `decide` may know. `sent_today` counts messages since local midnight.

    `overpaid` are invoices of any customer, also of those who owe nothing.
    """

    ledger_id: str
    country: str  # the seller's
    currency: str
    cases: Sequence[Case]
    day: Day
    installed_on: date
    first_pull_on: date
    sent_today: int = 0
    overpaid: Sequence[Overpaid] = ()
