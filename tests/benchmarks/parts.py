"""Where the CPU time of a piece of work goes, by its parts: `python -m tests.benchmarks.parts`.

Each part is a few functions that are watched; what one of them spends in another is the other's.
Watching costs a little too, so the parts tell proportions, and the table of goals the seconds.
"""

import argparse
import json
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.jobs import ask
from tests.benchmarks.measure import ROOT, command, job, server

Shares = dict[str, float]


class Watch:
    """CPU seconds by part, each without those of the parts inside it."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = time.process_time()

    def _turn(self) -> None:
        now = time.process_time()
        self.seconds[self._open[-1] if self._open else ""] += now - self._since
        self._since = now

    def on(self, owner: Any, name: str, part: str) -> None:
        """Count what a function spends as a part's."""
        work = getattr(owner, name)
        self.seconds[part] += 0.0  # parts are told in the order in which they were named

        def watched(*args: Any, **more: Any) -> Any:
            self._turn()
            self._open.append(part)
            try:
                return work(*args, **more)
            finally:
                self._turn()
                self._open.pop()

        setattr(owner, name, watched)

    def told(self, rest: str) -> Shares:
        """The parts; `rest` names what was in none of them."""
        self._turn()
        found = dict(self.seconds)
        found[rest] = found.get(rest, 0) + found.pop("", 0.0)
        return {part: round(seconds, 3) for part, seconds in found.items()}


def reading(url: str, path: str, size: int, again: bool = False) -> Shares:
    """A full read of ours; or the one after it, of a thousand that changed, in the same process."""
    from sqlalchemy import Connection

    from connector.mirror.store import Mirror
    from providers.http import Session
    from tests.benchmarks import provider
    from tests.benchmarks.jobs import Ours

    ours = Ours(url, path, size)
    if again:
        _changed(ours, url)
    watch = Watch()
    watch.on(Session, "read", "HTTP")
    watch.on(provider.Answer, "model_validate_json", "parse and validate")
    watch.on(provider, "to_record", "map to records")
    watch.on(Mirror, "store", "prepare rows")
    for name in ("exec_driver_sql", "execute"):
        watch.on(Connection, name, "SQLite")
    watch.on(Connection, "_commit_impl", "commit")
    ours.sync()
    told = watch.told("map to records")
    ours.close()
    return told


def reading_limit(url: str, path: str, size: int, again: bool = False) -> Shares:
    """The same of the limit."""
    import requests

    from tests.benchmarks import limit

    least = limit.Limit(url, Path(path), size)
    if again:
        _changed(least, url)
    watch = Watch()
    watch.on(requests.Session, "get", "HTTP")
    watch.on(json, "loads", "parse and validate")
    for name in ("_invoice", "_customer"):
        watch.on(limit, name, "prepare rows")

    class Watched:
        def __init__(self, connection: sqlite3.Connection) -> None:
            self._connection = connection

        def execute(self, sql: str, *more: Any) -> Any:
            part = "commit" if sql == "COMMIT" else "SQLite"
            return _within(watch, part, lambda: self._connection.execute(sql, *more))

        def executemany(self, sql: str, rows: Any) -> Any:
            made = list(rows)
            return _within(watch, "SQLite", lambda: self._connection.executemany(sql, made))

        def close(self) -> None:
            self._connection.close()

    least._db = Watched(least._db)  # type: ignore[assignment]
    least.sync()
    told = watch.told("prepare rows")
    least.close()
    return told


def _changed(reader: Any, url: str) -> None:
    """All is read, also what changed since, so that what is made once is made; then more changes."""
    reader.sync()
    for seed in (1, 2):
        ask(url, "edit", rows=1_000, seed=seed)
        if seed == 1:
            reader.sync()


def _within(watch: Watch, part: str, work: Callable[[], Any]) -> Any:
    holder = type("Holder", (), {"work": staticmethod(work)})
    watch.on(holder, "work", part)
    return holder.work()


def deciding(path: str) -> Shares:
    """The decision of ours."""
    from connector.dunning import decide, judge
    from connector.mirror import snapshot
    from connector.mirror.facts import Facts
    from connector.outbox.queue import Outbox
    from tests.benchmarks import jobs

    watch = Watch()
    watch.on(snapshot, "read", "make cases")
    watch.on(Facts, "lines", "read lines")
    watch.on(snapshot, "accounts_of", "read customers")
    watch.on(snapshot, "steps_of", "read history")
    watch.on(decide, "decide", "gather messages")
    watch.on(judge.Alike, "of", "judge lines")
    watch.on(decide, "reminder", "make reminders")
    watch.on(Outbox, "reserve", "write the plan")
    jobs.decide("ours", path)
    told = watch.told("start")
    del told["start"]
    return told


class Timed(sqlite3.Connection):
    """A connection that adds up, by the clock, what its statements take."""

    parts: Shares

    def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
        start = time.perf_counter()
        try:
            return super().execute(sql, *more)
        finally:
            part = {"BEGIN IMMEDIATE": "begin", "COMMIT": "commit: the disk"}.get(sql, "statements")
            self.parts[part] += time.perf_counter() - start

    @classmethod
    def on(cls, path: str, *settings: str) -> "Timed":
        made = sqlite3.connect(path, isolation_level=None, factory=cls)
        made.parts = {}
        for setting in ("journal_mode = WAL", "synchronous = FULL", *settings):
            sqlite3.Connection.execute(made, f"PRAGMA {setting}")
        made.parts = {"begin": 0.0, "statements": 0.0, "commit: the disk": 0.0}
        return made


def delivering(path: str, limit: bool = False) -> Shares:
    """One reminder, claimed and settled: a thousand, by the clock, for the disk is waited for."""
    from connector.mirror.state import State
    from connector.mirror.tables import ReminderState
    from connector.outbox.queue import Outbox
    from tests.benchmarks.jobs import plain_box, plain_steps
    from tests.benchmarks.ledgers import NOW, TODAY

    times = 1_000
    with State.opened(Path(path)) as state:
        box = Outbox(state, "bench")
        with box.steps:
            pass
        if limit:
            timed = Timed.on(f"{path}.plain")
            plain_box(timed, times)
        else:
            log = sqlite3.Connection.execute(box.steps._driver, "PRAGMA wal_autocheckpoint")
            timed = Timed.on(path, f"wal_autocheckpoint = {log.fetchone()[0]}")
            box.steps._driver = timed
        rows = box.rows(ReminderState.PLANNED)[:times]
        timed.parts = dict.fromkeys(timed.parts, 0.0)
        start = time.perf_counter()
        for number, row in enumerate(rows):
            if limit:
                plain_steps(timed, number)
            else:
                assert box.claim(row, NOW)
                box.sent(row, NOW, TODAY, "r")
        spent = time.perf_counter() - start
        parts = timed.parts | {"Python": spent - sum(timed.parts.values())}
        timed.close()
    return {part: round(seconds / times, 6) for part, seconds in parts.items()}


def starting() -> Shares:
    """`relance --help`: what is imported, by whose it is, and what is left."""
    relance = str(Path(sys.executable).parent / "relance")
    bare = median(command(sys.executable, "-c", "pass") for _ in range(7))
    whole = median(command(relance, "--help") for _ in range(7))
    words = [sys.executable, "-X", "importtime", relance, "--help"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stderr
    parts: Shares = defaultdict(float)
    for line in told.splitlines()[1:]:
        spent, _, name = line.removeprefix("import time:").split("|")
        parts[_WHOSE.get(name.strip().partition(".")[0], "standard library")] += int(spent) / 1e6
    # an import is timed by the clock, and those of a bare interpreter are among them
    parts["standard library"] = max(parts["standard library"] - bare, 0)
    parts["interpreter"] = bare
    parts["the command"] = max(whole - sum(parts.values()), 0)
    return {part: round(seconds, 4) for part, seconds in parts.items()}


_WHOSE = {"connector": "Relance", "providers": "Relance", "typer": "Typer", "click": "Typer"}
PIECES: dict[str, Callable[..., Shares]] = {
    piece.__name__: piece for piece in (reading, reading_limit, deciding, delivering, starting)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=PIECES)
    parser.add_argument("given", nargs="?", default="{}")
    parser.add_argument("--size", type=int, default=100_000)
    given = parser.parse_args()
    if given.what:
        print(json.dumps(PIECES[given.what](**json.loads(given.given))))
        return
    from tests.benchmarks.pictures import draw

    with TemporaryDirectory(dir=Path(), prefix="parts-") as name:
        found = dict(_measured(Path(name).absolute(), given.size))
    print(json.dumps(found, indent=1))
    for piece, path in draw(found, Path("docs/pictures")):
        print(f"{piece}: {path}")


def _measured(folder: Path, size: int) -> Iterator[tuple[str, Shares]]:
    for again in (False, True):
        for what in ("reading", "reading_limit"):
            path = str(folder / f"{what}-{again}.db")
            with server(size) as url:  # one each, for what was edited before lies together
                shares = _apart(what, url=url, path=path, size=1_000, again=again)
            yield f"{what} again" if again else what, shares
    path = str(folder / "lines.db")
    job("ledger", path=path, size=size, flat=False)
    yield "deciding", _apart("deciding", path=path)
    path = str(folder / "outbox.db")
    job("fill", path=path, rows=2_000)
    for name, limit in (("delivering", False), ("delivering_limit", True)):
        yield name, _apart("delivering", path=path, limit=limit)
    yield "starting", _apart("starting")


def _apart(what: str, **given: object) -> Shares:
    words = [sys.executable, "-m", "tests.benchmarks.parts", what, json.dumps(given)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


if __name__ == "__main__":
    main()
