"""The policy as a manual for the team: what happens when, who does what, what silences an invoice.

Markdown in French or English, made from the policy alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from babel import Locale

from connector.dunning.plan import Reason
from connector.dunning.policy import (
    MESSAGES,
    Hours,
    Match,
    Policy,
    QuietPeriod,
    Segment,
    Step,
)
from connector.dunning.policy_file import Policies
from connector.dunning.snapshot import Channel, Rung, Stage
from connector.reports import manual_en, manual_fr
from connector.reports.voice import Voice

WORDS: Mapping[str, Mapping[str, str]] = {"en": manual_en.WORDS, "fr": manual_fr.WORDS}
LANGUAGES = tuple(sorted(WORDS))


def manual(policies: Policies, language: str, mode: str = "auto", terms: str = "") -> str:
    """The firm's policy, and those of its segments, as a document in one of `LANGUAGES`.

    `mode` is how the firm runs: in `review` every message waits for a person. `terms` are its
    terms of payment, as messages quote them.
    """
    voice = Voice(WORDS[language], Locale.parse(language))
    firm = policies.firm
    used = dict.fromkeys(segment.use for segment in firm.segments)
    others = [policies.named[name] for name in used if policies.named[name] != firm]
    parts = [
        [f"# {voice('title', name=f'`{firm.name}`')}", voice("intro"), *_law(firm, voice)],
        [voice("terms", text=terms)] if terms else [],
        _steps(firm, voice, voice("steps.title")),
        _timing(firm, voice),
        _who(firm, voice, mode),
        _segments(firm, voice),
        *(_other(other, voice) for other in others),
        _silent(voice),
    ]
    return voice.typeset("\n\n".join(block for part in parts for block in part)) + "\n"


def _other(policy: Policy, voice: Voice) -> list[str]:
    """The policy of a segment: its steps, and when they go."""
    title = voice("other.title", name=f"`{policy.name}`")
    _, timing = _timing(policy, voice)
    return [*_steps(policy, voice, title), *_law(policy, voice), timing]


def _law(policy: Policy, voice: Voice) -> list[str]:
    country = str(voice.locale.territories.get(policy.country, policy.country))
    place = voice("region", country=country, region=policy.region) if policy.region else country
    days = voice("country" if policy.public_holidays else "no_holidays", country=place)
    by_law = policy.regime and voice("regime", regime=policy.regime)
    fixed = policy.contract_rate is not None
    rate = voice.share((policy.contract_rate or Decimal(0)) / 100)
    contract = _unless(fixed, voice, "contract", rate=rate)
    return [f"{days} {by_law or voice('regime_of_country')} {contract}"]


def _steps(policy: Policy, voice: Voice, title: str) -> list[str]:
    rows = [
        (
            f"`{step.name}`",
            _what(rung, step, voice),
            _when(step, voice),
            _goes(step, voice),
            f"`{step.text}`" if step.channel in MESSAGES else "",
        )
        for rung, step in policy.rungs
    ]
    details = (
        block
        for place, (rung, step) in enumerate(policy.rungs, 1)
        for block in (
            "### "
            + voice("step.title", place=place, what=_what(rung, step, voice), name=step.name),
            _bullets(_details(rung, step, voice)),
        )
    )
    return [f"## {title}", voice("steps.lead"), _table(voice("steps.head"), rows), *details]


def _what(rung: Rung, step: Step, voice: Voice) -> str:
    if rung.side:
        return f"{voice(f'beside.{step.channel}')}, {voice(f'after.{step.stage}')}"
    return f"{voice(f'stage.{step.stage}')}, {voice(f'by.{step.channel}')}"


def _when(step: Step, voice: Voice) -> str:
    key = step.after if step.when == "after previous" else step.when
    return voice(f"when.{key}", count=voice.count(step.days, step.unit))


def _goes(step: Step, voice: Voice, form: str = "") -> str:
    alone = "alone" if step.channel in MESSAGES else "unasked"
    return voice(f"goes.{'approved' if step.asks else alone}{form}")


def _details(rung: Rung, step: Step, voice: Voice) -> Iterator[str]:
    """A step in sentences."""
    yield f"{_capital(_when(step, voice))}."
    if step.only:
        yield voice("only", conditions=_only(step, voice))
    if step.stage is Stage.BEFORE_DUE:
        yield voice("lapses")
    if step.until_days is not None:
        yield voice("until", count=voice.count(step.until_days, "days"))
    if step.repeat:
        every = voice.count(step.repeat.every_days, "days")
        yield voice("repeat", every=every, times=step.repeat.times)
    yield _goes(step, voice, "_long")
    if step.stage is Stage.HANDOVER:
        yield voice("done.handover")
    if step.channel is not Channel.EMAIL:
        yield voice(f"done.{step.channel}")
    message = step.channel in MESSAGES
    if message or step.template:
        yield voice("text", text=step.text)
    if step.copy_channel:
        yield voice("copy")
    if step.deadline is not None and (message or step.deadline_days):
        yield voice("deadline", count=voice.count(step.deadline, "days"))
    for key, claiming in (("interest", step.interest), ("charges", step.charges)):
        if message or claiming != "off":
            yield voice(f"{key}.{claiming}")
    if step.legal:
        duty = voice.words.get(f"legal.{step.legal}", f"`{step.legal}`")
        yield voice("legal", duty=duty)


def _only(step: Step, voice: Voice) -> str:
    assert step.only
    told = []
    if step.only.behaviour:
        behaviours = voice.one_of("behaviour", step.only.behaviour)
        told.append(voice("only.behaviour", behaviours=behaviours))
    if step.only.minimum:
        told.append(voice("only.minimum", amounts=voice.amounts(step.only.minimum)))
    return voice("or_else").join(told)


def _timing(policy: Policy, voice: Voice) -> list[str]:
    return [f"## {voice('timing.title')}", _bullets(_timings(policy, voice))]


def _timings(policy: Policy, voice: Voice) -> Iterator[str]:
    grace, caps = policy.grace, policy.caps
    yield _unless(grace.days, voice, "grace", count=voice.count(grace.days, grace.unit))
    yield _unless(
        policy.min_age_days, voice, "min_age", count=voice.count(policy.min_age_days, "days")
    )
    gap, whom = voice.count(policy.gap_days, "days"), voice(f"gap.{policy.group_by}")
    yield voice("gap", count=gap, whom=whom)
    yield voice(f"group.{policy.group_by}")
    yield _unless(policy.minimum, voice, "minimum", amounts=voice.amounts(policy.minimum))
    yield _unless(policy.windows, voice, "window", windows=_windows(policy.windows, voice))
    for period in policy.quiet:
        yield _quiet(period, voice)
    if not policy.quiet:
        yield voice("quiet.none")
    first = voice.count(caps.first_week_day, "messages")
    yield voice("cap", day=voice.count(caps.day, "messages"), first=first)
    yield voice(f"missing.{policy.missing_copy}")
    yield voice("fresh", count=voice.count(policy.freshness_hours, "hours"))
    yield voice("backlog", count=voice.count(policy.backlog.older_than_days, "days"))


def _unless(given: object, voice: Voice, key: str, **values: object) -> str:
    """A sentence, or what to say where nothing is given."""
    return voice(key, **values) if given else voice(f"{key}.none")


def _windows(windows: Iterable[Hours], voice: Voice) -> str:
    return voice.all(
        voice(
            "window.one",
            days=voice.weekdays(hours.days),
            start=voice.clock(hours.start),
            until=voice.clock(hours.until),
        )
        for hours in windows
    )


def _quiet(period: QuietPeriod, voice: Voice) -> str:
    key = "quiet.all" if period.all else "quiet"
    return voice(key, start=voice.day(period.start), until=voice.day(period.until))


def _who(policy: Policy, voice: Voice, mode: str) -> list[str]:
    return [f"## {voice('who.title')}", _bullets(_roles(policy, voice, mode))]


def _roles(policy: Policy, voice: Voice, mode: str) -> Iterator[str]:
    def named(wanted: Callable[[Step], bool]) -> str:
        return voice.all(f"`{step.name}`" for _, step in policy.rungs if wanted(step))

    yield voice("who.books")
    yield voice("who.review")
    if mode == "review":
        yield voice("who.review_all")
    asking = named(lambda step: step.asks)
    yield _unless(asking, voice, "who.approve", steps=asking)
    behaviours = voice.one_of("behaviour", policy.approve)
    yield _unless(policy.approve, voice, "who.customers", behaviours=behaviours)
    share = voice.share(policy.top_share or Decimal(0))
    yield _unless(policy.strategic, voice, "who.strategic", share=share)
    for key, wanted in (
        ("who.calls", lambda step: step.channel is Channel.CALL),
        ("who.letters", lambda step: step.channel is Channel.LETTER),
        ("who.handover", lambda step: step.stage is Stage.HANDOVER),
    ):
        if steps := named(wanted):
            yield voice(key, steps=steps)
    yield voice("who.decisions")
    yield voice("who.supply")
    yield voice("who.exceptions")


def _segments(policy: Policy, voice: Voice) -> list[str]:
    title = f"## {voice('segments.title')}"
    if not policy.segments:
        return [title, voice("segments.none")]
    return [
        title,
        voice("segments.lead"),
        _bullets(_segment(segment, voice) for segment in policy.segments),
    ]


def _segment(segment: Segment, voice: Voice) -> str:
    conditions = voice("also").join(_conditions(segment.match, voice))
    return voice("segment", name=_safe(segment.name), conditions=conditions, use=segment.use)


def _conditions(match: Match, voice: Voice) -> Iterator[str]:
    """What must hold together."""
    locale = voice.locale
    told = {
        "tags": voice.all(voice("quoted", text=_safe(tag)) for tag in match.tags),
        "kind": voice.one_of("kind", match.kind),
        "language": voice.any(str(locale.languages.get(code, code)) for code in match.language),
        "country": voice.any(str(locale.territories.get(code, code)) for code in match.country),
        "currency": voice.any(match.currency),
        "behaviour": voice.one_of("behaviour", match.behaviour),
        "exposure_over": voice.amounts(match.exposure_over),
    }
    for key, values in told.items():
        if values:
            yield voice(f"match.{key}", values=values)


def _silent(voice: Voice) -> list[str]:
    rows = [
        (f"`{reason}`", voice(f"silent.{reason}"))
        for reason in Reason
        if reason is not Reason.SETTLED
    ]
    head = voice("silent.head")
    return [f"## {voice('silent.title')}", voice("silent.lead"), _table(head, rows)]


def _bullets(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    columns = head.split("|")
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _safe(text: str) -> str:
    """Words of the firm's own, so that they stay words in Markdown."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#" else char for char in text)
