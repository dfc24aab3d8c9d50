"""Why a line, a message or a whole day is silent: three tuples of small pure functions.

A new rule is one function and one word in its tuple. All are asked and every reason is kept.
`until` is the last day a reason holds, None while a person must act.
"""

from datetime import date, timedelta

from connector.dunning.ladder import Standing
from connector.dunning.marks import (
    Rule,
    bill_or_retention,
    cause,
    disputed,
    excluded,
    factored,
    handed_over,
    held,
    in_difficulty,
    insolvent,
    not_delivered,
    plan_kept,
    promised,
    written_off,
)
from connector.dunning.plan import Quiet, Reason
from connector.dunning.snapshot import Case, Pending
from connector.receivables import calendar, limitation
from connector.receivables.claim import Discount, discount

BANK_DAYS = 5  # business days that money on its way may take to be booked
PRESCRIPTION_ALERT = timedelta(days=60)
DAY = timedelta(days=1)


def not_due(standing: Standing, today: date) -> Quiet | None:
    """Until the due date nothing is asked, but for a step that comes before it."""
    due_on = standing.case.due_on
    if not due_on or today > due_on or standing.due(today):
        return None
    step_on = standing.next.on - DAY if standing.next else due_on
    return Quiet(Reason.NOT_DUE, min(due_on, step_on), f"due on {due_on}")


def no_due_date(standing: Standing, today: date) -> Quiet | None:
    """Without a due date nothing can be late."""
    if standing.case.due_on:
        return None
    return Quiet(Reason.NO_DUE_DATE, None, "the invoice has no due date: enter one")


def too_young(standing: Standing, today: date) -> Quiet | None:
    """An invoice just issued or sent is left alone for the policy's `min_age_days`."""
    case = standing.case
    start = case.sent_on or case.issued_on
    until = start + timedelta(days=standing.policy.min_age_days - 1)
    if today > until:
        return None
    verb = "sent" if case.sent_on else "issued"
    return Quiet(Reason.TOO_YOUNG, until, f"{verb} only on {start}")


def step_waiting(standing: Standing, today: date) -> Quiet | None:
    """Old enough for its next step only later, or still within the gap after its own last one."""
    step = standing.next
    if not step or step.on <= today:
        return None
    return Quiet(Reason.STEP_WAITING, step.on - DAY, f"next step {step.step.name} on {step.on}")


def ladder_finished(standing: Standing, today: date) -> Quiet | None:
    """No step is left, or only a hand-over without a notice had."""
    if standing.next or not standing.case.due_on:
        return None
    return Quiet(Reason.LADDER_FINISHED, None, f"no step is left in {standing.policy.name}")


def discount_taken(standing: Standing, today: date) -> Quiet | None:
    """What is left is the early-payment discount, deducted in time: nothing more is owed."""
    if what_of_discount(standing.case) is not Discount.TAKEN:
        return None
    because = f"early-payment discount taken in time, by {standing.case.discount_until}"
    return Quiet(Reason.COVERED_BY_CREDIT, None, because)


def what_of_discount(case: Case) -> Discount:
    """Whether a line's rest is its invoice's discount, deducted in time or too late."""
    if not case.discount or case.open_before or case.open_after:
        return Discount.NONE
    paid = (paid.on for paid in case.received if paid.invoice_id == case.invoice_id)
    return discount(case.balance, case.discount, case.discount_until, max(paid, default=None))


def prescribed(standing: Standing, today: date) -> Quiet | None:
    """The claim is lost by time, or will be in less than sixty days: a person must act."""
    case = standing.case
    if not case.due_on:
        return None
    kind = case.account.customer.kind
    last = limitation.last_day(case.due_on, standing.policy.country, kind)
    if not last or last - today >= PRESCRIPTION_ALERT:
        return None
    return Quiet(Reason.PRESCRIBED, None, f"the claim can be brought to court until {last}")


def payment_in_transit(standing: Standing, today: date) -> Quiet | None:
    """Money is on its way for this invoice, or for this customer in this currency."""
    case = standing.case
    started = [m.paid_on for m in case.account.pending_money if m.currency == case.currency]
    if case.transit_on:
        started.append(case.transit_on)
    if not started:
        return None
    until = calendar.after(max(started), BANK_DAYS, standing.policy.places(""))
    if today > until:
        return None
    because = f"a payment of {max(started)} is on its way"
    return Quiet(Reason.PAYMENT_IN_TRANSIT, until, because)


def direct_debit(standing: Standing, today: date) -> Quiet | None:
    """The firm collects by itself: a mandate is on file and was not refused."""
    account = standing.case.account
    if not account.customer.mandate or account.debit_refused:
        return None
    return Quiet(Reason.DIRECT_DEBIT, None, f"{account.customer.name} pays by direct debit")


def legal_wait(standing: Standing, today: date) -> Quiet | None:
    """The period that a law gives after a reminder still runs."""
    waits = [(h.wait_until, h) for h in standing.case.had if h.wait_until]
    if not waits:
        return None
    until, had = max(waits, key=lambda wait: wait[0])
    if today > until:
        return None
    return Quiet(Reason.LEGAL_WAIT, until, f"legal wait after the reminder of {had.on}")


def balance_mismatch(standing: Standing, today: date) -> Quiet | None:
    """The product's own figures disagree: no amount can be named."""
    mismatch = standing.case.mismatch
    return Quiet(Reason.BALANCE_MISMATCH, None, mismatch) if mismatch else None


_PENDING = {
    Pending.QUEUED: (Reason.IN_QUEUE, "a reminder is planned and not yet gone"),
    Pending.PROPOSED: (Reason.WAITING_FOR_APPROVAL, "an edited reminder waits for approval"),
    Pending.UNKNOWN: (
        Reason.DELIVERY_UNKNOWN,
        "nobody knows whether the last reminder went: see relance outbox",
    ),
    Pending.FAILED: (
        Reason.DELIVERY_FAILED,
        "the last reminder was refused for good: see relance outbox",
    ),
}


def _in_outbox(pending: Pending) -> Rule:
    reason, words = _PENDING[pending]

    def rule(standing: Standing, today: date) -> Quiet | None:
        if standing.case.pending is not pending:
            return None
        return Quiet(reason, None, words)

    rule.__name__ = str(reason)
    return rule


def backlog(standing: Standing, today: date) -> Quiet | None:
    """Lines that were already very old when Relance came are left to people."""
    case, limit, first = (
        standing.case,
        standing.policy.backlog.older_than_days,
        standing.first_pull_on,
    )
    if not case.due_on or case.had or (first - case.due_on).days <= limit:
        return None
    because = f"already more than {limit} days late on {first}, when Relance came"
    return Quiet(Reason.BACKLOG, None, because)


in_queue = _in_outbox(Pending.QUEUED)
waiting_for_approval = _in_outbox(Pending.PROPOSED)
delivery_unknown = _in_outbox(Pending.UNKNOWN)
delivery_failed = _in_outbox(Pending.FAILED)

RULES: tuple[Rule, ...] = (
    not_due,
    no_due_date,
    too_young,
    not_delivered,
    step_waiting,
    ladder_finished,
    held,
    excluded,
    disputed,
    cause,
    promised,
    plan_kept,
    insolvent,
    handed_over,
    written_off,
    prescribed,
    bill_or_retention,
    factored,
    in_difficulty,
    payment_in_transit,
    direct_debit,
    legal_wait,
    backlog,
    in_queue,
    waiting_for_approval,
    delivery_unknown,
    delivery_failed,
    balance_mismatch,
    discount_taken,
)
