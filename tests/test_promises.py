"""Promises, payment plans, partial disputes and early-payment discount, and the alerts on them."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from connector.dunning import promises
from connector.dunning.alerts import Alert, alerts
from connector.dunning.decide import decide
from connector.dunning.plan import Plan, Reason
from connector.dunning.snapshot import Account, Case, Channel, Credit, Paid
from connector.receivables.claim import Discount, discount
from connector.receivables.limitation import declare_by
from connector.receivables.records import Cause, Decision, Mark
from tests.facts import STANDARD, TEXTS, TODAY, account, case, day, had, snapshot

D = timedelta(days=1)
BROKEN_SAID = TEXTS | {("promise_broken", "fr")}


def plan_of(*cases: Case, today: date = TODAY, **more: object) -> Plan:
    return decide(snapshot(*cases, **more), STANDARD, today)


def reasons(plan: Plan, number: str = "F1") -> dict[Reason, date | None]:
    (found,) = [s for s in plan.silences if s.invoice == number]
    return {quiet.reason: quiet.until for quiet in found.reasons}


def told(plan: Plan, reason: Reason) -> str:
    (quiet,) = [q for s in plan.silences for q in s.reasons if q.reason is reason]
    return quiet.because


def promise(on: date, amount: int | None = None, since: date = TODAY - 10 * D) -> Decision:
    return Decision(mark=Mark.PROMISED, since=since, until=on, amount=amount)


def paid(amount: int, on: date, invoice: str = "F1", currency: str = "EUR") -> Paid:
    return Paid(on, amount, currency, invoice)


# --- a promise ----------------------------------------------------------------------------------

MONDAY = date(2026, 11, 16)  # two business days later is Wednesday the 18th


@pytest.mark.parametrize(
    ("amount", "received", "today", "expected"),
    [
        (None, (), date(2026, 11, 18), promises.Fate.OPEN),
        (None, (), date(2026, 11, 19), promises.Fate.BROKEN),
        (None, (paid(4000, MONDAY),), date(2026, 11, 19), promises.Fate.PARTLY),
        (4000, (paid(4000, MONDAY),), date(2026, 11, 19), promises.Fate.KEPT),
        (4000, (paid(3999, MONDAY),), date(2026, 11, 19), promises.Fate.PARTLY),
        (4000, (paid(4000, date(2026, 11, 9)),), date(2026, 11, 19), promises.Fate.BROKEN),
        (4000, (paid(4000, MONDAY, "F2"),), date(2026, 11, 19), promises.Fate.BROKEN),
        (4000, (paid(4000, MONDAY, currency="USD"),), date(2026, 11, 19), promises.Fate.BROKEN),
    ],
)
def test_a_promise_is_open_kept_partly_or_broken(
    amount: int | None, received: tuple[Paid, ...], today: date, expected: promises.Fate
) -> None:
    made = promise(MONDAY, amount)
    line = case(decisions=(made,), received=received)
    assert promises.fate(line, made, STANDARD.firm, today) is expected


def test_a_promise_of_a_customer_counts_all_they_have_paid() -> None:
    made = promise(MONDAY, 15000)
    both = (paid(10000, MONDAY, "F2"), paid(5000, MONDAY, ""))
    line = case(account=account(decisions=(made,)), received=both)
    assert promises.fate(line, made, STANDARD.firm, TODAY) is promises.Fate.KEPT
    assert promises.promise(line._replace(issued_on=TODAY)) is None  # not meant then


def broken(**more: object) -> Case:
    """A line nine days late that had its friendly reminder; the firm one is due at 15 days."""
    given = {
        "late": 9,
        "had": (had("friendly", days_ago=8), had("friendly", "c1", days_ago=8)),
        "decisions": (promise(MONDAY),),
    }
    return case(**(given | more))


def test_a_broken_promise_speaks_again_at_once_at_the_level_held() -> None:
    assert Reason.STEP_WAITING in reasons(plan_of(broken(decisions=())))
    (reminder,) = plan_of(broken(), day=day(templates=BROKEN_SAID)).reminders
    assert (reminder.step, reminder.template) == ("firm", "promise_broken")
    assert str(reminder.rung) == "firm.1"
    (reminder,) = plan_of(broken()).reminders  # no such text in this language
    assert (reminder.step, reminder.template) == ("firm", "firm")


def test_it_speaks_on_the_third_business_day_and_not_before() -> None:
    quiet = plan_of(broken(), today=date(2026, 11, 18))
    assert reasons(quiet)[Reason.PROMISED] == date(2026, 11, 18)
    assert plan_of(broken(), today=date(2026, 11, 19)).reminders


def test_the_gap_is_kept_after_a_broken_promise() -> None:
    spoken = (had("friendly", days_ago=3), had("friendly", "c1", days_ago=3))
    plan = plan_of(broken(had=spoken), today=TODAY)
    assert not plan.reminders
    assert plan_of(broken(had=spoken), today=TODAY + 3 * D).reminders  # 23 November, a Monday


def test_a_promise_of_a_part_that_was_kept_brings_nothing_forward() -> None:
    kept = broken(decisions=(promise(MONDAY, 4000),), received=(paid(4000, MONDAY),))
    assert Reason.STEP_WAITING in reasons(plan_of(kept))


def test_once_said_the_ladder_goes_on_by_its_own_days() -> None:
    spoken = (*broken().had, had("firm", days_ago=1), had("firm", "c1", days_ago=1))
    plan = plan_of(broken(had=spoken), today=TODAY + 10 * D)
    assert not plan.reminders
    # 30 days after the due date of 11 November, and after the deadline of the firm reminder
    (silence,) = plan.silences
    assert silence.next_on == date(2026, 12, 11)


def test_a_notice_after_a_broken_promise_keeps_its_words_and_waits_for_approval() -> None:
    spoken = (*broken().had, had("firm", days_ago=7), had("firm", "c1", days_ago=7))
    line = broken(had=spoken, late=20, account=account(customer={"address": "1 rue de la Paix"}))
    notice = TEXTS | BROKEN_SAID
    (reminder,) = plan_of(line, day=day(templates=notice)).reminders
    assert (reminder.step, reminder.template) == ("formal_notice", "formal_notice")
    assert reminder.channel is Channel.LETTER
    assert reminder.needs_approval


def test_a_broken_promise_never_brings_a_hand_over_forward() -> None:
    done = (
        had("firm", days_ago=25),
        had("firm", "c1", days_ago=25),
        had("notice", days_ago=3, channel=Channel.LETTER, deadline_on=TODAY + 12 * D),
    )
    plan = plan_of(broken(late=33, had=done))
    assert not plan.reminders


def test_the_latest_promise_counts() -> None:
    again = promise(TODAY + 3 * D, since=TODAY - 2 * D)
    plan = plan_of(broken(decisions=(promise(MONDAY), again)))
    assert Reason.PROMISED in reasons(plan)


# --- a payment plan -----------------------------------------------------------------------------


def instalment(on: date, amount: int) -> Decision:
    return Decision(mark=Mark.PLAN, since=date(2026, 11, 2), until=on, amount=amount)


PARTS = (
    instalment(date(2026, 11, 9), 4000),
    instalment(date(2026, 11, 16), 3000),
    instalment(date(2026, 12, 16), 3000),
)


@pytest.mark.practice("P0-20", "P1-24")
def test_a_plan_is_silent_while_kept_and_one_missed_instalment_is_asked_for_alone() -> None:
    first = (paid(4000, date(2026, 11, 9)),)
    both = (*first, paid(3000, date(2026, 11, 17)))
    kept = case(late=30, balance=3000, decisions=PARTS, received=both)
    plan = plan_of(kept)
    assert reasons(plan) == {Reason.PLAN_KEPT: date(2026, 12, 18)}
    assert "30.00 EUR to be paid on 2026-12-16" in told(plan, Reason.PLAN_KEPT)

    late = case(late=30, balance=6000, decisions=PARTS, received=first)
    waiting = plan_of(late, today=date(2026, 11, 18))
    assert reasons(waiting)[Reason.PLAN_KEPT] == date(2026, 11, 18)
    (reminder,) = plan_of(late, today=date(2026, 11, 19)).reminders
    assert reminder.claim == 3000
    (line,) = reminder.lines
    assert (line.balance, line.withheld, line.net, line.asked) == (6000, 3000, 3000, 3000)


def test_of_several_missed_instalments_what_came_in_covers_the_oldest() -> None:
    line = case(late=30, balance=9000, decisions=PARTS, received=(paid(1000, MONDAY),))
    (reminder,) = plan_of(line, today=date(2026, 11, 19)).reminders
    assert reminder.claim == 6000


def test_a_missed_instalment_is_asked_for_once_over_the_lines_of_an_invoice() -> None:
    first = case(late=40, balance=2500, amount=5000, line_id="1", open_after=5000)
    second = case(late=10, balance=5000, amount=5000, line_id="2", line=2, open_before=2500)
    cases = [c._replace(decisions=PARTS) for c in (first, second)]
    (reminder,) = plan_of(*cases, today=date(2026, 11, 13)).reminders
    assert reminder.claim == 4000
    assert {line.line_id: line.net for line in reminder.lines} == {"1": 2500, "2": 1500}


def test_a_plan_that_names_no_amounts_holds_until_its_day() -> None:
    agreed = Decision(mark=Mark.PLAN, since=TODAY, until=TODAY + 5 * D)
    assert reasons(plan_of(case(decisions=(agreed,)))) == {Reason.PLAN_KEPT: TODAY + 5 * D}


# --- disputes, causes, insolvency ---------------------------------------------------------------


@pytest.mark.practice("P1-18", "P2-15")
def test_of_a_partial_dispute_the_rest_may_be_claimed_and_the_whole_is_silent() -> None:
    part = Decision(mark=Mark.DISPUTED, since=TODAY, amount=4000, code=Cause.DISPUTE_GOODS)
    (reminder,) = plan_of(case(decisions=(part,))).reminders
    assert reminder.claim == 6000
    whole = replace(part, amount=None, because="two pallets were broken", owner="Paul")
    plan = plan_of(case(decisions=(whole,)))
    assert reasons(plan) == {Reason.DISPUTED: None}
    assert "dispute_goods: two pallets were broken" in told(plan, Reason.DISPUTED)
    assert "Paul sees to it" in told(plan, Reason.DISPUTED)


@pytest.mark.practice("P2-03")
def test_a_wrong_amount_holds_until_a_credit_or_a_correction() -> None:
    wrong = Decision(
        mark=Mark.CAUSE, since=TODAY - 5 * D, code=Cause.WRONG_AMOUNT, amount=10000, because="price"
    )
    line = case(decisions=(wrong,))
    assert reasons(plan_of(line)) == {Reason.HELD: None}
    part_paid = line._replace(balance=4000, received=(paid(6000, TODAY),))
    assert reasons(plan_of(part_paid)) == {Reason.HELD: None}  # a payment corrects nothing
    assert plan_of(line._replace(balance=9000)).reminders
    credit = Credit(id="A1", number="A1", currency="EUR", amount=1000)
    assert plan_of(line._replace(account=account(credits=(credit,)))).reminders


@pytest.mark.practice("P2-19")
def test_a_dispute_on_goods_is_a_cause_that_holds() -> None:
    goods = Decision(mark=Mark.CAUSE, since=TODAY, code=Cause.DISPUTE_GOODS)
    assert reasons(plan_of(case(decisions=(goods,)))) == {Reason.DISPUTED: None}
    other = replace(goods, code=Cause.LOST_INVOICE)
    assert plan_of(case(decisions=(other,))).reminders


@pytest.mark.parametrize(
    ("published", "country", "abroad", "last"),
    [
        (date(2026, 9, 7), "FR", False, date(2026, 11, 7)),
        (date(2026, 9, 7), "FR", True, date(2027, 1, 7)),
        (date(2026, 12, 31), "FR", False, date(2027, 2, 28)),
        (date(2026, 9, 7), "BE", False, None),
    ],
)
def test_a_claim_is_declared_two_months_after_the_publication(
    published: date, country: str, abroad: bool, last: date | None
) -> None:
    assert declare_by(published, country, abroad=abroad) == last


def test_an_insolvent_customer_is_silent_and_the_day_to_declare_is_told() -> None:
    made = Decision(mark=Mark.INSOLVENT, since=date(2026, 9, 21), because="liquidation")
    line = case(account=account(decisions=(made,)))
    assert "the claim must be declared by 2026-11-21" in told(plan_of(line), Reason.INSOLVENT)
    assert [a.code for a in seen(line, made)] == ["declare_claim"]
    late = alerts(snapshot(line), STANDARD, date(2026, 11, 22))
    assert "declare_claim" not in {alert.code for alert in late}


# --- early-payment discount ---------------------------------------------------------------------


@pytest.mark.practice("P0-21", "P4-32")
@pytest.mark.parametrize(
    ("rest", "paid_on", "expected"),
    [
        (2000, date(2026, 9, 9), Discount.TAKEN),
        (2000, date(2026, 9, 10), Discount.LATE),
        (2001, date(2026, 9, 9), Discount.NONE),
        (0, date(2026, 9, 9), Discount.NONE),
        (2000, None, Discount.NONE),
    ],
)
def test_a_discount_is_lost_by_one_day(rest: int, paid_on: date | None, expected: Discount) -> None:
    """1,000.00 of 1 September, 2 % within 8 days: 980.00 received."""
    assert discount(rest, 2000, date(2026, 9, 9), paid_on) is expected


@pytest.mark.practice("P0-21", "P4-32")
def test_the_rest_is_settled_in_time_and_owed_and_flagged_one_day_late() -> None:
    line = case(
        due_on=date(2026, 10, 1),
        amount=100000,
        balance=2000,
        discount=2000,
        discount_until=date(2026, 9, 9),
    )
    in_time = line._replace(received=(paid(98000, date(2026, 9, 9)),))
    assert "discount taken in time" in told(plan_of(in_time), Reason.COVERED_BY_CREDIT)
    assert not alerts(snapshot(in_time), STANDARD, TODAY)
    late = line._replace(received=(paid(98000, date(2026, 9, 10)),))
    (reminder,) = plan_of(late).reminders
    assert reminder.claim == 2000
    (alert,) = alerts(snapshot(late), STANDARD, TODAY)
    assert (alert.code, alert.invoice) == ("discount_late", "F1")
    assert "20.00 EUR still owed" in alert.words


# --- alerts -------------------------------------------------------------------------------------


def seen(line: Case, *on_customer: Decision, **more: object) -> tuple[Alert, ...]:
    marked = replace(line.account, decisions=on_customer, **more)
    return alerts(snapshot(line._replace(account=marked)), STANDARD, TODAY)


def codes(line: Case, *on_customer: Decision, **more: object) -> list[str]:
    return [alert.code for alert in seen(line, *on_customer, **more)]


def mark(what: Mark, since: date = TODAY, **more: object) -> Decision:
    return Decision(**({"mark": what, "since": since} | more))


@pytest.mark.practice("P0-40")
def test_a_dispute_older_than_ten_days_is_told_with_its_owner() -> None:
    ten = case(decisions=(mark(Mark.DISPUTED, TODAY - 10 * D, owner="Paul"),))
    assert codes(ten) == []
    eleven = case(decisions=(mark(Mark.DISPUTED, TODAY - 11 * D, owner="Paul"),))
    (alert,) = seen(eleven)
    assert (alert.code, alert.owner, alert.since) == ("old_dispute", "Paul", TODAY - 11 * D)
    assert alert.to_json()["customer"] == {"id": "c1", "name": "c1"}


@pytest.mark.practice("P0-11")
def test_exposure_above_the_limit_is_told_once_and_cleared_when_below() -> None:
    debtor = account(customer={"credit_limit": 15000})
    both = [case("F1", account=debtor), case("F2", account=debtor)]
    (alert,) = alerts(snapshot(*both), STANDARD, TODAY)
    assert alert.code == "credit_limit"
    assert "owes 200.00 EUR, the credit limit is 150.00 EUR" in alert.words
    assert not alerts(snapshot(both[0]), STANDARD, TODAY)
    dollars = both[1]._replace(currency="USD")
    assert not alerts(snapshot(both[0], dollars), STANDARD, TODAY)  # currencies never add up
    raised = replace(debtor, decisions=(mark(Mark.CREDIT_LIMIT, amount=20000),))
    assert not alerts(snapshot(*(c._replace(account=raised) for c in both)), STANDARD, TODAY)
    none = replace(debtor, decisions=(mark(Mark.CREDIT_LIMIT, amount=0),))
    assert alerts(snapshot(both[0]._replace(account=none)), STANDARD, TODAY)


@pytest.mark.practice("P0-05", "P2-04")
def test_a_customer_who_cannot_be_written_to_is_a_task() -> None:
    nobody = case(account=account(customer={"contacts": ()}))
    assert codes(nobody) == ["correct_contact_data"]
    came_back = case(account=account(bounced=frozenset({"compta@c1.example"})))
    (alert,) = alerts(snapshot(came_back), STANDARD, TODAY)
    assert "compta@c1.example came back" in alert.words


@pytest.mark.practice("P2-32")
def test_an_invoice_without_a_due_date_is_a_task() -> None:
    assert codes(case(due_on=None)) == ["no_due_date"]


@pytest.mark.practice("P2-55")
def test_a_promise_or_an_instalment_that_passed_unpaid_is_told() -> None:
    (alert,) = seen(case(decisions=(promise(MONDAY),)))
    assert (alert.code, alert.since) == ("promise_broken", MONDAY)
    assert codes(case(decisions=PARTS, received=(paid(4000, MONDAY),))) == [
        "instalment_missed",
        "propose_in_difficulty",
    ]


@pytest.mark.practice("P4-39")
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"behaviour": "late"}, True),
        ({"behaviour": "loyal"}, False),
        ({"debit_refused": True}, True),
        ({"behaviour": "late", "decisions": (mark(Mark.SUPPLY_STOP),)}, False),
        (
            {"behaviour": "late", "decisions": (mark(Mark.PLAN, until=TODAY + 9 * D),)},
            False,
        ),
        ({"decisions": (promise(date(2026, 10, 1)), promise(date(2026, 11, 1)))}, True),
        ({"decisions": (promise(date(2026, 11, 1)),)}, False),
    ],
)
def test_supply_is_advised_to_stop_for_a_bad_payer_who_is_late(
    more: dict[str, object], expected: bool
) -> None:
    early = TODAY - 90 * D
    decisions = tuple(replace(d, since=min(d.since, early)) for d in more.pop("decisions", ()))  # type: ignore[attr-defined]
    debtor: Account = account(**more, decisions=decisions)
    late = case(account=debtor)
    assert ("supply_stop" in {a.code for a in alerts(snapshot(late), STANDARD, TODAY)}) == expected
    current = case(late=-5, account=debtor)
    assert "supply_stop" not in {a.code for a in alerts(snapshot(current), STANDARD, TODAY)}


@pytest.mark.practice("P1-23")
@pytest.mark.parametrize(
    ("more", "signal"),
    [
        ({"signals": ("changed",)}, "pays later than usual"),
        ({"decisions": (mark(Mark.CAUSE, code=Cause.CASH_DIFFICULTY),)}, "difficulty declared"),
        ({"decisions": (mark(Mark.PLAN, until=TODAY + 9 * D),)}, "a payment plan was asked for"),
        ({"decisions": (mark(Mark.CAUSE, code=Cause.LOST_INVOICE),)}, ""),
        ({}, ""),
    ],
)
def test_each_sign_alone_proposes_in_difficulty_and_is_named(
    more: dict[str, object], signal: str
) -> None:
    found = alerts(snapshot(case(account=account(**more))), STANDARD, TODAY)
    proposed = [alert.words for alert in found if alert.code == "propose_in_difficulty"]
    assert len(proposed) == bool(signal)
    assert all(signal in words for words in proposed)


@pytest.mark.practice("P0-01")
def test_in_difficulty_pauses_the_steps_and_is_a_task_for_who_sees_to_it() -> None:
    made = mark(Mark.IN_DIFFICULTY, owner="Anne")
    line = case(account=account(decisions=(made,)))
    assert reasons(plan_of(line)) == {Reason.IN_DIFFICULTY: None}
    (alert,) = alerts(snapshot(line), STANDARD, TODAY)
    assert (alert.code, alert.owner) == ("in_difficulty", "Anne")
