"""The outbox: what is to be sent, once. Each step is on disk before it is taken."""

from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime

from sqlalchemy import ColumnElement, select, update

from connector.dunning.plan import Plan, Reminder, ReminderLine
from connector.dunning.snapshot import BY_HAND
from connector.errors import ConfigError
from connector.garbage import uncollected
from connector.mirror.state import State
from connector.mirror.tables import DATED, DEAD, Origin, ReminderState
from connector.outbox.rows import Line, Row
from connector.outbox.sql import (
    ATTEMPT,
    ATTEMPTED,
    CLAIM,
    ENDED,
    LINE,
    REMINDER,
    SENT,
    UNSENT,
    Writing,
    add,
    read,
    same,
    settle,
    taken,
)

OPEN = (
    ReminderState.PLANNED,
    ReminderState.PROPOSED,
    ReminderState.SENDING,
    ReminderState.UNKNOWN,
    ReminderState.FAILED,
)
_TRIED = (ReminderState.SENDING, ReminderState.UNKNOWN)
Words = Callable[[Reminder, ReminderLine], str]


class Outbox:
    """The reminders of one firm, on a connection that waits for the disk (`synchronous=FULL`)."""

    def __init__(self, state: State, installation: str) -> None:
        self.engine, self.steps = state.outbox, state.steps
        self.installation = installation

    def rows(self, *states: ReminderState, own: bool = True) -> list[Row]:
        """The reminders in these states, oldest first; `own` leaves out what others have sent."""
        where: list[ColumnElement[bool]] = [REMINDER.c.state.in_(states)] if states else []
        if states and DATED.isdisjoint(states):
            where.append(UNSENT)
        if own:
            where.append(REMINDER.c.origin == Origin.RELANCE)
        with self.engine.connect() as connection:
            return read(connection, *where)

    def by_hand(self, customer_id: str) -> list[Row]:
        """The messages that a person asked for, of one customer."""
        with self.engine.connect() as connection:
            return read(
                connection,
                REMINDER.c.customer_ref == customer_id,
                REMINDER.c.n == BY_HAND.number,
            )

    def find(self, prefix: str) -> Row:
        """The latest reminder whose key begins so.

        Raises:
            ConfigError: none, or more than one, does.
        """
        with self.engine.connect() as connection:
            found = read(connection, REMINDER.c.key.startswith(prefix, autoescape=True))
        keys = {row.key for row in found}
        if len(prefix) < 4 or len(keys) != 1:
            many = f"{len(keys)} reminders have" if keys else "no reminder has"
            raise ConfigError(f"{prefix!r}: {many} a key beginning so: give more of it")
        live = [row for row in found if row.state not in DEAD]
        return (live or found)[-1]

    def reserve(
        self,
        plan: Plan,
        words: Words,
        run_id: int | None,
        now: datetime,
        *,
        by: str = "",
        keep_others: bool = False,
    ) -> list[Reminder]:
        """Write a plan down: what waits for a person as proposals, the rest as planned.

        Proposals that nobody has touched are replaced by what the plan now says: the same is left
        alone, another supersedes it; with `keep_others` those that the plan does not name stay.
        `words` gives the note of each line, `by` who has approved it. Returns what was written.
        """
        with uncollected(), self.engine.begin() as connection:
            untouched = read(
                connection,
                REMINDER.c.state == ReminderState.PROPOSED,
                UNSENT,
                REMINDER.c.edited.is_(False),
                REMINDER.c.n != BY_HAND.number,  # a person asked for it: no plan replaces it
                REMINDER.c.origin == Origin.RELANCE,
            )
            wanted = {entry.key: entry for entry in plan.reminders}
            kept = {r.key for r in untouched if same(r, wanted.get(r.key), plan.today)}
            for row in untouched:
                if row.key not in kept and not (keep_others and row.key not in wanted):
                    settle(connection, row.id, ReminderState.SUPERSEDED, now, "planned anew")
            new = [entry for entry in plan.reminders if entry.key not in kept]
            used = taken(connection, (line.key for entry in new for line in entry.lines))
            entries = [
                (entry, {line.key: words(entry, line) for line in entry.lines})
                for entry in new
                if used.isdisjoint(line.key for line in entry.lines)
            ]
            run = Writing(
                id=run_id, today=plan.today, now=now, installation=self.installation, by=by
            )
            add(connection, entries, run)
            return [entry for entry, _ in entries]

    def claim(self, row: Row, now: datetime) -> bool:
        """Take a planned row for sending, on disk before the call; False if another has it."""
        with self.steps as step:
            taken_it = CLAIM.run(step, row=row.id)
            if taken_it:
                ATTEMPTED.run(step, row=row.id, at=now)
        return bool(taken_it)

    def release(self, row: Row, now: datetime, error: str, not_before: datetime | None) -> None:
        """Put a row back: it is certain that nothing happened, and no fault of its own."""
        back = {"not_before": not_before, "tries": row.tries}
        self._end(row, ReminderState.PLANNED, now, error, _TRIED, **back)

    def retry(self, row: Row, now: datetime, error: str, not_before: datetime) -> None:
        """Put a row back that did not go: certainly nothing happened, and the try is counted."""
        self._end(row, ReminderState.PLANNED, now, error, _TRIED, not_before=not_before)

    def sent(self, row: Row, now: datetime, on: date, receipt: str) -> None:
        """The message was handed over on a day of the firm's zone."""
        with self.steps as step:
            if SENT.run(step, row=row.id, on=on, at=now, receipt=receipt):
                ENDED.run(step, row=row.id, at=now, outcome=ReminderState.SENT.value, why="")

    def failed(self, row: Row, now: datetime, error: str) -> None:
        """The message was refused for good: a person must act."""
        self._end(row, ReminderState.FAILED, now, error, _TRIED)

    def unknown(self, row: Row, now: datetime, error: str) -> None:
        """Nobody knows whether it went: never sent again unseen."""
        self._end(row, ReminderState.UNKNOWN, now, error, _TRIED)

    def supersede(self, row: Row, now: datetime, because: str) -> None:
        """Withdraw a row that says what is no longer so; its lines may be planned anew."""
        waiting = (ReminderState.PLANNED, ReminderState.PROPOSED)
        self._end(row, ReminderState.SUPERSEDED, now, because, waiting)

    def postpone(self, row: Row, until: datetime, because: str) -> None:
        """Keep a planned row for later."""
        with self.engine.begin() as connection:
            connection.execute(
                update(REMINDER)
                .where(REMINDER.c.id == row.id, REMINDER.c.state == ReminderState.PLANNED)
                .values(not_before=until, error=because)
            )

    def _end(
        self,
        row: Row,
        state: ReminderState,
        now: datetime,
        error: str,
        was: Collection[ReminderState],
        **values: object,
    ) -> None:
        """Settle a row that `was` so; what another process has made of it meanwhile stays."""
        with self.steps as step:
            settle(step, row.id, state, now, error, was=was, **values)

    def approve(self, row: Row, by: str, now: datetime) -> None:
        """Let a proposal go with the next delivery.

        Raises:
            ConfigError: it is no proposal any more.
        """
        self._decide(row, state=ReminderState.PLANNED, approved_by=by, approved_at=now)

    def edit(self, row: Row, subject: str, text: str, html: str, by: str, now: datetime) -> None:
        """What a person wrote in place of the text: it is what goes out, marked edited.

        Raises:
            ConfigError: it is no proposal any more.
        """
        self._decide(
            row, subject=subject, text=text, html=html, edited=True, approved_by=by, approved_at=now
        )

    def draft(self, row: Row) -> Row | None:
        """An edited text about one of these invoices that was withdrawn since, the latest."""
        mine = {line.invoice_id for line in row.lines}
        drafts = [
            other
            for other in self.rows(ReminderState.SUPERSEDED)
            if other.edited
            and other.customer_id == row.customer_id
            and mine & {line.invoice_id for line in other.lines}
        ]
        return drafts[-1] if drafts else None

    def reject(self, row: Row, because: str, by: str, on: date, now: datetime) -> None:
        """Pass the step: the lines go on to the next one, and no gap starts.

        Raises:
            ConfigError: it is no proposal any more.
        """
        self._decide(
            row,
            state=ReminderState.REJECTED,
            because=because,
            approved_by=by,
            approved_at=now,
            sent_on=on,
        )

    def _decide(self, row: Row, **values: object) -> None:
        with self.engine.begin() as connection:
            rows = connection.execute(
                update(REMINDER)
                .where(REMINDER.c.id == row.id, REMINDER.c.state == ReminderState.PROPOSED)
                .values(**values)
            ).rowcount
        if not rows:
            raise ConfigError(f"{row.key}: is {row.state}, not a proposal: see relance review")

    def resolve(self, row: Row, was_sent: bool, on: date, now: datetime) -> None:
        """A person says what became of an unknown or failed row.

        Raises:
            ConfigError: its outcome is known already.
        """
        if row.state not in (ReminderState.UNKNOWN, ReminderState.FAILED):
            raise ConfigError(
                f"{row.key}: is {row.state}: only unknown and failed rows are resolved"
            )
        if was_sent:
            self.sent(row, now, row.planned_on or on, "resolved by hand")
        else:
            self._end(row, ReminderState.PLANNED, now, "", (row.state,), not_before=None, tries=0)

    def interrupted(self, now: datetime) -> int:
        """Rows found being sent at the start of a run: their outcome is unknown. How many."""
        with self.engine.begin() as connection:
            rows = read(connection, REMINDER.c.state == ReminderState.SENDING, UNSENT)
            for row in rows:
                error = "the program ended while this message was being sent"
                settle(connection, row.id, ReminderState.UNKNOWN, now, error)
        return len(rows)

    def tried_at(self, row: Row) -> datetime | None:
        """When the last attempt at a row began."""
        with self.engine.connect() as connection:
            found: datetime | None = connection.execute(
                select(ATTEMPT.c.started_at)
                .where(ATTEMPT.c.reminder_id == row.id)
                .order_by(ATTEMPT.c.id.desc())
            ).scalar()
        return found

    def earlier(self, key: str, lines: Iterable[tuple[str, str]]) -> list[str]:
        """The keys of the mails that went before about any of these due lines, oldest first.

        `lines` are (invoice id, line id), `key` the reminder that is about to go.
        """
        mine = set(lines)
        refs = sorted({invoice_id for invoice_id, _ in mine})
        query = select(LINE.c.reminder_id).where(LINE.c.invoice_ref.in_(refs))
        with self.engine.connect() as connection:
            rows = read(
                connection,
                REMINDER.c.state == ReminderState.SENT,
                REMINDER.c.origin != Origin.HISTORY,
                REMINDER.c.id.in_(query),
            )
        gone = [
            (row.sent_on or date.min, row.id, row.key)
            for row in rows
            if row.mailed and mine.intersection(row.due_lines)
        ]
        return [other for other in dict.fromkeys(each for *_, each in sorted(gone)) if other != key]

    def unnoted(self, only: Row | None = None) -> list[Row]:
        """Reminders that went and whose note is not yet on every invoice; or `only` this one."""
        missing = select(LINE.c.reminder_id).where(LINE.c.noted_at.is_(None))
        where: list[ColumnElement[bool]] = []
        if only:  # asked after each message: not by way of all lines
            missing, where = (
                missing.where(LINE.c.reminder_id == only.id),
                [REMINDER.c.id == only.id],
            )
        with self.engine.connect() as connection:
            return read(
                connection,
                REMINDER.c.state == ReminderState.SENT,
                REMINDER.c.origin == Origin.RELANCE,
                REMINDER.c.id.in_(missing),
                *where,
            )

    def claim_note(self, line: Line, now: datetime) -> bool:
        """Mark, before the call, that a note is about to be written; False if another does it."""
        with self.engine.begin() as connection:
            rows = connection.execute(
                update(LINE)
                .where(LINE.c.id == line.id, LINE.c.noted_at.is_(None))
                .where(LINE.c.note_tried_at.is_not_distinct_from(line.note_tried_at))
                .values(note_tried_at=now, note_error="")
            ).rowcount
        return bool(rows)

    def noted(self, line_ids: Iterable[int], now: datetime) -> None:
        """The note stands on the invoice."""
        self._mark(line_ids, noted_at=now, note_error="")

    def note_failed(self, line_id: int, error: str, *, certain: bool) -> None:
        """The note was refused; `certain` that none was written."""
        values: dict[str, object] = {"note_error": error}
        if certain:
            values["note_tried_at"] = None
        self._mark([line_id], **values)

    def _mark(self, line_ids: Iterable[int], **values: object) -> None:
        ids = list(line_ids)
        if not ids:
            return
        with self.engine.begin() as connection:
            connection.execute(update(LINE).where(LINE.c.id.in_(ids)).values(**values))
