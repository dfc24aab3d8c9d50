"""Two installations on one firm's books: the second stops, takes over, and the first then stops."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from connector.config import Config
from connector.errors import ConfigError
from connector.installation import installation, take_over, taken_over
from connector.outbox.deliver import strangers
from tests.lab.mail import MailSink
from tests.office import desk, due
from tests.policies import policy, step
from tests.processes import Desk
from tests.providers.folder import folder
from tests.setups import inside, mail

TODAY = date.today()  # noqa: DTZ011 (the processes live today, and so do their files)
LADDER = policy("always", step("friendly", 1), step("firm", 40), keys="gap_days = 1")


def test_an_installation_remembers_whose_place_it_took(tmp_path: Path) -> None:
    firm = Config(path=tmp_path / "dupont.env", provider="files", state=tmp_path / "dupont.db")
    assert taken_over(firm) == {}
    own = take_over(firm, ["aaaaaaaa"], date(2026, 11, 1))
    assert take_over(firm, ["bbbbbbbb", "contract"], date(2026, 11, 9)) == own
    assert installation(firm, make=False) == own
    assert taken_over(firm) == {
        "aaaaaaaa": date(2026, 11, 1),
        "bbbbbbbb": date(2026, 11, 9),
        "contract": date(2026, 11, 9),
    }
    assert firm.installation_file.stat().st_mode & 0o777 == 0o600
    firm.installation_file.write_text(f"{own}\ntook the place of x on 2026-02-30\n")
    with pytest.raises(ConfigError, match=r"dupont\.id:2: expected `took the place of"):
        taken_over(firm)


def test_a_stranger_is_who_wrote_of_late_and_was_not_taken_over() -> None:
    today = date(2026, 11, 20)
    met = {
        "own": today,
        "gone": today - timedelta(days=30),
        "new": today - timedelta(days=29),
        "taken": today - timedelta(days=2),
        "alive": today - timedelta(days=1),
    }
    taken = {"taken": today - timedelta(days=2), "alive": today - timedelta(days=2)}
    assert strangers(met, "own", taken, today) == {"new": met["new"], "alive": met["alive"]}


def test_one_that_was_taken_over_and_writes_again_stops_this_one(tmp_path: Path) -> None:
    """Whoever meets the other's newer traces stops, whichever of the two it is."""
    first = desk(tmp_path, "c1", name="first")
    first.office.owe("i1", "c1", due(first.clock, 4))
    first.sync()
    second = desk(tmp_path, name="second", clock=first.clock)
    second.office, second.state = first.office, tmp_path / "second.db"
    first.clock.pass_(days=3)
    first.office.owe("i2", "c1", due(first.clock, 4))
    firms = {d.name: d.firm().config for d in (first, second)}
    with pytest.raises(ConfigError, match="relance init --take-over"):
        second.sync()
    take_over(firms["second"], [installation(firms["first"], False)], first.clock.today)
    second.sync()
    mails = len(first.office.mails)
    assert mails == 2
    first.clock.pass_(days=3)
    first.office.owe("i3", "c1", due(first.clock, 4))
    with pytest.raises(ConfigError, match=installation(firms["second"], False)):
        first.sync()
    take_over(firms["first"], [installation(firms["second"], False)], first.clock.today)
    first.sync()  # learns what the second has sent meanwhile
    first.sync()
    assert len(first.office.mails) == mails + 1
    first.clock.pass_(days=3)
    first.office.owe("i4", "c1", due(first.clock, 4))
    with pytest.raises(ConfigError, match=r"took its place on .*Stop that one") as stopped:
        second.sync()
    assert stopped.value.exit_code == 2


def invoices(*numbers: int) -> str:
    """Open invoices of one customer, each overdue by ten days."""
    issued, due_on = TODAY - timedelta(days=40), TODAY - timedelta(days=10)
    head = "invoice,line,customer,currency,issued_on,due_on,amount,balance,state\n"
    return head + "".join(
        f"F-{number},,C1,EUR,{issued},{due_on},{number}00.00,{number}00.00,open\n"
        for number in numbers
    )


def office(work: Path, name: str, books: Path, words: list[str]) -> Desk:
    """An installation of its own on the same books."""
    made = Desk(work / name)
    made.folder.mkdir()
    (made.folder / "policy.toml").write_text(LADDER)
    given = (f"FOLDER={books}", "POLICY=policy.toml", "MODE=auto")
    options = [part for pair in given for part in ("--set", pair)]
    done = inside(made, "init", "--provider", "files", *options, *words)
    assert done.code == 0, done.err
    return made


def days_pass(books: Path, days: int) -> None:
    """What the log tells of today happened some days ago."""
    log = books / "relance-log.csv"
    text = log.read_text(encoding="utf-8")
    for back in (1, 0):  # the firm's day and UTC's may be two
        day = TODAY - timedelta(days=back)
        text = text.replace(f"D={day}", f"D={day - timedelta(days=days)}")
    log.write_text(text, encoding="utf-8", newline="")


def export(books: Path, *numbers: int) -> None:
    payments = "payment,customer,currency,paid_on,amount,state,invoice,line,allocated\n"
    folder(books, invoices=invoices(*numbers), payments=payments)


def sent(sink: MailSink) -> int:
    return len(sink.mails)


@pytest.mark.practice("P0-12")
def test_two_machines_one_after_the_other(tmp_path: Path) -> None:
    books = tmp_path / "books"
    export(books, 1)
    with mail(tmp_path) as (sink, words):
        old = office(tmp_path, "old", books, words)
        assert inside(old, "sync").code == 0
        assert sent(sink) == 1
        old_id = (old.folder / "config.id").read_text().strip()

        new = office(tmp_path, "new", books, words)
        days_pass(books, 3)
        export(books, 1, 2)
        stopped = new.relance("sync")
        assert stopped.code == 2
        assert f"another installation ({old_id}, last on" in stopped.err
        assert "`relance init --take-over` puts this one in its place" in stopped.err
        assert sent(sink) == 1

        asked = inside(new, "init", "--take-over")
        assert asked.code == 2
        assert old_id in asked.out
        taken = new.relance("init", "--take-over", "--yes")
        assert taken.code == 0, taken.err
        assert new.relance("sync").code == 0
        assert sent(sink) == 2
        assert "No other installation" in inside(new, "init", "--take-over").out

        new.state.unlink()  # what was taken over is not forgotten with the database
        assert inside(new, "sync").code == 0
        new_id = (new.folder / "config.id").read_text().split()[0]
        days_pass(books, 3)
        export(books, 1, 2, 3)
        old.state.unlink()
        back = old.relance("sync")
        assert back.code == 2
        assert f"another installation ({new_id}, last on" in back.err
        assert sent(sink) == 2
