"""A proxy that breaks calls on their way to the real Tryton server, and a firm small enough to
follow: two customers who owe two invoices each, nobody else worth a reminder."""

import json
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from connector.contract import reference_of, trace_of
from tests.lab.server import TrytonLab
from tests.policies import policy
from tests.processes import Desk, configured

PATIENCE = 2.0  # seconds that the tests let a call wait for its answer
LONG, SHORT = 600, 1  # seconds of Retry-After: to be stored, to be slept

POLICY = policy("two", keys='minimum = { EUR = "50000.00", USD = "50000.00" }')


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls a call: whether the server performs it, and what comes back.

    A status of 0 closes the connection; `part` is the share of the answer's body that is let
    through, `hold` the seconds it is kept, `after` the Retry-After header.
    """

    performed: bool
    status: int = 0
    part: float = 1
    hold: float = 0
    after: Callable[[], str] | None = None
    page: bool = False


def _date() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=LONG), usegmt=True)


FAULTS = {
    "the answer is dropped": Fault(True),
    "the body is cut": Fault(True, 200, part=0.5),
    "the answer comes too late": Fault(True, 200, hold=2 * PATIENCE),
    "closed before it was read": Fault(False),
    "500, not done": Fault(False, 500),
    "500, done": Fault(True, 500),
    "502, not done": Fault(False, 502),
    "502, done": Fault(True, 502),
    "429": Fault(False, 429),
    f"429, Retry-After: {SHORT}": Fault(False, 429, after=lambda: str(SHORT)),
    "429, Retry-After in seconds": Fault(False, 429, after=lambda: str(LONG)),
    "429, Retry-After as a date": Fault(False, 429, after=_date),
    "a web page, not done": Fault(False, 200, page=True),
    "a web page, done": Fault(True, 200, page=True),
}
CERTAIN = frozenset(name for name in FAULTS if name.startswith("429"))
"""Those of which everybody knows that nothing happened."""

WRITES = {"model.ir.email.send": "email", "model.ir.note.create": "note"}
PAGE = b"<html><body>Back in five minutes</body></html>"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that reached the proxy: `read`, `email` or `note`, and what befell it."""

    kind: str
    method: str
    fault: str
    at: datetime


@dataclass
class Proxy:
    """Stands at `url` before a server; `choose` names the fault of a call, by kind and number.

    Numbers count the calls of a kind from 1 since `begin`.
    """

    port: int
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    choose: Callable[[str, int], str] = lambda kind, number: ""

    def begin(self, choose: Callable[[str, int], str] = lambda kind, number: "") -> None:
        """Forget the calls so far; from now on these faults, or none."""
        self.calls, self.choose = [], choose

    @property
    def counts(self) -> Counter[str]:
        """How many calls of each kind came."""
        return Counter(call.kind for call in self.calls)

    def met(self, method: str) -> str:
        """Note a call; the fault it meets, empty for none."""
        kind = WRITES.get(method, "read")
        fault = self.choose(kind, self.counts[kind] + 1)
        self.calls.append(Call(kind, method, fault, datetime.now(UTC)))
        return fault


@contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    """A fault proxy before the server on that port of this machine."""
    middle = Proxy(port)
    lock = threading.Lock()
    ending = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                fault = FAULTS.get(middle.met(json.loads(body)["method"]))
            if fault is None:
                self._answer(*self._forward(body))
                return
            headers: dict[str, str] = {}
            content = b""
            if fault.performed:
                _, headers, content = self._forward(body)
            if fault.hold:
                ending.wait(fault.hold)
            if not fault.status:
                self.close_connection = True
                return
            if fault.page:
                content, headers = PAGE, {"Content-Type": "text/html"}
            elif fault.status != 200:
                content, headers = b"out of order", {"Content-Type": "text/plain"}
            if fault.after:
                headers["Retry-After"] = fault.after()
            self._answer(fault.status, headers, content, fault.part)

        def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            upstream = HTTPConnection("127.0.0.1", middle.port, timeout=60)
            kept = ("Content-Type", "Authorization", "Accept-Encoding", "X-Tryton-Context")
            headers = {name: self.headers[name] for name in kept if self.headers[name]}
            with closing(upstream):
                upstream.request("POST", self.path, body, headers)
                answer = upstream.getresponse()
                content = answer.read()
            told = {
                name: str(answer.headers[name])
                for name in ("Content-Type", "Content-Encoding")
                if answer.headers[name]
            }
            return answer.status, told, content

        def _answer(
            self, status: int, headers: dict[str, str], content: bytes, part: float = 1
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: int(len(content) * part)])
            self.close_connection = part < 1 or self.close_connection

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """The client went away: that is the game."""

    server = Server(("127.0.0.1", 0), Handler)
    middle.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield middle
    finally:
        ending.set()
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class Small:
    """A firm with two reminders of two lines each to send, over and over again."""

    lab: TrytonLab
    desk: Desk
    invoices: tuple[int, ...]

    def begin(self) -> None:
        """As on the first day: no state here, no note and no mail there."""
        for file in (
            *self.desk.folder.glob("config.db*"),
            *(self.desk.folder / "locks").rglob("*.wait"),
        ):
            file.unlink()
        self.lab.mails.clear()
        path = self.lab.work / "db" / f"{self.lab.database}.sqlite"
        with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
            for table in ("ir_note", "ir_email_address", "ir_email"):
                connection.execute(f"DELETE FROM {table}")

    def mails(self) -> Counter[str]:
        """How often the mail server took each reminder, by key."""
        return Counter(reference_of(_text(mail)) for mail in self.lab.mails)

    def notes(self) -> Counter[tuple[int, str]]:
        """How often each line's note stands on its invoice."""
        return Counter(
            (number, trace.line_key)
            for number in self.invoices
            for text in self.lab.notes(number)
            if (trace := trace_of(text, str(number)))
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query of the state gives; nothing where there is no state yet."""
        if not self.desk.state.exists():
            return []
        with closing(sqlite3.connect(self.desk.state, timeout=30)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchall():
                return []
            return connection.execute(query).fetchall()

    def states(self) -> dict[str, str]:
        """The state of each reminder by key, the latest of each."""
        return dict(self.rows("SELECT key, state FROM reminder ORDER BY id"))

    def open_ends(self) -> bool:
        """Whether a mail or a note was begun of which nobody knows how it ended."""
        begun = "SELECT 1 FROM reminder WHERE state IN ('sending', 'unknown')"
        noted = "SELECT 1 FROM reminder_line WHERE note_tried_at IS NOT NULL AND noted_at IS NULL"
        tables = self.rows("SELECT 1 FROM sqlite_master WHERE name = 'reminder_line'")
        return bool(tables and self.rows(f"{begun} UNION ALL {noted}"))

    def pass_time(self) -> None:
        """Make what was tried, and every wait, older than any patience."""
        pass_time(self.desk)


def pass_time(desk: Desk) -> None:
    """Make all that a desk has tried, and every wait, older by a day and an hour."""
    for file in (desk.folder / "locks").rglob("*.wait"):
        until, _, because = file.read_text(encoding="utf-8").partition(" ")
        earlier = datetime.fromisoformat(until) - timedelta(hours=25)
        file.write_text(f"{earlier.isoformat()} {because}", encoding="utf-8")
    if not desk.state.exists():
        return
    with closing(sqlite3.connect(desk.state, timeout=30)) as connection, connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'attempt'").fetchall():
            return
        for table, column in (
            ("attempt", "started_at"),
            ("reminder_line", "note_tried_at"),
            ("reminder", "not_before"),
        ):
            # kept as text: another hour has another text
            for number, value in connection.execute(
                f"SELECT id, {column} FROM {table} WHERE {column} IS NOT NULL"
            ).fetchall():
                earlier = datetime.fromisoformat(value) - timedelta(hours=25)
                connection.execute(
                    f"UPDATE {table} SET {column} = ? WHERE id = ?",
                    (earlier.isoformat(timespec="microseconds"), number),
                )


def small(lab: TrytonLab, folder: Path, **more: str) -> Small:
    """The firm, made in the lab: its other customers owe too little to be written to."""
    invoices = []
    for name, address in (("paid", "un@clients.example"), ("credited", "deux@clients.example")):
        party = lab.situations[name].party
        lab.set_email(party, address)
        for days in (40, 50):
            issued = lab.today - timedelta(days=days)
            invoices.append(lab.post_invoice(party, Decimal(100_000), issued))
    desk = configured(folder, lab, **more)
    (desk.folder / "policy.toml").write_text(POLICY, encoding="utf-8")
    return Small(lab, desk, tuple(invoices))


def drawn(seed: int) -> Callable[[str, int], str]:
    """Faults at random, the same for the same seed: one call in six, writes more often."""
    rng = random.Random(seed)
    names = sorted(FAULTS)

    def choose(kind: str, number: int) -> str:
        return rng.choice(names) if rng.random() < (0.1 if kind == "read" else 0.5) else ""

    return choose


def _text(mail: Any) -> str:
    part = mail.get_body(preferencelist=("html", "plain"))
    assert part
    return str(part.get_content())
