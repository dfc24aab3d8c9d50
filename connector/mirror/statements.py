"""Statements that are made once and run often: making one takes as long as running it."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import repeat
from operator import itemgetter
from threading import Lock
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ClauseElement,
    Column,
    Connection,
    Engine,
    PoolProxiedConnection,
    Select,
    Table,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import dialect, insert
from sqlalchemy.sql.compiler import SQLCompiler

Values = dict[str, Any]
_PART = 50
"""Rows at once. A column of so many lies where Python keeps small objects, and gives its place to
what is made of it; a longer one would stay with the process."""


def listed(name: str = "refs") -> Select[Any]:
    """A subquery of the values in the JSON list bound to `name`: one variable for any number."""
    return select(func.json_each(bindparam(name)).table_valued("value").c.value)


def refs(values: Iterable[str | int]) -> str:
    """The list that `listed` reads."""
    return json.dumps(list(values))


class Writing(NamedTuple):
    """A statement's text, and what makes its rows of ours: SQLAlchemy would prepare each row
    anew, at several times what SQLite takes to write it."""

    sql: str
    columns: tuple[Column[Any], ...]
    given: Values

    def tuples(self, rows: Sequence[Values]) -> list[tuple[Any, ...]]:
        """The rows as SQLite takes them, by columns and then by rows again."""
        columns: list[Iterable[Any]] = []
        for column in self.columns:
            name, stored = column.name, getattr(column.type, "stored", None)
            if name in self.given:
                value = self.given[name]
                same = value if stored is None or value is None else stored(value)
                columns.append(repeat(same, len(rows)))
                continue
            values = list(map(itemgetter(name), rows))
            if stored:
                values = [None if value is None else stored(value) for value in values]
            columns.append(values)
        return list(zip(*columns, strict=True))


@cache
def inserting(table: Table, names: tuple[str, ...], keys: tuple[str, ...]) -> Writing:
    """An insert of these columns, or an upsert by `keys`; what has a default need not be named."""
    given = {
        column.name: column.default.arg  # type: ignore[attr-defined]
        for column in table.c
        if column.default is not None and column.name not in names
    }
    columns = tuple(column for column in table.c if column.name in (*names, *given))
    statement = insert(table)
    if keys:
        newer = {name: statement.excluded[name] for name in names if name not in keys}
        statement = statement.on_conflict_do_update(index_elements=list(keys), set_=newer)
    named = statement.values({column.name: bindparam(column.name) for column in columns})
    return Writing(text(named), columns, given)


@cache
def updating(table: Table, names: tuple[str, ...]) -> Writing:
    """An update of these columns of the row with an id."""
    columns = [table.c[name] for name in names]
    values: Values = {column.name: bindparam(f"new_{column.name}") for column in columns}
    statement = table.update().where(table.c.id == bindparam("row")).values(values)
    ordered = [column for column in table.c if column.name in names]
    return Writing(text(statement), (*ordered, table.c.id), {})


def text(statement: ClauseElement) -> str:
    return str(statement.compile(dialect=dialect()))


Driver = sqlite3.Connection
"""A connection of SQLite's own driver."""


class Steps:
    """Short transactions for writing, by the driver itself on a connection that is kept: what
    SQLAlchemy and its pool do around each one takes longer than its statements.

    Between two of them no lock is held. Errors are the driver's own, not SQLAlchemy's.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._mine = Lock()
        self._lent: PoolProxiedConnection | None = None

    def __enter__(self) -> Driver:
        self._mine.acquire()
        try:
            if self._lent is None:
                self._lent = self._engine.raw_connection()
                self._driver = cast("Driver", self._lent.driver_connection)
            self._driver.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._mine.release()
            raise
        return self._driver

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._driver.execute("COMMIT")
        finally:
            if self._driver.in_transaction:  # left by an error, or not committed: nothing stays
                self._driver.rollback()
            self._mine.release()

    def close(self) -> None:
        """Give the connection back to the engine; the next step takes another."""
        with self._mine:
            if self._lent:
                self._lent.close()
            self._lent = None


class Prepared:
    """A statement made once and run often, one row at a time; `run` fills in what it names."""

    def __init__(self, statement: ClauseElement) -> None:
        made = statement.compile(dialect=dialect(paramstyle="named"))
        assert isinstance(made, SQLCompiler)
        self._sql = str(made)
        self._stored: list[tuple[str, Callable[[Any], Any]]] = []
        self._fixed: Values = {}
        for bind, name in made.bind_names.items():
            stored: Any = getattr(bind.type, "stored", None)
            if not bind.required:
                as_is = stored is None or bind.value is None
                self._fixed[name] = bind.value if as_is else stored(bind.value)
            elif stored:
                self._stored.append((name, stored))

    def run(self, connection: Connection | Driver, **given: Any) -> int:
        """Run it; how many rows it met."""
        values = self._values(given)
        if isinstance(connection, Driver):
            return connection.execute(self._sql, values).rowcount
        return connection.exec_driver_sql(self._sql, values).rowcount

    def rows(self, connection: Connection, **given: Any) -> list[tuple[Any, ...]]:
        """What it finds, as SQLite keeps it: of many rows the objects around them cost the most."""
        return [row for part in self.parts(connection, **given) for row in part]

    def parts(self, connection: Connection, **given: Any) -> Iterator[Sequence[tuple[Any, ...]]]:
        """The same by and by, for rows that are made into something else as they come."""
        cursor = connection.exec_driver_sql(self._sql, self._values(given)).cursor
        assert cursor
        while rows := cursor.fetchmany(_PART):
            yield rows

    def _values(self, given: Values) -> Values:
        for name, stored in self._stored:
            if (value := given[name]) is not None:
                given[name] = stored(value)
        return self._fixed | given


class Reading(NamedTuple):
    """A statement's text, and what makes rows of ours of SQLite's, column by column: SQLAlchemy
    would make an object of each row first."""

    sql: str
    names: tuple[str, ...]
    loaded: tuple[tuple[int, Callable[[Any], Any]], ...]

    def rows(self, connection: Connection, values: Iterable[str | int]) -> list[Values]:
        """The rows of which the column has one of these values."""
        cursor = connection.exec_driver_sql(self.sql, (refs(values),)).cursor
        assert cursor
        columns: list[Iterable[Any]] = list(zip(*cursor.fetchall(), strict=True))
        if not columns:
            return []
        for place, load in self.loaded:
            columns[place] = map(load, columns[place])
        return [dict(zip(self.names, row, strict=True)) for row in zip(*columns, strict=True)]


@cache
def reading(table: Table, key: str) -> Reading:
    """All columns of the rows of which a column has one of the values listed."""
    made = enumerate(column.type.result_processor(_SQLITE, None) for column in table.c)
    loaded = tuple((place, load) for place, load in made if load)
    wanted = select(table).where(table.c[key].in_(listed()))
    return Reading(text(wanted), tuple(table.c.keys()), loaded)


_SQLITE = dialect()


@cache
def ids_of(table: Table) -> str:
    return text(select(table.c.ref, table.c.id).where(table.c.ref.in_(listed())))


@cache
def last_id(table: Table) -> str:
    return text(select(func.max(table.c.id)))
