"""What a finished message lacks: a reminder without number, due date or amount never goes out."""

import re

from babel import Locale

from connector.dunning.plan import Reminder, ReminderLine
from connector.messages import formats
from connector.messages.values import clean

_BLANKS = re.compile(r"\s+")


def missing(reminder: Reminder, text: str, locale: Locale) -> list[str]:
    """What the text does not say of each line and of the claim, in words with the way to say it.

    Amounts and dates are looked for in the forms that the filters give them; line ends and
    spaces do not count.
    """
    said = _BLANKS.sub("", text)

    def absent(*forms: str) -> bool:
        return not any(_BLANKS.sub("", form) in said for form in forms)

    found: list[str] = []
    for line in reminder.lines:
        name = clean(line.invoice)
        if absent(name):
            found.append(f"the number of invoice {name} is missing: print invoice.number")
        if absent(*_dates(line, locale)):
            found.append(f"the due date of invoice {name} is missing: print invoice.due_date")
        if absent(formats.money(line.asked, reminder.currency, locale)):
            found.append(f"the amount of invoice {name} is missing: print invoice.balance")
    if absent(formats.money(reminder.claim, reminder.currency, locale)):
        found.append("the total claimed is missing: print total_due")
    return found


def _dates(line: ReminderLine, locale: Locale) -> tuple[str, str]:
    return formats.long_date(line.due_on, locale), formats.short_date(line.due_on, locale)


def unbalanced(reminder: Reminder) -> str:
    """Why the figures of a reminder contradict each other, empty when they add up."""
    owed = sum(line.asked for line in reminder.lines)
    netted = sum(credit.amount for credit in reminder.credits)
    if owed - netted == reminder.claim:
        return ""
    return f"lines of {owed} less credits of {netted} do not make the claim of {reminder.claim}"
