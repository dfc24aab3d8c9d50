"""Measures of how customers pay."""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from statistics import median

LATE_DAYS = 30
PUNCTUAL_DAYS = 3
BROKEN_PROMISES = 2
NEW_MONTHS = 6
LOYAL_MONTHS = 12
FEW_PAID = 3

HABITS = ("new", "loyal", "late", "occasional")
STRATEGIC = "strategic"
WATCH = "watch"
RECENT = 3
LEAST_KNOWN = 5  # payments without which nothing is called usual
MOST_KNOWN = 12
KNOWN_MONTHS = 24
LEAST_SHIFT = 7  # days; a smaller change is none
SPREAD = 1.4826  # turns a median absolute deviation into a standard deviation


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


def overridden(
    habit: str, signals: tuple[str, ...], by_hand: str, until: date | None, today: date
) -> tuple[str, tuple[str, ...]]:
    """Habit and signals after the owner's own word, which wins up to and including `until`.

    A word that is no habit (`strategic`) is a signal; one that is a habit replaces the measured
    one, and takes back that the customer is strategic.
    """
    if not by_hand or (until and until < today):
        return habit, signals
    kept = tuple(signal for signal in signals if signal not in (STRATEGIC, by_hand))
    return (by_hand, kept) if by_hand in HABITS else (habit, (by_hand, *kept))


@dataclass(frozen=True, slots=True)
class Observation:
    """A due line that was paid, or is open and overdue while `paid_on` is None."""

    due_on: date
    id: str
    paid_on: date | None = None
    disputed: bool = False

    def days(self, today: date) -> int:
        """Days from due date to payment; of an open line those so far, a lower bound."""
        return ((self.paid_on or today) - self.due_on).days


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a customer pays otherwise than usual, with the days behind it.

    The days are None when too few payments are known to call anything usual. `usual` is the
    median of the baseline, `recent` that of the three latest observations, `shift` the change
    from which on it counts.
    """

    usual: float | None = None
    shift: float | None = None
    recent: float | None = None
    latest: int | None = None
    watch: bool = False  # the latest is later than usual
    changed: bool = False  # the three latest are
    improved: bool = False  # the three latest are earlier than usual

    @property
    def words(self) -> tuple[str, ...]:
        """What holds, of `changed`, `watch` and `improved`."""
        given = {"changed": self.changed, "watch": self.watch, "improved": self.improved}
        return tuple(word for word, holds in given.items() if holds)


def change(observations: Iterable[Observation], today: date) -> Verdict:
    """Whether the latest payments leave a customer's habit; robust against a single outlier.

    The habit is the median of up to twelve payments before the three latest observations, due
    within two years and not disputed. An open overdue line counts once it is later than usual.
    """
    seen = sorted(
        (one for one in observations if one.paid_on or one.due_on < today),
        key=lambda one: (one.due_on, one.id),
    )
    while True:
        recent, known = seen[-RECENT:], _baseline(seen[:-RECENT], today)
        if len(known) < LEAST_KNOWN:
            return Verdict()
        usual = median(known)
        early = [one for one in recent if not one.paid_on and one.days(today) <= usual]
        if not early:
            return _verdict(usual, known, [one.days(today) for one in recent])
        seen.remove(early[-1])  # open, and not yet later than usual: it says nothing


def _baseline(before: Sequence[Observation], today: date) -> list[int]:
    since = months_before(today, KNOWN_MONTHS)
    paid = (one for one in before if one.paid_on and not one.disputed and one.due_on >= since)
    return [one.days(today) for one in paid][-MOST_KNOWN:]


def _verdict(usual: float, known: Sequence[int], latest: Sequence[int]) -> Verdict:
    shift = max(LEAST_SHIFT, 3 * SPREAD * median(abs(days - usual) for days in known))
    recent = median(latest)
    return Verdict(
        usual=usual,
        shift=shift,
        recent=recent,
        latest=latest[-1],
        watch=latest[-1] > usual + shift,
        changed=recent > usual + shift,
        improved=recent < usual - shift,
    )


@cache
def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or the last of that month where it has none."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
