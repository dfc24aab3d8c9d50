"""The process is killed at every commit and every call, right before and right after it.

Whatever the moment: restarted and run to the end, the mail server holds each reminder once and
each invoice one note.
"""

import random
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import Small, small
from tests.forked import KILLED, Forks
from tests.lab.server import TrytonLab

POINTS = 20  # of the short form


@pytest.fixture(scope="module")
def firm(tryton_built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    folder = tmp_path_factory.mktemp("crash")
    with TrytonLab(tryton_built, folder / "tryton") as lab:
        yield small(lab, folder / "firm")


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as forks:
        yield forks


def run(forks: Forks, firm: Small, kill: int = 0, after: bool = False) -> tuple[int, list[str]]:
    """The exit code of a sync and its points."""
    desk = firm.desk
    done = forks.relance(desk.folder, desk.environ(), "sync", kill=kill, after=after)
    assert done.code == KILLED if kill else done.code in (0, 3), done.err
    return done.code, list(done.points)


def wanted(firm: Small, forks: Forks) -> tuple[Counter[str], Counter[tuple[int, str]], list[str]]:
    """The mails and notes of a sync that nothing disturbs, and its points."""
    firm.begin()
    code, points = run(forks, firm)
    assert code == 0
    mails, notes = firm.mails(), firm.notes()
    assert (sorted(mails.values()), sorted(notes.values())) == ([1, 1], [1, 1, 1, 1])
    return mails, notes, points


@pytest.mark.slow
@pytest.mark.practice("P1-35")
def test_killed_at_any_point_each_reminder_goes_once(
    firm: Small, forks: Forks, whole: bool
) -> None:
    mails, notes, points = wanted(firm, forks)
    assert {"commit", "model.ir.email.send", "model.ir.note.create"} <= set(points)
    matrix = [(number, after) for number in range(1, len(points) + 1) for after in (False, True)]
    seed = secrets.randbelow(10**6)
    if not whole:
        matrix = random.Random(seed).sample(matrix, POINTS)
    print(f"seed {seed}: {len(matrix)} of {2 * len(points)} points")
    open_ends = 0
    for number, after in matrix:
        where = (
            f"{'after' if after else 'before'} point {number}, {points[number - 1]}, seed {seed}"
        )
        firm.begin()
        run(forks, firm, number, after)
        if firm.open_ends():
            # At once: what may have happened is looked for, and nothing is done a second time.
            open_ends += 1
            run(forks, firm)
            assert firm.mails() <= mails, where
            assert firm.notes() <= notes, where
        firm.pass_time()
        code, _ = run(forks, firm)
        assert code == 0, where
        assert firm.mails() == mails, where
        assert firm.notes() == notes, where
        assert set(firm.states().values()) == {"sent"}, where
    print(f"{len(matrix)} kills, {open_ends} left open ends, 0 duplicates, 0 losses")
