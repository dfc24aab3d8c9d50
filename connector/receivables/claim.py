"""What is owed today: the only place where balances, credits and money on account meet."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class Owed(NamedTuple):
    """A due line of one customer and currency, as the claim sees it.

    `claimable` lines are overdue ones with no reason of their own but waiting or the gap: credits
    go to them first. `withheld` is the disputed part of the balance.
    """

    id: str
    due_on: date | None
    balance: int
    claimable: bool
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """The part of one credit that lowers one line."""

    credit: str
    line: str
    amount: int


@dataclass(frozen=True, slots=True)
class Claim:
    """The net principal of lines, and how the credits were spread; nothing below zero.

    A line that is not named is owed in full.
    """

    net: Mapping[str, int]
    parts: tuple[Part, ...]

    def of(self, line: str, balance: int) -> int:
        """The net principal of a line with this balance."""
        return self.net.get(line, balance)


IN_FULL = Claim({}, ())


def claim(lines: Iterable[Owed], credits: Iterable[tuple[str, int]]) -> Claim:
    """Spread credits (document, amount) over the lines of one customer and one currency.

    Claimable lines come first, oldest due date first, then the rest; a line never falls below
    zero, and a disputed part is neither claimed nor covered.
    """
    lines, spread = list(lines), sorted(credits)
    net = {line.id: max(line.balance - line.withheld, 0) for line in lines}
    if not spread:
        return Claim(net, ())
    ordered = sorted(lines, key=lambda line: (not line.claimable, line.due_on or date.max, line.id))
    parts = []
    for document, amount in spread:
        left = amount
        for line in ordered:
            used = min(left, net[line.id])
            if used > 0:
                net[line.id] -= used
                left -= used
                parts.append(Part(document, line.id, used))
    return Claim(net, tuple(parts))


def explains(payments: Sequence[int], balances: Iterable[int], overdue: int) -> bool:
    """Whether money attached to nothing may well be the payment of what is open.

    True if a payment, or all of them together, equals an open balance, or if together they
    exceed a tenth of what is overdue. Amounts of one customer and one currency.
    """
    total = sum(payments)
    if total <= 0:
        return False
    return total * 10 > overdue or not {total, *payments}.isdisjoint(balances)


class Discount(StrEnum):
    """What became of an early-payment discount, told by what is left of the invoice."""

    NONE = "none"  # none was agreed, or more is open than it could explain
    TAKEN = "taken"  # the rest was deducted in time: nothing more is owed
    LATE = "late"  # the rest was deducted after the last day: it is still owed


def discount(rest: int, allowed: int, until: date | None, paid_on: date | None) -> Discount:
    """Whether the rest of an invoice is its discount, deducted in time or too late.

    `allowed` may be deducted when all else is paid by `until`, that day included; `paid_on` is
    the day of the last payment. One day late loses it.
    """
    if not until or not paid_on or not 0 < rest <= allowed:
        return Discount.NONE
    return Discount.TAKEN if paid_on <= until else Discount.LATE
