"""The texts that a firm has: whose they are, which wording, when read last, and what was said."""

import csv
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from connector.dunning.legal import DUTIES
from connector.dunning.snapshot import Stage
from connector.errors import ConfigError
from connector.messages.lint import STANDARD
from connector.messages.texts import TERMS, Text, Texts
from connector.receivables.measures import months_before

NOTES = "notes.csv"
MONTHS = 12  # after which a text is to be read again
_COLUMNS = ("on", "text", "version", "author", "words")
_REVIEWED = re.compile(r"\{#-?\s*reviewed:?\s+(\d{4}-\d{2}-\d{2})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What somebody said about a text, and about which wording of it."""

    on: str
    text: str
    version: str
    author: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """One text. `own`: it is the firm's, `formal`: of a notice or a legal duty, `notes`: on this
    wording; `earlier` counts those on wordings before it."""

    name: str
    version: str
    own: bool
    formal: bool
    reviewed_on: date | None
    notes: tuple[Note, ...]
    earlier: int

    def to_read(self, today: date) -> str:
        """Why somebody should read it again, empty where nobody need."""
        if not self.own:
            return "the program's own: have it read before its first use" if self.formal else ""
        if self.reviewed_on is None:
            return "no date of review: add a line {# reviewed 2026-01-31 by whom #}"
        if self.reviewed_on < months_before(today, MONTHS):
            return f"last reviewed on {self.reviewed_on}, more than {MONTHS} months ago"
        return ""


def shelf(folder: Path | None) -> list[Shelved]:
    """Every text that can be sent, by name; of the firm's and the program's the firm's.

    Raises:
        ConfigError: files that cannot be read.
    """
    texts = Texts(folder)
    said = _notes(folder)
    found = []
    for name in sorted(texts.files):
        text = Text.of(name)
        if not text.template:
            continue
        version, mine = texts.version(name), [n for n in said if n.text == _short(name)]
        found.append(
            Shelved(
                name=_short(name),
                version=version,
                own=name in texts.own,
                formal=STANDARD.get(text.template) is Stage.NOTICE or text.variant in DUTIES,
                reviewed_on=_reviewed(texts, name) if name in texts.own else None,
                notes=tuple(note for note in mine if note.version == version),
                earlier=sum(note.version != version for note in mine),
            )
        )
    return found


def languages_with_terms(folder: Path | None) -> list[str]:
    """The languages in which the firm's terms of payment are written."""
    own = Texts(folder).own
    return sorted(name.partition("/")[0] for name in own if name.endswith(f"/{TERMS}"))


def note(folder: Path | None, name: str, words: str, author: str, today: date) -> Note:
    """Keep what somebody says about a text, with the wording it is about.

    Raises:
        ConfigError: no such text, nothing said, or no folder to keep it in.
    """
    known = {text.name: text for text in shelf(folder)}
    if name not in known:
        raise ConfigError(f"{name!r}: no such text: relance texts lists them, such as fr/friendly")
    if not words.strip():
        raise ConfigError("--said: say it in a few words")
    if folder is None:
        raise ConfigError(
            "RELANCE_TEMPLATES: notes on texts are kept in the folder of your own texts: set it"
        )
    made = Note(
        on=today.isoformat(),
        text=name,
        version=known[name].version,
        author=author,
        words=" ".join(words.split()),
    )
    file = folder / NOTES
    new = not file.exists()
    try:
        with file.open("a", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            if new:
                writer.writerow(_COLUMNS)
            writer.writerow([getattr(made, column) for column in _COLUMNS])
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror}") from None
    return made


def _notes(folder: Path | None) -> list[Note]:
    file = folder / NOTES if folder else None
    if file is None or not file.exists():
        return []
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
            return [Note(**{column: row[column] or "" for column in _COLUMNS}) for row in rows]
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
        raise ConfigError(
            f"{file}: cannot be read: {error!r}: its columns are {', '.join(_COLUMNS)}"
        ) from None


def _short(name: str) -> str:
    return name.removesuffix(".md")


def _reviewed(texts: Texts, name: str) -> date | None:
    """The latest day of review that a comment of the file names."""
    days = _REVIEWED.findall(texts.files[name].read_text(encoding="utf-8-sig"))
    try:
        return max((date.fromisoformat(day) for day in days), default=None)
    except ValueError as error:
        raise ConfigError(f"{texts.files[name]}: the day of review: {error}") from None
