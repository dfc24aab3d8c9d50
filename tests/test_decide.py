"""The decision: one verdict a line, each rule alone, and properties over random ledgers."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.dunning.decide import Wanted, decide, look
from connector.dunning.plan import Plan, Reason, Reminder, Silence
from connector.dunning.policy import SIDE
from connector.dunning.policy_file import Policies
from connector.dunning.snapshot import (
    Case,
    Channel,
    Credit,
    Had,
    HadState,
    Money,
    Pending,
    Rung,
    Snapshot,
    Stage,
)
from connector.receivables.records import Contact, CustomerKind, Decision, Mark
from tests.facts import STANDARD, TODAY, account, case, day, had, policies, snapshot

D = timedelta(days=1)


def plan_of(*cases: Case, today: date = TODAY, **more: object) -> Plan:
    return decide(snapshot(*cases, **more), STANDARD, today)


def only_reminder(plan: Plan) -> Reminder:
    assert len(plan.reminders) == 1, plan.silences
    return plan.reminders[0]


def reasons(plan: Plan, number: str = "F1") -> dict[Reason, date | None]:
    (silence,) = [s for s in plan.silences if s.invoice == number]
    return {quiet.reason: quiet.until for quiet in silence.reasons}


def silence(plan: Plan, number: str = "F1") -> Silence:
    (found,) = [s for s in plan.silences if s.invoice == number]
    return found


# --- which step ---------------------------------------------------------------------------------


@pytest.mark.practice("P0-24", "P2-33")
def test_an_old_line_starts_with_the_friendly_step() -> None:
    reminder = only_reminder(plan_of(case(late=200)))
    assert (reminder.step, reminder.channel, reminder.claim) == ("friendly", Channel.EMAIL, 10000)


@pytest.mark.practice("P0-32", "P2-33")
def test_after_the_friendly_step_comes_the_firm_one() -> None:
    reminder = only_reminder(plan_of(case(late=20, had=(had("friendly", days_ago=12),))))
    assert reminder.step == "firm"
    assert reminder.deadline_on == date(2026, 11, 30)  # 28 November is a Saturday


@pytest.mark.practice("P3-14")
def test_the_next_step_waits_for_the_gap_after_the_last() -> None:
    plan = plan_of(case(late=20, had=(had("friendly", days_ago=3), had("friendly", "c1", 1))))
    assert reasons(plan) == {Reason.STEP_WAITING: date(2026, 11, 22)}
    assert silence(plan).next_on == date(2026, 11, 23)  # a Monday: 22 November is a Sunday


@pytest.mark.practice("P2-55", "P4-36")
def test_the_next_step_waits_for_the_printed_deadline() -> None:
    firm = had("firm", days_ago=6, deadline_on=TODAY + 4 * D)
    done = (had("friendly", days_ago=30), firm, had("firm", "c1", 0))
    plan = plan_of(case(late=60, had=done))
    assert silence(plan).next_on == TODAY + 5 * D


def test_the_gap_and_the_deadline_are_those_of_the_latest_message() -> None:
    call = had("friendly", "c1", days_ago=0)
    both = (had("friendly", days_ago=30), had("firm", days_ago=2), call)
    assert Reason.STEP_WAITING in reasons(plan_of(case(late=60, had=both)))
    first = had("friendly", days_ago=70)
    notice = had("notice", days_ago=10, deadline_on=TODAY + 4 * D, channel=Channel.LETTER)
    plan = plan_of(case(late=90, had=(first, notice)))
    assert silence(plan).next_on == TODAY + 11 * D  # five business days after 24 November


@pytest.mark.practice("P0-33", "P4-24")
def test_the_hand_over_needs_a_notice_had() -> None:
    plan = plan_of(case(late=90, had=(had("notice", state=HadState.PASSED, days_ago=40),)))
    assert Reason.LADDER_FINISHED in reasons(plan)
    notice = had("notice", days_ago=40, deadline_on=TODAY - 20 * D, channel=Channel.LETTER)
    assert only_reminder(plan_of(case(late=90, had=(notice,)))).step == "handover"


@pytest.mark.practice("P4-14")
def test_a_call_is_due_between_two_messages() -> None:
    reminder = only_reminder(plan_of(case(late=10, had=(had("friendly", days_ago=7),))))
    assert (reminder.step, reminder.channel, reminder.route) == ("call", Channel.CALL, "note")
    after = (had("friendly", days_ago=7), had("friendly", "c1", days_ago=0, channel=Channel.CALL))
    assert Reason.STEP_WAITING in reasons(plan_of(case(late=10, had=after)))


def test_a_call_is_passed_once_the_message_above_it_is_due() -> None:
    reminder = only_reminder(plan_of(case(late=15, had=(had("friendly", days_ago=12),))))
    assert reminder.step == "firm"


@pytest.mark.practice("P0-37", "P3-12")
def test_a_reminder_before_the_due_date_is_for_late_payers_or_large_amounts() -> None:
    small = case(due_on=TODAY + 7 * D, issued_on=TODAY - 23 * D)
    assert Reason.NOT_DUE in reasons(plan_of(small))
    assert only_reminder(plan_of(small._replace(balance=50000))).step == "before_due"
    late = small._replace(account=account(behaviour="late"))
    assert only_reminder(plan_of(late)).step == "before_due"


def test_a_reminder_before_the_due_date_lapses_two_days_before_it() -> None:
    big = case(due_on=TODAY + 7 * D, issued_on=TODAY - 23 * D, balance=50000)
    due = big.due_on
    assert due
    assert only_reminder(plan_of(big, today=due - 4 * D)).step == "before_due"
    assert Reason.NOT_DUE in reasons(plan_of(big, today=due - 1 * D))


def test_another_policy_never_goes_back_a_stage() -> None:
    line = case(late=40, had=(had("firm", days_ago=8),))
    gentle = line._replace(policy="gentle")
    plan = plan_of(gentle)
    assert {r.step for r in plan.reminders} <= {"call", "formal_notice"}


def test_a_restarted_ladder_raises_the_sending() -> None:
    before = had("friendly", days_ago=30, state=HadState.RESTARTED)
    reminder = only_reminder(plan_of(case(late=40, had=(before,))))
    assert (reminder.step, reminder.lines[0].nth) == ("friendly", 2)


def test_a_bounced_step_was_not_had() -> None:
    came_back = had("friendly", days_ago=3, state=HadState.BOUNCED)
    assert only_reminder(plan_of(case(late=10, had=(came_back,)))).lines[0].nth == 2


def test_a_rejected_step_is_passed_and_starts_no_gap() -> None:
    passed = had("friendly", days_ago=0, state=HadState.PASSED)
    assert only_reminder(plan_of(case(late=20, had=(passed,)))).step == "firm"


def test_a_reopened_line_waits_one_gap() -> None:
    plan = plan_of(case(late=20, reopened_on=TODAY - 2 * D, had=(had("friendly", days_ago=17),)))
    assert silence(plan).next_on == date(2026, 11, 23)


REPEATING = """
name = "again"
country = "FR"
[[step]]
name = "friendly"
stage = "friendly"
when = "after due"
days = 3
channel = "email"
repeat = { every_days = 10, times = 3 }
[[step]]
name = "firm"
stage = "firm"
when = "after due"
days = 60
channel = "email"
"""


def test_a_step_repeats_until_a_higher_one_is_due() -> None:
    again = policies(REPEATING)

    def step(late: int, *steps: Had) -> tuple[str, int] | None:
        plan = decide(snapshot(case(late=late, had=steps)), again, TODAY)
        return next(((r.step, r.lines[0].nth) for r in plan.reminders), None)

    first, second = had("friendly", days_ago=20), had("friendly", days_ago=10, nth=2)
    assert step(25, first) == ("friendly", 2)
    assert step(25, had("friendly", days_ago=9)) is None
    assert step(35, first, second) == ("friendly", 3)
    assert step(45, first, second, had("friendly", days_ago=10, nth=3)) is None
    assert step(62, first) == ("firm", 1)


# --- silence, rule by rule ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        (Mark.HOLD, Reason.HELD),
        (Mark.EXCLUDED, Reason.EXCLUDED),
        (Mark.DISPUTED, Reason.DISPUTED),
        (Mark.PLAN, Reason.PLAN_KEPT),
        (Mark.INSOLVENT, Reason.INSOLVENT),
        (Mark.HANDED_OVER, Reason.HANDED_OVER),
        (Mark.WRITTEN_OFF, Reason.WRITTEN_OFF),
        (Mark.NOT_DELIVERED, Reason.NOT_DELIVERED),
        (Mark.IN_DIFFICULTY, Reason.IN_DIFFICULTY),
        (Mark.BILL, Reason.BILL_OR_RETENTION),
        (Mark.RETENTION, Reason.BILL_OR_RETENTION),
        (Mark.FACTORED, Reason.FACTORED),
    ],
)
@pytest.mark.parametrize("on_customer", [False, True])
@pytest.mark.practice("P0-01", "P0-35", "P1-04", "P1-40", "P2-19", "P3-01")
def test_a_mark_silences_until_its_last_day(mark: Mark, reason: Reason, on_customer: bool) -> None:
    decision = Decision(mark=mark, since=TODAY - 5 * D, until=TODAY + 3 * D)

    def marked(decision: Decision) -> Plan:
        if on_customer:
            return plan_of(case(account=account(decisions=(decision,))))
        return plan_of(case(decisions=(decision,)))

    assert reasons(marked(decision)) == {reason: TODAY + 3 * D}
    assert reasons(marked(replace(decision, until=None))) == {reason: None}
    assert marked(replace(decision, until=TODAY - D)).reminders


@pytest.mark.practice("P1-24")
def test_a_promise_is_kept_quiet_until_two_business_days_after_it() -> None:
    promise = Decision(mark=Mark.PROMISED, since=TODAY - 5 * D, until=TODAY - D)  # a Thursday
    plan = plan_of(case(decisions=(promise,)))
    assert reasons(plan) == {Reason.PROMISED: date(2026, 11, 23)}
    assert plan_of(case(decisions=(promise,)), today=date(2026, 11, 24)).reminders


@pytest.mark.practice("P1-18")
def test_of_a_partial_dispute_the_rest_is_claimed() -> None:
    part = Decision(mark=Mark.DISPUTED, since=TODAY, amount=4000)
    assert only_reminder(plan_of(case(decisions=(part,)))).claim == 6000


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (case(due_on=None), Reason.NO_DUE_DATE),
        (case(late=0), Reason.NOT_DUE),
        (case(issued_on=TODAY - 3 * D), Reason.TOO_YOUNG),
        (case(sent_on=TODAY - 3 * D), Reason.TOO_YOUNG),
        (case(late=2), Reason.STEP_WAITING),
        (case(pending=Pending.QUEUED), Reason.IN_QUEUE),
        (case(pending=Pending.PROPOSED), Reason.WAITING_FOR_APPROVAL),
        (case(pending=Pending.UNKNOWN), Reason.DELIVERY_UNKNOWN),
        (case(pending=Pending.FAILED), Reason.DELIVERY_FAILED),
        (case(mismatch="lines add up to 1.00, the invoice says 2.00"), Reason.BALANCE_MISMATCH),
        (case(transit_on=TODAY - 2 * D), Reason.PAYMENT_IN_TRANSIT),
        (case(account=account(customer={"mandate": True})), Reason.DIRECT_DEBIT),
        (case(late=5 * 366), Reason.PRESCRIBED),
        (case(account=account(customer={"contacts": ()})), Reason.NO_ADDRESS),
        (case(account=account(customer={"language": "it"})), Reason.NO_TEMPLATE),
        (case(balance=1499), Reason.BELOW_MINIMUM),
        (case(account=account(last_message_on=TODAY - 4 * D)), Reason.GAP),
        (case(account=account(bounced=frozenset({"compta@c1.example"}))), Reason.ADDRESS_BOUNCED),
        (
            case(account=account(decisions=(Decision(mark=Mark.REPLY, since=TODAY),))),
            Reason.REPLY_UNREAD,
        ),
        (
            case(
                account=account(money=(Money(id="P1", currency="EUR", paid_on=TODAY, amount=2000),))
            ),
            Reason.UNALLOCATED_MONEY,
        ),
        (
            case(
                account=account(credits=(Credit(id="A", number="A", currency="EUR", amount=10000),))
            ),
            Reason.COVERED_BY_CREDIT,
        ),
        (
            case(had=(had("friendly", legal="be-consumer-first", wait_until=TODAY + D),), late=30),
            Reason.LEGAL_WAIT,
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, Reason) else "",
)
@pytest.mark.practice("P0-19", "P2-01", "P2-32", "P3-02", "P3-03")
def test_a_situation_silences(line: Case, expected: Reason) -> None:
    assert expected in reasons(plan_of(line))


def test_a_refused_debit_lifts_the_mandate() -> None:
    debtor = account(customer={"mandate": True}, debit_refused=True)
    assert plan_of(case(account=debtor)).reminders


def test_the_backlog_of_the_first_day_is_left_to_people() -> None:
    old = case(late=400)
    assert reasons(plan_of(old, first_pull_on=TODAY)) == {Reason.BACKLOG: None}
    assert plan_of(old).reminders


def test_the_day_silences_everybody() -> None:
    saturday = TODAY + D
    assert reasons(plan_of(case(late=9), today=saturday)) == {Reason.CLOSED_DAY: TODAY + 2 * D}
    stale = plan_of(case(), day=day(stale="too old"))
    assert reasons(stale) == {Reason.STALE_DATA: TODAY}
    native = plan_of(case(), day=day(native_reminders=True))
    assert reasons(native) == {Reason.NATIVE_REMINDERS: None}
    assert Reason.NO_ROUTE in reasons(plan_of(case(), day=day(routes={})))


def test_a_holiday_of_the_customer_closes_the_day_too() -> None:
    belgian = case(account=account(customer={"country": "BE"}), due_on=date(2026, 7, 1))
    assert Reason.CLOSED_DAY in reasons(plan_of(belgian, today=date(2026, 7, 21)))
    french = case(due_on=date(2026, 7, 1))
    assert plan_of(french, today=date(2026, 7, 21)).reminders


def test_in_a_quiet_period_the_friendly_step_goes_and_the_firm_one_waits() -> None:
    august = date(2026, 8, 5)
    assert plan_of(case(due_on=date(2026, 7, 20)), today=august).reminders
    friendly = Had(rung=Rung(Stage.FRIENDLY, 1), on=date(2026, 7, 10))
    firm = case(due_on=date(2026, 7, 1), had=(friendly,))
    assert reasons(plan_of(firm, today=august)) == {Reason.QUIET_PERIOD: date(2026, 8, 20)}


def test_the_cap_keeps_the_hardest_stage() -> None:
    lines = [case(f"F{i}", account=account(f"c{i}")) for i in range(25)]
    lines.append(case("H", late=20, account=account("h"), had=(had("friendly"),)))
    plan = plan_of(*lines, installed_on=TODAY)
    assert len(plan.reminders) == 20
    assert plan.reminders[0].step == "firm"
    assert all(Reason.CAP_REACHED in {q.reason for q in s.reasons} for s in plan.silences)


# --- messages -----------------------------------------------------------------------------------


@pytest.mark.practice("P1-33")
def test_one_message_lists_all_lines_and_takes_the_highest_step() -> None:
    plan = plan_of(case("A", late=20, had=(had("friendly"),)), case("B", late=5))
    reminder = only_reminder(plan)
    assert reminder.step == "firm"
    assert {line.invoice: line.step for line in reminder.lines} == {"A": "firm", "B": "friendly"}
    assert {line.invoice: line.interest for line in reminder.lines} == {"A": "mention", "B": "off"}


def test_a_credit_lowers_the_claim_of_the_oldest_line() -> None:
    credited = account(credits=(Credit(id="A1", number="A1", currency="EUR", amount=3000),))
    plan = plan_of(case("A", late=20, account=credited), case("B", late=5, account=credited))
    reminder = only_reminder(plan)
    assert reminder.claim == 17000
    assert {line.invoice: line.net for line in reminder.lines} == {"A": 7000, "B": 10000}
    assert [(c.document, c.amount) for c in reminder.credits] == [("A1", 3000)]


def test_a_credit_in_another_currency_changes_nothing() -> None:
    dollars = account(credits=(Credit(id="A1", number="A1", currency="USD", amount=3000),))
    assert only_reminder(plan_of(case(account=dollars))).claim == 10000


def test_two_currencies_are_two_messages_and_one_goes_today() -> None:
    plan = plan_of(case("E", balance=20000), case("D", currency="USD"))
    assert [line.invoice for line in only_reminder(plan).lines] == ["E"]
    assert reasons(plan, "D") == {Reason.GAP: TODAY + 4 * D}


def test_what_waits_for_approval_silences_no_other() -> None:
    plan = plan_of(case("E"), case("D", currency="USD"), day=day(mode="review"))
    assert [r.needs_approval for r in plan.reminders] == [True, True]


def test_other_overdue_lines_are_shown_and_not_claimed() -> None:
    plan = plan_of(case("A", late=20), case("B", late=1), case("C", late=-5))
    reminder = only_reminder(plan)
    assert [line.invoice for line in reminder.also_open] == ["B"]
    assert reminder.claim == 10000


def test_contacts_for_reminders_come_before_others() -> None:
    contacts = (
        Contact(id="1", email="direction@c1.example"),
        Contact(id="2", email="noreply@c1.example", role="reminder"),
        Contact(id="3", email="compta@c1.example", role="accounting"),
    )
    plan = plan_of(case(account=account(customer={"contacts": contacts})))
    assert only_reminder(plan).to == ("compta@c1.example",)
    own = case(account=account(customer={"contacts": contacts}), recipient="ap@c1.example")
    assert only_reminder(plan_of(own)).to == ("ap@c1.example",)


def test_invoices_whose_own_addresses_come_to_one_contact_share_a_message() -> None:
    contact = Contact(id="1", email="compta@c1.example")
    one = account(customer={"contacts": (contact,)})
    plan = plan_of(
        case("A", account=one),
        case("B", account=one, recipient="compta@c1.example"),
        case("C", account=one, recipient="chantier@c1.example"),
    )
    reminder = only_reminder(plan)
    assert reminder.to == ("compta@c1.example",)
    assert [line.invoice for line in reminder.lines] == ["A", "B"]
    assert reasons(plan, "C") == {Reason.GAP: TODAY + 4 * D}  # the same customer, another mailbox


def test_where_reminders_go_by_invoice_each_has_its_own_message_and_its_own_gap() -> None:
    by_invoice = STANDARD.firm.model_copy(update={"group_by": "invoice"})
    lines = [
        case("A"),
        case("B", line_id="1"),
        case("B", line_id="2", line=2, late=8),
        case("C", last_message_on=TODAY - D),
    ]
    plan = decide(snapshot(*lines), Policies(by_invoice, STANDARD.named), TODAY)
    assert {tuple(line.invoice for line in entry.lines) for entry in plan.reminders} == {
        ("A",),
        ("B", "B"),
    }
    assert reasons(plan, "C") == {Reason.GAP: TODAY + 3 * D}


def test_silences_are_told_by_name_of_the_customer_the_oldest_debt_first() -> None:
    zoe = account("c1", customer={"name": "Zoe"}, last_message_on=TODAY)
    abel = account("c2", customer={"name": "Abel"}, last_message_on=TODAY)
    lines = [
        case("A", late=5, account=zoe),
        case("B", late=9, account=zoe),
        case("D", late=5, account=abel),
        case("C", late=9, account=abel),
    ]
    assert [silence.invoice for silence in plan_of(*lines).silences] == ["C", "D", "B", "A"]


def test_a_message_before_the_due_date_stands_alone() -> None:
    late = account(behaviour="late")
    coming, owed = case("A", late=-7, account=late), case("B", account=late)
    plan = plan_of(coming, owed)
    assert [line.invoice for line in only_reminder(plan).lines] == ["B"]
    assert [entry.step for entry in plan_of(coming).reminders] == ["before_due"]


def test_a_consumer_is_not_told_of_companies_interest() -> None:
    line = case(late=20, had=(had("friendly"),))
    assert only_reminder(plan_of(line)).interest
    consumer = account(customer={"kind": CustomerKind.CONSUMER})
    assert only_reminder(plan_of(line._replace(account=consumer))).interest is None


# --- properties ---------------------------------------------------------------------------------

STEPS = [("friendly", "1"), ("friendly", "c1"), ("firm", "1"), ("firm", "c1"), ("notice", "1")]


@st.composite
def lines(draw: st.DrawFn) -> list[Case]:
    made = []
    accounts = [
        account(
            f"c{i}",
            behaviour=draw(st.sampled_from(["", "late", "loyal"])),
            last_message_on=draw(st.none() | st.integers(0, 9).map(lambda n: TODAY - n * D)),
            credits=tuple(
                Credit(id=f"A{i}{k}", number=f"A{i}{k}", currency="EUR", amount=amount)
                for k, amount in enumerate(draw(st.lists(st.integers(1, 30000), max_size=2)))
            ),
        )
        for i in range(3)
    ]
    for i in range(draw(st.integers(1, 8))):
        steps = draw(st.integers(0, len(STEPS)))
        ago = draw(st.integers(0, 20))
        made.append(
            case(
                f"F{i}",
                late=draw(st.integers(-10, 120)),
                account=draw(st.sampled_from(accounts)),
                balance=draw(st.integers(1, 50000)),
                currency=draw(st.sampled_from(["EUR", "EUR", "USD"])),
                policy=draw(st.sampled_from(["", "gentle"])),
                had=tuple(
                    had(stage, n, days_ago=ago + 6 * (steps - k))
                    for k, (stage, n) in enumerate(STEPS[:steps])
                ),
            )
        )
    return made


@settings(max_examples=200, deadline=None)
@given(lines(), st.integers(-5, 20))
@pytest.mark.practice("P0-17", "P3-21")
def test_every_open_line_has_exactly_one_verdict(cases: list[Case], later: int) -> None:
    plan = decide(snapshot(*cases), STANDARD, TODAY + later * D)
    spoken = [line.invoice for r in plan.reminders for line in r.lines]
    silent = [s.invoice for s in plan.silences]
    assert sorted(spoken + silent) == sorted(c.number for c in cases)
    assert all(s.reasons for s in plan.silences)


@settings(max_examples=100, deadline=None)
@given(lines(), st.randoms(use_true_random=False))
@pytest.mark.practice("P1-32", "P4-37")
def test_order_does_not_matter(cases: list[Case], random: object) -> None:
    shuffled = list(cases)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert plan_of(*cases) == plan_of(*shuffled)


@settings(max_examples=200, deadline=None)
@given(lines())
def test_one_message_a_customer_never_for_nothing_and_the_gap_is_kept(cases: list[Case]) -> None:
    plan = plan_of(*cases)
    accounts = {c.account.customer.id: c.account for c in cases}
    messages = [r for r in plan.reminders if r.channel not in SIDE]
    mine = [r for r in messages if not r.needs_approval]
    assert len({r.customer_id for r in mine}) == len(mine)
    for reminder in plan.reminders:
        assert reminder.claim > 0
        assert reminder.claim == sum(line.net for line in reminder.lines)
    for reminder in messages:
        last = accounts[reminder.customer_id].last_message_on
        assert last is None or (TODAY - last).days >= 5


@settings(max_examples=200, deadline=None)
@given(lines())
@pytest.mark.practice("P1-08")
def test_never_back_a_stage_and_never_the_same_twice(cases: list[Case]) -> None:
    by_number = {c.number: c for c in cases}
    for reminder in plan_of(*cases).reminders:
        for line in reminder.lines:
            steps = by_number[line.invoice].had
            assert line.rung not in {h.rung for h in steps}
            top = max((h.rung for h in steps if not h.rung.side), default=None)
            assert top is None or line.rung > top


@settings(max_examples=200, deadline=None)
@given(lines(), st.integers(1, 20000))
def test_more_credit_never_raises_a_claim(cases: list[Case], more: int) -> None:
    extra = Credit(id="X", number="X", currency="EUR", amount=more)

    def richer(c: Case) -> Case:
        return c._replace(account=replace(c.account, credits=(*c.account.credits, extra)))

    before, after = plan_of(*cases), plan_of(*(richer(c) for c in cases))
    was = {line.invoice: line for r in before.reminders for line in r.lines}
    balances = {c.number: c.balance for c in cases}
    for reminder in after.reminders:
        for line in reminder.lines:
            # A line may speak where a harder one, now covered, spoke for its customer before.
            assert line.net <= (
                was[line.invoice].net if line.invoice in was else balances[line.invoice]
            )
            assert line.invoice not in was or line.rung == was[line.invoice].rung


@settings(max_examples=150, deadline=None)
@given(lines())
def test_deciding_again_after_sending_asks_for_nothing(cases: list[Case]) -> None:
    plan = plan_of(*cases)
    sent = {line.invoice: (r, line) for r in plan.reminders for line in r.lines}
    told = {r.customer_id for r in plan.reminders if r.channel not in SIDE}

    def after(c: Case) -> Case:
        customer = c.account
        if customer.customer.id in told:
            customer = replace(customer, last_message_on=TODAY)
        steps = c.had
        if c.number in sent:
            reminder, line = sent[c.number]
            steps = (*steps, Had(rung=line.rung, on=TODAY, channel=reminder.channel))
        return c._replace(account=customer, had=steps)

    again = plan_of(*(after(c) for c in cases))
    assert not [r for r in again.reminders if {line.invoice for line in r.lines} & sent.keys()]


@settings(max_examples=100, deadline=None)
@given(st.integers(5, 60))
def test_after_an_outage_comes_one_step_not_many(days: int) -> None:
    line, sent = case(late=4), []
    for _ in range(2):  # the day the program comes back, and the day after
        today = TODAY + days * D + len(sent) * D
        plan = plan_of(line, today=today)
        for reminder in plan.reminders:
            sent.append(reminder.step)
            line = line._replace(had=(*line.had, Had(rung=reminder.rung, on=today)))
    assert len(sent) <= 1
    assert sent in ([], ["friendly"])


# --- the look -----------------------------------------------------------------------------------


def wanted_of(plan: Plan) -> Wanted:
    reminder = only_reminder(plan)
    return Wanted(
        to=reminder.to,
        currency=reminder.currency,
        claim=reminder.claim,
        lines={(line.invoice_id, line.line_id): (line.rung, line.nth) for line in reminder.lines},
    )


def seen(wanted: Wanted, facts: Snapshot, today: date = TODAY) -> tuple[bool, str]:
    result = look(facts, STANDARD, today, wanted)
    return bool(result.wait), result.withdraw


def test_the_look_lets_an_unchanged_message_go() -> None:
    assert seen(wanted_of(plan_of(case())), snapshot(case())) == (False, "")


def test_the_look_ignores_another_line_that_became_due() -> None:
    assert seen(wanted_of(plan_of(case())), snapshot(case(), case("F2"))) == (False, "")


@pytest.mark.parametrize(
    "change",
    [
        {"balance": 9000},
        {"decisions": (Decision(mark=Mark.HOLD, since=TODAY),)},
        {"due_on": TODAY + 5 * D},
        {"account": account(customer={"contacts": (Contact(id="9", email="x@y.example"),)})},
        {"account": account(credits=(Credit(id="A", number="A", currency="EUR", amount=1),))},
        {"account": account(money=(Money(id="P", currency="EUR", paid_on=TODAY, amount=10000),))},
        {"had": (had("friendly", days_ago=0),)},
        {"transit_on": TODAY},
        {"mismatch": "figures disagree"},
    ],
)
def test_the_look_withdraws_what_is_no_longer_true(change: dict[str, object]) -> None:
    wanted = wanted_of(plan_of(case()))
    waits, withdrawn = seen(wanted, snapshot(case(**change)))
    assert withdrawn
    assert not waits


def test_the_look_withdraws_a_settled_line() -> None:
    assert seen(wanted_of(plan_of(case())), snapshot())[1]


def test_the_look_only_delays_for_the_gap_and_the_day() -> None:
    wanted = wanted_of(plan_of(case()))
    recent = case(account=account(last_message_on=TODAY - D))
    assert seen(wanted, snapshot(recent)) == (True, "")
    assert seen(wanted, snapshot(case()), TODAY + D) == (True, "")
    assert seen(wanted, snapshot(case(), day=day(stale="old"))) == (True, "")


# --- days ---------------------------------------------------------------------------------------


def test_a_moved_due_date_moves_everything() -> None:
    moved = case(due_on=TODAY + 10 * D, had=(had("friendly", days_ago=30),))
    plan = plan_of(moved)
    assert Reason.NOT_DUE in reasons(plan)
    # Fifteen days after the new date, and not back at the friendly step.
    assert silence(plan).next_on == TODAY + 18 * D  # the call; the firm step comes after it
    later = plan_of(moved, today=date(2026, 12, 15))
    assert only_reminder(later).step == "firm"


@settings(max_examples=100, deadline=None)
@given(st.integers(-60, 60), st.integers(0, 40))
def test_a_later_due_date_never_brings_a_step_forward(shift: int, late: int) -> None:
    def first_on(line: Case) -> date:
        for ahead in range(200):
            if plan_of(line, today=TODAY + ahead * D).reminders:
                return TODAY + ahead * D
        raise AssertionError("nothing was ever sent")

    line = case(late=late)
    assert line.due_on
    moved = line._replace(due_on=line.due_on + abs(shift) * D)
    assert first_on(moved) >= first_on(line)
