"""Traces read back from the product: reminders and decisions that a lost database forgot."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from connector.contract import Trace, trace_of
from connector.dunning.plan import line_key, reminder_key
from connector.dunning.snapshot import HadState, Rung, Stage
from connector.mirror import tables
from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.mirror.traces import Found
from connector.receivables.records import Mark, Past
from tests.books import COMPANY, NOW, TODAY, invoice, line
from tests.facts import day

ON = date(2026, 11, 2)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with State.opened(tmp_path / "state.db") as state:
        mirror = Mirror(state)
        mirror.bind(COMPANY, TODAY)
        mirror.put([invoice("i1", line(), line(id="b")), invoice("i2")], now=NOW, today=TODAY)
        yield mirror


def key(line_id: str = "1", invoice_id: str = "i1", nth: int = 1) -> str:
    return line_key("books:1", invoice_id, line_id, Rung(Stage.FRIENDLY, 1), nth)


def note(line_id: str = "1", invoice_id: str = "i1", **more: Any) -> Trace:
    given = {
        "invoice_id": invoice_id,
        "on": ON,
        "line_key": key(line_id, invoice_id),
        "stage": "friendly",
    }
    return Trace(**(given | more))


def traced(mirror: Mirror, *traces: Trace) -> Found:
    return mirror.traced(traces, today=TODAY, now=NOW)


def rows(mirror: Mirror, table: Any) -> list[Any]:
    with mirror.state.reader.connect() as connection:
        return list(connection.execute(select(table).order_by(table.c.id)))


def marks(mirror: Mirror) -> list[tuple[str, str, Any]]:
    return [(row.mark, row.origin, row.until) for row in rows(mirror, tables.decision)]


def test_a_forgotten_reminder_is_taken_over_once_with_all_its_lines(mirror: Mirror) -> None:
    whole = reminder_key([key("1"), key("b"), key("1", "i2")])
    traces = [
        note(reminder_key=whole, installation="office"),
        note("b", reminder_key=whole, installation="office"),
        note("1", "i2", reminder_key=whole, installation="office"),
    ]
    found = traced(mirror, *traces)
    assert (found.steps + found.decisions, found.unknown, found.line_keys) == (
        3,
        0,
        frozenset(),
    )
    assert found.reminder_keys == {whole}
    assert found.installations == {"office": ON}
    (reminder,) = rows(mirror, tables.reminder)
    assert (reminder.key, reminder.state, reminder.origin) == (whole, "sent", "trace")
    assert (reminder.sent_on, reminder.installation) == (ON, "office")
    assert reminder.customer_ref == "c1"
    lines = rows(mirror, tables.reminder_line)
    assert {(row.invoice_ref, row.line_ref) for row in lines} == {
        ("i1", "1"),
        ("i1", "b"),
        ("i2", "1"),
    }
    assert all(row.live and row.noted_at == NOW for row in lines)
    for case in read(mirror, day(), TODAY).cases:
        assert [(step.state, step.on) for step in case.had] == [(HadState.SENT, ON)]
        assert case.last_message_on == case.account.last_message_on == ON
    assert traced(mirror, *traces).steps == 0
    assert len(rows(mirror, tables.reminder)) == 1


def test_traces_of_one_reminder_may_come_one_by_one(mirror: Mirror) -> None:
    for one in (note(reminder_key="r"), note("b", reminder_key="r")):
        assert traced(mirror, one).steps == 1
    assert len(rows(mirror, tables.reminder_line)) == 2


@pytest.mark.parametrize("state", ["planned", "proposed", "sending", "unknown", "failed"])
def test_what_is_not_settled_here_is_left_to_the_caller(mirror: Mirror, state: str) -> None:
    mirror.put([Past(invoice_id="i1", line_id="1", stage="friendly", on=ON)], now=NOW, today=TODAY)
    with mirror.state.outbox.begin() as connection:
        connection.execute(update(tables.reminder).values(state=state))
    found = traced(mirror, note(reminder_key="r"))
    assert found.line_keys == {key()}
    assert (found.steps, found.decisions, found.unknown) == (0, 0, 0)
    assert [row.state for row in rows(mirror, tables.reminder)] == [state]


@pytest.mark.parametrize("state", ["sent", "rejected", "bounced"])
def test_what_is_settled_here_stays(mirror: Mirror, state: str) -> None:
    history = Past(invoice_id="i1", line_id="1", stage="friendly", on=ON, state=state)
    mirror.put([history], now=NOW, today=TODAY)
    assert traced(mirror, note()) == Found()
    assert len(rows(mirror, tables.reminder)) == 1


def test_a_superseded_row_whose_note_is_there_did_go(mirror: Mirror) -> None:
    history = Past(invoice_id="i1", line_id="1", stage="friendly", on=ON, state="superseded")
    mirror.put([history], now=NOW, today=TODAY)
    assert traced(mirror, note()).steps == 1
    assert [row.state for row in rows(mirror, tables.reminder)] == ["superseded", "sent"]


def test_what_fits_nothing_is_counted_and_left(mirror: Mirror) -> None:
    strange = [
        note(line_key="0" * 20),
        note(stage="angry", line_key="1" * 20),
        note("1", "never seen"),
        note(nth=2),
    ]
    assert traced(mirror, *strange).unknown == len(strange)
    assert rows(mirror, tables.reminder) == []


def test_a_mail_is_told_by_its_reminder_key(mirror: Mirror) -> None:
    found = traced(mirror, Trace(invoice_id="i1", on=ON, reminder_key="r"))
    assert found == Found(reminder_keys=frozenset({"r"}))


def test_installations_are_told_with_their_latest_day(mirror: Mirror) -> None:
    early, late = note(installation="a", on=ON), note(installation="a", on=TODAY)
    assert traced(mirror, late, early, note(installation="b")).installations == {
        "a": TODAY,
        "b": ON,
    }


def mark(what: str = "promised", **more: Any) -> Trace:
    given = {"invoice_id": "i1", "on": ON, "mark": what, "until": TODAY, "amount": "50.00"}
    return Trace(**(given | more))


def test_a_forgotten_decision_is_taken_over_once(mirror: Mirror) -> None:
    for _ in range(2):
        traced(mirror, mark(), mark())
    (row,) = rows(mirror, tables.decision)
    assert (row.mark, row.origin, row.since, row.until) == ("promised", "trace", ON, TODAY)
    assert (row.customer_ref, row.invoice_ref, row.amount) == ("c1", "i1", 5000)
    assert row.traced_at == NOW
    case = next(case for case in read(mirror, day(), TODAY).cases if case.invoice_id == "i1")
    assert [made.mark for made in case.decisions] == [Mark.PROMISED]


@pytest.mark.parametrize("about", [None, "i1"])
def test_a_decision_that_is_known_or_was_taken_back_is_not_made_again(
    mirror: Mirror, about: str | None
) -> None:
    values = {
        "customer_ref": "c1",
        "invoice_ref": about,
        "mark": "hold",
        "since": ON - timedelta(days=1),
        "ended_on": ON + timedelta(days=3),
        "made_at": NOW,
    }
    with mirror.state.outbox.begin() as connection:
        connection.execute(tables.decision.insert().values(values))
    hold = mark("hold", until=None, amount="")
    traced(mirror, hold)
    assert marks(mirror) == [("hold", "relance", None)]
    traced(mirror, replace(hold, on=ON + timedelta(days=4)))  # held again, later
    assert marks(mirror) == [("hold", "relance", None), ("hold", "trace", None)]


def test_marks_that_do_not_read_are_noted_once(mirror: Mirror) -> None:
    before = len(rows(mirror, tables.event))
    for _ in range(2):
        assert traced(mirror, mark("unmark:hold"), mark(amount="a lot")).unknown == 2
    told = [(row.what, row.invoice_ref) for row in rows(mirror, tables.event)[before:]]
    assert told == [("unknown_mark", "i1"), ("unknown_mark", "i1")]
    assert rows(mirror, tables.decision) == []


def test_a_letter_comes_back_as_a_letter(mirror: Mirror) -> None:
    posted = note(channel="letter")
    assert posted.text().endswith(" H=letter")
    assert trace_of(posted.text(), "i1") == posted
    traced(mirror, posted)
    assert [row.channel for row in rows(mirror, tables.reminder)] == ["letter"]


@pytest.mark.parametrize("channel", ["", "pigeon"])
def test_a_note_that_names_no_channel_we_know_is_of_a_mail(mirror: Mirror, channel: str) -> None:
    traced(mirror, note(channel=channel))
    assert [row.channel for row in rows(mirror, tables.reminder)] == ["email"]
