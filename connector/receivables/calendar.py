"""Business days and sending windows.

A *place* is a country (`FR`), a country with a region (`FR-6AE`), or `ECB` for the days on which
euro transfers stand still. A place the holiday tables do not know has weekends only.
Source of the holidays: the `holidays` package.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache

import holidays

Places = tuple[str, ...]
WEEK = frozenset(range(5))  # Monday to Friday
DAY = timedelta(days=1)


@cache
def known(place: str) -> bool:
    """Whether holidays are known for a place."""
    country, _, region = place.partition("-")
    if place == "ECB":
        return True
    regions = holidays.list_supported_countries().get(country)
    return regions is not None and (not region or region in regions)


@cache
def _holidays(place: str, year: int) -> frozenset[date]:
    if not known(place):
        return frozenset()
    if place == "ECB":
        return frozenset(holidays.financial_holidays("ECB", years=year))
    country, _, region = place.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=region or None, years=year))


@lru_cache(maxsize=65536)
def is_open(day: date, places: Places, week: frozenset[int] = WEEK) -> bool:
    """Whether a day is one of the week's working days and no holiday in any of the places."""
    return day.weekday() in week and not any(day in _holidays(p, day.year) for p in places)


@lru_cache(maxsize=65536)
def next_open(day: date, places: Places, week: frozenset[int] = WEEK) -> date:
    """The day itself if open, else the next open day."""
    while not is_open(day, places, week):
        day += DAY
    return day


def previous_open(day: date, places: Places, week: frozenset[int] = WEEK) -> date:
    """The day itself if open, else the open day before it."""
    while not is_open(day, places, week):
        day -= DAY
    return day


@lru_cache(maxsize=65536)
def after(day: date, count: int, places: Places) -> date:
    """The `count`-th business day after a day; zero is the day itself."""
    for _ in range(count):
        day = next_open(day + DAY, places)
    return day


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the firm's own clock on some weekdays (0 is Monday); `until` is excluded."""

    days: frozenset[int]
    start: time
    until: time


CIVIL_WEEK = frozenset(range(6))  # Monday to Saturday
CIVIL_FROM, CIVIL_UNTIL = time(8), time(20)


def civil(windows: Sequence[Window]) -> tuple[Window, ...]:
    """The hours of these windows at which a consumer may be disturbed; empty if there are none.

    Never on Sundays, before eight or after eight in the evening. Belgian law draws the line at
    ten at night; the narrower hours are right everywhere.
    Source: Belgian Code of economic law, book XIX, read 2026-11.
    """
    found = (
        Window(
            window.days & CIVIL_WEEK, max(window.start, CIVIL_FROM), min(window.until, CIVIL_UNTIL)
        )
        for window in windows or (Window(CIVIL_WEEK, CIVIL_FROM, CIVIL_UNTIL),)
    )
    return tuple(window for window in found if window.days and window.start < window.until)


def next_opening(windows: Sequence[Window], at: datetime) -> datetime:
    """The first instant from `at` on (aware, in the firm's zone) that lies in a window.

    No windows: always open. The result has the zone of `at`.

    Raises:
        ValueError: no window opens within a year.
    """
    if not windows:
        return at
    for ahead in range(366):
        day = at.date() + ahead * DAY
        starts = []
        for window in windows:
            if day.weekday() not in window.days:
                continue
            if ahead == 0 and window.start <= at.time() < window.until:
                return at
            start = datetime.combine(day, window.start, at.tzinfo)
            if start > at:
                starts.append(start)
        if starts:
            return min(starts)
    raise ValueError("no sending window ever opens")
