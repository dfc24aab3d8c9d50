"""The plan: what would be sent and why the rest is silent, as data, JSON and plain text."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from connector.dunning.snapshot import Case, Channel, Rung
from connector.receivables.interest import Statement
from connector.receivables.records import CustomerKind, Message


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:20]


def line_key(ledger_id: str, invoice_id: str, line_id: str, rung: Rung, nth: int = 1) -> str:
    """What a reminder of a line *is*, whoever makes it and whenever: 20 hex digits."""
    return _digest((ledger_id, invoice_id, line_id, rung.stage, rung.number, str(nth)))


def reminder_key(line_keys: Iterable[str]) -> str:
    """The key of a message about these lines, in whatever order they come."""
    return _digest(sorted(line_keys))


class Reason(StrEnum):
    """Why a due line is silent."""

    NOT_DUE = "not_due"
    NO_DUE_DATE = "no_due_date"
    TOO_YOUNG = "too_young"
    NOT_DELIVERED = "not_delivered"
    STEP_WAITING = "step_waiting"
    LADDER_FINISHED = "ladder_finished"
    HELD = "held"
    EXCLUDED = "excluded"
    DISPUTED = "disputed"
    PROMISED = "promised"
    PLAN_KEPT = "plan_kept"
    INSOLVENT = "insolvent"
    HANDED_OVER = "handed_over"
    WRITTEN_OFF = "written_off"
    PRESCRIBED = "prescribed"
    BILL_OR_RETENTION = "bill_or_retention"
    FACTORED = "factored"
    IN_DIFFICULTY = "in_difficulty"
    PAYMENT_IN_TRANSIT = "payment_in_transit"
    DIRECT_DEBIT = "direct_debit"
    LEGAL_WAIT = "legal_wait"
    BACKLOG = "backlog"
    IN_QUEUE = "in_queue"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    DELIVERY_UNKNOWN = "delivery_unknown"
    DELIVERY_FAILED = "delivery_failed"
    BALANCE_MISMATCH = "balance_mismatch"
    SETTLED = "settled"

    COVERED_BY_CREDIT = "covered_by_credit"
    UNALLOCATED_MONEY = "unallocated_money"
    BELOW_MINIMUM = "below_minimum"
    GAP = "gap"
    NO_ADDRESS = "no_address"
    ADDRESS_BOUNCED = "address_bounced"
    NO_ROUTE = "no_route"
    NO_TEMPLATE = "no_template"
    REPLY_UNREAD = "reply_unread"

    STALE_DATA = "stale_data"
    CLOSED_DAY = "closed_day"
    QUIET_PERIOD = "quiet_period"
    CAP_REACHED = "cap_reached"
    NATIVE_REMINDERS = "native_reminders"


@dataclass(frozen=True, slots=True)
class Quiet:
    """One reason for silence; `until` is the last day it holds, None while a person must act."""

    reason: Reason
    until: date | None = None
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderLine:
    """One due line in a reminder; `net` is what of its balance is claimed."""

    key: str
    invoice: str
    invoice_id: str
    line_id: str
    line: int
    issued_on: date
    due_on: date
    days_past_due: int
    amount: int
    balance: int
    net: int
    withheld: int = 0  # the part in dispute, not asked for
    step: str
    rung: Rung
    nth: int = 1
    total: int = 0
    reference: str = ""
    payment_reference: str = ""
    pay_link: str = ""
    interest: str = "off"  # off | mention | claim, of this line's own step
    charges: str = "off"
    had_on: tuple[date, ...] = ()  # the days of the messages this line has had
    terms: str = ""  # what was agreed with the customer for invoices of its day
    waived: bool = False  # what its step would claim beside the principal is let go, for once

    @property
    def asked(self) -> int:
        """What of the balance may be asked for, credits not yet netted."""
        return self.balance - self.withheld


@dataclass(frozen=True, slots=True, kw_only=True)
class Netted:
    """The part of a credit that lowers the claim of a reminder, as a positive amount."""

    document: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlsoOpen:
    """An overdue line shown in a reminder and not claimed by it."""

    invoice: str
    due_on: date
    balance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """The interest of one line (by its key), day by day."""

    line: str
    invoice: str
    statement: Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """Interest and charges beside the claim, worked out to `until`; None where no rate is known.

    `regime` is the code of the law applied, `schedule` the arithmetic behind `amount`, by line.
    """

    mode: str
    amount: int | None
    charges: int | None
    until: date
    regime: str = ""
    schedule: tuple[Worked, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """One message (or call, note, task) to one customer. `message` is filled by `messages`.

    `kind` and `traits` (behaviour and signals of the customer) choose a variant of the text.
    `promised_on` and `promised` are the day and, where one was named, the amount of a promise that
    was not kept. `warnings` are what a person should know before it goes. `address` is where a
    letter goes, by lines; `copy_to` who has its copy by e-mail once it is posted.
    `policy_version` is a digest of the policy's content. `unread` names the formal text that the
    firm has not reviewed, empty if it has. `owner` looks after the customer.
    """

    key: str
    customer_id: str
    customer_name: str
    policy: str
    step: str
    rung: Rung
    channel: Channel
    route: str
    to: tuple[str, ...]
    contact_name: str = ""
    language: str
    country: str = ""
    template: str
    currency: str
    claim: int
    lines: tuple[ReminderLine, ...]
    credits: tuple[Netted, ...] = ()
    also_open: tuple[AlsoOpen, ...] = ()
    interest: Interest | None = None
    deadline_on: date | None = None
    legal: str = ""
    needs_approval: bool = False
    message: Message | None = None
    kind: CustomerKind = CustomerKind.BUSINESS
    traits: tuple[str, ...] = ()
    contact_phone: str = ""
    promised_on: date | None = None
    promised: int | None = None
    warnings: tuple[str, ...] = ()
    address: str = ""
    copy_to: tuple[str, ...] = ()
    policy_version: str = ""
    unread: str = ""
    owner: str = ""


class Silence(NamedTuple):
    """One due line that is not written about, with every reason."""

    case: Case
    reasons: tuple[Quiet, ...]

    @property
    def invoice(self) -> str:
        """The invoice's number."""
        return self.case.number

    @property
    def invoice_id(self) -> str:
        """The invoice."""
        return self.case.invoice_id

    @property
    def line_id(self) -> str:
        """The line of the invoice."""
        return self.case.line_id

    @property
    def line(self) -> int:
        """The line's place in the invoice, from 1."""
        return self.case.line

    @property
    def customer_id(self) -> str:
        """Who owes it."""
        return self.case.account.customer.id

    @property
    def customer_name(self) -> str:
        """Their name."""
        return self.case.account.customer.name

    @property
    def due_on(self) -> date | None:
        """The due date."""
        return self.case.due_on

    @property
    def balance(self) -> int:
        """What is open of it."""
        return self.case.balance

    @property
    def currency(self) -> str:
        """Its currency."""
        return self.case.currency

    @property
    def next_on(self) -> date | None:
        """The day on which every dated reason is over; None while a person must act."""
        ends = [quiet.until for quiet in self.reasons]
        if not ends or None in ends:
            return None
        return max(end for end in ends if end) + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a day's decision says: every open due line is in one reminder or in one silence."""

    today: date
    ledger_id: str
    mode: str
    sample: bool
    read_at: datetime | None
    payments_read_at: datetime | None
    reminders: tuple[Reminder, ...]
    silences: tuple[Silence, ...]

    @property
    def open_lines(self) -> int:
        """All open due lines."""
        return sum(len(reminder.lines) for reminder in self.reminders) + len(self.silences)

    def with_reminders(self, reminders: Sequence[Reminder]) -> "Plan":
        """The same plan with its texts filled in."""
        return replace(self, reminders=tuple(reminders))

    def claimed(self) -> dict[str, int]:
        """The sum claimed, by currency."""
        sums: dict[str, int] = {}
        for reminder in self.reminders:
            sums[reminder.currency] = sums.get(reminder.currency, 0) + reminder.claim
        return sums
