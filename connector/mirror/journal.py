"""The tables of what was decided, sent and noticed: decisions, the outbox, runs and events."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from connector.mirror.columns import (
    Row,
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


class ReminderState(StrEnum):
    """How a reminder in the outbox stands."""

    PLANNED = "planned"
    PROPOSED = "proposed"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    BOUNCED = "bounced"


DEAD = frozenset({ReminderState.SUPERSEDED, ReminderState.BOUNCED})
"""States whose lines are not live: the same key may be planned anew."""

DATED = frozenset({ReminderState.SENT, ReminderState.REJECTED, ReminderState.BOUNCED})
"""States of which the reminder has a day, `sent_on`: no other has one."""


class Origin(StrEnum):
    """Where a decision or a reminder comes from."""

    PRODUCT = "product"
    RELANCE = "relance"
    HISTORY = "history"
    TRACE = "trace"


class Decision(Row, table=True):
    """A mark on an invoice, or on a customer where `invoice_ref` is empty (None).

    It holds from `since` to `until`; `ended_on` is the day it was taken back. One whose `until` is
    before `since` never held: it says who took the mark back, and why. `noted` are the invoices
    that carry its note.
    """

    __table_args__ = strict(
        one_of("origin", Origin.PRODUCT, Origin.RELANCE, Origin.TRACE),
    )
    id: int | None = key()
    customer_ref: str = words(index=True)
    invoice_ref: str | None = words(None, index=True)
    mark: str = words(...)
    since: date = day()
    until: date | None = day(None)
    amount: int | None = None
    because: str = words()
    author: str = words()
    origin: str = words(Origin.RELANCE)
    ended_on: date | None = day(None)
    made_at: datetime = instant()
    traced_at: datetime | None = instant(None)
    code: str = words()
    owner: str = words()
    noted: list[str] = json_text([])


class Run(Row, table=True):
    """One sync, apply or rebuild."""

    __table_args__ = strict()
    id: int | None = key()
    what: str = words()
    started_at: datetime = instant()
    ended_at: datetime | None = instant(None)
    outcome: str = words()
    counts: dict[str, Any] = json_text({})


class Reminder(Row, table=True):
    """One message (call, note, task) of the outbox, its text as it was planned.

    `key` names its lines and is not unique: superseded twins keep theirs. The lines' keys guard.
    `sent_on` is the day on which it went or was passed: `DATED` have one, no others.
    """

    __table_args__ = strict(
        one_of("state", *ReminderState),
        one_of("origin", Origin.RELANCE, Origin.HISTORY, Origin.TRACE),
        Index("ix_reminder_customer_ref", "customer_ref"),
        # one on the state would be written anew with each step of each reminder
        Index("ix_reminder_unsent", "id", sqlite_where=text("sent_on IS NULL")),
    )
    id: int | None = key()
    key: str = words(..., index=True)
    customer_ref: str = words()
    customer_name: str = words()
    policy: str = words()
    step: str = words()
    stage: str = words()
    n: str = words("1")  # "1" of a message, "c1" of a call, note or task
    channel: str = words("email")
    route: str = words()
    currency: str = words()
    claim: int = 0
    language: str = words()
    country: str = words()
    recipients: list[str] = json_text([])
    subject: str = words()
    text: str = words()
    html: str = words()
    entry: dict[str, Any] = json_text({})  # whatever else delivery needs
    deadline_on: date | None = day(None)
    legal: str = words()
    template: str = words()
    state: str = words(...)
    edited: bool = flag()
    approved_by: str = words()
    approved_at: datetime | None = instant(None)
    because: str = words()
    planned_on: date = day()
    planned_at: datetime | None = instant(None)
    sent_on: date | None = day(None)
    sent_at: datetime | None = instant(None)
    not_before: datetime | None = instant(None)
    receipt: str = words()
    error: str = words()
    tries: int = 0
    installation: str = words()
    origin: str = words(Origin.RELANCE)
    run_id: int | None = link("run.id", nullable=True)


class ReminderLine(Row, table=True):
    """One due line in a reminder. Among live rows a key is unique: the last guard against twice."""

    __tablename__ = "reminder_line"
    __table_args__ = strict(
        Index("uq_reminder_line_live", "key", unique=True, sqlite_where=text("live")),
        Index("ix_reminder_line_key", "key"),
    )
    id: int | None = key()
    reminder_id: int = link("reminder.id")
    key: str = words(...)
    live: bool = flag(True)
    invoice_ref: str = words(..., index=True)
    line_ref: str = words(...)
    invoice_number: str = words()
    step: str = words()
    stage: str = words()
    n: str = words("1")
    nth: int = 1
    due_on: date | None = day(None)
    balance: int = 0
    net: int = 0
    noted_at: datetime | None = instant(None)
    note_tried_at: datetime | None = instant(None)
    note_error: str = words()


class Attempt(Row, table=True):
    """One call to the outside for a reminder."""

    __table_args__ = strict()
    id: int | None = key()
    reminder_id: int = link("reminder.id")
    started_at: datetime = instant()
    ended_at: datetime | None = instant(None)
    outcome: str = words()
    error: str = words()


class Event(Row, table=True):
    """Something that changed, with its figures before and after where it has any."""

    __table_args__ = strict()
    id: int | None = key()
    run_id: int | None = Field(default=None, foreign_key="run.id")
    at: datetime = instant()
    on: date = day()
    what: str = words(...)
    customer_ref: str = words()
    invoice_ref: str = words(index=True)
    line_ref: str = words()
    before: int | None = None
    after: int | None = None
    text: str = words()


class Mailbox(Row, table=True):
    """A folder of the firm's mailbox and how far it was read; `problem` if the last time failed.

    `validity` is the folder's UIDVALIDITY: another one means that its numbers begin anew.
    """

    __table_args__ = strict()
    name: str = words(..., primary_key=True)
    validity: int = 0
    uid: int = 0
    read_at: datetime | None = instant(None)
    problem: str = words()


class BadRecord(Row, table=True):
    """A record that could not be read; forgotten once it can."""

    __tablename__ = "bad_record"
    __table_args__ = strict(UniqueConstraint("kind", "ref", "field"))
    id: int | None = key()
    kind: str = words(...)
    ref: str = words()
    field: str = words()
    problem: str = words()
    first_seen_at: datetime = instant()
    last_seen_at: datetime = instant()
