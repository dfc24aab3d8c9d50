"""A letter's page as data: every value ready to be shown, none of it to be read as markup."""

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from babel import Locale
from babel.core import get_global

from connector.contract import Company
from connector.errors import ConfigError
from connector.messages import formats
from connector.messages.letter_facts import Letter
from connector.messages.letter_text import parts_of
from connector.messages.letter_words import WORDS, place_of, shape
from connector.messages.transfer import caption, drawing
from connector.messages.values import clean, spaced
from connector.receivables.interest import half_up
from connector.receivables.records import Transfer

ADDRESS_LINES = 8
_LONG = re.compile(r"(\S{24})(?=\S{8})")


def page_data(letter: Letter, company: Company, subject: str, text: str) -> dict[str, Any]:
    """Everything the page shows, as JSON can hold it.

    Raises:
        ConfigError: the frame of a letter has no words in its language, or the firm's name,
            address, registration number or bank details are not known.
    """
    _whole_company(letter, company)
    words = WORDS.get(letter.language)
    if words is None:
        raise ConfigError(
            f"letter {letter.key}: its frame has no words in language {letter.language!r}, "
            f"only in {', '.join(sorted(WORDS))}: send this step by e-mail, or hold the customer"
        )
    locale = formats.locale_of(letter.language, (letter.country, company.country))
    identity = [company.name, company.legal_id, ", ".join(company.address.split("\n"))]
    foot = " – ".join(part for part in map(_shown, identity) if part)
    reference = f"Ref. {letter.key}"
    day = formats.long_date(letter.dated_on, locale)
    place = _shown(place_of(company.address))
    contact = [company.phone, company.email, company.legal_id]
    parts = parts_of(
        spaced(text),
        (foot, reference),
        _shown(company.name),
        _shown(company.contact_name),
        [clean(line.invoice) for line in letter.lines],
        len(letter.schedule),
    )
    return {
        **shape(company.country),
        "language": letter.language,
        "words": words,
        "dated": [letter.dated_on.year, letter.dated_on.month, letter.dated_on.day],
        "date": words["dated"].format(place=place, date=day) if place else day,
        "reference": reference,
        "subject": _whole(subject),
        "foot": foot,
        "back": " – ".join(_told([company.name, *company.address.split("\n")])),
        "sender": {
            "name": _shown(company.name),
            "lines": _told([*company.address.split("\n"), *contact]),
        },
        "recipient": _recipient(letter, company),
        "parts": [
            {"kind": part.kind, "lines": [_whole(line) for line in part.lines]} for part in parts
        ],
        "account": _account(letter, words, locale),
        "schedule": _schedule(letter, words, locale),
        "transfer": _transfer(letter),
        "deadline": [
            f"{words['pay_by']} {formats.long_date(letter.deadline_on, locale)}"
            if letter.deadline_on
            else words["total"],
            _money(letter.claim + letter.interest + letter.charges, letter, locale),
        ],
    }


def _whole_company(letter: Letter, company: Company) -> None:
    """A letter says who writes, who that is in law, and how to pay; or it is not printed."""
    told = {
        "name": company.name,
        "postal address": company.address,
        "registration number": company.legal_id,
        "bank details": company.bank_line,
    }
    missing = [what for what, value in told.items() if not clean(value)]
    if missing:
        raise ConfigError(
            f"letter {letter.key}: it must show the firm's own {', '.join(missing)}, and the "
            "accounting software does not tell: enter it there, or set RELANCE_OWN_ADDRESS, "
            "RELANCE_OWN_LEGAL_ID, RELANCE_OWN_BANK_LINE"
        )


def _whole(line: str) -> str:
    """One line of a page: a word too long for it may break."""
    return _LONG.sub("\\1\u200b", line)


def _shown(value: str) -> str:
    return _whole(clean(value))


def _told(values: Sequence[str]) -> list[str]:
    return [shown for shown in map(_shown, values) if shown]


def _recipient(letter: Letter, company: Company) -> list[str]:
    """Name and address; of more lines than a window holds the last ones, which the post reads."""
    told = _told([letter.name, *letter.address.split("\n"), _abroad(letter, company)])
    return [*told[:1], *told[1:][1 - ADDRESS_LINES :]]


def _money(amount: int, letter: Letter, locale: Locale) -> str:
    return spaced(formats.money(amount, letter.currency, locale))


def _abroad(letter: Letter, company: Company) -> str:
    """The country's name as the post of the firm's country reads it, of a letter abroad."""
    if not letter.country or letter.country == company.country:
        return ""
    spoken = _language_of(company.country)
    name = Locale.parse(spoken).territories.get(letter.country, "")
    last = letter.address.rstrip().rpartition("\n")[2].strip().upper()
    return "" if last == name.upper() else name.upper()


@cache
def _language_of(country: str) -> str:
    spoken: Mapping[str, Any] = get_global("territory_languages").get(country, {})
    official = [
        code.partition("_")[0]
        for code, facts in spoken.items()
        if facts.get("official_status") == "official"
    ]
    return next((code for code in official if code in WORDS), "en")


def _account(letter: Letter, words: Mapping[str, str], locale: Locale) -> dict[str, Any]:
    """The table of invoices: what is owed, what is taken off, and the sum."""

    def row(name: str, amount: int) -> list[str]:
        return [_shown(name), "", "", "", _money(amount, letter, locale)]

    rows = [
        [
            _shown(line.invoice)
            + (f" ({words['part']} {line.instalment})" if line.instalment else ""),
            formats.short_date(line.issued_on, locale),
            formats.short_date(line.due_on, locale),
            str(line.days_late or "–"),
            _money(line.balance, letter, locale),
        ]
        for line in letter.lines
    ]
    rows += [row(f"{words['credit']} {name}", amount) for name, amount in letter.credits]
    several = len(rows) > 1
    if several:
        rows.append(row(words["principal"], letter.claim))
    heads = [words[name] for name in ("invoice", "issued", "due", "late", "amount")]
    return {"heads": heads, "rows": rows, "last": int(several)}


def _schedule(letter: Letter, words: Mapping[str, str], locale: Locale) -> dict[str, Any]:
    heads = [words[name] for name in ("invoice", "period", "base", "days", "sum")]
    rows = list(_periods(letter, locale))
    rows.append([words["interest"], "", "", "", _money(letter.interest, letter, locale)])
    return {"heads": heads, "rows": rows}


def _transfer(letter: Letter) -> dict[str, Any] | None:
    """The QR code as a drawing, and the lines beside it."""
    if not letter.transfer:
        return None
    told = Transfer(code=letter.transfer, more=bool(letter.interest or letter.charges))
    lines = [_shown(line) for line in caption(told, letter.language)]
    return {"drawing": drawing(letter.transfer), "lines": lines}


def _periods(letter: Letter, locale: Locale) -> Iterator[list[str]]:
    for part in letter.schedule:
        first, last = (formats.short_date(day, locale) for day in (part.first, part.last))
        base = Fraction(part.base)
        yield [
            _shown(part.invoice),
            f"{first} – {last}",
            f"{_money(half_up(base), letter, locale)} × {formats.percent(part.rate, locale)}",
            f"{part.days}/{part.year}",
            spaced(formats.exact(Fraction(part.interest), letter.currency, locale)),
        ]
