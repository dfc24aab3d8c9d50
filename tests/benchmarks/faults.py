"""`python -m tests.benchmarks.faults`: what each fault costs us, the limit, and other programs.

Five thousand invoices in fifty pages. A run that fails is followed by another, until one ends well;
then the faults stop, and one more run reads what changed. What is held after either is compared
with what the server knows: rows that are missing, old, or there twice.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

from tests.benchmarks import effects, peers
from tests.benchmarks.jobs import ask
from tests.benchmarks.measure import ROOT, environ, server
from tests.benchmarks.peers import Peer
from tests.benchmarks.server import Faults

INVOICES, SIZE = 5_000, 100
RUNS = 10  # one after the other: after so many that failed nobody would go on
LONGEST = 300.0  # seconds of one run


@dataclass(frozen=True)
class Case:
    """A fault; `by_number` where it is read by page numbers, else by keyset.

    With `killed` the run ends by SIGKILL while that request waits for its answer.
    """

    what: str
    faults: Mapping[str, object]
    by_number: bool = False
    killed: int = 0


CASES = (
    Case("5 % errors 500, 5 % dropped, 3 % cut bodies", {"p500": 0.05, "drop": 0.05, "cut": 0.03}),
    Case("5 % dropped, 3 % cut bodies", {"drop": 0.05, "cut": 0.03}),
    Case("20 requests in 5 s, else 429 with `Retry-After`", {"rate": 20, "period": 5}),
    Case("one web page with status 200, the 20th answer", {"at": {"20": "page"}}),
    Case("`kill -9` after 25 answers, run again", {"at": {"26": "hang"}}, killed=26),
    Case(
        "others edit 5 invoices every 5 pages, read by page number",
        {"edit_every": 5},
        by_number=True,
    ),
    Case("the same, read by keyset", {"edit_every": 5}),
)


@dataclass(frozen=True)
class Held:
    """What a state holds beside what the server knows."""

    missing: int
    old: int
    twice: int

    def __str__(self) -> str:
        told = [f"{self.missing} missing, {self.old} old"]
        return ", ".join([*told, f"{self.twice} twice"] if self.twice else told)


NOTHING = Held(0, 0, 0)


@dataclass(frozen=True)
class Outcome:
    """What came of a fault: runs until one ended well, requests for invoices in all of them.

    `more` are the requests of one run more, None where that one failed.
    """

    well: bool
    runs: int
    requests: int
    held: Held
    more: int | None
    then: Held

    def __str__(self) -> str:
        ended = f"run {self.runs}" if self.well else f"never, in {self.runs} runs"
        told = [f"{ended}, {self.requests} requests, {self.held}"]
        if self.more is None:
            told.append("the next run fails too" if not self.well else "the next run fails")
        elif self.then != self.held:
            told.append(f"after one more run {self.then}")
        elif self.held != NOTHING:
            told.append("one more run leaves them so")
        if self.more and self.more > 2:
            told.append(f"that run takes {self.more} requests")
        return "; ".join(told)


class Own(Peer):
    """Ours, or the limit: a job in a process of its own."""

    def __init__(self, name: str, whose: str) -> None:
        super().__init__(name, sys.executable, "")
        self.whose = whose

    def words(self, url: str, path: Path, size: int, by_number: bool) -> list[str]:
        given = {"whose": self.whose, "url": url, "path": str(path), "size": size}
        told = json.dumps(given | {"by_number": by_number})
        return [sys.executable, "-m", "tests.benchmarks.jobs", "read", told]

    def rows(self, path: Path) -> list[tuple[str, int]]:
        return peers.selected(path, _HELD[self.whose])


_HELD = {
    "ours": "SELECT i.ref, sum(l.balance) FROM invoice i JOIN due_line l ON l.invoice_id = i.id"
    " GROUP BY i.id",
    "limit": "SELECT id, due FROM invoice",
}
OURS, LIMIT = Own("Relance", "ours"), Own("the limit", "limit")


def measured(case: Case, peer: Peer, folder: Path) -> Outcome:
    """What comes of one fault for one program."""
    path = folder / "held.db"
    with server(INVOICES) as url:
        spoil(url, only="invoices", seed=1, **case.faults)
        runs, well, before = 0, False, 0
        while runs < RUNS and not well:
            runs += 1
            killed = case.killed if runs == 1 else 0
            well = _ran(peer, url, path, case.by_number, folder, killed)
            if killed:
                before = _requests(url)
                spoil(url, only="invoices")
        requests = before + _requests(url)
        held = compared(url, peer.rows(path))
        spoil(url, only="invoices")
        again = _ran(peer, url, path, case.by_number, folder)
        more = _requests(url) if again else None
        return Outcome(well, runs, requests, held, more, compared(url, peer.rows(path)))


def spoil(url: str, **faults: Any) -> None:
    """Set the server's faults, all others off; its counts begin anew."""
    told = json.dumps(asdict(Faults(**faults))).encode()
    with urlopen(Request(f"{url}/control/faults", data=told)):
        pass


def compared(url: str, rows: Sequence[tuple[str, int]]) -> Held:
    """What these rows are beside the truth."""
    truth = ask(url, "truth")
    return Held(
        missing=len(truth.keys() - dict(rows).keys()),
        old=len({name for name, cents in rows if truth.get(name) != cents}),
        twice=sum(count > 1 for count in Counter(name for name, _ in rows).values()),
    )


def _requests(url: str) -> int:
    return int(ask(url, "stats")["requests"])


def _ran(peer: Peer, url: str, path: Path, by_number: bool, folder: Path, killed: int = 0) -> bool:
    """Whether a run ended well; with `killed` it ends at that request."""
    words = peer.words(url, path, SIZE, by_number)
    with (folder / "said").open("a", encoding="utf-8") as said:
        running = subprocess.Popen(
            words, cwd=ROOT, env=environ(), stdout=said, stderr=said, start_new_session=True
        )
        try:
            end = time.monotonic() + LONGEST
            while running.poll() is None and time.monotonic() < end:
                if killed and _requests(url) >= killed:
                    break
                time.sleep(0.02)
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()
    return running.returncode == 0


def table(everyone: Sequence[Peer], folder: Path) -> Iterator[str]:
    """The matrix as Markdown, line by line."""
    yield f"| fault | {' | '.join(peer.name for peer in everyone)} |"
    yield f"| --- |{' --- |' * len(everyone)}"
    for case in CASES:
        cells = []
        for peer in everyone:
            with TemporaryDirectory(dir=folder) as own:
                cells.append(str(measured(case, peer, Path(own))))
            print(f"{case.what}: {peer.name}: {cells[-1]}", file=sys.stderr, flush=True)
        yield f"| {case.what} | {' | '.join(cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.faults", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--peers", metavar="PYTHON", nargs="+", default=[], help="Pythons that have dlt, …"
    )
    parser.add_argument("--only", choices=("reads", "mails"), help="one of the two tables")
    given = parser.parse_args()
    everyone = [OURS, LIMIT, *(peer for python in given.peers for peer in peers.found(python))]
    with TemporaryDirectory(prefix="faults-") as folder:
        if given.only != "mails":
            print("\n".join(table(everyone, Path(folder))))
        if given.only != "reads":
            print("\n" + "\n".join(effects.table(Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
