"""Facts for tests of the decision: lines, accounts and snapshots with plain defaults."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from connector.dunning.policy_file import Policies, load, parse
from connector.dunning.snapshot import Account, Case, Channel, Day, Had, Rung, Snapshot, Stage
from connector.receivables.records import Contact, Customer

TODAY = date(2026, 11, 20)  # a Friday, no holiday
STANDARD = load("standard-b2b", Path())
TEXTS = frozenset(
    (name, language)
    for name in ("before_due", "friendly", "firm", "formal_notice")
    for language in ("fr", "en")
)


def day(**more: Any) -> Day:
    routes = {
        Channel.EMAIL: "api",
        Channel.LETTER: "print",
        Channel.CALL: "note",
        Channel.NOTE: "note",
        Channel.TASK: "note",
    }
    return Day(**({"routes": routes, "templates": TEXTS, "language": "fr", "mode": "auto"} | more))


def account(name: str = "c1", **more: Any) -> Account:
    contact = Contact(id="1", email=f"compta@{name}.example")
    customer = {
        "id": name,
        "name": name,
        "language": "fr",
        "country": "FR",
        "contacts": (contact,),
    } | more.pop("customer", {})
    return Account(customer=Customer(**customer), **more)


def case(number: str = "F1", late: int = 10, **more: Any) -> Case:
    """A line of 100.00 EUR, `late` days past due."""
    due_on = more.pop("due_on", TODAY - timedelta(days=late))
    issued_on = (due_on or TODAY - timedelta(days=60)) - timedelta(days=30)
    values = {
        "account": account(),
        "invoice_id": number,
        "number": number,
        "line_id": "1",
        "line": 1,
        "currency": "EUR",
        "issued_on": issued_on,
        "due_on": due_on,
        "amount": 10000,
        "balance": 10000,
    } | more
    return Case(**values)


def had(stage: str, n: str = "1", days_ago: int = 10, **more: Any) -> Had:
    return Had(rung=Rung.parse(stage, n), on=TODAY - timedelta(days=days_ago), **more)


def snapshot(*cases: Case, **more: Any) -> Snapshot:
    values = {
        "ledger_id": "test:1",
        "country": "FR",
        "currency": "EUR",
        "cases": cases,
        "day": day(),
        "installed_on": TODAY - timedelta(days=400),
        "first_pull_on": TODAY - timedelta(days=400),
    } | more
    return Snapshot(**values)


def policies(text: str) -> Policies:
    return Policies(parse(text, "test.toml"), {})


__all__ = ["STANDARD", "TODAY", "Stage", "account", "case", "day", "had", "policies", "snapshot"]
