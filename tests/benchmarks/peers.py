"""Other programs that read an API into a database, each by a Python that has it.

What they run is in `others/`: they need an environment of their own, made so:

    python -m venv with-dlt && with-dlt/bin/pip install "dlt[sqlalchemy]"
    python -m venv with-singer && with-singer/bin/pip install singer-sdk
    python -m venv with-airbyte && with-airbyte/bin/pip install airbyte
"""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.goals import Row
from tests.benchmarks.jobs import ask
from tests.benchmarks.measure import ROOT, column, environ, job, ratios, server

OTHERS = Path(__file__).parent / "others"
SCRIPTS = {"dlt": "with_dlt.py", "singer-sdk": "with_singer.py", "airbyte": "with_airbyte.py"}
TITLES = {
    "dlt": "dlt {} to SQLite",
    "singer-sdk": "singer-sdk {} to its SQLite sink",
    "airbyte": "PyAirbyte {} to DuckDB",
}
_ASKED = """
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


@dataclass
class Peer:
    """A program that reads the server's invoices into a file, run by a Python that has it."""

    name: str
    python: str
    script: str

    def words(self, url: str, path: Path, size: int, by_number: bool) -> list[str]:
        """The command of one run."""
        way = "number" if by_number else "place"
        return [self.python, str(OTHERS / self.script), "read", url, str(path), str(size), way]

    def rows(self, path: Path) -> list[tuple[str, int]]:
        """What the file holds: ids and cents."""
        words = [self.python, str(OTHERS / self.script), "rows", str(path)]
        done = subprocess.run(words, capture_output=True, text=True, check=True, env=environ())
        return [(name, cents) for name, cents in json.loads(done.stdout)]


def found(python: str) -> list[Peer]:
    """The programs that a Python has."""
    words = [python, "-c", _ASKED, *SCRIPTS]
    told = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    return [
        Peer(TITLES[name].format(version), python, SCRIPTS[name]) for name, version in told.items()
    ]


def selected(path: Path, query: str) -> list[tuple[str, int]]:
    """What a query gives of a file of SQLite; nothing where there is none yet."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def reading(folder: Path, python: str, invoices: int, rounds: int) -> Iterator[Row]:
    """dlt beside ours: the full read and what changed since; or why it cannot be had."""
    theirs = next((peer for peer in found(python) if peer.script == SCRIPTS["dlt"]), None)
    if not theirs:
        more = f"left out: {python} has none"
        yield Row(name="dlt", what="dlt", ours="", goal="", met=None, more=more)
        return
    changed = invoices // 100
    with server(invoices) as url:
        told: dict[str, list[dict[str, Any]]] = {}
        for turn in range(rounds):
            for whose in ("ours", "dlt"):
                path = folder / f"peer-{whose}-{turn}.db"
                for what in ("full", "changed"):
                    if what == "changed":
                        ask(url, "edit", rows=changed, seed=500 + turn)
                    told.setdefault(f"{whose} {what}", []).append(_run(whose, theirs, url, path))
    for what, words, times in (
        ("full", f"full read of {invoices:,} invoices", 4),
        ("changed", f"{changed:,} changed of {invoices:,}, as a fresh process", 8),
    ):
        ours, other = told[f"ours {what}"], told[f"dlt {what}"]
        cpu = ratios(column(other, "cpu"), column(ours, "cpu"))
        yield Row(
            name=f"dlt {what}",
            what=f"{words}, pages of 1000, CPU",
            ours=f"{median(column(ours, 'cpu')):.2f} s",
            limit=f"{theirs.name} {median(column(other, 'cpu')):.2f} s",
            ratio=cpu,
            goal=f"theirs ≥ {times} ×",
            met=cpu.middle >= times,
        )
        memory, more = max(column(ours, "memory")), max(column(other, "memory"))
        yield Row(
            name=f"dlt memory {what}",
            what="memory at most",
            ours=f"{memory:.0f} MiB",
            limit=f"{more:.0f} MiB",
            goal="",
            met=None,
        )
        yield Row(
            name=f"dlt requests {what}",
            what="requests",  # we read the customers too
            ours=f"{median(column(ours, 'requests')):.0f}",
            limit=f"{median(column(other, 'requests')):.0f}",
            goal="",
            met=None,
        )


def _run(whose: str, theirs: Peer, url: str, path: Path) -> dict[str, Any]:
    before = ask(url, "stats")["requests"]
    if whose == "ours":
        told = job("read", whose=whose, url=url, path=str(path), size=1_000)
    else:
        words = theirs.words(url, path, 1_000, False)
        done = subprocess.run(words, cwd=ROOT, env=environ(), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        told = json.loads(done.stdout.strip().splitlines()[-1])
    return told | {"requests": ask(url, "stats")["requests"] - before}
