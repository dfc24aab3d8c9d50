"""The questions a snapshot asks the database: a fixed number, however much is open."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    func,
    literal_column,
    select,
    true,
    union,
)

from connector.dunning.snapshot import Channel
from connector.mirror import debtors, questions, tables
from connector.mirror.questions import REAL, ZERO, Lines, made
from connector.mirror.statements import listed, refs
from connector.mirror.tables import ReminderState
from connector.receivables.measures import months_before
from connector.receivables.records import Customer, PaymentState

_MESSAGES = (Channel.EMAIL.value, Channel.LETTER.value)
_SPOKEN = (
    ReminderState.PLANNED.value,
    ReminderState.SENDING.value,
    ReminderState.SENT.value,
    ReminderState.UNKNOWN.value,
)
_REFUSAL_MONTHS = 12
_PROMISE_MONTHS = 24

Rows = Sequence[Any]


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

    def lines(self) -> list[Lines]:
        """Due lines with a balance of either sign, by and by."""
        parts = questions.open_lines(self.everybody).parts(
            self.connection, customer=self.customer_id
        )
        return [made(part) for part in parts]

    def settled_lines(self, invoice_id: str) -> Lines:
        """The due lines of a real invoice of which nothing is open, in their order."""
        rows = questions.lines_of_invoice().rows(self.connection, invoice=invoice_id)
        found = made(rows)
        return made([]) if any(found.balance) else found

    def customers(self, ids: Rows) -> dict[int, Customer]:
        """Customers with their contacts, in the product's order, by row id; without decisions,
        which their accounts have."""
        given = refs(ids)
        return debtors.made(
            debtors.customers().rows(self.connection, refs=given),
            debtors.contacts().rows(self.connection, refs=given),
        )

    def decisions(self, customers: Rows, invoices: Rows) -> list[tuple[Any, ...]]:
        """Decisions that nobody has taken back, on these customers and invoices, or on anybody's:
        mark, since, until, amount, because, author, customer, invoice, code, owner, made at."""
        given = {} if self.everybody else {"refs": refs(customers), "invoices": refs(invoices)}
        return questions.decisions(self.everybody).rows(self.connection, **given)

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
                invoice.c.balance < ZERO,
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
            .where(line.c.balance != ZERO, line.c.balance < ZERO)  # the first names the index
            .group_by(line.c.invoice_id)
            .subquery()
        )
        below = select(invoice.c.id).where(invoice.c.balance < ZERO)
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
        wanted = questions.steps(self.everybody)
        for part in wanted.parts(self.connection, without=self.without or 0, **given):
            yield from part

    def last_messages(self, customers: Rows) -> dict[str, date]:
        """The day of the latest e-mail or letter to each customer, gone or about to go."""
        reminder = tables.reminder
        day = func.max(func.coalesce(reminder.c.sent_on, reminder.c.planned_on)).label("on")
        theirs: ColumnElement[bool] = reminder.c.customer_ref.in_(listed())
        whose: ColumnElement[str] = reminder.c.customer_ref
        if self.everybody:  # no index: reminders are long, and read best as they lie
            theirs, whose = true(), literal_column("+reminder.customer_ref", Text)
        query = (
            select(reminder.c.customer_ref, day)
            .where(
                theirs,
                reminder.c.channel.in_(_MESSAGES),
                reminder.c.state.in_(_SPOKEN),
                reminder.c.id != (self.without or 0),
            )
            .group_by(whose)
        )
        return {row.customer_ref: row.on for row in self._rows(query, customers)}

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
