"""The invoices of the sample ledger, out of its tables: numbered, paid, and nothing by chance."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from tests.sample_tables import BILLS, CREDITS, NOT_DUE, SETTLED

TODAY = date(2026, 11, 20)


@dataclass(slots=True)
class Bill:
    """One invoice of the tables; `had` and `mark` as they are written there."""

    customer: str
    lines: list[tuple[date | None, Decimal]]
    paid: list[tuple[date, Decimal, int, str]] = field(default_factory=list)
    reason: str = ""
    shown: int = 1  # the line that shows the reason
    had: Sequence[str] = ()
    mark: str = ""
    more: dict[str, str] = field(default_factory=dict)
    credited: Decimal = Decimal(0)
    number: str = ""

    @property
    def issued_on(self) -> date:
        """Thirty days before the first due date, unless the table says otherwise."""
        due_on = self.lines[0][0]
        if due_on and "issued" not in self.more:
            return due_on - timedelta(days=30)
        return day(self.more["issued"]) or TODAY

    @property
    def currency(self) -> str:
        """Euros unless the table says otherwise."""
        return self.more.get("currency", "EUR")

    def balance(self, line: int) -> Decimal:
        """What is left of a line, counted from 1; credit notes are used on the first."""
        if self.more.get("state"):
            return Decimal(0)
        booked = sum(
            (amount for _, amount, at, state in self.paid if at == line and not state), Decimal(0)
        )
        return self.lines[line - 1][1] - booked - (self.credited if line == 1 else 0)


def day(text: str) -> date | None:
    """`11-10` is in the sample's year, `-` is no date."""
    if text == "-":
        return None
    return date.fromisoformat(text if len(text) == 10 else f"{TODAY.year}-{text}")


def _workday(on: date) -> date:
    """The day itself, or the Monday after a weekend."""
    return on + timedelta(days=7 - on.weekday() if on.weekday() > 4 else 0)


def _split(text: str, mark: str) -> list[str]:
    return [part.strip() for part in text.split(mark) if part.strip()]


def options(text: str) -> dict[str, str]:
    """`name=value; name=value` as a dictionary."""
    return dict(pair.split("=", 1) for pair in _split(text, ";"))


def bills() -> list[Bill]:
    """All invoices, numbered in the order of their dates."""
    made = [_told(line) for line in BILLS.strip().splitlines()]
    made += [_coming(place, customer) for place, customer in enumerate(NOT_DUE.split())]
    for customer, delays in SETTLED.items():
        apart = 2 if len(delays) > 9 else 1
        made += [
            _settled(customer, months * apart, late) for months, late in enumerate(reversed(delays))
        ]
    made.sort(key=lambda bill: (bill.issued_on, bill.customer, bill.lines[0][1]))
    for place, bill in enumerate(made, start=1):
        bill.number = f"F-{bill.issued_on.year}-{place:04}"
    for customer, _, amount, used in CREDITS:
        if used:
            spent = first(made, customer)
            spent.credited = Decimal(amount)
            on, paid, line, state = spent.paid[0]
            spent.paid = [(on, paid - spent.credited, line, state)]
    return made


def _told(text: str) -> Bill:
    customer, lines, reason, paid, had, mark, more = (cell.strip() for cell in text.split("|"))
    name, _, shown = reason.partition(" ")
    bill = Bill(
        customer,
        [],
        reason=name,
        shown=int(shown or 1),
        had=_split(had, ","),
        mark=mark,
        more=options(more),
    )
    for part in _split(lines, ","):
        due, amount = part.split()
        bill.lines.append((day(due), Decimal(amount)))
    for part in _split(paid, ","):
        on, amount, line, state = [*part.split(), ""][:4]
        bill.paid.append((day(on) or TODAY, Decimal(amount), int(line), state))
    return bill


def _coming(place: int, customer: str) -> Bill:
    """An invoice issued lately and due from the first of December on."""
    due = date(2026, 12, 1) + timedelta(days=place * 11 % 40)
    currency = {"C05": "GBP", "C06": "USD"}.get(customer, "EUR")
    issued = min(due - timedelta(days=30), TODAY - timedelta(days=8 + place % 12))
    more = {"currency": currency, "issued": issued.isoformat()}
    return Bill(customer, [(due, Decimal(9500 + place * 6173 % 140000) / 100)], more=more)


def _settled(customer: str, months: int, late: int) -> Bill:
    """An invoice paid `late` days after it was due, so many months before August."""
    place = int(customer[1:])
    year, month = divmod(2026 * 12 + 7 - months, 12)
    due = date(year, month + 1, 1 + place * 7 % 27)
    amount = Decimal(12000 + (place * 7919 + months * 4391) % 180000) / 100
    currency = {"C05": "GBP", "C06": "USD"}.get(customer, "EUR")
    paid = _workday(due + timedelta(days=late))
    had = [f"friendly.1 {_workday(due + timedelta(days=4))}"] if late > 9 else []
    return Bill(
        customer, [(due, amount)], [(paid, amount, 1, "")], had=had, more={"currency": currency}
    )


def first(bills: Sequence[Bill], customer: str) -> Bill:
    """The oldest invoice of a customer on which money came in."""
    return next(bill for bill in bills if bill.customer == customer and bill.paid)
