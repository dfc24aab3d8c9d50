"""Money as integer minor units beside an ISO 4217 code; no float ever holds it."""

from decimal import Decimal, InvalidOperation
from functools import cache

from babel.numbers import get_currency_precision, is_currency


@cache
def digits(currency: str) -> int:
    """Decimal places of a currency: 2 for EUR, 0 for JPY, 3 for TND.

    Raises:
        ValueError: the code is not an ISO 4217 currency.

    Source: Unicode CLDR as shipped by Babel.
    """
    if not is_currency(currency):
        raise ValueError(f"{currency!r} is not a currency code (expected ISO 4217, such as EUR)")
    return get_currency_precision(currency)


@cache
def _unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-digits(currency))


def minor(amount: Decimal, currency: str) -> int:
    """Minor units of an exact amount in major units: 12.34 EUR is 1234.

    Raises:
        ValueError: the amount is finer than the currency's smallest unit, or is no number.
    """
    scaled = amount.scaleb(digits(currency))
    whole = int(scaled) if scaled.is_finite() else None
    if whole is None or scaled != whole:
        raise ValueError(f"{amount} is not a whole number of {_unit(currency)} {currency}")
    return whole


def major(amount: int, currency: str) -> Decimal:
    """The exact decimal in major units: 1234 minor units of EUR are 12.34."""
    return Decimal(amount) * _unit(currency)


def text(amount: int, currency: str) -> str:
    """The plain form used in files and JSON: `1184.50`, without currency or grouping."""
    return str(major(amount, currency))


def parse(value: str, currency: str) -> int:
    """Minor units of a plain decimal such as `1184.50` or `-12`.

    Raises:
        ValueError: not a plain decimal, or finer than the currency's smallest unit.
    """
    try:
        return minor(Decimal(value.strip()), currency)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not an amount (expected a decimal like 1184.50)") from None
