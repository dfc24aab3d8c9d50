"""What a reminder says of interest and fixed sums: to whom, from when on, how much."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from connector.dunning import plan_json
from connector.dunning.decide import decide
from connector.dunning.plan import Reminder
from connector.dunning.policy_file import load
from connector.dunning.snapshot import Case, Channel, Had, Rung, Stage
from connector.errors import ConfigError
from connector.receivables.interest import half_up
from connector.receivables.records import CustomerKind
from connector.receivables.regimes import regime_of
from tests.facts import STANDARD, TODAY, account, case, day, had, policies, snapshot

B, C, P = CustomerKind.BUSINESS, CustomerKind.CONSUMER, CustomerKind.PUBLIC


def on(text: str) -> date:
    return date.fromisoformat(text)


def share(base: int, days: int, rate: str) -> int:
    """Interest of so many days in a year of 365, in minor units."""
    return half_up(base * days * Fraction(Decimal(rate)) / 36500)


POLICY = """
name = "test"
country = "FR"
min_age_days = 0

[[step]]
name = "friendly"
stage = "friendly"
when = "after due"
days = 3
channel = "email"

[[step]]
name = "firm"
stage = "firm"
when = "after due"
days = 15
channel = "email"
interest = "claim"
charges = "claim"
"""

AGAIN = """
[[step]]
name = "again"
stage = "{stage}"
when = "after due"
days = 40
channel = "email"
interest = "claim"
charges = "claim"
"""


def reminded(*lines: Case, text: str = POLICY, today: date = TODAY) -> Reminder:
    plan = decide(snapshot(*lines, day=day(templates=EVERY)), policies(text), today)
    assert len(plan.reminders) == 1, plan.silences
    return plan.reminders[0]


EVERY = frozenset(
    (name, language)
    for name in ("friendly", "firm", "formal_notice", "again")
    for language in ("fr", "en")
)
FRIENDLY = had("friendly")


def of(reminder: Reminder) -> tuple[str, int | None, int | None]:
    assert reminder.interest
    return reminder.interest.mode, reminder.interest.amount, reminder.interest.charges


@pytest.mark.practice("P0-09", "P4-28")
def test_a_claim_is_worked_out_to_the_day_with_its_arithmetic() -> None:
    line = case("F1", due_on=on("2026-10-20"), had=(FRIENDLY,), balance=100000, amount=120000)
    reminder = reminded(line)
    assert of(reminder) == ("claim", 1053, 4000)  # 31 x 12.40 % of what is still open
    assert reminder.interest
    assert (reminder.interest.until, reminder.interest.regime) == (TODAY, "FR_B2B")
    (made,) = reminder.interest.schedule
    assert (made.invoice, made.line) == ("F1", reminder.lines[0].key)
    assert [(s.days, str(s.rate)) for s in made.statement.segments] == [(31, "12.40")]
    assert reminder.claim == 100000  # interest stands beside the claim
    assert not reminder.warnings


def test_a_mention_has_its_figures_too() -> None:
    text = POLICY.replace('"claim"', '"mention"')
    assert of(reminded(case(late=31, had=(FRIENDLY,)), text=text)) == ("mention", 105, 4000)


def test_a_line_whose_own_step_is_silent_adds_nothing() -> None:
    both = (case("A", late=31, had=(FRIENDLY,)), case("B", late=5))
    assert of(reminded(*both)) == ("claim", 105, 4000)
    only_sum = POLICY.replace('interest = "claim"\n', "")
    assert of(reminded(*both, text=only_sum)) == ("claim", None, 4000)
    only_interest = POLICY.replace('charges = "claim"\n', "")
    assert of(reminded(*both, text=only_interest)) == ("claim", 105, None)


def test_the_fixed_sum_is_owed_once_an_invoice() -> None:
    parts = [
        case("F1", late=31, line_id=str(n), line=n, had=(FRIENDLY,), total=20000) for n in (1, 2)
    ]
    assert of(reminded(*parts)) == ("claim", 210, 4000)
    assert of(reminded(*parts, case("F2", late=31, had=(FRIENDLY,)))) == ("claim", 315, 8000)


@pytest.mark.practice("P4-28")
@pytest.mark.parametrize(
    "change",
    [
        ('country = "FR"', 'country = "FR"\nregime = "NONE"'),
        ('country = "FR"', 'country = "US"\npublic_holidays = false'),
        ('= "claim"', '= "off"'),
    ],
)
def test_without_a_regime_or_a_wish_nothing_is_said(change: tuple[str, str]) -> None:
    reminder = reminded(case(late=31, had=(FRIENDLY,)), text=POLICY.replace(*change))
    assert reminder.interest is None
    assert {(line.interest, line.charges) for line in reminder.lines} == {("off", "off")}


def test_another_currency_than_the_laws_leaves_the_amounts_open() -> None:
    reminder = reminded(case(late=31, had=(FRIENDLY,), currency="USD"))
    assert of(reminder) == ("mention", None, None)


@pytest.mark.practice("P2-59")
def test_a_missing_rate_takes_the_claim_away_and_tells_the_owner() -> None:
    line = case(due_on=on("2026-12-01"), had=(FRIENDLY,))
    reminder = reminded(line, today=on("2027-01-15"))
    assert of(reminder) == ("claim", None, 4000)
    assert reminder.warnings == ("rate missing: FR default from 2027-01-01",)
    assert reminder.interest
    assert reminder.interest.schedule == ()
    alone = reminded(line, text=POLICY.replace('charges = "claim"\n', ""), today=on("2027-01-15"))
    assert of(alone) == ("mention", None, None)


def test_the_warning_is_in_the_plans_json() -> None:
    facts = snapshot(case(due_on=on("2026-12-01"), had=(FRIENDLY,)))
    plan = decide(facts, policies(POLICY), on("2027-01-15"))
    (entry,) = plan_json.document(plan)["reminders"]
    assert entry["warnings"] == ["rate missing: FR default from 2027-01-01"]
    assert entry["interest"]["amount"] is None


def test_the_rate_of_the_firms_terms() -> None:
    text = POLICY.replace('country = "FR"', 'country = "FR"\ncontract_rate = "5.00"')
    reminder = reminded(case(late=92, due_on=on("2026-08-20"), had=(FRIENDLY,)), text=text)
    assert of(reminder) == ("claim", share(10000, 92, "8.25"), 4000)
    assert "below the legal minimum of 8.25" in reminder.warnings[0]


def test_an_unknown_regime_is_refused_where_the_policy_is_read() -> None:
    with pytest.raises(ConfigError, match="line 4: regime: 'FR_B2X': expected one of"):
        policies(POLICY.replace('"FR"', '"FR"\nregime = "FR_B2X"'))


def test_a_german_due_date_rolls_in_a_reminder_too() -> None:
    german = POLICY.replace('"FR"', '"DE"')
    friendly = FRIENDLY._replace(on=on("2026-08-20"))
    line = case(due_on=on("2026-08-01"), had=(friendly,), balance=1000000, amount=1000000)
    assert of(reminded(line, text=german, today=on("2026-09-01"))) == ("claim", 8358, 4000)


def test_a_public_body_has_its_own_rules() -> None:
    public = account(customer={"kind": P})
    reminder = reminded(case(late=31, had=(FRIENDLY,), account=public))
    assert reminder.interest
    assert reminder.interest.regime == "FR_PUBLIC"


def consumer(country: str) -> dict[str, object]:
    return {"kind": C, "country": country, "address": "1 rue X\n75001 Paris"}


@pytest.mark.practice("P0-36", "P0-09")
def test_a_french_consumer_hears_of_interest_from_the_notice_on_and_never_of_a_fixed_sum() -> None:
    person = account(customer=consumer("FR"))
    firm = reminded(case(late=31, had=(FRIENDLY,), account=person))
    assert firm.interest is None
    assert {line.charges for line in firm.lines} == {"off"}

    plan = decide(
        snapshot(case(late=60, had=(FRIENDLY, had("firm", days_ago=20)), account=person)),
        STANDARD,
        TODAY,
    )
    (notice,) = plan.reminders
    assert notice.step == "formal_notice"
    assert of(notice) == ("mention", None, None)
    assert {line.charges for line in notice.lines} == {"off"}

    noticed = POLICY.replace('stage = "firm"', 'stage = "notice"') + AGAIN.format(stage="notice")
    letter = had("notice", days_ago=30, channel=Channel.LETTER)  # Wednesday 21 October
    second = reminded(
        case(late=60, had=(FRIENDLY, letter), account=person, balance=64000), text=noticed
    )
    assert second.step == "again"
    # received on Monday 26 October: 25 days of 2.75 %
    assert of(second) == ("claim", share(64000, 25, "2.75"), None)


@pytest.mark.practice("P0-36")
def test_a_belgian_consumer_is_asked_for_nothing_but_the_principal_before_the_wait_is_over() -> (
    None
):
    person = account(customer=consumer("BE"))
    belgian = POLICY.replace('"FR"', '"BE"\ncontract_rate = "12"').replace(
        'name = "friendly"', 'name = "friendly"\nlegal = "be-consumer-first"'
    )
    sent = Had(rung=Rung(Stage.FRIENDLY, 1), on=on("2026-11-02"), legal="be-consumer-first")
    line = case(late=40, had=(sent._replace(wait_until=on("2026-11-16")),), account=person)
    # four days from the day after the wait, at the highest rate a clause may name
    assert of(reminded(line, text=belgian)) == ("claim", 12, 2000)
    # without the legal reminder the clause is not open, whatever else was sent
    other = line._replace(had=(sent._replace(legal=""), had("firm", days_ago=9)))
    spoken = reminded(other._replace(had=other.had[:1]), text=belgian)
    assert spoken.step == "friendly"
    assert spoken.interest is None
    # no clause known: nothing is owed, and the owner is told why
    bare = reminded(line, text=belgian.replace('contract_rate = "12"', ""))
    assert bare.interest is None
    assert "contract_rate" in bare.warnings[0]
    assert {(each.interest, each.charges) for each in bare.lines} == {("off", "off")}


@pytest.mark.practice("P0-36")
def test_the_belgian_first_reminder_may_name_the_clause_and_claims_nothing() -> None:
    person = account(customer=consumer("BE"))
    first = POLICY.replace('"FR"', '"BE"\ncontract_rate = "12"').replace(
        'name = "friendly"',
        'name = "friendly"\nlegal = "be-consumer-first"\ncharges = "claim"',
    )
    assert of(reminded(case(late=10, account=person), text=first)) == ("mention", None, 2000)


@pytest.mark.practice("P0-36")
def test_a_dutch_consumer_owes_costs_after_the_letter_which_names_them() -> None:
    person = account(customer=consumer("NL"))
    dutch = POLICY.replace('"FR"', '"NL"')
    early = reminded(case(late=40, had=(FRIENDLY,), account=person), text=dutch)
    assert early.interest is None
    letter = dutch.replace(
        'name = "firm"', 'name = "firm"\nlegal = "nl-14-day-letter"\ndeadline_days = 15'
    )
    lines = [
        case(number, late=40, had=(FRIENDLY,), account=person, balance=10000)
        for number in ("A", "B")
    ]
    # one letter, principals added up: 15 % of 200 is below the least, which is owed once
    assert of(reminded(*lines, text=letter)) == ("mention", None, 4000)
    sent = Had(rung=Rung(Stage.FIRM, 1), on=on("2026-10-01"), legal="nl-14-day-letter")
    more = dutch + AGAIN.format(stage="firm")
    after = case(late=60, had=(FRIENDLY, sent), account=person, balance=100000, amount=100000)
    reminder = reminded(after, text=more)
    assert of(reminder) == ("claim", None, 15000)
    assert reminder.warnings == ("rate missing: NL consumer from 2026-07-01",)


@pytest.mark.practice("P0-36")
@pytest.mark.parametrize(
    ("country", "duty"), [("BE", "be-consumer-first"), ("NL", "nl-14-day-letter")]
)
def test_while_the_legal_wait_runs_nothing_is_asked(country: str, duty: str) -> None:
    person = account(customer=consumer(country))
    text = POLICY.replace('"FR"', f'"{country}"\ncontract_rate = "8"')
    sent = Had(rung=Rung(Stage.FRIENDLY, 1), on=on("2026-11-10"), legal=duty)  # no wait stored
    assert reminded(case(late=40, had=(sent,), account=person), text=text).interest is None


def test_a_german_consumer_is_in_default_from_the_first_reminder() -> None:
    person = account(customer=consumer("DE"))
    german = POLICY.replace('"FR"', '"DE"')
    first = reminded(
        case(late=40, account=person, balance=100000),
        text=german.replace('channel = "email"', 'channel = "email"\ninterest = "claim"', 1),
    )
    assert first.interest is None
    line = case(late=40, had=(FRIENDLY,), account=person, balance=100000)
    days = share(100000, 10, "6.52")
    assert of(reminded(line, text=german)) == ("claim", days, None)
    assert {each.charges for each in reminded(line, text=german).lines} == {"off"}


def test_a_luxembourg_consumer_owes_after_the_third_month() -> None:
    person = account(customer=consumer("LU"))
    luxembourg = POLICY.replace('"FR"', '"LU"')
    friendly = FRIENDLY._replace(on=on("2024-06-01"))
    line = case(due_on=on("2024-05-15"), issued_on=on("2024-05-01"), had=(friendly,))
    line = line._replace(account=person, balance=100000)
    before = reminded(line, text=luxembourg, today=on("2024-08-30"))
    assert before.interest is None
    after = reminded(line, text=luxembourg, today=on("2024-09-10"))
    assert of(after) == ("claim", share(100000, 10, "4.50"), None)


@pytest.mark.parametrize("country", ["GB", "IE", "ES", "IT", "US"])
def test_consumers_elsewhere_hear_of_no_interest(country: str) -> None:
    person = account(customer=consumer(country))
    text = POLICY.replace('"FR"', f'"{country}"\npublic_holidays = false')
    assert reminded(case(late=40, had=(FRIENDLY,), account=person), text=text).interest is None


@pytest.mark.parametrize("name", ["standard-b2b", "strict", "de-b2b", "uk-b2b", "consumer-be"])
def test_the_ready_made_policies_name_a_law_that_gives_something(name: str) -> None:
    policy = load(name, Path()).firm
    kind = C if name.startswith("consumer") else B
    assert regime_of(policy.country, kind, policy.regime).fixed_sum(100) > 0
