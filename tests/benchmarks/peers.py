"""Other programs that read an API into SQLite, on the same server, in an environment of their own."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.goals import Row
from tests.benchmarks.measure import Figures, column, job, ratios, server

DLT = """
import os, sys
import dlt
from dlt.sources.helpers import requests

url, path, size = sys.argv[1], sys.argv[2], sys.argv[3]

@dlt.resource(primary_key="id", write_disposition="merge", max_table_nesting=0)
def invoices(updated=dlt.sources.incremental("updated", initial_value="2026-01-01T00:00:00.000Z")):
    at, last, more = updated.last_value, "", True
    while more:
        params = {"size": size, "after": at, "id": last}
        answer = requests.get(f"{url}/invoices", params=params).json()
        rows, more = answer["invoices"], answer["more"]
        if rows:
            at, last = rows[-1]["updated"], rows[-1]["id"]
        yield rows

pipeline = dlt.pipeline(
    "bench", pipelines_dir=path + ".work", dataset_name="bench",
    destination=dlt.destinations.sqlalchemy(f"sqlite:///{path}"),
)
pipeline.run(invoices)
"""


def reading(folder: Path, python: str, invoices: int, rounds: int) -> Iterator[Row]:
    """A full read by dlt beside ours, or why it cannot be had."""
    found = subprocess.run([python, "-c", "import dlt"], capture_output=True, text=True)
    if found.returncode:
        reason = found.stderr.strip().splitlines()[-1]
        yield Row(name="dlt", what="dlt", ours="", goal="", met=None, more=f"left out: {reason}")
        return
    with server(invoices) as url:
        ours, theirs = [], []
        for turn in range(rounds):
            path = folder / f"peer-{turn}.db"
            ours.append(job("read", whose="ours", url=url, path=str(path), size=1_000))
            theirs.append(_dlt(python, url, folder / f"dlt-{turn}.db"))
    cpu = column(ours, "cpu")
    yield Row(
        name="dlt",
        what=f"dlt, full read of {invoices:,} invoices, pages of 1000, CPU",
        ours=f"{median(cpu):.2f} s",
        limit=f"dlt {median(theirs):.2f} s",
        ratio=Figures(tuple(1 / times for times in ratios(theirs, cpu).values)),
        goal="ours ≤ a quarter",
        met=ratios(theirs, cpu).middle >= 4,
    )


def _dlt(python: str, url: str, path: Path) -> float:
    environ = dict(os.environ) | {"RUNTIME__DLTHUB_TELEMETRY": "false"}
    script = (
        "import resource, json\n"
        + DLT
        + (
            "spent = resource.getrusage(resource.RUSAGE_SELF)\n"
            "print(json.dumps(spent.ru_utime + spent.ru_stime))\n"
        )
    )
    words = [python, "-c", script, url, str(path), "1000"]
    done = subprocess.run(words, env=environ, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return float(json.loads(done.stdout.strip().splitlines()[-1]))
