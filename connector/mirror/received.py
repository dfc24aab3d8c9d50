"""What a promise, a plan or a discount is held against: money received, lines beside, excess."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from connector.dunning.snapshot import Account, Overpaid, Paid
from connector.mirror.facts import Facts
from connector.mirror.questions import Line
from connector.receivables.records import Decision, Mark

_HELD_AGAINST = (Mark.PROMISED, Mark.PLAN, Mark.CAUSE)


class Beside(NamedTuple):
    """The open balances of an invoice's other lines, due before and after one of them."""

    before: int = 0
    after: int = 0


def received(
    facts: Facts,
    owing: Sequence[Line],
    accounts: Mapping[int, Account],
    by_invoice: Mapping[str, Sequence[Decision]],
) -> dict[int, tuple[Paid, ...]]:
    """Payments of the customers with a promise, a plan, a discount or a part paid, by row id."""
    promised = {ref for ref, made in by_invoice.items() if _promises(made)}
    wanted = {
        row.customer_id
        for row in owing
        if row.balance < row.amount
        or (row.discount and row.balance <= row.discount)
        or row.ref in promised
    }
    wanted |= {row for row, account in accounts.items() if _promises(account.decisions)}
    found: dict[int, list[Paid]] = defaultdict(list)
    for row in facts.received(sorted(wanted)) if wanted else ():
        found[row.customer_id].append(Paid(row.paid_on, row.amount, row.currency, row.invoice_ref))
    return {customer: tuple(paid) for customer, paid in found.items()}


def _promises(decisions: Sequence[Decision]) -> bool:
    return any(decision.mark in _HELD_AGAINST for decision in decisions)


def lines_beside(owing: Sequence[Line], several: Set[str]) -> dict[tuple[str, str], Beside]:
    """What else is open, by invoice and line, of the invoices in several lines."""
    invoices: dict[str, list[Line]] = defaultdict(list)
    for row in owing if several else ():
        if row.ref in several:
            invoices[row.ref].append(row)
    found = {}
    for lines in invoices.values():
        total, before = sum(line.balance for line in lines), 0
        for line in sorted(lines, key=lambda line: line.rank):
            found[line.ref, line.line_ref] = Beside(before, total - before - line.balance)
            before += line.balance
    return found


def overpaid(facts: Facts) -> tuple[Overpaid, ...]:
    """Invoices on which more was paid than was owed, in all or on one of their lines."""
    return tuple(
        Overpaid(
            customer_id=row.customer_ref,
            customer=row.name,
            owner=row.owner,
            number=row.number,
            currency=row.currency,
            amount=row.amount,
        )
        for row in facts.excess()
    )
