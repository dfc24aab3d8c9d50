"""Policies as files: TOML read and checked whole, and the choice of one for each line."""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connector.dunning.policy import Match, Policy
from connector.dunning.policy_rules import Loc, did_you_mean, draft, mistakes, not_a_key
from connector.dunning.snapshot import Case
from connector.dunning.toml_lines import line_of
from connector.errors import ConfigError
from connector.receivables import money


def parse(text: str, source: str, texts: Collection[str] | None = None) -> Policy:
    """The policy of a TOML text; `source` is the file's name for messages.

    `texts` are the names of the templates there are; None leaves the steps' texts unchecked.

    Raises:
        ConfigError: with every problem at once, each with file, line, key and what is allowed.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: not TOML: {error}") from None
    policy, problems = None, []
    try:
        policy = Policy.model_validate(raw)
    except ValidationError as error:
        problems = [_told(problem) for problem in error.errors() if not _follows(problem)]
    problems += mistakes(draft(raw), texts)
    problems.sort(key=lambda problem: line_of(text, problem[0]) or 0)
    if problems or policy is None:
        raise ConfigError(*(_at(text, source, loc, message) for loc, message in problems))
    return policy


def _follows(problem: Any) -> bool:
    """Whether a problem only repeats others: a list is called empty when its items are refused."""
    return problem["type"] == "too_short" and bool(problem["input"])


def _told(problem: Any) -> tuple[Loc, str]:
    loc = tuple(part for part in problem["loc"] if part != "[key]")
    match problem["type"]:
        case "extra_forbidden":
            return loc, not_a_key(loc)
        case "missing":
            return loc, "is missing"
        case "tuple_type":
            return loc, f"{problem['input']!r}: expected a list, [ … ] or several [[{loc[-1]}]]"
        case "model_type" | "dict_type" | "mapping_type":
            return loc, f"{problem['input']!r}: expected a table, {{ key = value, … }}"
        case "value_error":
            return loc, f"{problem['input']!r}: {problem['ctx']['error']}"
        case _:
            return loc, f"{problem['input']!r}: {problem['msg']}"


def _at(text: str, source: str, loc: Loc, message: str) -> str:
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in loc)
    line = line_of(text, loc)
    return f"{source}{f', line {line}' if line else ''}: {key}: {message}"


def ready_made() -> tuple[str, ...]:
    """The names of the policies that come with Relance."""
    folder = resources.files("connector.dunning") / "policies"
    names = (entry.name.removesuffix(".toml") for entry in folder.iterdir())
    return tuple(sorted(name for name in names if not name.startswith("_")))


def summary(name: str) -> str:
    """What a ready-made policy is for, in one line: its first remark."""
    return _source(name, Path())[0].partition("\n")[0].lstrip("# ")


def read(name: str, folder: Path, texts: Collection[str] | None = None) -> Policy:
    """A ready-made policy by name, or the one in a TOML file; paths are relative to `folder`.

    Raises:
        ConfigError: no such policy, or what `parse` finds in it.
    """
    return parse(*_source(name, folder), texts)


def _source(name: str, folder: Path) -> tuple[str, str]:
    """The text of a policy, and what to call it in messages."""
    if name in ready_made():
        file = resources.files("connector.dunning") / "policies" / f"{name}.toml"
        return file.read_text(encoding="utf-8"), f"{name} (ready-made)"
    path = folder / name
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except FileNotFoundError:
        names = ready_made()
        raise ConfigError(
            f"policy {name!r}: no file {path}, and not one of the ready-made policies: "
            f"{', '.join(names)}{did_you_mean(name, names)}"
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
        by_name = {policy.name: policy for policy in named.values()}
        self.firm, self.named = firm, {**by_name, **named, firm.name: firm}
        self._own = Chosen(firm, "the firm's own")

    @property
    def in_use(self) -> tuple[Policy, ...]:
        """The firm's own policy and those of its segments."""
        uses = (self.named[segment.use] for segment in self.firm.segments)
        return tuple({policy.name: policy for policy in (self.firm, *uses)}.values())

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
        return self._own


def _matches(match: Match, case: Case, exposure: Mapping[str, int]) -> bool:
    account, customer = case.account, case.account.customer
    return (
        set(match.tags) <= set(customer.tags)
        and (not match.kind or customer.kind in match.kind)
        and (not match.language or customer.language in match.language)
        and (not match.country or customer.country in match.country)
        and (not match.currency or case.currency in match.currency)
        and (not match.behaviour or account.is_any(match.behaviour))
        and all(
            exposure.get(code, 0) > money.minor(amount, code)
            for code, amount in match.exposure_over.items()
        )
    )


def load(name: str, folder: Path, texts: Collection[str] | None = None) -> Policies:
    """The firm's policy with every ready-made one, and those its segments name.

    `texts` are the names of the templates there are: with them the steps of the firm's policy and
    of its segments' are held against them.

    Raises:
        ConfigError: what is wrong with any of them, all at once.
    """
    text, source = _source(name, folder)
    base = folder if name in ready_made() else (folder / name).parent
    named = {known: read(known, base) for known in ready_made()}
    firm, problems = None, list[str]()
    taken = {}
    try:
        firm = parse(text, source, texts)
        taken[firm.name] = name
    except ConfigError as error:
        problems += error.problems
    for index, use in _uses(text):
        found: tuple[str, ...] = ()
        try:
            policy = named[use] = read(use, base, texts)
            if taken.setdefault(policy.name, use) != use:
                found = (f"{use} has the name of another policy, {policy.name!r}",)
        except ConfigError as error:
            found = error.problems
        problems += [_at(text, source, ("segment", index, "use"), problem) for problem in found]
    if problems or firm is None:
        raise ConfigError(*problems)
    return Policies(firm, named)


def _uses(text: str) -> Iterator[tuple[int, str]]:
    """The policies that the segments of a text name, whatever else is wrong with it."""
    try:
        segments = tomllib.loads(text).get("segment", [])
    except tomllib.TOMLDecodeError:
        return
    for index, segment in enumerate(segments if isinstance(segments, list) else ()):
        if isinstance(segment, dict) and isinstance(segment.get("use"), str):
            yield index, segment["use"]
