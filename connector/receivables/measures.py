"""Measures of how customers pay."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from functools import cache
from statistics import median

LATE_DAYS = 30
PUNCTUAL_DAYS = 3
BROKEN_PROMISES = 2
NEW_MONTHS = 6
LOYAL_MONTHS = 12
FEW_PAID = 3


def behaviour(
    delays: Sequence[int],
    first_issued_on: date | None,
    today: date,
    *,
    debit_refused: bool = False,
    broken_promises: int = 0,
) -> str:
    """`late`, `new`, `loyal` or `occasional`: how a customer pays, the first that fits.

    `delays` are days from due date to payment of what was paid, negative when early.
    """
    middle = median(delays) if delays else None
    late = middle is not None and middle > LATE_DAYS
    if late or debit_refused or broken_promises >= BROKEN_PROMISES:
        return "late"
    recent = first_issued_on is None or first_issued_on > months_before(today, NEW_MONTHS)
    if recent or middle is None or len(delays) < FEW_PAID:
        return "new"
    long_known = first_issued_on and first_issued_on <= months_before(today, LOYAL_MONTHS)
    return "loyal" if long_known and middle <= PUNCTUAL_DAYS else "occasional"


@cache
def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or the last of that month where it has none."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
