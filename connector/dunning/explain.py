"""Why: what is so for one due line, in words a bookkeeper understands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from connector.dunning.ladder import old_enough, stand
from connector.dunning.plan import Plan, Quiet, Reason, Reminder, Silence
from connector.dunning.policy_file import Policies
from connector.dunning.snapshot import Case, Had, HadState, Snapshot
from connector.receivables import money

_FATE = {
    HadState.SENT: "",
    HadState.PASSED: " (rejected by a person)",
    HadState.BOUNCED: " (came back)",
    HadState.RESTARTED: " (before the ladder was restarted)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything about one due line; `verdict` is a reminder's step, or empty when silent."""

    invoice: str
    invoice_id: str
    line: int
    customer: str
    due_on: date | None
    days_past_due: int
    balance: int
    currency: str
    policy: str
    policy_because: str
    old_enough_for: tuple[str, ...]
    had: tuple[str, ...]
    verdict: str
    claim: str
    reasons: tuple[Quiet, ...]
    next_step: str
    next_on: date | None

    def lines(self) -> Iterator[str]:
        """The explanation as lines of text, outermost facts first."""
        owed = f"{money.text(self.balance, self.currency)} {self.currency}"
        yield f"Invoice {self.invoice}, line {self.line}, {self.customer}: {owed} open"
        if self.due_on:
            late = self.days_past_due
            age = f"{late} days late" if late > 0 else f"not late ({-late} days to go)"
            yield f"  Due on {self.due_on}: {age}"
        yield f"  Policy {self.policy}: {self.policy_because}"
        steps = ", ".join(self.old_enough_for) or "no step yet"
        yield f"  Old enough for: {steps}"
        yield f"  Has had: {'; '.join(self.had) or 'nothing yet'}"
        if self.verdict:
            yield f"  Today: {self.verdict}{self.claim}"
        for quiet in self.reasons:
            until = f" until {quiet.until}" if quiet.until else " until a person acts"
            settled = quiet.reason is Reason.SETTLED
            yield f"  Silent: {quiet.reason}{'' if settled else until}: {quiet.because}"
        if self.next_step:
            when = f" on {self.next_on}" if self.next_on else " once the reasons above are gone"
            yield f"  Next: {self.next_step}{when}"
        elif self.next_on:
            yield f"  Looked at again on {self.next_on}"

    def to_json(self) -> dict[str, Any]:
        """The same as data, with the names of the plan's JSON."""
        return {
            "invoice": self.invoice,
            "invoice_id": self.invoice_id,
            "line": self.line,
            "customer": self.customer,
            "due_on": self.due_on and self.due_on.isoformat(),
            "days_past_due": self.days_past_due,
            "balance": money.text(self.balance, self.currency),
            "currency": self.currency,
            "policy": {"name": self.policy, "because": self.policy_because},
            "old_enough_for": list(self.old_enough_for),
            "had": list(self.had),
            "today": self.verdict or None,
            "reasons": [
                {
                    "code": str(quiet.reason),
                    "until": quiet.until and quiet.until.isoformat(),
                    "because": quiet.because,
                }
                for quiet in self.reasons
            ],
            "next_step": self.next_step or None,
            "next_on": self.next_on and self.next_on.isoformat(),
        }


def explain(
    plan: Plan, snapshot: Snapshot, policies: Policies, cases: Sequence[Case]
) -> list[Explanation]:
    """What the plan says of these lines, with the policy, the steps and the dates behind it."""
    spoken = {
        (line.invoice_id, line.line_id): reminder
        for reminder in plan.reminders
        for line in reminder.lines
    }
    silent = {(silence.invoice_id, silence.line_id): silence for silence in plan.silences}
    return [
        _one(
            case,
            snapshot,
            policies,
            plan.today,
            spoken.get((case.invoice_id, case.line_id)),
            silent.get((case.invoice_id, case.line_id)),
        )
        for case in sorted(cases, key=lambda case: (case.number, case.line))
    ]


def _one(
    case: Case,
    snapshot: Snapshot,
    policies: Policies,
    today: date,
    reminder: Reminder | None,
    silence: Silence | None,
) -> Explanation:
    exposure: dict[str, int] = {}
    for other in snapshot.cases:
        if other.account.customer.id == case.account.customer.id:
            exposure[other.currency] = exposure.get(other.currency, 0) + other.balance
    chosen = policies.of(case, exposure)
    standing = stand(case, chosen.policy, chosen.because, snapshot.first_pull_on, today)
    verdict = claim = ""
    if reminder:
        to = f" to {', '.join(reminder.to)}" if reminder.to else ""
        waits = ", waits for approval" if reminder.needs_approval else ""
        verdict = f"{reminder.step} by {reminder.channel}{to}{waits}"
        currency = reminder.currency
        lines = len(reminder.lines)
        claim = f", claiming {money.text(reminder.claim, currency)} {currency}"
        claim += f" for {lines} lines" if lines > 1 else ""
    upcoming = standing.next
    return Explanation(
        invoice=case.number,
        invoice_id=case.invoice_id,
        line=case.line,
        customer=case.account.customer.name,
        due_on=case.due_on,
        days_past_due=(today - case.due_on).days if case.due_on else 0,
        balance=case.balance,
        currency=case.currency,
        policy=chosen.policy.name,
        policy_because=chosen.because,
        old_enough_for=tuple(step.name for step in old_enough(case, chosen.policy, today)),
        had=tuple(_told(had) for had in sorted(case.had, key=lambda h: (h.on, h.rung))),
        verdict=verdict,
        claim=claim,
        reasons=silence.reasons if silence else (),
        next_step=upcoming.step.name if upcoming and silence else "",
        next_on=silence.next_on if silence else None,
    )


def _told(had: Had) -> str:
    again = f" (sending {had.nth})" if had.nth > 1 else ""
    deadline = f", to pay by {had.deadline_on}" if had.deadline_on else ""
    return f"{had.rung} by {had.channel} on {had.on}{again}{deadline}{_FATE[had.state]}"
