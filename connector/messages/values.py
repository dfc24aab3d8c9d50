"""Text from outside made harmless, and whole amounts that print themselves."""

import re
import string
import unicodedata
from urllib.parse import urlsplit

from markupsafe import Markup

_JOINERS = "\u200c\u200d"  # part of names in Persian and of emoji: kept
_OURS = re.compile(r"(?i)\brelance/(?=\d)|\bref\.(?=\s[0-9a-f]{20})")
_RUNS = re.compile(r" {2,}")
_SPACES = str.maketrans({"\u202f": " ", "\u00a0": " "})
_ENTITY = str.maketrans({mark: f"&#{ord(mark)};" for mark in string.punctuation})
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # no files on Windows
_UNSAFE_IN_FILE = re.compile(r"[^0-9A-Za-z_.-]+")


def clean(value: str) -> str:
    """One line of visible text: no control character, line end, text-direction override.

    What the program itself reads back from messages and notes (`Ref. <key>`, `relance/1`) is
    broken up, so that a customer's name cannot pass for a reference of ours.
    """
    plain = value.isascii() and value.isprintable()
    kept = value if plain else "".join(map(_visible, value))
    return _RUNS.sub(" ", _OURS.sub(lambda found: found[0][:-1] + " ", kept)).strip()


def _visible(letter: str) -> str:
    category = unicodedata.category(letter)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category[0] == "C" and letter not in _JOINERS else letter


def markdown(value: str) -> Markup:
    """The same text where Markdown is read: every ASCII punctuation mark as an entity.

    An entity never opens a link, a table cell, a list or a tag, wherever it stands.
    """
    return Markup(value.translate(_ENTITY))


def spaced(value: str) -> str:
    """The same text with plain spaces for the narrow and no-break ones of numbers."""
    return value.translate(_SPACES)


def masked(address: str) -> str:
    """An e-mail address that a person can recognise and nobody can use: `a***@example.com`."""
    local, at, domain = clean(address).rpartition("@")
    return f"{local[:1]}***@{domain}" if at else "***"


def web_address(value: str) -> str:
    """An http or https address, empty for anything else."""
    address = clean(value)
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    fit = (
        parts.scheme in ("http", "https") and parts.netloc and not re.search(r'[\s<>"\\]', address)
    )
    return address if fit else ""


def file_name(number: str) -> str:
    """A document's number as a file name without extension, safe on every system."""
    name = _UNSAFE_IN_FILE.sub("-", number).strip("-.")[:80] or "invoice"
    return f"invoice-{name}" if _DEVICE.match(name) else name


class Value(str):
    """Outside text in the HTML version: escaped also where a template joins it to other text."""

    __slots__ = ()

    def __html__(self) -> Markup:
        return markdown(self)


class Amount(int):
    """Minor units that print as money even when a template forgets the filter."""

    text: str

    def __new__(cls, minor: int, text: str) -> "Amount":
        amount = super().__new__(cls, minor)
        amount.text = text
        return amount

    def __str__(self) -> str:
        return self.text
