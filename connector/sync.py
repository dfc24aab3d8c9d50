"""The one page where it all meets: pull, decide, write the texts, write down, deliver.

A dry run is the same up to the plan, on a scratch copy, and prints it: one branch, here.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from connector import registry
from connector.config import Config, installation
from connector.contract import Company, Provider, ProviderSpec
from connector.dunning.decide import decide
from connector.dunning.plan import Plan, Reminder, ReminderLine
from connector.dunning.policy import SIDE
from connector.dunning.policy_file import Policies, load
from connector.dunning.snapshot import Channel, Day, Snapshot
from connector.errors import ConfigError, Transient
from connector.lock import keep_wait, one_run, wait_over
from connector.messages.lint import lint
from connector.messages.write import Writer
from connector.mirror.pull import Progress, Pulled, pull
from connector.mirror.snapshot import read
from connector.mirror.state import State, scratch
from connector.mirror.store import Mirror
from connector.mirror.tables import ReminderState
from connector.outbox import smtp
from connector.outbox.deliver import deliver, settle_unknown, withdraw_outdated
from connector.outbox.desk import Clock, Delivered, Desk
from connector.outbox.letters import withdraw_letters
from connector.outbox.queue import Outbox
from connector.outbox.runs import Runs
from connector.outbox.smtp import Smtp
from connector.receivables.capabilities import Capabilities, Notes, Traces

NOBODY = Company(ledger_id="", name="", country="", timezone="UTC", currency="EUR")
"""Stands in for the firm while its texts are checked without a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """One firm, connected: its books, policy and words. `zone` is where its days are counted."""

    config: Config
    spec: ProviderSpec
    provider: Provider
    company: Company
    can: Capabilities
    policies: Policies
    writer: Writer
    mailer: Smtp | None
    zone: ZoneInfo

    def today(self, now: datetime) -> date:
        """The firm's day: a sample ledger has a fixed one of its own."""
        return self.company.today or now.astimezone(self.zone).date()

    def note(self, entry: Reminder, line: ReminderLine, today: date) -> str:
        """The words of a note, in the firm's language."""
        return self.writer.note(entry, line, today, self.config.language)


@dataclass(slots=True)
class Report:
    """What a run did; `plan` is what it decided."""

    plan: Plan
    pulled: Pulled
    delivered: Delivered = field(default_factory=Delivered)
    proposed: int = 0
    planned: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """What the run's record keeps."""
        return {
            "open_lines": self.plan.open_lines,
            "proposed": self.proposed,
            "planned": self.planned,
            "sent": len(self.delivered.sent),
            "withdrawn": len(self.delivered.withdrawn),
            "failed": len(self.delivered.failed),
            "unknown": len(self.delivered.unknown),
            "bad_records": len(self.pulled.bad),
        }

    @property
    def exit_code(self) -> int:
        """3 when something was left undone that a later run or a person must see to."""
        done = self.delivered
        undone = done.failed or done.unknown or done.note_errors or done.ended_by
        return 3 if self.pulled.bad or undone else 0


def checked(config: Config, environ: Mapping[str, str]) -> Policies:
    """The policies of a configuration that holds: settings, policy and texts, no connection made.

    Raises:
        ConfigError: with everything that is wrong, at once.
    """
    problems = [*config.problems, *registry.check(config, environ), *smtp.problems(config.smtp)]
    folder = config.path.absolute().parent if config.path else Path()
    policies = texts = None
    try:
        texts = {template for template, _ in Writer(NOBODY, config.templates).templates}
    except ConfigError as error:
        problems += error.problems
    try:
        policies = load(config.policy, folder, texts)
    except ConfigError as error:
        problems += error.problems
    if policies and texts is not None:
        problems += lint(config.templates, policies.in_use)
    if problems or policies is None:
        raise ConfigError(*problems)
    return policies


@contextmanager
def opened(
    config: Config, environ: Mapping[str, str], clock: Clock = lambda: datetime.now(UTC)
) -> Iterator[Firm]:
    """The firm of a configuration, connected.

    Raises:
        ConfigError: before any connection, with all that is wrong.
        AuthRequired, Transient: from the first call to the books; also when the server has asked
            for a wait that is not over.
    """
    policies = checked(config, environ)
    if config.path:
        wait_over(config.state, clock())
    provider = registry.open(config, environ)
    try:
        company, can = provider.company(), provider.probe()
        settings = registry.mail_settings(config, environ)
        yield Firm(
            config=config,
            spec=registry.providers()[config.provider],
            provider=provider,
            company=company,
            can=can,
            policies=policies,
            writer=Writer(company, config.templates, pdf=can.pdf),
            mailer=Smtp(settings) if settings.get("HOST") else None,
            zone=ZoneInfo(config.timezone or company.timezone),
        )
    except Transient as error:
        if config.path and error.retry_at:
            keep_wait(config.state, error.retry_at, str(error))
        raise
    finally:
        provider.close()


@dataclass(frozen=True, slots=True)
class Study:
    """What is so today: the plan with its texts, and the facts it was made from."""

    plan: Plan
    snapshot: Snapshot
    pulled: Pulled


@contextmanager
def dry_run(
    firm: Firm, now: datetime, progress: Progress, today: date | None = None
) -> Iterator[tuple[Study, Mirror]]:
    """Today's plan made on a scratch copy; neither `state.db` nor the books are written to.

    `today` replaces the firm's day. The mirror is the copy's, gone when the block ends.
    """
    day = today or firm.today(now)
    if firm.company.as_of and firm.company.today:  # a sample stands still with its own clock
        now = datetime.combine(day, firm.company.as_of.timetz())
    state_file = firm.config.state if firm.config.path and firm.config.state.exists() else None
    with scratch(state_file) as state:
        mirror = Mirror(state)
        yield _study(firm, mirror, now, day, progress), mirror


@dataclass(slots=True)
class Work:
    """A run under way: what is so today, and everything that writing and sending needs."""

    firm: Firm
    study: Study
    desk: Desk
    run_id: int
    report: Report

    def reserve(self, plan: Plan, *, by: str = "", keep_others: bool = False) -> None:
        """Write a plan down; `by` has approved it, `keep_others` leaves other proposals alone."""
        today = plan.today
        rows = self.desk.box.reserve(
            plan,
            lambda entry, line: self.firm.note(entry, line, today),
            self.run_id,
            self.desk.now,
            by=by,
            keep_others=keep_others,
        )
        self.report.proposed = sum(row.state is ReminderState.PROPOSED for row in rows)
        self.report.planned = len(rows) - self.report.proposed


@contextmanager
def run(
    firm: Firm, clock: Clock, progress: Progress, stopped: Callable[[], bool], what: str
) -> Iterator[Work]:
    """A run of one firm up to its decision: locked, recorded, pulled, the unknown settled.

    Raises:
        ConfigError: another run of this firm is at work, or the state is another firm's.
        AuthRequired, Transient, StaleMirror: nothing was sent; pages already read are kept.
    """
    with one_run(firm.company.ledger_id), State.opened(firm.config.state) as state:
        mirror, box, runs = (
            Mirror(state),
            Outbox(state, installation(firm.config, True)),
            Runs(state),
        )
        now, today = clock(), firm.today(clock())
        mirror.bind(firm.company, today)
        run_id = runs.begin(what, now)
        try:
            box.interrupted(now)
            work = _prepared(firm, mirror, box, run_id, clock, progress, stopped)
            yield work
        except Exception as error:
            runs.end(run_id, clock(), f"{type(error).__name__}: {error}", {})
            raise
        report = work.report
        if report.delivered.retry_at:
            keep_wait(firm.config.state, report.delivered.retry_at, report.delivered.ended_by)
        runs.end(run_id, clock(), report.delivered.ended_by or "done", report.counts)


def sync(firm: Firm, clock: Clock, progress: Progress, stopped: Callable[[], bool]) -> Report:
    """One whole run. `clock` gives aware UTC instants; `stopped` ends it after the row in hand.

    Raises:
        ConfigError, AuthRequired, Transient, StaleMirror: as `run`.
    """
    with run(firm, clock, progress, stopped, "sync") as work:
        work.reserve(work.study.plan)
        deliver(work.desk, work.report.delivered)
    return work.report


def _prepared(
    firm: Firm,
    mirror: Mirror,
    box: Outbox,
    run_id: int,
    clock: Clock,
    progress: Progress,
    stopped: Callable[[], bool],
) -> Work:
    now, today = clock(), firm.today(clock())
    pulled = _pull(firm, mirror, now, today, progress)
    desk = _desk(firm, mirror, box, clock, stopped)
    done = Delivered()
    settle_unknown(desk, done)
    withdraw_outdated(desk, done)
    withdraw_letters(desk, done)
    study = _decide(firm, mirror, now, today, pulled)
    return Work(firm, study, desk, run_id, Report(study.plan, pulled, done))


def _desk(
    firm: Firm, mirror: Mirror, box: Outbox, clock: Clock, stopped: Callable[[], bool]
) -> Desk:
    return Desk(
        provider=firm.provider,
        can=firm.can,
        mailer=firm.mailer,
        mirror=mirror,
        box=box,
        policies=firm.policies,
        day=_day(firm, clock()),
        zone=firm.zone,
        clock=clock,
        stopped=stopped,
    )


@contextmanager
def at_desk(firm: Firm, clock: Clock) -> Iterator[Desk]:
    """The outbox of a firm, locked, for what a person does between two runs.

    Raises:
        ConfigError: a run of this firm is at work, or the state is another firm's.
    """
    with one_run(firm.company.ledger_id), State.opened(firm.config.state) as state:
        mirror, box = Mirror(state), Outbox(state, installation(firm.config, True))
        mirror.bind(firm.company, firm.today(clock()))
        box.interrupted(clock())
        yield _desk(firm, mirror, box, clock, lambda: False)


def _study(firm: Firm, mirror: Mirror, now: datetime, today: date, progress: Progress) -> Study:
    mirror.bind(firm.company, today)
    return _decide(firm, mirror, now, today, _pull(firm, mirror, now, today, progress))


def _pull(firm: Firm, mirror: Mirror, now: datetime, today: date, progress: Progress) -> Pulled:
    return pull(
        firm.provider,
        firm.spec.kinds,
        mirror,
        now=now,
        today=today,
        capabilities=firm.can,
        progress=progress,
    )


def _decide(firm: Firm, mirror: Mirror, now: datetime, today: date, pulled: Pulled) -> Study:
    """The plan with its texts.

    After the first pull of a new mirror our own traces on what is about to be written about are
    read first: a `state.db` that was lost plans nothing twice.
    """
    day = _day(firm, now)
    snapshot = read(mirror, day, today)
    plan = decide(snapshot, firm.policies, today)
    if pulled.first and firm.can.traces is not Traces.NONE and plan.reminders:
        customers = {entry.customer_id for entry in plan.reminders}
        ids = {c.invoice_id for c in snapshot.cases if c.account.customer.id in customers}
        mirror.traced(firm.provider.traces(sorted(ids)), today=today, now=now)
        snapshot = read(mirror, day, today)
        plan = decide(snapshot, firm.policies, today)
    return Study(firm.writer.write(plan), snapshot, pulled)


def _day(firm: Firm, now: datetime) -> Day:
    """The facts of the day: what can carry a message, which texts there are, how old the data."""
    can, as_of = firm.can, firm.company.as_of
    aside = "note" if can.note is Notes.INVOICE else "list"
    routes = dict.fromkeys(SIDE, aside)
    routes[Channel.LETTER] = "print"
    if can.custom_email or firm.mailer:
        routes[Channel.EMAIL] = "api" if can.custom_email else "smtp"
    hours = firm.policies.firm.freshness_hours
    stale = ""
    if as_of and now - as_of > timedelta(hours=hours):
        stale = f"the files are of {as_of:%Y-%m-%d %H:%M} UTC, more than {hours} hours ago"
    return Day(
        routes=routes,
        templates=firm.writer.templates,
        language=firm.config.language,
        mode=firm.config.mode,
        sample=firm.config.path is None,
        stale=stale,
        read_at=as_of or now,
        payments_read_at=as_of or now,
        native_reminders=can.native_reminders,
        top_share=firm.policies.firm.top_share,
    )
