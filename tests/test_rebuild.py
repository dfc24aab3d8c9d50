"""`relance rebuild`: what a lost or restored state no longer knows comes back at once."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.dunning.plan import Reason
from connector.errors import ConfigError, Rejected
from connector.mirror.lookup import Target
from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.outbox.decisions import Decisions
from connector.rebuild import Rebuilt
from connector.rebuild import rebuild as rebuild_firm
from connector.receivables.capabilities import Capabilities, Notes
from connector.receivables.records import Decision, Mark
from tests.facts import day
from tests.lab.server import TrytonLab
from tests.office import Desk, desk, due, locks
from tests.processes import configured


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path) -> Iterator[None]:
    with locks(tmp_path / "locks"):
        yield


def rebuilt(firm: Desk) -> Rebuilt:
    return rebuild_firm(firm.firm(), firm.clock, lambda *told: None, lambda: False)


def decide(firm: Desk, mark: Mark, customer: str, invoice: str | None, **more: Any) -> None:
    with State.opened(firm.state) as state:
        made = Decision(mark=mark, since=firm.clock.today, because="asked", author="ada", **more)
        target = Target(
            name=invoice or customer,
            customer_id=customer,
            customer=customer,
            invoice_id=invoice,
            currency="EUR",
        )
        Decisions(state).make(target, made, firm.clock.now)


@pytest.fixture
def busy(tmp_path: Path) -> Desk:
    """Four customers: two have had a reminder, one promised, one is held as a whole."""
    firm = desk(tmp_path, "c1", "c2", "c3", "c4")
    for number in range(1, 5):
        firm.office.owe(f"i{number}", f"c{number}", due(firm.clock, 1))
    firm.sync()
    firm.clock.pass_(days=3)
    until = firm.clock.today + timedelta(days=9)
    decide(firm, Mark.PROMISED, "c3", "i3", until=until, amount=10000)
    decide(firm, Mark.HOLD, "c4", None)
    firm.sync()
    assert sorted(mail.customer for mail in firm.office.mails) == ["c1", "c2"]
    assert len(firm.office.notes) == 4
    return firm


def known(firm: Desk) -> dict[str, tuple[Any, ...]]:
    """What the state knows of each open invoice: steps had, decisions."""
    with State.opened(firm.state) as state:
        cases = read(Mirror(state), day(), firm.clock.today).cases
    return {
        case.invoice_id: (
            [(step.rung, step.nth, step.state, step.on) for step in case.had],
            [(d.mark, d.until, d.amount) for d in (*case.decisions, *case.account.decisions)],
        )
        for case in cases
    }


def test_a_lost_state_comes_back_whole(busy: Desk) -> None:
    before, mails = known(busy), len(busy.office.mails)
    busy.lose()
    done = rebuilt(busy)
    assert (done.read, done.steps, done.decisions, done.strange) == (4, 2, 2, 0)
    assert known(busy) == before
    assert len(busy.office.mails) == mails
    report = busy.sync()
    assert not report.delivered.sent
    assert {q.reason for s in report.plan.silences for q in s.reasons} >= {
        Reason.PROMISED,
        Reason.HELD,
    }
    again = rebuilt(busy)
    assert (again.steps, again.decisions) == (0, 0)


def test_an_old_state_catches_up(busy: Desk, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    shutil.copy(busy.state, backup)
    busy.clock.pass_(days=9)
    busy.sync()
    busy.sync()
    before, gone = known(busy), len(busy.office.mails)
    assert gone > 2
    busy.lose()
    shutil.copy(backup, busy.state)
    assert known(busy) != before
    rebuilt(busy)
    assert known(busy) == before


def test_nothing_is_planned_or_sent(busy: Desk) -> None:
    busy.lose()
    busy.clock.pass_(days=30)
    rebuilt(busy)
    assert set(busy.states()) == {"sent"}


def test_traces_refused_for_some_are_told_and_the_rest_read(
    busy: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.rebuild.BATCH", 1)
    traces = busy.office.traces

    def refused(ids: Any) -> Any:
        if list(ids) == ["i1"]:
            raise Rejected("office: the notes of i1 are secret")
        return traces(ids)

    busy.lose()
    monkeypatch.setattr(busy.office, "traces", refused)
    done = rebuilt(busy)
    assert done.refused == {"i1": "office: the notes of i1 are secret"}
    assert (done.read, done.steps, done.decisions) == (3, 1, 2)


def test_a_product_without_traces_says_what_to_do(busy: Desk) -> None:
    busy.office.can = Capabilities(custom_email=True, note=Notes.NONE)
    with pytest.raises(ConfigError, match="restore a backup"):
        rebuilt(busy)


@pytest.mark.lab
def test_by_the_command_line(tryton: TrytonLab, tmp_path: Path) -> None:
    firm = configured(tmp_path / "firm", tryton)
    first = firm.relance("sync", "--json").json
    gone = first["delivered"]["sent"]
    lines = sum(len(told["lines"]) for told in first["reminders"] if told["key"] in gone)
    assert lines
    for file in firm.folder.glob("config.db*"):
        file.unlink()
    told = firm.relance("rebuild", "--json")
    assert told.code == 0, told.err
    assert told.json["steps"] == lines
    assert firm.relance("sync", "--json").json["delivered"]["sent"] == []
