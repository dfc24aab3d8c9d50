"""Money, the claim, business days and limitation: the arithmetic, from worked examples."""

from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.dunning.legal import wait_until
from connector.dunning.snapshot import Channel
from connector.receivables import calendar, money
from connector.receivables.calendar import Window
from connector.receivables.claim import Owed, claim, explains
from connector.receivables.limitation import last_day
from connector.receivables.records import CustomerKind


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [("12.34", "EUR", 1234), ("500", "JPY", 500), ("1.234", "TND", 1234), ("-3.10", "USD", -310)],
)
def test_minor_units_follow_the_currency(amount: str, currency: str, expected: int) -> None:
    assert money.minor(Decimal(amount), currency) == expected
    assert money.parse(amount, currency) == expected
    assert Decimal(money.text(expected, currency)) == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("1.005", "EUR"), ("1.5", "JPY"), ("NaN", "EUR"), ("1", "EURO"), ("x", "EUR")],
)
def test_what_is_no_amount_raises(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        money.parse(amount, currency)


@given(st.integers(-(10**14), 10**14), st.sampled_from(["EUR", "JPY", "TND"]))
def test_money_survives_the_round_trip(amount: int, currency: str) -> None:
    assert money.parse(money.text(amount, currency), currency) == amount


def owed(id: str, day: int, balance: int, claimable: bool = True, withheld: int = 0) -> Owed:
    return Owed(id, date(2026, 1, day), balance, claimable, withheld)


def test_credits_go_to_claimable_lines_first_oldest_first() -> None:
    lines = [owed("c", 1, 100, False), owed("b", 9, 100), owed("a", 5, 100)]
    assert claim(lines, [("N", 150)]).net == {"a": 0, "b": 50, "c": 100}
    assert claim(lines, [("N", 250)]).net == {"a": 0, "b": 0, "c": 50}
    assert claim(lines, [("N", 999)]).net == {"a": 0, "b": 0, "c": 0}


def test_a_disputed_part_is_neither_claimed_nor_covered() -> None:
    assert claim([owed("a", 1, 100, withheld=40)], [("N", 10)]).net == {"a": 50}


@given(
    st.lists(st.tuples(st.integers(1, 28), st.integers(1, 10**6), st.booleans()), min_size=1),
    st.lists(st.integers(0, 10**6)),
    st.integers(0, 10**6),
)
def test_more_credit_never_raises_a_line(
    lines: list[tuple[int, int, bool]], credits_: list[int], more: int
) -> None:
    made = [owed(str(i), d, b, c) for i, (d, b, c) in enumerate(lines)]
    given_ = [(f"{i:03}", amount) for i, amount in enumerate(credits_)]
    before = claim(made, given_)
    after = claim(made, [*given_, ("zzz", more)])
    assert all(after.net[k] <= before.net[k] for k in before.net)
    total = sum(b for _, b, _ in lines)
    assert sum(before.net.values()) == max(total - sum(credits_), 0)
    assert sum(part.amount for part in before.parts) == total - sum(before.net.values())


@pytest.mark.parametrize(
    ("payments", "balances", "overdue", "expected"),
    [
        ([101], [1000, 700], 1000, True),  # more than a tenth
        ([100], [1000, 700], 1000, False),
        ([70], [1000, 70], 5000, True),  # equals a balance
        ([30, 40], [1000, 70], 5000, True),  # together
        ([], [100], 100, False),
        ([10], [100], 0, True),  # nothing is overdue: any money may be the payment
    ],
)
def test_money_on_account_may_be_the_payment(
    payments: list[int], balances: list[int], overdue: int, expected: bool
) -> None:
    assert explains(payments, balances, overdue) is expected


@pytest.mark.parametrize(
    ("day", "place", "expected"),
    [
        ("2026-07-14", "FR", "2026-07-15"),
        ("2026-05-14", "FR", "2026-05-15"),
        ("2026-08-15", "FR", "2026-08-17"),
        ("2026-07-21", "BE", "2026-07-22"),
        ("2026-12-25", "FR", "2026-12-28"),
        ("2026-04-03", "FR", "2026-04-03"),
        ("2026-04-03", "FR-57", "2026-04-07"),
        ("2026-10-03", "DE", "2026-10-05"),
        ("2026-04-03", "NL", "2026-04-07"),
    ],
)
def test_a_step_on_a_closed_day_moves_forward(day: str, place: str, expected: str) -> None:
    found = calendar.next_open(date.fromisoformat(day), (place,))
    assert found == date.fromisoformat(expected)


def test_the_window_opens_when_the_clock_says() -> None:
    paris = ZoneInfo("Europe/Paris")
    window = (Window(frozenset(range(5)), time(9), time(17, 30)),)

    def opens(text: str) -> str:
        at = datetime.fromisoformat(text).replace(tzinfo=paris)
        return calendar.next_opening(window, at).isoformat()

    assert opens("2026-11-20T10:00") == "2026-11-20T10:00:00+01:00"
    assert opens("2026-11-20T17:30") == "2026-11-23T09:00:00+01:00"
    assert opens("2026-11-20T08:59") == "2026-11-20T09:00:00+01:00"
    assert opens("2026-03-28T12:00") == "2026-03-30T09:00:00+02:00"  # the clock changed meanwhile


@pytest.mark.parametrize(
    ("due", "country", "kind", "expected"),
    [
        ("2024-03-31", "FR", CustomerKind.BUSINESS, "2029-03-31"),
        ("2024-03-31", "FR", CustomerKind.CONSUMER, "2026-03-31"),
        ("2023-05-10", "DE", CustomerKind.BUSINESS, "2026-12-31"),
        ("2024-02-29", "FR", CustomerKind.BUSINESS, "2029-02-28"),
        ("2024-02-29", "US", CustomerKind.BUSINESS, None),
    ],
)
def test_limitation(due: str, country: str, kind: CustomerKind, expected: str | None) -> None:
    found = last_day(date.fromisoformat(due), country, kind)
    assert found == (date.fromisoformat(expected) if expected else None)


@pytest.mark.parametrize(
    ("sent", "channel", "free_from"),
    [
        ("2023-09-18", Channel.LETTER, "2023-10-05"),
        ("2023-09-18", Channel.EMAIL, "2023-10-03"),
        ("2026-07-17", Channel.LETTER, "2026-08-06"),
        ("2026-07-17", Channel.EMAIL, "2026-08-01"),
    ],
)
def test_the_belgian_consumer_has_fourteen_days(
    sent: str, channel: Channel, free_from: str
) -> None:
    until = wait_until("be-consumer-first", date.fromisoformat(sent), channel)
    assert until
    assert (date.fromisoformat(free_from) - until).days == 1
