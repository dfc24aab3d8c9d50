"""The large questions of a snapshot, made once: open lines, decisions, and what lines have had."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from itertools import compress, repeat
from sys import intern
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
)

from connector.dunning.snapshot import Channel
from connector.mirror import tables
from connector.mirror.columns import day_of
from connector.mirror.statements import Prepared, listed
from connector.mirror.tables import ReminderState
from connector.receivables.records import (
    DocumentState,
)

REAL = (DocumentState.OPEN.value, DocumentState.PAID.value, DocumentState.CREDITED.value)
ZERO: ColumnElement[int] = literal_column("0")  # a bound zero would hide the partial indexes


Texts = tuple[str, ...]
Days = tuple[date | None, ...]
Numbers = tuple[int, ...]


class Lines(NamedTuple):
    """Due lines with their invoices, whose ids are `ref`, by columns: to go through some columns of
    many lines costs a fraction of asking each line.

    The first columns, as many as `OF_CASE`, are those of a `Case` after the account.
    """

    ref: Texts
    number: Texts
    line_ref: Texts
    rank: Numbers
    currency: Texts
    issued_on: tuple[date, ...]
    due_on: Days
    amount: Numbers
    balance: Numbers
    sent_on: Days
    total: Numbers
    reference: Texts
    payment_reference: Texts
    pay_link: Texts
    recipient: Texts
    policy: Texts
    reopened_on: Days
    discount_until: Days
    discount: Numbers
    customer_id: Numbers
    state: Texts
    invoice_balance: tuple[int | None, ...]
    open_balance: tuple[int | None, ...]

    def where(self, wanted: Iterable[bool]) -> "Lines":
        """Some of them."""
        chosen = list(wanted)
        return Lines._make(tuple(compress(column, chosen)) for column in self)


OF_CASE = Lines._fields.index("customer_id")


class Step(NamedTuple):
    """What a due line had or is about to have, as SQLite keeps it of a reminder's line.

    Of its fields from the one numbered `OF_STEP` on, a ledger has few that are not the same.
    """

    invoice_ref: str
    line_ref: str
    key: str
    planned_at: str | None
    stage: str
    n: str
    nth: int
    state: str
    channel: str
    on: str
    deadline_on: str | None
    legal: str
    received_on: str | None


OF_STEP = Step._fields.index("stage")


def made(rows: Sequence[tuple[Any, ...]]) -> Lines:
    """Lines of SQLite's rows; what many share is in memory once."""
    raw = zip(*rows, strict=True) if rows else repeat((), len(Lines._fields))
    columns: dict[str, Any] = dict(zip(Lines._fields, raw, strict=True))
    for name in _DAYS:
        columns[name] = tuple(map(day_of, columns[name]))
    for name in _CODES:
        columns[name] = tuple(map(intern, columns[name]))
    for name in _SUMS:
        columns[name] = _shared(columns[name], columns["amount"])
    return Lines(**columns)


_DAYS = ("issued_on", "due_on", "sent_on", "reopened_on", "discount_until")
_CODES = ("currency", "state")
_SUMS = ("balance", "total", "invoice_balance")


def _shared(sums: tuple[int | None, ...], amounts: Numbers) -> tuple[int | None, ...]:
    """The same figures; where one equals the amount it is the same object."""
    if sums == amounts:
        return amounts
    return tuple([one if one == other else other for one, other in zip(amounts, sums, strict=True)])


@cache
def open_lines(everybody: bool) -> Prepared:
    line, invoice, customer = tables.due_line, tables.invoice, tables.customer
    query = _lines().where(line.c.balance != ZERO)
    if not everybody:
        theirs = select(customer.c.id).where(customer.c.ref == bindparam("customer"))
        query = query.where(invoice.c.customer_id.in_(theirs))
    return Prepared(query)


@cache
def lines_of_invoice() -> Prepared:
    query = _lines().where(tables.invoice.c.ref == bindparam("invoice"))
    return Prepared(query.order_by(tables.due_line.c.rank))


@cache
def decisions(everybody: bool) -> Prepared:
    made = tables.decision.c
    query = select(
        made.mark,
        made.since,
        made.until,
        made.amount,
        made.because,
        made.author,
        made.customer_ref,
        made.invoice_ref,
        made.code,
        made.owner,
        made.made_at,
    ).where(made.ended_on.is_(None))
    if not everybody:
        of_invoices = made.invoice_ref.in_(listed("invoices"))
        query = query.where(or_(made.customer_ref.in_(listed()), of_invoices))
    return Prepared(query.order_by(made.id))


@cache
def steps(everybody: bool) -> Prepared:
    line, reminder = tables.reminder_line.c, tables.reminder.c
    untouched = (reminder.state == ReminderState.PROPOSED.value) & reminder.edited.is_(False)
    letters = reminder.channel == Channel.LETTER.value
    query = (
        select(
            line.invoice_ref,
            line.line_ref,
            reminder.key,
            reminder.planned_at,
            line.stage,
            line.n,
            line.nth,
            reminder.state,
            reminder.channel,
            func.coalesce(reminder.sent_on, reminder.planned_on),
            reminder.deadline_on,
            reminder.legal,
            case((letters, func.json_extract(reminder.entry, "$.received_on"))),
        )
        .join_from(tables.reminder, tables.reminder_line, reminder.id == line.reminder_id)
        .where(
            reminder.state != ReminderState.SUPERSEDED.value,
            ~untouched,
            reminder.id != bindparam("without"),
        )
    )
    if everybody:
        # the lines are gone through, and of the reminders, which are long, only those wanted read
        due, invoice = tables.due_line, tables.invoice
        owing = select(due.c.id).join_from(invoice, due, invoice.c.id == due.c.invoice_id)
        owing = owing.where(invoice.c.ref == line.invoice_ref, due.c.balance != ZERO)
        query = query.where(owing.correlate(tables.reminder_line).exists())
    else:
        query = query.where(line.invoice_ref.in_(listed()))
    return Prepared(query.order_by(line.id))  # as reminders were written, so were their lines


def _lines() -> Select[Any]:
    """Due lines with their real invoices, column by column as `Lines` has them."""
    line, invoice = tables.due_line, tables.invoice
    others = {"line_ref": line.c.ref, "invoice_balance": invoice.c.balance}
    own = {column.name: column for column in (*invoice.c, *line.c) if column.name != "id"}
    own |= {"ref": invoice.c.ref, "balance": line.c.balance, **others}
    real = or_(*(invoice.c.state == state for state in REAL))
    return (
        select(*(own[name] for name in Lines._fields))
        .join_from(line, invoice, invoice.c.id == line.c.invoice_id)
        .where(real)
    )
