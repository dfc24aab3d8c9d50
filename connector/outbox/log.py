"""The log of a case: all that was sent, refused, decided and received."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import Table, select

from connector.mirror import tables
from connector.mirror.lookup import Target
from connector.mirror.state import State
from connector.mirror.tables import Origin, ReminderState
from connector.outbox.decisions import Decisions
from connector.outbox.rows import Row
from connector.outbox.sql import ATTEMPT, LINE, REMINDER, read
from connector.receivables import money

EVENT: Table = tables.Event.__table__  # type: ignore[attr-defined]

_MONEY = frozenset({"balance", "settled", "reopened", "missing", "payment_seen"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened; `at` is aware UTC, midnight where only the day is known."""

    at: datetime
    what: str
    words: str

    def to_json(self) -> Mapping[str, str]:
        """As `relance log --json` tells it."""
        return {"at": self.at.isoformat(), "what": self.what, "words": self.words}


def log(state: State, target: Target) -> list[Entry]:
    """Everything about an invoice, or about a customer and all their invoices, oldest first."""
    found = [*_reminders(state, target), *_decisions(state, target), *_events(state, target)]
    return sorted(found, key=lambda entry: entry.at)


def _reminders(state: State, target: Target) -> Iterator[Entry]:
    where = REMINDER.c.customer_ref == target.customer_id
    if target.invoice_id:
        about = select(LINE.c.reminder_id).where(LINE.c.invoice_ref == target.invoice_id)
        where = REMINDER.c.id.in_(about)
    with state.outbox.connect() as connection:
        rows = read(connection, where)
        attempts = connection.execute(
            select(ATTEMPT, REMINDER.c.id.label("reminder"))
            .join(REMINDER, REMINDER.c.id == ATTEMPT.c.reminder_id)
            .where(where)
        ).all()
        columns = (REMINDER.c.id, REMINDER.c.origin, REMINDER.c.planned_at, REMINDER.c.sent_on)
        known = {one.id: one for one in connection.execute(select(*columns).where(where))}
    by_id = {row.id: row for row in rows}
    for row in rows:
        one = known[row.id]
        if one.origin != Origin.RELANCE:  # read back, or from a history: only its day is known
            if one.sent_on:
                yield Entry(at=_midnight(one.sent_on), what=str(row.state), words=_told(row))
        elif at := one.planned_at:
            now = f", now {row.state}" + (f": {row.error}" if row.error else "")
            yield Entry(at=at, what="planned", words=_told(row) + now)
    for attempt in attempts:
        row = by_id[attempt.reminder]
        error = f": {attempt.error}" if attempt.error else ""
        what = "put off" if attempt.outcome == ReminderState.PLANNED else attempt.outcome
        yield Entry(at=attempt.started_at, what=what or "begun", words=_told(row) + error)


def _told(row: Row) -> str:
    to = f" to {', '.join(row.to)}" if row.to else ""
    subject = f', "{row.subject}"' if row.subject else ""
    return f"{row.rung} by {row.channel}{to}{subject} ({row.key})"


def _decisions(state: State, target: Target) -> Iterator[Entry]:
    for kept in Decisions(state).of(target):
        made = kept.decision
        yield Entry(
            at=made.made_at or _midnight(made.since), what=str(made.mark), words=kept.text()
        )


def _events(state: State, target: Target) -> Iterator[Entry]:
    where = EVENT.c.customer_ref == target.customer_id
    if target.invoice_id:
        where = EVENT.c.invoice_ref == target.invoice_id
    with state.outbox.connect() as connection:
        rows = connection.execute(select(EVENT).where(where).order_by(EVENT.c.id)).all()
    for row in rows:
        parts = [row.invoice_ref and f"invoice {row.invoice_ref}", row.text]
        if row.what in _MONEY:
            amounts = (row.before, row.after)
            told = [money.text(a, target.currency) for a in amounts if a is not None]
            parts.append(f"{' -> '.join(told)} {target.currency}")
        yield Entry(at=row.at, what=row.what, words=", ".join(part for part in parts if part))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
