"""A product's limits are kept: a server that counts and refuses, and a day that runs short."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

import pytest

from connector.errors import KeptForSending, Transient
from connector.meter import Meter
from connector.receivables.capabilities import Limits
from providers.http import Session
from tests.office import START, Desk, desk, due, locks
from tests.policies import policy, step
from tests.providers.answering import Answer, Answering

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path) -> Iterator[None]:
    with locks(tmp_path / "locks"):
        yield


class Strict:
    """A server that refuses the call above `second` in a second, or above `at_once` under way."""

    def __init__(self, second: int, at_once: int) -> None:
        self.came: list[float] = []
        self.refused = 0
        lock, under_way, outer = Lock(), [0], self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with lock:
                    now = time.monotonic()
                    under_way[0] += 1
                    lately = [at for at in outer.came if now - at < 1]
                    refuse = under_way[0] > at_once or len(lately) >= second
                    outer.came.append(now)
                    outer.refused += refuse
                time.sleep(0.05)
                with lock:
                    under_way[0] -= 1
                self.send_response(429 if refuse else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator["Strict"]:
        Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()


def read_ten(url: str, meter: Meter | None) -> None:
    session = Session("acme", url, meter=meter, sleep=lambda seconds: None)
    for _ in range(10):
        session.read("GET", "/", tries=1)
    session.close()


def test_a_server_that_counts_refuses_nothing(tmp_path: Path) -> None:
    # A little below what it takes: its second begins when a call arrives, ours when it leaves.
    limits = Limits(second=8, at_once=2)
    with Strict(second=10, at_once=2).serving() as server, ThreadPoolExecutor(3) as three:
        meters = [Meter(limits, tmp_path / "state.db") for _ in range(3)]
        list(three.map(lambda meter: read_ten(server.url, meter), meters))
        assert len(server.came) == 30
        assert server.refused == 0


def test_the_server_would_refuse_without_a_meter() -> None:
    with Strict(second=10, at_once=2).serving() as server, ThreadPoolExecutor(3) as three:
        asked = [three.submit(read_ten, server.url, None) for _ in range(3)]
        assert any(isinstance(each.exception(), Transient) for each in asked)
        assert server.refused


TAKE = """
import json, sys
from pathlib import Path
from connector.errors import Transient
from connector.meter import Meter
from connector.receivables.capabilities import Limits

meter, made = Meter(Limits(day=10), Path(sys.argv[1])), 0
try:
    for _ in range(6):
        with meter.call():
            made += 1
except Transient as error:
    print(json.dumps([made, error.retry_at.isoformat()]))
else:
    print(json.dumps([made, ""]))
"""


def test_processes_share_the_days_calls(tmp_path: Path) -> None:
    def take() -> tuple[int, str]:
        words = [sys.executable, "-c", TAKE, str(tmp_path / "state.db")]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        made, until = json.loads(done.stdout)
        return made, until

    began = datetime.now(UTC)
    assert take() == (6, "")
    made, until = take()
    assert made == 4
    assert timedelta() <= datetime.fromisoformat(until) - began - DAY < timedelta(minutes=2)


def test_two_firms_do_not_share(tmp_path: Path) -> None:
    for name in ("one.db", "two.db"):
        with Meter(Limits(day=1), tmp_path / name).call():
            pass
    with pytest.raises(Transient), Meter(Limits(day=1), tmp_path / "one.db").call():
        pass


def test_calls_return_with_the_day(tmp_path: Path) -> None:
    now = [START]
    meter = Meter(Limits(day=2), tmp_path / "state.db", clock=lambda: now[0])
    for _ in range(2):
        with meter.call():
            now[0] += timedelta(hours=1)
    with pytest.raises(Transient) as refused, meter.call():
        pass
    assert refused.value.retry_at
    now[0] = refused.value.retry_at + timedelta(seconds=1)
    assert now[0] - START < DAY + timedelta(minutes=1)
    with meter.call():
        pass


def test_the_products_own_count_is_believed(tmp_path: Path) -> None:
    meter = Meter(Limits(day=1000, keep=0.1), tmp_path / "state.db")
    left = [Answer(headers={"X-Left": str(number)}) for number in (500, 90)]
    with Answering(*left) as server, meter.reading():
        session = Session("acme", server.url, meter=meter, left_header="X-Left")
        session.read("GET", "/")
        session.read("GET", "/")
        with pytest.raises(KeptForSending, match="90 of 1000"):
            session.read("GET", "/")
        session.close()
    assert len(server.asked) == 2


def planned(tmp_path: Path) -> Desk:
    """A firm with a planned reminder that waits for a mail server, and a day of twenty calls."""
    firm = desk(tmp_path, "c1", "c2")
    firm.office.owe("i1", "c1", due(firm.clock, 4))
    firm.office.breaks = lambda verb: "down" if verb == "email" else ""
    firm.sync()
    assert firm.states() == ["planned"]
    firm.office.breaks = lambda verb: ""
    firm.clock.pass_(minutes=30)
    firm.office.calls.clear()
    return firm


def test_what_is_left_of_a_day_is_kept_for_sending(tmp_path: Path) -> None:
    firm = planned(tmp_path)
    firm.limits = Limits(day=20, keep=0.5)
    meter = Meter(firm.limits, firm.state, clock=firm.clock)
    for _ in range(9):
        with meter.call():
            pass
    firm.office.owe("i2", "c2", due(firm.clock, 4))
    report = firm.sync()
    assert "kept for sending" in report.unread
    assert report.exit_code == 3
    assert [mail.customer for mail in firm.office.mails] == ["c1"]
    assert "account" in firm.office.calls  # not without its look
    assert not report.plan.reminders

    firm.clock.pass_(days=1, minutes=1)
    assert firm.sync().unread == ""
    assert {mail.customer for mail in firm.office.mails} == {"c1", "c2"}
    assert len(firm.office.mails) == 2


def test_what_was_paid_while_reading_was_put_off_is_not_sent(tmp_path: Path) -> None:
    firm = planned(tmp_path)
    firm.limits = Limits(day=20, keep=0.5)
    meter = Meter(firm.limits, firm.state, clock=firm.clock)
    for _ in range(10):
        with meter.call():
            pass
    firm.office.pay("i1")
    report = firm.sync()
    assert report.unread
    assert firm.office.mails == []
    assert firm.states() == ["superseded"]


def test_nothing_goes_on_what_was_read_too_long_ago(tmp_path: Path) -> None:
    firm = planned(tmp_path)
    firm.limits = Limits(day=20, keep=0.5)
    firm.clock.pass_(hours=27)
    meter = Meter(firm.limits, firm.state, clock=firm.clock)
    for _ in range(10):
        with meter.call():
            pass
    report = firm.sync()
    assert report.unread
    assert firm.office.mails == []
    assert "more than 26 hours ago" in " ".join(report.delivered.waiting.values())


def test_a_proposal_outlives_a_day_without_reading(tmp_path: Path) -> None:
    firm = desk(
        tmp_path, "c1", policy=policy("reviewed", step("friendly", 3, more="approve = true"))
    )
    firm.office.owe("i1", "c1", due(firm.clock, 4))
    firm.sync()
    assert firm.states() == ["proposed"]
    firm.limits = Limits(day=20, keep=0.99)
    firm.clock.pass_(minutes=30)
    meter = Meter(firm.limits, firm.state, clock=firm.clock)
    with meter.call():
        pass
    assert firm.sync().unread
    assert firm.states() == ["proposed"]
