"""The command that says how things stand: the last runs, the outbox, what a person must see to."""

from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector.cli.boxes import each_state, today_of
from connector.cli.show import clean, put, put_json, table
from connector.config import Config
from connector.dunning.alerts import Alert, alerts
from connector.dunning.policy_file import load
from connector.dunning.snapshot import Day
from connector.mirror.lookup import find, zone_of
from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.mirror.tables import ReminderState
from connector.outbox.decisions import Decisions
from connector.outbox.heard import listened
from connector.outbox.inbox import name_of
from connector.outbox.log import log
from connector.outbox.queue import OPEN, Outbox
from connector.outbox.runs import Runs
from connector.receivables.measures import months_before

REPLIES_MONTHS = 12
TO_SEE_TO = {ReminderState.FAILED, ReminderState.UNKNOWN}


def case(path: Path | None, about: str, as_json: bool) -> int:
    """The log of a case, oldest first."""

    def work(config: Config, box: Outbox, state: State) -> int:
        target = find(state, about)
        entries = log(state, target)
        if as_json:
            put_json({"version": 1, "about": target.name, "log": [e.to_json() for e in entries]})
            return 0
        zone = ZoneInfo(config.timezone or zone_of(state) or "UTC")
        put(f"{clean(target.name)}, {clean(target.customer)}")
        for entry in entries:
            put(clean(f"{entry.at.astimezone(zone):%Y-%m-%d %H:%M}  {entry.what}: {entry.words}"))
        return 0

    return each_state(path, work)


def status(path: Path | None, as_json: bool) -> int:
    """The last runs, what waits, and the alerts; 3 when a reminder failed or is unknown."""

    def work(config: Config, box: Outbox, state: State) -> int:
        today = today_of(config, state)
        runs, rows, found = Runs(state).latest(5), box.rows(*OPEN), _alerts(config, state, today)
        replies, mailbox = _replies(state, today), _mailbox(config, state)
        counts: dict[str, int] = {}
        for row in rows:
            counts[str(row.state)] = counts.get(str(row.state), 0) + 1
        if as_json:
            put_json(
                {
                    "version": 1,
                    "outbox": counts,
                    "runs": [run.to_json() for run in runs],
                    "alerts": [alert.to_json() for alert in found],
                    "replies": replies,
                    "mailbox": mailbox,
                }
            )
        else:
            for run in runs:
                put(clean(run.text()))
            told = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
            put(f"Outbox: {told or 'empty'}.")
            for line in (_told_replies(replies), _told_mailbox(mailbox)):
                if line:
                    put(clean(line))
            if found:
                put()
                cells = ((a.code, a.customer, a.invoice, a.words) for a in found)
                table(("see to", "customer", "invoice", "because"), cells)
        return 3 if counts.keys() & TO_SEE_TO else 0

    return each_state(path, work)


def _replies(state: State, today: date) -> dict[str, Any]:
    unread, outcomes = Decisions(state).outcomes(months_before(today, REPLIES_MONTHS))
    return {"unread": unread, "outcomes": outcomes}


def _told_replies(replies: dict[str, Any]) -> str:
    """Answers of customers on one line, empty where there were none."""
    came = [f"{count} {code}" for code, count in replies["outcomes"].items()]
    if replies["unread"]:
        came.insert(0, f"{replies['unread']} unread")
    return f"Replies in {REPLIES_MONTHS} months: {', '.join(came)}." if came else ""


def _mailbox(config: Config, state: State) -> dict[str, Any] | None:
    """How it stands with the mailbox, None where none is configured."""
    if not config.imap:
        return None
    name = name_of(config.imap)
    known = listened(state, name)
    read_at = known.read_at if known else None
    return {
        "name": name,
        "read_at": read_at and read_at.isoformat(timespec="seconds"),
        "problem": (known.problem or None) if known else "not read yet",
    }


def _told_mailbox(mailbox: dict[str, Any] | None) -> str:
    """The mailbox on one line; while it is not read, an answer in it silences nobody."""
    if mailbox is None:
        return ""
    last = f"read at {mailbox['read_at']}" if mailbox["read_at"] else "never read"
    if not mailbox["problem"]:
        return f"Mailbox {mailbox['name']}: {last}."
    return (
        f"Mailbox {mailbox['name']}: {last}, not since: {mailbox['problem']}. "
        "Until it is, answers in it silence nobody."
    )


def _alerts(config: Config, state: State, today: date) -> tuple[Alert, ...]:
    """What the mirror of the last run shows; nothing is read from the books."""
    policies = load(config.policy, config.path.absolute().parent if config.path else Path())
    day = Day(routes={}, templates=frozenset(), language=config.language)
    return alerts(read(Mirror(state), day, today), policies, today)
