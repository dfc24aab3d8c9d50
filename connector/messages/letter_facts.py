"""What a letter says beside its words, kept with the reminder until it is printed and posted."""

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from connector.dunning.plan import Reminder


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Owed(_Data):
    """One due line as the letter lists it."""

    invoice: str
    instalment: int = 0
    issued_on: date
    due_on: date
    days_late: int
    balance: int


class Period(_Data):
    """Days of one invoice with one base and one rate; `base` and `interest` are exact fractions."""

    invoice: str
    first: date
    last: date
    days: int
    year: int
    base: str
    rate: Decimal
    interest: str


class Letter(_Data):
    """What a letter says beside its words; amounts in minor units of `currency`.

    `address` are the postal lines below `name`. `dated_on` is the printed date, from which the
    deadline was counted. `interest`, `charges` and `schedule` are there when they are claimed.
    `transfer` is the text of the QR code that pays the claim, empty where there is none.
    """

    key: str
    name: str
    address: str
    country: str
    language: str
    currency: str
    dated_on: date
    deadline_on: date | None
    claim: int
    lines: tuple[Owed, ...]
    credits: tuple[tuple[str, int], ...] = ()
    interest: int = 0
    charges: int = 0
    schedule: tuple[Period, ...] = ()
    transfer: str = ""


def letter_of(reminder: Reminder, dated_on: date) -> Letter:
    """The facts of a reminder that goes by letter, dated on the day it was planned."""
    late = reminder.interest
    claimed = late if late and late.mode == "claim" else None
    transfer = reminder.message.transfer if reminder.message else None
    return Letter(
        key=reminder.key,
        name=reminder.customer_name,
        address=reminder.address,
        country=reminder.country,
        language=reminder.language,
        currency=reminder.currency,
        dated_on=dated_on,
        deadline_on=reminder.deadline_on,
        claim=reminder.claim,
        lines=tuple(
            Owed(
                invoice=line.invoice,
                instalment=line.line if line.total and line.total != line.amount else 0,
                issued_on=line.issued_on,
                due_on=line.due_on,
                days_late=max(line.days_past_due, 0),
                balance=line.asked,
            )
            for line in reminder.lines
        ),
        credits=tuple((credit.document, -credit.amount) for credit in reminder.credits),
        interest=(claimed and claimed.amount) or 0,
        charges=(claimed and claimed.charges) or 0,
        transfer=transfer.code if transfer else "",
        schedule=tuple(
            Period(
                invoice=worked.invoice,
                first=part.first,
                last=part.last,
                days=part.days,
                year=part.basis,
                base=str(part.base),
                rate=part.rate,
                interest=str(part.interest),
            )
            for worked in (claimed.schedule if claimed and claimed.amount else ())
            for part in worked.statement.segments
        ),
    )
