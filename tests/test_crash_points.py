"""The process is killed at every commit and every call, right before and right after it.

Whatever the moment: restarted and run to the end, the mail server holds each reminder once and
each invoice one note.
"""

import random
import secrets
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.contract import reference_of
from tests.faults import Small, pass_time, small
from tests.forked import KILLED, Forks
from tests.lab.mail import MailSink
from tests.lab.server import TrytonLab
from tests.policies import policy
from tests.processes import Desk
from tests.providers.folder import folder as csv_folder
from tests.providers.folder import opened

POINTS = 20  # of the short form, of either route


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


class Posting:
    """A firm of CSV files whose mail goes by its own server: two reminders of two lines each."""

    def __init__(self, folder: Path, sink: MailSink) -> None:
        self.sink, self.desk = sink, Desk(folder)
        self.books = csv_folder(folder / "books", **BOOKS)
        (folder / "policy.toml").write_text(POLICY, encoding="utf-8")
        settings = (
            "PROVIDER=files",
            "FILES_FOLDER=books",
            "POLICY=policy.toml",
            "LANGUAGE=fr",
            "MODE=auto",
            "SMTP_HOST=127.0.0.1",
            f"SMTP_PORT={sink.port}",
            "SMTP_SECURITY=none",
            "SMTP_FROM=compta@firm.example",
        )
        lines = "".join(f"RELANCE_{line}\n" for line in settings)
        (folder / "config.env").write_text(lines, encoding="utf-8")

    def begin(self) -> None:
        """As on the first day: no state, no note, no mail."""
        for file in (*self.desk.folder.glob("config.db*"), *self.books.glob("relance-log*")):
            file.unlink()
        self.sink.mails.clear()

    def mails(self) -> Counter[str]:
        bodies = (mail.get_body(preferencelist=("plain",)) for mail in self.sink.mails)
        return Counter(reference_of(str(body.get_content())) for body in bodies if body)

    def notes(self) -> Counter[str]:
        return Counter(trace.line_key for trace in opened(self.books).traces(("F-1", "F-2")))

    def states(self) -> dict[str, str]:
        with closing(sqlite3.connect(self.desk.state)) as connection:
            return dict(connection.execute("SELECT key, state FROM reminder ORDER BY id"))


TODAY = datetime.now(UTC).date()
OPEN = "{0},1,C{1},EUR,{2},{3},900.00,900.00,open\n{0},2,C{1},EUR,{2},{4},900.00,900.00,open\n"
OLD = tuple(TODAY - timedelta(days=days) for days in (60, 40, 30))
BOOKS = {
    "customers": "customer,name,language,country,email\n"
    "C1,Brasserie,fr,FR,un@clients.example\nC2,Harrow,fr,FR,deux@clients.example\n",
    "invoices": "invoice,line,customer,currency,issued_on,due_on,amount,balance,state\n"
    + OPEN.format("F-1", 1, *OLD)
    + OPEN.format("F-2", 2, *OLD),
    "payments": "payment,customer,currency,paid_on,amount,state,invoice,line,allocated\n",
}
POLICY = policy("posting")


@pytest.fixture
def posting(tmp_path: Path) -> Iterator[Posting]:
    sink = MailSink(tmp_path / "mails")
    sink.start()
    try:
        yield Posting(tmp_path, sink)
    finally:
        sink.stop()


@pytest.mark.slow
def test_killed_at_any_point_a_mail_of_ones_own_goes_once_or_is_asked_about(
    posting: Posting, forks: Forks, whole: bool
) -> None:
    """No trace tells what became of a mail: it is never sent again unless a person says so."""
    desk = posting.desk

    def run(*words: str, kill: int = 0, after: bool = False) -> tuple[int, list[str]]:
        done = forks.relance(desk.folder, desk.environ(), *words, kill=kill, after=after)
        assert done.code == KILLED if kill else done.code in (0, 3), done.err
        return done.code, list(done.points)

    posting.begin()
    code, points = run("sync")
    assert code == 0
    mails, notes = posting.mails(), posting.notes()
    assert (sorted(mails.values()), sorted(notes.values())) == ([1, 1], [1, 1, 1, 1])
    assert {"commit", "smtp.send", "smtp.getreply"} <= set(points)
    matrix = [(number, after) for number in range(1, len(points) + 1) for after in (False, True)]
    seed = secrets.randbelow(10**6)
    if not whole:
        matrix = random.Random(seed).sample(matrix, POINTS)
    asked = 0
    for number, after in matrix:
        where = (
            f"{'after' if after else 'before'} point {number}, {points[number - 1]}, seed {seed}"
        )
        posting.begin()
        run("sync", kill=number, after=after)
        gone = posting.mails()
        code, _ = run("sync")
        unknown = [key for key, state in posting.states().items() if state == "unknown"]
        assert posting.mails() <= mails, where
        assert code == (3 if unknown else 0), where
        for key in unknown:
            asked += 1
            assert posting.mails()[key] == gone[key], where
            run("outbox", "resolve", key, "sent" if gone[key] else "not-sent")
        pass_time(desk)
        code, _ = run("sync")
        assert code == 0, where
        assert posting.mails() == mails, where
        assert posting.notes() == notes, where
        assert set(posting.states().values()) == {"sent"}, where
    print(f"seed {seed}: {len(matrix)} of {2 * len(points)} kills, {asked} asked about")
