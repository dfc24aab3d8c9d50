"""The mirror under load: as many statements for a thousand records as for ten."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.receivables.records import Allocation, Contact, Past, Record
from tests.books import COMPANY, NOW, TODAY, customer, invoice, line, payment
from tests.facts import day


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with State.opened(tmp_path / "state.db") as state:
        mirror = Mirror(state)
        mirror.bind(COMPANY, TODAY)
        yield mirror


def put(mirror: Mirror, *records: Record) -> None:
    assert mirror.put(records, now=NOW, today=TODAY) == ()


def test_a_page_of_any_size_takes_the_same_number_of_statements(mirror: Mirror) -> None:
    counts = []
    for size in (1, 1, 300):  # the first one also warms the connection up
        seen: list[str] = []

        def count(_c: Any, _k: Any, sql: str, *_: Any, seen: list[str] = seen) -> None:
            seen.append(sql)

        event.listen(mirror.state.mirror, "before_cursor_execute", count)
        put(mirror, *_page(f"{len(counts)}.", size))
        event.remove(mirror.state.mirror, "before_cursor_execute", count)
        counts.append(len(seen))
    assert counts[1] == counts[2] < 40


def _page(prefix: str, size: int) -> Iterator[Record]:
    for name in (f"{prefix}{number}" for number in range(size)):
        yield customer(name, contacts=(Contact(id="1"),))
        yield invoice(f"i{name}", line(), line(5000), customer_id=name)
        yield invoice(f"j{name}", customer_id=f"new{name}")
        yield payment(f"p{name}", allocations=(Allocation(invoice_id=f"i{name}", amount=1),))


def test_the_number_of_questions_does_not_grow(mirror: Mirror) -> None:
    counts = []
    for size in (10, 1000):
        put(mirror, *_ledger(size))
        seen: list[str] = []

        def count(_c: Any, _k: Any, sql: str, *_: Any, seen: list[str] = seen) -> None:
            seen.append(sql)

        event.listen(mirror.state.mirror, "before_cursor_execute", count)
        assert len(read(mirror, day(), TODAY).cases) == size
        event.remove(mirror.state.mirror, "before_cursor_execute", count)
        counts.append(len(seen))
    assert counts[0] == counts[1] < 20


def _ledger(size: int) -> Iterator[Record]:
    for number in range(size):
        name = f"c{number // 4}"
        yield customer(name, contacts=(Contact(id="1", email="a@x.example"),))
        yield invoice(f"i{number}", customer_id=name)
        yield Past(invoice_id=f"i{number}", stage="friendly", on=date(2026, 11, 1))


def test_a_large_ledger_goes_through(mirror: Mirror) -> None:
    size = 20_000
    bills = [
        invoice(f"i{number}", line(number + 1), customer_id=f"c{number % 4000}")
        for number in range(size)
    ]
    for _ in range(2):  # new, then unchanged
        put(mirror, *bills)
    snapshot = read(mirror, day(), TODAY)
    assert sum(case.balance for case in snapshot.cases) == size * (size + 1) // 2
    assert len({id(case.account) for case in snapshot.cases}) == 4000
