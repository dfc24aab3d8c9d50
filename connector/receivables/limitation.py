"""When a claim is lost by time: limitation by country and kind of customer, and insolvency.

Only countries whose general rule is settled are listed; elsewhere nothing is assumed.
Sources: FR L110-4 code de commerce and L218-2 code de la consommation; DE sections 195 and 199
BGB; BE art. 2262bis old civil code; NL 3:307 BW; UK Limitation Act 1980; insolvency: FR R622-24
code de commerce; read 2026-11.
"""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from connector.receivables.records import CustomerKind

_DECLARE_MONTHS: Mapping[str, tuple[int, int]] = {"FR": (2, 4)}  # at home, abroad

_YEARS: Mapping[str, tuple[int, int]] = {  # business, consumer
    "FR": (5, 2),
    "BE": (10, 10),
    "DE": (3, 3),
    "NL": (5, 5),
    "GB": (6, 6),
    "IE": (6, 6),
    "IT": (10, 10),
    "ES": (5, 5),
    "LU": (10, 10),
}


@lru_cache(maxsize=4096)
def last_day(due_on: date, country: str, kind: CustomerKind) -> date | None:
    """The last day on which a debt due on a day can be claimed in court, None if not known.

    Germany counts from the end of the calendar year in which the debt fell due.
    """
    years = _YEARS.get(country)
    if not years:
        return None
    length = years[kind is CustomerKind.CONSUMER]
    if country == "DE":
        return date(due_on.year + length, 12, 31)
    try:
        return due_on.replace(year=due_on.year + length)
    except ValueError:  # 29 February
        return date(due_on.year + length, 2, 28)


def declare_by(published_on: date, country: str, *, abroad: bool = False) -> date | None:
    """The last day to declare a claim after insolvency proceedings were published in a country.

    `abroad`: the creditor is not established there. None where no fixed delay is known: the
    judgment or the administrator's letter names the day.
    """
    given = _DECLARE_MONTHS.get(country)
    if given is None:
        return None
    months = given[abroad]
    year, month = divmod(published_on.year * 12 + published_on.month - 1 + months, 12)
    return date(year, month + 1, min(published_on.day, monthrange(year, month + 1)[1]))
