"""How a customer pays, in one word, and the payments it is measured from."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.mirror import tables
from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.receivables.measures import behaviour, months_before
from connector.receivables.records import Allocation, Record
from tests.books import COMPANY, NOW, TODAY, invoice, line, payment
from tests.facts import day


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with State.opened(tmp_path / "state.db") as state:
        mirror = Mirror(state)
        mirror.bind(COMPANY, TODAY)
        yield mirror


def put(mirror: Mirror, *records: Record) -> None:
    assert mirror.put(records, now=NOW, today=TODAY) == ()


def habits(mirror: Mirror) -> set[str]:
    return {case.account.behaviour for case in read(mirror, day(), TODAY).cases}


def test_how_a_customer_pays_is_measured_from_payments(mirror: Mirror) -> None:
    due = date(2026, 1, 10)
    for number, delay in enumerate((40, 40, 0)):
        put(
            mirror,
            invoice(f"s{number}", line(0, due), issued_on=date(2025, 1, 1)),
            payment(
                f"p{number}",
                paid_on=due + timedelta(days=delay),
                allocations=(Allocation(invoice_id=f"s{number}", amount=10000),),
            ),
        )
    put(mirror, invoice("i1"))
    assert habits(mirror) == {"late"}
    put(mirror, payment("p1", paid_on=due, allocations=(Allocation(invoice_id="s1", amount=1),)))
    assert habits(mirror) == {"loyal"}


def test_a_line_seen_settled_without_a_payment_counts_from_that_day(mirror: Mirror) -> None:
    for number in range(3):
        due = TODAY - timedelta(days=10)
        bill = invoice(f"s{number}", line(10000, due), issued_on=date(2025, 1, 1))
        put(mirror, bill)
        put(mirror, invoice(f"s{number}", line(0, due), issued_on=date(2025, 1, 1)))
    put(mirror, invoice("i1"))
    assert habits(mirror) == {"occasional"}


def test_broken_promises_make_a_late_payer(mirror: Mirror) -> None:
    put(mirror, invoice("i1"), invoice("i2"))
    for ref in ("i1", "i2"):
        promise = {
            "customer_ref": "c1",
            "invoice_ref": ref,
            "mark": "promised",
            "since": TODAY - timedelta(days=20),
            "until": TODAY - timedelta(days=5),
            "made_at": NOW,
        }
        with mirror.state.outbox.begin() as connection:
            connection.execute(tables.decision.insert().values(promise))
    assert habits(mirror) == {"late"}


@pytest.mark.parametrize(
    ("delays", "first", "more", "expected"),
    [
        ([], None, {}, "new"),
        ([0, 0], date(2020, 1, 1), {}, "new"),
        ([0, 0, 0], date(2026, 5, 21), {}, "new"),
        ([0, 0, 0], date(2026, 5, 20), {}, "occasional"),
        ([3, 3, 90], date(2025, 11, 20), {}, "loyal"),
        ([3, 3, 90], date(2025, 11, 21), {}, "occasional"),
        ([4, 4, 0], date(2020, 1, 1), {}, "occasional"),
        ([31, 31, 0], date(2026, 11, 1), {}, "late"),
        ([30, 30, 30], date(2020, 1, 1), {}, "occasional"),
        ([], None, {"debit_refused": True}, "late"),
        ([0, 0, 0], date(2020, 1, 1), {"broken_promises": 2}, "late"),
        ([0, 0, 0], date(2020, 1, 1), {"broken_promises": 1}, "loyal"),
    ],
)
def test_behaviour(
    delays: list[int], first: date | None, more: dict[str, Any], expected: str
) -> None:
    assert behaviour(delays, first, TODAY, **more) == expected


def test_months_before_ends_in_a_shorter_month() -> None:
    assert months_before(date(2026, 8, 31), 6) == date(2026, 2, 28)
    assert months_before(date(2026, 1, 15), 13) == date(2024, 12, 15)
