"""Every table of `state.db`, as SQLModel classes and, in lower case, as Core tables for bulk work.

Integer row ids inside; the product's own ids are unique text columns called `ref`. Money is integer
minor units, and all tables are STRICT: SQLite itself refuses a fraction in them.
"""

from sqlalchemy import MetaData, Table

from connector.mirror.columns import Row
from connector.mirror.journal import (
    DATED,
    DEAD,
    Attempt,
    BadRecord,
    Decision,
    Event,
    Mailbox,
    Origin,
    Reminder,
    ReminderLine,
    ReminderState,
    Run,
)
from connector.mirror.ledger import (
    Allocation,
    Contact,
    CreditNote,
    Cursor,
    Customer,
    DueLine,
    Invoice,
    Ledger,
    Payment,
)

__all__ = [
    "DATED",
    "DEAD",
    "Allocation",
    "Attempt",
    "BadRecord",
    "Contact",
    "CreditNote",
    "Cursor",
    "Customer",
    "Decision",
    "DueLine",
    "Event",
    "Invoice",
    "Ledger",
    "Mailbox",
    "Origin",
    "Payment",
    "Reminder",
    "ReminderLine",
    "ReminderState",
    "Run",
]

METADATA: MetaData = Row.metadata


def _core(name: str) -> Table:
    return METADATA.tables[name]


ledger = _core("ledger")
customer = _core("customer")
contact = _core("contact")
invoice = _core("invoice")
due_line = _core("due_line")
credit_note = _core("credit_note")
payment = _core("payment")
allocation = _core("allocation")
cursor = _core("cursor")
decision = _core("decision")
reminder = _core("reminder")
reminder_line = _core("reminder_line")
attempt = _core("attempt")
run = _core("run")
event = _core("event")
mailbox = _core("mailbox")
bad_record = _core("bad_record")
