"""The manual says all that a policy says, in French and English, in plain words."""

import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from connector.cli import policies as commands
from connector.dunning.legal import DUTIES
from connector.dunning.plan import Reason
from connector.dunning.policy import (
    Backlog,
    Caps,
    Grace,
    Hours,
    Match,
    Only,
    Policy,
    QuietPeriod,
    Repeat,
    Segment,
    Step,
    Strategic,
)
from connector.dunning.policy_file import Policies, load, ready_made
from connector.errors import ConfigError
from connector.reports.manual import LANGUAGES, WORDS, manual

FIRM: dict[str, Any] = {
    "name": "ours",
    "country": "FR",
    "minimum": {"EUR": "15"},
    "windows": [{"days": "mon-fri", "from": "09:00", "until": "17:30"}],
    "quiet": [{"from": "08-01", "until": "08-20"}],
    "approve": ["strategic"],
    "strategic": {"top_share": "0.05"},
    "step": [
        {
            "name": "friendly",
            "stage": "friendly",
            "when": "after due",
            "days": 3,
            "channel": "email",
            "only": {"behaviour": ["late"], "minimum": {"EUR": "100"}},
            "repeat": {"every_days": 9, "times": 3},
        },
        {
            "name": "last_word",
            "stage": "notice",
            "when": "after previous",
            "days": 9,
            "channel": "letter",
            "copy": "email",
            "deadline_days": 12,
        },
    ],
    "segment": [
        {
            "name": "abroad",
            "match": {
                "tags": ["vip"],
                "kind": ["consumer"],
                "language": ["de"],
                "country": ["BE"],
                "currency": ["USD"],
                "behaviour": ["new"],
                "exposure_over": {"EUR": "777"},
            },
            "use": "gentle",
        }
    ],
}
"""A policy that says something with every kind of key."""

FIRST, LAST, SEGMENT = ("step", 0), ("step", 1), ("segment", 0)
CHANGES: dict[type[BaseModel], tuple[tuple[str | int, ...], dict[str, Any]]] = {
    Policy: (
        (),
        {
            "name": "theirs",
            "country": "DE",
            "region": "IDF",
            "regime": "EU_B2B",
            "contract_rate": "9.5",
            "gap_days": 6,
            "min_age_days": 8,
            "grace": {"days": 0},
            "minimum": {},
            "group_by": "invoice",
            "freshness_hours": 27,
            "backlog": {"older_than_days": 100},
            "caps": {"day": 7, "first_week_day": 3},
            "windows": [],
            "quiet": [],
            "public_holidays": False,
            "approve": [],
            "strategic": None,
            "missing_copy": "stop",
            "step": [],
            "segment": [],
        },
    ),
    Grace: (("grace",), {"days": 4, "unit": "days"}),
    Backlog: (("backlog",), {"older_than_days": 364}),
    Caps: (("caps",), {"day": 199, "first_week_day": 19}),
    Hours: (("windows", 0), {"days": "mon,wed", "from": "08:15", "until": "24:00"}),
    QuietPeriod: (("quiet", 0), {"from": "07-31", "until": "09-01", "all": True}),
    Strategic: (("strategic",), {"top_share": "0.2"}),
    Step: (
        LAST,
        {
            "name": "final_word",
            "stage": "firm",
            "when": "after due",
            "days": 10,
            "unit": "business days",
            "after": "deadline",
            "channel": "email",
            "template": "other_text",
            "copy": None,
            "approve": True,
            "deadline_days": 13,
            "interest": "claim",
            "charges": "mention",
            "only": {"minimum": {"EUR": "5"}},
            "repeat": {"every_days": 11, "times": 2},
            "until_days": 50,
            "legal": "be-consumer-first",
        },
    ),
    Only: ((*FIRST, "only"), {"behaviour": ["new"], "minimum": {"EUR": "123"}}),
    Repeat: ((*FIRST, "repeat"), {"every_days": 8, "times": 4}),
    Segment: (SEGMENT, {"name": "far away", "match": {"tags": ["x"]}, "use": "strict"}),
    Match: (
        (*SEGMENT, "match"),
        {
            "tags": ["gold"],
            "kind": ["public"],
            "language": ["it"],
            "country": ["CH"],
            "currency": ["GBP"],
            "behaviour": ["loyal"],
            "exposure_over": {"EUR": "888"},
        },
    ),
}
"""Where each model stands in `FIRM`, and another value for each of its keys."""

UNSAID = {(Backlog, "do")}  # has one value only


def policies(raw: dict[str, Any]) -> Policies:
    return Policies(Policy.model_validate(raw), load("gentle", Path()).named)


def changed(place: tuple[str | int, ...], key: str, value: Any, raw: Any = FIRM) -> Any:
    """A copy of the policy with one key changed."""
    if not place:
        return {**raw, key: value}
    here, *rest = place
    if isinstance(raw, list):
        assert isinstance(here, int)
        return [
            changed(tuple(rest), key, value, old) if n == here else old for n, old in enumerate(raw)
        ]
    old = raw.get(here, {"days": 2, "unit": "business days"} if here == "grace" else {})
    if here == "backlog":
        old = {"older_than_days": 365}
    if here == "caps":
        old = {"day": 200, "first_week_day": 20}
    return {**raw, here: changed(tuple(rest), key, value, old)}


def keys() -> Iterator[tuple[type[BaseModel], str]]:
    for model in CHANGES:
        for name, field in model.model_fields.items():
            if (model, name) not in UNSAID:
                yield model, field.alias or name


def models(model: type[BaseModel] = Policy) -> set[type[BaseModel]]:
    """Every model that a policy is made of."""
    found = {model}
    for field in model.model_fields.values():
        for part in re.findall(r"connector\.dunning\.policy\.(\w+)", str(field.annotation)):
            other = getattr(__import__("connector.dunning.policy", fromlist=[part]), part)
            if isinstance(other, type) and issubclass(other, BaseModel) and other not in found:
                found |= models(other)
    return found


def test_no_part_of_a_policy_is_forgotten() -> None:
    assert models() == set(CHANGES)


@pytest.mark.practice("P1-31", "P2-53")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("model", "key"), list(keys()), ids=lambda v: getattr(v, "__name__", v))
def test_every_key_that_changes_changes_the_manual(
    language: str, model: type[BaseModel], key: str
) -> None:
    place, values = CHANGES[model]
    assert key in values, f"a new key {key!r}: what does the manual say of it?"
    value = values[key]
    raw: Any = FIRM
    if (model, key) == (Policy, "step"):
        value = FIRM["step"][:1]
    if (model, key) == (Step, "approve"):
        place = FIRST
    before = manual(policies(raw), language)
    after = manual(policies(changed(place, key, value)), language)
    assert before != after


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ready_made())
def test_every_ready_made_policy_has_a_manual_with_each_step(name: str, language: str) -> None:
    found = load(name, Path())
    text = manual(found, language)
    steps = text.partition("\n## ")[2].partition("\n## ")[0]
    for step in found.firm.steps:
        (row,) = [line for line in steps.splitlines() if line.startswith(f"| `{step.name}` |")]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 5
        assert str(step.days) in cells[2]
        assert WORDS[language][f"by.{step.channel}"] in cells[1] or step.side
        asks = WORDS[language]["goes.approved"]
        assert (cells[3] == asks) is step.asks
        if step.channel in ("email", "letter"):
            assert cells[4] == f"`{step.text}`"
    assert text.endswith("\n")
    assert "{" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_speaks_no_python(language: str) -> None:
    text = manual(policies(FIRM), language, "review")
    prose = re.sub(r"`[^`]*`", "code", text)
    for word in ("None", "True", "False", "Decimal", "frozenset", "Stage.", "Channel.", "()", "_"):
        assert word not in prose, word
    for line in text.splitlines():
        assert line == line.rstrip()


def test_both_languages_say_the_same_things() -> None:
    def holes(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english, french = WORDS["en"], WORDS["fr"]
    assert english.keys() == french.keys()
    for key, text in english.items():
        assert holes(text) == holes(french[key]), key
        assert text.count("|") == french[key].count("|"), key


def test_every_reason_and_every_duty_is_told() -> None:
    reasons = {f"silent.{reason}" for reason in Reason} - {"silent.settled"}
    told = {key for key in WORDS["en"] if key.startswith("silent.")}
    assert told == reasons | {"silent.title", "silent.lead", "silent.head"}
    assert {f"legal.{duty}" for duty in DUTIES} <= WORDS["en"].keys()


@pytest.mark.practice("P4-22")
def test_the_supply_stop_is_in_it() -> None:
    assert "supply_stop" in manual(policies(FIRM), "en")
    assert "supply_stop" in manual(policies(FIRM), "fr")


def test_words_of_the_firm_stay_words() -> None:
    raw = changed(SEGMENT, "name", "a *bold* [x](y) | <b>")
    text = manual(policies(raw), "en")
    assert r"a \*bold\* \[x\](y) \| \<b\>" in text


def test_french_sets_its_spaces() -> None:
    text = manual(policies(FIRM), "fr")
    assert not re.search(r" [:;?!»]|« ", text)
    assert "\u00a0:" in text
    assert "1er août" in text


def test_review_is_told_only_while_it_is_so() -> None:
    words = WORDS["en"]["who.review_all"]
    assert words in manual(policies(FIRM), "en", "review")
    assert words not in manual(policies(FIRM), "en", "auto")


def test_the_command_prints_or_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert commands.policy_manual(None, "", None) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# Comment nous relançons nos clients")
    out = tmp_path / "manual.md"
    assert commands.policy_manual(None, "en", out) == 0
    assert out.read_text(encoding="utf-8").startswith("# How we remind our customers")
    with pytest.raises(ConfigError, match="en or fr"):
        commands.policy_manual(None, "de", None)
