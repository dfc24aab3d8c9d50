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
        (STEP + "until_days = 3\n", 10, "never speaks"),
        (STEP + 'legal = "be-consumer-frist"\n', 10, "did you mean 'be-consumer-first'"),
        (STEP + 'legal = "nl-14-day-letter"\ndeadline_days = 8\n', 11, "the law gives 15 days"),
        (STEP.replace("email", "call") + 'legal = "nl-14-day-letter"\n', 10, "an e-mail or"),
        (STEP + STEP.replace('"friendly"\nstage', '"b"\nstage'), 15, "b must come later"),
        (
            STEP + STEP.replace('"friendly"\nstage', '"b"\nstage').replace("= 3", "= 1"),
            15,
            "must come later than friendly",
        ),
        ('[[segment]]\nname = "x"\nmatch = {}\nuse = "gentle"\n' + STEP, 5, "is empty"),
        (STEP + "minimums = 3\n", 10, "there are name, stage"),
        (STEP + "intrest = 3\n", 10, "did you mean 'interest'?"),
        (STEP + "[step.only]\nbehavior = 'late'\n", 11, "did you mean 'behaviour'?"),
        (STEP + "only = { minimum = { EUR = '1.005' } }\n", 10, "not a whole number"),
        (
            '[[segment]]\nname = "x"\nuse = "gentle"\n[segment.match]\nkind = "private"\n' + STEP,
            7,
            "consumer",
        ),
    ],
)
@pytest.mark.practice("P0-07", "P0-24")
def test_what_may_not_stand_together_is_told(more: str, line: int, words: str) -> None:
    told = problems(HEAD + more)
    assert any(f"line {line}:" in p and words in p for p in told), told


NOTICE = '[[step]]\nname="n"\nstage="notice"\nwhen="after due"\ndays=30\nchannel="letter"\n'
HANDOVER = '[[step]]\nname="h"\nstage="handover"\nwhen="after previous"\ndays=5\nchannel="task"\n'


@pytest.mark.practice("P2-09")
@pytest.mark.parametrize(("asked", "line"), [(NOTICE, 16), (NOTICE + HANDOVER, 22)])
def test_no_notice_and_no_hand_over_ever_goes_by_itself(asked: str, line: int) -> None:
    assert all(step.asks for step in parse(HEAD + STEP + asked, "test.toml").steps[1:])
    assert parse(HEAD + STEP + asked + "approve = true\n", "test.toml")
    (told,) = problems(HEAD + STEP + asked + "approve = false\n")
    assert told.startswith(f"test.toml, line {line}: step.")
    assert "never goes by itself" in told


MIXED = """name = "mixed"
country = "FR"
region = "Atlantis"
gap_dayz = 5
[[step]]
name = "friendly"
stage = "friendly"
when = "after due"
days = -3
channel = "email"
copy = "email"
[[step]]
name = "n"
stage = "notice"
when = "after due"
days = 30
channel = "letter"
approve = false
colour = "red"
[[segment]]
name = "x"
match = { country = "be" }
use = "gentel"
"""


@pytest.mark.practice("P0-07")
def test_wrong_words_and_wrong_pairs_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "mixed.toml").write_text(MIXED, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load("mixed.toml", tmp_path)
    told = {int(p.split("line ")[1].split(":")[0]): p for p in caught.value.problems}
    assert len(told) == len(caught.value.problems)
    for line, words in (
        (3, "'Atlantis' is not a region of FR"),
        (4, "did you mean 'gap_days'"),
        (9, "greater than or equal to 0"),
        (11, "only a letter has a copy"),
        (18, "never goes by itself"),
        (19, "is not a key of step; there are name"),
        (22, "country"),
        (23, "did you mean 'gentle'"),
    ):
        assert words in told.pop(line)
    assert not told  # a step that cannot be read makes no other step wrong


def test_a_broken_step_makes_no_other_wrong() -> None:
    broken = STEP.replace('"after due"', '"some day"')
    told = problems(HEAD + broken + NOTICE + HANDOVER)
    assert [p.split(": ")[1] for p in told] == ["step.1.when"]


def test_a_step_whose_text_is_unknown_is_told() -> None:
    texts = {"friendly", "formal_notice"}
    assert parse(HEAD + STEP, "test.toml", texts)
    named = problems_with(HEAD + STEP + NOTICE, texts)
    assert named == ["test.toml, line 11: step.2.name: no text 'n'"]
    misspelt = STEP + 'template = "freindly"\n'
    (told,) = problems_with(HEAD + misspelt, texts)
    assert told == (
        "test.toml, line 10: step.1.template: no text 'freindly'; did you mean 'friendly'?"
    )
    call = STEP.replace('channel = "email"', 'channel = "call"')
    assert parse(HEAD + call, "test.toml", set())


def problems_with(text: str, texts: set[str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "test.toml", texts)
    return list(caught.value.problems)


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
    with pytest.raises(ConfigError, match=r"line 13: segment.1.use: .*did you mean 'gentle'"):
        load("mine.toml", tmp_path)


def test_two_policies_of_one_name_are_told(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(HEAD + STEP, encoding="utf-8")
    segment = '[[segment]]\nname = "x"\nmatch = { tags = "vip" }\nuse = "other.toml"\n'
    (tmp_path / "mine.toml").write_text(HEAD + STEP + segment, encoding="utf-8")
    with pytest.raises(ConfigError, match="the name of another policy, 'test'"):
        load("mine.toml", tmp_path)
    mine = (HEAD + STEP + segment).replace('"test"', '"mine"')
    (tmp_path / "mine.toml").write_text(mine, encoding="utf-8")
    assert set(load("mine.toml", tmp_path).named) >= {"mine", "test", "other.toml", "gentle"}
