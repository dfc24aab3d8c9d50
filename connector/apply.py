"""Sends a saved plan: exactly what of it still holds, with the file's own texts."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connector.dunning.plan import Plan, Reminder
from connector.dunning.plan_json import VERSION
from connector.dunning.snapshot import Stage
from connector.errors import ConfigError, StaleMirror
from connector.firm import Firm
from connector.mirror.pull import Progress
from connector.outbox.deliver import deliver
from connector.outbox.desk import Clock
from connector.receivables import money
from connector.sync import Report, run

BY_PEOPLE = (Stage.NOTICE, Stage.HANDOVER)  # a file never approves these


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a file: the run's report, and why entries dropped out, by customer."""

    report: Report
    dropped: tuple[str, ...]


def read_plan(file: Path) -> Mapping[str, Any]:
    """A plan as `sync --plan-out` saved it.

    Raises:
        ConfigError: the file cannot be read, is no plan, or is of another version.
    """
    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
        version, reminders = saved["version"], saved["reminders"]
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{file}: not a plan: make one with relance sync --plan-out") from None
    if version != VERSION:
        raise ConfigError(f"{file}: a plan of version {version}, expected {VERSION}: make it anew")
    if not isinstance(reminders, list):
        raise ConfigError(f"{file}: not a plan: make one with relance sync --plan-out")
    return dict(saved)


def apply(
    firm: Firm,
    saved: Mapping[str, Any],
    by: str,
    clock: Clock,
    progress: Progress,
    stopped: Callable[[], bool],
) -> Applied:
    """Pull and decide again, and send what of the file is still so today.

    An entry holds if its line keys, balances, recipients, channel and claim are today's. The file
    counts as approval, but for a notice or a hand-over, which become proposals.

    Raises:
        ConfigError: it is another firm's plan, or the sample's.
        StaleMirror: its payments were read too long ago.
    """
    _refuse(firm, saved, clock())
    with run(firm, clock, progress, stopped, "apply") as work:
        kept: list[Reminder] = []
        dropped: list[str] = []
        for entry in saved["reminders"]:
            try:
                kept.append(_held(entry, work.study.plan))
            except LookupError as gone:
                dropped.append(f"{entry['customer']['name']}, {entry['step']}: {gone.args[0]}")
        work.reserve(work.study.plan.with_reminders(kept), by=by, keep_others=True)
        deliver(work.desk, work.report.delivered, {entry.key for entry in kept})
    return Applied(work.report, tuple(dropped))


def _refuse(firm: Firm, saved: Mapping[str, Any], now: datetime) -> None:
    ledger = saved.get("ledger")
    if saved.get("sample") or ledger != firm.company.ledger_id:
        whose = "the sample's" if saved.get("sample") else f"of {ledger}"
        raise ConfigError(f"the plan is {whose}, and this is {firm.company.ledger_id}")
    hours = firm.policies.firm.freshness_hours
    read_at = (saved.get("data") or {}).get("payments_read_at")
    if not read_at or now - datetime.fromisoformat(read_at) > timedelta(hours=hours):
        raise StaleMirror(
            f"the plan's payments were read more than {hours} hours ago: make it anew with "
            "relance sync --dry-run --plan-out"
        )


def _held(entry: Mapping[str, Any], plan: Plan) -> Reminder:
    """Today's reminder of the same lines, with the file's text.

    Raises:
        LookupError: with the reason why the entry no longer holds.
    """
    today = next((one for one in plan.reminders if one.key == entry["key"]), None)
    if today is None:
        raise LookupError(_why_gone(entry, plan))
    for what, then, now in (
        ("the claim", entry["claim"], money.text(today.claim, today.currency)),
        ("the recipient", entry["to"], list(today.to)),
        ("the channel", entry["channel"], str(today.channel)),
        (
            "a balance",
            [line["balance"] for line in entry["lines"]],
            [money.text(line.balance, today.currency) for line in today.lines],
        ),
    ):
        if then != now:
            raise LookupError(f"{what} has changed from {then} to {now}")
    message = today.message and replace(
        today.message, subject=entry["subject"], text=entry["body"], html=entry["html"]
    )
    return replace(today, message=message, needs_approval=today.rung.stage in BY_PEOPLE)


def _why_gone(entry: Mapping[str, Any], plan: Plan) -> str:
    """What is so today of the lines of an entry that is no longer in the plan."""
    mine = {(line["invoice_id"], line["line"]): line["invoice"] for line in entry["lines"]}
    told = [
        f"invoice {silence.invoice} is {', '.join(quiet.reason for quiet in silence.reasons)}"
        for silence in plan.silences
        if (silence.invoice_id, silence.line) in mine
    ]
    spoken = {(line.invoice_id, line.line) for one in plan.reminders for line in one.lines}
    known = spoken | {(silence.invoice_id, silence.line) for silence in plan.silences}
    told += [f"invoice {number} is settled" for line, number in mine.items() if line not in known]
    return "; ".join(told) or "its lines are now in another reminder"
