"""Promises and payment plans held against what was received since: kept, partly, broken, missed.

Pure questions about one due line. A promise or an instalment is late once two business days have
passed after its day, for money sent on that day takes so long to be seen.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from connector.dunning.policy import MESSAGES, Policy, Step
from connector.dunning.snapshot import Case, Had, HadState, Stage
from connector.receivables import calendar
from connector.receivables.records import Cause, Decision, Mark

PATIENCE = 2  # business days after the day on which something was to be paid
TEMPLATE = "promise_broken"
PART = "part_payment"
FRIENDLY = "friendly"  # the text in whose place a part payment is thanked for
DAY = timedelta(days=1)


class Fate(StrEnum):
    """How a promise stands on a day."""

    OPEN = "open"
    KEPT = "kept"
    PARTLY = "partly kept"
    BROKEN = "broken"


_NOT_KEPT = (Fate.PARTLY, Fate.BROKEN)


@dataclass(frozen=True, slots=True)
class Instalment:
    """One part of a payment plan; `counts_until` is the last day on which it is not yet late."""

    on: date
    amount: int
    counts_until: date


@dataclass(frozen=True, slots=True)
class Plan:
    """A payment plan of an invoice as it stands on a day.

    `missed` is what of the instalments that are late was not received; `first_missed` the oldest
    of them, `upcoming` the next that is not covered yet.
    """

    since: date
    missed: int
    first_missed: Instalment | None
    upcoming: Instalment | None


def patience(day: date, policy: Policy) -> date:
    """The last day on which something to be paid on a day is not yet late."""
    return calendar.after(day, PATIENCE, policy.places(""))


def promise(case: Case) -> Decision | None:
    """The latest dated promise about a line: its invoice's, else its customer's."""
    own = [d for d in case.decisions if d.mark is Mark.PROMISED and d.until]
    # What was promised for all that was owed then says nothing of later invoices.
    whole = (d for d in case.account.decisions if d.mark is Mark.PROMISED and d.until)
    found = own or [d for d in whole if d.since >= case.issued_on]
    return max(found, key=lambda d: (d.until or date.min, d.since), default=None)


def fate(case: Case, made: Decision, policy: Policy, today: date) -> Fate:
    """How a promise stands: enough received since, or its day not yet over, or not kept."""
    assert made.until
    paid = _received(case, made.since, made in case.decisions)
    if made.amount and paid >= made.amount:
        return Fate.KEPT
    if today <= patience(made.until, policy):
        return Fate.OPEN
    return Fate.PARTLY if paid else Fate.BROKEN


def plan(case: Case, policy: Policy, today: date) -> Plan | None:
    """How the payment plan of an invoice stands, None where none names its instalments."""
    made = [d for d in case.decisions if d.mark is Mark.PLAN and d.until and d.amount]
    if not made:
        return None
    since = min(decision.since for decision in made)
    paid, due, owed = _received(case, since, True), 0, 0
    first_missed = upcoming = None
    for part in _instalments(made, policy):
        owed += part.amount
        if part.counts_until < today:
            due = owed
            if owed > paid:
                first_missed = first_missed or part
        elif owed > paid:
            upcoming = upcoming or part
    return Plan(since, max(due - paid, 0), first_missed, upcoming)


def missed(case: Case, policy: Policy, today: date) -> int:
    """What of a line may be asked for because instalments of its plan are late; oldest first."""
    if not case.decisions:
        return 0
    found = plan(case, policy, today)
    return min(max(found.missed - case.open_before, 0), case.balance) if found else 0


def resumed_on(case: Case, policy: Policy, had: Iterable[Had]) -> date | None:
    """The day from which a line speaks again at once, whatever its age: a promise was not kept.

    None once it has been written to after that day: the ladder then goes on by itself.
    """
    if not case.decisions and not case.account.decisions:
        return None
    days = []
    made = promise(case)
    if made and made.until:
        day = patience(made.until, policy) + DAY
        if fate(case, made, policy, day) in _NOT_KEPT:
            days.append(day)
    late = plan(case, policy, date.max)
    if late and late.first_missed:
        days.append(late.first_missed.counts_until + DAY)
    if not days:
        return None
    spoken = _spoken(had)
    return min((day for day in days if not spoken or spoken < day), default=None)


def breaks(case: Case, step: Step, policy: Policy, today: date) -> bool:
    """Whether a message of a step says that a promise was not kept.

    A notice and a legal reminder keep their own words: what they must say is laid down.
    """
    made = promise(case) if case.decisions or case.account.decisions else None
    if not made or not made.until or step.legal or step.channel not in MESSAGES:
        return False
    if step.stage not in (Stage.FRIENDLY, Stage.FIRM):
        return False
    day = patience(made.until, policy) + DAY
    spoken = _spoken(case.had)
    return (
        day <= today
        and fate(case, made, policy, today) in _NOT_KEPT
        and (not spoken or spoken < day)
    )


def part_paid(case: Case, step: Step) -> bool:
    """Whether a friendly message should give thanks first: money came since the last one."""
    if step.text != FRIENDLY or step.legal or not case.received:
        return False
    spoken = _spoken(case.had) or case.issued_on
    return 0 < case.balance < case.amount and _received(case, spoken, True) > 0


def corrected(case: Case, made: Decision) -> bool:
    """Whether a wrong amount was put right: less is open than payments alone explain, or credit.

    `made.amount` is what was open when the amount was called wrong.
    """
    if any(credit.currency == case.currency for credit in case.account.credits):
        return True
    open_now = case.open_before + case.balance + case.open_after
    paid = _received(case, made.since, True)
    return made.amount is not None and open_now + paid != made.amount


def begun_anew(case: Case, today: date) -> Case:
    """The line with the mildest step before it again, once a wrong amount was put right.

    What it had until the amount was called wrong asked for another sum; of that same day the
    number of the sending tells which came first.
    """
    wrong = (d for d in case.decisions if d.mark is Mark.CAUSE and d.code == Cause.WRONG_AMOUNT)
    days = [d.since for d in wrong if d.since <= today and corrected(case, d)]
    if not days:
        return case
    since = max(days)
    had = (
        h._replace(state=HadState.RESTARTED)
        if h.state in (HadState.SENT, HadState.PASSED)
        and (h.on < since or (h.on == since and h.nth == 1))
        else h
        for h in case.had
    )
    return case._replace(had=tuple(had))


def _spoken(had: Iterable[Had]) -> date | None:
    """The day of the last message that reached the customer about a line."""
    sent = (h.on for h in had if h.state is HadState.SENT and not h.rung.side)
    return max(sent, default=None)


def _instalments(made: list[Decision], policy: Policy) -> Iterator[Instalment]:
    for decision in sorted(made, key=lambda d: (d.until or date.max, d.amount or 0)):
        assert decision.until
        assert decision.amount
        yield Instalment(decision.until, decision.amount, patience(decision.until, policy))


def _received(case: Case, since: date, of_invoice: bool) -> int:
    """What came in from a day on: for this invoice, or from the customer in this currency."""
    return sum(
        paid.amount
        for paid in case.received
        if paid.on >= since
        and paid.currency == case.currency
        and (paid.invoice_id == case.invoice_id or not of_invoice)
    )
