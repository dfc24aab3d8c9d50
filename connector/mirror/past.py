"""Writes reminders that went out before Relance, or from another copy of it, into the outbox."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import func, select, update

from connector.dunning.plan import line_key, reminder_key
from connector.dunning.snapshot import Channel, Rung
from connector.mirror import tables
from connector.mirror.batch import Batch
from connector.mirror.statements import Values, listed, refs
from connector.mirror.tables import DEAD, Origin, ReminderState
from connector.receivables.records import Past


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is mirrored of an invoice; `lines` are the values of its due lines by `ref`."""

    ref: str
    number: str = ""
    currency: str = ""
    customer_ref: str = ""
    customer_name: str = ""
    lines: dict[str, Values] = field(default_factory=dict)


def documents(batch: Batch, ids: Iterable[str]) -> dict[str, Document]:
    """The mirrored invoices of these ids."""
    invoice, customer, line = tables.invoice, tables.customer, tables.due_line
    query = (
        select(
            invoice.c.ref,
            invoice.c.number,
            invoice.c.currency,
            customer.c.ref.label("customer_ref"),
            customer.c.name.label("customer_name"),
        )
        .join(customer, customer.c.id == invoice.c.customer_id)
        .where(invoice.c.ref.in_(listed()))
    )
    ids = set(ids)
    found = {row.ref: Document(**row._asdict()) for row in batch.all(query, ids)}
    lines = (
        select(invoice.c.ref.label("invoice_ref"), line)
        .join(invoice, invoice.c.id == line.c.invoice_id)
        .where(invoice.c.ref.in_(listed()))
    )
    for row in batch.all(lines, ids):
        found[row.invoice_ref].lines[row.ref] = row._asdict()
    return found


def write_past(batch: Batch, records: Sequence[Past]) -> None:
    """Make the outbox know these reminders; one that is known already is made equal, not doubled.

    Raises:
        ValueError: no such stage, channel or state.
    """
    known = documents(batch, {record.invoice_id for record in records})
    latest: dict[str, Past] = {}
    for record in sorted(records, key=lambda record: record.on):
        document = known.get(record.invoice_id) or Document(ref=record.invoice_id)
        for line in _lines_of(record, document):
            latest[_key(batch, record, line)] = record
    before = _rows(batch, latest)
    groups: dict[int, list[tuple[str, Past]]] = defaultdict(list)
    for key, record in latest.items():
        groups[id(record)].append((key, record))
    new = []
    for group in groups.values():
        keys, record = [key for key, _ in group], group[0][1]
        document = known.get(record.invoice_id) or Document(ref=record.invoice_id)
        values = _values(document, record) | {"key": reminder_key(keys)}
        rows = [row for key in keys for row in before[key]]
        ours = [row for row in rows if row.origin == Origin.HISTORY]
        if ours:
            _change(batch, ours, values)
        elif not any(row.live for row in rows):
            lines = {_key(batch, record, ref): ref for ref in _lines_of(record, document)}
            new.append((values, [_line(document, record, key, lines[key]) for key in keys]))
    insert_reminders(batch, new)


def insert_reminders(batch: Batch, new: Sequence[tuple[Values, list[Values]]]) -> None:
    """Insert reminders with their lines; all rows must name the same columns."""
    last = batch.connection.execute(select(func.max(tables.reminder.c.id))).scalar() or 0
    numbered = [(last + rank, values, lines) for rank, (values, lines) in enumerate(new, 1)]
    batch.insert(tables.reminder, [{"id": row, **values} for row, values, _ in numbered])
    batch.insert(
        tables.reminder_line,
        [{"reminder_id": row, **line} for row, _, lines in numbered for line in lines],
    )


def _rows(batch: Batch, keys: Iterable[str]) -> Mapping[str, list[Any]]:
    line, reminder = tables.reminder_line, tables.reminder
    query = (
        select(line.c.key, line.c.live, line.c.reminder_id, reminder.c.origin)
        .join(reminder, reminder.c.id == line.c.reminder_id)
        .where(line.c.key.in_(listed()))
    )
    found: dict[str, list[Any]] = defaultdict(list)
    for row in batch.all(query, keys):
        found[row.key].append(row)
    return found


def _change(batch: Batch, rows: Sequence[Any], values: Values) -> None:
    ids = {"refs": refs({row.reminder_id for row in rows})}
    reminder, line = tables.reminder, tables.reminder_line
    batch.connection.execute(
        update(reminder).where(reminder.c.id.in_(listed())).values(values), ids
    )
    live = values["state"] not in DEAD
    batch.connection.execute(
        update(line).where(line.c.reminder_id.in_(listed())).values(live=live), ids
    )


def _lines_of(record: Past, document: Document) -> list[str]:
    """The lines a reminder was about: the one it names, else those that were due on its day."""
    if record.line_id or not document.lines:
        return [record.line_id or "1"]
    due = [
        ref
        for ref, line in document.lines.items()
        if line["gone_on"] is None and (line["due_on"] or date.max) <= record.on
    ]
    first = min(document.lines, key=lambda ref: (document.lines[ref]["rank"], ref))
    return due or [first]


def _key(batch: Batch, record: Past, line_ref: str) -> str:
    rung = Rung.parse(record.stage, record.n)
    return line_key(batch.ledger_id, record.invoice_id, line_ref, rung, record.nth)


def _values(document: Document, record: Past) -> Values:
    state = ReminderState(record.state)
    went = state in (ReminderState.SENT, ReminderState.BOUNCED)
    return {
        "customer_ref": document.customer_ref,
        "customer_name": document.customer_name,
        "currency": document.currency,
        "step": record.stage,
        "stage": record.stage,
        "n": record.n,
        "channel": str(Channel(record.channel)),
        "text": record.text,
        "deadline_on": record.deadline_on,
        "legal": record.legal,
        "state": str(state),
        # A proposal that nobody touched is decided afresh: it would be no history.
        "edited": state is ReminderState.PROPOSED,
        "planned_on": record.on,
        "sent_on": record.on if went else None,
        "origin": str(Origin.HISTORY),
    }


def _line(document: Document, record: Past, key: str, line_ref: str) -> Values:
    line = document.lines.get(line_ref)
    return {
        "key": key,
        "live": record.state not in DEAD,
        "invoice_ref": record.invoice_id,
        "line_ref": line_ref,
        "invoice_number": document.number,
        "step": record.stage,
        "stage": record.stage,
        "n": record.n,
        "nth": record.nth,
        "due_on": line and line["due_on"],
    }
