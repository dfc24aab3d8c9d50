"""The outbox's statements: how reminders and their lines are read, written and settled."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from connector.dunning.plan import Reminder
from connector.dunning.snapshot import Channel
from connector.messages.letter import letter_of
from connector.mirror import tables
from connector.mirror.statements import Driver, Prepared, inserting, listed, refs
from connector.mirror.tables import DEAD, Origin, ReminderState
from connector.outbox.rows import Row, row_of

REMINDER: Table = tables.Reminder.__table__  # type: ignore[attr-defined]
LINE: Table = tables.ReminderLine.__table__  # type: ignore[attr-defined]
ATTEMPT: Table = tables.Attempt.__table__  # type: ignore[attr-defined]
UNSENT = REMINDER.c.sent_on.is_(None)
"""Said beside a state that is not `DATED`, it lets SQLite find the few rows among all."""


_PART = 250  # reminders at once: their values stand in memory twice while they are written


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """The run that writes a plan down; `by` has approved it."""

    id: int | None
    today: date
    now: datetime
    installation: str
    by: str = ""


def add(
    connection: Connection, entries: Sequence[tuple[Reminder, Mapping[str, str]]], run: Writing
) -> None:
    """Write a plan's entries down, each with the words of its lines' notes.

    Their ids follow each other: nobody else writes during this transaction.
    """
    first = (connection.execute(select(func.max(REMINDER.c.id))).scalar() or 0) + 1
    for start in range(0, len(entries), _PART):
        numbered = list(enumerate(entries[start : start + _PART], first + start))
        rows = [_values(row_id, entry, notes, run) for row_id, (entry, notes) in numbered]
        lines = [line for row_id, (entry, _) in numbered for line in _lines(row_id, entry)]
        for table, made in ((REMINDER, rows), (LINE, lines)):
            writing = inserting(table, tuple(made[0]), ())
            connection.exec_driver_sql(writing.sql, writing.tuples(made))


def _values(row_id: int, entry: Reminder, notes: Mapping[str, str], run: Writing) -> dict[str, Any]:
    message = entry.message
    state = ReminderState.PROPOSED if entry.needs_approval else ReminderState.PLANNED
    return {
        "id": row_id,
        "key": entry.key,
        "customer_ref": entry.customer_id,
        "customer_name": entry.customer_name,
        "policy": entry.policy,
        "step": entry.step,
        "stage": entry.rung.stage,
        "n": entry.rung.number,
        "channel": entry.channel,
        "route": entry.route,
        "currency": entry.currency,
        "claim": entry.claim,
        "language": entry.language,
        "country": entry.country,
        "recipients": list(entry.to),
        "template": entry.template,
        "subject": message.subject if message else "",
        "text": message.text if message else notes[entry.lines[0].key],
        "html": message.html if message else "",
        "entry": {
            "attachments": [
                {"name": item.name, "invoice_id": item.invoice_id}
                for item in (message.attachments if message else ())
            ],
            "transfer": asdict(message.transfer) if message and message.transfer else None,
            "links": {line.invoice_id: line.pay_link for line in entry.lines if line.pay_link},
            "notes": notes,
            "warnings": list(entry.warnings),
            "unread": entry.unread,
            "policy_version": entry.policy_version,
            "kind": str(entry.kind),
            **_by_post(entry, run.today),
        },
        "deadline_on": entry.deadline_on,
        "legal": entry.legal,
        "state": state,
        "approved_by": run.by,
        "approved_at": run.now if run.by else None,
        "planned_on": run.today,
        "planned_at": run.now,
        "installation": run.installation,
        "origin": Origin.RELANCE,
        "run_id": run.id,
    }


def _lines(row_id: int, entry: Reminder) -> list[dict[str, Any]]:
    return [
        {
            "reminder_id": row_id,
            "key": line.key,
            "live": True,
            "invoice_ref": line.invoice_id,
            "line_ref": line.line_id,
            "invoice_number": line.invoice,
            "step": line.step,
            "stage": line.rung.stage,
            "n": line.rung.number,
            "nth": line.nth,
            "due_on": line.due_on,
            "balance": line.balance,
            "net": line.net,
        }
        for line in entry.lines
    ]


def _by_post(entry: Reminder, today: date) -> dict[str, Any]:
    """What the page of a letter shows beside its words, and who has its copy."""
    if entry.channel is not Channel.LETTER:
        return {}
    return {
        "letter": letter_of(entry, today).model_dump(mode="json"),
        "copy_to": list(entry.copy_to),
    }


def taken(connection: Connection, keys: Iterable[str]) -> set[str]:
    """Line keys that a live reminder already has: the last guard before the unique index."""
    query = select(LINE.c.key).where(LINE.c.live.is_(True), LINE.c.key.in_(listed()))
    return set(connection.scalars(query, {"refs": refs(keys)}))


def settle(
    connection: Connection | Driver,
    reminder_id: int,
    state: ReminderState,
    now: datetime,
    error: str,
    *,
    was: Collection[ReminderState] = tuple(ReminderState),
    **values: object,
) -> None:
    """Give a reminder another state, with its lines and its attempt; nothing if it `was` not so."""
    changed = _settling(tuple(values), tuple(was))
    more = {f"new_{name}": value for name, value in values.items()}
    if not changed.run(connection, row=reminder_id, new_state=state.value, new_error=error, **more):
        return
    if state in DEAD:
        _DROPPED.run(connection, row=reminder_id)
    ENDED.run(connection, row=reminder_id, at=now, outcome=state.value, why=error)


@cache
def _settling(names: tuple[str, ...], was: tuple[ReminderState, ...]) -> Prepared:
    """A reminder that is in one of these states gets another, and other values of these names."""
    columns = [REMINDER.c[name] for name in ("state", "error", *names)]
    values: dict[str, Any] = {column.name: bindparam(f"new_{column.name}") for column in columns}
    return Prepared(
        update(REMINDER).where(REMINDER.c.id == bindparam("row"), _is(was)).values(values)
    )


def _is(states: Collection[str]) -> ColumnElement[bool]:
    return or_(*(REMINDER.c.state == str(state) for state in states))


_MAY_HAVE_GONE = (
    ReminderState.PLANNED,
    ReminderState.SENDING,
    ReminderState.UNKNOWN,
    ReminderState.FAILED,
)
SENT = Prepared(  # as `settle` does it, made ready: every reminder that goes takes this step
    update(REMINDER)
    .where(REMINDER.c.id == bindparam("row"), _is(_MAY_HAVE_GONE))
    .values(
        state=ReminderState.SENT.value,
        error="",
        sent_on=bindparam("on"),
        sent_at=bindparam("at"),
        receipt=bindparam("receipt"),
    )
)
_DROPPED = Prepared(update(LINE).where(LINE.c.reminder_id == bindparam("row")).values(live=False))
ENDED = Prepared(
    update(ATTEMPT)
    .where(ATTEMPT.c.reminder_id == bindparam("row"), ATTEMPT.c.ended_at.is_(None))
    .values(ended_at=bindparam("at"), outcome=bindparam("outcome"), error=bindparam("why"))
)
CLAIM = Prepared(
    update(REMINDER)
    .where(REMINDER.c.id == bindparam("row"), REMINDER.c.state == ReminderState.PLANNED.value)
    .values(state=ReminderState.SENDING.value, tries=REMINDER.c.tries + 1, not_before=None)
)
ATTEMPTED = Prepared(
    insert(ATTEMPT).values(
        reminder_id=bindparam("row"), started_at=bindparam("at"), outcome="", error=""
    )
)


def read(connection: Connection, *where: ColumnElement[bool]) -> list[Row]:
    reminders = connection.execute(select(REMINDER).where(*where).order_by(REMINDER.c.id)).all()
    lines: defaultdict[int, list[Any]] = defaultdict(list)
    ids = refs(reminder.id for reminder in reminders)
    query = select(LINE).where(LINE.c.reminder_id.in_(listed())).order_by(LINE.c.id)
    for line in connection.execute(query, {"refs": ids}):
        lines[line.reminder_id].append(line)
    return [row_of(reminder, lines[reminder.id]) for reminder in reminders]


def same(row: Row, entry: Reminder | None, today: date) -> bool:
    """Whether a proposal still says what the plan says; a letter's date is the plan's."""
    if entry is None or not entry.needs_approval:
        return False
    if row.channel is Channel.LETTER and row.planned_on != today:
        return False
    return (row.claim, row.to, row.channel, row.language, row.policy) == (
        entry.claim,
        entry.to,
        entry.channel,
        entry.language,
        entry.policy,
    )
