"""The invoices of the benchmarks' server read into SQLite by a Singer tap and target of the SDK.

    with_singer.py read URL FILE SIZE place|number
    with_singer.py rows FILE

The target is the SDK's own SQL sink on SQLite. The last state that it
prints is kept in FILE.state and given to the next run.
"""

import json
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

START = "2026-01-01T00:00:00.000Z"


def read(url: str, path: str, size: str, way: str) -> int:
    """Run tap and target as a pipeline; 1 if either fails."""
    state = Path(f"{path}.state")
    words = [sys.executable, __file__]
    given = ["--state", str(state)] if state.exists() else []
    with Path(f"{path}.config").open("w", encoding="utf-8") as file:
        json.dump({"url": url, "path": path, "size": size, "way": way}, file)
    config = ["--config", f"{path}.config"]
    tap = subprocess.Popen([*words, "tap", *config, *given], stdout=subprocess.PIPE)
    target = subprocess.Popen(
        [*words, "target", *config], stdin=tap.stdout, stdout=subprocess.PIPE, text=True
    )
    assert tap.stdout
    tap.stdout.close()
    told, _ = target.communicate()
    if lines := told.split():
        state.write_text(lines[-1], encoding="utf-8")
    return 1 if tap.wait() or target.returncode else 0


def tap() -> None:
    from singer_sdk import RESTStream, Tap
    from singer_sdk import typing as th
    from singer_sdk.pagination import BaseAPIPaginator, BasePageNumberPaginator

    class ByNumber(BasePageNumberPaginator):
        def has_more(self, response: Any) -> bool:
            return bool(response.json()["more"])

    class ByPlace(BaseAPIPaginator[Any]):
        def get_next(self, response: Any) -> Any:
            answer = response.json()
            rows = answer["invoices"]
            return (rows[-1]["updated"], rows[-1]["id"]) if answer["more"] else None

    class Invoices(RESTStream):  # type: ignore[type-arg]
        name = "invoices"
        path = "/invoices"
        primary_keys = ("id",)
        replication_key = "updated"
        is_sorted = True
        records_jsonpath = "$.invoices[*]"
        schema = th.PropertiesList(
            *(th.Property(name, th.StringType) for name in TEXTS),
            *(th.Property(name, th.NumberType) for name in NUMBERS),
            th.Property("updated", th.DateTimeType),
        ).to_dict()

        @property
        def url_base(self) -> str:
            return str(self.config["url"])

        def get_new_paginator(self) -> Any:
            return ByNumber(1) if self.config["way"] == "number" else ByPlace(None)

        def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
            known = self.get_starting_replication_key_value(context) or START
            if self.config["way"] == "number":
                return {"size": self.config["size"], "since": known, "page": next_page_token}
            at, last = next_page_token or (known, "")
            return {"size": self.config["size"], "after": at, "id": last}

    class Bench(Tap):
        name = "tap-bench"
        config_jsonschema = CONFIG

        def discover_streams(self) -> list[Any]:
            return [Invoices(self)]

    Bench.cli()


def target() -> None:
    from singer_sdk.sql import SQLConnector, SQLSink, SQLTarget

    sqlite3.register_adapter(Decimal, str)  # the SDK reads numbers so, and SQLite takes none

    class Connector(SQLConnector):
        allow_temp_tables = False
        allow_column_alter = False

        def get_sqlalchemy_url(self, config: Any) -> str:
            return f"sqlite:///{config['path']}"

    class Sink(SQLSink):  # type: ignore[type-arg]
        connector_class = Connector

    class Bench(SQLTarget):
        name = "target-bench"
        config_jsonschema = CONFIG
        default_sink_class = Sink

    Bench.cli()


TEXTS = ("id", "number", "type", "status", "currency", "issued_on", "due_on", "reference")
NUMBERS = ("net", "tax", "total", "due", "paid")
CONFIG = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("url", "path", "size", "way")},
}


def rows(path: str) -> None:
    """Print every row of the table as [id, cents]."""
    with sqlite3.connect(path) as connection:
        tables = "SELECT name FROM sqlite_master WHERE name = 'invoices'"
        found = []
        if connection.execute(tables).fetchone():
            found = connection.execute("SELECT id, due FROM invoices").fetchall()
    print(json.dumps([[name, round(due * 100)] for name, due in found]))


if __name__ == "__main__":
    what = sys.argv.pop(1)
    if what == "read":
        sys.exit(read(*sys.argv[1:]))
    elif what == "rows":
        rows(*sys.argv[1:])
    else:
        {"tap": tap, "target": target}[what]()
