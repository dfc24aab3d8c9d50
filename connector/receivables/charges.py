"""Fixed sums for recovery costs, in minor units, from what was unpaid when the due date ended.

Legal maxima are rounded down. Each rule gives 0 for an amount of 0: nothing is late then.
"""

from collections.abc import Callable

FixedSum = Callable[[int], int]


def nothing(unpaid: int) -> int:
    """0: no fixed sum is owed."""
    return 0


def forty(unpaid: int) -> int:
    """40.00 for each late invoice.

    Source: Directive 2011/7/EU, art. 6; FR D441-5 code de commerce; DE section 288(5) BGB; BE law
    of 2 August 2002, art. 6; ES Ley 3/2004, art. 8; IT D.Lgs. 231/2002, art. 6; read 2026-11.
    """
    return 4000 if unpaid > 0 else 0


def uk(unpaid: int) -> int:
    """40.00, 70.00 or 100.00 pounds for a debt below 1 000, below 10 000, or of that and more.

    Source: Late Payment of Commercial Debts (Interest) Act 1998, section 5A; read 2026-11.
    """
    if unpaid <= 0:
        return 0
    return 4000 if unpaid < 100_000 else 7000 if unpaid < 1_000_000 else 10_000


def ie(unpaid: int) -> int:
    """40.00, 70.00 or 100.00 euro for a debt up to 1 000, up to 10 000, or above.

    Source: S.I. No. 580/2012 (Ireland), regulation 9; read 2026-11.
    """
    if unpaid <= 0:
        return 0
    return 4000 if unpaid <= 100_000 else 7000 if unpaid <= 1_000_000 else 10_000


_WIK = ((250_000, 150), (250_000, 100), (500_000, 50), (19_000_000, 10))  # width, per mille


def wik(principal: int, *, vat: bool = False) -> int:
    """The Dutch scale of collection costs: at least 40.00, at most 6 775.00.

    `vat` adds 21 %: only for a creditor who cannot deduct it.
    Source: Besluit vergoeding voor buitengerechtelijke incassokosten, art. 2; read 2026-11.
    """
    if principal <= 0:
        return 0
    left, thousandths = principal, 0
    for width, per_mille in _WIK:
        part = min(left, width)
        thousandths += part * per_mille
        left -= part
    thousandths += left * 5
    costs = min(max(thousandths // 1000, 4000), 677_500)
    return costs * 121 // 100 if vat else costs


def be_consumer(balance: int) -> int:
    """The most that a clause may ask of a Belgian consumer, by the balance due.

    Source: Code of economic law, art. XIX.4 (act of 4 May 2023); read 2026-11.
    """
    if balance <= 0:
        return 0
    if balance <= 15_000:
        return 2000
    if balance <= 50_000:
        return 3000 + (balance - 15_000) // 10
    return min(6500 + (balance - 50_000) // 20, 200_000)
