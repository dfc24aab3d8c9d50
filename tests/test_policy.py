"""The policy language: every mistake is told, with its line; what is sound is read as it stands."""

from datetime import date, time
from pathlib import Path

import pytest

from connector.dunning.policy_file import load, parse, read, ready_made
from connector.errors import ConfigError
from tests.facts import TODAY, account, case

STEP = """
[[step]]
name = "friendly"
stage = "friendly"
when = "after due"
days = 3
channel = "email"
"""
HEAD = 'name = "test"\ncountry = "FR"\n'


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "test.toml")
    return list(caught.value.problems)


@pytest.mark.parametrize("name", ready_made())
def test_each_ready_made_policy_is_sound(name: str) -> None:
    policy = read(name, Path())
    assert policy.name == name
    assert policy.ladder


TEN = """
name = "Ten Mistakes"
country = "XX"
gap_days = 0
minimum = { EURO = "1" }
windows = [ { days = "mon-fry", from = "9h", until = "17:30" } ]
quiet = [ { from = "08-41", until = "08-20" } ]
colour = "red"

[[step]]
name = "a"
stage = "notices"
when = "later"
channel = "fax"
"""


@pytest.mark.practice("P0-07")
def test_ten_mistakes_print_ten_messages() -> None:
    told = problems(TEN)
    assert len(told) >= 10
    for line, key in (
        (2, "name"),
        (3, "country"),
        (4, "gap_days"),
        (5, "minimum"),
        (6, "windows"),
        (7, "quiet"),
        (8, "colour"),
        (12, "stage"),
        (13, "when"),
        (14, "channel"),
    ):
        assert any(p.startswith(f"test.toml, line {line}: ") and key in p for p in told), (
            key,
            told,
        )


@pytest.mark.parametrize(
    ("more", "line", "words"),
    [
        (
            '[[step]]\nname="n"\nstage="notice"\nwhen="after due"\nchannel="letter"\n',
            5,
            "first contact",
        ),
        (STEP + STEP, 12, "used twice"),
        (STEP.replace("after due", "before due"), 7, "before_due"),
        (
            STEP
            + '[[step]]\nname="b"\nstage="before_due"\nwhen="before due"\ndays=7\nchannel="email"\n',
            12,
            "never go down",
        ),
        (STEP.replace("after due", "after previous"), 7, "earlier step"),
        (
            STEP + '[[step]]\nname="h"\nstage="handover"\nwhen="after due"\nchannel="task"\n',
            12,
            "notice",
        ),
        (STEP + 'legal = "made-up"\n', 10, "be-consumer-first"),
        (STEP + 'copy = "email"\n', 10, "only a letter"),
    ],
)
def test_what_may_not_stand_together_is_told(more: str, line: int, words: str) -> None:
    told = problems(HEAD + more)
    assert any(f"line {line}:" in p and words in p for p in told), told


def test_until_days_never_makes_a_notice_the_first_contact() -> None:
    notice = '[[step]]\nname="n"\nstage="notice"\nwhen="after due"\ndays=30\nchannel="letter"\n'
    lapsing = STEP + "until_days = 20\n"
    assert any("first contact" in p for p in problems(HEAD + lapsing + notice))
    assert parse(HEAD + STEP + notice, "test.toml")


def test_not_toml_is_told() -> None:
    assert "not TOML" in problems("name = ")[0]


def test_a_policy_reads_its_words() -> None:
    policy = parse(
        HEAD
        + 'windows = [ { days = "mon-wed,fri", from = "09:00", until = "24:00" } ]\n'
        + 'quiet = [ { from = "12-24", until = "01-02", all = true } ]\nminimum = { JPY = "500" }\n'
        + STEP,
        "test.toml",
    )
    (window,) = policy.hours
    assert window.days == frozenset({0, 1, 2, 4})
    assert (window.start, window.until) == (time(9), time.max)
    assert policy.week == frozenset({0, 1, 2, 4})
    assert policy.smallest == {"JPY": 500}
    (quiet,) = policy.quiet
    assert [quiet.covers(date(2026, m, d)) for m, d in ((12, 23), (12, 24), (1, 2), (1, 3))] == [
        False,
        True,
        True,
        False,
    ]


def test_unknown_names_list_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="standard-b2b"):
        read("standard", tmp_path)


def test_policy_on_invoice_over_customer_over_segment_over_firm(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\ncountry = "FR"\n'
        + STEP
        + '[[segment]]\nname = "key account"\nmatch = { tags = ["vip"] }\nuse = "gentle"\n',
        encoding="utf-8",
    )
    policies = load("mine.toml", tmp_path)
    plain = case()
    vip = case(account=account(customer={"tags": ("vip", "x")}))
    chosen = case(account=account(customer={"tags": ("vip",), "policy": "standard-b2b"}))
    own = case(policy="consumer-be", account=chosen.account)
    names = [policies.of(c, {}).policy.name for c in (plain, vip, chosen, own)]
    assert names == ["mine", "gentle", "standard-b2b", "consumer-be"]
    assert "key account" in policies.of(vip, {}).because
    assert TODAY


def test_a_segment_with_an_unknown_policy_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        HEAD + STEP + '[[segment]]\nname = "x"\nmatch = { tags = ["vip"] }\nuse = "gentel"\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match="gentel"):
        load("mine.toml", tmp_path)
