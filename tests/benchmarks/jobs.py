"""The work that is measured, each piece in a process of its own: `python -m tests.benchmarks.jobs`.

A job prints one JSON object: CPU seconds, the most memory it ever held, and what it counted. What it
takes to make ready is not in `cpu`.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

Told = dict[str, Any]


def cpu() -> float:
    """CPU seconds of this process so far, user and system."""
    return time.process_time()


def held() -> float:
    """MiB of memory that this process holds now, and at most so far."""
    return _memory("VmRSS")


def most() -> float:
    """MiB of memory that this process held at most."""
    return _memory("VmHWM")


def _memory(name: str) -> float:
    """A figure of /proc: that of `getrusage` would count the parent's memory before the start."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


def ask(url: str, path: str, **query: object) -> Any:
    """What the server's control answers."""
    words = "&".join(f"{name}={value}" for name, value in query.items())
    with urlopen(f"{url}/control/{path}?{words}") as answer:
        return json.load(answer)


class Ours:
    """The product's own way from a server into a state, as the service and a command have it."""

    def __init__(self, url: str, path: str, size: int, by_number: bool = False) -> None:
        from connector.mirror.state import State
        from connector.mirror.store import Mirror
        from providers.http import Session
        from tests.benchmarks.provider import COMPANY, Bench

        self.state = State.open(Path(path))
        self.mirror = Mirror(self.state)
        self.mirror.bind(COMPANY, date(2026, 11, 20))
        self.provider = Bench(Session("bench", url), size, by_number)

    def sync(self) -> int:
        """Read what changed; how many records came."""
        from connector.mirror.pull import pull
        from tests.benchmarks.provider import SPEC

        pulled = pull(
            self.provider,
            SPEC.kinds,
            self.mirror,
            now=datetime.now(UTC),
            today=date(2026, 11, 20),
            capabilities=SPEC.can,
            progress=lambda what, done, total: None,
        )
        assert not pulled.bad, pulled.bad[0]
        return sum(pulled.counts.values())

    def close(self) -> None:
        self.provider.close()
        self.state.close()


def _reader(whose: str, url: str, path: str, size: int, by_number: bool = False) -> Any:
    if whose == "ours":
        return Ours(url, path, size, by_number)
    from tests.benchmarks.limit import Limit

    return Limit(url, Path(path), size, by_number)


def read(whose: str, url: str, path: str, size: int, by_number: bool = False) -> Told:
    """One read in a fresh process, imports and all; `work` is the read alone."""
    reader = _reader(whose, url, path, size, by_number)
    ready = cpu()
    rows = reader.sync()
    reader.close()
    return {
        "cpu": cpu(),
        "work": cpu() - ready,
        "memory": most(),
        "rows": rows,
        "file": Path(path).stat().st_size,
    }


def again(whose: str, url: str, path: str, size: int, changed: int, seed: int) -> Told:
    """A read of what changed in a process that has read before, as the service has."""
    reader = _reader(whose, url, path, size)
    reader.sync()
    found = []
    for turn in range(6):
        ask(url, "edit", rows=changed, seed=seed + turn)
        before = time.process_time()  # finer than what `cpu` tells
        rows = reader.sync()
        found.append(time.process_time() - before)
    reader.close()
    # in all: every few reads SQLite folds its log into the file
    return {"cpu": sum(found) / len(found), "rows": rows, "memory": most()}


def decide(whose: str, path: str) -> Told:
    """The facts read, the decision made, and the plan in the outbox."""
    return _decide_flat(path) if whose == "limit" else _decide_ours(path)


def _decide_flat(path: str) -> Told:
    from tests.benchmarks.ledgers import DECIDE, GAP, TODAY

    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    idle, before = held(), cpu()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(DECIDE, {"today": TODAY.toordinal(), "gap": GAP})
    connection.execute("COMMIT")
    spent = cpu() - before
    planned = connection.execute("SELECT count(*) FROM outbox").fetchone()[0]
    return {"cpu": spent, "memory": most() - idle, "planned": planned}


def _decide_ours(path: str) -> Told:
    from connector.dunning.decide import decide
    from connector.dunning.policy_file import load
    from connector.dunning.snapshot import Channel, Day
    from connector.mirror.snapshot import read
    from connector.mirror.state import State
    from connector.mirror.store import Mirror
    from connector.outbox.queue import Outbox
    from tests.benchmarks.ledgers import NOW, TODAY

    policies = load("standard-b2b", Path())
    texts = {(step.text, "fr") for step in policies.firm.steps}
    routes = dict.fromkeys(Channel, "note") | {Channel.EMAIL: "api", Channel.LETTER: "print"}
    day = Day(routes=routes, templates=frozenset(texts), language="fr", mode="auto")
    with State.opened(Path(path)) as state:
        mirror, box = Mirror(state), Outbox(state, "bench")
        idle, steps = held(), [cpu()]
        snapshot = read(mirror, day, TODAY)
        steps.append(cpu())
        plan = decide(snapshot, policies, TODAY)
        steps.append(cpu())
        rows = box.reserve(plan, lambda entry, line: "", None, NOW)
        steps.append(cpu())
        assert plan.open_lines == len(snapshot.cases)
        return {
            "cpu": steps[3] - steps[0],
            "read": steps[1] - steps[0],
            "decide": steps[2] - steps[1],
            "reserve": steps[3] - steps[2],
            "memory": most() - idle,
            "lines": plan.open_lines,
            "planned": len(rows),
        }


def fill(path: str, rows: int) -> Told:
    """Planned reminders of one line each in the outbox, written as a plan is."""
    from connector.mirror.state import State
    from connector.mirror.tables import Origin, ReminderState
    from connector.outbox.sql import LINE, REMINDER
    from tests.benchmarks.ledgers import NOW, TODAY

    told = {"state": ReminderState.PLANNED, "planned_on": TODAY, "origin": Origin.RELANCE}
    line = {"line_ref": "1", "stage": "friendly", "step": "friendly"}
    with State.opened(Path(path)) as state, state.outbox.begin() as connection:
        numbers = range(1, rows + 1)
        reminders = [
            told
            | {"id": n, "key": f"{n:020x}", "step": "friendly", "stage": "friendly"}
            | {"customer_ref": f"c{n}", "text": "x" * 400, "planned_at": NOW}
            for n in numbers
        ]
        connection.execute(REMINDER.insert(), reminders)
        lines = [
            line | {"reminder_id": n, "key": f"{n:020x}", "invoice_ref": f"i{n}"} for n in numbers
        ]
        connection.execute(LINE.insert(), lines)
    return {"rows": rows}


def deliver(path: str, seconds: float) -> Told:
    """Reminders a second with two commits each, by our outbox and by bare SQLite, in turn."""
    from connector.mirror.state import State
    from connector.mirror.tables import ReminderState
    from connector.outbox.queue import Outbox
    from tests.benchmarks.ledgers import NOW, TODAY

    rates: dict[str, list[float]] = {"ours": [], "limit": []}
    spent: dict[str, list[float]] = {"ours": [], "limit": []}
    plain = sqlite3.connect(f"{path}.plain", isolation_level=None)
    plain_box(plain, MOST)
    with State.opened(Path(path)) as state:
        box = Outbox(state, "bench")
        rows = iter(box.rows(ReminderState.PLANNED))
        line = iter(range(MOST))

        def ours() -> None:
            row = next(rows)
            assert box.claim(row, NOW)
            box.sent(row, NOW, TODAY, "r")

        def limit() -> None:
            plain_steps(plain, next(line))

        for turn in range(6):
            for name, work in (("ours", ours), ("limit", limit)):
                start, used, count = time.perf_counter(), cpu(), 0
                while time.perf_counter() - start < seconds:
                    work()
                    count += 1
                if not turn:
                    continue  # until a log was filled once it grows, which takes twice as long
                rates[name].append(count / (time.perf_counter() - start))
                spent[name].append((cpu() - used) / count)
    plain.close()
    return {"rates": rates, "cpu": spent}


def plain_box(plain: sqlite3.Connection, rows: int) -> None:
    """The outbox of the limit, with so many messages."""
    plain.executescript(_PLAIN)
    plain.execute("BEGIN")
    boxes = ((number, "planned", "x" * 400) for number in range(rows))
    plain.executemany("INSERT INTO box VALUES(?, ?, ?)", boxes)
    plain.execute("COMMIT")


def plain_steps(plain: sqlite3.Connection, number: int) -> None:
    """One message of the limit, claimed and settled."""
    for word in ("sending", "sent"):
        plain.execute("BEGIN IMMEDIATE")
        plain.execute("UPDATE box SET state = ? WHERE id = ?", (word, number))
        plain.execute("INSERT INTO event VALUES(NULL, ?, ?)", (number, word))
        plain.execute("COMMIT")


MOST = 50_000  # reminders at hand: more than any disk takes in the time
_PLAIN = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
CREATE TABLE box(id INTEGER PRIMARY KEY, state TEXT, payload TEXT);
CREATE TABLE event(id INTEGER PRIMARY KEY, box INTEGER, what TEXT);
"""


def ledger(path: str, size: int, flat: bool) -> Told:
    """A ledger made ready."""
    from tests.benchmarks.ledgers import flat_ledger, open_ledger

    (flat_ledger if flat else open_ledger)(Path(path), size)
    return {"file": Path(path).stat().st_size}


def year(path: str, invoices: int, payments: int) -> Told:
    """The state after a year of a firm's life."""
    from tests.benchmarks.ledgers import year

    year(Path(path), invoices, payments)
    return {"file": Path(path).stat().st_size}


JOBS: dict[str, Callable[..., Told]] = {
    job.__name__: job for job in (read, again, decide, fill, deliver, ledger, year)
}


if __name__ == "__main__":
    print(json.dumps(JOBS[sys.argv[1]](**json.loads(sys.argv[2]))))
