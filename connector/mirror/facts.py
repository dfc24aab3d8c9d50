"""The questions a snapshot asks the database: a fixed number, however much is open."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from sys import intern
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    union,
)

from connector.dunning.snapshot import Channel
from connector.mirror import tables
from connector.mirror.columns import day_of
from connector.mirror.statements import Prepared, listed, refs
from connector.mirror.tables import ReminderState
from connector.receivables.measures import months_before
from connector.receivables.records import DocumentState, PaymentState

REAL = (DocumentState.OPEN.value, DocumentState.PAID.value, DocumentState.CREDITED.value)
_MESSAGES = (Channel.EMAIL.value, Channel.LETTER.value)
_SPOKEN = (
    ReminderState.PLANNED.value,
    ReminderState.SENDING.value,
    ReminderState.SENT.value,
    ReminderState.UNKNOWN.value,
)
_ZERO: ColumnElement[int] = literal_column("0")  # a bound zero would hide the partial indexes
_REFUSAL_MONTHS = 12
_PROMISE_MONTHS = 24

Rows = Sequence[Any]


class Line(NamedTuple):
    """A due line with its invoice, whose id is `ref`.

    Its first fields, as many as `OF_CASE`, are those of a `Case` after the account.
    """

    ref: str
    number: str
    line_ref: str
    rank: int
    currency: str
    issued_on: date
    due_on: date | None
    amount: int
    balance: int
    sent_on: date | None
    total: int
    reference: str
    payment_reference: str
    pay_link: str
    recipient: str
    policy: str
    reopened_on: date | None
    discount_until: date | None
    discount: int
    customer_id: int
    state: str
    invoice_balance: int | None
    open_balance: int | None


OF_CASE = Line._fields.index("customer_id")


class Step(NamedTuple):
    """What a due line had or is about to have, as SQLite keeps it of a reminder's line."""

    invoice_ref: str
    line_ref: str
    stage: str
    n: str
    nth: int
    key: str
    state: str
    channel: str
    on: str
    deadline_on: str | None
    legal: str
    planned_at: str | None
    received_on: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Answers on one connection, as plain rows. `today` is the firm's day.

    `customer_id` asks of one customer only; the outbox row `without` is passed over.
    """

    connection: Connection
    today: date
    customer_id: str | None = None
    without: int | None = None

    @property
    def everybody(self) -> bool:
        """Whether all customers are asked about: then a table is gone through once, and what is
        not wanted passed over, rather than an index asked for each of a long list."""
        return self.customer_id is None

    def lines(self) -> list[Line]:
        """Due lines with a balance of either sign."""
        parts = _open_lines(self.everybody).parts(self.connection, customer=self.customer_id)
        return [line for part in parts for line in _made(part)]

    def settled_lines(self, invoice_id: str) -> list[Line]:
        """The due lines of a real invoice of which nothing is open, in their order."""
        rows = _lines_of_invoice().rows(self.connection, invoice=invoice_id)
        found = list(_made(rows))
        return [] if any(row.balance for row in found) else found

    def customers(self, ids: Rows) -> Rows:
        """Customers by row id."""
        customer = tables.customer
        return self._rows(select(customer).where(customer.c.id.in_(listed())), ids)

    def contacts(self, ids: Rows) -> Rows:
        """Their contacts, in the product's order."""
        contact = tables.contact
        query = select(contact).where(contact.c.customer_id.in_(listed()))
        return self._rows(query.order_by(contact.c.customer_id, contact.c.position), ids)

    def decisions(self, customers: Rows, invoices: Rows) -> list[tuple[Any, ...]]:
        """Decisions that nobody has taken back, on these customers and invoices, or on anybody's:
        mark, since, until, amount, because, author, customer, invoice, code, owner, made at."""
        given = {} if self.everybody else {"refs": refs(customers), "invoices": refs(invoices)}
        return _decisions(self.everybody).rows(self.connection, **given)

    def credit_notes(self, ids: Rows) -> Rows:
        """Credit notes of these customers that are not used up."""
        note = tables.credit_note
        return self._rows(
            select(note.c.customer_id, note.c.ref, note.c.number, note.c.currency, note.c.balance)
            .where(note.c.customer_id.in_(listed()), note.c.balance > 0, note.c.state.in_(REAL))
            .order_by(note.c.issued_on, note.c.ref),
            ids,
        )

    def overpaid(self, ids: Rows) -> Rows:
        """Invoices whose own balance is negative."""
        invoice = tables.invoice
        return self._rows(
            select(
                invoice.c.customer_id,
                invoice.c.ref,
                invoice.c.number,
                invoice.c.currency,
                invoice.c.balance,
            )
            .where(
                invoice.c.balance < _ZERO,
                invoice.c.state.in_(REAL),
                invoice.c.customer_id.in_(listed()),
            )
            .order_by(invoice.c.issued_on, invoice.c.ref),
            ids,
        )

    def excess(self) -> Rows:
        """Invoices with a negative balance, or lines of one, and what is too much in all."""
        line, invoice, customer = tables.due_line, tables.invoice, tables.customer
        of_lines = (
            select(line.c.invoice_id, (-func.sum(line.c.balance)).label("amount"))
            .where(line.c.balance != _ZERO, line.c.balance < _ZERO)  # the first names the index
            .group_by(line.c.invoice_id)
            .subquery()
        )
        below = select(invoice.c.id).where(invoice.c.balance < _ZERO)
        query = (
            select(
                customer.c.ref.label("customer_ref"),
                customer.c.name,
                customer.c.owner,
                invoice.c.number,
                invoice.c.currency,
                func.coalesce(of_lines.c.amount, -invoice.c.balance).label("amount"),
            )
            .join_from(invoice, customer, customer.c.id == invoice.c.customer_id)
            .outerjoin(of_lines, of_lines.c.invoice_id == invoice.c.id)
            .where(
                invoice.c.id.in_(union(below, select(of_lines.c.invoice_id))),
                invoice.c.state.in_(REAL),
            )
            .order_by(invoice.c.issued_on, invoice.c.ref)
        )
        if self.customer_id is not None:
            query = query.where(customer.c.ref == self.customer_id)
        return self._rows(query)

    def payments(self, ids: Rows) -> Rows:
        """Payments that matter today: with a rest, on their way, or lately sent back."""
        payment = tables.payment
        back = (payment.c.state == PaymentState.RETURNED.value) & (
            payment.c.paid_on >= months_before(self.today, _REFUSAL_MONTHS)
        )
        rest = (payment.c.state == PaymentState.BOOKED.value) & (payment.c.unallocated > 0)
        pending = payment.c.state == PaymentState.PENDING.value
        query = select(payment).where(payment.c.customer_id.in_(listed()), back | rest | pending)
        return self._rows(query.order_by(payment.c.paid_on, payment.c.ref), ids)

    def received(self, ids: Rows) -> Rows:
        """What these customers have paid in the last two years, by the invoice it was set against;
        a payment that is set against nothing yet stands with its unallocated rest."""
        payment, allocation = tables.payment, tables.allocation
        booked = (
            payment.c.customer_id.in_(listed()),
            payment.c.state == PaymentState.BOOKED.value,
            payment.c.paid_on >= months_before(self.today, _PROMISE_MONTHS),
        )
        set_against = (
            select(
                payment.c.customer_id,
                payment.c.paid_on,
                payment.c.currency,
                allocation.c.invoice_ref,
                allocation.c.amount,
            )
            .join(allocation, allocation.c.payment_id == payment.c.id)
            .where(*booked)
        )
        rest = select(
            payment.c.customer_id,
            payment.c.paid_on,
            payment.c.currency,
            literal_column("''").label("invoice_ref"),
            payment.c.unallocated.label("amount"),
        ).where(*booked, payment.c.unallocated > 0)
        both = [*self._rows(set_against, ids), *self._rows(rest, ids)]
        return sorted(both, key=lambda row: (row.paid_on, row.invoice_ref, row.amount))

    def transit(self) -> Rows:
        """Documents that a pending payment is meant for, with the day it was entered last."""
        payment, allocation = tables.payment, tables.allocation
        return self._rows(
            select(allocation.c.payment_id, allocation.c.invoice_ref, payment.c.paid_on)
            .join(payment, payment.c.id == allocation.c.payment_id)
            .where(payment.c.state == literal_column("'pending'"))
            .order_by(payment.c.paid_on)
        )

    def steps(self, invoices: Rows) -> Iterator[tuple[Any, ...]]:
        """What lines of these invoices, or of anybody's, had or are about to have, oldest first;
        each a `Step` to be made of what is wanted."""
        given = {} if self.everybody else {"refs": refs(invoices)}
        wanted = _steps(self.everybody)
        for part in wanted.parts(self.connection, without=self.without or 0, **given):
            yield from part

    def last_messages(self, customers: Rows) -> Rows:
        """The day of the latest e-mail or letter to each customer, gone or about to go."""
        reminder = tables.reminder
        day = func.max(func.coalesce(reminder.c.sent_on, reminder.c.planned_on)).label("on")
        query = (
            select(reminder.c.customer_ref, day)
            .where(
                reminder.c.customer_ref.in_(listed()),
                reminder.c.channel.in_(_MESSAGES),
                reminder.c.state.in_(_SPOKEN),
                reminder.c.id != (self.without or 0),
            )
            .group_by(reminder.c.customer_ref)
        )
        return self._rows(query, customers)

    def sent_today(self) -> int:
        """Messages handed over today, to anybody."""
        reminder = tables.reminder
        query = select(func.count()).where(
            reminder.c.state == ReminderState.SENT.value,
            reminder.c.sent_on == self.today,
            reminder.c.channel.in_(_MESSAGES),
        )
        return int(self.connection.execute(query).scalar_one())

    def _rows(self, query: Select[Any], values: Rows | None = None, **more: str) -> Rows:
        given = more if values is None else {"refs": refs(values), **more}
        return self.connection.execute(query, given).all()


def _made(rows: Iterable[tuple[Any, ...]]) -> Iterator[Line]:
    """Lines of SQLite's rows; what many share is in memory once."""
    for row in rows:
        # a name for each column: asking a row for them takes longer than all the rest
        (
            ref, number, line_ref, rank, currency, issued, due, amount, balance, sent, total,
            reference, payment_reference, link, recipient, policy, reopened, until, discount,
            customer, state, of_invoice, of_open_set,
        ) = row  # fmt: skip
        yield Line._make(
            (
                ref,
                number,
                intern(line_ref),
                rank,
                intern(currency),
                day_of(issued),
                day_of(due),
                amount,
                amount if balance == amount else balance,
                sent and day_of(sent),
                amount if total == amount else total,
                reference,
                payment_reference,
                link,
                recipient,
                policy,
                reopened and day_of(reopened),
                until and day_of(until),
                discount,
                customer,
                intern(state),
                amount if of_invoice == amount else of_invoice,
                of_open_set,
            )
        )


@cache
def _open_lines(everybody: bool) -> Prepared:
    line, invoice, customer = tables.due_line, tables.invoice, tables.customer
    query = _lines().where(line.c.balance != _ZERO)
    if not everybody:
        theirs = select(customer.c.id).where(customer.c.ref == bindparam("customer"))
        query = query.where(invoice.c.customer_id.in_(theirs))
    return Prepared(query)


@cache
def _lines_of_invoice() -> Prepared:
    query = _lines().where(tables.invoice.c.ref == bindparam("invoice"))
    return Prepared(query.order_by(tables.due_line.c.rank))


@cache
def _decisions(everybody: bool) -> Prepared:
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
def _steps(everybody: bool) -> Prepared:
    line, reminder = tables.reminder_line.c, tables.reminder.c
    untouched = (reminder.state == ReminderState.PROPOSED.value) & reminder.edited.is_(False)
    letters = reminder.channel == Channel.LETTER.value
    query = (
        select(
            line.invoice_ref,
            line.line_ref,
            line.stage,
            line.n,
            line.nth,
            reminder.key,
            reminder.state,
            reminder.channel,
            func.coalesce(reminder.sent_on, reminder.planned_on),
            reminder.deadline_on,
            reminder.legal,
            reminder.planned_at,
            case((letters, func.json_extract(reminder.entry, "$.received_on"))),
        )
        .join_from(tables.reminder, tables.reminder_line, reminder.id == line.reminder_id)
        .where(
            reminder.state != ReminderState.SUPERSEDED.value,
            ~untouched,
            reminder.id != bindparam("without"),
        )
    )
    if not everybody:
        query = query.where(line.invoice_ref.in_(listed()))
    return Prepared(query.order_by(reminder.id, line.id))


def _lines() -> Select[Any]:
    """Due lines with their real invoices, column by column as `Line` has them."""
    line, invoice = tables.due_line, tables.invoice
    others = {"line_ref": line.c.ref, "invoice_balance": invoice.c.balance}
    own = {column.name: column for column in (*invoice.c, *line.c) if column.name != "id"}
    own |= {"ref": invoice.c.ref, "balance": line.c.balance, **others}
    real = or_(*(invoice.c.state == state for state in REAL))
    return (
        select(*(own[name] for name in Line._fields))
        .join_from(line, invoice, invoice.c.id == line.c.invoice_id)
        .where(real)
    )
