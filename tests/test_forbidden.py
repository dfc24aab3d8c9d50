"""When a reminder must not be sent: one example for each rule of the field, and its counterpart.

Each row is a line that would be written about but for one fact, and the same without the fact.
"""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from connector.dunning.decide import decide
from connector.dunning.plan import Plan, Reason
from connector.dunning.snapshot import Case, Channel, Credit, HadState, Money, Pending
from connector.receivables.records import Contact, CustomerKind, Decision, Mark
from tests.facts import STANDARD, TODAY, account, case, day, had, snapshot

D = timedelta(days=1)


def plan_of(*cases: Case, today: date = TODAY, **more: object) -> Plan:
    facts = {"first_pull_on": date(2020, 1, 1)} | more  # no line is a backlog of the first day
    return decide(snapshot(*cases, **facts), STANDARD, today)


def mark(what: Mark, **more: object) -> Decision:
    return Decision(**({"mark": what, "since": TODAY - 3 * D} | more))


def marked(what: Mark, **more: object) -> Case:
    return case(decisions=(mark(what, **more),))


def of(**more: object) -> Case:
    """A line whose customer is told about."""
    return case(account=account(**more))


def credit(amount: int) -> Credit:
    return Credit(id="A1", number="A1", currency="EUR", amount=amount)


def money(amount: int) -> Money:
    return Money(id="P1", currency="EUR", paid_on=TODAY - 2 * D, amount=amount)


NOBODY = {"contacts": (Contact(id="1", email="noreply@c1.example"),)}

# code of the rule, the line it forbids, the reason given, the same line when it forbids nothing
ROWS = [
    ("below_minimum", case(balance=1499), Reason.BELOW_MINIMUM, case(balance=1500)),
    ("rounding_residue", case(balance=5), Reason.BELOW_MINIMUM, case()),
    ("not_due", case(late=0), Reason.NOT_DUE, case(late=3)),
    ("too_young", case(issued_on=TODAY - 6 * D), Reason.TOO_YOUNG, case(issued_on=TODAY - 7 * D)),
    ("made available", case(sent_on=TODAY - 6 * D), Reason.TOO_YOUNG, case(sent_on=TODAY - 7 * D)),
    ("no_due_date", case(due_on=None), Reason.NO_DUE_DATE, case()),
    (
        "payment_in_transit",
        case(transit_on=date(2026, 11, 13)),
        Reason.PAYMENT_IN_TRANSIT,
        case(transit_on=date(2026, 11, 12)),  # five business days later was the 19th
    ),
    (
        "payment on its way for nothing in particular",
        of(pending_money=(money(5000),)),
        Reason.PAYMENT_IN_TRANSIT,
        of(pending_money=(replace(money(5000), currency="USD"),)),
    ),
    (
        "unallocated_receipt",
        of(money=(money(1001),)),
        Reason.UNALLOCATED_MONEY,
        of(money=(money(900),)),
    ),
    ("equal to an open amount", of(money=(money(10000),)), Reason.UNALLOCATED_MONEY, case()),
    ("credit_note_pending", marked(Mark.HOLD, because="credit note to come"), Reason.HELD, case()),
    ("disputed", marked(Mark.DISPUTED), Reason.DISPUTED, marked(Mark.DISPUTED, amount=4000)),
    ("refused_or_rejected", marked(Mark.DISPUTED, because="210"), Reason.DISPUTED, case()),
    (
        "promise_open",
        marked(Mark.PROMISED, until=date(2026, 11, 18)),
        Reason.PROMISED,
        marked(Mark.PROMISED, until=date(2026, 11, 17)),
    ),
    (
        "plan_kept",
        marked(Mark.PLAN, until=TODAY),
        Reason.PLAN_KEPT,
        marked(Mark.PLAN, until=TODAY - D),
    ),
    ("bill_of_exchange", marked(Mark.BILL, until=TODAY), Reason.BILL_OR_RETENTION, case()),
    ("retention", marked(Mark.RETENTION), Reason.BILL_OR_RETENTION, case()),
    ("insolvency", of(decisions=(mark(Mark.INSOLVENT),)), Reason.INSOLVENT, case()),
    ("legal_stage", marked(Mark.HANDED_OVER, owner="Agence"), Reason.HANDED_OVER, case()),
    ("factored", marked(Mark.FACTORED), Reason.FACTORED, case()),
    (
        "prescribed",
        case(due_on=date(2022, 1, 18), issued_on=date(2022, 1, 1)),  # 59 days before its last day
        Reason.PRESCRIBED,
        case(due_on=date(2022, 1, 19), issued_on=date(2022, 1, 1)),
    ),
    ("doubtful", marked(Mark.WRITTEN_OFF), Reason.WRITTEN_OFF, case()),
    ("excluded_customer", of(decisions=(mark(Mark.EXCLUDED),)), Reason.EXCLUDED, case()),
    ("excluded_invoice", marked(Mark.EXCLUDED), Reason.EXCLUDED, case()),
    ("paused", marked(Mark.HOLD, until=TODAY), Reason.HELD, marked(Mark.HOLD, until=TODAY - D)),
    (
        "related_party",
        of(decisions=(mark(Mark.EXCLUDED, because="group company"),)),
        Reason.EXCLUDED,
        case(),
    ),
    (
        "recently_contacted",
        of(last_message_on=TODAY - 4 * D),
        Reason.GAP,
        of(last_message_on=TODAY - 5 * D),
    ),
    ("reply_unread", of(decisions=(mark(Mark.REPLY),)), Reason.REPLY_UNREAD, case()),
    ("bounced", of(bounced=frozenset({"compta@c1.example"})), Reason.ADDRESS_BOUNCED, case()),
    ("no_address", of(customer=NOBODY), Reason.NO_ADDRESS, case()),
    ("wrong_channel", marked(Mark.HOLD, because="wants it in the portal"), Reason.HELD, case()),
    (
        "consumer_period",
        case(late=40, had=(had("friendly", days_ago=14, wait_until=TODAY),)),
        Reason.LEGAL_WAIT,
        case(late=40, had=(had("friendly", days_ago=14, wait_until=TODAY - D),)),
    ),
    (
        "credit_balance",
        of(credits=(credit(10000),)),
        Reason.COVERED_BY_CREDIT,
        of(credits=(credit(100),)),
    ),
    ("deceased", of(decisions=(mark(Mark.EXCLUDED, because="deceased"),)), Reason.EXCLUDED, case()),
    (
        "objection_law",
        of(decisions=(mark(Mark.EXCLUDED, because="lawyer"),)),
        Reason.EXCLUDED,
        case(),
    ),
    ("supply_issue", marked(Mark.NOT_DELIVERED), Reason.NOT_DELIVERED, case()),
    ("already_planned", case(pending=Pending.QUEUED), Reason.IN_QUEUE, case()),
    ("in_difficulty", of(decisions=(mark(Mark.IN_DIFFICULTY),)), Reason.IN_DIFFICULTY, case()),
    ("direct_debit", of(customer={"mandate": True}), Reason.DIRECT_DEBIT, case()),
]


@pytest.mark.practice("P0-35", "P1-40", "P3-01", "P3-14")
@pytest.mark.parametrize(("code", "line", "reason", "other"), ROWS, ids=[row[0] for row in ROWS])
def test_a_rule_forbids_and_without_its_fact_the_reminder_goes(
    code: str, line: Case, reason: Reason, other: Case
) -> None:
    """With the fact no reminder at all, and this reason told; without it one reminder."""
    plan = plan_of(line, today=TODAY)
    assert not plan.reminders
    (silence,) = plan.silences
    (quiet,) = [quiet for quiet in silence.reasons if quiet.reason is reason]
    assert quiet.because
    assert len(plan_of(other).reminders) == 1


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"day": day(stale="payments read three days ago")}, Reason.STALE_DATA),
        ({"day": day(native_reminders=True)}, Reason.NATIVE_REMINDERS),
        ({"today": date(2026, 11, 21)}, Reason.CLOSED_DAY),
        ({"today": date(2026, 11, 11)}, Reason.CLOSED_DAY),  # Armistice
        ({"sent_today": 200}, Reason.CAP_REACHED),
    ],
    ids=["mirror_stale", "native", "saturday", "holiday", "safety_cap"],
)
def test_the_day_forbids_all(more: dict[str, object], reason: Reason) -> None:
    plan = plan_of(case(due_on=date(2026, 10, 30)), **more)  # type: ignore[arg-type]
    assert not plan.reminders
    assert reason in {quiet.reason for silence in plan.silences for quiet in silence.reasons}


def test_a_slow_period_holds_firm_steps_alone() -> None:
    august, friendly = date(2026, 8, 5), had("friendly", days_ago=120)
    firm = case(due_on=date(2026, 7, 1), had=(friendly,))
    assert not plan_of(firm, today=august).reminders
    assert plan_of(case(due_on=date(2026, 7, 20)), today=august).reminders


def test_a_consumer_claim_is_prescribed_sooner() -> None:
    old = date(2024, 6, 3)
    private = {"kind": CustomerKind.CONSUMER}
    line = case(due_on=old, issued_on=old - 30 * D, account=account(customer=private))
    plan = plan_of(line)
    assert Reason.PRESCRIBED in {q.reason for s in plan.silences for q in s.reasons}
    assert plan_of(line._replace(account=account())).reminders


def test_what_needs_approval_is_a_proposal_and_never_goes_by_itself() -> None:
    done = (had("friendly", days_ago=40), had("firm", days_ago=25))
    debtor = account(customer={"address": "1 rue de la Paix"})
    (reminder,) = plan_of(case(late=45, had=done, account=debtor)).reminders
    assert (reminder.step, reminder.needs_approval) == ("formal_notice", True)


@pytest.mark.parametrize("late", [45, 400])
def test_a_missing_step_is_sent_first_whatever_the_age(late: int) -> None:
    assert [r.step for r in plan_of(case(late=late)).reminders] == ["friendly"]
    came_back = had("friendly", days_ago=20, state=HadState.BOUNCED)
    (again,) = plan_of(case(late=late, had=(came_back,))).reminders
    assert (again.step, again.lines[0].nth) == ("friendly", 2)


def test_nobody_whose_credits_exceed_their_debt_is_written_to() -> None:
    debtor = account(credits=(credit(20001),))
    plan = plan_of(case("F1", account=debtor), case("F2", account=debtor))
    assert not plan.reminders
    assert {q.reason for s in plan.silences for q in s.reasons} == {Reason.COVERED_BY_CREDIT}


def test_a_channel_that_nothing_carries_is_no_route() -> None:
    plan = plan_of(case(), day=day(routes={Channel.NOTE: "note"}))
    assert Reason.NO_ROUTE in {q.reason for s in plan.silences for q in s.reasons}


def test_an_address_that_no_mail_server_must_take_is_no_route() -> None:
    strange, plain = (
        Contact(id="1", email="anaïs@c1.example"),
        Contact(id="2", email="a@c1.example"),
    )
    plan = plan_of(of(customer={"contacts": (strange,)}))
    (quiet,) = [q for s in plan.silences for q in s.reasons]
    assert (quiet.reason, "anaïs@c1.example" in quiet.because) == (Reason.NO_ROUTE, True)
    (reminder,) = plan_of(of(customer={"contacts": (strange, plain)})).reminders
    assert reminder.to == ("a@c1.example",)
    (reminder,) = plan_of(
        of(customer={"contacts": (Contact(id="1", email="a@élan.example"),)})
    ).reminders
    assert reminder.to == ("a@élan.example",)  # a name of a domain has a form in ASCII
