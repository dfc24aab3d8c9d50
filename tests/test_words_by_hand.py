"""What a person asks for beside the steps: proposed, looked at, sent once, and never a step."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.by_hand import propose
from connector.errors import ConfigError
from connector.outbox.rows import Row
from connector.sync import at_desk
from tests.books import customer
from tests.lab.server import TrytonLab
from tests.office import Desk, desk, due, locks
from tests.processes import configured

WRITTEN = "SELECT state FROM reminder WHERE n = 'c0' ORDER BY id"


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path) -> Iterator[None]:
    with locks(tmp_path / "locks"):
        yield


@pytest.fixture
def firm(tmp_path: Path) -> Desk:
    """One customer with an invoice four days late, and one that is not due; both were read."""
    made = desk(tmp_path, "c1")
    made.office.owe("i1", "c1", due(made.clock, 4))
    made.office.owe("i2", "c1", due(made.clock, -40))
    made.sync()
    made.clock.pass_(days=1)
    return made


def asked(made: Desk, text: str, about: str) -> list[Row]:
    firm = made.firm()
    with at_desk(firm, made.clock) as at:
        return propose(firm, at, text, about)


def approved(made: Desk, row: Row) -> None:
    with at_desk(made.firm(), made.clock) as at:
        at.box.approve(row, "anna", made.clock())


def test_thanks_for_a_paid_invoice_go_once_after_approval(firm: Desk) -> None:
    with pytest.raises(ConfigError, match="nothing is open: name one"):
        asked(firm, "thank_you", "F-i1")
    firm.office.pay("i1")
    (row,) = asked(firm, "thank_you", "F-i1")
    assert "F-i1" in row.subject
    assert "100,00" in row.text
    assert row.claim == 0
    firm.sync()
    assert firm.rows(WRITTEN) == ["proposed"]  # no plan replaces it
    approved(firm, row)
    firm.sync()
    assert firm.rows(WRITTEN) == ["sent"]
    assert [mail.key for mail in firm.office.mails].count(row.key) == 1
    firm.clock.pass_(days=3)
    firm.sync()
    assert [mail.key for mail in firm.office.mails].count(row.key) == 1


def test_thanks_are_withdrawn_when_the_payment_came_back(firm: Desk) -> None:
    open_again = firm.office.invoice("i1")
    firm.office.pay("i1")
    (row,) = asked(firm, "thank_you", "F-i1")
    approved(firm, row)
    firm.office.put(open_again)
    report = firm.sync()
    assert "open again" in report.delivered.withdrawn[row.key]
    assert firm.rows(WRITTEN) == ["superseded"]


def test_a_part_payment_is_thanked_for_and_the_step_is_neither_counted_nor_lost(
    firm: Desk,
) -> None:
    with pytest.raises(ConfigError, match="nothing was paid on it"):
        asked(firm, "part_payment", "F-i1")
    firm.office.pay("i1", 4000)
    (row,) = asked(firm, "part_payment", "F-i1")
    assert row.claim == 6000
    assert "60,00" in row.text
    approved(firm, row)
    firm.sync()
    assert firm.rows(WRITTEN) == ["sent"]
    firm.clock.pass_(days=30)
    firm.sync()
    stages = firm.rows("SELECT stage || '.' || n FROM reminder WHERE state = 'sent' ORDER BY id")
    assert stages == ["friendly.1", "friendly.c0", "firm.1"]


def test_the_gap_starts_from_a_message_by_hand(tmp_path: Path) -> None:
    made = desk(tmp_path, "c1")
    made.office.owe("i1", "c1", due(made.clock, 2))
    made.sync()
    (row,) = asked(made, "statement", "Customer c1")
    approved(made, row)
    made.clock.pass_(days=1)  # now old enough for its first step
    report = made.sync()
    assert report.delivered.sent == [row.key]
    assert made.states() == ["sent"]
    made.clock.pass_(days=1)
    (silence,) = made.sync().plan.silences
    assert [quiet.reason for quiet in silence.reasons] == ["gap"]
    made.clock.pass_(days=1)
    assert len(made.sync().delivered.sent) == 1


def test_a_statement_is_of_all_that_is_overdue_and_of_nothing_else(firm: Desk) -> None:
    firm.office.owe("i3", "c1", due(firm.clock, 20), 5000)
    (row,) = asked(firm, "statement", "F-i1")
    assert {line.invoice for line in row.lines} == {"F-i1", "F-i3"}
    assert row.claim == 15000
    assert "150,00" in row.text
    with pytest.raises(ConfigError, match="is proposed: see relance review"):
        asked(firm, "later_than_usual", "Customer c1")


def test_instalments_are_proposed_to_a_customer_in_difficulty(firm: Desk) -> None:
    (row,) = asked(firm, "instalments", "F-i1")
    assert row.text.count("33,33") == 2
    assert "33,34" in row.text


@pytest.mark.parametrize("text", ["friendly", "firm", "formal_notice", "promise_broken"])
def test_a_step_is_not_sent_by_hand(firm: Desk, text: str) -> None:
    with pytest.raises(ConfigError, match="text of a step"):
        asked(firm, text, "F-i1")


def test_what_there_is_not_is_told(firm: Desk) -> None:
    with pytest.raises(ConfigError, match=r"no such text: there are .*statement"):
        asked(firm, "statemnt", "F-i1")
    with pytest.raises(ConfigError, match="no invoice and no customer"):
        asked(firm, "statement", "F-99")
    firm.office.pay("i1")
    with pytest.raises(ConfigError, match="nothing of it is overdue"):
        asked(firm, "statement", "Customer c1")


@pytest.mark.parametrize("what", ["held", "paid", "part paid", "moved"])
def test_what_is_no_longer_true_is_withdrawn(firm: Desk, what: str) -> None:
    (row,) = asked(firm, "instalments", "F-i1")
    approved(firm, row)
    if what == "held":
        firm.office.hold("c1", firm.clock.today)
    elif what == "moved":
        firm.office.put(customer("c1", language="fr", country="FR"))
    else:
        firm.office.pay("i1", None if what == "paid" else 100)
    assert row.key in firm.sync().delivered.withdrawn
    assert firm.rows(WRITTEN) == ["superseded"]
    assert row.key not in [mail.key for mail in firm.office.mails]


def test_a_held_customer_is_not_written_to_by_hand_either(firm: Desk) -> None:
    firm.office.hold("c1", firm.clock.today)
    with pytest.raises(ConfigError, match="held"):
        asked(firm, "instalments", "F-i1")


def test_asked_again_it_is_another_sending_and_a_lost_database_repeats_none(firm: Desk) -> None:
    for _ in range(2):
        (row,) = asked(firm, "instalments", "F-i1")
        approved(firm, row)
        firm.sync()
        firm.clock.pass_(days=3)
    assert len({mail.key for mail in firm.office.mails}) == len(firm.office.mails)
    before = len(firm.office.mails)
    firm.lose()
    firm.sync()
    again = [mail.key for mail in firm.office.mails]
    assert len(set(again)) == len(again)
    assert len(again) <= before + 1  # the next step at most, never one had
    assert firm.rows("SELECT nth FROM reminder_line WHERE n = 'c0' ORDER BY id")[-1] == 2


def test_by_hand_through_a_real_server(tryton: TrytonLab, tmp_path: Path) -> None:
    made = configured(tmp_path / "firm", tryton)
    situation = tryton.situations["overdue_10"]
    refused = made.relance("write", "instalments", str(situation.number))
    assert refused.code == 2
    assert "run relance sync first" in refused.err
    assert made.relance("sync").code == 0
    mails = len(tryton.mails)
    done = made.relance("write", "instalments", str(situation.number))
    assert done.code == 0, done.err
    key = done.out.split()[1].rstrip(":")
    assert "instalments" in made.relance("review").out
    assert made.relance("approve", key).code == 0
    assert made.relance("sync").code == 0
    assert len(tryton.mails) == mails + 1
    notes: list[Any] = [note for note in tryton.notes(situation.id) if "S=friendly.c0" in note]
    assert len(notes) == 1
