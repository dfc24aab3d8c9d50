"""One unpaid invoice walked day by day under a policy: what goes out, and when."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from connector.dunning.decide import decide
from connector.dunning.legal import wait_until
from connector.dunning.plan import Reminder
from connector.dunning.policy import MESSAGES, Policy
from connector.dunning.policy_file import Policies, read
from connector.dunning.snapshot import Case, Had
from tests.facts import case, day, snapshot

DAY = timedelta(days=1)


def ready(name: str) -> Policy:
    return read(name, Path())


def texts(policy: Policy) -> frozenset[tuple[str, str]]:
    return frozenset((step.text, "fr") for step in policy.steps)


def unpaid(policy: Policy, due_on: date, **more: Any) -> Case:
    """An invoice of 600.00 EUR to a business in the policy's own country."""
    account = more.pop("account", None) or case().account
    customer = replace(account.customer, country=policy.country, address="1 rue X\n75001 Paris")
    given = {"due_on": due_on, "amount": 60000, "balance": 60000} | more
    return case(account=replace(account, customer=customer), **given)


def after(line: Case, reminder: Reminder, today: date) -> Case:
    """The line once a reminder went."""
    had = Had(
        rung=reminder.rung,
        on=today,
        nth=reminder.lines[0].nth,
        channel=reminder.channel,
        deadline_on=reminder.deadline_on,
        legal=reminder.legal,
        wait_until=wait_until(reminder.legal, today, reminder.channel),
    )
    account = line.account
    if reminder.channel in MESSAGES:
        account = replace(account, last_message_on=today)
    return line._replace(account=account, had=(*line.had, had))


def walked(
    policy: Policy, line: Case, *, days: int = 120, approved: bool = True, begin: int = -20
) -> Iterator[tuple[date, Reminder, Case]]:
    """Each reminder with its day and the line as it stood before.

    Every day from `begin` days after the due date on is decided once, nothing is paid; what
    waits for approval is approved at once, or never.
    """
    policies = Policies(policy, {})
    assert line.due_on
    for ahead in range(begin, days):
        today = line.due_on + ahead * DAY
        plan = decide(snapshot(line, day=day(templates=texts(policy))), policies, today)
        for reminder in plan.reminders:
            yield today, reminder, line
            if approved or not reminder.needs_approval:
                line = after(line, reminder, today)


def steps(policy: Policy, line: Case, **more: Any) -> list[tuple[str, str]]:
    """Date and step of each reminder of a walk."""
    return [(f"{on:%m-%d}", reminder.step) for on, reminder, _ in walked(policy, line, **more)]
