"""The snapshot: every open line with its customer, filled by a fixed number of questions."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from connector.dunning.legal import wait_until
from connector.dunning.plan import line_key
from connector.dunning.snapshot import (
    Case,
    Channel,
    Credit,
    HadState,
    Money,
    Paid,
    Pending,
    Rung,
    Stage,
)
from connector.errors import ConfigError
from connector.mirror import tables
from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.receivables.records import (
    Allocation,
    Contact,
    Decision,
    DocumentState,
    Mark,
    Past,
    PaymentState,
    Record,
)
from tests.books import COMPANY, NOW, TODAY, credit_note, customer, invoice, line, payment
from tests.facts import day


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with State.opened(tmp_path / "state.db") as state:
        mirror = Mirror(state)
        mirror.bind(COMPANY, TODAY - timedelta(days=30))
        yield mirror


def put(mirror: Mirror, *records: Record, today: date = TODAY) -> None:
    assert mirror.put(records, now=NOW, today=today) == ()


def only(mirror: Mirror, **more: Any) -> Case:
    (case,) = read(mirror, day(), TODAY, **more).cases
    return case


def past(on: date, invoice_id: str = "i1", **more: Any) -> Past:
    return Past(**({"invoice_id": invoice_id, "stage": "friendly", "on": on} | more))


def set_reminders(mirror: Mirror, **values: Any) -> None:
    with mirror.state.outbox.begin() as connection:
        connection.execute(update(tables.reminder).values(**values))


def decide(mirror: Mirror, mark: Mark, **more: Any) -> None:
    values = {"customer_ref": "c1", "mark": str(mark), "since": TODAY, "made_at": NOW} | more
    with mirror.state.outbox.begin() as connection:
        connection.execute(tables.decision.insert().values(**values))


def test_a_line_is_told_with_all_its_facts(mirror: Mirror) -> None:
    contacts = (Contact(id="9", email="b@x.example"), Contact(id="1", email="a@x.example"))
    owes = customer(tags=("vip",), contacts=contacts, balances={"EUR": 9000})
    bill = invoice(
        "i1",
        line(0, date(2026, 8, 1)),
        line(4000, date(2026, 9, 1)),
        line(5000, date(2026, 10, 1)),
        sent_on=date(2026, 9, 2),
        reference="PO",
        payment_reference="RF",
        pay_link="https://p.example",
        recipient="r@x.example",
        policy="strict",
    )
    put(mirror, owes, bill)
    snapshot = read(mirror, day(), TODAY)
    assert (snapshot.ledger_id, snapshot.country, snapshot.currency) == ("books:1", "FR", "EUR")
    assert (snapshot.installed_on, snapshot.first_pull_on) == (TODAY - timedelta(days=30), TODAY)
    first, second = snapshot.cases
    assert first.account is second.account
    assert first.account.customer == owes
    assert first.account.behaviour == "new"
    assert (first.invoice_id, first.number, first.line_id, first.line) == ("i1", "F-i1", "2", 2)
    assert (first.amount, first.balance, first.total) == (10000, 4000, 30000)
    assert (first.issued_on, first.sent_on) == (date(2026, 9, 1), date(2026, 9, 2))
    assert (first.reference, first.payment_reference, first.policy) == ("PO", "RF", "strict")
    assert (first.pay_link, first.recipient) == ("https://p.example", "r@x.example")
    assert (first.due_on, second.due_on) == (date(2026, 9, 1), date(2026, 10, 1))
    assert (first.had, first.pending, first.mismatch, first.transit_on) == ((), None, "", None)


def test_only_what_owes_is_a_case(mirror: Mirror) -> None:
    put(
        mirror,
        invoice("paid", line(0)),
        invoice("draft", state=DocumentState.DRAFT),
        invoice("void", state=DocumentState.VOID),
        invoice("over", line(-500), state=DocumentState.OPEN),
        invoice("i1"),
    )
    assert only(mirror).invoice_id == "i1"


def test_a_rest_on_a_paid_invoice_is_no_case(mirror: Mirror) -> None:
    put(mirror, invoice("i1"), invoice("odd", line(100), state=DocumentState.PAID))
    assert only(mirror).invoice_id == "i1"


def test_lines_below_zero_are_a_credit_and_count_in_their_invoice(mirror: Mirror) -> None:
    below = (line(-300, date(2026, 8, 1)), line(-200, date(2026, 8, 2)))
    put(mirror, invoice("i1", *below, line(700, date(2026, 9, 1)), balance=200))
    case = only(mirror)
    assert (case.balance, case.mismatch) == (700, "")
    assert case.account.credits == (Credit(id="i1", number="F-i1", currency="EUR", amount=500),)


def test_each_line_knows_what_is_open_of_its_invoice_beside_it(mirror: Mirror) -> None:
    days = (date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1))
    put(mirror, invoice("i1", *map(line, (4000, 5000, 1000), days)), invoice("i2"))
    told = {(case.invoice_id, case.line): case for case in read(mirror, day(), TODAY).cases}
    assert {place: (case.open_before, case.open_after) for place, case in told.items()} == {
        ("i1", 1): (0, 6000),
        ("i1", 2): (4000, 1000),
        ("i1", 3): (9000, 0),
        ("i2", 1): (0, 0),
    }


def test_lines_that_each_equal_the_invoices_balance_do_not_add_up_to_it(mirror: Mirror) -> None:
    days = (date(2026, 9, 1), date(2026, 10, 1))
    put(mirror, invoice("i1", *map(line, (5000, 5000), days), balance=5000))
    words = {case.mismatch for case in read(mirror, day(), TODAY).cases}
    assert words == {"the due lines add up to 100.00 EUR, the invoice says 50.00 EUR"}


def test_a_list_of_open_items_that_says_nothing_is_owed_contradicts(mirror: Mirror) -> None:
    put(mirror, invoice("i1"), invoice("i2"))
    with mirror.state.outbox.begin() as connection:
        zero = update(tables.invoice).where(tables.invoice.c.ref == "i1").values(open_balance=0)
        connection.execute(zero)
    told = {case.invoice_id: case.mismatch for case in read(mirror, day(), TODAY).cases}
    assert told["i1"].endswith("the list of open items says 0.00 EUR")
    assert told["i2"] == ""


def test_credits_and_money_of_a_customer(mirror: Mirror) -> None:
    put(
        mirror,
        invoice("i1"),
        invoice("over", line(-500), state=DocumentState.PAID),
        invoice("told", line(0), balance=-70),
        credit_note("a1", 3000),
        credit_note("void", 3000, state=DocumentState.VOID),
        credit_note("used", 0, state=DocumentState.PAID),
        payment("p1", 800),
        payment("p2"),
        payment("p3", 900, state=PaymentState.VOID),
        payment("p4", 0, state=PaymentState.PENDING, amount=60),
        payment(
            "p5",
            state=PaymentState.PENDING,
            paid_on=date(2026, 11, 18),
            allocations=(Allocation(invoice_id="i1", amount=10000),),
        ),
    )
    case = only(mirror)
    assert set(case.account.credits) == {
        Credit(id="a1", number="A-a1", currency="EUR", amount=3000),
        Credit(id="told", number="F-told", currency="EUR", amount=70),
        Credit(id="over", number="F-over", currency="EUR", amount=500),
    }
    assert len(case.account.credits) == 3
    paid = date(2026, 10, 15)
    assert case.account.money == (Money(id="p1", currency="EUR", paid_on=paid, amount=800),)
    assert case.account.pending_money == (Money(id="p4", currency="EUR", paid_on=paid, amount=60),)
    assert case.transit_on == date(2026, 11, 18)
    assert not case.account.debit_refused


@pytest.mark.parametrize(
    ("paid_on", "refused"), [(date(2025, 11, 20), True), (date(2025, 11, 19), False)]
)
def test_a_debit_that_came_back_counts_for_a_year(
    mirror: Mirror, paid_on: date, refused: bool
) -> None:
    put(mirror, invoice(), payment(state=PaymentState.RETURNED, paid_on=paid_on))
    account = only(mirror).account
    assert account.debit_refused is refused
    assert account.behaviour == ("late" if refused else "new")


def test_decisions_in_force_reach_customer_and_invoice(mirror: Mirror) -> None:
    hold = Decision(mark=Mark.HOLD, since=TODAY)
    put(mirror, customer(decisions=(hold,)), invoice())
    decide(mirror, Mark.DISPUTED, invoice_ref="i1", amount=500)
    decide(mirror, Mark.PLAN, invoice_ref="i1", ended_on=TODAY)
    decide(mirror, Mark.BOUNCED, because=" a@x.example ")
    decide(mirror, Mark.HOLD, invoice_ref="other", customer_ref="c2")
    case = only(mirror)
    assert [made.mark for made in case.decisions] == [Mark.DISPUTED]
    assert case.decisions[0].amount == 500
    assert [made.mark for made in case.account.decisions] == [Mark.HOLD, Mark.BOUNCED]
    assert case.account.bounced == {"a@x.example"}


STEPS: list[tuple[str, HadState | None, Pending | None]] = [
    ("sent", HadState.SENT, None),
    ("rejected", HadState.PASSED, None),
    ("bounced", HadState.BOUNCED, None),
    ("planned", None, Pending.QUEUED),
    ("sending", None, Pending.QUEUED),
    ("unknown", None, Pending.UNKNOWN),
    ("failed", None, Pending.FAILED),
    ("superseded", None, None),
    ("proposed", None, Pending.PROPOSED),
]


@pytest.mark.parametrize(("state", "had", "pending"), STEPS)
def test_the_outbox_is_told_by_state(
    mirror: Mirror, state: str, had: HadState | None, pending: Pending | None
) -> None:
    put(mirror, invoice(), past(TODAY - timedelta(days=9), state=state, channel="letter"))
    set_reminders(mirror, deadline_on=TODAY, legal="be-consumer-first")
    case = only(mirror)
    assert [step.state for step in case.had] == ([had] if had else [])
    assert case.pending is pending
    assert bool(case.pending_key) is bool(pending)
    spoke = state in ("sent", "planned", "sending", "unknown")
    assert case.last_message_on == (TODAY - timedelta(days=9) if spoke else None)
    assert case.account.last_message_on == case.last_message_on
    for step in case.had:
        assert (step.rung, step.channel) == (Rung(Stage.FRIENDLY, 1), Channel.LETTER)
        sent_on = TODAY - timedelta(days=9)
        assert (step.deadline_on, step.on) == (TODAY, sent_on)
        assert step.wait_until == wait_until("be-consumer-first", sent_on, Channel.LETTER)
    assert only(mirror, without=1).had == ()
    assert only(mirror, without=1).pending is None
    assert only(mirror, without=1).account.last_message_on is None


def test_a_proposal_nobody_touched_is_not_in_it(mirror: Mirror) -> None:
    put(mirror, invoice(), past(TODAY, state="proposed"))
    set_reminders(mirror, edited=False)
    assert only(mirror).pending is None


def test_calls_are_no_messages(mirror: Mirror) -> None:
    put(mirror, invoice(), past(TODAY, n="c1", channel="call"))
    snapshot = read(mirror, day(), TODAY)
    assert snapshot.cases[0].account.last_message_on is None
    assert snapshot.sent_today == 0
    put(mirror, past(TODAY), past(TODAY - timedelta(days=1), "i2"))
    assert read(mirror, day(), TODAY).sent_today == 1


@pytest.mark.parametrize("mark", [Mark.PROMISED, Mark.PLAN, Mark.CAUSE, Mark.HOLD])
def test_what_was_paid_is_told_where_something_is_held_against_it(
    mirror: Mirror, mark: Mark
) -> None:
    other = Allocation(invoice_id="i0", amount=10000)
    put(mirror, invoice("i1"), payment("p1", allocations=(other,)))
    decide(mirror, mark, invoice_ref="i1", until=TODAY)
    paid = Paid(date(2026, 10, 15), 10000, "EUR", "i0")
    assert only(mirror).received == (() if mark is Mark.HOLD else (paid,))


def test_a_restart_begins_the_ladder_anew(mirror: Mirror) -> None:
    before, after = TODAY - timedelta(days=9), TODAY - timedelta(days=2)
    put(mirror, invoice(), past(before), past(after, stage="firm"))
    decide(mirror, Mark.RESTART, invoice_ref="i1", since=before)
    assert [(step.rung.stage, step.state) for step in only(mirror).had] == [
        (Stage.FRIENDLY, HadState.RESTARTED),
        (Stage.FIRM, HadState.SENT),
    ]


@pytest.mark.parametrize(
    ("owes", "bill", "words"),
    [
        (
            customer(),
            invoice(balance=9000),
            "the due lines add up to 100.00 EUR, the invoice says 90.00 EUR",
        ),
        (customer(), invoice(balance=None), ""),
        (customer(balances={"EUR": 6900}), invoice(), ""),
        (customer(balances={"CHF": 1}), invoice(), ""),
        (
            customer(balances={"EUR": 10000}),
            invoice(),
            "the customer's open documents come to 69.00 EUR, "
            "the customer's account says 100.00 EUR",
        ),
    ],
)
def test_the_balance_gate_names_its_figures(
    mirror: Mirror, owes: Record, bill: Record, words: str
) -> None:
    put(mirror, owes, bill, credit_note(balance=3000), payment(unallocated=100))
    assert only(mirror).mismatch == words


def test_one_customer_alone(mirror: Mirror) -> None:
    put(mirror, invoice("i1"), invoice("i2", customer_id="c2"), past(TODAY, "i2"))
    snapshot = read(mirror, day(), TODAY, customer_id="c1")
    assert [case.invoice_id for case in snapshot.cases] == ["i1"]
    assert snapshot.sent_today == 1  # of the whole firm
    assert read(mirror, day(), TODAY, customer_id="nobody").cases == []


def test_an_empty_file_says_what_to_do(tmp_path: Path) -> None:
    with (
        State.opened(tmp_path / "state.db") as state,
        pytest.raises(ConfigError, match="Run relance sync"),
    ):
        read(Mirror(state), day(), TODAY)


def test_line_numbers_and_keys_agree_with_the_outbox(mirror: Mirror) -> None:
    put(mirror, invoice(), past(TODAY))
    case = only(mirror)
    key = line_key("books:1", case.invoice_id, case.line_id, case.had[0].rung, case.had[0].nth)
    with mirror.state.reader.connect() as connection:
        assert connection.execute(tables.reminder_line.select()).one().key == key
