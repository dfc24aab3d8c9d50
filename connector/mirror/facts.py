"""The questions a snapshot asks the database: a fixed number, however much is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, or_, select, union

from connector.dunning.snapshot import Channel
from connector.mirror import tables
from connector.mirror.statements import listed, refs
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
_PART = 2_000  # rows: all at once would stand in memory twice
_REFUSAL_MONTHS = 12
_PROMISE_MONTHS = 24

Rows = Sequence[Any]


class Line(NamedTuple):
    """A due line with its invoice, whose id is `ref`; a row's own attributes would be slow.

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
        query = _lines().where(line.c.balance != _ZERO, invoice.c.state.in_(REAL))
        if self.customer_id is not None:
            customer = tables.customer
            theirs = select(customer.c.id).where(customer.c.ref == self.customer_id)
            query = query.where(invoice.c.customer_id.in_(theirs))
        parts = self.connection.execute(query).partitions(_PART)
        return [Line._make(row) for part in parts for row in part]

    def settled_lines(self, invoice_id: str) -> list[Line]:
        """The due lines of a real invoice of which nothing is open, in their order."""
        line, invoice = tables.due_line, tables.invoice
        query = _lines().where(invoice.c.ref == invoice_id, invoice.c.state.in_(REAL))
        found = [Line._make(row) for row in self._rows(query.order_by(line.c.rank))]
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
                reminder.c.planned_at,
                func.json_extract(reminder.c.entry, "$.received_on").label("received_on"),
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

    def _rows(self, query: Select[Any], values: Rows | None = None, **more: str) -> Rows:
        given = more if values is None else {"refs": refs(values), **more}
        return self.connection.execute(query, given).all()


def _lines() -> Select[Any]:
    """Due lines with their invoices, column by column as `Line` has them."""
    line, invoice = tables.due_line, tables.invoice
    others = {"line_ref": line.c.ref, "invoice_balance": invoice.c.balance}
    own = {column.name: column for column in (*invoice.c, *line.c) if column.name != "id"}
    own |= {"ref": invoice.c.ref, "balance": line.c.balance, **others}
    return select(*(own[name] for name in Line._fields)).join_from(
        line, invoice, invoice.c.id == line.c.invoice_id
    )
