"""What due lines have had, and what waits in the outbox, of the rows of their reminders."""

from collections.abc import Container, Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from connector.dunning.legal import wait_until
from connector.dunning.snapshot import BY_HAND, Channel, Had, HadState, Pending, Rung
from connector.mirror.columns import day_of, instant_of
from connector.mirror.questions import OF_STEP, Step
from connector.mirror.tables import ReminderState
from connector.receivables.records import Decision, Mark

_HAD = {
    ReminderState.SENT: HadState.SENT,
    ReminderState.REJECTED: HadState.PASSED,
    ReminderState.BOUNCED: HadState.BOUNCED,
}
PENDING = {  # the gravest last: of several the gravest is told
    ReminderState.PROPOSED: Pending.PROPOSED,
    ReminderState.PLANNED: Pending.QUEUED,
    ReminderState.SENDING: Pending.QUEUED,
    ReminderState.FAILED: Pending.FAILED,
    ReminderState.UNKNOWN: Pending.UNKNOWN,
}
_GRAVITY = {state: rank for rank, state in enumerate(PENDING)}
_STATES = {state.value: state for state in ReminderState}
_MESSAGES = frozenset({Channel.EMAIL.value, Channel.LETTER.value})
_HAND = BY_HAND.number
_SPOKEN = frozenset(
    {ReminderState.PLANNED, ReminderState.SENDING, ReminderState.SENT, ReminderState.UNKNOWN}
)


class Steps(NamedTuple):
    """What lines have had, and what of them is in the outbox, by invoice and line.

    `spoken` has the day of the last message by invoice.
    """

    had: Mapping[tuple[str, str], tuple[Had, ...]]
    pending: Mapping[tuple[str, str], tuple[ReminderState, str]]
    spoken: Mapping[str, str]


def steps_of(
    rows: Iterable[tuple[Any, ...]],
    invoices: Container[str],
    by_invoice: Mapping[str, tuple[Decision, ...]],
) -> Steps:
    """What the lines of these invoices have had; most steps of a day are the same, and so is what
    is made of them."""
    anew = {
        ref: max(
            (mark for mark in made if mark.mark is Mark.RESTART),
            key=lambda mark: (mark.since, mark.made_at),
        )
        for ref, made in by_invoice.items()
        if any(mark.mark is Mark.RESTART for mark in made)
    }
    had: dict[tuple[str, str], tuple[Had, ...]] = {}
    pending: dict[tuple[str, str], tuple[ReminderState, str]] = {}
    spoken: dict[str, str] = {}
    alike: dict[tuple[object, ...], _Like] = {}
    longer: dict[tuple[object, ...], tuple[Had, ...]] = {}
    for row in rows:
        invoice = row[0]
        if invoice not in invoices:
            continue
        like = alike.get(row[OF_STEP:])
        if like is None:
            like = alike[row[OF_STEP:]] = _Like.of(Step._make(row))
        place = invoice, row[1]
        if like.had:
            steps = like.had
            if invoice in anew:
                steps = (_had(Step._make(row), anew[invoice]),)
            if before := had.get(place):
                steps = longer.setdefault((before, steps), before + steps)
            had[place] = steps
        elif like.waits and (
            place not in pending or _GRAVITY[like.waits] > _GRAVITY[pending[place][0]]
        ):
            pending[place] = like.waits, row[2]
        if like.said > spoken.get(invoice, ""):
            spoken[invoice] = like.said
    return Steps(had, pending, spoken)


class _Like(NamedTuple):
    """What a step is to its line: had, or in the outbox; `said` is its day if it is a message."""

    had: tuple[Had, ...] = ()
    waits: ReminderState | None = None
    said: str = ""

    @classmethod
    def of(cls, step: Step) -> "_Like":
        state = _STATES[step.state]
        said = step.on if state in _SPOKEN and step.channel in _MESSAGES else ""
        if step.n == _HAND and step.stage == BY_HAND.stage:
            return cls(said=said)  # no step, and holds none back; the gap knows it
        return cls((_had(step),), said=said) if state in _HAD else cls((), state, said)


def _had(row: Step, restart: Decision | None = None) -> Had:
    on, deadline_on, received_on = (
        day_of(row.on),
        day_of(row.deadline_on),
        day_of(row.received_on),
    )
    assert on
    before = restart is not None and _before(on, row, restart)
    channel = Channel(row.channel)
    if received_on and deadline_on:
        deadline_on = max(deadline_on, received_on + (deadline_on - on))
    return Had(
        rung=Rung.parse(row.stage, row.n),
        on=on,
        nth=row.nth,
        state=HadState.RESTARTED if before else _HAD[_STATES[row.state]],
        channel=channel,
        deadline_on=deadline_on,
        legal=row.legal,
        wait_until=wait_until(row.legal, on, channel, received_on),
        received_on=received_on,
    )


def _before(on: date, row: Step, restart: Decision) -> bool:
    """Whether a step belongs to the ladder that was restarted; of the same day the instant tells.

    Of a step known only from its note the day alone is known: its number tells a first sending.
    """
    if on != restart.since:
        return on < restart.since
    planned_at = instant_of(row.planned_at)
    if planned_at and restart.made_at:
        return planned_at <= restart.made_at
    return row.nth == 1
