"""What was known on a past day: a scratch copy of the mirror turned back, then day by day onward.

The copy itself is changed, so that a past day is read by the same questions as today. In the days
to come nothing changes: nobody pays, and nothing new is invoiced.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, bindparam, delete, insert, or_, select, update

from connector.dunning.snapshot import Day, Snapshot
from connector.errors import ConfigError
from connector.mirror import tables
from connector.mirror.questions import REAL
from connector.mirror.snapshot import read
from connector.mirror.statements import Values, listed, refs
from connector.mirror.store import Mirror
from connector.mirror.tables import ReminderState
from connector.mirror.timeline import (
    Effect,
    Event,
    Stages,
    at,
    credit_stages,
    invoice_stages,
    line_stages,
    payment_stages,
    reallocated_on,
)
from connector.receivables.records import PaymentState

_ON_ITS_WAY = (ReminderState.PLANNED, ReminderState.PROPOSED, ReminderState.SENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Whose books these are; `first_pull_on` and `known_on` are the days from and up to which
    they were read."""

    ledger_id: str
    name: str
    first_pull_on: date
    known_on: date


class PastDays:
    """The days of a scratch mirror from `start` on, to be asked in order.

    Reminders of `start` and later, and those on their way, are taken out: whoever plays the days
    again makes them anew. Before the first complete pull there are only the ledger's own dates:
    Relance then counts as installed on `start`.

    Raises:
        ConfigError: no pull of this mirror was ever complete.
    """

    def __init__(self, mirror: Mirror, start: date) -> None:
        self._mirror, self._day = mirror, start
        self._changes: dict[date, list[tuple[Table, Values]]] = defaultdict(list)
        self._arrivals: dict[date, list[tuple[Table, Values]]] = defaultdict(list)
        with mirror.state.mirror.begin() as connection:
            self.books, self._zone = _books(connection, mirror)
            self._forget(connection, start)
            for table, row, stages in self._told(connection):
                self._plan(table, row, stages, start)
            self._turn_back_decisions(connection, start)
            self._hide_balances(connection, start)
            self._apply(connection, start)

    def facts(self, day: Day, today: date) -> Snapshot:
        """What was known on a day, the first or a later one than the last asked for.

        Raises:
            ValueError: an earlier day.
        """
        if today < self._day:
            raise ValueError(f"{today} comes before {self._day}: days are asked in order")
        if today > self._day:
            with self._mirror.state.mirror.begin() as connection:
                due = {*self._changes, *self._arrivals}
                for on in sorted(on for on in due if self._day < on <= today):
                    self._apply(connection, on)
            self._day = today
        return read(self._mirror, day, today)

    def _plan(self, table: Table, row: Values, stages: Stages, start: date) -> None:
        """Keep what a row must be turned to: at the start what held then, later what changes."""
        held = at(stages, start)
        if any(row[name] != value for name, value in held.items()):
            self._changes[start].append((table, {"id": row["id"], **held}))
        for on, values in stages:
            if on > start:
                self._changes[on].append((table, {"id": row["id"], **values}))

    def _apply(self, connection: Connection, on: date) -> None:
        """Make the changes of a day; those of rows that are alike in one statement."""
        groups: dict[tuple[Table, tuple[str, ...]], list[Values]] = defaultdict(list)
        for table, values in self._changes.pop(on, ()):
            groups[table, tuple(values)].append({f"new_{k}": v for k, v in values.items()})
        for (table, names), rows in groups.items():
            new: Values = {name: bindparam(f"new_{name}") for name in names if name != "id"}
            statement = update(table).where(table.c.id == bindparam("new_id")).values(new)
            connection.execute(statement, rows)
        arrived: dict[Table, list[Values]] = defaultdict(list)
        for table, row in self._arrivals.pop(on, ()):
            arrived[table].append(row)
        for table, rows in arrived.items():
            connection.execute(insert(table), rows)

    def _forget(self, connection: Connection, start: date) -> None:
        """Take out the reminders that are to be made anew, and begin on `start` at the latest."""
        reminder, line, attempt = tables.reminder, tables.reminder_line, tables.attempt
        later = reminder.c.planned_on >= start
        gone = select(reminder.c.id).where(
            or_(later, reminder.c.sent_on >= start, reminder.c.state.in_(_ON_ITS_WAY))
        )
        ids = {"refs": refs(connection.scalars(gone).all())}
        for column in (attempt.c.reminder_id, line.c.reminder_id, reminder.c.id):
            connection.execute(delete(column.table).where(column.in_(listed())), ids)
        ledger = tables.ledger
        for column in (ledger.c.installed_on, ledger.c.first_pull_on):
            connection.execute(update(ledger).where(column > start).values({column.name: start}))

    def _hide_balances(self, connection: Connection, start: date) -> None:
        """What the product says a customer owes in all, it says of the last day alone."""
        if start >= self.books.known_on:
            return
        customer = tables.customer
        given = select(customer.c.id, customer.c.balances).where(customer.c.balances.is_not(None))
        for row in connection.execute(given).all():
            self._changes[start].append((customer, {"id": row.id, "balances": None}))
            self._changes[self.books.known_on].append((customer, row._asdict()))

    def _turn_back_decisions(self, connection: Connection, start: date) -> None:
        """Take decisions out until the day they were known, and bring back those that ended."""
        decision = tables.decision
        first, unknown = self.books.first_pull_on, []
        for row in connection.execute(select(decision)).mappings():
            made_on = self._on(row["made_at"])
            known_on = min(row["since"], first) if made_on <= first else made_on
            values = dict(row)
            if known_on > start:
                unknown.append(row["id"])
                ended = row["ended_on"] if (row["ended_on"] or date.max) <= known_on else None
                self._arrivals[known_on].append((decision, values | {"ended_on": ended}))
            elif row["ended_on"] and row["ended_on"] > start:
                self._changes[start].append((decision, {"id": row["id"], "ended_on": None}))
            if row["ended_on"] and row["ended_on"] > max(known_on, start):
                change = {"id": row["id"], "ended_on": row["ended_on"]}
                self._changes[row["ended_on"]].append((decision, change))
        gone = delete(decision).where(decision.c.id.in_(listed()))
        connection.execute(gone, {"refs": refs(unknown)})

    def _on(self, instant: datetime) -> date:
        return instant.astimezone(self._zone).date()

    def _told(self, connection: Connection) -> Iterator[tuple[Table, Values, Stages]]:
        """Every document and due line with what it held from which day on."""
        first = self.books.first_pull_on
        events, of_payments = _events(connection)
        issued = {
            row.ref: row.issued_on
            for row in connection.execute(select(tables.invoice.c.ref, tables.invoice.c.issued_on))
        }
        parts: dict[int, list[Any]] = defaultdict(list)
        for part in connection.execute(select(tables.allocation)):
            parts[part.payment_id].append(part)
        effects: dict[str, list[Effect]] = defaultdict(list)
        for row in _rows(connection, tables.payment):
            mine = parts[row["id"]]
            ahead = [(issued[p.invoice_ref], p.amount) for p in mine if p.invoice_ref in issued]
            told = of_payments[row["ref"]]
            stages = payment_stages(row, told, first, ahead)
            yield tables.payment, row, stages
            self._turn_back_allocations(connection, mine, reallocated_on(told))
            held = at(stages, first)
            if held["state"] == PaymentState.BOOKED:
                for part in mine:
                    effect = Effect(min(held["paid_on"], first), part.amount, part.line_ref)
                    effects[part.invoice_ref].append(effect)
        for row in _rows(connection, tables.credit_note):
            stages = credit_stages(row, events[row["ref"], ""], first)
            yield tables.credit_note, row, stages
            held = at(stages, first)
            used = row["total"] - held["balance"]
            if row["credits_invoice"] and used > 0 and held["state"] in REAL:
                effect = Effect(min(row["issued_on"], first), used)
                effects[row["credits_invoice"]].append(effect)
        lines: dict[int, list[Values]] = defaultdict(list)
        for row in _rows(connection, tables.due_line):
            lines[row["invoice_id"]].append(row)
        for row in _rows(connection, tables.invoice):
            told_lines = {
                line["id"]: (line, line_stages(line, events[row["ref"], line["ref"]], first))
                for line in lines[row["id"]]
            }
            stages, of_lines = invoice_stages(
                row,
                told_lines,
                events[row["ref"], ""],
                effects[row["ref"]],
                first,
                self._on(row["read_at"]),
            )
            yield tables.invoice, row, stages
            for key, line_told in of_lines.items():
                yield tables.due_line, told_lines[key][0], line_told

    def _turn_back_allocations(
        self, connection: Connection, parts: Sequence[Any], on: date | None
    ) -> None:
        """Take out what a payment was set against only later; what it was before is not known."""
        if on is None or on <= self._day or not parts:
            return
        allocation = tables.allocation
        ids = {"refs": refs(part.id for part in parts)}
        connection.execute(delete(allocation).where(allocation.c.id.in_(listed())), ids)
        self._arrivals[on] += ((allocation, part._asdict()) for part in parts)


def _books(connection: Connection, mirror: Mirror) -> tuple[Books, ZoneInfo]:
    row = connection.execute(select(tables.ledger)).one_or_none()
    if row is None or row.first_pull_on is None:
        raise ConfigError(
            f"{mirror.state.path}: the books have never been read whole. Run relance sync."
        )
    zone = ZoneInfo(row.timezone)
    known_on = max(row.pulled_at.astimezone(zone).date(), row.first_pull_on)
    return Books(
        ledger_id=row.ledger_id,
        name=row.name,
        first_pull_on=row.first_pull_on,
        known_on=known_on,
    ), zone


def _rows(connection: Connection, table: Table) -> Iterable[Values]:
    return [dict(row) for row in connection.execute(select(table)).mappings()]


def _events(
    connection: Connection,
) -> tuple[dict[tuple[str, str], list[Event]], dict[str, list[Event]]]:
    """Events by document and line, and those of payments by payment."""
    event = tables.event
    of_documents: dict[tuple[str, str], list[Event]] = defaultdict(list)
    of_payments: dict[str, list[Event]] = defaultdict(list)
    for row in connection.execute(select(event).order_by(event.c.id)):
        told = Event(row.on, row.what, row.before, row.after, row.text)
        if row.what.startswith("payment_"):
            of_payments[_payment(row.text)].append(told)
        else:
            of_documents[row.invoice_ref, row.line_ref].append(told)
    return of_documents, of_payments


def _payment(text: str) -> str:
    """The payment that an event's text names: `payment R-1: state pending -> booked`."""
    return (text.rpartition(": ")[0] or text).removeprefix("payment ")
