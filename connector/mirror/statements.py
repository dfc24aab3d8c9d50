"""Statements that are made once and run often: making one takes as long as running it."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    ClauseElement,
    Column,
    Connection,
    Engine,
    Select,
    Table,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import dialect, insert
from sqlalchemy.sql.compiler import SQLCompiler

Values = dict[str, Any]


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
        if self.given:
            rows = [self.given | row for row in rows]
        columns = []
        for column in self.columns:
            values = list(map(itemgetter(column.name), rows))
            if stored := getattr(column.type, "stored", None):
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
"""The connection of SQLite's own driver."""


@contextmanager
def stepping(engine: Engine) -> Iterator[Driver]:
    """One short transaction for writing, by the driver itself: what SQLAlchemy does around each
    takes longer than its statements. Left by an error, nothing of it stays.

    The connection comes from the engine's pool and goes back at the end, free of any lock.

    Raises:
        sqlite3.Error: the driver's own, not SQLAlchemy's.
    """
    with closing(engine.raw_connection()) as lent:  # the pool rolls back what is not committed
        driver = lent.driver_connection
        assert isinstance(driver, Driver)
        driver.execute("BEGIN IMMEDIATE")
        yield driver
        driver.execute("COMMIT")


class Prepared:
    """A statement made once and run often, one row at a time; `run` fills in what it names."""

    def __init__(self, statement: ClauseElement) -> None:
        made = statement.compile(dialect=dialect())
        assert isinstance(made, SQLCompiler)
        self._sql, fixed = str(made), made.params
        names = made.positiontup or ()
        self._stored = [
            (name, fixed[name], getattr(made.binds[name].type, "stored", None)) for name in names
        ]

    def run(self, connection: Connection | Driver, **given: Any) -> int:
        """Run it; how many rows it met."""
        values = []
        for name, fixed, stored in self._stored:
            value = given.get(name, fixed)
            values.append(stored(value) if stored and value is not None else value)
        if isinstance(connection, Driver):
            return connection.execute(self._sql, values).rowcount
        return connection.exec_driver_sql(self._sql, tuple(values)).rowcount


@cache
def rows_of(table: Table) -> Select[Any]:
    return select(table).where(table.c.ref.in_(listed()))


@cache
def ids_of(table: Table) -> str:
    return text(select(table.c.ref, table.c.id).where(table.c.ref.in_(listed())))


@cache
def last_id(table: Table) -> str:
    return text(select(func.max(table.c.id)))
