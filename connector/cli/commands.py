"""The commands that read the books."""

import getpass
import json
import os
from dataclasses import asdict
from datetime import date
from pathlib import Path

from connector import registry
from connector.apply import apply as apply_plan
from connector.apply import read_plan
from connector.cli.bar import progress
from connector.cli.firms import configs, each, now, stop_on_signals
from connector.cli.preview import say_sample
from connector.cli.show import clean, mind, plan, put, put_json, say, table
from connector.config import Config
from connector.dunning import explain as explaining
from connector.dunning import plan_json
from connector.dunning.plan import Plan
from connector.errors import ConfigError
from connector.firm import opened
from connector.mirror.lookup import look_up
from connector.rebuild import Rebuilt
from connector.rebuild import rebuild as rebuild_firm
from connector.sync import Report, Study, dry_run
from connector.sync import sync as run_sync


def sync(
    path: Path | None,
    *,
    dry_run: bool,
    plan_out: Path | None,
    today: str,
    as_json: bool,
    quiet: bool,
) -> int:
    """One run for each firm; a dry run prints its plan and changes nothing."""
    if today and not dry_run:
        raise ConfigError("--today goes with --dry-run: a real run is always of today")
    day = _day(today) if today else None
    firms = configs(path, needs_one=not dry_run)
    if plan_out and len(firms) > 1:
        raise ConfigError("--plan-out saves the plan of one firm: name it with --config FILE")
    documents: list[dict[str, object]] = []

    def work(config: Config) -> int:
        _warn(config)
        if dry_run:
            code, document, made = _dry(config, day, quiet, as_json)
        else:
            code, document, made = _real(config, quiet, as_json)
        documents.append(document)
        if plan_out:
            _save(plan_out, made)
        return code

    code = each(firms, work)
    if as_json and documents:
        put_json(documents[0] if len(firms) == 1 else {"version": 1, "firms": documents})
    return code


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--today {text!r}: expected a date such as 2026-11-20") from None


def _warn(config: Config) -> None:
    for warning in registry.warnings(config):
        say(f"warning: {warning}")


def _save(file: Path, made: Plan) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise ConfigError(f"{file}: the plan cannot be saved: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(plan_json.document(made), stream, ensure_ascii=False, indent=1)


def _dry(
    config: Config, day: date | None, quiet: bool, as_json: bool
) -> tuple[int, dict[str, object], Plan]:
    with opened(config, os.environ) as firm, progress(quiet, firm.spec.limits) as bar:
        with dry_run(firm, now(), bar, day) as (study, _):
            pass
        company = firm.company.name
    if not as_json:
        plan(study.plan, company)
    _tell_bad(study)
    _tell_unheard(study)
    return (
        3 if study.pulled.bad or study.heard.problem else 0,
        plan_json.document(study.plan),
        study.plan,
    )


def _tell_bad(study: Study | Report | Rebuilt) -> None:
    for bad in study.pulled.bad:
        say(f"set aside, tried again on the next run: {bad}")


def _tell_unheard(study: Study | Report) -> None:
    if study.heard.problem:
        say(f"answers and returned mail are not known: {study.heard.problem}")


def _real(config: Config, quiet: bool, as_json: bool) -> tuple[int, dict[str, object], Plan]:
    stop = stop_on_signals()
    with opened(config, os.environ) as firm, progress(quiet, firm.spec.limits) as bar:
        report = run_sync(firm, now, bar, stop.is_set)
        company = firm.company.name
    document = plan_json.document(report.plan) | {"delivered": _delivered(report)}
    document["heard"] = asdict(report.heard)
    if not as_json:
        put(f"{clean(company)} ({report.plan.ledger_id}), {report.plan.today}")
        for line in _told(report):
            put(clean(line))
        mind(text for entry in report.plan.reminders for text in entry.warnings)
    _tell_bad(report)
    _tell_unheard(report)
    return report.exit_code, document, report.plan


def apply(path: Path | None, file: Path, as_json: bool, quiet: bool) -> int:
    """What of a saved plan still holds is sent; what dropped out is named."""
    saved = read_plan(file)
    firms = configs(path, needs_one=True)
    if len(firms) > 1:
        raise ConfigError("a plan is of one firm: name it with --config FILE")
    stop = stop_on_signals()

    def work(config: Config) -> int:
        with opened(config, os.environ) as firm, progress(quiet, firm.spec.limits) as bar:
            done = apply_plan(firm, saved, getpass.getuser(), now, bar, stop.is_set)
            company = firm.company.name
        report = done.report
        if as_json:
            put_json({"version": 1, "delivered": _delivered(report), "dropped": list(done.dropped)})
        else:
            put(f"{clean(company)} ({report.plan.ledger_id}), {report.plan.today}")
            for line in (*_told(report), *(f"  dropped: {why}" for why in done.dropped)):
                put(clean(line))
        _tell_unheard(report)
        return report.exit_code or (3 if done.dropped else 0)

    return each(firms, work)


def rebuild(path: Path | None, as_json: bool, quiet: bool) -> int:
    """What our notes in the accounting software tell is taken over; nothing is sent."""
    stop = stop_on_signals()

    def work(config: Config) -> int:
        with opened(config, os.environ) as firm, progress(quiet, firm.spec.limits) as bar:
            done = rebuild_firm(firm, now, bar, stop.is_set)
            company = firm.company.name
        if as_json:
            told = {name: getattr(done, name) for name in ("read", "steps", "decisions")}
            put_json({"version": 1, **told, "strange": done.strange, "refused": done.refused})
        else:
            put(f"{clean(company)}: traces of {done.read} invoices read")
            put(f"  {done.steps} steps of reminders and {done.decisions} decisions came back")
            if done.strange:
                put(f"  {done.strange} traces fit no line of their invoice, and were left alone")
            for invoice, because in done.refused.items():
                put(f"  not read, from invoice {clean(invoice)} on: {clean(because)}")
        _tell_bad(done)
        return 3 if done.refused or done.pulled.bad or stop.is_set() else 0

    return each(configs(path, needs_one=True), work)


def _delivered(report: Report) -> dict[str, object]:
    done = asdict(report.delivered)
    for name in ("opens_at", "retry_at"):
        done[name] = done[name] and done[name].isoformat()
    return done | {"proposed": report.proposed, "planned": report.planned}


def _told(report: Report) -> list[str]:
    """What a real run did, a line each."""
    done = report.delivered
    waiting = sum(entry.needs_approval for entry in report.plan.reminders)
    told = [
        f"{len(done.sent)} sent, {report.planned} newly planned, {waiting} waiting for approval "
        f"({report.proposed} new)."
    ]
    if waiting:
        told.append("relance review shows the proposals, relance approve lets them go.")
    told += [f"  sent {key}" for key in done.sent]
    for word, found in (
        ("waits", done.waiting),
        ("not looked at, tried tomorrow", done.unread),
        ("withdrawn", done.withdrawn),
        ("refused", done.failed),
        ("unknown", done.unknown),
        ("went without", done.left_out),
        ("note not written", done.note_errors),
        ("came back", report.heard.bounced),
        ("held", report.heard.held),
        ("late", report.heard.delayed),
        ("came back, nobody held", report.heard.unclear),
        ("answered", report.heard.answered),
    ):
        told += [f"  {word}: {key}: {because}" for key, because in found.items()]
    if done.opens_at:
        told.append(f"The sending window opens {done.opens_at:%Y-%m-%d %H:%M}.")
    if report.unread:
        told.append(f"The books were not read, only what was planned went: {report.unread}")
    if done.ended_by:
        told.append(f"Ended early: {done.ended_by}")
    return told


def why(path: Path | None, what: str, as_json: bool, quiet: bool) -> int:
    """The reasons of an invoice's, or a customer's, due lines."""

    def work(config: Config) -> int:
        with (
            opened(config, os.environ) as firm,
            progress(quiet, firm.spec.limits) as bar,
            dry_run(firm, now(), bar) as (study, mirror),
        ):
            say_sample(study.plan)
            known = look_up(mirror, what)
            cases = [case for case in study.snapshot.cases if case.invoice_id in known.invoice_ids]
            told = explaining.explain(study.plan, study.snapshot, firm.policies, cases)
            _tell_unheard(study)
        if as_json:
            lines = [entry.to_json() for entry in told]
            put_json(
                {"version": 1, "today": study.plan.today.isoformat(), "lines": lines}
                | {"settled": [asdict(item) for item in known.settled]}
            )
            return 0
        for entry in told:
            for line in entry.lines():
                put(clean(line) if not line.startswith(" ") else f"  {clean(line.strip())}")
        for item in known.settled:
            put(clean(item.text()))
        if not told and not known.settled:
            put(f"{clean(what)}: nothing of it is open.")
        return 0

    return each(configs(path, needs_one=False), work)


def providers(as_json: bool) -> int:
    """The capability table, drawn from what each provider declares."""
    found = registry.providers()
    if as_json:
        rows = {name: {"title": spec.title} | asdict(spec.can) for name, spec in found.items()}
        put_json({"version": 1, "providers": rows})
        return 0
    columns = ("provider", "product", "own e-mail", "note", "traces", "PDF", "pay link")
    table(
        columns,
        (
            (
                name,
                spec.title,
                "yes" if spec.can.custom_email else "by SMTP",
                spec.can.note,
                spec.can.traces,
                "yes" if spec.can.pdf else "no",
                "yes" if spec.can.pay_link else "no",
            )
            for name, spec in found.items()
        ),
    )
    for name, problem in registry.broken().items():
        say(f"{name}: {problem}")
    return 0
