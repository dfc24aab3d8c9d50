"""Large ledgers in a state of ours, and the same facts in the flat tables of the limit."""

import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from connector.contract import Company
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.receivables.records import (
    Allocation,
    Contact,
    Customer,
    Decision,
    DocumentState,
    DueLine,
    Invoice,
    Mark,
    Past,
    Payment,
    Record,
)

TODAY = date(2026, 11, 20)  # a Friday, and a working day
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
SINCE = TODAY - timedelta(days=60)
COMPANY = Company(
    ledger_id="bench:1", name="Bench", country="FR", timezone="Europe/Paris", currency="EUR"
)
LINES_A_CUSTOMER = 20
DAY = timedelta(days=1)


def facts(size: int) -> Iterator[tuple[int, int, int, date, bool, date | None, date | None]]:
    """Open lines: number, customer, amount, due date, whether disputed, promised until, reminded
    on. A twentieth is promised, a thirtieth disputed, more than a third reminded before."""
    draw = random.Random(3)
    customers = max(1, size // LINES_A_CUSTOMER)
    for number in range(size):
        amount, due_on = draw.randint(1_000, 900_000), TODAY - draw.randint(-30, 90) * DAY
        until = TODAY + draw.randint(-10, 10) * DAY
        told_on = due_on + 3 * DAY
        spoken = number % 5 < 3 and told_on < TODAY - 3 * DAY
        yield (
            number,
            number * 7919 % customers,
            amount,
            due_on,
            number % 33 == 0,
            until if number % 20 == 0 and number % 33 else None,
            told_on if spoken else None,
        )


def open_ledger(path: Path, size: int) -> None:
    """A state with so many open lines, a fiftieth of the customers on hold."""
    with State.opened(path) as state:
        mirror = Mirror(state)
        mirror.bind(COMPANY, SINCE)
        _put(mirror, _customers(max(1, size // LINES_A_CUSTOMER)))
        part: list[Record] = []
        for number, customer, amount, due_on, disputed, until, told_on in facts(size):
            marks = []
            if disputed:
                marks.append(Decision(mark=Mark.DISPUTED, since=due_on, because="wrong price"))
            if until:
                marks.append(Decision(mark=Mark.PROMISED, since=due_on, until=until))
            part.append(
                Invoice(
                    id=f"i{number}",
                    number=f"INV-{number:07d}",
                    customer_id=f"c{customer}",
                    currency="EUR",
                    issued_on=due_on - 30 * DAY,
                    state=DocumentState.OPEN,
                    total=amount,
                    balance=amount,
                    lines=(DueLine(due_on=due_on, amount=amount, balance=amount),),
                    decisions=tuple(marks),
                    modified_at=NOW,
                )
            )
            if told_on:
                part.append(Past(invoice_id=f"i{number}", stage="friendly", on=told_on))
            if len(part) > 5_000:
                _put(mirror, part)
                part = []
        _put(mirror, part)
        mirror.pulled(now=NOW, today=SINCE, payments=True, open_set=True)


def _customers(count: int) -> list[Record]:
    hold = (Decision(mark=Mark.HOLD, since=TODAY - DAY, because="talks"),)
    return [
        Customer(
            id=f"c{number}",
            name=f"Customer {number}",
            language="fr",
            country="FR",
            contacts=(Contact(id="1", email=f"ap@c{number}.example"),),
            decisions=hold if number % 50 == 0 else (),
            modified_at=NOW,
        )
        for number in range(count)
    ]


def _put(mirror: Mirror, records: list[Record], today: date = TODAY) -> None:
    refused = mirror.put(records, now=NOW, today=today)
    assert not refused, refused[0]


STEPS = ((1, 3), (2, 15), (3, 30))
GAP = 5
_FLAT = """
CREATE TABLE customer(id INTEGER PRIMARY KEY, held INTEGER NOT NULL);
CREATE TABLE step(n INTEGER PRIMARY KEY, days INTEGER NOT NULL);
CREATE TABLE line(id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, amount INTEGER NOT NULL,
  due INTEGER NOT NULL, disputed INTEGER NOT NULL, promised INTEGER);
CREATE TABLE had(line INTEGER, n INTEGER, day INTEGER, PRIMARY KEY(line, n)) WITHOUT ROWID;
CREATE TABLE outbox(id INTEGER PRIMARY KEY, line INTEGER, n INTEGER, customer INTEGER,
  state TEXT, UNIQUE(line, n));
"""
DECIDE = """
INSERT OR IGNORE INTO outbox(line, n, customer, state)
WITH candidate AS (
  SELECT l.id, l.customer, l.amount, :today - l.due AS days,
         (SELECT max(n) FROM had WHERE had.line = l.id) AS last,
         (SELECT max(day) FROM had WHERE had.line = l.id) AS last_on
  FROM line l JOIN customer c ON c.id = l.customer
  WHERE l.amount > 0 AND NOT l.disputed AND NOT c.held
    AND (l.promised IS NULL OR l.promised < :today)),
reached AS (
  SELECT k.*, (SELECT max(n) FROM step WHERE step.days <= k.days) AS n FROM candidate k)
SELECT id, n, customer, 'planned' FROM (
  SELECT *, row_number() OVER (PARTITION BY customer ORDER BY n DESC, amount DESC) AS place,
         sum(amount) OVER (PARTITION BY customer) AS claim
  FROM reached
  WHERE n > coalesce(last, 0) AND (last_on IS NULL OR :today - last_on >= :gap))
"""


def flat_ledger(path: Path, size: int) -> None:
    """The same lines in the tables of the limit, which decides them by one statement."""
    connection = sqlite3.connect(path)
    connection.executescript(f"PRAGMA journal_mode = WAL;{_FLAT}")
    with connection:
        connection.executemany("INSERT INTO step VALUES(?, ?)", STEPS)
        customers = ((n, n % 50 == 0) for n in range(max(1, size // LINES_A_CUSTOMER)))
        connection.executemany("INSERT INTO customer VALUES(?, ?)", customers)
        for number, customer, amount, due_on, disputed, until, told_on in facts(size):
            promised = until.toordinal() if until else None
            values = (number, customer, amount, due_on.toordinal(), disputed, promised)
            connection.execute("INSERT INTO line VALUES(?, ?, ?, ?, ?, ?)", values)
            if told_on:
                had = (number, 1, told_on.toordinal())
                connection.execute("INSERT INTO had VALUES(?, ?, ?)", had)
    connection.execute("ANALYZE")
    connection.close()


def year(path: Path, invoices: int, payments: int) -> None:
    """A year of a firm that was read each working day: invoices come, and are paid in parts."""
    days = [TODAY - n * DAY for n in range(364, -1, -1) if (TODAY - n * DAY).weekday() < 5]
    parts = payments // invoices
    with State.opened(path) as state:
        mirror = Mirror(state)
        mirror.bind(COMPANY, days[0])
        _put(mirror, _customers(max(1, invoices // LINES_A_CUSTOMER)), days[0])
        mirror.pulled(now=NOW, today=days[0], payments=True, open_set=True)
        open_: dict[int, int] = {}
        number = paid = 0
        for place, day in enumerate(days, 1):
            changed = set()
            while number < invoices * place // len(days):
                open_[number] = parts
                changed.add(number)
                number += 1
            records: list[Record] = []
            while paid < payments * place // len(days) and open_:
                bill = min(open_)
                if bill + 40 > number and day is not days[-1]:
                    break  # an invoice is paid about a month after it came
                open_[bill] -= 1
                paid += 1
                changed.add(bill)
                records.append(
                    Payment(
                        id=f"p{paid}",
                        customer_id=f"c{bill % (invoices // LINES_A_CUSTOMER)}",
                        currency="EUR",
                        paid_on=day,
                        amount=10_000,
                        unallocated=0,
                        reference=f"transfer {paid}",
                        allocations=(Allocation(invoice_id=f"i{bill}", amount=10_000),),
                        modified_at=NOW,
                    )
                )
                if not open_[bill]:
                    del open_[bill]
            records += (_bill(n, open_.get(n, 0), parts, day, invoices) for n in sorted(changed))
            _put(mirror, records, day)


def _bill(number: int, left: int, parts: int, day: date, invoices: int) -> Invoice:
    issued_on = SINCE - 300 * DAY + number * 365 // invoices * DAY
    total, balance = 10_000 * parts, 10_000 * left
    return Invoice(
        id=f"i{number}",
        number=f"INV-{number:07d}",
        customer_id=f"c{number % (invoices // LINES_A_CUSTOMER)}",
        currency="EUR",
        issued_on=min(issued_on, day),
        state=DocumentState.OPEN if balance else DocumentState.PAID,
        total=total,
        balance=balance,
        lines=(DueLine(due_on=issued_on + 30 * DAY, amount=total, balance=balance),),
        reference=f"PO-{number:06d}",
        modified_at=NOW,
    )
