"""What follows from records: stubs, line numbers that stay, what moved, what was said before."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connector.dunning.plan import line_key
from connector.dunning.snapshot import Rung, Stage
from connector.errors import BadRecord
from connector.mirror import tables
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.receivables.records import (
    Allocation,
    DocumentState,
    DueLine,
    Past,
    PaymentState,
    Record,
)
from tests.books import COMPANY, NOW, TODAY, at, credit_note, customer, invoice, line, payment


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with State.opened(tmp_path / "state.db") as state:
        mirror = Mirror(state)
        mirror.bind(COMPANY, TODAY)
        yield mirror


def put(mirror: Mirror, *records: Record, today: date = TODAY) -> tuple[BadRecord, ...]:
    return mirror.put(records, now=NOW, today=today)


def rows(mirror: Mirror, table: Any, *names: str) -> list[Any]:
    columns = [table.c[name] for name in names] or [table]
    with mirror.state.reader.connect() as connection:
        found = connection.execute(select(*columns).order_by(table.c.id)).all()
    return [row[0] if len(names) == 1 else row for row in found]


def told(mirror: Mirror) -> list[tuple[str, str, int | None, int | None]]:
    event = tables.event
    return [tuple(row) for row in rows(mirror, event, "what", "line_ref", "before", "after")]


@pytest.mark.parametrize("record", [invoice(), credit_note(), payment()])
def test_an_unknown_customer_gets_a_stub_until_the_record_comes(
    mirror: Mirror, record: Record
) -> None:
    put(mirror, record)
    assert rows(mirror, tables.customer, "id", "ref", "name", "stub") == [(1, "c1", "c1", True)]
    put(mirror, customer(modified_at=at(1)))
    assert rows(mirror, tables.customer, "id", "name", "stub") == [(1, "Customer c1", False)]


def test_settled_and_open_again(mirror: Mirror) -> None:
    days = [TODAY + timedelta(days=n) for n in range(4)]
    for day, balance in zip(days, (10000, 4000, 0, 10000), strict=True):
        put(mirror, invoice("i1", line(balance)), today=day)
        row = rows(mirror, tables.due_line)[0]
        assert row.settled_on == (days[2] if balance == 0 else None)
    assert row.reopened_on == days[3]
    assert told(mirror) == [
        ("balance", "1", 10000, 4000),
        ("state", "", None, None),
        ("settled", "1", 4000, 0),
        ("state", "", None, None),
        ("reopened", "1", 0, 10000),
    ]


def test_a_draft_that_is_posted_was_not_settled_before(mirror: Mirror) -> None:
    put(mirror, invoice("i1", line(0), state=DocumentState.DRAFT))
    put(mirror, invoice("i1", line(10000)))
    assert rows(mirror, tables.due_line, "reopened_on") == [None]


@pytest.mark.practice("P1-38")
def test_payments_changed_or_taken_back_upstream_are_noted(mirror: Mirror) -> None:
    put(mirror, payment())
    put(mirror, payment(amount=9000))
    put(mirror, payment(amount=9000, allocations=(Allocation(invoice_id="i1", amount=9000),)))
    put(mirror, payment(amount=9000, state=PaymentState.VOID))
    assert told(mirror) == [
        ("payment_changed", "", 10000, 9000),
        ("payment_changed", "", 9000, 9000),
        ("payment_gone", "", 9000, 0),
    ]
    assert rows(mirror, tables.event, "text") == [
        "payment p1: amount 10000 -> 9000",
        "payment p1: allocations",
        "payment p1: state booked -> void, allocations",
    ]


def test_what_the_product_no_longer_knows_is_void(mirror: Mirror) -> None:
    put(mirror, invoice("i1", modified_at=at(9)), invoice("i2", balance=None), credit_note())
    mirror.missing({"i1", "i2", "a1", "never seen"}, now=NOW, today=TODAY)
    mirror.missing(["i1"], now=NOW, today=TODAY)  # twice is once
    assert rows(mirror, tables.invoice, "state", "balance") == [("void", 0), ("void", None)]
    assert rows(mirror, tables.due_line, "balance") == [0, 0]
    assert rows(mirror, tables.credit_note, "state", "balance") == [("void", 0)]
    assert [what for what, *_ in told(mirror)].count("missing") == 3
    put(mirror, invoice("i1", modified_at=at(8)))  # brought back from a backup over there
    assert rows(mirror, tables.invoice, "state")[0] == "open"
    assert rows(mirror, tables.due_line, "balance", "reopened_on")[0] == (10000, TODAY)


MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)


def lines_of(mirror: Mirror) -> dict[str, tuple[int, date | None, int]]:
    names = ("ref", "rank", "due_on", "balance")
    found = rows(mirror, tables.due_line, *names, "gone_on")
    return {row.ref: (row.rank, row.due_on, row.balance) for row in found if not row.gone_on}


def test_lines_without_an_id_keep_the_number_of_their_first_day(mirror: Mirror) -> None:
    put(mirror, invoice("i1", line(due_on=JULY), line(due_on=MAY), line(due_on=JUNE)))
    assert lines_of(mirror) == {
        "1": (1, MAY, 10000),
        "2": (2, JUNE, 10000),
        "3": (3, JULY, 10000),
    }
    ids = rows(mirror, tables.due_line, "id")
    august = date(2026, 8, 1)
    put(mirror, invoice("i1", line(due_on=JULY), line(due_on=august), line(0, due_on=JUNE)))
    assert lines_of(mirror) == {"1": (3, august, 10000), "2": (1, JUNE, 0), "3": (2, JULY, 10000)}
    assert rows(mirror, tables.due_line, "id") == ids
    put(mirror, invoice("i1", line(due_on=JULY), line(due_on=august)))  # one is dropped …
    assert lines_of(mirror) == {"1": (2, august, 10000), "3": (1, JULY, 10000)}
    more = date(2026, 12, 1)
    put(mirror, invoice("i1", *(line(due_on=day) for day in (JULY, august, more, more))))
    assert set(lines_of(mirror)) == {"1", "3", "4", "5"}  # … and its number is not used again


def test_lines_of_one_day_are_told_apart_by_their_amount(mirror: Mirror) -> None:
    small, large = (DueLine(due_on=MAY, amount=n, balance=n) for n in (4000, 6000))
    put(mirror, invoice("i1", large, small))
    put(mirror, invoice("i1", large))
    assert lines_of(mirror) == {"2": (1, MAY, 6000)}


def test_lines_with_an_id_are_known_by_it(mirror: Mirror) -> None:
    put(mirror, invoice("i1", line(id="b", due_on=MAY), line(id="a", due_on=JUNE)))
    put(mirror, invoice("i1", line(id="a", due_on=MAY), line(7000, id="b", due_on=JUNE)))
    assert lines_of(mirror) == {"a": (1, MAY, 10000), "b": (2, JUNE, 7000)}
    moved = [row for row in told(mirror) if row[0] == "due_date"]
    assert moved == [("due_date", "a", None, None), ("due_date", "b", None, None)]


def past(invoice_id: str = "i1", **more: Any) -> Past:
    return Past(**({"invoice_id": invoice_id, "stage": "friendly", "on": JULY} | more))


def test_history_becomes_reminders_once(mirror: Mirror) -> None:
    put(mirror, customer(), invoice("i1", line(due_on=MAY), line(due_on=date(2026, 8, 1))))
    records = (
        past(),
        past(stage="firm", n="2", on=date(2026, 8, 2), state="bounced", channel="letter"),
        past(stage="firm", n="c1", line_id="2", channel="call", state="planned"),
        past("not mirrored", state="proposed"),
    )
    for _ in range(2):
        assert put(mirror, *records) == ()
    found = rows(mirror, tables.reminder, "stage", "n", "state", "channel", "sent_on", "edited")
    assert found == [
        ("friendly", "1", "sent", "email", JULY, False),
        ("firm", "c1", "planned", "call", None, False),
        ("friendly", "1", "proposed", "email", None, True),
        ("firm", "2", "bounced", "letter", date(2026, 8, 2), False),
    ]
    lines = rows(mirror, tables.reminder_line, "key", "line_ref", "live")
    friendly = Rung(Stage.FRIENDLY, 1)
    assert lines[0] == (line_key("books:1", "i1", "1", friendly), "1", True)
    assert [(ref, live) for _, ref, live in lines[1:]] == [
        ("2", True),
        ("1", True),
        ("1", False),
        ("2", False),
    ]
    put(mirror, past(on=date(2026, 7, 2), state="superseded"))  # the file was corrected
    row = rows(mirror, tables.reminder, "state", "planned_on")[0]
    assert row == ("superseded", date(2026, 7, 2))
    assert rows(mirror, tables.reminder_line, "live")[0] is False


@pytest.mark.parametrize("wrong", [{"stage": "angry"}, {"state": "lost"}, {"channel": "fax"}])
def test_history_that_makes_no_sense_is_set_aside(mirror: Mirror, wrong: dict[str, str]) -> None:
    bad = put(mirror, past(), past("i2", **wrong))
    assert [(record.kind, record.id) for record in bad] == [("history", "i2")]
    assert len(rows(mirror, tables.reminder)) == 1
