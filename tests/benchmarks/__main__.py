"""`python -m tests.benchmarks`: the goals of Relance, measured, as a Markdown table.

On a machine with neighbours only CPU time and ratios within one round mean anything: ours and the
limit run in turn, and the table shows the median of the ratios with the least and the most.
"""

import argparse
import platform
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import goals, peers
from tests.benchmarks.goals import Row

PARTS = ("read", "decide", "outbox", "start", "idle", "state", "peers")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--invoices", type=int, default=100_000)
    parser.add_argument("--only", default="", help=f"one of {', '.join(PARTS)}")
    parser.add_argument("--million", action="store_true", help="decide a million lines, once")
    parser.add_argument("--folder", type=Path, help="on the disk to be measured; default: here")
    parser.add_argument("--peers", metavar="PYTHON", help="a Python that has dlt: measure it too")
    given = parser.parse_args()
    if given.only not in ("", *PARTS) or (given.only == "peers" and not given.peers):
        parser.error(
            "--only takes one of " + ", ".join(PARTS) + "; peers also needs --peers PYTHON"
        )
    with TemporaryDirectory(dir=given.folder or Path(), prefix="benchmarks-") as name:
        rows = list(_said(_rows(Path(name).absolute(), given)))
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, ", end="")
    print(f"{platform.machine()}, {given.rounds} rounds.\n")
    print(goals.table(rows))
    notes = [f"- {row.what}: {row.more}." for row in rows if row.more]
    print("\n" + "\n".join(notes))
    return 0


def _rows(folder: Path, given: argparse.Namespace) -> Iterator[Row]:
    wanted, rounds, invoices = given.only, given.rounds, given.invoices
    if wanted in ("", "read"):
        for size in (100, 1_000):
            yield from goals.reading(folder, invoices, size, rounds)
    if wanted in ("", "decide"):
        yield from goals.deciding(folder, invoices, rounds)
    if given.million:
        yield from goals.deciding(folder, 1_000_000, 1)
    if wanted in ("", "outbox"):
        yield from goals.delivering(folder, 1.0)
    if wanted in ("", "start"):
        yield from goals.starting(max(5, rounds))
    if wanted in ("", "idle"):
        yield from goals.idling(folder, 30)
    if wanted in ("", "state"):
        yield from goals.keeping(folder, 10_000, 50_000)
    if given.peers and wanted in ("", "peers"):
        yield from peers.reading(folder, given.peers, invoices, rounds)


def _said(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, each told on stderr as soon as it is known."""
    for row in rows:
        print(" | ".join(cell for cell in row.cells() if cell), file=sys.stderr, flush=True)
        yield row


if __name__ == "__main__":
    sys.exit(main())
