"""Late-payment interest of one due line: exact, in segments, rounded once half up.

Accrual days run from the day after the due date to the day of payment, both included; the day of
a payment still bears interest on the old balance. Amounts are minor units, rates percent a year.
Source: Directive 2011/7/EU and the statutes named with each regime; state of November 2026.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from connector.receivables import money
from connector.receivables.rates import Rates, published
from connector.receivables.records import Payment, PaymentState
from connector.receivables.regimes import Regime
from connector.receivables.tariff import Tariff

DAY = timedelta(days=1)


class Imputation(StrEnum):
    """What a payment pays first. Accounting software lowers the principal; a statute may not."""

    PRINCIPAL_FIRST = "principal_first"
    INTEREST_FIRST = "interest_first"
    COSTS_INTEREST_FIRST = "costs_interest_first"


@dataclass(frozen=True, slots=True)
class Event:
    """A payment, or a credit note, that lowers what is owed from the day after it."""

    on: date
    amount: int
    credit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Days (both ends included) with one base and one rate; `base` and `interest` are exact.

    `basis` is the number of days of the year it is divided by.
    """

    first: date
    last: date
    base: Fraction
    rate: Decimal
    basis: int
    interest: Fraction

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    def text(self, currency: str) -> str:
        """The interest in major units with four decimals, so that a printed sum can be checked."""
        exact = self.interest / 10 ** money.digits(currency)
        value = Decimal(exact.numerator) / Decimal(exact.denominator)
        return str(value.quantize(Decimal("0.0001"), ROUND_HALF_UP))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a late line costs, worked out to `until`, that day included.

    `interest` is all that has accrued, in payments imputed or not; `fixed` the sum that the law
    gives without more. `principal_left`, `interest_left` and `fixed_left` are still owed after
    the payments. `warnings` are words for the owner.
    """

    regime: str
    first_day: date
    until: date
    segments: tuple[Segment, ...]
    interest: int
    fixed: int
    principal_left: int
    interest_left: int
    fixed_left: int
    warnings: tuple[str, ...] = ()


def half_up(amount: Fraction) -> int:
    """The nearest whole number, a half going up."""
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)


def booked(payments: Iterable[Payment], invoice_id: str, line_id: str = "") -> tuple[Event, ...]:
    """The payments of an invoice (or of one due line) that count: a returned one is none."""
    return tuple(
        Event(payment.paid_on, part.amount)
        for payment in payments
        if payment.state is PaymentState.BOOKED
        for part in payment.allocations
        if part.invoice_id == invoice_id and line_id in ("", part.line_id)
    )


def interest(
    regime: Regime,
    principal: int,
    first_day: date,
    until: date,
    events: Iterable[Event] = (),
    contract_rate: Decimal | None = None,
    *,
    imputation: Imputation = Imputation.PRINCIPAL_FIRST,
    own_date: bool = False,
    rates: Rates | None = None,
) -> Statement:
    """The interest and the fixed sum of a line whose first day of default is `first_day`.

    A credit note lowers the principal from the first day on, or with `own_date` from the day
    after its own. What is imputed on interest is rounded at each payment.

    Raises:
        RateMissing: a day that needs a rate has none; with one rate for the whole delay only the
            day that fixes it needs one.
    """
    events = sorted(events, key=lambda event: (event.on, not event.credit))
    if any(event.amount < 0 for event in events):
        raise ValueError("a payment or credit note below zero: leave out what was returned")
    known = [e for e in events if e.on < first_day or (e.credit and not own_date)]
    later = [e for e in events if e not in known and e.on <= until]
    owed = max(principal - sum(event.amount for event in known), 0)
    credited = sum(event.amount for event in events if event.credit) >= principal
    by_law = until >= first_day and not regime.consumer and not credited
    fixed = regime.fixed_sum(owed) if by_law else 0
    account = _Account(regime, owed, fixed, imputation)
    tariff = Tariff(regime, first_day, contract_rate, rates or published())
    _run(account, tariff, later, until)
    return account.statement(first_day, until, tariff.warnings)


def _run(account: "_Account", tariff: Tariff, events: Sequence[Event], until: date) -> None:
    """Let the days go by, in spans within which nothing changes."""
    first_day = tariff.first_day
    years = {*_anniversaries(first_day - DAY, until)} if tariff.regime.compound else set[date]()
    ends = {*years, *(event.on for event in events)}
    starts = {first_day, until + DAY, *tariff.changes(until), *(day + DAY for day in ends)}
    days = sorted(day for day in starts if first_day <= day <= until + DAY)
    for start, following in pairwise(days):
        last = following - DAY
        if tariff.runs:
            account.accrue(start, last, tariff)
        if last in years:
            account.capitalise()
        account.take(event for event in events if event.on == last)


class _Account:
    """The running debt: `capital` is interest that bears interest, `accrued` what does not."""

    def __init__(self, regime: Regime, owed: int, fixed: int, imputation: Imputation) -> None:
        self.regime = regime
        self.principal = owed
        self.fixed = self.fixed_left = fixed
        self.imputation = imputation
        self.paid = 0
        self.accrued = self.capital = Fraction(0)
        self.segments: list[Segment] = []

    def capitalise(self) -> None:
        """A year is over: its interest joins the base, unrounded."""
        self.capital += self.accrued
        self.accrued = Fraction(0)

    def take(self, events: Iterable[Event]) -> None:
        """Lower the debt by payments and credit notes; what is too much is left aside."""
        for event in events:
            left = event.amount
            if not event.credit:
                left -= self._costs(left)
                left -= self._interest(left)
            self.principal = max(self.principal - left, 0)

    def _costs(self, amount: int) -> int:
        if self.imputation is not Imputation.COSTS_INTEREST_FIRST:
            return 0
        used = min(amount, self.fixed_left)
        self.fixed_left -= used
        return used

    def _interest(self, amount: int) -> int:
        if self.imputation is Imputation.PRINCIPAL_FIRST:
            return 0
        owed = half_up(self.accrued + self.capital)
        used = min(amount, owed)
        self.paid += used
        self.capital = min(self.capital, Fraction(owed - used))
        self.accrued = owed - used - self.capital
        return used

    def accrue(self, first: date, last: date, tariff: Tariff) -> None:
        """Add the interest of days that share rate, base and year."""
        base = self.capital + self.principal
        if base <= 0:
            return
        rate = tariff.on(first)
        basis = 366 if self.regime.actual and _is_leap(first.year) else 365
        days = (last - first).days + 1
        # base x days x rate / (100 x basis), in one fraction: each on the way would be reduced
        above, below = rate.as_integer_ratio()
        amount = Fraction(base.numerator * days * above, base.denominator * 100 * basis * below)
        self.accrued += amount
        made = Segment(first=first, last=last, base=base, rate=rate, basis=basis, interest=amount)
        before = self.segments[-1] if self.segments else None
        alike = before and (before.base, before.rate, before.basis) == (base, rate, basis)
        if before and alike and before.last == first - DAY:
            total = before.interest + amount
            self.segments[-1] = replace(before, last=last, interest=total)
        else:
            self.segments.append(made)

    def statement(self, first_day: date, until: date, warnings: tuple[str, ...]) -> Statement:
        """The result: rounded once, or at each imputation and at the end."""
        left = half_up(self.accrued + self.capital)
        return Statement(
            regime=self.regime.code,
            first_day=first_day,
            until=until,
            segments=tuple(self.segments),
            interest=self.paid + left,
            fixed=self.fixed,
            principal_left=self.principal,
            interest_left=left,
            fixed_left=self.fixed_left,
            warnings=warnings,
        )


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _anniversaries(due_on: date, until: date) -> Iterator[date]:
    """Each anniversary of a due date up to a day; that of 29 February is the 28th."""
    for year in range(due_on.year + 1, until.year + 1):
        day = 28 if (due_on.month, due_on.day) == (2, 29) else due_on.day
        yield date(year, due_on.month, day)
