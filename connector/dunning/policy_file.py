"""Policies as files: TOML read and checked whole, and the choice of one for each line."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connector.dunning.legal import DUTIES
from connector.dunning.policy import Match, Policy
from connector.dunning.snapshot import STAGE_RANK, Case, Channel, Stage
from connector.dunning.toml_lines import line_of
from connector.errors import ConfigError
from connector.receivables import calendar, money


def _mistakes(policy: Policy) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What a policy's keys say one by one and may not say together."""
    if not calendar.known(policy.home):
        yield ("region",), f"{policy.region!r} is not a region of {policy.country} we know"
    for index, hour in enumerate(policy.windows):
        if hour.start >= hour.until:
            yield ("windows", index), "from must be before until"
    seen: set[str] = set()
    rank, harsh_allowed, notice = -1, False, False
    for index, step in enumerate(policy.steps):
        here = ("step", index)
        if step.name in seen:
            yield (*here, "name"), f"{step.name!r} is used twice"
        seen.add(step.name)
        if STAGE_RANK[step.stage] < rank:
            yield (*here, "stage"), f"{step.stage} comes after a harder stage; stages never go down"
        rank = max(rank, STAGE_RANK[step.stage])
        if (step.when == "before due") != (step.stage is Stage.BEFORE_DUE):
            yield (*here, "when"), "before due goes with the stage before_due, and only with it"
        if step.stage is Stage.BEFORE_DUE and step.days < 3:
            yield (
                (*here, "days"),
                "needs at least 3: a step before due lapses 2 days before",
            )
        if step.when == "after previous" and not harsh_allowed:
            yield (*here, "when"), "after previous needs an earlier step after the due date"
        if step.after == "deadline" and step.when != "after previous":
            yield (*here, "after"), 'after = "deadline" goes with when = "after previous"'
        if step.repeat and (step.side or step.stage is Stage.HANDOVER):
            yield (*here, "repeat"), "only e-mails and letters repeat"
        if step.copy_channel and step.channel is not Channel.LETTER:
            yield (*here, "copy"), "only a letter has a copy"
        if step.legal and step.legal not in DUTIES:
            yield (*here, "legal"), f"{step.legal!r} is not one of {', '.join(sorted(DUTIES))}"
        if step.stage is Stage.HANDOVER and step.channel not in (Channel.TASK, Channel.NOTE):
            yield (*here, "channel"), "a hand-over is a task or a note"
        if step.stage is Stage.NOTICE and step.side:
            continue
        if step.stage is Stage.NOTICE and not harsh_allowed:
            yield (
                (*here, "stage"),
                "a notice can never be the first contact after the due date: put a friendly or "
                "firm e-mail or letter before it, without only and until_days",
            )
        if step.stage is Stage.HANDOVER and not notice:
            yield (*here, "stage"), "a hand-over needs a notice before it"
        notice = notice or step.stage is Stage.NOTICE
        if step.stage in (Stage.FRIENDLY, Stage.FIRM) and not step.side:
            harsh_allowed = harsh_allowed or not (step.only or step.until_days)


def parse(text: str, source: str) -> Policy:
    """The policy of a TOML text; `source` is the file's name for messages.

    Raises:
        ConfigError: with every problem at once, each with file, line, key and what is allowed.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: not TOML: {error}") from None
    problems: list[tuple[tuple[str | int, ...], str]] = []
    try:
        policy = Policy.model_validate(raw)
    except ValidationError as error:
        problems = [_told(problem) for problem in error.errors() if not _follows(problem)]
    else:
        problems = list(_mistakes(policy))
    if problems:
        raise ConfigError(*(_at(text, source, loc, message) for loc, message in problems))
    return policy


def _follows(problem: Any) -> bool:
    """Whether a problem only repeats others: a list is called empty when its items are refused."""
    return problem["type"] == "too_short" and bool(problem["input"])


def _told(problem: Any) -> tuple[tuple[str | int, ...], str]:
    loc = tuple(part for part in problem["loc"] if part != "[key]")
    match problem["type"]:
        case "extra_forbidden":
            return loc, "is not a key of a policy; is it misspelt?"
        case "missing":
            return loc, "is missing"
        case "value_error":
            return loc, f"{problem['input']!r}: {problem['ctx']['error']}"
        case _:
            return loc, f"{problem['input']!r}: {problem['msg']}"


def _at(text: str, source: str, loc: tuple[str | int, ...], message: str) -> str:
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in loc)
    line = line_of(text, loc)
    return f"{source}{f', line {line}' if line else ''}: {key}: {message}"


def ready_made() -> tuple[str, ...]:
    """The names of the policies that come with Relance."""
    folder = resources.files("connector.dunning") / "policies"
    names = (entry.name.removesuffix(".toml") for entry in folder.iterdir())
    return tuple(sorted(name for name in names if not name.startswith("_")))


def read(name: str, folder: Path) -> Policy:
    """A ready-made policy by name, or the one in a TOML file; paths are relative to `folder`.

    Raises:
        ConfigError: no such policy, or what `parse` finds in it.
    """
    if name in ready_made():
        file = resources.files("connector.dunning") / "policies" / f"{name}.toml"
        return parse(file.read_text(encoding="utf-8"), f"{name} (ready-made)")
    path = folder / name
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        names = ", ".join(ready_made())
        raise ConfigError(
            f"policy {name!r}: no file {path}, and not one of the ready-made policies: {names}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text: {error}") from None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The policy of a line, and why that one."""

    policy: Policy
    because: str


class Policies:
    """The firm's policy, those of its segments and those named by customers and invoices.

    Policy on invoice over customer over segment over firm.
    """

    def __init__(self, firm: Policy, named: Mapping[str, Policy]) -> None:
        self.firm, self.named = firm, {**named, firm.name: firm}

    def of(self, case: Case, exposure: Mapping[str, int]) -> Chosen:
        """The policy of a line; `exposure` is what the customer owes in all, by currency.

        A policy that an invoice or customer names and nobody knows is passed over: the firm's
        own list of policies is checked by `policy check`.
        """
        customer = case.account.customer
        if case.policy in self.named:
            return Chosen(self.named[case.policy], f"chosen for invoice {case.number}")
        if customer.policy in self.named:
            return Chosen(self.named[customer.policy], f"chosen for {customer.name}")
        for segment in self.firm.segments:
            if _matches(segment.match, case, exposure):
                return Chosen(self.named[segment.use], f"segment {segment.name!r}")
        return Chosen(self.firm, "the firm's own")


def _matches(match: Match, case: Case, exposure: Mapping[str, int]) -> bool:
    account, customer = case.account, case.account.customer
    return (
        set(match.tags) <= set(customer.tags)
        and (not match.kind or customer.kind in match.kind)
        and (not match.language or customer.language in match.language)
        and (not match.country or customer.country in match.country)
        and (not match.currency or case.currency in match.currency)
        and (not match.behaviour or account.behaviour in match.behaviour)
        and all(
            exposure.get(code, 0) > money.minor(amount, code)
            for code, amount in match.exposure_over.items()
        )
    )


def load(name: str, folder: Path) -> Policies:
    """The firm's policy with every ready-made one, and those its segments name.

    Raises:
        ConfigError: what is wrong with any of them, all at once.
    """
    firm = read(name, folder)
    base = folder if name in ready_made() else (folder / name).parent
    named = {known: read(known, base) for known in ready_made()}
    problems: list[str] = []
    for segment in firm.segments:
        try:
            named.setdefault(segment.use, read(segment.use, base))
        except ConfigError as error:
            problems += [f"segment {segment.name!r}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(*problems)
    return Policies(firm, named)
