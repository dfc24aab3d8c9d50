"""`relance log`: every sent, failed and received item of a case, in the order it happened."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connector.mirror.lookup import find
from connector.mirror.state import State
from connector.outbox.decisions import Decisions
from connector.outbox.log import Entry, log
from connector.receivables.records import Decision, Mark
from tests.office import Desk, desk, due, locks


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path) -> Iterator[None]:
    with locks(tmp_path / "locks"):
        yield


def told(firm: Desk, what: str) -> list[Entry]:
    with State.opened(firm.state) as state:
        return log(state, find(state, what))


@pytest.mark.practice("P1-37")
def test_all_of_a_case_is_told_in_its_order(tmp_path: Path) -> None:
    firm = desk(tmp_path, "c1")
    firm.office.owe("i1", "c1", due(firm.clock, 4))
    firm.office.breaks = lambda verb: "down" if verb == "email" else ""
    firm.sync()
    firm.clock.pass_(hours=1)
    firm.office.breaks = lambda verb: ""
    firm.sync()
    firm.clock.pass_(hours=1)
    with State.opened(firm.state) as state:
        said = Decision(mark=Mark.CALL, since=firm.clock.today, because="pays soon", author="ada")
        Decisions(state).make(find(state, "i1"), said, firm.clock.now)
    firm.clock.pass_(hours=1)
    firm.office.pay("i1", 4000)
    firm.sync()
    entries = told(firm, "i1")
    assert [entry.what for entry in entries] == ["planned", "put off", "sent", "call", "balance"]
    failed, sent = entries[1], entries[2]
    assert "cannot connect" in failed.words
    assert sent.words.startswith("friendly.1 by email to c1@clients.example")
    assert entries[3].words.endswith("by ada: pays soon")
    assert "100.00 -> 60.00 EUR" in entries[4].words
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    assert told(firm, "c1") == entries


def test_another_invoice_is_not_told(tmp_path: Path) -> None:
    firm = desk(tmp_path, "c1", "c2")
    firm.office.owe("i1", "c1", due(firm.clock, 4))
    firm.office.owe("i2", "c2", due(firm.clock, 4))
    firm.sync()
    assert len(firm.office.mails) == 2
    for name in ("i1", "i2"):
        assert sum(entry.what == "sent" for entry in told(firm, name)) == 1


def test_what_a_lost_state_reads_back_is_told(tmp_path: Path) -> None:
    firm = desk(tmp_path, "c1")
    firm.office.owe("i1", "c1", due(firm.clock, 4))
    firm.sync()
    firm.lose()
    firm.clock.pass_(days=9)
    firm.sync()
    first, *_ = told(firm, "i1")
    assert (first.what, first.at.date()) == ("sent", firm.clock.today - timedelta(days=9))
    assert replace(first, what="x") != first
