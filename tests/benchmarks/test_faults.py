"""The faults under which the peers were measured, each with the number of requests it takes."""

import subprocess
import sys
from pathlib import Path

import pytest

from connector.errors import ConfigError, Rejected, Transient
from tests.benchmarks.data import Books
from tests.benchmarks.faults import CASES, LIMIT, NOTHING, OURS, Held, Outcome, compared, measured
from tests.benchmarks.measure import ROOT
from tests.benchmarks.reader import reader
from tests.benchmarks.server import Faults, serving

INVOICES, SIZE = 5_000, 100
CUSTOMERS, PAGES = 3, 50
ALL = CUSTOMERS + PAGES


def test_errors_cut_answers_and_lost_connections_cost_a_request_each(tmp_path: Path) -> None:
    with (
        serving(Books(INVOICES)) as (api, url),
        reader(url, tmp_path / "state.db", SIZE) as mine,
    ):
        api.set(Faults(drop=0.05, cut=0.03, seed=3))
        mine.pull()
        failed = sum(api.faulted.values())
        assert failed >= 3
        assert api.requests == ALL + failed
        assert mine.balances() == api.books.truth()
        assert len(mine.slept) == failed


def test_a_plain_500_is_asked_again(tmp_path: Path) -> None:
    with (
        serving(Books(INVOICES)) as (api, url),
        reader(url, tmp_path / "state.db", SIZE) as mine,
    ):
        api.set(Faults(at={"25": "500"}))
        mine.pull()
        assert api.requests == ALL + 1
        assert mine.balances() == api.books.truth()


def test_a_500_that_stays_ends_the_run_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with (
        serving(Books(INVOICES)) as (api, url),
        reader(url, tmp_path / "state.db", SIZE) as mine,
    ):
        api.set(Faults(at={str(number): "500" for number in range(25, 29)}))
        with pytest.raises(Rejected, match="HTTP 500"):
            mine.pull()
        mine.pull()
        assert api.requests == ALL + 4 + 1  # the page again, and the customers' idle stream
        assert mine.balances() == api.books.truth()


def test_a_limit_of_calls_is_waited_for(tmp_path: Path) -> None:
    with (
        serving(Books(INVOICES)) as (api, url),
        reader(url, tmp_path / "state.db", SIZE, waits=True) as mine,
    ):
        api.set(Faults(rate=20, period=1))
        mine.pull()
        refused = api.faulted.get("429", 0)
        assert 0 < refused <= 4
        assert api.requests == ALL + refused
        assert all(0.5 <= seconds <= 2 for seconds in mine.slept)  # as Retry-After says
        assert mine.balances() == api.books.truth()


def test_a_web_page_in_the_midst_is_asked_again_and_loses_nothing(tmp_path: Path) -> None:
    with (
        serving(Books(INVOICES)) as (api, url),
        reader(url, tmp_path / "state.db", SIZE) as mine,
    ):
        api.set(Faults(at={"20": "page"}))
        mine.pull()
        assert api.requests == ALL + 1
        assert mine.balances() == api.books.truth()


def test_a_web_page_that_stays_is_told_and_what_was_read_is_kept(tmp_path: Path) -> None:
    with (
        serving(Books(INVOICES)) as (api, url),
        reader(url, tmp_path / "state.db", SIZE) as mine,
    ):
        api.set(Faults(at={str(number): "page" for number in range(30, 34)}))
        with pytest.raises(ConfigError, match="RELANCE_BENCH_URL"):
            mine.pull()
        read = len(mine.balances())
        assert read == (29 - CUSTOMERS) * SIZE
        api.set(Faults())
        mine.pull()
        assert api.requests == 1 + PAGES - read // SIZE
        assert mine.balances() == api.books.truth()


def test_a_server_that_is_gone_is_told(tmp_path: Path) -> None:
    with (
        serving(Books(INVOICES)) as (api, url),
        reader(url, tmp_path / "state.db", SIZE) as mine,
    ):
        api.set(Faults(drop=1))
        with pytest.raises(Transient):
            mine.pull()
        assert api.requests == 4  # tries of the first read


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.benchmarks.reader import reader

with reader(sys.argv[1], Path(sys.argv[2]), 100) as mine:
    def told(what, done, total):
        if what == "invoices" and done == 2_500:
            os.kill(os.getpid(), signal.SIGKILL)
    mine.pull(told)
"""


def test_a_run_killed_after_half_resumes_with_the_next_page(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with serving(Books(INVOICES)) as (api, url):
        words = [sys.executable, "-c", KILLED, url, str(path)]
        assert subprocess.run(words, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}).returncode == -9
        assert api.requests == CUSTOMERS + 25
        with reader(url, path, SIZE) as mine:
            assert len(mine.balances()) == 2_500
            mine.pull()
            assert api.requests == CUSTOMERS + PAGES + 1  # the idle stream of customers
            assert mine.balances() == api.books.truth()


def test_all_of_them_at_once_cost_a_request_each(tmp_path: Path) -> None:
    with (
        serving(Books(INVOICES)) as (api, url),
        reader(url, tmp_path / "state.db", SIZE) as mine,
    ):
        api.set(Faults(p500=0.05, drop=0.05, cut=0.03, only="invoices", seed=1))
        mine.pull()
        assert api.faulted == {"500": 7, "drop": 1, "cut": 1}
        assert api.requests == PAGES + 9
        assert mine.balances() == api.books.truth()


def test_killed_while_an_answer_is_due(tmp_path: Path) -> None:
    (killed,) = (case for case in CASES if case.killed)
    told = measured(killed, OURS, tmp_path)
    assert told == Outcome(True, 2, 26 + 25, NOTHING, 1, NOTHING)
    assert str(told) == "run 2, 51 requests, 0 missing, 0 old"


def test_what_is_lost_is_seen(tmp_path: Path) -> None:
    """The measure itself: a read by page numbers from the first on loses rows for good."""
    (edited,) = (case for case in CASES if case.by_number)
    told = measured(edited, LIMIT, tmp_path)
    assert (told.well, told.runs, told.requests) == (True, 1, PAGES)
    assert told.held == told.then
    assert told.held.missing == 23
    assert str(told).endswith("23 missing, 0 old; one more run leaves them so")


def test_rows_are_compared_with_the_truth() -> None:
    with serving(Books(3)) as (api, url):
        (first, cents), *_ = api.books.truth().items()
        assert compared(url, list(api.books.truth().items())) == NOTHING
        assert compared(url, [(first, cents - 1), (first, cents - 1)]) == Held(2, 1, 1)
