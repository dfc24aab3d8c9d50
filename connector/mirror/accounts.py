"""Customers as a decision sees them: credits, money, habits and what was decided about them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from decimal import Decimal
from typing import Any

from connector.dunning.marks import bounced_address
from connector.dunning.snapshot import Account, Credit, Money
from connector.mirror.facts import Facts
from connector.mirror.habits import habits_of
from connector.mirror.questions import Lines
from connector.receivables.records import Customer, Decision, Mark, PaymentState

Decisions = Mapping[str, tuple[Decision, ...]]


def accounts_of(
    facts: Facts,
    customers: Mapping[int, Customer],
    *,
    owing: Sequence[Lines],
    rest: Iterable[Lines],
    invoices: Mapping[str, int],
    by_invoice: Decisions,
    by_customer: Decisions,
    attached: Set[int],
    top_share: Decimal | None = None,
) -> dict[int, Account]:
    """Accounts by row id of the customer.

    `owing` are the open lines of open invoices, `rest` all others with a balance; `invoices` maps
    the open ones to their customer, `attached` are the pending payments that are meant for one.
    `top_share` of the customers, the largest by turnover, are strategic.
    """
    ids = list(customers)
    credit = _credits(facts, ids, rest)
    money, pending, refused = _money(facts, ids, attached)
    last = facts.last_messages([customer.id for customer in customers.values()])
    marks = _marks(customers, invoices, by_invoice, by_customer)
    habits = habits_of(facts, customers, owing, marks, refused, top_share)
    return {
        row: Account(
            customer=customer,
            decisions=by_customer.get(customer.id, ()),
            credits=tuple(credit.get(row, ())),
            money=tuple(money.get(row, ())),
            pending_money=tuple(pending.get(row, ())),
            debit_refused=row in refused,
            last_message_on=last.get(customer.id),
            behaviour=habits[row].behaviour,
            signals=habits[row].signals,
            pace=habits[row].pace,
            bounced=_bounced(marks[row]) if row in marks else NOWHERE,
        )
        for row, customer in customers.items()
    }


NOWHERE = frozenset[str]()


def _bounced(marks: Sequence[Decision]) -> frozenset[str]:
    return frozenset(bounced_address(mark.because) for mark in marks if mark.mark is Mark.BOUNCED)


def _marks(
    customers: Mapping[int, Customer],
    invoices: Mapping[str, int],
    by_invoice: Decisions,
    by_customer: Decisions,
) -> dict[int, list[Decision]]:
    """Every decision about a customer or one of their open invoices, by row id of the customer."""
    found: dict[int, list[Decision]] = defaultdict(list)
    for row, customer in customers.items():
        if customer.id in by_customer:
            found[row] += by_customer[customer.id]
    for ref, made in by_invoice.items():
        if ref in invoices:
            found[invoices[ref]] += made
    return found


def _credits(facts: Facts, ids: Sequence[int], rest: Iterable[Lines]) -> dict[int, list[Credit]]:
    """Credit notes and overpaid invoices by customer."""
    found: dict[int, list[Credit]] = defaultdict(list)
    for customer, ref, number, currency, left in facts.credit_notes(ids):
        found[customer].append(Credit(id=ref, number=number, currency=currency, amount=left))
    below = {ref: (customer, *told) for customer, ref, *told in facts.overpaid(ids)}
    sums: dict[str, int] = defaultdict(int)
    for part in rest:
        for customer, ref, number, currency, balance in zip(
            part.customer_id, part.ref, part.number, part.currency, part.balance, strict=True
        ):
            if balance < 0:
                sums[ref] += balance  # the lines tell more than the invoice
                below[ref] = customer, number, currency, sums[ref]
    for ref, (customer, number, currency, balance) in below.items():
        found[customer].append(Credit(id=ref, number=number, currency=currency, amount=-balance))
    return found


def _money(
    facts: Facts, ids: Sequence[int], attached: Set[int]
) -> tuple[dict[int, list[Money]], dict[int, list[Money]], set[int]]:
    """By customer: booked money set against nothing, money on its way for nothing in particular,
    and whose direct debit came back."""
    booked: dict[int, list[Money]] = defaultdict(list)
    pending: dict[int, list[Money]] = defaultdict(list)
    refused = set()
    for row in facts.payments(ids):
        if row.state == PaymentState.RETURNED:
            refused.add(row.customer_id)
        elif row.state == PaymentState.BOOKED:
            booked[row.customer_id].append(_part(row, row.unallocated))
        elif row.unallocated > 0 or row.id not in attached:
            pending[row.customer_id].append(_part(row, row.unallocated or row.amount))
    return booked, pending, refused


def _part(row: Any, amount: int) -> Money:
    return Money(id=row.ref, currency=row.currency, paid_on=row.paid_on, amount=amount)
