"""Pulling: pages that resume where they were cut off, and the sweep of the open set."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connector.contract import Kind, Page
from connector.errors import BadRecord, StaleMirror, Transient
from connector.mirror import tables
from connector.mirror.pull import Pulled, pull
from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.receivables.capabilities import Capabilities
from connector.receivables.records import DocumentState, PaymentState
from tests.books import (
    COMPANY,
    NOW,
    TODAY,
    Books,
    at,
    credit_note,
    customer,
    invoice,
    line,
    payment,
)
from tests.facts import day

KINDS = (Kind.CUSTOMERS, Kind.INVOICES, Kind.CREDIT_NOTES, Kind.PAYMENTS)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with State.opened(tmp_path / "state.db") as state:
        mirror = Mirror(state)
        mirror.bind(COMPANY, TODAY)
        yield mirror


def run(source: Books, mirror: Mirror, **more: Any) -> Pulled:
    given = {
        "kinds": KINDS,
        "now": NOW,
        "today": TODAY,
        "capabilities": Capabilities(),
        "progress": lambda *_: None,
    }
    return pull(source, mirror=mirror, **(given | more))


def ledger(mirror: Mirror) -> Any:
    with mirror.state.reader.connect() as connection:
        return connection.execute(select(tables.ledger)).one()


def content(mirror: Mirror) -> dict[str, list[Any]]:
    """Everything mirrored but the row ids, which depend on the way there."""
    found = {}
    with mirror.state.reader.connect() as connection:
        for table in (tables.customer, tables.invoice, tables.credit_note, tables.payment):
            names = [c for c in table.c if c.name not in ("id", "customer_id")]
            found[table.name] = sorted(map(str, connection.execute(select(*names)).all()))
        lines = select(tables.invoice.c.ref, tables.due_line).join(tables.due_line)
        found["lines"] = sorted((r.ref, r.balance, r.due_on) for r in connection.execute(lines))
        cursor = tables.cursor
        found["cursors"] = list(connection.execute(select(cursor).order_by(cursor.c.kind)).all())
    return found


def books(size: int = 2) -> Books:
    return Books(
        *(customer(f"c{n}", modified_at=at(n)) for n in range(5)),
        *(invoice(f"i{n}", customer_id=f"c{n}", modified_at=at(n)) for n in range(5)),
        credit_note(customer_id="c0", modified_at=at(1)),
        payment(customer_id="c0", unallocated=5, modified_at=at(1)),
        size=size,
    )


def test_a_complete_pull_says_so(mirror: Mirror) -> None:
    steps = []
    pulled = run(books(), mirror, progress=lambda *step: steps.append(step))
    assert dict(pulled.counts) == {
        "customers": 5,
        "invoices": 5,
        "credit_notes": 1,
        "payments": 1,
    }
    assert pulled.first
    assert steps[:3] == [("customers", 2, 5), ("customers", 4, 5), ("customers", 5, 5)]
    row = ledger(mirror)
    assert (row.first_pull_on, row.payments_read_at, row.open_read_at) == (TODAY, NOW, NOW)
    later = NOW + timedelta(days=2)
    again = run(books(), mirror, now=later, today=TODAY + timedelta(days=2))
    assert (sum(again.counts.values()), again.first) == (0, False)
    row = ledger(mirror)
    assert (row.first_pull_on, row.payments_read_at, row.open_read_at) == (TODAY, later, later)


def test_the_instants_of_an_export_are_its_own(mirror: Mirror) -> None:
    as_of = NOW - timedelta(hours=30)
    mirror.bind(replace(COMPANY, as_of=as_of), TODAY)
    run(books(), mirror)
    row = ledger(mirror)
    assert (row.payments_read_at, row.open_read_at, row.pulled_at) == (as_of, as_of, as_of)


def test_a_product_without_a_sweep_or_payments_is_fresh_when_pulled(mirror: Mirror) -> None:
    capabilities = Capabilities(complete_changes=True)
    run(books(), mirror, kinds=(Kind.CUSTOMERS, Kind.INVOICES), capabilities=capabilities)
    row = ledger(mirror)
    assert (row.payments_read_at, row.open_read_at) == (NOW, NOW)


def test_bad_records_are_passed_on(mirror: Mirror) -> None:
    class Poisoned(Books):
        def changes(self, kind: Kind, since: str | None) -> Iterator[Page]:
            for page in super().changes(kind, since):
                yield replace(page, bad=(BadRecord(kind, "9", "name", "is missing"),))

    source = Poisoned(customer("c1"), invoice("i1", number="\ud800"), invoice("i2"))
    pulled = run(source, mirror)
    assert {(bad.kind, bad.id) for bad in pulled.bad} >= {
        ("customers", "9"),
        ("invoices", "9"),
        ("invoice", "i1"),
    }
    assert mirror.open_balances() == {"i2": 10000}


class Unreadable(Books):
    """One payment that does not read, told once, as a record is that nobody changes."""

    broken = True

    def changes(self, kind: Kind, since: str | None) -> Iterator[Page]:
        for page in super().changes(kind, since):
            told = [record for record in page.records if record.id == "p1"]
            if kind is Kind.PAYMENTS and told and self.broken:
                bad = BadRecord("payment", "p1", "amount", "no rate of that day")
                records = tuple(record for record in page.records if record.id != "p1")
                page = replace(page, records=records, bad=(bad,))
            yield page


def test_a_record_set_aside_is_tried_again_after_a_day(mirror: Mirror) -> None:
    def payments() -> list[str]:
        with mirror.state.reader.connect() as connection:
            return list(connection.scalars(select(tables.payment.c.ref)))

    source = Unreadable(customer("c1"), payment("p1", customer_id="c1", unallocated=5))
    assert [bad.id for bad in run(source, mirror).bad] == ["p1"]
    source.broken = False  # mended elsewhere: its stamp has not moved
    run(source, mirror, now=NOW + timedelta(hours=23))
    assert payments() == []
    later = run(source, mirror, now=NOW + timedelta(hours=25))
    assert later.bad == ()
    assert payments() == ["p1"]
    assert not mirror.has_set_aside(NOW + timedelta(days=9))


def test_a_record_that_stays_bad_is_read_once_a_day(mirror: Mirror) -> None:
    source = Unreadable(customer("c1"), payment("p1", customer_id="c1", unallocated=5))
    told = []
    for hours in (0, 1, 25, 26, 50, 51):
        told.append(len(run(source, mirror, now=NOW + timedelta(hours=hours)).bad))
    assert told == [1, 0, 1, 0, 1, 0]


def test_a_bad_record_that_is_gone_is_forgotten(mirror: Mirror) -> None:
    source = Unreadable(customer("c1"), payment("p1", customer_id="c1", unallocated=5))
    run(source, mirror)
    source.hidden = {"p1"}
    run(source, mirror, now=NOW + timedelta(hours=25))
    assert not mirror.has_set_aside(NOW + timedelta(days=9))


def test_an_invoice_without_a_number_stops_nobody(mirror: Mirror) -> None:
    source = Books(customer("c1"), invoice("i1", number=" "), invoice("i2"))
    for _ in range(2):  # the sweep asks for it again on every run
        (bad,) = run(source, mirror).bad
        assert (bad.id, bad.field) == ("i1", "number")
    assert mirror.open_balances() == {"i2": 10000}
    source.put(invoice("i1", number="F-1"))
    assert run(source, mirror).bad == ()
    assert mirror.open_balances() == {"i1": 10000, "i2": 10000}


def test_a_pull_cut_off_at_any_read_ends_in_the_same_mirror(tmp_path: Path) -> None:
    with State.opened(tmp_path / "whole.db") as state:
        whole = Mirror(state)
        whole.bind(COMPANY, TODAY)
        source = books()
        run(source, whole)
        expected, reads = content(whole), source.reads
    assert reads == 13
    for cut in range(1, reads + 1):
        with State.opened(tmp_path / f"{cut}.db") as state:
            mirror = Mirror(state)
            mirror.bind(COMPANY, TODAY)
            source = books()
            source.breaks_at = cut
            with pytest.raises(Transient):
                run(source, mirror)
            row = ledger(mirror)
            assert row.first_pull_on is None
            assert (row.payments_read_at is None) == (cut < reads)
            assert row.open_read_at is None
            run(source, mirror)
            assert content(mirror) == expected, f"cut off at read {cut}"
            assert source.reads <= reads + 5  # of each stream at most its last page again


def test_a_sweep_reads_again_what_changed_without_a_stamp(mirror: Mirror) -> None:
    source = books()
    run(source, mirror)
    assert source.asked == []
    source.put(invoice("i1", line(0), customer_id="c1", modified_at=at(1)))  # paid, stamp unmoved
    source.put(invoice("i2", line(4000), customer_id="c2", modified_at=at(2)))  # paid in part
    source.put(invoice("i9", customer_id="c1", modified_at=at(0)))  # new, before the cursor
    source.put(credit_note(balance=0, state=DocumentState.PAID, modified_at=at(1)))
    source.hidden = {"i3"}  # deleted
    run(source, mirror)
    assert [set(ids) for ids in source.asked] == [{"i1", "i3", "i2", "i9", "a1"}]
    assert mirror.open_balances() == {"i0": 10000, "i2": 4000, "i4": 10000, "i9": 10000}
    with mirror.state.reader.connect() as connection:
        query = select(tables.invoice.c.ref, tables.invoice.c.state)
        states = dict(connection.execute(query).all())
    assert states["i1"] == "paid"
    assert states["i3"] == "void"


def test_a_product_with_complete_changes_is_not_swept(mirror: Mirror) -> None:
    source = books()
    source.put(invoice("i1", customer_id="c1", modified_at=at(1)))
    source.unlisted = {"i1"}
    run(source, mirror, capabilities=Capabilities(complete_changes=True))
    assert source.asked == []
    assert "i1" in mirror.open_balances()


def test_documents_are_asked_for_by_the_hundred(mirror: Mirror) -> None:
    source = Books(*(invoice(f"i{n}", modified_at=at(n)) for n in range(250)), size=100)
    run(source, mirror)
    for n in range(250):
        source.put(invoice(f"i{n}", line(1), modified_at=at(n)))
    run(source, mirror)
    assert [len(ids) for ids in source.asked] == [100, 100, 50]
    assert set(mirror.open_balances().values()) == {1}


def test_when_most_of_what_was_open_is_nowhere_the_run_stops(mirror: Mirror) -> None:
    source = Books(*(invoice(f"i{n}", modified_at=at(n)) for n in range(10)), size=100)
    run(source, mirror)
    before = content(mirror)
    source.hidden = {f"i{n}" for n in range(6)}
    source.put(invoice("i9", line(1), modified_at=at(9)))
    with pytest.raises(StaleMirror, match="6 of 10 open documents"):
        run(source, mirror, now=NOW + timedelta(days=1))
    after = content(mirror)
    assert {name: after[name] for name in before if name != "cursors"} == {
        name: before[name] for name in before if name != "cursors"
    }
    assert ledger(mirror).open_read_at == NOW
    source.hidden = {f"i{n}" for n in range(5)}  # half is not more than half
    run(source, mirror)
    assert len(mirror.open_balances()) == 5


def test_when_most_was_paid_the_run_goes_on(mirror: Mirror) -> None:
    source = Books(*(invoice(f"i{n}", modified_at=at(n)) for n in range(10)), size=100)
    run(source, mirror)
    for n in range(9):
        source.put(invoice(f"i{n}", line(0), modified_at=at(n)))
    run(source, mirror)
    assert mirror.open_balances() == {"i9": 10000}


def test_a_small_ledger_may_empty_at_once(mirror: Mirror) -> None:
    source = Books(*(invoice(f"i{n}", modified_at=at(n)) for n in range(9)), size=100)
    run(source, mirror)
    source.hidden = {f"i{n}" for n in range(9)}
    run(source, mirror)
    assert mirror.open_balances() == {}


def test_an_open_set_that_contradicts_its_invoices_is_told(mirror: Mirror) -> None:
    source = books()
    source.told = {"i1": 9000}
    run(source, mirror)
    words = {case.invoice_id: case.mismatch for case in read(mirror, day(), TODAY).cases}
    assert words.pop("i1") == (
        "the due lines add up to 100.00 EUR, the list of open items says 90.00 EUR"
    )
    assert set(words.values()) == {""}
    source.told = {}
    run(source, mirror)
    assert {case.mismatch for case in read(mirror, day(), TODAY).cases} == {""}


def test_an_open_item_that_cannot_be_read_is_not_believed_paid(mirror: Mirror) -> None:
    class Hiding(Books):
        def invoices(self, ids: Any) -> Any:
            return iter(())

    source = Hiding(invoice("i1"), size=9)
    run(source, mirror)
    source.told = {"i1": 5000}
    run(source, mirror)
    (case,) = read(mirror, day(), TODAY).cases
    assert "the list of open items says 50.00 EUR" in case.mismatch


def test_edits_between_the_pages_of_a_read_lose_nothing(mirror: Mirror) -> None:
    class Edited(Books):
        def changes(self, kind: Kind, since: str | None) -> Iterator[Page]:
            for number, page in enumerate(super().changes(kind, since)):
                yield page
                if kind is Kind.INVOICES and number < 3:
                    moved = invoice(f"i{number}", line(100), modified_at=at(50 + number))
                    self.put(moved)

    source = Edited(*(invoice(f"i{n}", modified_at=at(n)) for n in range(8)), size=2)
    run(source, mirror, capabilities=Capabilities(complete_changes=True))
    assert mirror.open_balances() == {f"i{n}": 100 if n < 3 else 10000 for n in range(8)}


@pytest.mark.practice("P1-38")
def test_a_payment_that_was_deleted_upstream_reopens_its_invoice(mirror: Mirror) -> None:
    source = Books(invoice("i1", line(0), modified_at=at(1)), payment(modified_at=at(1)))
    run(source, mirror)
    source.put(payment(state=PaymentState.VOID, modified_at=at(2)))
    source.put(invoice("i1", line(10000), modified_at=at(1)))
    run(source, mirror, today=TODAY + timedelta(days=1))
    (case,) = read(mirror, day(), TODAY).cases
    assert case.reopened_on == TODAY + timedelta(days=1)
    with mirror.state.reader.connect() as connection:
        told = set(connection.scalars(select(tables.event.c.what)))
    assert {"payment_gone", "reopened", "state"} <= told
