"""What the keys of a policy may not say together, told of whatever of it could be read."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from connector.dunning.legal import DUTIES
from connector.dunning.policy import (
    MESSAGES,
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
from connector.dunning.snapshot import STAGE_RANK, Channel, Stage
from connector.receivables import calendar

Loc = tuple[str | int, ...]
Mistakes = Iterator[tuple[Loc, str]]
_Read = TypeVar("_Read", bound=BaseModel)

_PERSONS = (Stage.NOTICE, Stage.HANDOVER)
_CONTACT = (Stage.FRIENDLY, Stage.FIRM)
_TABLES: Mapping[str, type[BaseModel]] = {
    "step": Step,
    "segment": Segment,
    "match": Match,
    "only": Only,
    "repeat": Repeat,
    "grace": Grace,
    "backlog": Backlog,
    "caps": Caps,
    "windows": Hours,
    "quiet": QuietPeriod,
    "strategic": Strategic,
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What can be read of a policy: None for a step that cannot, and the keys left out of others.

    A step whose key is wrong is read without that key, so that its other mistakes are told too.
    """

    home: str
    windows: tuple[tuple[int, Hours], ...]
    steps: tuple[Step | None, ...]
    left_out: tuple[frozenset[str], ...]
    segments: tuple[tuple[int, Segment], ...]


def draft(raw: Mapping[str, Any]) -> Draft:
    """What can be read of a policy, sound or not."""
    steps = [_readable(Step, step) for step in _tables(raw, "step")]
    windows = [_readable(Hours, window)[0] for window in _tables(raw, "windows")]
    segments = [_readable(Segment, segment)[0] for segment in _tables(raw, "segment")]
    country, region = str(raw.get("country", "")), raw.get("region", "")
    return Draft(
        home=f"{country}-{region}" if region and calendar.known(country) else "",
        windows=tuple((index, one) for index, one in enumerate(windows) if one),
        steps=tuple(step for step, _ in steps),
        left_out=tuple(left_out for _, left_out in steps),
        segments=tuple((index, one) for index, one in enumerate(segments) if one),
    )


def _tables(raw: Mapping[str, Any], key: str) -> list[Any]:
    found = raw.get(key)
    return found if isinstance(found, list) else []


def _readable(model: type[_Read], raw: Any) -> tuple[_Read | None, frozenset[str]]:
    """The model of a table, without its wrong keys if it stands without them; and those keys."""
    try:
        return model.model_validate(raw), frozenset()
    except ValidationError as error:
        wrong = frozenset(str(problem["loc"][0]) for problem in error.errors() if problem["loc"])
    if not isinstance(raw, dict):
        return None, wrong
    try:
        rest = {key: value for key, value in raw.items() if key not in wrong}
        return model.model_validate(rest), wrong
    except ValidationError:
        return None, wrong


def mistakes(draft: Draft, texts: Collection[str] | None = None) -> Mistakes:
    """What is wrong between the keys of a policy; `texts` are the templates there are, if known."""
    if draft.home and not calendar.known(draft.home):
        country, _, region = draft.home.partition("-")
        yield ("region",), f"{region!r} is not a region of {country} we know"
    for index, hour in draft.windows:
        if hour.start >= hour.until:
            yield ("windows", index), "from must be before until"
    for index, step in enumerate(draft.steps):
        if step:
            found = (*_timing(step, draft.left_out[index]), *_reach(step), *_legal(step))
            yield from (((("step", index, *loc)), words) for loc, words in found)
            if texts is not None and step.channel in MESSAGES and step.text not in texts:
                key = "template" if step.template else "name"
                told = f"no text {step.text!r}{did_you_mean(step.text, texts)}"
                yield ("step", index, key), told
    for index, segment in draft.segments:
        if not segment.match.model_fields_set:
            told = f"is empty: give at least one of {', '.join(Match.model_fields)}"
            yield ("segment", index, "match"), told
    yield from _names(draft)
    yield from _order(draft)
    yield from _first_contact(draft)


def _timing(step: Step, left_out: frozenset[str]) -> Mistakes:
    if (step.when == "before due") != (step.stage is Stage.BEFORE_DUE):
        yield ("when",), "before due goes with the stage before_due, and only with it"
    if step.stage is Stage.BEFORE_DUE and step.days < 3 and "days" not in left_out:
        yield ("days",), "needs at least 3: a step before due lapses 2 days before"
    if step.after == "deadline" and step.when != "after previous":
        yield ("after",), 'after = "deadline" goes with when = "after previous"'
    if step.until_days is not None and step.until_days <= step.days:
        yield ("until_days",), f"must be more than days = {step.days}, or the step never speaks"


def _reach(step: Step) -> Mistakes:
    if step.repeat and (step.side or step.stage is Stage.HANDOVER):
        yield ("repeat",), "only e-mails and letters repeat"
    if step.copy_channel and step.channel is not Channel.LETTER:
        yield ("copy",), "only a letter has a copy"
    if step.stage is Stage.HANDOVER and step.channel not in (Channel.TASK, Channel.NOTE):
        yield ("channel",), "a hand-over is a task or a note"
    if step.stage in _PERSONS and not step.approve and "approve" in step.model_fields_set:
        told = (
            f"a {step.stage} never goes by itself: a person approves each. Write true, or nothing"
        )
        yield ("approve",), told


def _legal(step: Step) -> Mistakes:
    if not step.legal:
        return
    duty = DUTIES.get(step.legal)
    if duty is None:
        known = ", ".join(sorted(DUTIES))
        yield ("legal",), f"{step.legal!r} is not one of {known}{did_you_mean(step.legal, DUTIES)}"
        return
    if step.channel not in MESSAGES:
        yield ("legal",), "only an e-mail or a letter answers for a legal duty"
    day = date(2026, 1, 5)
    least = (duty(day, Channel.EMAIL) - day).days
    if step.deadline is not None and step.deadline < least:
        yield ("deadline_days",), f"the law gives {least} days here: at least {least}"


def _names(draft: Draft) -> Mistakes:
    seen: set[str] = set()
    for index, step in enumerate(draft.steps):
        if step and step.name in seen:
            yield ("step", index, "name"), f"{step.name!r} is used twice"
        seen.add(step.name if step else "")


def _order(draft: Draft) -> Mistakes:
    """Stages never go down, and days go up along the ladder."""
    rank, last, before = -1, float("-inf"), ""
    for index, step in enumerate(draft.steps):
        if step is None:
            continue
        if STAGE_RANK[step.stage] < rank:
            told = f"{step.stage} comes after a harder stage; stages never go down"
            yield ("step", index, "stage"), told
        rank = max(rank, STAGE_RANK[step.stage])
        if step.when == "after previous" or "days" in draft.left_out[index]:
            continue
        day = _day(step)
        if day <= last:
            told = f"{step.name} must come later than {before}: offsets go up along the ladder"
            yield ("step", index, "days"), told
        elif day > last:
            last, before = day, step.name


def _day(step: Step) -> float:
    """Days from the due date, business days as so many weeks of five."""
    days = step.days * 7 / 5 if step.unit != "days" else step.days
    return -days if step.stage is Stage.BEFORE_DUE else days


def _first_contact(draft: Draft) -> Mistakes:
    """A notice comes after a contact that always happens, a hand-over after a notice."""
    spoken = noticed = False
    for index, step in enumerate(draft.steps):
        if step is None:  # what it is cannot be told: its own mistake is, and nothing that follows
            spoken = noticed = True
            continue
        if step.when == "after previous" and not spoken:
            told = "after previous needs an earlier step after the due date"
            yield ("step", index, "when"), told
        if step.stage is Stage.NOTICE and not step.side:
            if not spoken:
                yield (
                    ("step", index, "stage"),
                    "a notice can never be the first contact after the due date: put a friendly "
                    "or firm e-mail or letter before it, without only and until_days",
                )
            noticed = True
        if step.stage is Stage.HANDOVER and not noticed:
            yield ("step", index, "stage"), "a hand-over needs a notice before it"
        if step.stage in _CONTACT and not step.side:
            spoken = spoken or not (step.only or step.until_days)


def not_a_key(loc: Loc) -> str:
    """What to say of a key that no policy has: the nearest one, else all that may stand there."""
    tables = [part for part in loc[:-1] if isinstance(part, str)]
    model = _TABLES.get(tables[-1], Policy) if tables else Policy
    allowed = [field.alias or name for name, field in model.model_fields.items()]
    where = f"a key of {tables[-1]}" if tables else "a key of a policy"
    near = did_you_mean(str(loc[-1]), allowed)
    return f"is not {where}{near or '; there are ' + ', '.join(allowed)}"


def did_you_mean(word: str, known: Collection[str]) -> str:
    """`; did you mean 'x'?` of the nearest known word, empty if none is near."""
    near = get_close_matches(word, sorted(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
