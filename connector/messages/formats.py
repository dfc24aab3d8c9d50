"""Amounts, dates and durations as people of a language and country write them."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_timedelta
from babel.numbers import format_currency, format_decimal

from connector.receivables import money as minor_units

_NEVER_MONTHS = 10**9  # days are never told in larger units
_SHORT = {"fr": "dd/MM/yyyy"}  # never read otherwise in French; elsewhere the month is a word


def locale_of(language: str, countries: Iterable[str]) -> Locale:
    """The first of language and country that is in use, else the language alone.

    Raises:
        UnknownLocaleError: no such language.
    """
    for country in countries:
        try:
            return Locale.parse(f"{language}_{country.upper()}")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse(language)


def money(amount: int, currency: str, locale: Locale) -> str:
    """Minor units as an amount with its currency: exact, no rounding takes place.

    `fr_FR` groups with U+202F and sets U+00A0 before the sign: both belong to the text.
    """
    return format_currency(minor_units.major(amount, currency), currency, locale=locale)


def percent(rate: Decimal, locale: Locale) -> str:
    """A rate with its sign and two decimals or as many as it has: `12,15 %`, `8,00 %`."""
    pattern = str(locale.percent_formats[None].pattern)
    return pattern.replace("#,##0", format_decimal(rate, "#,##0.00##", locale=locale))


def exact(amount: Fraction, currency: str, locale: Locale) -> str:
    """Minor units with two decimals more than the currency has, rounded half up, no sign."""
    digits = minor_units.digits(currency)
    value = Decimal(amount.numerator) / Decimal(amount.denominator)
    shown = value.scaleb(-digits).quantize(Decimal(1).scaleb(-digits - 2), ROUND_HALF_UP)
    return format_decimal(shown, "#,##0." + "0" * (digits + 2), locale=locale)


def _day(value: object) -> date:
    """The date itself. Babel would print today's for None."""
    if not isinstance(value, date):
        raise TypeError(f"{value!r} is no date; put it inside {{% if … %}}")
    return value


def long_date(day: date, locale: Locale) -> str:
    """`20 novembre 2026`; the first of a month is `1er` in French, which CLDR does not say."""
    text = format_date(_day(day), "long", locale)
    if locale.language == "fr" and text.startswith("1 "):
        return "1er" + text[1:]
    return text


def short_date(day: date, locale: Locale) -> str:
    """The form for tables: `20/11/2026` in French, `20 Nov 2026` in English; it never breaks."""
    return format_date(_day(day), _SHORT.get(locale.language, "medium"), locale).replace(
        " ", "\u00a0"
    )


def days(count: int, locale: Locale) -> str:
    """A whole number of days: `1 jour`, `19 jours`.

    Not by `format_unit`, which in some languages (Dutch, Italian) prints the unit's own name.
    """
    whole = timedelta(days=count)
    return format_timedelta(whole, granularity="day", threshold=_NEVER_MONTHS, locale=locale)


def language_name(code: str, locale: Locale) -> str:
    """What a language is called in that of the locale; the code itself where it has no name."""
    try:
        return Locale.parse(code).get_language_name(locale) or code
    except (UnknownLocaleError, ValueError):
        return code
