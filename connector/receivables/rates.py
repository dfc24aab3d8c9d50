"""Reference rates of late-payment law by authority and day, from the dated table `rates.csv`.

Rates are exact decimals in percent a year. A new row of the table takes effect on its date. A
rate that nobody has published yet is missing: nothing is carried on.
"""

import csv
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from io import StringIO
from operator import attrgetter
from pathlib import Path

HALF_YEARLY = frozenset(
    {
        "ECB_MRO_SEMESTER",
        "UK_REFERENCE_SEMESTER",
        "FR_LEGAL_PRO",
        "FR_LEGAL_INDIVIDUAL",
        "BE_COMMERCIAL",
        "DE_BASE",
        "NL_TRADE",
    }
)
YEARLY = frozenset({"BE_LEGAL_CIVIL"})
DAY = timedelta(days=1)
_SINCE = attrgetter("since")


class RateMissing(ValueError):
    """No rate is known on a day that needs one; `day` is the first such day, or the one asked."""

    def __init__(self, authority: str, day: date, known_from: date | None = None) -> None:
        self.authority = authority
        self.day = day
        when = f"on {day} (known from {known_from})" if known_from else f"from {day}"
        super().__init__(f"rate missing: {authority} {when}")


def half_year(day: date) -> date:
    """The first day of a day's half-year."""
    return date(day.year, 1 if day.month < 7 else 7, 1)


def next_half_year(day: date) -> date:
    """The first day of the half-year after a day's own."""
    return date(day.year, 7, 1) if day.month < 7 else date(day.year + 1, 1, 1)


@dataclass(frozen=True, slots=True)
class Row:
    """A rate from a day on; None says that it is not known from that day on."""

    since: date
    percent: Decimal | None


@dataclass(frozen=True, slots=True)
class Rates:
    """The table: rows by authority, oldest first.

    Half-yearly authorities end with the half-year of their last row, yearly ones with its year;
    any other rate stays in force until the next row.
    """

    rows: Mapping[str, tuple[Row, ...]]

    @classmethod
    def parse(cls, text: str, name: str = "rates.csv") -> "Rates":
        """The table from CSV with the columns authority, valid_from and rate_percent.

        Raises:
            ValueError: a row cannot be read, or two say something of the same day.
        """
        found: dict[str, dict[date, Row]] = {}
        reader = csv.DictReader(StringIO(text))
        for line in reader:
            try:
                row = _row(line)
                rows = found.setdefault(line["authority"], {})
                if row.since in rows:
                    raise ValueError(f"a second rate of {line['authority']} from {row.since}")
            except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation) as error:
                told = f"{name}, line {reader.line_num}: {error}"
                raise ValueError(
                    f"{told}. Expected authority,valid_from,rate_percent"
                    " such as DE_BASE,2026-07-01,1.52"
                ) from None
            rows[row.since] = row
        return cls({who: tuple(rows[day] for day in sorted(rows)) for who, rows in found.items()})

    def on(self, authority: str, day: date, called: str = "") -> Decimal:
        """The rate in force on a day, in percent a year; `called` names it in the error.

        Raises:
            RateMissing: none is known on that day.
        """
        called = called or authority
        rows = self.rows.get(authority, ())
        past = bisect_right(rows, day, key=_SINCE)
        if not past:
            raise RateMissing(called, day, rows[0].since if rows else None)
        last = rows[past - 1]
        if last.percent is None:
            raise RateMissing(called, last.since)
        end = self._end(authority)
        if end and day >= end:
            raise RateMissing(called, end)
        return last.percent

    def changes(self, authority: str, after: date, until: date) -> tuple[date, ...]:
        """The days after a day, up to another, on which a rate of this authority takes effect."""
        rows = self.rows.get(authority, ())
        first, last = (bisect_right(rows, day, key=_SINCE) for day in (after, until))
        return tuple([row.since for row in rows[first:last]])

    def ending(self, authorities: Iterable[str], today: date) -> tuple[RateMissing, ...]:
        """What to tell the owner: rates not known today, or not on the next half-year's first day.

        The latter are told from 15 June and from 15 December on, when they have been published.
        """
        soon = (today.month, today.day) >= (12, 15) or (6, 15) <= (today.month, today.day) < (7, 1)
        days = (today, next_half_year(today)) if soon else (today,)
        missing: dict[str, RateMissing] = {}
        for authority in sorted(set(authorities)):
            for day in days:
                try:
                    self.on(authority, day)
                except RateMissing as error:
                    missing.setdefault(authority, error)
        return tuple(missing.values())

    def _end(self, authority: str) -> date | None:
        last = self.rows[authority][-1].since
        if authority in HALF_YEARLY:
            return next_half_year(last)
        return date(last.year + 1, 1, 1) if authority in YEARLY else None


def _row(line: Mapping[str, str]) -> Row:
    text = line["rate_percent"].strip()
    percent = Decimal(text) if text else None
    if percent is not None and not percent.is_finite():
        raise ValueError(f"{text!r} is no rate")
    return Row(date.fromisoformat(line["valid_from"]), percent)


@cache
def published() -> Rates:
    """The table that comes with the program."""
    return Rates.parse((Path(__file__).parent / "rates.csv").read_text(encoding="utf-8"))
