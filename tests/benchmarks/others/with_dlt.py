"""The invoices of the benchmarks' server read into SQLite by dlt, run by a Python that has it.

with_dlt.py read URL FILE SIZE place|number     with its REST source, or by keyset
with_dlt.py rows FILE                           what it holds: ids and cents
"""

import json
import os
import resource
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START = "2026-01-01T00:00:00.000Z"


def read(url: str, path: str, size: str, way: str) -> None:
    """Read what changed since the last time; print the CPU seconds and the most memory held."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt

    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=f"{path}.work",
        dataset_name="bench",
        destination=dlt.destinations.sqlalchemy(f"sqlite:///{path}"),
    )
    pipeline.run(_by_number(url, size) if way == "number" else _by_place(url, size))
    spent = resource.getrusage(resource.RUSAGE_SELF)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    most = next(int(line.split()[1]) / 1024 for line in status.splitlines() if "VmHWM" in line)
    print(json.dumps({"cpu": spent.ru_utime + spent.ru_stime, "memory": most}))


def _by_number(url: str, size: str) -> Any:
    from dlt.sources.rest_api import rest_api_source

    changed = {"start_param": "since", "cursor_path": "updated", "initial_value": START}
    endpoint = {
        "path": "invoices",
        "params": {"size": size},
        "data_selector": "invoices",
        "incremental": changed,
    }
    pages = {"type": "page_number", "base_page": 1, "total_path": None, "has_more_path": "more"}
    source = rest_api_source(
        {
            "client": {"base_url": url, "paginator": pages},
            "resources": [
                {
                    "name": "invoices",
                    "primary_key": "id",
                    "write_disposition": "merge",
                    "endpoint": endpoint,
                }
            ],
        }
    )
    source.max_table_nesting = 0
    return source


def _by_place(url: str, size: str) -> Any:
    import dlt
    from dlt.sources.helpers import requests

    @dlt.resource(primary_key="id", write_disposition="merge", max_table_nesting=0)
    def invoices(
        updated: Any = dlt.sources.incremental("updated", initial_value=START),  # noqa: B008
    ) -> Iterator[list[dict[str, Any]]]:
        at, last, more = updated.last_value, "", True
        while more:
            params = {"size": size, "after": at, "id": last}
            answer = requests.get(f"{url}/invoices", params=params).json()
            rows, more = answer["invoices"], answer["more"]
            if rows:
                at, last = rows[-1]["updated"], rows[-1]["id"]
            yield rows

    return invoices


def rows(path: str) -> None:
    """Print every row of the table as [id, cents]."""
    found: list[tuple[str, int]] = []
    file = Path(path).with_name(f"{Path(path).stem}__bench.db")  # of that dataset
    if file.exists():
        with sqlite3.connect(file) as connection:
            tables = "SELECT name FROM sqlite_master WHERE name = 'invoices'"
            if connection.execute(tables).fetchone():
                found = connection.execute("SELECT id, due FROM invoices").fetchall()
    print(json.dumps([[name, round(due * 100)] for name, due in found]))


if __name__ == "__main__":
    {"read": read, "rows": rows}[sys.argv[1]](*sys.argv[2:])
