"""The plan as JSON: a stable form for other programs."""

from datetime import datetime
from typing import Any

from connector.dunning.plan import Plan, Reminder, Silence
from connector.receivables import money

VERSION = 1


def document(plan: Plan) -> dict[str, Any]:
    """The stable form, version 1: amounts as decimal text, dates ISO, instants with `Z`."""
    return {
        "version": VERSION,
        "today": plan.today.isoformat(),
        "sample": plan.sample,
        "ledger": plan.ledger_id,
        "mode": plan.mode,
        "data": {
            "read_at": instant(plan.read_at),
            "payments_read_at": instant(plan.payments_read_at),
            "open_lines": plan.open_lines,
        },
        "reminders": [_reminder(reminder) for reminder in plan.reminders],
        "silences": [_silence(silence) for silence in plan.silences],
        "totals": {
            "open_lines": plan.open_lines,
            "reminders": len(plan.reminders),
            "lines": sum(len(reminder.lines) for reminder in plan.reminders),
            "silences": len(plan.silences),
            "claimed": {
                currency: money.text(amount, currency)
                for currency, amount in sorted(plan.claimed().items())
            },
        },
    }


def instant(at: datetime | None) -> str | None:
    """An aware UTC instant as ISO 8601 with a `Z`."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def _reminder(reminder: Reminder) -> dict[str, Any]:
    currency, message = reminder.currency, reminder.message
    interest = reminder.interest
    return {
        "key": reminder.key,
        "customer": {"id": reminder.customer_id, "name": reminder.customer_name},
        "policy": reminder.policy,
        "policy_version": reminder.policy_version,
        "step": reminder.step,
        "stage": str(reminder.rung.stage),
        "n": reminder.rung.number,
        "channel": str(reminder.channel),
        "route": reminder.route,
        "to": list(reminder.to),
        "language": reminder.language,
        "currency": currency,
        "claim": money.text(reminder.claim, currency),
        "lines": [
            {
                "key": line.key,
                "invoice": line.invoice,
                "invoice_id": line.invoice_id,
                "line": line.line,
                "due_on": line.due_on.isoformat(),
                "days_past_due": line.days_past_due,
                "balance": money.text(line.balance, currency),
                "withheld": money.text(line.withheld, currency),
                "step": line.step,
            }
            for line in reminder.lines
        ],
        "credits": [
            {"document": credit.document, "amount": money.text(-credit.amount, currency)}
            for credit in reminder.credits
        ],
        "also_open": [
            {
                "invoice": line.invoice,
                "due_on": line.due_on.isoformat(),
                "balance": money.text(line.balance, currency),
            }
            for line in reminder.also_open
        ],
        "interest": interest
        and {
            "mode": interest.mode,
            "amount": None if interest.amount is None else money.text(interest.amount, currency),
            "charges": None if interest.charges is None else money.text(interest.charges, currency),
            "until": interest.until.isoformat(),
        },
        "deadline_on": reminder.deadline_on and reminder.deadline_on.isoformat(),
        "subject": message.subject if message else "",
        "body": message.text if message else "",
        "html": message.html if message else "",
        "attachments": [attachment.name for attachment in message.attachments] if message else [],
        "needs_approval": reminder.needs_approval,
        "warnings": list(reminder.warnings),
    }


def _silence(silence: Silence) -> dict[str, Any]:
    return {
        "invoice": silence.invoice,
        "invoice_id": silence.invoice_id,
        "line": silence.line,
        "customer": {"id": silence.customer_id, "name": silence.customer_name},
        "due_on": silence.due_on and silence.due_on.isoformat(),
        "balance": money.text(silence.balance, silence.currency),
        "currency": silence.currency,
        "next_on": silence.next_on and silence.next_on.isoformat(),
        "reasons": [
            {
                "code": str(quiet.reason),
                "until": quiet.until and quiet.until.isoformat(),
                "because": quiet.because,
            }
            for quiet in silence.reasons
        ],
    }
