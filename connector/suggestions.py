"""What most firms of a country choose: policy, language, time zone."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from connector.dunning.policy_file import read, ready_made
from connector.firm import NOBODY
from connector.messages.write import Writer

DEFAULT_POLICY = "standard-b2b"
_OTHERS = ("consumer", "public")  # what policies not for businesses are called


def languages() -> tuple[str, ...]:
    """The languages that Relance has texts in."""
    return tuple(sorted({language for _, language in Writer(NOBODY).templates}))


def policy(country: str) -> str:
    """The ready-made policy for business customers of a country; that of France where none is."""
    business = [name for name in ready_made() if not name.startswith(_OTHERS)]
    fit = [name for name in business if read(name, Path()).country == country]
    return DEFAULT_POLICY if DEFAULT_POLICY in fit or not fit else fit[0]


def language_name(code: str) -> str:
    """A language in English words."""
    return str(Locale.parse(code).get_display_name("en"))


def language(country: str) -> str:
    """The language of most people in a country, where there are texts in it; else English."""
    try:
        spoken = Locale.parse(f"und_{country or 'ZZ'}", resolve_likely_subtags=True).language
    except (UnknownLocaleError, ValueError):
        spoken = ""
    return spoken if spoken in languages() else "en"


def zone(country: str) -> str:
    """The time zone of a country whose clocks all agree, else this machine's, else empty."""
    zones: Sequence[str] = get_global("territory_zones").get(country, ())
    if zones and len({_offsets(name) for name in zones}) == 1:
        return zones[0]
    here = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    return here if here in available_timezones() and not here.startswith("Etc/") else ""


def _offsets(name: str) -> tuple[object, ...]:
    """How far a zone is from UTC, in winter and in summer."""
    place = ZoneInfo(name)
    return tuple(datetime(2026, month, 15, tzinfo=place).utcoffset() for month in (1, 7))
