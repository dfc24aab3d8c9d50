"""What is shown of a long read: records, pages, rate, time left, and the product's limit."""

import io
import re

import pytest
from rich.console import Console

from connector.cli.bar import Bar, Read, drawing, progress
from connector.receivables.capabilities import Limits

SIXTY = Limits(minute=60)


@pytest.mark.parametrize(
    ("read", "limits", "words"),
    [
        (Read(100, None, 1, 0.5), SIXTY, "100  1 page"),
        (Read(100, 5000, 1, 0.5), SIXTY, "100 of 5,000  1 page"),
        (Read(400, None, 4, 8), SIXTY, "400  4 pages  50/s"),
        (Read(500, 1000, 5, 10), Limits(), "500 of 1,000  5 pages  50/s  10 s left"),
        # five hundred pages at sixty a minute take longer than the rate so far says
        (
            Read(50_000, 100_000, 500, 100),
            SIXTY,
            "50,000 of 100,000  500 pages  500/s  8 min left, at 60 calls/min",
        ),
        (
            Read(50_000, 100_000, 500, 10),
            Limits(second=20),
            "50,000 of 100,000  500 pages  5,000/s  25 s left, at 20 calls/s",
        ),
        (
            Read(100, 1_000_000, 1, 4),
            Limits(minute=60, day=5_000),
            "100 of 1,000,000  1 page  25/s  9,999 calls to come, 5,000 a day",
        ),
        (Read(1000, 1000, 10, 20), SIXTY, "1,000 of 1,000  10 pages  50/s"),
        (Read(10, 100_000, 1, 10), Limits(), "10 of 100,000  1 page  1/s  27.8 h left"),
    ],
)
def test_the_words_of_a_read(read: Read, limits: Limits, words: str) -> None:
    assert read.words(limits) == words


def test_two_streams_fit_a_terminal_of_eighty_columns() -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=80, force_terminal=True, color_system=None)
    seconds = iter(range(0, 1000, 50))
    drawn = drawing(console)
    bar = Bar(drawn, SIXTY, clock=lambda: float(next(seconds)))
    bar("customers", 250, None)
    bar("credit_notes", 40_000, 100_000)
    bar("credit_notes", 80_000, 100_000)
    console.print(drawn.get_renderable())
    plain = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in screen.getvalue().splitlines()]
    lines = [line.rstrip() for line in plain if line.strip()]
    assert len(lines) == 2
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("customers")
    assert lines[0].endswith("250  1 page  5/s")
    assert lines[1].startswith("credit notes")
    assert lines[1].endswith("80,000 of 100,000  2 pages  800/s  25 s left")


def test_nothing_is_drawn_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(quiet=False, limits=SIXTY) as bar:
        bar("invoices", 100, 1000)
    assert capsys.readouterr().err == ""
