"""The commands that show what a policy does: played over days, and as a manual."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TextIO

from connector.cli.bar import progress
from connector.cli.firms import configs, each, now
from connector.cli.replays import Play, Played, document, show, write_csv
from connector.cli.show import put, put_json, say, table
from connector.config import Config
from connector.dunning.policy_file import Policies, load, read, ready_made
from connector.dunning.replay import Course, Sent, day_of, days
from connector.errors import ConfigError
from connector.firm import NOBODY, checked, opened
from connector.messages.shelf import shelf
from connector.messages.texts import Texts
from connector.messages.write import Writer
from connector.mirror.past_days import PastDays
from connector.mirror.state import scratch
from connector.mirror.store import Mirror
from connector.reports.manual import LANGUAGES, manual
from connector.sync import dry_run

LONGEST = 3660  # days: ten years


def replay(
    path: Path | None,
    start: str,
    end: str,
    *,
    policy: str,
    against: str,
    csv_file: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """What a policy, or two of them, would have sent between two days."""
    first, last = _day("--from", start), _day("--to", end)
    if not 0 <= (last - first).days <= LONGEST:
        raise ConfigError(f"--from {first} --to {last}: expected up to ten years, in order")
    firms = configs(path, needs_one=False)
    if csv_file and len(firms) > 1:
        raise ConfigError("--csv saves the replay of one firm: name it with --config FILE")
    documents: list[dict[str, object]] = []

    def work(config: Config) -> int:
        names = [policy, against] if against else [policy]
        chosen = [load(name, Path()) if name else checked(config, os.environ) for name in names]
        played = _played(config, chosen, first, last, quiet)
        if csv_file:
            with _written(csv_file, "the replay") as stream:
                write_csv(played.plays, stream)
        if as_json:
            documents.append(document(played))
        else:
            show(played)
        return 0

    code = each(firms, work)
    if documents:
        put_json(documents[0] if len(firms) == 1 else {"version": 1, "firms": documents})
    return code


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option} {text!r}: expected a date such as 2026-11-20") from None


def _played(
    config: Config, chosen: Sequence[Policies], start: date, end: date, quiet: bool
) -> Played:
    """The policies side by side over the same days."""
    languages = {language for _, language in Writer(NOBODY, config.templates).templates}
    courses = [Course(policies) for policies in chosen]
    facts = [day_of(policies, languages, config.language) for policies in chosen]
    sent: list[list[Sent]] = [[] for _ in chosen]
    with _past(config, start) as past, progress(quiet) as bar:
        for number, today in enumerate(days(start, end), 1):
            for course, day, found in zip(courses, facts, sent, strict=True):
                found += course.play(past.facts(day, today), today)
            bar("days", number, (end - start).days + 1)
        plays = [Play(policies, found) for policies, found in zip(chosen, sent, strict=True)]
        return Played(past.books, start, end, plays, config.path is None)


@contextmanager
def _past(config: Config, start: date) -> Iterator[PastDays]:
    """The days of a firm's mirror, on a scratch copy; of the sample where there is no firm."""
    if config.path is None:
        with (
            opened(config, os.environ) as firm,
            progress(quiet=True) as bar,
            dry_run(firm, now(), bar) as (_, mirror),
        ):
            yield PastDays(mirror, start)
        return
    if not config.state.exists():
        raise ConfigError(f"{config.state}: nothing yet: run relance sync first")
    with scratch(config.state) as state:
        yield PastDays(Mirror(state), start)


@contextmanager
def _written(file: Path, what: str) -> Iterator[TextIO]:
    """A file to write to, that its owner alone can read."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise ConfigError(f"{file}: {what} cannot be saved: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        yield stream


def policy_manual(path: Path | None, language: str, out: Path | None) -> int:
    """The firm's policy as a document for the team."""
    if language and language not in LANGUAGES:
        raise ConfigError(f"--language {language!r}: expected {' or '.join(LANGUAGES)}")
    firms = configs(path, needs_one=False)
    if out and len(firms) > 1:
        raise ConfigError("--out saves the manual of one firm: name it with --config FILE")

    def work(config: Config) -> int:
        policies = checked(config, os.environ)
        own = config.language if config.language in LANGUAGES else "en"
        spoken = language or own
        text = manual(policies, spoken, config.mode, Texts(config.templates).terms(spoken))
        if out:
            with _written(out, "the manual") as stream:
                stream.write(text)
            say(f"manual written to {out}")
        else:
            put(text.rstrip("\n"))
        return 0

    return each(firms, work)


def check_policy(path: Path | None) -> int:
    """Whether settings, policy and texts of each firm hold, without any connection."""

    def work(config: Config) -> int:
        policies = checked(config, os.environ)
        put(f"{config.name}: policy {policies.firm.name} is sound.")
        for used in policies.in_use:
            if used.hours and not used.civil_hours:
                put(f"Mind: {used.name}: its windows leave no hour for consumers: they wait.")
            elif any(hour not in used.civil_hours for hour in used.hours):
                put(
                    f"Mind: {used.name}: consumers are written to from 08:00 to 20:00, Monday to "
                    "Saturday, whatever its windows say."
                )
        for text in shelf(config.templates):
            if text.own and (told := text.to_read(now().date())):
                put(f"Mind: {text.name}: {told}")
        return 0

    return each(configs(path, needs_one=False), work)


def show_policy(path: Path | None, name: str) -> int:
    """The steps of a policy as a table."""
    if not name:
        found = configs(path, needs_one=False)[0]
        name, folder = found.policy, found.path.parent if found.path else Path()
    else:
        folder = Path()
    shown = read(name, folder)
    put(f"Policy {shown.name}, {shown.country}: at most one message in {shown.gap_days} days.")
    rows = [
        (
            rung,
            step.name,
            f"{step.days} {step.unit} "
            + ("after the deadline" if step.after == "deadline" else step.when),
            step.channel,
            "approval" if step.asks else "by itself",
            step.legal,
        )
        for rung, step in shown.rungs
    ]
    columns = ("rung", "step", "when", "by", "goes", "legal duty")
    table(columns, rows, wide_only=("rung", "legal duty"))
    put(f"Ready-made: {', '.join(ready_made())}.")
    return 0
