"""How a language writes figures, days and lists in a document, and its sentences."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from babel import Locale
from babel.dates import get_day_names
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from connector.messages.formats import long_date, money
from connector.receivables import money as minor_units


@dataclass(frozen=True, slots=True)
class Voice:
    """The words of a language, and how it writes amounts, days and lists."""

    words: Mapping[str, str]
    locale: Locale

    def __call__(self, key: str, **values: object) -> str:
        """A sentence."""
        return self.words[key].format(**values)

    def count(self, number: int, unit: str) -> str:
        """`1 day`, `3 working days`."""
        one, many = self.words[unit].split("|")
        single = number == 1 or (number == 0 and self.locale.language == "fr")
        return (one if single else many).format(count=format_decimal(number, locale=self.locale))

    def all(self, values: Iterable[str]) -> str:
        """`a, b and c`."""
        return format_list(list(values), locale=self.locale)

    def any(self, values: Iterable[str]) -> str:
        """`a, b or c`."""
        return format_list(list(values), style="or", locale=self.locale)

    def amounts(self, given: Mapping[str, Decimal]) -> str:
        """Amounts in several currencies, any of them."""
        return self.any(
            money(minor_units.minor(amount, code), code, self.locale)
            for code, amount in sorted(given.items())
        )

    def one_of(self, prefix: str, values: Iterable[str]) -> str:
        """The words for some values, any of them."""
        return self.any(self(f"{prefix}.{value}") for value in values)

    def share(self, part: Decimal) -> str:
        """`10%`."""
        return format_percent(part, "#,##0.##%", locale=self.locale)

    def day(self, month_day: tuple[int, int]) -> str:
        """`1 August`, whatever the year."""
        text = long_date(date(2024, *month_day), self.locale)
        return text.replace("2024", "").strip(" ,")

    def clock(self, at: time) -> str:
        """`09:00`; the end of the day is `24:00`."""
        return "24:00" if at == time.max else f"{at:%H:%M}"

    def weekdays(self, days: frozenset[int]) -> str:
        """`Monday to Friday`, or a list of days."""
        names = get_day_names("wide", locale=self.locale)
        told = [names[day] for day in sorted(days)]
        if len(told) > 2 and max(days) - min(days) == len(days) - 1:
            return self.words["window.days"].format(first=told[0], last=told[-1])
        return self.all(told)

    def typeset(self, text: str) -> str:
        """French sets a space that does not break before its tall signs and inside its quotes."""
        if self.locale.language != "fr":
            return text
        for sign in (":", ";", "?", "!", "»"):
            text = text.replace(f" {sign}", f"\u00a0{sign}")
        return text.replace("« ", "«\u00a0")
