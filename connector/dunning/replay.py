"""A policy played over days: what would have gone out, to whom, and when.

Each day is decided as a sync decides it. Its reminders count as approved and sent on that day, and
are what the next day knows of.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from connector.dunning.decide import decide
from connector.dunning.legal import wait_until
from connector.dunning.plan import Reminder, ReminderLine
from connector.dunning.policy import MESSAGES, Policy
from connector.dunning.policy_file import Policies
from connector.dunning.snapshot import (
    APPROVED,
    Account,
    Case,
    Channel,
    Day,
    Had,
    HadState,
    Rung,
    Snapshot,
)
from connector.receivables.records import Mark

DAY = timedelta(days=1)

Facts = Callable[[date], Snapshot]
"""What was known on a day, without the reminders that are played."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One reminder that would have gone out."""

    on: date
    reminder: Reminder

    @property
    def lines(self) -> frozenset[tuple[str, str, Rung]]:
        """What it is about: each due line with the rung it gets."""
        return frozenset((line.invoice_id, line.line_id, line.rung) for line in self.reminder.lines)


class Course:
    """One policy on its way through the days, with what it has sent so far."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._had: defaultdict[tuple[str, str], list[Had]] = defaultdict(list)
        self._told: dict[str, date] = {}  # the last message by customer
        self._told_of: dict[str, date] = {}  # and by invoice

    def play(self, facts: Snapshot, today: date) -> list[Sent]:
        """The reminders of a day, hardest first; from now on they have been had."""
        plan = decide(self._with_history(facts), self._policies, today)
        for reminder in plan.reminders:
            for line in reminder.lines:
                self._had[line.invoice_id, line.line_id].append(_had(reminder, line, today))
                if reminder.channel in MESSAGES:
                    self._told_of[line.invoice_id] = today
            if reminder.channel in MESSAGES:
                self._told[reminder.customer_id] = today
        return [Sent(today, reminder) for reminder in plan.reminders]

    def _with_history(self, facts: Snapshot) -> Snapshot:
        accounts: dict[str, Account] = {}  # cases of one customer go on sharing one account
        cases = []
        for case in facts.cases:
            who = case.account.customer.id
            if who not in self._told:
                cases.append(self._case(case, case.account))
                continue
            if who not in accounts:
                last = _later(case.account.last_message_on, self._told[who])
                accounts[who] = replace(case.account, last_message_on=last)
            cases.append(self._case(case, accounts[who]))
        return replace(facts, cases=cases, day=replace(facts.day, mode=APPROVED))

    def _case(self, case: Case, account: Account) -> Case:
        had = self._had.get((case.invoice_id, case.line_id), ())
        told = self._told_of.get(case.invoice_id)
        if not had and not told and account is case.account:
            return case
        return case._replace(
            account=account,
            had=(*case.had, *_since_restart(case, had)),
            last_message_on=_later(case.last_message_on, told),
        )


def _later(one: date | None, other: date | None) -> date | None:
    return max((day for day in (one, other) if day), default=None)


def _had(reminder: Reminder, line: ReminderLine, today: date) -> Had:
    return Had(
        rung=line.rung,
        on=today,
        nth=line.nth,
        channel=reminder.channel,
        deadline_on=reminder.deadline_on,
        legal=reminder.legal,
        wait_until=wait_until(reminder.legal, today, reminder.channel),
    )


def _since_restart(case: Case, had: Iterable[Had]) -> Iterator[Had]:
    """What a line has had, of which only the number counts once its ladder is restarted.

    Of the day of the restart itself a first sending came before it.
    """
    restarts = [mark.since for mark in case.decisions if mark.mark is Mark.RESTART]
    last = max(restarts, default=date.min)
    for one in had:
        before = one.on < last or (one.on == last and one.nth == 1)
        yield one._replace(state=HadState.RESTARTED) if before else one


def days(start: date, end: date) -> Iterator[date]:
    """Every day from the first to the last, both included."""
    for ahead in range((end - start).days + 1):
        yield start + ahead * DAY


def replay(day_facts: Facts, policies: Policies, start: date, end: date) -> Iterator[Sent]:
    """What the policies would have sent from `start` to `end`, both included, day by day."""
    course = Course(policies)
    for today in days(start, end):
        yield from course.play(day_facts(today), today)


def day_of(policies: Policies, languages: Iterable[str], language: str) -> Day:
    """A day on which nothing but the policy and the books silences anybody.

    Every channel has a carrier and every step its text in each of the languages that the firm
    writes; the data are fresh. `language` is the firm's own.
    """
    known: Mapping[str, Policy] = policies.named
    texts = {step.text for policy in known.values() for step in policy.steps}
    return Day(
        routes={channel: str(channel) for channel in Channel},
        templates=frozenset((text, code) for text in texts for code in languages),
        language=language,
        mode=APPROVED,
        top_share=policies.firm.top_share,
    )


def by_step(sent: Iterable[Sent]) -> dict[str, int]:
    """How many reminders each step would have sent, mildest first."""
    counts = Counter((one.reminder.rung, one.reminder.step) for one in sent)
    found: dict[str, int] = {}
    for (_, step), count in sorted(counts.items()):
        found[step] = found.get(step, 0) + count
    return found


@dataclass(frozen=True, slots=True)
class Difference:
    """A day on which two policies do not say the same: what only the one, only the other says."""

    on: date
    one: tuple[Sent, ...]
    other: tuple[Sent, ...]


def differences(one: Sequence[Sent], other: Sequence[Sent]) -> Iterator[Difference]:
    """The days, in order, on which two policies differ about lines or rungs."""
    left, right = _by_day(one), _by_day(other)
    for on in sorted({*left, *right}):
        mine, theirs = left.get(on, ()), right.get(on, ())
        only_mine = tuple(s for s in mine if s.lines not in {o.lines for o in theirs})
        only_theirs = tuple(s for s in theirs if s.lines not in {o.lines for o in mine})
        if only_mine or only_theirs:
            yield Difference(on, only_mine, only_theirs)


def _by_day(sent: Iterable[Sent]) -> dict[date, list[Sent]]:
    found: defaultdict[date, list[Sent]] = defaultdict(list)
    for one in sent:
        found[one.on].append(one)
    return found
