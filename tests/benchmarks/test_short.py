"""The benchmarks in short: a ratio, a count or a memory far beyond its goal fails, never seconds.

Ten thousand rows instead of a hundred thousand, two rounds, on a machine that has neighbours: what
is fixed weighs more here. So each bound is the goal with the margin that is written beside it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.benchmarks import goals
from tests.benchmarks.jobs import ask
from tests.benchmarks.measure import ROOT, column, job, ratios, server
from tests.benchmarks.pictures import GOALS, draw

INVOICES, SIZE, ROUNDS = 10_000, 500, 2
LINES = 10_000


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server(INVOICES) as address:
        yield address


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("short")


@pytest.fixture(scope="module")
def full(url: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Full reads by us and by the limit, in turn."""
    told: dict[str, list[dict[str, Any]]] = {"ours": [], "limit": []}
    for turn in range(ROUNDS):
        for whose, found in told.items():
            path = str(folder / f"{whose}-{turn}.db")
            found.append(job("read", whose=whose, url=url, path=path, size=SIZE))
    return told


def test_a_full_read(full: dict[str, list[dict[str, Any]]]) -> None:
    times = ratios(column(full["ours"], "work"), column(full["limit"], "work"))
    assert min(times.values) <= 2.5  # the goal is 1.5, of a hundred thousand
    assert max(column(full["ours"], "memory")) <= 100  # MiB; the goal is 90


def test_requests(url: str, folder: Path, full: dict[str, list[dict[str, Any]]]) -> None:
    path = str(folder / "ours-0.db")

    def asked() -> int:
        before = ask(url, "stats")["requests"]
        job("read", whose="ours", url=url, path=path, size=SIZE)
        return int(ask(url, "stats")["requests"]) - before

    asked()
    assert asked() == 2  # idle: one a stream
    ask(url, "edit", rows=1_000, seed=5)
    assert asked() <= 1_000 // SIZE + 1 + 1  # what changed, one more, and the idle stream
    fresh = ask(url, "stats")["requests"]
    job("read", whose="ours", url=url, path=str(folder / "counted.db"), size=SIZE)
    pages = INVOICES // SIZE + 1
    assert ask(url, "stats")["requests"] - fresh <= pages * 1.05 + 1


def test_a_thousand_changed(url: str, folder: Path, full: dict[str, list[dict[str, Any]]]) -> None:
    found = {}
    for whose in ("ours", "limit"):
        given = {"whose": whose, "url": url, "path": str(folder / f"{whose}-1.db")}
        told = job("again", size=SIZE, changed=1_000, seed=40, **given)
        found[whose] = told["cpu"]
    assert found["ours"] <= 4 * found["limit"]  # the goal is 2


def test_a_decision(folder: Path) -> None:
    told = {}
    for whose in ("ours", "limit"):
        path = str(folder / f"lines-{whose}.db")
        job("ledger", path=path, size=LINES, flat=whose == "limit")
        told[whose] = job("decide", whose=whose, path=path)
    assert told["ours"]["lines"] == LINES
    assert told["ours"]["memory"] <= 30  # MiB: a tenth of the goal's, doubled, and what is fixed
    # the goal is some seven times the one statement, which is short here, and all is made once
    assert told["ours"]["cpu"] <= 35 * told["limit"]["cpu"]


def test_reminders_that_go(folder: Path) -> None:
    path = str(folder / "outbox.db")
    job("fill", path=path, rows=20_000)
    spent = job("deliver", path=path, seconds=0.2)["cpu"]
    # the goal is four fifths of the rate, most of which is the disk's; CPU is some 1.4 times
    assert median(spent["ours"]) <= 4 * median(spent["limit"])


def test_help() -> None:
    (row,) = goals.starting(3)
    assert row.ratio
    assert min(row.ratio.values) <= 15  # the goal is 10


def test_a_tenth_of_a_year(folder: Path) -> None:
    told = job("year", path=str(folder / "year.db"), invoices=1_000, payments=5_000)
    assert told["file"] <= 8 * 1024 * 1024  # the goal is 60 MiB for ten times as much


def test_each_goal_that_was_drawn_is_shown(tmp_path: Path) -> None:
    parts = {"read": 1.5, "write & wait": 0.25}
    made = dict(draw({name: parts for bars in GOALS.values() for name in bars}, tmp_path))
    assert made.keys() == GOALS.keys()
    assert "write &amp; wait: 0.25 s" in made["reading"].read_text(encoding="utf-8")
    docs = ROOT / "docs"
    page = (docs / "performance.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\(pictures/([\w-]+\.svg)\)", page))
    kept = {path.name for path in (docs / "pictures").glob("*.svg")}
    assert shown == kept == {path.name for path in made.values()}
