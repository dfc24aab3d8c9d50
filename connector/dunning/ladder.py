"""Which step a line stands before: what it is old enough for, and what it has had.

Nothing stores a next date. It is worked out afresh, so an outage delays and never loses, and a
moved due date moves everything.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

from connector.dunning.policy import Policy, Step
from connector.dunning.promises import begun_anew, resumed_on
from connector.dunning.snapshot import Case, Had, HadState, Rung, Stage
from connector.receivables import calendar
from connector.receivables.calendar import Places
from connector.receivables.records import Decision, Mark

LAPSE = timedelta(days=2)  # a step before due speaks until two days before, or not at all
DAY = timedelta(days=1)
MOVING = frozenset({Mark.PROMISED, Mark.PLAN, Mark.CAUSE})
"""The decisions that may move a line's next step; the others only silence it, or are in its history
already, as a restart is."""
PREFERS_LETTER = "prefers:letter"  # the tag of a customer who has letters instead of e-mails


@dataclass(frozen=True, slots=True)
class Next:
    """A step to come: the day from which it is due, and which sending of it this is."""

    rung: Rung
    step: Step
    on: date
    nth: int


class Standing(NamedTuple):
    """Where a line stands on its policy's ladder on a day.

    `next` is the step that is due, else the one that comes first, None at the end of the ladder.
    """

    case: Case
    policy: Policy
    because: str  # why this policy
    next: Next | None
    first_pull_on: date
    decisions: tuple[Decision, ...]

    def due(self, today: date) -> bool:
        """Whether the next step may speak today."""
        return self.next is not None and self.next.on <= today


def stand(case: Case, policy: Policy, because: str, first_pull_on: date, today: date) -> Standing:
    """Where a line stands: its next message, or the call, note or task that comes before it."""
    decisions = case.decisions + case.account.decisions
    if case.decisions and case.had:
        case = begun_anew(case, today)
    found = _next(case, policy, today)
    if found and PREFERS_LETTER in case.account.customer.tags:
        found = replace(found, step=found.step.by_letter)
    return Standing(case, policy, because, found, first_pull_on, decisions)


def _next(case: Case, policy: Policy, today: date) -> Next | None:
    if case.due_on is None:
        return None
    places = policy.places(case.account.customer.country)
    past = _past(case, policy)
    message = _next_message(case, case.due_on, policy, past, places, today)
    if message and message.on <= today:
        return message
    beside = _next_side(case, case.due_on, policy, past, places, message)
    if message and beside:
        return min(beside, message, key=lambda step: step.on)
    return beside or message


def _counts(had: Had, policy: Policy) -> bool:
    """Whether a step was really had; a legal reminder only if it was sent as the legal one."""
    if had.state not in (HadState.SENT, HadState.PASSED):
        return False
    duty = policy.duties.get(had.rung, "")
    return not duty or had.legal == duty or had.state is HadState.PASSED


class _Past(NamedTuple):
    """What a line has really had, of it the highest message, the latest, and the latest sent."""

    had: tuple[Had, ...] = ()
    top: Rung | None = None
    previous: Had | None = None
    sent: Had | None = None


_NOTHING = _Past()


def _past(case: Case, policy: Policy) -> _Past:
    if not case.had:
        return _NOTHING
    had = tuple([had for had in case.had if _counts(had, policy)])
    top: Rung | None = None
    previous: Had | None = None
    sent: Had | None = None
    for one in had:
        if one.rung.side:
            continue
        if top is None or one.rung > top:
            top = one.rung
        if previous is None or one.on > previous.on:
            previous = one
        if one.state is HadState.SENT and (
            sent is None or (one.on, one.rung) > (sent.on, sent.rung)
        ):
            sent = one
    return _Past(had, top, previous, sent)


def _next_message(
    case: Case, due_on: date, policy: Policy, past: _Past, places: Places, today: date
) -> Next | None:
    top = past.top
    again = _repeat(case, policy, past, top, places) if top and policy.repeats else None
    for rung, step in policy.ladder:
        if (top and rung <= top) or _passed(case, due_on, step, today):
            continue
        if rung.stage is Stage.HANDOVER and not any(
            h.rung.stage is Stage.NOTICE and h.state is HadState.SENT for h in past.had
        ):
            break  # a hand-over needs a notice that was had
        on = _due_from(case, due_on, policy, step, past, places)
        higher = Next(rung, step, on, _nth(case, rung))
        return again if again and on > today and again.on < on else higher
    return again


def _repeat(case: Case, policy: Policy, past: _Past, top: Rung, places: Places) -> Next | None:
    """The step last had once more, while its policy lets it repeat and no higher one is due."""
    step = next((step for rung, step in policy.ladder if rung == top), None)
    sent = [h for h in past.had if h.rung == top and h.state is HadState.SENT]
    if not step or not step.repeat or not sent or len(sent) >= step.repeat.times:
        return None
    days = max(step.repeat.every_days, policy.gap_days)
    on = max(h.on for h in sent) + timedelta(days=days)
    return Next(top, step, calendar.next_open(on, places, policy.week), _nth(case, top))


def _passed(case: Case, due_on: date, step: Step, today: date) -> bool:
    """Whether a step is over for a line, or never was for it."""
    if step.only and not _wanted(case, step):
        return True
    if step.stage is Stage.BEFORE_DUE:
        return today > due_on - LAPSE
    return step.until_days is not None and today > due_on + timedelta(days=step.until_days)


def _wanted(case: Case, step: Step) -> bool:
    assert step.only
    least = step.only.smallest.get(case.currency)
    large = least is not None and case.balance >= least
    return large or case.account.is_any(step.only.behaviour)


def _shift(day: date, count: int, unit: str, places: Places) -> date:
    return calendar.after(day, count, places) if unit != "days" else day + timedelta(days=count)


def _by_age(
    case: Case, due_on: date, policy: Policy, step: Step, past: _Past, places: Places
) -> date:
    """The day a line is old enough for a step, closed days not yet looked at."""
    if step.stage is Stage.BEFORE_DUE:
        back = due_on - timedelta(days=step.days)
        return calendar.previous_open(back, places, policy.week)
    previous = past.previous
    if step.when == "after previous" and previous:
        start = previous.deadline_on if step.after == "deadline" else None
        return _shift(start or previous.on, step.days, step.unit, places)
    grace = _grace(case, due_on, policy, places)
    return max(_shift(due_on, step.days, step.unit, places), grace)


def _grace(case: Case, due_on: date, policy: Policy, places: Places) -> date:
    """Money sent on the due date arrives a day later, and not while the banks stand still."""
    banks = (*places, "ECB") if case.currency == "EUR" and places else places
    return _shift(due_on, policy.grace.days, policy.grace.unit, banks)


def _resumed(
    case: Case, due_on: date, policy: Policy, step: Step, past: _Past, places: Places
) -> date:
    """Its day by age; sooner when what was promised did not come, but for a hand-over."""
    age = _by_age(case, due_on, policy, step, past, places)
    if step.side or step.stage in (Stage.BEFORE_DUE, Stage.HANDOVER):
        return age
    resumed = resumed_on(case, policy, past.had)
    if not resumed or resumed >= age:
        return age
    return max(resumed, due_on + DAY, _grace(case, due_on, policy, places))


def _due_from(
    case: Case, due_on: date, policy: Policy, step: Step, past: _Past, places: Places
) -> date:
    """The later of its day by age, a gap after the last message, and the day after a deadline."""
    days = [_resumed(case, due_on, policy, step, past, places)]
    last = past.sent
    gap = timedelta(days=policy.gap_days)
    if last:
        days.append(last.on + gap)
        if last.deadline_on and not step.side:
            days.append(last.deadline_on + DAY)
    if case.reopened_on:
        days.append(case.reopened_on + gap)
    on = max(days)
    if step.stage is Stage.BEFORE_DUE and on == days[0]:
        return on  # already moved backward to an open day
    return calendar.next_open(on, places, policy.week)


def _next_side(
    case: Case,
    due_on: date,
    policy: Policy,
    past: _Past,
    places: Places,
    message: Next | None,
) -> Next | None:
    """The first call, note or task not yet had that belongs below the next message."""
    top = past.top
    for rung, step in policy.sides:
        if any(h.rung == rung for h in past.had) or (step.only and not _wanted(case, step)):
            continue
        if message and message.rung < rung:
            break  # the messages below it come first
        if top and top > rung:
            continue  # a message above it was had: passed
        return Next(
            rung, step, _due_from(case, due_on, policy, step, past, places), _nth(case, rung)
        )
    return None


def _nth(case: Case, rung: Rung) -> int:
    """Which sending of a step comes next: 1 unless it was had, bounced or restarted before."""
    return 1 + max((h.nth for h in case.had if h.rung == rung), default=0)


def old_enough(case: Case, policy: Policy, today: date) -> Iterator[Step]:
    """The steps whose day by age has come, whatever the line has had."""
    if case.due_on is None:
        return
    places = policy.places(case.account.customer.country)
    for rung, step in policy.rungs:
        if step.when == "after previous" or rung.stage is Stage.BEFORE_DUE:
            continue
        if _by_age(case, case.due_on, policy, step, _NOTHING, places) <= today:
            yield step
