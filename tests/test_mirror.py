"""What the mirror takes in: every record, the newest version, and what changed as events."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError

from connector.contract import Kind, Page
from connector.errors import BadRecord, ConfigError
from connector.mirror import tables
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.receivables.records import (
    Allocation,
    Contact,
    CustomerKind,
    Decision,
    DueLine,
    Invoice,
    Mark,
    Record,
    Role,
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


def equal(row: Any, record: Any, *names: str) -> None:
    assert {name: getattr(row, name) for name in names} == {
        name: getattr(record, name) for name in names
    }


def test_every_record_comes_back_as_it_was_told(mirror: Mirror) -> None:
    mark = Decision(
        mark=Mark.PROMISED,
        since=date(2026, 11, 1),
        until=date(2026, 11, 9),
        amount=500,
        because="said so",
        author="Anne",
    )
    owes = customer(
        number="411DUP",
        language="fr",
        country="FR",
        region="IDF",
        kind=CustomerKind.PUBLIC,
        address="1 rue\nParis",
        legal_id="552",
        tags=("vip", "b"),
        owner="Anne",
        policy="gentle",
        mandate=True,
        credit_limit=100,
        contacts=(
            Contact(id="2", name="B", email="b@x.example", role=Role.REMINDER, language="fr"),
            Contact(id="1", name="A", phone="01"),
        ),
        decisions=(mark,),
        balances={"EUR": 10000, "CHF": -5},
        active=False,
        modified_at=at(1),
    )
    bill = invoice(
        "i1",
        line(4000, id="l1"),
        line(10000, due_on=None, id="l2"),
        sent_on=date(2026, 9, 2),
        reference="PO 1",
        payment_reference="RF18",
        pay_link="https://pay.example/1",
        recipient="ap@x.example",
        policy="strict",
        decisions=(replace(mark, amount=None),),
        modified_at=at(2),
    )
    note = credit_note(credits_invoice="i1", modified_at=at(3))
    money = payment(
        unallocated=4000,
        reference="VIR",
        allocations=(
            Allocation(invoice_id="i1", line_id="l1", amount=6000),
            Allocation(invoice_id="elsewhere", amount=0),
        ),
        modified_at=at(4),
    )
    assert put(mirror, owes, bill, note, money) == ()

    (row,) = rows(mirror, tables.customer)
    equal(row, owes, "name", "number", "language", "country", "region", "kind", "address")
    equal(row, owes, "legal_id", "owner", "policy", "mandate", "credit_limit", "balances")
    equal(row, owes, "active", "modified_at")
    assert (row.ref, row.tags, row.stub, row.read_at) == ("c1", ["vip", "b"], False, NOW)
    contacts = rows(mirror, tables.contact)
    for contact, record in zip(contacts, owes.contacts, strict=True):
        equal(contact, record, "name", "email", "phone", "role", "language")
    (row,) = rows(mirror, tables.invoice)
    equal(row, bill, "number", "currency", "issued_on", "sent_on", "state", "total", "balance")
    equal(row, bill, "reference", "payment_reference", "pay_link", "recipient", "policy")
    equal(row, bill, "modified_at")
    names = ("ref", "rank", "due_on", "amount", "balance", "first_seen_on", "settled_on")
    assert [tuple(found) for found in rows(mirror, tables.due_line, *names)] == [
        ("l1", 1, date(2026, 10, 1), 10000, 4000, TODAY, None),
        ("l2", 2, None, 10000, 10000, TODAY, None),
    ]
    (row,) = rows(mirror, tables.credit_note)
    equal(row, note, "number", "currency", "issued_on", "state", "total", "balance")
    equal(row, note, "credits_invoice", "modified_at")
    (row,) = rows(mirror, tables.payment)
    equal(row, money, "currency", "paid_on", "amount", "unallocated", "state", "reference")
    names = ("invoice_ref", "line_ref", "amount")
    assert [tuple(found) for found in rows(mirror, tables.allocation, *names)] == [
        ("i1", "l1", 6000),
        ("elsewhere", "", 0),
    ]
    for row, of in zip(rows(mirror, tables.decision), (owes, bill), strict=True):
        equal(row, of.decisions[0], "mark", "since", "until", "amount", "because", "author")
        assert (row.origin, row.customer_ref, row.ended_on) == ("product", "c1", None)
        assert row.invoice_ref == (None if of is owes else "i1")


def test_only_what_is_new_after_the_first_whole_read_is_noted_as_seen(mirror: Mirror) -> None:
    put(mirror, invoice("i1"), credit_note("a1"), payment("p1"))
    mirror.pulled(now=NOW, today=TODAY, payments=True, open_set=True)
    put(mirror, invoice("i1"), invoice("i2"), credit_note("a2"), payment("p2"))
    assert [what for what, *_ in told(mirror)] == [
        "invoice_seen",
        "credit_note_seen",
        "payment_seen",
    ]


@pytest.mark.practice("P1-39")
def test_what_did_not_change_is_not_written(mirror: Mirror) -> None:
    mark = Decision(mark=Mark.HOLD, since=TODAY)
    records = (
        customer(contacts=(Contact(id="1", email="a@x.example"),), decisions=(mark,)),
        invoice(decisions=(mark,)),
        credit_note(),
        payment(allocations=(Allocation(invoice_id="i1", amount=1),)),
    )
    put(mirror, *records)
    before = told(mirror)
    written = []
    event.listen(
        mirror.state.mirror,
        "before_cursor_execute",
        lambda _c, _k, sql, *_: written.append(sql.split()[0]),
    )
    mirror.put(records, now=NOW + timedelta(days=1), today=TODAY + timedelta(days=1))
    assert {"INSERT", "UPDATE"}.isdisjoint(written), written
    assert told(mirror) == before


@pytest.mark.parametrize("later", [at(5), at(1), None])
def test_the_newest_version_wins_whatever_the_order(mirror: Mirror, later: Any) -> None:
    old = (
        customer(name="old", modified_at=at(1)),
        invoice("i1", line(10000), number="old", modified_at=at(1)),
        credit_note(number="old", modified_at=at(1)),
        payment(reference="old", modified_at=at(1)),
    )
    new = (
        customer(name="new", modified_at=later),
        invoice("i1", line(5000), number="new", modified_at=later),
        credit_note(number="new", modified_at=later),
        payment(reference="new", modified_at=later),
    )
    orders = [(*old, *new)]  # an equal stamp or none: what comes last
    if later and later > at(1):
        orders.append((*new, *old))
    for order in orders:
        put(mirror, *order)  # both in one page
        for record in order:  # and one by one
            put(mirror, record)
        assert rows(mirror, tables.customer, "name") == ["new"]
        assert rows(mirror, tables.invoice, "number") == ["new"]
        assert rows(mirror, tables.due_line, "balance") == [5000]
        assert rows(mirror, tables.credit_note, "number") == ["new"]
        assert rows(mirror, tables.payment, "reference") == ["new"]


def test_children_are_replaced_and_decisions_taken_back_are_ended(mirror: Mirror) -> None:
    hold, dispute = (Decision(mark=mark, since=TODAY) for mark in (Mark.HOLD, Mark.DISPUTED))
    first = customer(contacts=(Contact(id="1"), Contact(id="2")), decisions=(hold, dispute))
    put(mirror, first, payment(allocations=(Allocation(invoice_id="i1", amount=1),)))
    put(mirror, replace(first, contacts=(Contact(id="2"),), decisions=(dispute,)))
    put(mirror, payment())
    assert rows(mirror, tables.contact, "ref") == ["2"]
    assert rows(mirror, tables.allocation) == []
    assert rows(mirror, tables.decision, "mark", "ended_on") == [
        ("hold", TODAY),
        ("disputed", None),
    ]


def test_foreign_keys_hold(mirror: Mirror) -> None:
    put(mirror, invoice())
    with pytest.raises(IntegrityError), mirror.state.mirror.begin() as connection:
        connection.execute(tables.customer.delete())


def test_money_of_any_size_is_kept_to_the_unit(mirror: Mirror) -> None:
    amount = 2**62 + 1
    put(mirror, invoice("i1", DueLine(due_on=None, amount=amount, balance=amount)))
    assert rows(mirror, tables.due_line, "balance") == [amount]


@pytest.mark.parametrize(
    "spoiled",
    [
        invoice("bad", line(2**70)),
        invoice("bad", line(1, id="x"), line(2, id="x")),
        invoice("bad", number="\ud800"),
        invoice("bad", total=12.5),
        invoice("bad", state="lost"),
    ],
)
def test_a_record_the_database_refuses_is_set_aside_alone(mirror: Mirror, spoiled: Invoice) -> None:
    page = Page(records=(invoice("i1"), spoiled, invoice("i2")), cursor="7")
    bad = mirror.store(Kind.INVOICES, page, now=NOW, today=TODAY)
    assert [(record.kind, record.id) for record in bad] == [("invoice", "bad")]
    assert rows(mirror, tables.invoice, "ref") == ["i1", "i2"]
    assert mirror.cursor(Kind.INVOICES) == "7"
    assert rows(mirror, tables.bad_record, "kind", "ref") == [("invoice", "bad")]
    put(mirror, invoice("bad"))  # mended in the product
    assert rows(mirror, tables.bad_record) == []


def test_bad_records_are_kept_once_with_their_first_day(mirror: Mirror) -> None:
    for days, problem in ((0, "no number"), (2, "no number at all")):
        page = Page(records=(), bad=(BadRecord("invoices", "9", "number", problem),), cursor="1")
        mirror.store(Kind.INVOICES, page, now=NOW + timedelta(days=days), today=TODAY)
    (row,) = rows(mirror, tables.bad_record)
    assert (row.problem, row.first_seen_at) == ("no number at all", NOW)
    assert row.last_seen_at == NOW + timedelta(days=2)


def test_a_page_and_its_cursor_are_one(mirror: Mirror) -> None:
    def refuse(_c: Any, _k: Any, sql: str, *_: Any) -> None:
        if sql.startswith("INSERT INTO cursor"):
            raise KeyboardInterrupt

    event.listen(mirror.state.mirror, "before_cursor_execute", refuse)
    with pytest.raises(KeyboardInterrupt):
        mirror.store(Kind.INVOICES, Page(records=(invoice(),), cursor="7"), now=NOW, today=TODAY)
    event.remove(mirror.state.mirror, "before_cursor_execute", refuse)
    assert rows(mirror, tables.invoice) == []
    assert mirror.cursor(Kind.INVOICES) is None


def test_another_ledger_is_refused_with_both_names(mirror: Mirror) -> None:
    other = replace(COMPANY, ledger_id="books:2")
    for again in (mirror, Mirror(mirror.state)):
        with pytest.raises(ConfigError, match=r"books:1.*books:2.*RELANCE_STATE"):
            again.bind(other, TODAY)
    mirror.bind(replace(COMPANY, name="Dupont SA"), TODAY + timedelta(days=9))
    assert rows(mirror, tables.ledger, "name", "installed_on") == [("Dupont SA", TODAY)]
