"""The least that reading the books into SQLite can cost: fetch, parse, check, upsert. Nothing else.

Bare `requests`, `json` and `sqlite3`: one flat table of the columns that the mirror keeps of an
invoice and its due line, read by keyset as the product does or, on request, by page numbers from
the first on; one transaction a page with its cursor. No retries, no history of changes, no message for whoever has to mend a bad record.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import requests

COLUMNS = (
    "id",
    "number",
    "customer_id",
    "customer",
    "status",
    "currency",
    "issued_on",
    "due_on",
    "total",
    "due",
    "paid",
    "reference",
    "updated",
)
_TABLES = f"""
CREATE TABLE IF NOT EXISTS invoice(
  row INTEGER PRIMARY KEY, id TEXT UNIQUE, {", ".join(COLUMNS[1:8])},
  total INTEGER, due INTEGER, paid INTEGER, reference, updated);
CREATE TABLE IF NOT EXISTS customer(
  row INTEGER PRIMARY KEY, id TEXT UNIQUE, name, email, country, updated);
CREATE TABLE IF NOT EXISTS cursor(stream TEXT PRIMARY KEY, value TEXT);
CREATE INDEX IF NOT EXISTS invoice_open ON invoice(status, due_on) WHERE due > 0;
"""
_CUSTOMER = ("id", "name", "email", "country", "updated")


def _upsert(table: str, columns: tuple[str, ...]) -> str:
    newer = ", ".join(f"{name}=excluded.{name}" for name in columns[1:])
    return (
        f"INSERT INTO {table}({', '.join(columns)}) VALUES({', '.join('?' * len(columns))}) "
        f"ON CONFLICT(id) DO UPDATE SET {newer} WHERE excluded.updated >= {table}.updated"
    )


_UPSERTS = {"customers": _upsert("customer", _CUSTOMER), "invoices": _upsert("invoice", COLUMNS)}
_CURSOR = "INSERT OR REPLACE INTO cursor VALUES(?, ?)"


class Limit:
    """The invoices of a server in a database file."""

    def __init__(self, url: str, path: Path, size: int, by_number: bool = False) -> None:
        self._url, self._size, self._session = url, size, requests.Session()
        self._by_number = by_number
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES)

    def sync(self) -> int:
        """Read what changed since the last time; how many rows came."""
        return self._read("customers", _customer) + self._read("invoices", _invoice)

    def _read(self, stream: str, row: Callable[[dict[str, Any]], tuple[object, ...]]) -> int:
        wanted = "SELECT value FROM cursor WHERE stream = ?"
        known = self._db.execute(wanted, (stream,)).fetchone()
        count = 0
        for rows, cursor in self._pages(stream, known[0] if known else ""):
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(_UPSERTS[stream], map(row, rows))
            self._db.execute(_CURSOR, (stream, cursor))
            self._db.execute("COMMIT")
            count += len(rows)
        return count

    def _pages(self, stream: str, at: str) -> Iterator[tuple[list[dict[str, Any]], str]]:
        more, last, number, since = True, "", 0, at
        while more:
            number += 1
            place = {"after": at, "id": last}
            if self._by_number:
                place = {"since": since, "page": str(number)}
            params = {"size": str(self._size), **place}
            response = self._session.get(f"{self._url}/{stream}", params=params, timeout=60)
            response.raise_for_status()
            answer = json.loads(response.content)
            rows, more = answer[stream], answer["more"]
            if rows:
                at, last = rows[-1]["updated"], rows[-1]["id"]
            yield rows, at

    def close(self) -> None:
        """Let go of the file and the connection."""
        self._db.close()
        self._session.close()


def _customer(raw: dict[str, Any]) -> tuple[object, ...]:
    return tuple(raw[name] for name in _CUSTOMER)


def _invoice(raw: dict[str, Any]) -> tuple[object, ...]:
    """The columns of one invoice, checked as little as can be: text is text, days are days."""
    customer, total, due = raw["customer"], raw["total"], raw["due"]
    date.fromisoformat(raw["issued_on"])
    date.fromisoformat(raw["due_on"])
    return (
        raw["id"],
        raw["number"],
        customer["id"],
        customer["name"],
        raw["status"],
        raw["currency"],
        raw["issued_on"],
        raw["due_on"],
        round(total * 100),
        round(due * 100),
        round(raw["paid"] * 100),
        raw["reference"],
        raw["updated"],
    )
