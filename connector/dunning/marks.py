"""Why a line is silent by somebody's decision: holds, disputes, promises, plans, insolvency."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from connector.dunning import promises
from connector.dunning.ladder import Standing
from connector.dunning.plan import Quiet, Reason
from connector.dunning.policy import Policy
from connector.dunning.snapshot import Case
from connector.receivables import limitation, money
from connector.receivables.records import Cause, Decision, Mark

Rule = Callable[[Standing, date], Quiet | None]


def in_force(standing: Standing, today: date, *marks: Mark) -> Decision | None:
    """The decision of these marks on the line's invoice or customer that holds today longest."""
    if not standing.decisions:
        return None
    return holding(standing.decisions, today, *marks)


def holding(decisions: Iterable[Decision], today: date, *marks: Mark) -> Decision | None:
    """The decision of these marks that holds today, the longest of several."""
    held = (
        made
        for made in decisions
        if made.mark in marks and made.since <= today and not (made.until and made.until < today)
    )
    return max(held, key=lambda made: (made.until or date.max, made.since), default=None)


def bounced_address(because: str) -> str:
    """The address that a mark BOUNCED is about: its reason begins with it, `: ` and why after."""
    return because.strip().partition(" ")[0].removesuffix(":")


def _marked(reason: Reason, words: str, *marks: Mark) -> Rule:
    """A rule that silences while a person's (or the product's) mark is in force."""

    def rule(standing: Standing, today: date) -> Quiet | None:
        decision = in_force(standing, today, *marks)
        return Quiet(reason, decision.until, told(words, decision)) if decision else None

    rule.__name__ = str(reason)
    return rule


def told(words: str, decision: Decision) -> str:
    """A decision in words: since when, by whom, who sees to it, and why."""
    by = f" by {decision.author}" if decision.author else ""
    owner = f", {decision.owner} sees to it" if decision.owner else ""
    reasons = ": ".join(part for part in (decision.code, decision.because) if part)
    return f"{words} since {decision.since}{by}{owner}{': ' if reasons else ''}{reasons}"


def disputed(standing: Standing, today: date) -> Quiet | None:
    """A dispute silences its line; of a dispute about a part, the rest may still be claimed."""
    decision = in_force(standing, today, Mark.DISPUTED)
    if not decision or _disputed_part(standing, today):
        return None
    return Quiet(Reason.DISPUTED, decision.until, told("disputed", decision))


def _disputed_part(standing: Standing, today: date) -> int:
    decision = in_force(standing, today, Mark.DISPUTED)
    if not decision or not decision.amount:
        return 0
    return decision.amount if decision.amount < standing.case.balance else 0


def withheld(standing: Standing, today: date) -> int:
    """What of a balance may not be asked for: a part in dispute, instalments that are not late."""
    if not standing.decisions:
        return 0
    case = standing.case
    late = promises.missed(case, standing.policy, today)
    agreed = case.balance - late if late else 0
    return min(_disputed_part(standing, today) + agreed, case.balance)


def promised(standing: Standing, today: date) -> Quiet | None:
    """A dated promise silences its line until two business days after it."""
    case = standing.case
    decision = promises.promise(case) if standing.decisions else None
    if not decision or not decision.until or decision.since > today:
        return None
    until = promises.patience(decision.until, standing.policy)
    if today > until:
        return None
    amount, currency = decision.amount, case.currency
    paying = f" to pay {money.text(amount, currency)} {currency}" if amount else ""
    because = f"promise of {decision.since}{paying} on {decision.until}"
    return Quiet(Reason.PROMISED, until, because)


def plan_kept(standing: Standing, today: date) -> Quiet | None:
    """A payment plan silences its line while no instalment is late."""
    case, policy = standing.case, standing.policy
    if not standing.decisions:
        return None
    found = promises.plan(case, policy, today)
    if found is None:
        decision = in_force(standing, today, Mark.PLAN)
        words = told("payment plan", decision) if decision else ""
        return Quiet(Reason.PLAN_KEPT, decision.until, words) if decision else None
    if promises.missed(case, policy, today):
        return None
    if found.missed:
        because = f"payment plan of {found.since}: the late instalment falls on an earlier line"
        return Quiet(Reason.PLAN_KEPT, None, because)
    if not found.upcoming:
        return None
    part = found.upcoming
    amount = f"{money.text(part.amount, case.currency)} {case.currency}"
    because = f"payment plan of {found.since}: {amount} to be paid on {part.on}"
    return Quiet(Reason.PLAN_KEPT, part.counts_until, because)


def insolvent(standing: Standing, today: date) -> Quiet | None:
    """Proceedings are open: nothing is asked of the debtor, the claim is declared."""
    decision = in_force(standing, today, Mark.INSOLVENT)
    if not decision:
        return None
    last = declare_by(standing.case, standing.policy, decision)
    act = f"; the claim must be declared by {last}" if last else "; the claim must be declared"
    return Quiet(Reason.INSOLVENT, decision.until, told("insolvent", decision) + act)


def declare_by(case: Case, policy: Policy, decision: Decision) -> date | None:
    """The last day to declare a claim; the mark's first day is that of the publication."""
    country = case.account.customer.country or policy.country
    return limitation.declare_by(decision.since, country, abroad=country != policy.country)


def cause(standing: Standing, today: date) -> Quiet | None:
    """Two causes hold the line: a wrong amount till it is corrected, a dispute on goods."""
    decision = in_force(standing, today, Mark.CAUSE)
    if not decision:
        return None
    if decision.code == Cause.DISPUTE_GOODS:
        return Quiet(Reason.DISPUTED, decision.until, told("disputed", decision))
    if decision.code == Cause.WRONG_AMOUNT and not promises.corrected(standing.case, decision):
        words = told("waits for a credit note or a correction", decision)
        return Quiet(Reason.HELD, decision.until, words)
    return None


held = _marked(Reason.HELD, "held", Mark.HOLD)
excluded = _marked(Reason.EXCLUDED, "excluded", Mark.EXCLUDED)
handed_over = _marked(Reason.HANDED_OVER, "handed over", Mark.HANDED_OVER)
written_off = _marked(Reason.WRITTEN_OFF, "written off", Mark.WRITTEN_OFF)
not_delivered = _marked(Reason.NOT_DELIVERED, "not delivered", Mark.NOT_DELIVERED)
in_difficulty = _marked(Reason.IN_DIFFICULTY, "in difficulty", Mark.IN_DIFFICULTY)
bill_or_retention = _marked(
    Reason.BILL_OR_RETENTION, "bill of exchange or retention", Mark.BILL, Mark.RETENTION
)
factored = _marked(Reason.FACTORED, "sold to a factor", Mark.FACTORED)

MARKS: Mapping[Rule, frozenset[Mark]] = {
    held: frozenset({Mark.HOLD}),
    excluded: frozenset({Mark.EXCLUDED}),
    handed_over: frozenset({Mark.HANDED_OVER}),
    written_off: frozenset({Mark.WRITTEN_OFF}),
    not_delivered: frozenset({Mark.NOT_DELIVERED}),
    in_difficulty: frozenset({Mark.IN_DIFFICULTY}),
    bill_or_retention: frozenset({Mark.BILL, Mark.RETENTION}),
    factored: frozenset({Mark.FACTORED}),
    disputed: frozenset({Mark.DISPUTED}),
    promised: frozenset({Mark.PROMISED}),
    plan_kept: frozenset({Mark.PLAN}),
    insolvent: frozenset({Mark.INSOLVENT}),
    cause: frozenset({Mark.CAUSE}),
}
"""The rules that look at decisions alone, each with the marks without which it says nothing."""
