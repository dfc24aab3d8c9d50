"""What a promise, a plan or a discount is held against: money received, lines beside, excess."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from connector.dunning.snapshot import Account, Overpaid, Paid
from connector.mirror.facts import Facts
from connector.mirror.questions import Lines
from connector.receivables.records import Decision, Mark

_HELD_AGAINST = (Mark.PROMISED, Mark.PLAN, Mark.CAUSE)


class Beside(NamedTuple):
    """The open balances of an invoice's other lines, due before and after one of them."""

    before: int = 0
    after: int = 0


def received(
    facts: Facts,
    owing: Iterable[Lines],
    accounts: Mapping[int, Account],
    by_invoice: Mapping[str, Sequence[Decision]],
) -> dict[int, tuple[Paid, ...]]:
    """Payments of the customers with a promise, a plan, a discount or a part paid, by row id."""
    promised = {ref for ref, made in by_invoice.items() if _promises(made)}
    wanted = {
        customer
        for part in owing
        for customer, ref, amount, balance, discount in zip(
            part.customer_id, part.ref, part.amount, part.balance, part.discount, strict=True
        )
        if balance < amount or (discount and balance <= discount) or ref in promised
    }
    wanted |= {row for row, account in accounts.items() if _promises(account.decisions)}
    found: dict[int, list[Paid]] = defaultdict(list)
    for row in facts.received(sorted(wanted)) if wanted else ():
        found[row.customer_id].append(Paid(row.paid_on, row.amount, row.currency, row.invoice_ref))
    return {customer: tuple(paid) for customer, paid in found.items()}


def _promises(decisions: Sequence[Decision]) -> bool:
    return any(decision.mark in _HELD_AGAINST for decision in decisions)


def lines_beside(owing: Iterable[Lines], several: Set[str]) -> dict[tuple[str, str], Beside]:
    """What else is open, by invoice and line, of the invoices in several lines."""
    invoices: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
    for part in owing if several else ():
        for ref, rank, line_ref, balance in zip(
            part.ref, part.rank, part.line_ref, part.balance, strict=True
        ):
            if ref in several:
                invoices[ref].append((rank, line_ref, balance))
    found = {}
    for ref, lines in invoices.items():
        total, before = sum(balance for _, _, balance in lines), 0
        for _, line_ref, balance in sorted(lines):
            found[ref, line_ref] = Beside(before, total - before - balance)
            before += balance
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
