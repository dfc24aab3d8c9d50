"""What people decide: mark, unmark, call, restart; kept at once, noted if the product answers."""

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date
from pathlib import Path
from zoneinfo import ZoneInfo

from connector.cli.firms import configs, each, now
from connector.cli.show import clean, put, say
from connector.config import Config
from connector.errors import ConfigError, ConnectorError
from connector.firm import opened
from connector.installation import installation
from connector.lock import one_run
from connector.mirror.lookup import Target, find, zone_of
from connector.mirror.state import State
from connector.outbox.decision_notes import write_traces
from connector.outbox.decisions import Decisions
from connector.outbox.given import Given, decision_of, outcome_of, reason_of, told, word
from connector.receivables.capabilities import Notes
from connector.receivables.records import Decision, Mark


@dataclass(frozen=True, slots=True)
class Desk:
    """One firm's decisions with its day; `author` is who is at the keyboard."""

    config: Config
    state: State
    today: date
    author: str

    @property
    def decisions(self) -> Decisions:
        """What was decided."""
        return Decisions(self.state)


def mark(path: Path | None, about: str, what: str, given: Given) -> int:
    """A decision is kept and noted; without `what` those that there are are listed."""
    if what:
        chosen = word(what)

    def work(desk: Desk) -> None:
        target = find(desk.state, about)
        if not what:
            _list(desk, target)
            return
        decision = _checked(desk, target, chosen, given)
        desk.decisions.make(target, decision, now())
        put(f"{clean(target.name)}: marked {told(decision, target)}")
        _note(desk)

    return _one(path, work)


def unmark(path: Path | None, about: str, what: str, because: str, outcome: str = "") -> int:
    """A mark is taken back; it stays in the history, of a reply with what came of it."""
    chosen = word(what)
    came = outcome_of(chosen, outcome)

    def work(desk: Desk) -> None:
        target = find(desk.state, about)
        decision = replace(_bare(desk, chosen, because), code=came)
        ended = desk.decisions.end(target, decision, now())
        several = f" ({ended} of them)" if ended > 1 else ""
        put(f"{clean(target.name)}: {chosen} taken back{several}")
        _note(desk)

    return _one(path, work)


def call(
    path: Path | None,
    about: str,
    said: str,
    *,
    promised: str,
    amount: str,
    disputed: bool,
    cause: str,
) -> int:
    """What was said on the telephone, with the promise, dispute or cause that came of it."""
    if amount and not promised and not disputed:
        raise ConfigError("--amount: says how much was promised or disputed: add --promised DATE")

    def work(desk: Desk) -> None:
        target = _invoice(desk, about)
        heard = Given(because=reason_of("--said", said))
        made = [_bare(desk, Mark.CALL, heard.because)]
        if promised:
            own = replace(heard, until=promised, amount=amount)
            made.append(_checked(desk, target, Mark.PROMISED, own))
        if disputed:
            own = replace(heard, amount="" if promised else amount)
            made.append(_checked(desk, target, Mark.DISPUTED, own))
        if cause:
            own = replace(heard, reason=cause)
            made.append(_checked(desk, target, Mark.CAUSE, own))
        at = now()
        for decision in made:
            desk.decisions.make(target, decision, at)
        put(f"{clean(target.name)}: {', '.join(told(decision, target) for decision in made)}")
        _note(desk)

    return _one(path, work)


def restart(path: Path | None, about: str, because: str) -> int:
    """The ladder of an invoice begins anew, with the mildest step its policy has."""

    def work(desk: Desk) -> None:
        target = _invoice(desk, about)
        desk.decisions.make(target, _bare(desk, Mark.RESTART, because), now())
        put(f"{clean(target.name)}: its reminders begin anew, not before the gap has passed")
        _note(desk)

    return _one(path, work)


def _one(path: Path | None, work: Callable[[Desk], None]) -> int:
    """Do the work for the one firm that is meant."""
    found = configs(path, needs_one=True)
    if len(found) > 1:
        raise ConfigError("several firms are configured: name the one you mean with --config FILE")

    def with_state(config: Config) -> int:
        if config.problems:
            raise ConfigError(*config.problems)
        if not config.state.exists():
            raise ConfigError(f"{config.state}: nothing yet: run relance sync first")
        with State.opened(config.state) as state:
            zone = ZoneInfo(config.timezone or zone_of(state) or "UTC")
            author = os.environ.get("SUDO_USER") or getpass.getuser()
            work(Desk(config, state, now().astimezone(zone).date(), author))
        return 0

    return each(found, with_state)


def _list(desk: Desk, target: Target) -> None:
    kept = desk.decisions.of(target)
    for entry in kept:
        put(clean(entry.text()))
    if not kept:
        put(f"{clean(target.name)}: nothing was decided about it.")


def _checked(desk: Desk, target: Target, chosen: Mark, given: Given) -> Decision:
    return decision_of(target, chosen, given, today=desk.today, author=desk.author)


def _bare(desk: Desk, chosen: Mark, because: str) -> Decision:
    said = reason_of("--because", because)
    return Decision(mark=chosen, since=desk.today, because=said, author=desk.author)


def _invoice(desk: Desk, about: str) -> Target:
    target = find(desk.state, about)
    if target.invoice_id is None:
        raise ConfigError(f"{about!r}: is a customer: name the invoice")
    return target


def _note(desk: Desk) -> None:
    """Write the note now if the product answers; what is missing is written by the next sync."""
    try:
        with opened(desk.config, os.environ) as firm, one_run(firm.company.ledger_id):
            if firm.can.note is not Notes.INVOICE:
                say(f"{firm.spec.title} keeps no notes on invoices: it is kept here alone.")
                return
            done = write_traces(
                desk.decisions,
                firm.provider,
                firm.can,
                installation=installation(desk.config, make=True),
                zone=firm.zone,
                now=now().astimezone(UTC),
            )
    except ConnectorError as error:
        say(f"Kept here; the next relance sync notes it in the accounting software: {error}")
        return
    for invoice, problem in done.errors.items():
        say(f"{invoice}: not yet noted in the accounting software: {problem}")
    if done.written:
        say("Noted in the accounting software.")
