"""The ready-made policies, walked day by day, and the calendar through the whole decision."""

from dataclasses import replace
from datetime import date
from itertools import chain, pairwise

import pytest

from connector.dunning.decide import Wanted, decide, look
from connector.dunning.policy import Policy
from connector.dunning.policy_file import Policies, parse, ready_made
from connector.dunning.snapshot import Channel, HadState, Stage
from connector.receivables import calendar
from connector.receivables.records import Decision, Mark
from tests.facts import case, day, snapshot
from tests.walks import DAY, after, ready, steps, texts, unpaid, walked

DUE = date(2026, 10, 6)  # a Tuesday
PERSONS = (Stage.NOTICE, Stage.HANDOVER)

WALKS = {
    "standard-b2b": "09-29 before_due, 10-09 friendly, 10-14 call, 10-21 firm, 10-28 second_call, "
    "11-05 formal_notice, 11-27 handover",
    "gentle": "09-29 before_due, 10-13 friendly, 10-27 firm, 11-05 call, 11-16 formal_notice, "
    "12-15 handover",
    "strict": "10-02 before_due, 10-08 friendly, 10-14 firm, 10-19 call, 10-21 formal_notice, "
    "11-02 handover",
    "consumer-fr": "10-01 before_due, 10-12 friendly, 10-26 firm, 11-16 formal_notice",
    "consumer-be": "10-09 friendly, 10-26 firm, 11-05 formal_notice",
    "consumer-nl": "10-12 friendly, 10-20 fourteen_day_letter, 11-05 handover",
    "public-fr": "10-13 friendly, 10-21 call, 11-05 firm, 11-20 formal_notice",
    "uk-b2b": "10-01 before_due, 10-09 friendly, 10-20 firm, 10-30 final_demand, "
    "11-10 letter_before_action, 11-25 handover",
    "uk-individual": "10-12 friendly, 10-22 firm, 11-10 letter_of_claim, 12-21 handover",
    "de-b2b": "10-12 friendly, 10-20 firm, 10-30 second_firm, 11-10 formal_notice, 11-20 handover",
    "us-b2b": "10-01 before_due, 10-09 friendly, 10-21 firm, 11-05 second_firm, "
    "11-25 formal_notice",
}


def told(found: list[tuple[str, str]]) -> str:
    return ", ".join(f"{on} {step}" for on, step in found)


@pytest.mark.practice("P0-06", "P3-25", "P4-34")
@pytest.mark.parametrize("name", ready_made())
def test_an_unpaid_invoice_walks_through_each_ready_made_policy(name: str) -> None:
    policy = ready(name)
    assert told(steps(policy, unpaid(policy, DUE))) == WALKS[name]


@pytest.mark.practice("P0-32")
@pytest.mark.parametrize("name", ready_made())
def test_every_printed_deadline_is_an_open_day_and_long_enough(name: str) -> None:
    policy = ready(name)
    for due_on in (DUE, date(2026, 4, 20), date(2026, 11, 19)):
        for on, reminder, line in walked(policy, unpaid(policy, due_on)):
            if reminder.deadline_on:
                step = next(s for s in policy.steps if s.name == reminder.step)
                assert step.deadline
                assert (reminder.deadline_on - on).days >= step.deadline
                places = policy.places(line.account.customer.country)
                assert calendar.is_open(reminder.deadline_on, places)


def test_a_deadline_on_a_holiday_moves_to_the_next_business_day() -> None:
    policy = ready("gentle")
    (firm,) = [
        r for _, r, _ in walked(policy, unpaid(policy, date(2026, 6, 15))) if r.step == "firm"
    ]
    assert firm.deadline_on == date(2026, 7, 15)  # sent on 6 July, and the 14th is a holiday


@pytest.mark.parametrize("name", ready_made())
def test_consumers_and_others_are_left_alone_at_night_and_on_sundays(name: str) -> None:
    policy = ready(name)
    assert policy.hours
    assert 6 not in policy.week
    assert policy.public_holidays
    assert all(hours.start.hour >= 8 and hours.until.hour < 20 for hours in policy.hours)


def test_the_duties_of_each_country_stand_in_its_policy() -> None:
    legal = {n: [s.legal for s in ready(n).steps if s.legal] for n in ready_made()}
    assert {n: duties for n, duties in legal.items() if duties} == {
        "consumer-be": ["be-consumer-first"],
        "consumer-nl": ["nl-14-day-letter"],
        "uk-individual": ["uk-letter-of-claim"],
    }
    for name in ("consumer-fr", "us-b2b"):
        assert {step.charges for step in ready(name).steps} == {"off"}, name
    by_hand = {n for n in ready_made() if ready(n).steps[-1].stage is not Stage.HANDOVER}
    assert by_hand == {"consumer-fr", "consumer-be", "public-fr", "us-b2b"}
    first = ready("consumer-be").steps[0]
    assert (first.interest, first.charges) == ("off", "off")


def test_a_belgian_consumer_has_the_fourteen_days_whatever_the_channel() -> None:
    policy = ready("consumer-be")
    by_letter = tuple(
        s.model_copy(update={"channel": Channel.LETTER}) if s.legal else s for s in policy.steps
    )
    letters = policy.model_copy(update={"steps": by_letter})
    due_on = date(2026, 7, 14)
    assert told(steps(letters, unpaid(policy, due_on), days=40)) == (
        "07-17 friendly, 08-17 firm"  # free from 6 August, quiet until 15 August, a Saturday
    )
    open_in_summer = letters.model_copy(update={"quiet": ()})
    assert told(steps(open_in_summer, unpaid(policy, due_on), days=26)) == (
        "07-17 friendly, 08-06 firm"
    )


# --- standard-b2b, step by step -----------------------------------------------------------------


@pytest.mark.practice("P3-17", "P2-33", "P4-14")
def test_the_cadence_of_the_standard_policy() -> None:
    policy = ready("standard-b2b")
    small = unpaid(policy, DUE, amount=10000, balance=10000)
    assert told(steps(policy, small, days=40)) == (
        "10-09 friendly, 10-14 call, 10-21 firm, 10-28 second_call, 11-05 formal_notice"
    )


@pytest.mark.practice("P2-24")
@pytest.mark.parametrize(
    ("due_on", "expected"), [("2026-10-06", "2026-10-09"), ("2026-05-11", "2026-05-15")]
)
def test_the_first_reminder_comes_within_the_week(due_on: str, expected: str) -> None:
    policy = ready("standard-b2b")
    small = unpaid(policy, date.fromisoformat(due_on), amount=10000, balance=10000)
    first, reminder, _ = next(walked(policy, small))
    assert (first.isoformat(), reminder.step) == (expected, "friendly")


@pytest.mark.practice("P1-08", "P1-09", "P4-35")
def test_each_step_comes_once_and_in_no_other_order() -> None:
    """Whatever a line has had, only the step above it is ever offered, on whichever day.

    A call or a courtesy note may also be passed: then the message above it comes.
    """
    policy = ready("standard-b2b")
    names = [step.name for step in policy.steps]
    seen = list(walked(policy, unpaid(policy, DUE)))
    assert [reminder.step for _, reminder, _ in seen] == names
    policies = Policies(policy, {})
    for index, (_, _, line) in enumerate(seen):
        offered = set()
        for ahead in range(-20, 200):
            facts = snapshot(line, day=day(templates=texts(policy)))
            plan = decide(facts, policies, DUE + ahead * DAY)
            offered |= {reminder.step for reminder in plan.reminders}
        passable = names[index] in ("before_due", "call", "second_call")
        assert offered <= set(names[index : index + 2 if passable else index + 1])
        assert names[index] in offered


@pytest.mark.practice("P1-09")
def test_a_payment_closes_it_before_each_step() -> None:
    policy = ready("standard-b2b")
    policies, written = Policies(policy, {}), day(templates=texts(policy))
    for on, reminder, line in walked(policy, unpaid(policy, DUE)):
        wanted = Wanted(
            to=reminder.to,
            currency="EUR",
            claim=reminder.claim,
            address=reminder.address,
            lines={("F1", "1"): (reminder.rung, reminder.lines[0].nth)},
        )
        assert look(snapshot(line, day=written), policies, on, wanted).withdraw == ""
        assert "settled" in look(snapshot(day=written), policies, on, wanted).withdraw
        transfer = line._replace(balance=line.balance - 100)
        assert look(snapshot(transfer, day=written), policies, on, wanted).withdraw


@pytest.mark.practice("P2-09", "P2-23", "P3-24")
@pytest.mark.parametrize("name", ready_made())
def test_without_any_approval_no_notice_leaves_in_a_year(name: str) -> None:
    policy = ready(name)
    seen = list(walked(policy, unpaid(policy, DUE), days=365, approved=False))
    left = {reminder.rung.stage for _, reminder, _ in seen if not reminder.needs_approval}
    waiting = {reminder.rung.stage for _, reminder, _ in seen if reminder.needs_approval}
    assert left <= {Stage.BEFORE_DUE, Stage.FRIENDLY, Stage.FIRM}
    assert waiting == {Stage.NOTICE}


@pytest.mark.practice("P0-33", "P2-54", "P4-24")
def test_the_hand_over_waits_for_the_deadline_and_five_business_days() -> None:
    policy = ready("standard-b2b")
    policies = Policies(policy, {})
    seen = list(walked(policy, unpaid(policy, DUE), days=200))
    handed = [(on, line) for on, reminder, line in seen if reminder.rung.stage is Stage.HANDOVER]
    ((on, line),) = handed
    notice = line.had[-1]
    assert notice.deadline_on == date(2026, 11, 20)  # 45 days late
    assert on == calendar.after(notice.deadline_on, 5, ("FR",)) == date(2026, 11, 27)

    def offered(today: date, **change: object) -> bool:
        facts = snapshot(line._replace(**change), day=day(templates=texts(policy)))  # type: ignore[arg-type]
        reminders = decide(facts, policies, today).reminders
        return any(r.rung.stage is Stage.HANDOVER for r in reminders)

    assert offered(on)
    assert not offered(on - DAY)
    assert not offered(on, decisions=(Decision(mark=Mark.DISPUTED, since=DUE),))
    rejected = notice._replace(state=HadState.PASSED)
    for had in (line.had[:-1], (*line.had[:-1], rejected)):
        assert not any(offered(on + ahead * DAY, had=had) for ahead in range(60))


@pytest.mark.practice("P1-16")
@pytest.mark.parametrize("name", ready_made())
def test_the_gap_between_two_messages_is_kept_in_every_policy(name: str) -> None:
    policy = ready(name)
    for due_on in (DUE, date(2026, 12, 18), date(2026, 7, 24)):
        seen = walked(policy, unpaid(policy, due_on), days=200)
        sent = [on for on, r, _ in seen if r.channel in (Channel.EMAIL, Channel.LETTER)]
        gaps = [(after - before).days for before, after in pairwise(sent)]
        assert all(policy.gap_days <= gap <= 60 for gap in gaps), gaps


# --- the calendar -------------------------------------------------------------------------------


def plain(country: str, region: str = "", days: int = 30, more: str = "") -> Policy:
    """One friendly step so many days after the due date, on weekdays that are no holidays."""
    return parse(
        f'name = "plain"\ncountry = "{country}"\nregion = "{region}"\ngrace = {{ days = 0 }}\n'
        f'{more}\n[[step]]\nname = "friendly"\nstage = "friendly"\nwhen = "after due"\n'
        f'days = {days}\nchannel = "email"\n',
        "plain.toml",
    )


@pytest.mark.practice("P2-48")
@pytest.mark.parametrize(
    ("country", "region", "day_by_age", "expected"),
    [
        ("FR", "", "2026-07-14", "2026-07-15"),
        ("FR", "", "2026-05-14", "2026-05-15"),
        ("FR", "", "2026-08-15", "2026-08-17"),
        ("BE", "", "2026-07-21", "2026-07-22"),
        ("FR", "", "2026-12-25", "2026-12-28"),
        ("FR", "", "2026-04-03", "2026-04-03"),
        ("FR", "57", "2026-04-03", "2026-04-07"),
        ("DE", "", "2026-10-03", "2026-10-05"),
        ("NL", "", "2026-04-03", "2026-04-07"),
        ("GB", "ENG", "2026-04-03", "2026-04-07"),
        ("US", "", "2026-11-26", "2026-11-27"),
    ],
)
def test_a_step_on_a_closed_day_moves_forward(
    country: str, region: str, day_by_age: str, expected: str
) -> None:
    policy = plain(country, region)
    due_on = date.fromisoformat(day_by_age) - 30 * DAY
    assert steps(policy, unpaid(policy, due_on), days=60) == [(expected[5:], "friendly")]


def test_the_holidays_of_the_customer_count_beside_the_sellers() -> None:
    policy = plain("FR")
    line = unpaid(policy, date(2026, 6, 21))  # thirty days before the Belgian national day
    customer = replace(line.account.customer, country="BE")
    belgian = line._replace(account=replace(line.account, customer=customer))
    assert steps(policy, line, days=60) == [("07-21", "friendly")]
    assert steps(policy, belgian, days=60) == [("07-22", "friendly")]


def test_a_closed_bridge_is_a_window_of_fewer_days() -> None:
    policy = plain("FR", more='windows = [ { days = "tue-thu", from = "09:00", until = "16:30" } ]')
    assert steps(policy, unpaid(policy, date(2026, 10, 7)), days=60) == [("11-10", "friendly")]


@pytest.mark.practice("P0-37", "P3-12", "P4-13")
@pytest.mark.parametrize(
    ("due_on", "begin", "expected"),
    [
        ("2026-11-18", -20, "11-10 before_due"),  # seven days before is a holiday: backward
        ("2026-11-18", -5, "11-13 before_due"),  # that day is past: forward
        ("2026-11-18", -2, "11-16 before_due"),  # the last day it may go
        ("2026-11-18", -1, ""),
        ("2026-11-16", -2, ""),  # two days before is a Saturday: dropped
    ],
)
def test_a_step_before_due_moves_backward_or_lapses(due_on: str, begin: int, expected: str) -> None:
    policy = ready("standard-b2b")
    line = unpaid(policy, date.fromisoformat(due_on))
    assert told(steps(policy, line, begin=begin, days=1)) == expected


@pytest.mark.practice("P0-37")
def test_a_step_before_due_is_for_those_it_is_meant_for() -> None:
    policy = ready("standard-b2b")
    small = unpaid(policy, DUE, amount=10000, balance=10000)
    late = small._replace(account=replace(small.account, behaviour="late"))
    customer = replace(late.account.customer, mandate=True)
    debit = late._replace(account=replace(late.account, customer=customer))
    assert [steps(policy, line, days=1) for line in (small, late, debit)] == [
        [],
        [("09-29", "before_due")],
        [],
    ]


@pytest.mark.parametrize(
    ("due_on", "expected"),
    [
        ("2026-10-06", "10-08"),  # the second business day itself
        ("2026-04-30", "05-05"),  # 1 May closes the banks and the office
        ("2026-04-02", "04-08"),  # Good Friday closes the banks only, Easter Monday both
    ],
)
def test_a_transfer_of_the_due_date_is_given_time_to_arrive(due_on: str, expected: str) -> None:
    policy = ready("strict")
    line = unpaid(policy, date.fromisoformat(due_on))
    assert steps(policy, line, begin=1, days=8)[0] == (expected, "friendly")


def test_easter_monday_is_a_holiday_of_england() -> None:
    policy = ready("uk-b2b")
    line = unpaid(policy, date(2026, 4, 2), currency="GBP")
    assert steps(policy, line, begin=1, days=8) == [("04-08", "friendly")]


@pytest.mark.practice("P2-48")
def test_in_august_the_friendly_step_goes_and_the_notice_waits() -> None:
    policy = ready("standard-b2b")
    small = unpaid(policy, date(2026, 7, 10), amount=10000, balance=10000)
    assert told(steps(policy, small, days=50)) == (
        "07-15 friendly, 07-20 call, 07-27 firm, 08-21 formal_notice"
    )  # the grace of two business days skips the national holiday
    fresh = unpaid(policy, date(2026, 8, 3), amount=10000, balance=10000)
    assert steps(policy, fresh, days=10) == [("08-06", "friendly")]


def test_after_an_outage_of_weeks_comes_the_next_step_and_not_the_highest() -> None:
    policy = ready("standard-b2b")
    _, first, line = next(walked(policy, unpaid(policy, DUE), begin=1))
    line = after(line, first, DUE + 3 * DAY)
    back = [r.step for _, r, _ in walked(policy, line, begin=62, days=63)]
    assert back == ["firm"]


def test_every_policy_is_walked() -> None:
    assert set(WALKS) == set(ready_made())
    stages = chain.from_iterable(ready(name).steps for name in ready_made())
    assert all(step.asks for step in stages if step.stage in PERSONS)


def test_a_policy_of_the_firm_is_walked_in_the_same_way() -> None:
    assert steps(plain("FR", days=10), case(due_on=DUE), days=30) == [("10-16", "friendly")]
