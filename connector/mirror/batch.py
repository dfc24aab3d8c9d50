"""One write transaction: what is known of the records of a page, bulk upserts, and the events."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Table,
    exists,
    select,
)

from connector.mirror import tables
from connector.mirror.statements import (
    Values,
    ids_of,
    inserting,
    last_id,
    listed,
    reading,
    refs,
    text,
    updating,
)
from connector.receivables.records import CreditNote, Customer, Invoice, Payment

Versioned = TypeVar("Versioned", Customer, Invoice, CreditNote, Payment)


class Where(NamedTuple):
    """What an event is about, by the product's ids."""

    customer: str = ""
    invoice: str = ""
    line: str = ""


Change = tuple[Values | None, Values]
"""A row as it is mirrored, None if it is not, and as it must be."""

_ASIDE = frozenset({"read_at", "open_balance"})  # of these alone no row is written anew


class Before(NamedTuple):
    """What a transaction found, asked once: most pages need ask no more.

    `read_whole`: the books were read to their end before. What came with that first read is told
    by its own dates; what is new since was not there before, and is noted as seen.
    """

    read_whole: bool
    has_decisions: bool
    has_bad: bool


@dataclass
class Batch:
    """What the writers of one transaction share. `now` is aware UTC, `today` the firm's day."""

    connection: Connection
    ledger_id: str
    now: datetime
    today: date
    run_id: int | None = None
    events: list[Values] = field(default_factory=list)

    @cached_property
    def before(self) -> "Before":
        """What the transaction found."""
        return Before(*self.connection.exec_driver_sql(_BEFORE).one())

    def note(
        self,
        what: str,
        where: Where,
        *,
        before: int | None = None,
        after: int | None = None,
        text: str = "",
    ) -> None:
        """Keep an event until `flush`."""
        self.events.append(
            {
                "run_id": self.run_id,
                "at": self.now,
                "on": self.today,
                "what": what,
                "customer_ref": where.customer,
                "invoice_ref": where.invoice,
                "line_ref": where.line,
                "before": before,
                "after": after,
                "text": text,
            }
        )

    def flush(self) -> None:
        """Write the events kept so far."""
        self.insert(tables.event, self.events)
        self.events.clear()

    def all(self, query: Select[Any], ids: Iterable[str | int]) -> Sequence[Row[Any]]:
        """The rows of a query over `listed()`."""
        return self.connection.execute(query, {"refs": refs(ids)}).all()

    def known(self, table: Table, ids: Iterable[str]) -> dict[str, Values]:
        """The rows mirrored under these ids."""
        return {row["ref"]: row for row in reading(table, "ref").rows(self.connection, ids)}

    def ids(self, table: Table, wanted: Iterable[str]) -> dict[str, int]:
        """Row ids by the product's ids."""
        found = self.connection.exec_driver_sql(ids_of(table), (refs(wanted),))
        return dict(map(tuple, found))

    def free_id(self, table: Table) -> int:
        """The first row id of all that are free: nobody else writes during this transaction."""
        return int(self.connection.exec_driver_sql(last_id(table)).scalar() or 0) + 1

    def customers(self, wanted: Iterable[str]) -> Mapping[str, int]:
        """Row ids of customers; one that is unknown yet gets a row with its id for a name."""
        wanted = set(wanted)
        found = self.ids(tables.customer, wanted)
        if missing := sorted(wanted - found.keys()):
            stubs = [
                {"ref": ref, "name": ref, "stub": True, "tags": [], "read_at": self.now}
                for ref in missing
            ]
            self.insert(tables.customer, stubs)
            found |= self.ids(tables.customer, missing)
        return found

    def insert(self, table: Table, rows: Sequence[Values]) -> None:
        """Insert rows of the same columns in one statement; none is fine."""
        self._write(table, rows, ())

    def upsert(self, table: Table, rows: Sequence[Values], *keys: str) -> None:
        """Insert rows, or make those that share `keys` equal to them."""
        self._write(table, rows, keys)

    def _write(self, table: Table, rows: Sequence[Values], keys: tuple[str, ...]) -> None:
        if rows:
            writing = inserting(table, tuple(rows[0]), keys)
            self.connection.exec_driver_sql(writing.sql, writing.tuples(rows))

    def save(self, table: Table, changes: Iterable[Change]) -> None:
        """Insert what is new; of what is known write what changed, and touch no index beside."""
        new: list[Values] = []
        changed: dict[tuple[str, ...], list[Values]] = defaultdict(list)
        for old, row in changes:
            if old is None:
                new.append(row)
                continue
            names = tuple([name for name, value in row.items() if value != old[name]])
            if not _ASIDE.issuperset(names):
                row["id"] = old["id"]
                changed[names].append(row)
        self.insert(table, new)
        for names, rows in changed.items():
            writing = updating(table, names)
            self.connection.exec_driver_sql(writing.sql, writing.tuples(rows))

    def delete(self, table: Table, column: str, values: Sequence[int]) -> None:
        """Delete the rows whose column has one of these values."""
        if values:
            statement = table.delete().where(table.c[column].in_(listed()))
            self.connection.execute(statement, {"refs": refs(values)})


_BEFORE = text(
    select(
        select(tables.ledger.c.first_pull_on.is_not(None)).scalar_subquery(),
        exists(select(tables.decision.c.id)),
        exists(select(tables.bad_record.c.id)),
    )
)


def newest(records: Iterable[Versioned], old: Mapping[str, Values]) -> list[Versioned]:
    """One version of each record, none older than what is mirrored; without stamps the last."""
    found: dict[str, Versioned] = {}
    for record in records:
        known = found.get(record.id)
        stored = old.get(record.id)
        if known and _older(record.modified_at, known.modified_at):
            continue
        if stored and _older(record.modified_at, stored["modified_at"]):
            continue
        found[record.id] = record
    return list(found.values())


def _older(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other
