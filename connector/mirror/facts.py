"""The questions a snapshot asks the database: a fixed number, however much is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, or_, select

from connector.dunning.snapshot import Channel
from connector.mirror import tables
from connector.mirror.batch import listed, refs
from connector.mirror.tables import ReminderState
from connector.receivables.measures import months_before
from connector.receivables.records import DocumentState, PaymentState

_REAL = (DocumentState.OPEN.value, DocumentState.PAID.value, DocumentState.CREDITED.value)
_MESSAGES = (Channel.EMAIL.value, Channel.LETTER.value)
_SPOKEN = (
    ReminderState.PLANNED.value,
    ReminderState.SENDING.value,
    ReminderState.SENT.value,
    ReminderState.UNKNOWN.value,
)
_ZERO: ColumnElement[int] = literal_column("0")  # a bound zero would hide the partial indexes
_REFUSAL_MONTHS = 12
_HISTORY_MONTHS = 24

Rows = Sequence[Any]


class Line(NamedTuple):
    """A due line with its invoice, whose id is `ref`; a row's own attributes would be slow."""

    line_ref: str
    rank: int
    due_on: date | None
    amount: int
    balance: int
    reopened_on: date | None
    ref: str
    number: str
    customer_id: int
    currency: str
    issued_on: date
    sent_on: date | None
    state: str
    total: int
    invoice_balance: int | None
    open_balance: int | None
    reference: str
    payment_reference: str
    pay_link: str
    recipient: str
    policy: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Answers on one connection, as plain rows. `today` is the firm's day.

    `customer_id` asks of one customer only; the outbox row `without` is passed over.
    """

    connection: Connection
    today: date
    customer_id: str | None = None
    without: int | None = None

    def lines(self) -> list[Line]:
        """Due lines with a balance of either sign."""
        line, invoice = tables.due_line, tables.invoice
        others = {"line_ref": line.c.ref, "invoice_balance": invoice.c.balance}
        own = {column.name: column for column in (*invoice.c, *line.c) if column.name != "id"}
        own |= {"ref": invoice.c.ref, "balance": line.c.balance, **others}
        query = (
            select(*(own[name] for name in Line._fields))
            .join_from(line, invoice, invoice.c.id == line.c.invoice_id)
            .where(line.c.balance != _ZERO, invoice.c.state.in_(_REAL))
        )
        if self.customer_id is not None:
            customer = tables.customer
            theirs = select(customer.c.id).where(customer.c.ref == self.customer_id)
            query = query.where(invoice.c.customer_id.in_(theirs))
        return [Line._make(row) for row in self._rows(query)]

    def customers(self, ids: Rows) -> Rows:
        """Customers by row id."""
        customer = tables.customer
        return self._rows(select(customer).where(customer.c.id.in_(listed())), ids)

    def contacts(self, ids: Rows) -> Rows:
        """Their contacts, in the product's order."""
        contact = tables.contact
        query = select(contact).where(contact.c.customer_id.in_(listed()))
        return self._rows(query.order_by(contact.c.customer_id, contact.c.position), ids)

    def decisions(self, customers: Rows, invoices: Rows) -> Rows:
        """Decisions that nobody has taken back, on these customers and invoices."""
        decision = tables.decision
        query = select(decision).where(
            decision.c.ended_on.is_(None),
            or_(
                decision.c.customer_ref.in_(listed()),
                decision.c.invoice_ref.in_(listed("invoices")),
            ),
        )
        return self._rows(query.order_by(decision.c.id), customers, invoices=refs(invoices))

    def credit_notes(self, ids: Rows) -> Rows:
        """Credit notes of these customers that are not used up."""
        note = tables.credit_note
        return self._rows(
            select(note.c.customer_id, note.c.ref, note.c.number, note.c.currency, note.c.balance)
            .where(note.c.customer_id.in_(listed()), note.c.balance > 0, note.c.state.in_(_REAL))
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
                invoice.c.state.in_(_REAL),
                invoice.c.customer_id.in_(listed()),
            )
            .order_by(invoice.c.issued_on, invoice.c.ref),
            ids,
        )

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

    def transit(self) -> Rows:
        """Documents that a pending payment is meant for, with the day it was entered last."""
        payment, allocation = tables.payment, tables.allocation
        return self._rows(
            select(allocation.c.payment_id, allocation.c.invoice_ref, payment.c.paid_on)
            .join(payment, payment.c.id == allocation.c.payment_id)
            .where(payment.c.state == literal_column("'pending'"))
            .order_by(payment.c.paid_on)
        )

    def reminders(self, invoices: Rows) -> Rows:
        """Reminder lines of these invoices that say what a line had or is about to have."""
        line, reminder = tables.reminder_line, tables.reminder
        untouched = (reminder.c.state == ReminderState.PROPOSED.value) & reminder.c.edited.is_(
            False
        )
        query = (
            select(
                line.c.invoice_ref,
                line.c.line_ref,
                line.c.stage,
                line.c.n,
                line.c.nth,
                reminder.c.key,
                reminder.c.state,
                reminder.c.channel,
                func.coalesce(reminder.c.sent_on, reminder.c.planned_on).label("on"),
                reminder.c.deadline_on,
                reminder.c.legal,
            )
            .join(reminder, reminder.c.id == line.c.reminder_id)
            .where(
                line.c.invoice_ref.in_(listed()),
                reminder.c.state != ReminderState.SUPERSEDED.value,
                ~untouched,
                reminder.c.id != (self.without or 0),
            )
            .order_by(reminder.c.id, line.c.id)
        )
        return self._rows(query, invoices)

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

    def settled(self, ids: Rows) -> Rows:
        """Lines of these customers that were paid in the last two years: when due, when paid.

        The day is that of the last payment set against the line, else the day it was seen settled.
        """
        line, invoice = tables.due_line, tables.invoice
        payment, allocation = tables.payment, tables.allocation
        paid = (
            select(func.max(payment.c.paid_on))
            .join(allocation, allocation.c.payment_id == payment.c.id)
            .where(
                allocation.c.invoice_ref == invoice.c.ref,
                allocation.c.line_ref.in_(("", line.c.ref)),
                payment.c.state == PaymentState.BOOKED.value,
            )
            .scalar_subquery()
        )
        found = (
            select(
                invoice.c.customer_id,
                line.c.due_on,
                func.coalesce(paid, line.c.settled_on).label("paid_on"),
            )
            .join(invoice, invoice.c.id == line.c.invoice_id)
            .where(
                invoice.c.customer_id.in_(listed()),
                invoice.c.state.in_((DocumentState.OPEN.value, DocumentState.PAID.value)),
                line.c.balance <= 0,
                line.c.amount > 0,
                line.c.due_on.is_not(None),
                line.c.gone_on.is_(None),
            )
            .subquery()
        )
        since = months_before(self.today, _HISTORY_MONTHS)
        return self._rows(select(found).where(found.c.paid_on >= since), ids)

    def first_issued(self, ids: Rows) -> Rows:
        """The day of each customer's first invoice."""
        invoice = tables.invoice
        query = (
            select(invoice.c.customer_id, func.min(invoice.c.issued_on).label("issued_on"))
            .where(invoice.c.customer_id.in_(listed()), invoice.c.state.in_(_REAL))
            .group_by(invoice.c.customer_id)
        )
        return self._rows(query, ids)

    def _rows(self, query: Select[Any], values: Rows | None = None, **more: str) -> Rows:
        given = more if values is None else {"refs": refs(values), **more}
        return self.connection.execute(query, given).all()
