"""One write transaction: what is known of the records of a page, bulk upserts, and the events."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Row, Select, Table, bindparam, func, select
from sqlalchemy.dialects.sqlite import Insert, insert

from connector.mirror import tables
from connector.receivables.records import CreditNote, Customer, Invoice, Payment

Values = dict[str, Any]
Versioned = TypeVar("Versioned", Customer, Invoice, CreditNote, Payment)


class Where(NamedTuple):
    """What an event is about, by the product's ids."""

    customer: str = ""
    invoice: str = ""
    line: str = ""


def listed(name: str = "refs") -> Select[Any]:
    """A subquery of the values in the JSON list bound to `name`: one variable for any number."""
    return select(func.json_each(bindparam(name)).table_valued("value").c.value)


def refs(values: Iterable[str | int]) -> str:
    """The list that `listed` reads."""
    return json.dumps(list(values))


def differs(old: Values | None, new: Values) -> bool:
    """Whether a row must be written: all but the instant it was read is compared."""
    return old is None or any(old[name] != new[name] for name in new if name != "read_at")


@dataclass(slots=True)
class Batch:
    """What the writers of one transaction share. `now` is aware UTC, `today` the firm's day."""

    connection: Connection
    ledger_id: str
    now: datetime
    today: date
    run_id: int | None = None
    events: list[Values] = field(default_factory=list)

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
        query = select(table).where(table.c.ref.in_(listed()))
        return {row.ref: row._asdict() for row in self.all(query, ids)}

    def ids(self, table: Table, wanted: Iterable[str]) -> dict[str, int]:
        """Row ids by the product's ids."""
        query = select(table.c.ref, table.c.id).where(table.c.ref.in_(listed()))
        return {row.ref: row.id for row in self.all(query, wanted)}

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

    def insert(self, table: Table, rows: list[Values]) -> None:
        """Insert rows in one statement; none is fine."""
        if rows:
            self.connection.execute(insert(table), rows)

    def upsert(self, table: Table, rows: list[Values], *keys: str) -> None:
        """Insert rows, or make those that share `keys` (by default `ref`) equal to them."""
        if rows:
            self.connection.execute(_upsert(table, keys or ("ref",), rows[0].keys()), rows)

    def delete(self, table: Table, column: str, values: Sequence[int]) -> None:
        """Delete the rows whose column has one of these values."""
        if values:
            statement = table.delete().where(table.c[column].in_(listed()))
            self.connection.execute(statement, {"refs": refs(values)})


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


def _upsert(table: Table, keys: Sequence[str], columns: Iterable[str]) -> Insert:
    statement = insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(keys),
        set_={name: statement.excluded[name] for name in columns if name not in keys},
    )
