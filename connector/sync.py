"""The one page where it all meets: pull, decide, write the texts, write down, deliver.

A dry run is the same up to the plan, on a scratch copy, and prints it: one branch, here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from connector.dunning.decide import decide
from connector.dunning.plan import Plan
from connector.dunning.snapshot import Snapshot
from connector.errors import KeptForSending
from connector.firm import Firm, day_of
from connector.garbage import uncollected
from connector.installation import installation, taken_over
from connector.lock import keep_wait, one_run
from connector.mirror.pull import Progress, Pulled, pull
from connector.mirror.snapshot import read
from connector.mirror.state import State, scratch
from connector.mirror.store import Mirror
from connector.outbox.deliver import deliver, settle_unknown, withdraw_outdated
from connector.outbox.desk import Clock, Delivered, Desk, Heard
from connector.outbox.heard import hear
from connector.outbox.letters import withdraw_letters
from connector.outbox.queue import Outbox
from connector.outbox.runs import Runs
from connector.receivables.capabilities import Traces


@dataclass(slots=True)
class Report:
    """What a run did; `plan` is what it decided. `unread`: why the books were not read."""

    plan: Plan
    pulled: Pulled
    unread: str = ""
    delivered: Delivered = field(default_factory=Delivered)
    heard: Heard = field(default_factory=Heard)
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
            "bounced": len(self.heard.bounced),
            "answered": len(self.heard.answered),
            "bad_records": len(self.pulled.bad),
        }

    @property
    def exit_code(self) -> int:
        """3 when something was left undone that a later run or a person must see to."""
        done = self.delivered
        undone = done.failed or done.unknown or done.unread or done.note_errors or done.ended_by
        return 3 if self.pulled.bad or undone or self.unread or self.heard.problem else 0


@dataclass(frozen=True, slots=True)
class Study:
    """What is so today: the plan with its texts, and the facts it was made from."""

    plan: Plan
    snapshot: Snapshot
    pulled: Pulled
    unread: str = ""
    heard: Heard = field(default_factory=Heard)


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
        mirror.bind(firm.company, day)
        pulled = read_books(firm, mirror, now, day, progress)
        heard = _hear(firm, _desk(firm, mirror, Outbox(state, ""), lambda: now, lambda: False))
        yield replace(_decide(firm, mirror, now, day, pulled), heard=heard), mirror


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
        written = self.desk.box.reserve(
            plan,
            lambda entry, line: self.firm.note(entry, line, today),
            self.run_id,
            self.desk.now,
            by=by,
            keep_others=keep_others,
        )
        self.report.proposed = sum(entry.needs_approval for entry in written)
        self.report.planned = len(written) - self.report.proposed


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
        told = report.unread or report.delivered.ended_by or "done"
        runs.end(run_id, clock(), told, report.counts)


def sync(firm: Firm, clock: Clock, progress: Progress, stopped: Callable[[], bool]) -> Report:
    """One whole run. `clock` gives aware UTC instants; `stopped` ends it after the row in hand.

    Raises:
        ConfigError, AuthRequired, Transient, StaleMirror: as `run`.
    """
    with run(firm, clock, progress, stopped, "sync") as work:
        work.reserve(work.study.plan, keep_others=bool(work.study.unread))
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
    try:
        pulled, unread = read_books(firm, mirror, now, today, progress), ""
    except KeptForSending as error:  # what is planned goes all the same, each after its look
        pulled, unread = Pulled(counts={}), str(error)
    desk = _desk(firm, mirror, box, clock, stopped)
    if unread:
        desk = replace(desk, day=replace(desk.day, stale=_too_old(firm, mirror, now)))
    done, heard = Delivered(), _hear(firm, desk)
    settle_unknown(desk, done)
    withdraw_outdated(desk, done)
    withdraw_letters(desk, done)
    study = _decide(firm, mirror, now, today, pulled, unread)
    return Work(firm, study, desk, run_id, Report(study.plan, pulled, unread, done, heard))


def _too_old(firm: Firm, mirror: Mirror, now: datetime) -> str:
    """Why what was read on an earlier run can no longer be acted on, empty while it can."""
    hours, read_at = firm.policies.firm.freshness_hours, mirror.payments_known_at()
    if read_at and now - read_at <= timedelta(hours=hours):
        return ""
    return f"payments were read more than {hours} hours ago"


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
        day=day_of(firm, clock()),
        zone=firm.zone,
        clock=clock,
        stopped=stopped,
        taken_over=taken_over(firm.config),
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


def _hear(firm: Firm, desk: Desk) -> Heard:
    """What came back and who answered, before anything is decided."""
    with firm.meter.reading():
        return hear(desk, firm.inbox)


def read_books(
    firm: Firm, mirror: Mirror, now: datetime, today: date, progress: Progress
) -> Pulled:
    """Bring the mirror up to date; see `connector.mirror.pull`."""
    with firm.meter.reading():
        return pull(
            firm.provider,
            firm.spec.kinds,
            mirror,
            now=now,
            today=today,
            capabilities=firm.can,
            progress=progress,
        )


@uncollected()
def _decide(
    firm: Firm, mirror: Mirror, now: datetime, today: date, pulled: Pulled, unread: str = ""
) -> Study:
    """The plan with its texts; all silence where the books are `unread`.

    After the first pull of a new mirror our own traces on what is about to be written about are
    read first: a `state.db` that was lost plans nothing twice.
    """
    day = day_of(firm, now)
    if unread:
        day = replace(day, stale=unread)
    snapshot = read(mirror, day, today)
    plan = decide(snapshot, firm.policies, today)
    if pulled.first and firm.can.traces is not Traces.NONE and plan.reminders:
        customers = {entry.customer_id for entry in plan.reminders}
        ids = {c.invoice_id for c in snapshot.cases if c.account.customer.id in customers}
        mirror.traced(firm.provider.traces(sorted(ids)), today=today, now=now)
        snapshot = read(mirror, day, today)
        plan = decide(snapshot, firm.policies, today)
    return Study(firm.writer.write(plan), snapshot, pulled, unread)
