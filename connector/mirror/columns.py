"""Column types that hold integers and text only: no declared type here can keep a float.

Each says in `stored` what SQLite keeps of a value that is not None.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Dialect, Integer, MetaData, Text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

Loaded = Callable[[Any], Any]
_FLAGS: Mapping[int | None, bool | None] = {None: None, 0: False, 1: True}
_EMPTY: Mapping[str | None, Callable[[], Any]] = {None: lambda: None, "[]": list, "{}": dict}


@lru_cache(maxsize=256)  # a whole page shares the instant at which it was read
def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return value.astimezone(UTC).isoformat(timespec="microseconds")


class _Days(dict[str | None, date | None]):
    """Days by their text, each made once: what a row holds is read by one call a value."""

    def __missing__(self, value: str | None) -> date | None:
        if len(self) > _MOST_DAYS:
            self.clear()
        day = self[value] = None if value is None else date.fromisoformat(value)
        return day


_MOST_DAYS = 20_000
day_of: Callable[[str | None], date | None] = _Days().__getitem__
"""The day that a column of type `Day` keeps as this text."""


@lru_cache(maxsize=256)
def instant_of(value: str | None) -> datetime | None:
    """The instant that a column of type `Instant` keeps so."""
    return None if value is None else datetime.fromisoformat(value)


@lru_cache(maxsize=1024)
def _code(value: str | None) -> str | None:
    return value


class Day(TypeDecorator[date]):
    """A plain date as ISO text; SQLite's own DATE would have numeric affinity."""

    impl = Text
    cache_ok = True
    stored = staticmethod(date.isoformat)

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:
        return None if value is None else self.stored(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Loaded:
        return day_of


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant as ISO text of one length, so that text order is time order.

    Raises:
        ValueError: a naive datetime is stored.
    """

    impl = Text
    cache_ok = True
    stored = staticmethod(_instant)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else self.stored(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Loaded:
        return instant_of


class Flag(TypeDecorator[bool]):
    """True or false as 1 or 0; SQLAlchemy's Boolean would be a column of numeric affinity."""

    impl = Integer
    cache_ok = True
    stored = staticmethod(int)

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> int | None:
        return None if value is None else self.stored(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Loaded:
        return _FLAGS.get


class Json(TypeDecorator[Any]):
    """Lists and mappings as JSON text, keys sorted so that equal values are equal text."""

    impl = Text
    cache_ok = True
    stored = staticmethod(partial(json.dumps, ensure_ascii=False, sort_keys=True))

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self.stored(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return json_of(value)


def json_of(value: str | None) -> Any:
    """What a column of type `Json` keeps as this text."""
    return _EMPTY[value]() if value in _EMPTY else json.loads(value or "")


class Code(TypeDecorator[str]):
    """A word of which there are few, such as a currency: kept in memory once, however many rows."""

    impl = Text
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Loaded:
        return _code


class Row(SQLModel):
    """What all tables share: names for constraints, so that migrations can find them."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def words(default: Any = "", **more: Any) -> Any:
    return Field(default=default, sa_type=Text, **more)


def code(default: Any = "", **more: Any) -> Any:
    return Field(default=default, sa_type=Code, **more)


def day(default: Any = ...) -> Any:
    return Field(default=default, sa_type=Day)


def instant(default: Any = ...) -> Any:
    return Field(default=default, sa_type=Instant)


def flag(default: bool = False) -> Any:
    return Field(default=default, sa_type=Flag)


def json_text(default: Any) -> Any:
    return Field(default=default, sa_type=Json, nullable=default is None)


def key() -> Any:
    return Field(default=None, primary_key=True)


def link(column: str, nullable: bool = False) -> Any:
    default = None if nullable else ...
    return Field(default=default, foreign_key=column, index=True, nullable=nullable)


def one_of(column: str, *values: str) -> CheckConstraint:
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


def strict(*constraints: Any) -> Any:
    return (*constraints, {"sqlite_strict": True})
