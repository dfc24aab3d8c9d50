"""The decision under load: a hundred thousand lines in one process, no question a line."""

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from sqlalchemy import event

from connector.dunning import judge
from connector.dunning.decide import decide
from connector.dunning.ladder import stand
from connector.dunning.plan import Plan
from connector.dunning.policy_file import Chosen
from connector.dunning.rules import RULES
from connector.dunning.snapshot import (
    Case,
    Credit,
    Had,
    Money,
    Paid,
    Pending,
    Rung,
    Snapshot,
    Stage,
)
from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.receivables.measures import Verdict
from connector.receivables.records import (
    Cause,
    Contact,
    CustomerKind,
    Decision,
    Mark,
    Past,
    Record,
)
from tests.books import COMPANY, NOW, TODAY, customer, invoice, line
from tests.facts import STANDARD, account, case, day, snapshot
from tests.test_decide import lines

D = timedelta(days=1)
MANY = 100_000
SECONDS = 10  # of CPU: about four times what it takes, for machines that are slow or busy


def many(number: int) -> Snapshot:
    """Lines of every age, some already reminded, twenty a customer."""
    accounts = [account(f"c{who}") for who in range(number // 20)]
    cases = []
    for place in range(number):
        late = place * 37 % 90 - 30
        spoken = late > 6 and place % 5 < 3
        had = (Had(rung=Rung(Stage.FRIENDLY, 1), on=TODAY - (late - 3) * D),) if spoken else ()
        who = accounts[place % len(accounts)]
        cases.append(case(f"F{place}", late, account=who, balance=10000 + place, had=had))
    return snapshot(*cases, day=day())


def test_a_hundred_thousand_lines_get_a_verdict_each() -> None:
    facts = many(MANY)
    before = time.process_time()
    plan = decide(facts, STANDARD, TODAY)
    assert time.process_time() - before < SECONDS
    assert plan.open_lines == MANY
    told = {(s.invoice, s.line) for s in plan.silences}
    told |= {(part.invoice, part.line) for r in plan.reminders for part in r.lines}
    assert len(told) == MANY
    assert len(plan.reminders) > 200
    assert all(silence.reasons for silence in plan.silences)


def test_a_verdict_takes_about_a_kibibyte_a_line() -> None:
    few = 10_000
    facts = many(few)
    decide(facts, STANDARD, TODAY)  # calendars and the like are kept once for all
    tracemalloc.start()
    try:
        plan = decide(facts, STANDARD, TODAY)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert plan.open_lines == few
    assert peak < few * 1024  # 100 MiB for a hundred thousand


def test_the_collector_is_as_it_was() -> None:
    for on in (True, False):
        gc.enable() if on else gc.disable()
        try:
            decide(snapshot(case()), STANDARD, TODAY)
            assert gc.isenabled() is on
        finally:
            gc.enable()


@settings(max_examples=100, deadline=None)
@given(lines())
def test_where_nobody_decided_anything_the_rules_about_marks_say_nothing(cases: list[Case]) -> None:
    unmarked = judge.asked(frozenset())
    assert 0 < len(unmarked) < len(RULES)
    for one in cases:
        standing = stand(one, STANDARD.firm, "", TODAY, TODAY)
        assert not standing.decisions
        assert {rule(standing, TODAY) for rule in RULES if rule not in unmarked} == {None}


@pytest.mark.parametrize("mark", Mark)
def test_a_mark_is_nothing_to_the_rules_that_are_not_asked_about_it(mark: Mark) -> None:
    others = set(RULES) - set(judge.asked(frozenset({mark})))
    for code, until, amount in product((*Cause, ""), (None, TODAY, TODAY - 30 * D), (None, 1)):
        made = Decision(mark=mark, since=TODAY - 9 * D, until=until, amount=amount, code=code)
        for one in (
            case(late=20, decisions=(made,)),
            case(late=20, account=account(decisions=(made,))),
        ):
            standing = stand(one, STANDARD.firm, "", TODAY, TODAY)
            assert {rule(standing, TODAY) for rule in others} == {None}


@settings(max_examples=100, deadline=None)
@given(lines())
def test_lines_that_are_judged_as_alike_would_each_be_judged_the_same(cases: list[Case]) -> None:
    facts = snapshot(*cases)
    alike = judge.Alike(facts, TODAY)
    for policy in (STANDARD.firm, STANDARD.named["gentle"]):
        for one in (*cases, *cases):  # the second time all that can be is remembered
            (view,) = alike.of([one], Chosen(policy, ""))
            itself = stand(one, policy, "", facts.first_pull_on, TODAY)
            assert view.standing == itself
            assert view.quiets == judge.told(itself, TODAY)


OTHER = {
    "invoice_id": "Z",
    "number": "Z",
    "line_id": "9",
    "line": 9,
    "currency": "USD",
    "issued_on": TODAY - D,
    "due_on": TODAY - 50 * D,
    "amount": 77,
    "balance": 7,
    "sent_on": TODAY,
    "total": 77,
    "reference": "Z",
    "payment_reference": "Z",
    "pay_link": "https://x.example",
    "recipient": "z@x.example",
    "policy": "nobody's",
    "reopened_on": TODAY - D,
    "discount_until": TODAY,
    "discount": 100000,
    "decisions": (Decision(mark=Mark.HOLD, since=TODAY - D),),
    "had": (Had(rung=Rung(Stage.FRIENDLY, 1), on=TODAY - D),),
    "pending": Pending.QUEUED,
    "pending_key": "k",
    "last_message_on": TODAY,
    "mismatch": "two figures",
    "transit_on": TODAY,
    "received": (Paid(TODAY - D, 100, "EUR", "F1"),),
    "open_before": 100,
    "open_after": 100,
}
OTHERS = {
    "decisions": OTHER["decisions"],
    "credits": (Credit(id="A", number="A", currency="EUR", amount=1),),
    "money": (Money(id="P", currency="EUR", paid_on=TODAY, amount=1),),
    "pending_money": (Money(id="P", currency="EUR", paid_on=TODAY, amount=1),),
    "debit_refused": True,
    "last_message_on": TODAY,
    "behaviour": "late",
    "signals": ("strategic",),
    "pace": Verdict(usual=1),
    "bounced": frozenset({"a@x.example"}),
}
OF_CUSTOMER = {
    "country": "DE",
    "region": "BY",
    "kind": CustomerKind.CONSUMER,
    "tags": ("prefers:letter",),
    "mandate": True,
    "active": False,
    "policy": "nobody's",
    "credit_limit": 1,
}


def neighbours(line: Case) -> Iterator[tuple[str, Case]]:
    """The line with each of its facts changed, one at a time."""
    for name, value in OTHER.items():
        yield name, line._replace(**{name: value})
    for name, value in OTHERS.items():
        yield name, line._replace(account=replace(line.account, **{name: value}))
    for name, value in OF_CUSTOMER.items():
        customer = replace(line.account.customer, **{name: value})
        yield name, line._replace(account=replace(line.account, customer=customer))


@pytest.mark.parametrize("late", [-7, 0, 4, 20, 60, 400, 690])
def test_whatever_fact_of_a_line_is_another_it_is_judged_by_its_own(late: int) -> None:
    """A rule that looks at one more fact fails here until `Alike` tells lines apart by it."""
    line = case(late=late, balance=200_000)
    assert {*OTHER, "account"} == set(Case._fields)
    for policy in STANDARD.named.values():
        for name, other in neighbours(line):
            facts = snapshot(line)
            alike = judge.Alike(facts, TODAY)
            alike.of([line], Chosen(policy, ""))
            itself = stand(other, policy, "", facts.first_pull_on, TODAY)
            quiets = judge.told(itself, TODAY)
            (view,) = alike.of([other], Chosen(policy, ""))
            assert (view.standing, view.quiets) == (itself, quiets), (policy.name, name)


def test_lines_alike_in_two_currencies_or_by_two_policies_are_told_apart() -> None:
    """Euros stand still on Good Friday, dollars do not; and each line says why it has its policy."""
    policy = STANDARD.named["us-b2b"]
    line = case(account=account(customer={"country": "US"}))._replace(due_on=date(2026, 4, 2))
    facts = snapshot(line)
    alike = judge.Alike(facts, TODAY)
    days = set()
    for one in (line, line._replace(currency="USD")):
        for because in ("segment 'far'", "chosen for invoice F1"):
            itself = stand(one, policy, because, facts.first_pull_on, TODAY)
            (view,) = alike.of([one], Chosen(policy, because))
            assert view.standing == itself
            assert itself.next
            days.add(itself.next.on)
    assert len(days) == 2


@pytest.mark.parametrize("mark", Mark)
def test_what_was_decided_of_a_line_moves_it_as_if_no_other_were_like_it(mark: Mark) -> None:
    """A decision that moves a step fails here until `MOVING` names it."""
    friendly = Had(rung=Rung(Stage.FRIENDLY, 1), on=TODAY - 25 * D)
    lines = [
        case(late=late, balance=9_000, amount=10_000, had=had, received=received)
        for late in (-7, 4, 20, 60)
        for had in ((), (friendly,))
        for received in ((), (Paid(TODAY - 2 * D, 1_000, "EUR", "F1"),))
    ]
    facts = snapshot(*lines)
    alike = judge.Alike(facts, TODAY)
    for code, until, amount in product((*Cause, ""), (None, TODAY - 5 * D, TODAY), (None, 5_000)):
        made = Decision(mark=mark, since=TODAY - 9 * D, until=until, amount=amount, code=code)
        for one in lines:
            alike.of([one], Chosen(STANDARD.firm, ""))
            for other in (
                one._replace(decisions=(made,)),
                one._replace(account=replace(one.account, decisions=(made,))),
            ):
                itself = stand(other, STANDARD.firm, "", facts.first_pull_on, TODAY)
                (view,) = alike.of([other], Chosen(STANDARD.firm, ""))
                assert (view.standing, view.quiets) == (itself, judge.told(itself, TODAY))


def test_a_ledger_has_few_lines_that_are_like_no_other() -> None:
    facts = many(2_000)
    alike = judge.Alike(facts, TODAY)
    for one in facts.cases:
        alike.of([one], Chosen(STANDARD.firm, ""))
    assert 0 < len(alike) < 400


# --- as many questions for ten thousand invoices as for one thousand -------------------------------


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Callable[[int], tuple[int, float, Plan]]]:
    """Plans a ledger of so many open invoices: SQL statements, CPU seconds, plan."""
    with State.opened(tmp_path / "state.db") as state:
        mirror = Mirror(state)
        mirror.bind(COMPANY, TODAY)

        def plan(size: int) -> tuple[int, float, Plan]:
            assert mirror.put(ledger(size), now=NOW, today=TODAY) == ()
            seen: list[str] = []

            def note(_c: Any, _k: Any, sql: str, *_: Any) -> None:
                seen.append(sql)

            event.listen(state.mirror, "before_cursor_execute", note)
            took = []
            for _ in range(3):
                gc.collect()
                before = time.process_time()
                made = decide(read(mirror, day(), TODAY), STANDARD, TODAY)
                took.append(time.process_time() - before)
            event.remove(state.mirror, "before_cursor_execute", note)
            assert len(seen) % 3 == 0
            return len(seen) // 3, min(took), made

        yield plan


def ledger(size: int) -> Iterator[Record]:
    """Open invoices of every age, four a customer; half of the late ones have had a reminder."""
    for number in range(size):
        name, late = f"c{number // 4}", number * 37 % 90 - 30
        due_on = TODAY - late * D
        if number % 4 == 0:
            contact = Contact(id="1", email=f"{name}@x.example")
            yield customer(name, language="fr", country="FR", contacts=(contact,))
        issued_on = due_on - 30 * D
        yield invoice(f"i{number}", line(due_on=due_on), customer_id=name, issued_on=issued_on)
        if late > 6 and number % 2:
            on = date.fromordinal(due_on.toordinal() + 3)
            yield Past(invoice_id=f"i{number}", stage="friendly", on=on)


@pytest.mark.practice("P1-07")
def test_ten_times_the_invoices_take_the_same_questions_and_about_ten_times_the_time(
    counted: Callable[[int], tuple[int, float, Plan]],
) -> None:
    few, quick, small = counted(1_000)
    more, slow, large = counted(10_000)
    assert (small.open_lines, large.open_lines) == (1_000, 10_000)
    assert small.reminders
    assert few == more
    assert slow <= 15 * quick
