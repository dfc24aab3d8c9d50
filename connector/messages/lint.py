"""Texts tried out before anything is sent: with them `policy check` refuses what may not go.

The program's own texts, used where they belong, are left out: its tests have tried them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import get_args

from jinja2 import TemplateError

from connector.contract import Company
from connector.dunning.compose import DIFFICULTY
from connector.dunning.legal import DUTIES
from connector.dunning.plan import AlsoOpen, Interest, Netted, Reminder, ReminderLine
from connector.dunning.policy import MESSAGES, Behaviour, Policy, Step
from connector.dunning.policy_rules import did_you_mean
from connector.dunning.snapshot import STAGE_RANK, Channel, Rung, Stage
from connector.errors import ConfigError
from connector.messages.engine import Engine
from connector.messages.names import macros_of, unknown
from connector.messages.texts import SUBJECT, TERMS, Text, Texts
from connector.messages.write import Writer
from connector.receivables.records import CustomerKind

STANDARD: Mapping[str, Stage] = {
    "before_due": Stage.BEFORE_DUE,
    "friendly": Stage.FRIENDLY,
    "statement": Stage.FRIENDLY,
    "promise_broken": Stage.FRIENDLY,
    "part_payment": Stage.FRIENDLY,
    "thank_you": Stage.FRIENDLY,
    "later_than_usual": Stage.FRIENDLY,
    "instalments": Stage.FRIENDLY,
    "firm": Stage.FIRM,
    "formal_notice": Stage.NOTICE,
    "fourteen_day_letter": Stage.NOTICE,
    "letter_of_claim": Stage.NOTICE,
}
"""The mildest stage at which each of the program's own texts may speak."""

VARIANTS = frozenset(
    (*DUTIES, *map(str, CustomerKind), *get_args(Behaviour), "watch", "improved", DIFFICULTY)
)
"""What a text may have a variant for: a legal duty, the kind of customer, difficulty, behaviour,
signals."""

_TODAY = date(2026, 11, 20)
_COUNTRIES = {"en": "GB"}
_FIRM = Company(
    ledger_id="lint",
    name="Atelier Modèle",
    country="FR",
    timezone="Europe/Paris",
    currency="EUR",
    legal_id="RCS 000 000 000",
    address="1 place Vide",
    bank_line="IBAN FR00 0000 0000",
    contact_name="A. Modèle",
    email="compta@modele.example",
    phone="+33 1 99 00 00 00",
)


@dataclass(frozen=True, slots=True)
class Use:
    """One way in which a text speaks."""

    template: str
    stage: Stage
    interest: str = "off"
    charges: str = "off"
    legal: str = ""
    deadline: bool = False
    of: str = field(default="", compare=False)  # the step and policy, for people
    kind: CustomerKind = CustomerKind.BUSINESS
    traits: tuple[str, ...] = ()


def lint(folder: Path | None, policies: Iterable[Policy]) -> list[str]:
    """What is wrong with the texts that policies name and with the firm's own, each with its file.

    Raises:
        ConfigError: files that cannot be read at all.
    """
    texts = Texts(folder)
    writer = Writer(_FIRM, folder, pdf=True)
    told = dict.fromkeys(_static(texts))
    uses = dict.fromkeys([*_uses(policies), *_own_uses(texts)])
    broken = {problem.partition(", line ")[0] for problem in told}
    for use in uses:
        for language in sorted(lang for name, lang in texts.templates if name == use.template):
            for problem in _tried(writer, texts, use, language):
                if problem.partition(", line ")[0] not in broken:
                    told[problem] = None
    return list(told)


def _uses(policies: Iterable[Policy]) -> Iterator[Use]:
    for policy in policies:
        for step in policy.steps:
            if step.channel in MESSAGES:
                yield _use(step, f"step {step.name!r} of policy {policy.name!r}")


def _use(step: Step, of: str) -> Use:
    deadline = step.deadline is not None
    return Use(step.text, step.stage, step.interest, step.charges, step.legal, deadline, of)


def _own_uses(texts: Texts) -> Iterator[Use]:
    """Each of the firm's own texts at its usual stage, in its own variant."""
    own = {name.partition("/")[0] for name in texts.own if name.endswith("/_parts.md")}
    for name in texts.files:
        text = Text.of(name)
        if (name in texts.own or text.language in own) and text.template in STANDARD:
            stage, variant = STANDARD[text.template], text.variant
            kinds = {str(kind): kind for kind in CustomerKind}
            yield Use(
                text.template,
                stage,
                legal=variant if variant in DUTIES else "",
                deadline=variant in DUTIES or stage in (Stage.FIRM, Stage.NOTICE),
                of=f"{text.template}{variant and '.'}{variant}",
                kind=kinds.get(variant, CustomerKind.BUSINESS),
                traits=(variant,) if variant and variant not in (*DUTIES, *kinds) else (),
            )


def _tried(writer: Writer, texts: Texts, use: Use, language: str) -> Iterator[str]:
    """The first sample message that may not go, told with its reasons."""
    words = (str(use.kind), *use.traits)
    name = texts.chosen(language, use.template, use.legal, words)
    if name is None or _trusted(texts, name, use):
        return
    for sample in _samples(use, language):
        try:
            writer.message(sample, _TODAY)
        except ConfigError as error:
            count = f"{len(sample.lines)} invoice{'s' if len(sample.lines) > 1 else ''}"
            yield from (f"{problem} Tried as {use.of}, {count}." for problem in error.problems)
            return


def _trusted(texts: Texts, name: str, use: Use) -> bool:
    """Whether text and parts are the program's own and the stage is not too mild for them."""
    if name in texts.own or f"{Text.of(name).language}/_parts.md" in texts.own:
        return False
    usual = STANDARD.get(use.template)
    return usual is not None and STAGE_RANK[usual] <= STAGE_RANK[use.stage]


def _samples(use: Use, language: str) -> Iterator[Reminder]:
    """Messages about one invoice, about a part of one with all it can say, and about three."""
    plain = _line(use, 1)
    part = _line(use, 2, line=2, total=400000, reference="PO 12", had_on=(date(2026, 11, 3),))
    also = (AlsoOpen(invoice="S-2026-09", due_on=date(2026, 11, 18), balance=8000),)
    yield _reminder(use, language, (plain,))
    yield _reminder(use, language, (part,), also_open=also)
    netted = (Netted(document="A-2026-01", amount=1000),)
    yield _reminder(use, language, (plain, part, _line(use, 3)), netted)


def _line(use: Use, n: int, **more: object) -> ReminderLine:
    late = -7 if use.stage is Stage.BEFORE_DUE else 19
    facts: dict[str, object] = {
        "key": f"{n:020x}",
        "invoice": f"S-2026-{n:04d}",
        "invoice_id": f"i{n}",
        "line_id": "",
        "line": 1,
        "issued_on": date(2026, 9, 1),
        "due_on": _TODAY - timedelta(days=late),
        "days_past_due": late,
        "amount": 123000 + n,
        "balance": 123000 + n,
        "net": 123000 + n,
        "step": use.template,
        "rung": Rung(use.stage, 1),
        "interest": use.interest,
        "charges": use.charges,
    }
    return ReminderLine(**(facts | more))  # type: ignore[arg-type]


def _reminder(
    use: Use,
    language: str,
    lines: tuple[ReminderLine, ...],
    netted: tuple[Netted, ...] = (),
    also_open: tuple[AlsoOpen, ...] = (),
) -> Reminder:
    mode = max(use.interest, use.charges, key=("off", "mention", "claim").index)
    interest = Interest(mode=mode, amount=1240, charges=4000, until=_TODAY)
    return Reminder(
        key=f"{len(lines):020x}",
        customer_id="c1",
        customer_name="Client Exemple",
        policy="lint",
        step=use.template,
        rung=Rung(use.stage, 1),
        channel=Channel.EMAIL,
        route="smtp",
        to=("client@client.example",),
        contact_name="C. Exemple",
        language=language,
        country=_COUNTRIES.get(language, language.upper()),
        template=use.template,
        currency="EUR",
        claim=sum(line.balance for line in lines) - sum(credit.amount for credit in netted),
        lines=lines,
        credits=netted,
        also_open=also_open,
        interest=interest if mode != "off" else None,
        deadline_on=_TODAY + timedelta(days=14) if use.deadline else None,
        legal=use.legal,
        kind=use.kind,
        traits=use.traits,
        promised_on=date(2026, 11, 13),
        promised=lines[0].balance,
    )


def _static(texts: Texts) -> Iterator[str]:
    """Names that no message has, and variants that nobody is, in the firm's own files."""
    engine = Engine(texts, html=False)
    for name, path in texts.own.items():
        if name.endswith(f"/{TERMS}"):
            continue
        text = Text.of(name)
        if text.variant and text.variant not in VARIANTS:
            near = did_you_mean(text.variant, VARIANTS)
            known = ", ".join(sorted(VARIANTS))
            yield f"{path}: {text.variant!r} is no variant{near or f'; there are {known}'}."
        language = name.partition("/")[0]
        try:
            macros = macros_of(engine.tree(f"{language}/_parts.md"))
            pages = [name] if "/_" in name else [name + SUBJECT, name]
            found = [
                each
                for page in pages
                for each in unknown(engine.tree(page), macros, note="/_" in name)
            ]
        except TemplateError:
            continue  # told with its line when the texts are read
        yield from (
            f"{path}, line {line}: {what!r} is unknown to messages: the program's own "
            f"texts show what there is."
            for line, what in sorted(set(found))
        )
