"""How customers pay, from what they have paid: their habit in one word, and what else is said."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import func, select, union_all

from connector.mirror import tables
from connector.mirror.facts import Facts, Rows
from connector.mirror.questions import REAL, Lines
from connector.mirror.statements import listed
from connector.receivables.measures import (
    FEW_PAID,
    STRATEGIC,
    WATCH,
    Observation,
    Verdict,
    behaviour,
    change,
    months_before,
    overridden,
)
from connector.receivables.records import Customer, Decision, DocumentState, Mark, PaymentState

PROMISE_SLACK = timedelta(days=4)
"""A promise is broken when its invoice is open so long after its day: two working days and a
weekend."""

_HISTORY_MONTHS = 24
_NOTHING = Verdict()
_TURNOVER_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Habit:
    """`behaviour`, `signals` and `pace` of an account."""

    behaviour: str
    signals: tuple[str, ...]
    pace: Verdict


_UNKNOWN = Habit(behaviour((), None, date.min), (), _NOTHING)


def habits_of(
    facts: Facts,
    customers: Mapping[int, Customer],
    owing: Iterable[Lines],
    marks: Mapping[int, Sequence[Decision]],
    refused: Set[int],
    top_share: Decimal | None,
) -> dict[int, Habit]:
    """Habits by row id of the customer; `marks` are all decisions about each.

    `refused` are customers whose direct debit came back. `top_share` of the customers, the largest
    by turnover, are strategic; None leaves that to tags and marks.
    """
    today, history = facts.today, History(facts.connection, facts.today, facts.customer_id)
    seen = _observations(history, customers, owing)
    # who has paid too little to be called anything is new, whenever it began
    known = [customer for customer, some in seen.items() if _paid(some) >= FEW_PAID]
    first = {row.customer_id: row.issued_on for row in history.first_issued(known)}
    large = _largest(history, list(customers), top_share)
    found = {}
    for row, customer in customers.items():
        made, some = marks.get(row, ()), seen.get(row, ())
        if not (made or some or customer.tags or row in large or row in refused):
            found[row] = _UNKNOWN  # so it is with most
            continue
        habit = behaviour(
            [one.days(today) for one in some if one.paid_on],
            first.get(row),
            today,
            debit_refused=row in refused,
            broken_promises=sum(_broken(mark, today) for mark in made),
        )
        pace = change(some, today) if some else _NOTHING
        signals = pace.words
        if WATCH not in signals and _standing(made, Mark.WARNING_SIGN, today):
            signals = (*signals, WATCH)
        if row in large or STRATEGIC in customer.tags or _standing(made, Mark.STRATEGIC, today):
            signals = (STRATEGIC, *signals)
        chosen = _standing(made, Mark.SEGMENT, today)
        if chosen:
            habit, signals = overridden(habit, signals, chosen.code, chosen.until, today)
        found[row] = Habit(habit, signals, pace)
    return found


def _observations(
    history: "History", customers: Mapping[int, Customer], owing: Iterable[Lines]
) -> dict[int, list[Observation]]:
    """What each customer has paid, and what they owe today."""
    disputed = {row.invoice_ref for row in history.disputed([one.id for one in customers.values()])}
    seen: dict[int, list[Observation]] = defaultdict(list)
    for row in history.settled(list(customers)):
        line = _id(row.ref, row.line_ref)
        one = Observation(row.due_on, line, row.paid_on, row.ref in disputed)
        seen[row.customer_id].append(one)
    for part in owing if seen else ():  # without any payment nothing is usual
        for customer, ref, line_ref, due_on in zip(
            part.customer_id, part.ref, part.line_ref, part.due_on, strict=True
        ):
            if due_on and customer in seen:
                seen[customer].append(Observation(due_on, _id(ref, line_ref)))
    return seen


def _paid(some: Sequence[Observation]) -> int:
    return sum(one.paid_on is not None for one in some)


def _id(invoice: str, line: str) -> str:
    return f"{invoice}\x1f{line}"


def _largest(history: "History", ids: Rows, top_share: Decimal | None) -> set[int]:
    """Who is among the largest by turnover, in any currency."""
    if top_share is None:
        return set()
    return {row.customer_id for row in history.sizes(ids) if row.rank <= top_share * row.of}


def _standing(marks: Sequence[Decision], wanted: Mark, today: date) -> Decision | None:
    """The latest such decision about the customer as a whole that holds today."""
    held = [
        mark
        for mark in marks
        if mark.mark is wanted
        and mark.invoice_id is None
        and mark.since <= today
        and (mark.until is None or today <= mark.until)
    ]
    return max(held, key=lambda mark: mark.since, default=None)


def _broken(mark: Decision, today: date) -> bool:
    """A promise to pay an invoice in full, which is open all the same, within the last year."""
    if mark.mark is not Mark.PROMISED or not mark.invoice_id or mark.amount is not None:
        return False
    return mark.until is not None and PROMISE_SLACK < today - mark.until < timedelta(days=366)


class History(Facts):
    """The questions about what customers have bought and paid."""

    __slots__ = ()

    def settled(self, ids: Rows) -> Rows:
        """Lines of these customers that were paid in the last two years: when due, when paid.

        The day is that of the last payment set against the line, else the day it was seen settled.
        """
        line, invoice = tables.due_line, tables.invoice
        payment, allocation = tables.payment, tables.allocation
        # of all customers the lines are gone through once, and no index is asked for each invoice
        everybody = self.customer_id is None
        theirs = invoice.c.customer_id + 0 if everybody else invoice.c.customer_id
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
                invoice.c.ref,
                line.c.ref.label("line_ref"),
                line.c.due_on,
                func.coalesce(paid, line.c.settled_on).label("paid_on"),
            )
            .join(invoice, invoice.c.id == line.c.invoice_id)
            .where(
                theirs.in_(listed()),
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

    def disputed(self, customers: Rows) -> Rows:
        """Invoices of these customers that are, or ever were, in dispute."""
        decision = tables.decision
        query = select(decision.c.invoice_ref).where(
            decision.c.customer_ref.in_(listed()),
            decision.c.mark == Mark.DISPUTED.value,
            decision.c.invoice_ref.is_not(None),
        )
        return self._rows(query, customers)

    def first_issued(self, ids: Rows) -> Rows:
        """The day of each customer's first invoice."""
        invoice = tables.invoice
        query = (
            select(invoice.c.customer_id, func.min(invoice.c.issued_on).label("issued_on"))
            .where(invoice.c.customer_id.in_(listed()), invoice.c.state.in_(REAL))
            .group_by(invoice.c.customer_id)
        )
        return self._rows(query, ids)

    def sizes(self, ids: Rows) -> Rows:
        """Rank of these customers by turnover of the last twelve months, in each currency.

        `rank` is 1 for the largest, shared by equals; `of` counts all customers with a turnover in
        that currency: what was invoiced, tax included, less credit notes.
        """
        invoice, note = tables.invoice, tables.credit_note
        since = months_before(self.today, _TURNOVER_MONTHS)
        documents = union_all(
            *(
                select(table.c.customer_id, table.c.currency, amount.label("amount")).where(
                    table.c.issued_on > since,
                    table.c.issued_on <= self.today,
                    table.c.state.in_(REAL),
                )
                for table, amount in ((invoice, invoice.c.total), (note, -note.c.total))
            )
        ).subquery()
        turnover, currency = func.sum(documents.c.amount), documents.c.currency
        ranked = (
            select(
                documents.c.customer_id,
                func.rank().over(partition_by=currency, order_by=turnover.desc()).label("rank"),
                func.count().over(partition_by=currency).label("of"),
            )
            .group_by(documents.c.customer_id, currency)
            .having(turnover > 0)
            .subquery()
        )
        return self._rows(select(ranked).where(ranked.c.customer_id.in_(listed())), ids)
