"""The values in a policy file: weekdays, times, days of the year, amounts, words."""

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from connector.receivables import calendar, money

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def weekdays(value: object) -> frozenset[int]:
    """The days of a text such as `mon-fri` or `mon,wed,fri`, Monday 0."""
    days: set[int] = set()
    for part in str(value).replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last and last not in WEEKDAYS):
            raise ValueError("expected weekdays such as mon-fri or mon,wed,fri")
        start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        days.update(range(start, end + 1) if start <= end else [*range(start, 7), *range(end + 1)])
    return frozenset(days)


def clock(value: object) -> time:
    """A time of the clock; `24:00` is the last moment of the day."""
    if value == "24:00":
        return time.max
    try:
        return time.fromisoformat(str(value))
    except ValueError:
        raise ValueError("expected a time such as 09:00 (24:00 is the end of the day)") from None


def month_day(value: object) -> tuple[int, int]:
    """A day of any year, as month and day."""
    try:
        day = date.fromisoformat(f"2024-{value}")
    except ValueError:
        raise ValueError("expected a day of the year such as 08-01 (month-day)") from None
    return day.month, day.day


def _currency(value: str) -> str:
    money.digits(value)
    return value


def known_country(value: str) -> str:
    """A country whose holidays are known."""
    if not calendar.known(value):
        raise ValueError("expected a country code such as FR (ISO 3166-1)")
    return value


def _whole_minor_units(amounts: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    for code, amount in amounts.items():
        money.minor(amount, code)
    return amounts


def plain(value: object) -> object:
    """A value that JSON does not know, always in the same words."""
    return sorted(value) if isinstance(value, frozenset) else str(value)


def listed(value: object) -> object:
    """A single word as a list of one."""
    return [value] if isinstance(value, str) else value


Code = Annotated[str, BeforeValidator(_currency)]
Minimum = Annotated[
    Mapping[Code, Annotated[Decimal, Field(ge=0)]], AfterValidator(_whole_minor_units)
]
Count = Annotated[int, Field(ge=0)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
Word = Annotated[str, Field(pattern=r"^[a-z0-9_][a-z0-9_-]*$", max_length=40)]
