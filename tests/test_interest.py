"""Late-payment interest: the worked examples to the cent, the rates behind them, and due dates."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.receivables import charges, terms
from connector.receivables.interest import Event, Imputation, Statement, booked, half_up, interest
from connector.receivables.rates import HALF_YEARLY, RateMissing, Rates, next_half_year, published
from connector.receivables.records import Allocation, CustomerKind, Payment, PaymentState
from connector.receivables.regimes import REGIMES, regime_of
from connector.receivables.terms import EndOfMonth, Term

D = timedelta(days=1)


def on(text: str) -> date:
    return date.fromisoformat(text)


def cents(text: str) -> int:
    return int(Decimal(text) * 100)


def worked(
    regime: str,
    principal: str,
    due: str,
    until: str,
    *events: tuple[str, str],
    contract: str | None = None,
    credit: bool = False,
    own_date: bool = False,
    imputation: str = "principal_first",
    rates: Rates | None = None,
) -> Statement:
    """A statement from major units and the due date."""
    return interest(
        REGIMES[regime],
        cents(principal),
        on(due) + D,
        on(until),
        [Event(on(when), cents(amount), credit) for when, amount in events],
        (contract and Decimal(contract)) or None,
        imputation=Imputation(imputation),
        own_date=own_date,
        rates=rates,
    )


def shape(statement: Statement) -> list[tuple[int, str]]:
    return [(segment.days, f"{segment.rate:.2f}") for segment in statement.segments]


EXAMPLES = [
    # id, regime, principal, due date, until, segments, interest, fixed sum
    ("X1", "FR_B2B", "1200", "2025-03-31", "2025-05-15", "45 13.15", "19.45", "40"),
    ("X2", "FR_B2B", "10000", "2026-04-30", "2026-08-31", "61 12.15 62 12.40", "413.68", "40"),
    (
        "X3",
        "FR_B2B",
        "7384.50",
        "2023-05-31",
        "2024-08-31",
        "30 12.50 184 14.00 182 14.50 62 14.25",
        "1309.69",
        "40",
    ),
    ("X6b", "FR_B2B", "2000", "2026-07-31", "2026-10-31", "92 12.40", "62.51", "40"),
    ("X7", "BE_B2B", "2500", "2024-12-15", "2025-02-28", "16 12.50 59 11.50", "60.17", "40"),
    ("X8", "DE_B2B", "1000", "2026-07-31", "2026-09-01", "32 10.52", "9.22", "40"),
    ("X9", "DE_B2B", "4000", "2024-06-14", "2024-07-15", "16 12.62 15 12.37", "42.35", "40"),
    ("X10", "DE_B2C", "349.90", "2025-11-30", "2026-01-31", "62 6.27", "3.73", "0"),
    ("X11", "DE_B2B", "1190", "2026-05-05", "2026-07-10", "56 10.27 10 10.52", "22.18", "40"),
    ("X12", "UK_B2B", "5000", "2025-05-20", "2025-08-29", "101 12.75", "176.40", "70"),
    ("X13", "UK_B2B", "850", "2025-12-15", "2026-03-31", "106 12.25", "30.24", "40"),
    ("X14", "FR_PUBLIC", "3000", "2025-06-15", "2025-09-30", "107 11.15", "98.06", "40"),
    ("X15", "FR_B2B", "10000", "2023-12-31", "2024-12-31", "182 14.50 184 14.25", "1441.37", "40"),
    ("X17", "BE_B2B", "365", "2024-01-10", "2024-01-11", "1 12.50", "0.13", "40"),
    ("X19", "EU_B2B", "1800", "2025-11-15", "2026-01-20", "66 10.15", "33.04", "40"),
    ("X20", "LU_B2B", "950.40", "2026-05-31", "2026-07-31", "30 10.15 31 10.40", "16.32", "40"),
    ("X21", "FR_B2C", "640", "2026-08-03", "2026-10-15", "73 2.75", "3.52", "0"),
    ("X23", "FR_B2B", "10", "2026-09-30", "2026-10-01", "1 12.40", "0.00", "40"),
    ("X27", "IE_B2B", "10000", "2025-06-30", "2025-08-31", "62 11.15", "189.40", "70"),
    ("ES", "ES_B2B", "1800", "2025-11-15", "2026-01-20", "66 10.15", "33.04", "40"),
    ("IT", "IT_B2B", "1800", "2025-11-15", "2026-01-20", "66 10.15", "33.04", "40"),
]


@pytest.mark.practice("P0-08", "P4-09", "P4-29")
@pytest.mark.parametrize(
    ("regime", "principal", "due", "until", "segments", "amount", "fixed"),
    [example[1:] for example in EXAMPLES],
    ids=[example[0] for example in EXAMPLES],
)
def test_the_worked_examples_to_the_cent(
    regime: str, principal: str, due: str, until: str, segments: str, amount: str, fixed: str
) -> None:
    found = worked(regime, principal, due, until)
    words = segments.split()
    assert shape(found) == [
        (int(days), rate) for days, rate in zip(*[iter(words)] * 2, strict=True)
    ]
    assert (found.interest, found.fixed) == (cents(amount), cents(fixed))
    assert found.segments[0].first == on(due) + D
    assert found.segments[-1].last == on(until)


def test_x2_shows_segments_with_four_decimals() -> None:
    found = worked("FR_B2B", "10000", "2026-04-30", "2026-08-31")
    assert [segment.text("EUR") for segment in found.segments] == ["203.0548", "210.6301"]


LATE = ("FR_B2B", "5000", "2025-05-31", "2025-08-10", ("2025-06-20", "2000"))


@pytest.mark.practice("P4-09")
def test_x4_what_a_payment_pays_first() -> None:
    plain = worked(*LATE)
    assert plain.interest == 8778
    assert shape(plain) == [(20, "13.15"), (10, "13.15"), (41, "12.15")]
    assert [segment.base for segment in plain.segments] == [500000, 300000, 300000]
    assert (plain.principal_left, plain.interest_left, plain.fixed_left) == (300000, 8778, 4000)

    first = worked(*LATE, imputation="interest_first")
    assert (first.interest, first.interest_left, first.fixed_left) == (8840, 5237, 4000)
    assert [segment.base for segment in first.segments] == [500000, 303603, 303603]

    costs = worked(*LATE, imputation="costs_interest_first")
    assert (costs.interest, costs.interest_left) == (8909, 5306)
    assert (costs.fixed, costs.fixed_left, costs.principal_left) == (4000, 0, 307603)


def test_a_payment_smaller_than_the_interest_leaves_the_rest_of_it_owed() -> None:
    found = worked(
        "FR_B2B",
        "5000",
        "2025-05-31",
        "2025-08-10",
        ("2025-06-20", "30"),
        imputation="interest_first",
    )
    assert found.principal_left == 500000
    assert found.interest - found.interest_left == 3000
    whole = worked("FR_B2B", "5000", "2025-05-31", "2025-08-10").interest
    assert abs(found.interest - whole) <= 1  # nothing else changes but a rounding


@pytest.mark.practice("P4-09")
def test_x5_a_credit_note_counts_from_the_first_day_or_from_its_own() -> None:
    line = ("FR_B2B", "3000", "2025-11-30", "2026-02-15", ("2026-01-10", "480"))
    back = worked(*line, credit=True)
    assert (back.interest, shape(back)) == (6459, [(77, "12.15")])
    own = worked(*line, credit=True, own_date=True)
    assert (own.interest, shape(own)) == (7114, [(41, "12.15"), (36, "12.15")])
    assert back.fixed == own.fixed == 4000


@pytest.mark.parametrize("own_date", [False, True])
def test_no_fixed_sum_once_the_whole_invoice_is_credited(own_date: bool) -> None:
    found = worked(
        "FR_B2B",
        "3000",
        "2025-11-30",
        "2026-02-15",
        ("2026-01-10", "3000"),
        credit=True,
        own_date=own_date,
    )
    assert found.fixed == 0
    assert (found.interest > 0) is own_date


@pytest.mark.practice("P4-09")
@pytest.mark.parametrize(
    ("principal", "due", "until", "contract", "amount", "rate"),
    [
        ("2000", "2026-07-31", "2026-10-31", "5", "41.59", "8.25"),
        ("4200", "2024-09-30", "2024-12-31", "14.25", "156.25", "14.76"),
        ("2000", "2026-07-31", "2026-10-31", "9", "45.37", "9.00"),  # above the floor: as it is
    ],
    ids=["X6a", "X6c", "above"],
)
def test_x6_a_french_contract_may_not_go_below_three_times_the_legal_rate(
    principal: str, due: str, until: str, contract: str, amount: str, rate: str
) -> None:
    found = worked("FR_B2B", principal, due, until, contract=contract)
    assert (found.interest, shape(found)) == (cents(amount), [(92, rate)])
    assert bool(found.warnings) is (Decimal(contract) != Decimal(rate))


def test_the_french_default_is_not_raised_to_the_floor() -> None:
    assert worked("FR_B2B", "4200", "2024-09-30", "2024-12-31").interest == 15085
    assert not worked("FR_B2B", "4200", "2024-09-30", "2024-12-31").warnings


def test_x9_germany_divides_by_the_days_of_the_year() -> None:
    german = worked("DE_B2B", "4000", "2024-06-14", "2024-07-15")
    assert {segment.basis for segment in german.segments} == {366}
    other = replace(REGIMES["DE_B2B"], actual=False)
    assert interest(other, 400000, on("2024-06-15"), on("2024-07-15")).interest == 4246
    # split at New Year, though the rate is the same
    over = worked("DE_B2B", "4000", "2023-12-15", "2024-01-15")
    assert [(s.days, s.basis) for s in over.segments] == [(16, 365), (15, 366)]


def test_x14_one_rate_for_the_whole_delay() -> None:
    variable = replace(REGIMES["FR_PUBLIC"], fixing=REGIMES["FR_B2B"].fixing)
    assert interest(variable, 300000, on("2025-06-16"), on("2025-09-30")).interest == 9050


def test_x15_france_divides_by_365_in_a_leap_year_too() -> None:
    actual = replace(REGIMES["FR_B2B"], actual=True)
    assert interest(actual, 1000000, on("2024-01-01"), on("2024-12-31")).interest == 143743


@pytest.mark.practice("P4-09")
def test_x16_rounding_once_and_not_each_segment() -> None:
    found = worked(
        "FR_B2B",
        "12000",
        "2024-10-31",
        "2025-08-20",
        ("2024-12-20", "4000"),
        ("2025-03-05", "4500"),
        ("2025-07-01", "2000"),
        ("2025-08-20", "1500"),
    )
    assert [(s.days, f"{s.rate:.2f}", int(s.base)) for s in found.segments] == [
        (50, "14.25", 1200000),
        (11, "14.25", 800000),
        (64, "13.15", 800000),
        (117, "13.15", 350000),
        (1, "12.15", 350000),
        (50, "12.15", 150000),
    ]
    assert found.interest == 62673
    assert sum(half_up(segment.interest) for segment in found.segments) == 62674
    assert (found.fixed, found.principal_left) == (4000, 0)


def test_x17_half_a_cent_goes_up() -> None:
    assert half_up(Fraction(25, 2)) == 13
    assert half_up(Fraction(249, 20)) == 12


@pytest.mark.practice("P4-09", "P4-29")
def test_x18_the_netherlands_add_each_years_interest_to_the_base() -> None:
    found = worked("NL_B2B", "8000", "2024-03-15", "2026-02-10")
    assert shape(found) == [
        (107, "12.50"),
        (184, "12.25"),
        (74, "11.15"),
        (107, "11.15"),
        (225, "10.15"),
    ]
    assert half_up(found.segments[3].base) == 896802
    assert found.segments[3].base.denominator > 1  # what joins the base is not rounded
    assert found.interest == 182227
    simple = replace(REGIMES["NL_B2B"], compound=False)
    assert interest(simple, 800000, on("2024-03-16"), on("2026-02-10")).interest == 173006
    assert charges.wik(1) == 4000 <= found.fixed == charges.wik(800000)


def test_a_year_from_29_february_ends_on_the_28th() -> None:
    found = worked("NL_B2B", "8000", "2024-02-29", "2025-03-31")
    assert next(s.first for s in found.segments if s.base != 800000) == on("2025-03-01")


@pytest.mark.practice("P4-09")
def test_x22_a_belgian_consumer_owes_only_by_a_clause_and_never_more_than_a_business() -> None:
    # the clause runs from the day after the free reminder of 16 February
    for rate in ("10.50", "15"):
        found = worked("BE_B2C", "300", "2026-02-16", "2026-04-15", contract=rate)
        assert (found.interest, shape(found)) == (501, [(58, "10.50")])
    assert worked("BE_B2C", "300", "2026-02-16", "2026-04-15", contract="8").interest == 381
    none = worked("BE_B2C", "300", "2026-02-16", "2026-04-15")
    assert (none.interest, none.segments, none.fixed) == (0, (), 0)
    assert REGIMES["BE_B2C"].fixed_sum(30000) == 4500


@pytest.mark.practice("P4-09")
@pytest.mark.parametrize("code", sorted(REGIMES))
def test_x24_nothing_is_owed_of_what_was_paid_in_time(code: str) -> None:
    for paid in ("2026-03-31", "2026-03-30"):
        found = worked(code, "100", "2026-03-31", "2026-06-30", (paid, "100"), contract="8")
        assert (found.interest, found.fixed, found.segments) == (0, 0, ())
    on_time = worked(code, "100", "2026-03-31", "2026-03-31", contract="8")
    assert (on_time.interest, on_time.fixed) == (0, 0)


@pytest.mark.practice("P4-09")
def test_x25_a_returned_debit_is_no_payment() -> None:
    debit = Payment(
        id="1",
        customer_id="c1",
        currency="EUR",
        paid_on=on("2026-01-31"),
        amount=150000,
        unallocated=0,
        state=PaymentState.RETURNED,
        allocations=(Allocation(invoice_id="F1", amount=150000),),
    )
    transfer = replace(debit, id="2", paid_on=on("2026-03-31"), state=PaymentState.BOOKED)
    events = booked([debit, transfer], "F1")
    assert events == (Event(on("2026-03-31"), 150000),)
    found = interest(REGIMES["FR_B2B"], 150000, on("2026-02-01"), on("2026-06-30"), events)
    assert (found.interest, shape(found), found.fixed) == (2946, [(59, "12.15")], 4000)
    assert booked([transfer], "F2") == ()


@pytest.mark.practice("P4-09", "P2-59")
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("FR_B2B", "rate missing: FR default from 2027-01-01"),
        ("FR_B2C", "rate missing: FR legal from 2027-01-01"),
        ("BE_B2B", "rate missing: BE commercial from 2027-01-01"),
        ("DE_B2B", "rate missing: DE base from 2027-01-01"),
        ("NL_B2B", "rate missing: NL trade from 2027-01-01"),
        ("NL_B2C", "rate missing: NL consumer from 2026-07-01"),
        ("LU_B2C", "rate missing: LU consumer from 2025-01-01"),
    ],
)
def test_x26_a_rate_that_is_not_known_is_never_invented(code: str, words: str) -> None:
    with pytest.raises(RateMissing) as raised:
        worked(code, "100", "2026-09-30" if "LU" not in code else "2024-12-30", "2027-01-05")
    assert str(raised.value) == words
    assert raised.value.day == on(words[-10:])
    assert isinstance(raised.value, ValueError)


def test_with_one_rate_for_the_whole_delay_only_its_own_day_needs_one() -> None:
    for code in ("FR_PUBLIC", "UK_B2B", "IE_B2B"):
        assert worked(code, "100", "2026-09-30", "2027-06-30").interest > 0
    assert worked("IE_B2B", "100", "2026-12-31", "2027-06-30").interest > 0  # the due date's own
    with pytest.raises(RateMissing):
        worked("UK_B2B", "100", "2026-12-31", "2027-06-30")


def test_after_the_last_payment_no_rate_is_needed() -> None:
    found = worked("FR_B2B", "100", "2026-09-30", "2027-06-30", ("2026-12-31", "100"))
    assert found.segments[-1].last == on("2026-12-31")
    with pytest.raises(RateMissing):
        worked("FR_B2B", "100", "2026-09-30", "2027-06-30", ("2027-01-01", "100"))


def test_before_the_table_begins_nothing_is_known_either() -> None:
    with pytest.raises(RateMissing, match=r"FR default on 2018-06-02 \(known from 2019-01-01\)"):
        worked("FR_B2B", "100", "2018-06-01", "2019-06-01")


@pytest.mark.practice("P0-09", "P4-28")
def test_no_regime_no_interest() -> None:
    found = worked("NONE", "100000", "2020-01-01", "2030-01-01", contract="12")
    assert (found.interest, found.fixed, found.segments) == (0, 0, ())


def test_a_contract_alone() -> None:
    assert worked("CONTRACT", "365", "2030-01-01", "2030-01-31", contract="12").interest == 360
    with pytest.raises(RateMissing, match="contract rate"):
        worked("CONTRACT", "365", "2030-01-01", "2030-01-31")


def test_money_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="leave out what was returned"):
        worked("FR_B2B", "100", "2026-01-01", "2026-02-01", ("2026-01-15", "-5"))


EVENTS = st.lists(st.tuples(st.integers(0, 700), st.integers(1, 60_000), st.booleans()), max_size=5)


@given(st.integers(1, 200_000), EVENTS, st.sampled_from(["FR_B2B", "DE_B2B", "BE_B2B"]))
def test_segments_equal_the_sum_over_single_days(
    principal: int, given_: list[tuple[int, int, bool]], code: str
) -> None:
    """The definition, day by day, against the segments."""
    first, until = on("2023-09-01"), on("2025-08-01")
    events = [Event(first + n * D, amount, credit) for n, amount, credit in given_]
    regime, rates = REGIMES[code], published()
    exact, today = Fraction(0), first
    while today <= until:
        lowered = sum(e.amount for e in events if e.on < today or e.credit)
        base = max(principal - lowered, 0)
        year = 366 if regime.actual and today.year == 2024 else 365
        rate = rates.on(regime.authority, today) + regime.margin
        exact += base * Fraction(rate) / 100 / year
        today += D
    found = interest(regime, principal, first, until, events)
    assert found.interest == half_up(exact)
    assert sum((s.interest for s in found.segments), Fraction(0)) == exact
    assert all(a.last < b.first for a, b in pairwise(found.segments))


@given(EVENTS, st.sampled_from(list(Imputation)), st.sampled_from(["FR_B2B", "NL_B2B", "IE_B2B"]))
def test_nothing_is_lost_in_imputation(
    given_: list[tuple[int, int, bool]], imputation: Imputation, code: str
) -> None:
    first, until = on("2023-09-01"), on("2025-08-01")
    events = [Event(first + n * D, amount) for n, amount, _ in given_]
    found = interest(REGIMES[code], 100_000, first, until, events, imputation=imputation)
    paid = sum(e.amount for e in events if e.on <= until)
    owed = 100_000 + found.interest + found.fixed
    left = found.principal_left + found.interest_left + found.fixed_left
    if imputation is Imputation.PRINCIPAL_FIRST:
        assert left == owed - min(paid, 100_000)
    else:
        assert left == owed - paid or found.principal_left == 0
    assert min(found.principal_left, found.interest_left, found.fixed_left) >= 0


# --- fixed sums ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("balance", "cap"),
    [
        ("100.00", "20.00"),
        ("150.00", "20.00"),
        ("150.01", "30.00"),
        ("150.19", "30.01"),  # a maximum is rounded down
        ("300.00", "45.00"),
        ("500.00", "65.00"),
        ("600.00", "70.00"),
        ("39200.00", "2000.00"),
        ("50000.00", "2000.00"),
        ("0", "0"),
    ],
)
def test_what_a_clause_may_ask_of_a_belgian_consumer(balance: str, cap: str) -> None:
    assert charges.be_consumer(cents(balance)) == cents(cap)


@pytest.mark.parametrize(
    ("principal", "costs"),
    [
        ("125", "40"),
        ("1000", "150"),
        ("2500", "375"),
        ("3200", "445"),
        ("7500", "750"),
        ("23000", "1005"),
        ("200000", "2775"),
        ("1000000", "6775"),
        ("5000000", "6775"),
        ("333.37", "50.00"),  # 50.0055, rounded down
        ("0", "0"),
    ],
)
def test_the_dutch_scale(principal: str, costs: str) -> None:
    assert charges.wik(cents(principal)) == cents(costs)


def test_the_dutch_scale_with_vat_for_who_cannot_deduct_it() -> None:
    assert charges.wik(100000, vat=True) == 18150


@pytest.mark.parametrize(
    ("code", "unpaid", "fixed"),
    [
        ("UK_B2B", "999.99", "40"),
        ("UK_B2B", "1000", "70"),
        ("UK_B2B", "9999.99", "70"),
        ("UK_B2B", "10000", "100"),
        ("IE_B2B", "1000", "40"),
        ("IE_B2B", "1000.01", "70"),
        ("IE_B2B", "10000", "70"),
        ("IE_B2B", "10000.01", "100"),
    ],
)
def test_the_band_follows_what_is_unpaid_when_the_due_date_ends(
    code: str, unpaid: str, fixed: str
) -> None:
    whole = cents(unpaid) + 500000
    events = [Event(on("2026-03-31"), 500000), Event(on("2026-04-01"), cents(unpaid) - 1)]
    found = interest(REGIMES[code], whole, on("2026-04-01"), on("2026-06-30"), events)
    assert found.fixed == cents(fixed)


# --- rates --------------------------------------------------------------------------------------

HALVES = [date(year, month, 1) for year in range(2019, 2027) for month in (1, 7)]


@pytest.mark.parametrize("start", HALVES, ids=str)
def test_the_published_rates_agree_with_each_other(start: date) -> None:
    rates = published()
    mro = rates.on("ECB_MRO_SEMESTER", start)
    assert rates.on("ECB_MRO", start) == mro
    assert rates.on("DE_BASE", start) == mro - Decimal("0.88")
    eight = mro + 8
    up = -(-eight * 2 // 1) / 2  # Decimal's // cuts towards zero
    assert rates.on("BE_COMMERCIAL", start) == (up if up >= eight else up + Decimal("0.5"))
    assert rates.on("NL_TRADE", start) == eight
    assert rates.on("UK_REFERENCE_SEMESTER", start) == rates.on("UK_BANK_RATE", start - D)


def test_a_rate_holds_to_the_day_before_the_next() -> None:
    rates = published()
    assert rates.on("DE_BASE", on("2022-12-31")) == Decimal("-0.88")
    assert rates.on("DE_BASE", on("2023-01-01")) == Decimal("1.62")
    assert rates.on("BE_LEGAL_CIVIL", on("2026-12-31")) == Decimal("4.50")


def test_a_rate_that_changes_within_a_half_year_begins_a_segment() -> None:
    rows = "NL_CONSUMER,2026-01-01,6.00\nNL_CONSUMER,2026-03-15,4.00"
    table = Rates.parse(f"authority,valid_from,rate_percent\n{rows}")
    consumer = regime_of("NL", CustomerKind.CONSUMER, "")
    made = interest(consumer, 100_000, date(2026, 3, 1), date(2026, 3, 31), rates=table)
    assert [(part.first.day, part.last.day, str(part.rate)) for part in made.segments] == [
        (1, 14, "6.00"),
        (15, 31, "4.00"),
    ]


@pytest.mark.parametrize("authority", sorted({*HALF_YEARLY, "BE_LEGAL_CIVIL"}))
def test_a_published_rate_ends_with_its_half_year(authority: str) -> None:
    rates = published()
    assert rates.on(authority, on("2026-12-31")) is not None
    for late in ("2027-01-01", "2027-05-05", "2031-01-01"):
        with pytest.raises(RateMissing, match=f"{authority} from 2027-01-01"):
            rates.on(authority, on(late))


@pytest.mark.practice("P2-58")
def test_a_new_row_takes_effect_on_its_date() -> None:
    text = "\n".join(
        f"{who},{row.since},{'' if row.percent is None else row.percent}"
        for who, rows in published().rows.items()
        for row in rows
    )
    head = "authority,valid_from,rate_percent\n"
    assert Rates.parse(head + text) == published()
    more = Rates.parse(f"{head}{text}\nECB_MRO_SEMESTER,2027-01-01,3.00")
    assert more.on("ECB_MRO_SEMESTER", on("2026-12-31")) == Decimal("2.40")
    found = worked("FR_B2B", "1000", "2026-12-15", "2027-01-10", rates=more)
    assert shape(found) == [(16, "12.40"), (10, "13.00")]
    with pytest.raises(RateMissing, match="from 2027-07-01"):
        more.on("ECB_MRO_SEMESTER", on("2027-07-01"))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("DE_BASE,2026-07-01,one", "line 2"),
        ("DE_BASE,2026-7-1,1.52", "line 2"),
        ("DE_BASE,2026-07-01,NaN", "is no rate"),
        ("DE_BASE", "line 2"),
        ("DE_BASE,2026-07-01,1\nDE_BASE,2026-07-01,2", "line 3: a second rate"),
    ],
)
def test_a_broken_table_is_told_with_its_line(row: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Rates.parse(f"authority,valid_from,rate_percent\n{row}")


@pytest.mark.practice("P2-59")
def test_the_owner_is_warned_before_a_half_year_without_rates() -> None:
    used = ["ECB_MRO_SEMESTER", "DE_BASE", "DE_BASE"]

    def told(day: str) -> list[str]:
        return [str(missing) for missing in published().ending(used, on(day))]

    both = [f"rate missing: {who} from 2027-01-01" for who in ("DE_BASE", "ECB_MRO_SEMESTER")]
    assert told("2026-12-14") == told("2026-06-20") == []
    assert told("2026-12-15") == told("2026-12-31") == told("2027-01-01") == both
    shorter = Rates({"DE_BASE": published().rows["DE_BASE"][:-1]})
    assert not shorter.ending(["DE_BASE"], on("2026-06-14"))
    assert shorter.ending(["DE_BASE"], on("2026-06-15"))


def test_half_years() -> None:
    assert next_half_year(on("2026-06-30")) == on("2026-07-01")
    assert next_half_year(on("2026-07-01")) == on("2027-01-01")


# --- which law ----------------------------------------------------------------------------------

B, C, P = CustomerKind.BUSINESS, CustomerKind.CONSUMER, CustomerKind.PUBLIC


@pytest.mark.practice("P0-36")
@pytest.mark.parametrize(
    ("country", "kind", "chosen", "code"),
    [
        ("FR", B, "", "FR_B2B"),
        ("FR", C, "", "FR_B2C"),
        ("FR", P, "", "FR_PUBLIC"),
        ("BE", P, "", "BE_B2B"),
        ("DE", P, "", "DE_B2B"),
        ("GB", B, "", "UK_B2B"),
        ("GB", C, "", "NONE"),
        ("IE", C, "", "NONE"),
        ("PT", B, "", "EU_B2B"),
        ("PT", C, "", "NONE"),
        ("AT", B, "", "NONE"),
        ("US", B, "", "NONE"),
        ("FR", B, "DE_B2B", "DE_B2B"),
        ("FR", C, "DE_B2B", "DE_B2C"),
        ("FR", C, "UK_B2B", "NONE"),
        ("BE", P, "FR_B2B", "FR_PUBLIC"),
        ("FR", B, "FR_PUBLIC", "FR_PUBLIC"),
        ("FR", C, "NONE", "NONE"),
        ("FR", B, "NONE", "NONE"),
        ("FR", C, "CONTRACT", "NONE"),
        ("US", B, "CONTRACT", "CONTRACT"),
        ("FR", C, "EU_B2B", "NONE"),
    ],
)
def test_the_sellers_law_and_the_kind_of_customer(
    country: str, kind: CustomerKind, chosen: str, code: str
) -> None:
    assert regime_of(country, kind, chosen).code == code


def test_a_regime_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of BE_B2B"):
        regime_of("FR", B, "FR_B2X")


# --- due dates ----------------------------------------------------------------------------------

A, BEFORE = EndOfMonth.AFTER, EndOfMonth.BEFORE


@pytest.mark.practice("P0-08")
@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (Term(30), "2026-02-14 2026-03-02 2027-01-09"),
        (Term(60), "2026-03-16 2026-04-01 2027-02-08"),
        (Term(30, A), "2026-02-28 2026-03-31 2027-01-31"),
        (Term(30, BEFORE), "2026-03-02 2026-03-02 2027-01-30"),
        (Term(45, A), "2026-03-31 2026-03-31 2027-01-31"),
        (Term(45, BEFORE), "2026-03-17 2026-03-17 2027-02-14"),
        (Term(30, A, 10), "2026-03-10 2026-04-10 2027-02-10"),
        (Term(0), "2026-01-15 2026-01-31 2026-12-10"),
    ],
)
def test_the_table_of_due_dates(term: Term, expected: str) -> None:
    issued = [on("2026-01-15"), on("2026-01-31"), on("2026-12-10")]
    assert [terms.due_on(day, term) for day in issued] == [on(day) for day in expected.split()]


def test_without_an_agreed_date_thirty_days_from_receipt() -> None:
    assert terms.agreed_or_default(on("2026-04-05")) == on("2026-05-05")


def test_a_german_due_date_on_a_saturday_moves_to_monday() -> None:
    due = terms.rolled(on("2026-08-01"), ("DE",))
    assert due == on("2026-08-03")
    assert worked("DE_B2B", "10000", str(due), "2026-09-01").interest == 8358
    assert worked("DE_B2B", "10000", "2026-08-01", "2026-09-01").interest == 8935


@pytest.mark.practice("P3-07")
@pytest.mark.parametrize(
    ("issued", "due", "country", "kind", "warned"),
    [
        ("2026-01-15", "2026-04-15", "FR", B, True),
        ("2026-01-15", "2026-03-16", "FR", B, False),
        ("2026-01-01", "2026-03-17", "FR", B, False),  # 45 days end of month
        ("2026-01-15", "2026-02-20", "FR", P, True),
        ("2026-01-15", "2026-03-17", "DE", B, True),
        ("2026-01-15", "2026-12-31", "DE", C, False),
        ("2026-01-15", "2026-12-31", "US", B, False),
    ],
)
def test_a_term_longer_than_the_law_allows_is_told(
    issued: str, due: str, country: str, kind: CustomerKind, warned: bool
) -> None:
    assert bool(terms.beyond_law(on(issued), on(due), country, kind)) is warned
