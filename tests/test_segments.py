"""Who a customer is to the firm: habits, changes, size and the owner's word, and what they move."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.cli.firms import configs
from connector.dunning.decide import decide
from connector.dunning.plan import Reason
from connector.dunning.policy_file import Policies, parse
from connector.dunning.snapshot import Account, Snapshot
from connector.firm import opened
from connector.mirror import tables
from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.receivables.measures import Observation, change, overridden
from connector.receivables.records import (
    Allocation,
    Contact,
    CustomerKind,
    Mark,
    PaymentState,
    Record,
)
from connector.sync import dry_run
from tests.books import COMPANY, NOW, TODAY, credit_note, customer, invoice, line, payment
from tests.facts import STANDARD, account, case, day, had, snapshot
from tests.walks import ready, steps, unpaid

D = timedelta(days=1)

# --- a change of behaviour ----------------------------------------------------------------------


def paid(*days: int) -> list[Observation]:
    """Lines due every twenty days, the last a month ago, paid so many days late."""
    first = TODAY - (30 + 20 * (len(days) - 1)) * D
    dues = [first + 20 * index * D for index in range(len(days))]
    return [
        Observation(due, f"F{index:02}", due + late * D)
        for index, (due, late) in enumerate(zip(dues, days, strict=True))
    ]


def unpaid_since(days: int) -> Observation:
    return Observation(TODAY - days * D, "Z")


STEADY = (2, 0, 3, 1, 4, 2, 0, 3)
ERRATIC = (0, 30, 10, 45, 5, 25)
SLOW = (20, 22, 19, 25, 21, 24, 20)


@pytest.mark.practice("P1-26", "P2-67")
@pytest.mark.parametrize(
    ("seen", "usual", "limit", "words"),
    [
        (paid(*STEADY, 5, 12, 15), 2, 9, ("changed", "watch")),
        (paid(*STEADY, 1, 14, 2), 2, 9, ()),
        ([*paid(*STEADY, 1, 2), unpaid_since(11)], 2, 9, ("watch",)),
        (paid(*ERRATIC, 40, 52, 60), 17.5, 73.1, ()),
        (paid(*SLOW, 2, 1, 4), 21, 28, ("improved",)),
        (paid(3, 2, 4, 40, 50, 60), None, None, ()),
    ],
)
def test_a_change_of_behaviour(
    seen: list[Observation], usual: float | None, limit: float | None, words: tuple[str, ...]
) -> None:
    verdict = change(seen, TODAY)
    assert verdict.words == words
    assert verdict.usual == usual
    if limit is None:
        assert verdict.shift is None
    else:
        assert verdict.usual is not None
        assert verdict.shift is not None
        assert round(verdict.usual + verdict.shift, 1) == limit
    assert change(seen[::-1], TODAY) == verdict


def test_the_figures_of_a_change_are_told() -> None:
    verdict = change(paid(*STEADY, 5, 12, 15), TODAY)
    assert (verdict.recent, verdict.latest, verdict.shift) == (12, 15, 7)
    assert change(paid(*SLOW, 2, 1, 4), TODAY).recent == 2


def test_the_limit_itself_is_no_change() -> None:
    assert change(paid(*STEADY, 9, 9, 9), TODAY).words == ()
    assert change(paid(*STEADY, 9, 10, 10), TODAY).words == ("changed", "watch")
    assert change(paid(*SLOW, 14, 14, 14), TODAY).words == ()
    assert change(paid(*SLOW, 13, 13, 13), TODAY).words == ("improved",)


def test_an_open_line_that_is_not_yet_later_than_usual_says_nothing() -> None:
    young = [*paid(*STEADY, 1, 14, 2), unpaid_since(2)]
    assert change(young, TODAY) == change(paid(*STEADY, 1, 14, 2), TODAY)
    not_due = [*paid(*STEADY, 5, 12, 15), Observation(TODAY + 5 * D, "Z")]
    assert change(not_due, TODAY).words == ("changed", "watch")
    several = [*paid(*STEADY, 5, 12, 15), unpaid_since(1), Observation(TODAY - 2 * D, "Y")]
    assert change(several, TODAY) == change(paid(*STEADY, 5, 12, 15), TODAY)


def test_what_was_disputed_makes_no_habit() -> None:
    seen = paid(2, 0, 3, 1, 4, 5, 12, 15)
    assert change(seen, TODAY).usual == 2
    disputed = [replace(one, disputed=index == 0) for index, one in enumerate(seen)]
    assert change(disputed, TODAY).usual is None


def test_a_habit_is_of_two_years_and_twelve_payments() -> None:
    many = paid(*(60,) * 14, *(2,) * 12, 3, 3, 3)
    assert change(many, TODAY).usual == 2
    old = [replace(one, due_on=one.due_on - 700 * D) for one in paid(2, 2, 2, 2, 2)]
    assert change([*old, *paid(3, 3, 3)], TODAY).usual is None


@given(st.lists(st.integers(-30, 200), max_size=20), st.integers(0, 100))
def test_a_verdict_never_contradicts_itself(days: list[int], late: int) -> None:
    verdict = change([*paid(*days), unpaid_since(late)], TODAY)
    assert not (verdict.changed and verdict.improved)
    if len(days) < 7:
        assert verdict.words == ()


# --- the rows of the table of segments, from the mirror -----------------------------------------


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with State.opened(tmp_path / "state.db") as state:
        mirror = Mirror(state)
        mirror.bind(COMPANY, TODAY - 400 * D)
        yield mirror


def put(mirror: Mirror, *records: Record) -> None:
    assert mirror.put(records, now=NOW, today=TODAY) == ()


def known(mirror: Mirror, name: str, delays: Sequence[int], since: date, **more: Any) -> None:
    """A customer with paid invoices, the first of a day, and one open line ten days late."""
    contact = Contact(id="1", email=f"compta@{name}.example")
    put(mirror, customer(name, country="FR", language="fr", contacts=(contact,), **more))
    step = (TODAY - since) / (len(delays) + 1)
    for index, days in enumerate(delays):
        issued_on = since + index * step
        due_on, ref = min(issued_on + 30 * D, TODAY - (days + 1) * D), f"{name}.{index}"
        put(
            mirror,
            invoice(ref, line(0, due_on), issued_on=issued_on, customer_id=name),
            payment(
                f"p{ref}",
                customer_id=name,
                paid_on=due_on + days * D,
                allocations=(Allocation(invoice_id=ref, amount=10000),),
            ),
        )
    issued_on = max(since, TODAY - 40 * D)
    late = line(60000, TODAY - 10 * D, amount=60000)
    put(mirror, invoice(f"{name}.open", late, customer_id=name, issued_on=issued_on))


def decided(mirror: Mirror, name: str, mark: Mark, **more: Any) -> None:
    values = {"customer_ref": name, "mark": str(mark), "since": TODAY - 9 * D, "made_at": NOW}
    with mirror.state.outbox.begin() as connection:
        connection.execute(tables.decision.insert().values(values | more))


def accounts(mirror: Mirror, today: date = TODAY, **more: Any) -> dict[str, Account]:
    found = read(mirror, day(**more), today).cases
    return {case.account.customer.id: case.account for case in found}


SEGMENTED = """
name = "segmented"
country = "FR"
windows = [ { days = "mon-fri", from = "09:00", until = "17:30" } ]
[[step]]
name = "before_due"
stage = "before_due"
when = "before due"
days = 7
channel = "email"
only = { behaviour = ["new", "late"] }
[[step]]
name = "friendly"
stage = "friendly"
when = "after due"
days = 3
channel = "email"
[[segment]]
name = "group"
match = { tags = ["group"] }
use = "standard-b2b"
[[segment]]
name = "strategic"
match = { behaviour = "strategic" }
use = "gentle"
[[segment]]
name = "consumer"
match = { kind = "consumer", country = "FR" }
use = "consumer-fr"
[[segment]]
name = "public body"
match = { kind = "public" }
use = "public-fr"
[[segment]]
name = "pays later than usual"
match = { behaviour = "changed" }
use = "gentle"
[[segment]]
name = "bad payer"
match = { behaviour = "late" }
use = "strict"
[[segment]]
name = "loyal"
match = { behaviour = "loyal" }
use = "gentle"
[[segment]]
name = "new"
match = { behaviour = "new" }
use = "standard-b2b"
"""
NAMES = ("gentle", "strict", "consumer-fr", "public-fr", "standard-b2b")
POLICIES = Policies(parse(SEGMENTED, "segmented.toml"), {name: ready(name) for name in NAMES})

LONG_AGO = date(2024, 12, 1)
LATELY = date(2026, 8, 1)


def segment(mirror: Mirror, name: str = "c") -> str:
    (line,) = (c for c in read(mirror, day(), TODAY).cases if c.account.customer.id == name)
    because = POLICIES.of(line, {}).because
    return because.removeprefix("segment ").strip("'")


@pytest.mark.practice("P2-36", "P2-38")
@pytest.mark.parametrize(
    ("delays", "since", "more", "expected"),
    [
        ([0, 1, 2, 0], LATELY, {}, "new"),
        ([1, 1], LONG_AGO, {}, "new"),
        ([2, 0, 3, 4, 1], LONG_AGO, {}, "loyal"),
        ([2, 0, 3, 4, 1], LONG_AGO, {"tags": ("strategic",)}, "strategic"),
        ([12, 8, 10, 15], LONG_AGO, {}, "the firm's own"),
        ([35, 40, 31, 33], LONG_AGO, {}, "bad payer"),
        ([*STEADY, 20, 22, 25], LONG_AGO, {}, "pays later than usual"),
        ([12, 8, 10, 15], LONG_AGO, {"tags": ("group", "vip")}, "group"),
        ([12, 8, 10, 15], LONG_AGO, {"kind": CustomerKind.PUBLIC}, "public body"),
        ([35, 40, 31, 33], LONG_AGO, {"kind": CustomerKind.CONSUMER}, "consumer"),
    ],
)
def test_a_customer_made_for_a_segment_lands_in_it(
    mirror: Mirror, delays: list[int], since: date, more: dict[str, Any], expected: str
) -> None:
    known(mirror, "c", delays, since, **more)
    assert segment(mirror) == expected


@pytest.mark.practice("P2-38")
def test_a_debit_that_came_back_and_two_broken_promises_make_a_bad_payer(mirror: Mirror) -> None:
    known(mirror, "c", [2, 0, 3, 4, 1], LONG_AGO)
    back = payment("b", customer_id="c", state=PaymentState.RETURNED, paid_on=TODAY - 30 * D)
    put(mirror, back)
    assert segment(mirror) == "bad payer"
    known(mirror, "d", [2, 0, 3, 4, 1], LONG_AGO)
    put(mirror, invoice("d.more", customer_id="d"))
    for ref in ("d.open", "d.more"):
        decided(mirror, "d", Mark.PROMISED, invoice_ref=ref, until=TODAY - 6 * D)
    assert accounts(mirror)["d"].behaviour == "late"


@pytest.mark.practice("P2-38")
@pytest.mark.parametrize(
    ("more", "mark", "reason"),
    [
        ({"mandate": True}, None, Reason.DIRECT_DEBIT),
        ({}, Mark.EXCLUDED, Reason.EXCLUDED),  # a related company, an employee
        ({}, Mark.IN_DIFFICULTY, Reason.IN_DIFFICULTY),
    ],
)
def test_some_segments_are_left_to_people(
    mirror: Mirror, more: dict[str, Any], mark: Mark | None, reason: Reason
) -> None:
    known(mirror, "c", [2, 0, 3, 4, 1], LONG_AGO, **more)
    if mark:
        decided(mirror, "c", mark)
    plan = decide(read(mirror, day(), TODAY), POLICIES, TODAY)
    assert {quiet.reason for silence in plan.silences for quiet in silence.reasons} >= {reason}


def test_a_disputed_invoice_makes_no_habit_in_the_mirror(mirror: Mirror) -> None:
    known(mirror, "c", [2, 0, 3, 1, 4, 22, 25], LONG_AGO)
    assert accounts(mirror)["c"].signals == ("changed", "watch")
    decided(mirror, "c", Mark.DISPUTED, invoice_ref="c.0", ended_on=TODAY - 3 * D)
    assert accounts(mirror)["c"].signals == ()


# --- the owner's word ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by_hand", "until", "expected"),
    [
        ("", None, ("late", ("strategic", "watch"))),
        ("loyal", None, ("loyal", ("watch",))),
        ("loyal", TODAY, ("loyal", ("watch",))),
        ("loyal", TODAY - D, ("late", ("strategic", "watch"))),
        ("strategic", None, ("late", ("strategic", "watch"))),
        ("changed", None, ("late", ("changed", "watch"))),
    ],
)
def test_the_owners_choice_wins_until_its_last_day(
    by_hand: str, until: date | None, expected: tuple[str, tuple[str, ...]]
) -> None:
    assert overridden("late", ("strategic", "watch"), by_hand, until, TODAY) == expected


@pytest.mark.practice("P2-38")
def test_a_segment_chosen_by_hand_wins_over_the_measured_one(mirror: Mirror) -> None:
    known(mirror, "c", [35, 40, 31, 33], LONG_AGO)
    decided(mirror, "c", Mark.SEGMENT, code="loyal", until=TODAY)
    assert segment(mirror) == "loyal"
    assert accounts(mirror, TODAY + D)["c"].behaviour == "late"
    decided(mirror, "c", Mark.SEGMENT, code="new", since=TODAY)
    assert accounts(mirror)["c"].behaviour == "new"


@pytest.mark.practice("P2-37", "P2-39")
def test_median_two_is_loyal_thirty_one_is_late_and_strategic_waits(mirror: Mirror) -> None:
    known(mirror, "good", [2, 1, 2, 3, 2, 9], LONG_AGO)
    known(mirror, "bad", [31, 30, 31, 32, 31, 2], LONG_AGO)
    known(mirror, "key", [2, 1, 2, 3, 2, 9], LONG_AGO)
    decided(mirror, "key", Mark.STRATEGIC)
    found = accounts(mirror)
    assert [found[name].behaviour for name in ("good", "bad", "key")] == ["loyal", "late", "loyal"]
    assert found["key"].signals == ("strategic",)
    plan = decide(read(mirror, day(), TODAY), POLICIES, TODAY)
    asked = {reminder.customer_id: reminder.needs_approval for reminder in plan.reminders}
    assert asked == {"good": False, "bad": False, "key": True}


@pytest.mark.practice("P2-37")
def test_whose_messages_wait_is_the_policys_word() -> None:
    key = account(signals=("strategic",))
    facts = snapshot(case(account=key))

    def waits(more: str) -> bool:
        text = SEGMENTED.replace('country = "FR"\n', f'country = "FR"\n{more}\n', 1)
        policies = Policies(parse(text.split("[[segment]]")[0], "x.toml"), {})
        (reminder,) = decide(facts, policies, TODAY).reminders
        return reminder.needs_approval

    assert waits("")
    assert not waits("approve = []")
    assert not waits('approve = "late"')
    assert waits('approve = ["late", "strategic"]')


def test_a_call_to_a_strategic_customer_needs_no_approval() -> None:
    key = account(signals=("strategic",))
    line = case(account=key, had=(had("friendly", days_ago=7),))
    (call,) = decide(snapshot(line), STANDARD, TODAY).reminders
    assert (call.step, call.needs_approval) == ("call", False)


# --- size ---------------------------------------------------------------------------------------


@pytest.mark.practice("P2-40")
def test_the_largest_of_ten_by_turnover_is_strategic_and_a_rival_takes_over(
    mirror: Mirror,
) -> None:
    for number in range(10):
        name = f"c{number}"
        bill = line(10000 * (number + 1), amount=10000 * (number + 1))
        put(mirror, customer(name), invoice(f"i{number}", bill, customer_id=name))

    def strategic(share: str | None = "0.10") -> set[str]:
        found = accounts(mirror, top_share=share and Decimal(share))
        return {name for name, account in found.items() if "strategic" in account.signals}

    assert strategic() == {"c9"}
    assert strategic("0.20") == {"c8", "c9"}
    assert strategic("0.09") == set()
    assert strategic(None) == set()
    only = read(mirror, day(top_share=Decimal("0.10")), TODAY, customer_id="c9")
    assert [c.account.signals for c in only.cases] == [("strategic",)]
    put(mirror, invoice("more", line(15000, amount=15000), customer_id="c8"))
    assert strategic() == {"c8"}
    put(mirror, credit_note("a", 0, customer_id="c8", total=15000))
    assert strategic() == {"c9"}
    old = invoice("old", line(90000, amount=90000), customer_id="c0", issued_on=date(2025, 11, 20))
    put(mirror, old)
    assert strategic() == {"c9"}
    dollars = invoice("usd", line(9 * 10**6, amount=9 * 10**6), customer_id="c0", currency="USD")
    put(mirror, dollars)
    assert strategic() == {"c9"}  # the only one in dollars is no tenth of anything


def test_the_policys_share_reaches_the_facts_of_the_day() -> None:
    (config,) = configs(None, needs_one=False)
    text = 'strategic = { top_share = "0.10" }\n' + SEGMENTED.split("[[segment]]")[0].lstrip()

    def facts(policies: Policies | None) -> Snapshot:
        with opened(config, {}) as firm:
            firm = replace(firm, policies=policies or firm.policies)
            with dry_run(firm, datetime.now(UTC), lambda what, done, total: None) as (study, _):
                return study.snapshot

    assert facts(None).day.top_share is None
    mine = facts(Policies(parse(text, "mine.toml"), {}))
    assert mine.day.top_share == Decimal("0.10")
    large = {c.account.customer.id for c in mine.cases if "strategic" in c.account.signals}
    everybody = {c.account.customer.id for c in mine.cases}
    assert 0 < len(large) < len(everybody) / 3


# --- what a segment moves -----------------------------------------------------------------------


@pytest.mark.practice("P2-11", "P2-36", "P2-41")
def test_a_loyal_customer_hears_later_and_never_formally_by_itself() -> None:
    due_on = date(2026, 10, 6)
    loyal = case(account=account(behaviour="loyal"), due_on=due_on)
    chosen = POLICIES.of(loyal, {}).policy
    assert chosen.name == "gentle"
    line = unpaid(chosen, due_on)
    assert ("10-13", "friendly") in steps(chosen, line)
    alone = [step for _, step in steps(chosen, line, approved=False)]
    assert alone[:4] == ["before_due", "friendly", "firm", "call"]
    assert set(alone[4:]) == {"formal_notice"}  # proposed day after day, and never gone
    plain = case(account=account(behaviour="occasional"), due_on=due_on)
    assert POLICIES.of(plain, {}).policy.name == "segmented"


@pytest.mark.practice("P2-42")
def test_a_new_customer_is_reminded_before_the_due_date() -> None:
    policy = POLICIES.firm.model_copy(update={"segments": ()})
    line = unpaid(policy, date(2026, 10, 6))
    new = line._replace(account=replace(line.account, behaviour="new"))
    loyal = line._replace(account=replace(line.account, behaviour="loyal"))
    assert steps(policy, new, days=10) == [("09-29", "before_due"), ("10-09", "friendly")]
    assert steps(policy, loyal, days=10) == [("10-09", "friendly")]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ('tags = ["vip", "x"]', True),
        ('tags = ["vip", "y"]', False),
        ('kind = ["business", "public"]', True),
        ('language = "nl"', False),
        ('country = ["BE", "FR"]', True),
        ('currency = "USD"', False),
        ('behaviour = ["late", "strategic"]', True),
        ('behaviour = "new"', False),
        ('exposure_over = { EUR = "199.99" }', True),
        ('exposure_over = { EUR = "200.00" }', False),
        ('exposure_over = { USD = "1" }', False),
        ('tags = ["vip"], country = "BE"', False),
    ],
)
def test_all_that_a_segment_names_must_hold(match: str, expected: bool) -> None:
    text = SEGMENTED.split("[[segment]]")[0]
    text += f'[[segment]]\nname = "s"\nmatch = {{ {match} }}\nuse = "gentle"\n'
    policies = Policies(parse(text, "x.toml"), {"gentle": ready("gentle")})
    customer = {"tags": ("vip", "x")}
    who = account(customer=customer, behaviour="loyal", signals=("strategic",))
    chosen = policies.of(case(account=who), {"EUR": 20000})
    assert (chosen.policy.name == "gentle") is expected


def test_a_strategic_decision_is_of_the_customer_and_of_its_time(mirror: Mirror) -> None:
    known(mirror, "c", [2, 0, 3, 4, 1], LONG_AGO)
    decided(mirror, "c", Mark.STRATEGIC, until=TODAY - D)
    assert accounts(mirror)["c"].signals == ()
    decided(mirror, "c", Mark.STRATEGIC, ended_on=TODAY - D)
    assert accounts(mirror)["c"].signals == ()
    decided(mirror, "c", Mark.STRATEGIC, until=TODAY)
    assert accounts(mirror)["c"].signals == ("strategic",)
