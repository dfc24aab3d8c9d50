"""Rows whose cells are checked as they are read: each problem with its file, line and column."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from connector.errors import ConfigError
from connector.receivables import money

LIMIT = 50
"""Problems told at once; the rest are counted."""

Word = TypeVar("Word", bound=StrEnum)

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
_LINK = re.compile(r"https?://[^\s<>\"]+")
_YEARS = range(1900, 2200)  # sums of days stay within what a date can hold


class Problems:
    """What is wrong in a folder of files, gathered so that all of it is mended in one go."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.incomplete: set[str] = set()  # files of which not every row could be read

    def add(self, file: str, line: int, text: str, column: str = "") -> None:
        """Note one; `line` 0 means the file as a whole."""
        where = (f", line {line}" if line else "") + (f", column {column}" if column else "")
        self.texts.append(f"{file}{where}: {text}")

    def lose(self, file: str, line: int, text: str) -> None:
        """Note one that costs rows: what other files then miss in this one is no problem."""
        self.incomplete.add(file)
        self.add(file, line, text)

    def raise_any(self) -> None:
        """Raises: ConfigError: with the first 50 problems, if there was any."""
        if self.texts:
            rest = len(self.texts) - LIMIT
            more = [f"{rest} more problems in these files"] if rest > 0 else []
            raise ConfigError(*self.texts[:LIMIT], *more)


@dataclass(frozen=True, slots=True)
class Table:
    """What a file may hold: its name, the columns it must have and those it may have."""

    file: str
    must: tuple[str, ...]
    may: tuple[str, ...] = ()
    needed: bool = True  # an absent file is a problem

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are understood."""
        return self.must + self.may


@dataclass(frozen=True, slots=True)
class Row:
    """One record. Each reading method notes what does not read and goes on with an empty value,
    which nobody sees, because the problems are raised before anything is told."""

    file: str
    line: int
    cells: Mapping[str, str]
    comma: bool  # a decimal comma is understood
    problems: Problems

    def problem(self, column: str, text: str) -> None:
        """Note a problem of this row."""
        self.problems.add(self.file, self.line, text, column)

    def text(self, column: str) -> str:
        """The cell without outer blanks, empty where the file has no such column."""
        return self.cells.get(column, "")

    def needed(self, column: str) -> str:
        """The cell, which must not be empty."""
        cell = self.text(column)
        if not cell:
            self.problem(column, "is empty (a value is needed in every row)")
        return cell

    def day(self, column: str) -> date | None:
        """A plain date, None for an empty cell."""
        cell = self.text(column)
        if not cell:
            return None
        try:
            if not _DATE.fullmatch(cell):
                raise ValueError(cell)
            day = date.fromisoformat(cell)
        except ValueError:
            self.problem(column, f"{cell!r} is not a date (expected YYYY-MM-DD, the ISO form)")
            return None
        if day.year not in _YEARS:
            self.problem(column, f"{cell!r} is not a date of our time (expected 1900 to 2199)")
        return day

    def needed_day(self, column: str) -> date:
        """A plain date, which must be there."""
        self.needed(column)
        return self.day(column) or date.min

    def instant(self, column: str) -> datetime | None:
        """An aware UTC instant, None for an empty cell."""
        cell = self.text(column)
        if not cell:
            return None
        try:
            at = datetime.fromisoformat(cell)
            if at.tzinfo is None or at.year not in _YEARS:
                raise ValueError(cell)
        except ValueError:
            expected = "expected one with its zone, such as 2026-11-20T07:30:00Z"
            self.problem(column, f"{cell!r} is not an instant ({expected})")
            return None
        return at.astimezone(UTC)

    def amount(self, column: str, currency: str) -> int | None:
        """Minor units, None for an empty cell."""
        cell = self.text(column)
        if not cell:
            return None
        plain = cell.replace(",", ".", 1) if self.comma and "." not in cell else cell
        if not _AMOUNT.fullmatch(plain):
            also = " or 1184,50" if self.comma else ""
            self.problem(
                column, f"{cell!r} is not an amount (expected a decimal like 1184.50{also})"
            )
            return None
        try:
            return money.minor(Decimal(plain), currency)
        except ValueError as error:
            if _is_currency(currency):  # else the currency has its own problem
                self.problem(column, str(error))
            return None

    def needed_amount(self, column: str, currency: str) -> int:
        """Minor units of an amount that must be there, zero or more."""
        self.needed(column)
        amount = self.amount(column, currency) or 0
        if amount < 0:
            self.problem(column, f"{self.text(column)!r} is negative (expected zero or more)")
        return amount

    def currency(self, column: str) -> str:
        """An ISO 4217 code, which must be there."""
        cell = self.needed(column)
        if cell and not _is_currency(cell):
            self.problem(
                column, f"{cell!r} is not a currency code (expected ISO 4217, such as EUR)"
            )
        return cell

    def code(self, column: str, allowed: frozenset[str], what: str) -> str:
        """A cell that is empty or one of many two-letter codes; `what` names them."""
        cell = self.text(column)
        if cell and (len(cell) != 2 or cell not in allowed):
            self.problem(column, f"{cell!r} is not {what}")
        return cell

    def email(self, column: str) -> str:
        """One e-mail address, or an empty cell."""
        cell = self.text(column)
        if cell and not _EMAIL.fullmatch(cell):
            self.problem(
                column, f"{cell!r} is not an e-mail address (expected one, name@example.com)"
            )
        return cell

    def link(self, column: str) -> str:
        """A web address, or an empty cell."""
        cell = self.text(column)
        if cell and not _LINK.fullmatch(cell):
            self.problem(column, f"{cell!r} is not a web address (expected https://…)")
        return cell

    def word(self, column: str, words: type[Word], default: Word) -> Word:
        """One of a set of words, the default for an empty cell."""
        cell = self.choice(column, tuple(words), default)
        return words(cell) if cell in tuple(words) else default

    def choice(self, column: str, words: Sequence[str], default: str) -> str:
        """The cell if it is one of `words`, the default for an empty one."""
        cell = self.text(column) or default
        if cell not in words:
            self.problem(
                column, f"{cell!r} is not understood (expected {', '.join(filter(None, words))})"
            )
        return cell

    def flag(self, column: str, default: bool) -> bool:
        """`yes` or `no`, in any case of letters."""
        cell = self.text(column).casefold()
        if cell not in ("", "yes", "no"):
            self.problem(column, f"{self.text(column)!r} is not understood (expected yes, no)")
        return cell == "yes" if cell else default


def _is_currency(code: str) -> bool:
    try:
        money.digits(code)
    except ValueError:
        return False
    return True


def grouped(rows: Iterable[Row], key: str, own: Collection[str]) -> dict[str, list[Row]]:
    """Rows by id, in order; those of one id must agree in every column but their `own`."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        name = row.needed(key)
        if not name:
            row.problems.incomplete.add(row.file)
            continue
        group = groups.setdefault(name, [])
        for column in row.cells if group else ():
            first = group[0].text(column)
            if column not in own and row.text(column) != first:
                same = f"line {group[0].line}, which has the same {key}"
                row.problem(column, f"{row.text(column)!r} differs from {first!r} in {same}")
        group.append(row)
    return groups


def known(row: Row, column: str, ids: Collection[str], table: Table) -> str:
    """The id in a cell, which must be one of another file's; empty if it is not."""
    value = row.needed(column)
    if value and value not in ids:
        if table.file not in row.problems.incomplete:
            row.problem(column, f"{value!r} is not in {table.file}")
        return ""
    return value
