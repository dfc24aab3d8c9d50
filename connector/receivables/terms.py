"""Due dates from payment terms, for checks and for lines without a date; nothing here moves one.

The due date of the accounting software always wins.
"""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from connector.receivables import calendar
from connector.receivables.calendar import Places
from connector.receivables.records import CustomerKind

DEFAULT_DAYS = 30  # after receipt of the invoice where no date was agreed


class EndOfMonth(StrEnum):
    """Two lawful readings of `30 days end of month`."""

    AFTER = "after"  # the end of the month in which the days are over
    BEFORE = "before"  # the days begin at the end of the month of the invoice


@dataclass(frozen=True, slots=True)
class Term:
    """So many days, to the end of a month where one is named, and then so many days more."""

    days: int
    end_of_month: EndOfMonth | None = None
    then: int = 0


_TERM = re.compile(
    r"(?:net )?(?P<days>[0-9]{1,3})(?: days?)?(?P<after> end of month)?(?: (?P<then>[0-9]{1,2}))?"
    r"|end of month (?P<more>[0-9]{1,3})(?: days?)?"
)


def read(text: str) -> Term:
    """A term in words: `60 days`, `45 days end of month`, `30 days end of month 10`.

    `end of month 45 days` begins to count at the end of the month of the invoice.

    Raises:
        ValueError: it says none of these.
    """
    found = _TERM.fullmatch(" ".join(text.casefold().split()))
    if not found or (found["then"] and not found["after"]):
        raise ValueError("expected a term such as 60 days, or 45 days end of month")
    if found["more"]:
        return Term(int(found["more"]), EndOfMonth.BEFORE)
    return Term(
        int(found["days"]),
        EndOfMonth.AFTER if found["after"] else None,
        int(found["then"] or 0),
    )


def due_on(start: date, term: Term) -> date:
    """The due date, counted from the day that starts the term: of invoice, delivery or receipt."""
    if term.end_of_month is EndOfMonth.BEFORE:
        start = _month_end(start)
    day = start + timedelta(days=term.days)
    if term.end_of_month is EndOfMonth.AFTER:
        day = _month_end(day)
    return day + timedelta(days=term.then)


def agreed_or_default(received_on: date) -> date:
    """The last day to pay where no date was agreed: thirty days after receipt.

    Source: Directive 2011/7/EU, art. 3(3)(b).
    """
    return received_on + timedelta(days=DEFAULT_DAYS)


def rolled(due: date, places: Places) -> date:
    """A due date on a closed day moved to the next open one, as in section 193 BGB."""
    return calendar.next_open(due, places)


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


_LONGEST: Mapping[str, int] = dict.fromkeys(("BE", "NL", "DE", "GB", "ES", "IT", "LU", "FR"), 60)
_FORTY_FIVE = tuple(Term(45, reading) for reading in EndOfMonth)


def beyond_law(issued_on: date, due: date, country: str, kind: CustomerKind) -> str:
    """A warning that a term is longer than the law of the seller's country allows, else empty.

    France allows sixty days from the invoice, or forty-five days end of month; its public buyers
    have thirty (hospitals fifty, public enterprises sixty). Only a warning: sectors and express
    agreements differ.
    Source: code de commerce L441-10; Directive 2011/7/EU, art. 3(5); read 2026-11.
    """
    days = _LONGEST.get(country)
    if days is None or kind is CustomerKind.CONSUMER:
        return ""
    if country == "FR" and kind is CustomerKind.PUBLIC:
        days = 30
    latest = issued_on + timedelta(days=days)
    if country == "FR" and kind is CustomerKind.BUSINESS:
        latest = max(latest, *(due_on(issued_on, term) for term in _FORTY_FIVE))
    if due <= latest:
        return ""
    return (
        f"due {(due - issued_on).days} days after the invoice: the law of {country} allows {days}"
    )
