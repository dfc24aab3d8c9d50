"""A firm whose books, mailbox and notes are in memory, and a real sync over a real state file.

Calls break as the test says: before anything happened, after, or with the process dying.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector.config import Config
from connector.contract import (
    Account,
    Kind,
    ProviderSpec,
    Receipt,
    Trace,
    trace_of,
)
from connector.dunning.policy_file import Policies, parse
from connector.errors import OutcomeUnknown, Rejected, Transient
from connector.firm import Firm
from connector.messages.write import Writer
from connector.meter import Meter
from connector.outbox.desk import Mailer
from connector.receivables.capabilities import Capabilities, Limits, Notes, Traces
from connector.receivables.records import (
    Contact,
    CreditNote,
    Customer,
    Decision,
    DocumentState,
    Invoice,
    Mark,
    Message,
    Payment,
)
from connector.sync import Report, sync
from tests.books import COMPANY, Books, customer, invoice, line
from tests.policies import policy, step

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)  # a Monday
ZONE = ZoneInfo(COMPANY.timezone)
KINDS = (Kind.CUSTOMERS, Kind.INVOICES, Kind.CREDIT_NOTES, Kind.PAYMENTS)
POLICY = policy(
    "machine",
    step("friendly", 3),
    step("call", 6, stage="friendly", channel="call"),
    step("firm", 9),
    keys="gap_days = 2",
)


class Killed(BaseException):
    """The process died."""


@dataclass
class Clock:
    """Tells the time that the test has set."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    @property
    def today(self) -> date:
        return self.now.astimezone(ZONE).date()

    def pass_(self, **time: int) -> None:
        self.now += timedelta(**time)


@dataclass(frozen=True)
class Mail:
    """A message that went, with what the outbox claimed and what was owed at that moment."""

    key: str
    customer: str
    at: datetime
    claimed: dict[str, int]  # by invoice
    owed: dict[str, int]
    held: bool
    lines: tuple[str, ...]  # keys


@dataclass
class Office(Books):
    """Implements `Provider` whole. `breaks(verb)` names what befalls a call:

    `down` and `busy` (429 with a wait): nothing happened; `refused`; `lost`: done, no answer;
    `unheard`: not done, no answer; `late`: done five minutes on, no answer; `dies`, `died`: the
    process ends before, after. Reads know `down`, `refused` and `dies` alone.
    """

    state: Path
    clock: Clock
    breaks: Callable[[str], str] = lambda verb: ""
    mails: list[Mail] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    sent: list[tuple[str, str, date]] = field(default_factory=list)  # invoice, key, day
    late: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    meter: Meter | None = None
    can: Capabilities = field(
        default_factory=lambda: Capabilities(
            custom_email=True, note=Notes.INVOICE, traces=Traces.COMPLETE
        )
    )

    def __post_init__(self) -> None:
        super().__init__()
        self.edits = 0

    def put(self, record: Customer | Invoice | CreditNote | Payment) -> None:
        """Book it, with a stamp newer than all others."""
        self.edits += 1
        stamp = START + timedelta(seconds=self.edits)
        super().put(replace(record, modified_at=stamp))

    def invoice(self, ref: str) -> Invoice:
        found = self.records[Invoice, ref]
        assert isinstance(found, Invoice)
        return found

    def owe(self, ref: str, customer_id: str, due_on: date, amount: int = 10000) -> None:
        """A new invoice of one line."""
        due = line(amount, due_on, amount=amount)
        issued = due_on - timedelta(days=30)
        self.put(invoice(ref, due, customer_id=customer_id, issued_on=issued, total=amount))

    def pay(self, ref: str, amount: int | None = None) -> None:
        """Pay an invoice, whole or in part."""
        found = self.invoice(ref)
        (due,) = found.lines
        rest = max(due.balance - (due.balance if amount is None else amount), 0)
        state = found.state if rest else DocumentState.PAID
        due = replace(due, balance=rest)
        self.put(replace(found, lines=(due,), balance=rest, state=state))

    def end(self, ref: str) -> None:
        """Void an invoice."""
        found = self.invoice(ref)
        lines = tuple(replace(due, balance=0) for due in found.lines)
        self.put(replace(found, state=DocumentState.VOID, lines=lines, balance=0))

    def move(self, ref: str, due_on: date) -> None:
        """Give an invoice another due date."""
        found = self.invoice(ref)
        self.put(replace(found, lines=(replace(found.lines[0], due_on=due_on),)))

    def hold(self, customer_id: str, on: date | None) -> None:
        """Hold a customer in the product; None lifts it."""
        known = self.records[Customer, customer_id]
        assert isinstance(known, Customer)
        marks = (Decision(mark=Mark.HOLD, since=on, because="asked to"),) if on else ()
        self.put(replace(known, decisions=marks))

    def probe(self) -> Capabilities:
        return self.can

    def account(self, customer_id: str) -> Account:
        self._read("account")
        known = self.records.get((Customer, customer_id))
        if not isinstance(known, Customer):
            raise Rejected(f"there is no customer {customer_id}")
        mine = [
            record
            for record in self.records.values()
            if getattr(record, "customer_id", "") == customer_id and record.id not in self.hidden
        ]
        open_ = [r for r in mine if isinstance(r, Invoice) and r.state is DocumentState.OPEN]
        return Account(
            customer=known,
            invoices=tuple(open_),
            credit_notes=tuple(r for r in mine if isinstance(r, CreditNote) and r.balance),
            payments=tuple(r for r in mine if isinstance(r, Payment) and r.unallocated),
        )

    def note(self, invoice_id: str, text: str, *, key: str) -> Receipt:
        self._write("note", lambda: self.notes.append((invoice_id, text)))
        return Receipt(id="note")

    def email(self, message: Message, *, key: str) -> Receipt:
        mail = self._mail(message, key)

        def go() -> None:
            self.mails.append(mail)
            self.sent.append((message.invoice_ids[0], key, self.clock.today))

        self._write("email", go)
        return Receipt(id="mail")

    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        found = [
            *(trace_of(text, ref) for ref, text in self.notes if ref in invoice_ids),
            *(
                Trace(invoice_id=ref, on=on, reminder_key=key)
                for ref, key, on in self.sent
                if ref in invoice_ids
            ),
        ]
        self._read("traces")  # what happens now, the answer does not tell
        yield from filter(None, found)

    def land(self) -> None:
        """What was on its way arrives when its time has come."""
        due = [act for at, act in self.late if at <= self.clock.now]
        self.late = [(at, act) for at, act in self.late if at > self.clock.now]
        for act in due:
            act()

    def owed(self, ref: str) -> int:
        """What is open of an invoice now."""
        if ref in self.hidden or (Invoice, ref) not in self.records:
            return 0
        found = self.invoice(ref)
        open_ = found.state is DocumentState.OPEN
        return sum(due.balance for due in found.lines) if open_ else 0

    def _mail(self, message: Message, key: str) -> Mail:
        with closing(sqlite3.connect(self.state)) as connection:
            lines = connection.execute(
                "SELECT line.key, line.invoice_ref, line.balance FROM reminder_line line"
                " JOIN reminder ON reminder.id = line.reminder_id"
                " WHERE reminder.key = ? AND reminder.state = 'sending'",
                (key,),
            ).fetchall()
        known = self.records[Customer, message.customer_id]
        return Mail(
            key=key,
            customer=message.customer_id,
            at=self.clock.now,
            claimed={ref: balance for _, ref, balance in lines},
            owed={ref: self.owed(ref) for _, ref, _ in lines},
            held=isinstance(known, Customer) and bool(known.decisions),
            lines=tuple(name for name, _, _ in lines),
        )

    def _read(self, verb: str = "read") -> None:
        super()._read()
        self._call(verb)
        match self.breaks(verb):
            case "down":
                raise Transient("office: cannot connect")
            case "refused":
                raise Rejected("office: refused: no such thing")
            case "dies":
                raise Killed

    def _call(self, verb: str) -> None:
        if self.meter:
            with self.meter.call():
                pass
        self.calls.append(verb)

    def _write(self, verb: str, act: Callable[[], None]) -> None:
        self._call(verb)
        fault = self.breaks(verb)
        match fault:
            case "down":
                raise Transient("office: cannot connect")
            case "busy":
                raise Transient("office: too many calls", self.clock.now + timedelta(minutes=20))
            case "refused":
                raise Rejected("office: refused: the address is no address")
            case "dies":
                raise Killed
            case "late":
                self.late.append((self.clock.now + timedelta(minutes=5), act))
            case "unheard":
                pass
            case _:
                act()
        if fault == "died":
            raise Killed
        if fault in ("lost", "unheard", "late"):
            raise OutcomeUnknown("office: the answer was lost")


@cache
def _writer() -> Writer:
    return Writer(COMPANY)


@cache
def _policies(text: str) -> Policies:
    return Policies(parse(text, "machine.toml"), {})


@dataclass
class Desk:
    """A firm's folder beside its office, and what its runs were."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    policy: str = POLICY
    name: str = "config"  # of the configuration: another one is another installation
    mailer: Mailer | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.state = self.folder / "config.db"
        self.office = Office(self.state, self.clock)

    def firm(self) -> Firm:
        config = Config(
            path=self.folder / f"{self.name}.env", provider="office", state=self.state, mode="auto"
        )
        spec = ProviderSpec(
            name="office",
            title="Office",
            can=self.office.can,
            kinds=KINDS,
            settings=(),
            open=lambda settings, tokens, meter: self.office,
            limits=self.limits,
        )
        self.office.meter = meter = Meter(self.limits, self.state, clock=self.clock)
        return Firm(
            config=config,
            spec=spec,
            provider=self.office,
            meter=meter,
            company=self.office.company(),
            can=self.office.can,
            policies=_policies(self.policy),
            writer=_writer(),
            mailer=self.mailer,  # type: ignore[arg-type]
            zone=ZONE,
        )

    def sync(self) -> Report:
        """One run; what is on its way arrives first."""
        self.office.land()
        return sync(self.firm(), self.clock, lambda *told: None, lambda: False)

    def rows(self, query: str) -> list[Any]:
        """What a query of the state gives, its first column."""
        with closing(sqlite3.connect(self.state)) as connection:
            return [row[0] for row in connection.execute(query)]

    def states(self) -> list[str]:
        """The states of all reminders, in the order they were planned."""
        return self.rows("SELECT state FROM reminder ORDER BY id")

    def unknown(self) -> str:
        """The customer of the one reminder whose outcome nobody knows."""
        (found,) = self.rows("SELECT customer_ref FROM reminder WHERE state = 'unknown'")
        return str(found)

    def lose(self) -> None:
        """`state.db` is gone."""
        for file in self.folder.glob("config.db*"):
            file.unlink()

    def noted(self) -> list[str]:
        """The line keys on the notes, with repetitions."""
        found = [trace_of(text, ref) for ref, text in self.office.notes]
        return sorted(trace.line_key for trace in found if trace)


def desk(folder: Path, *customers: str, **more: Any) -> Desk:
    """A desk whose office knows these customers, each with an address."""
    made = Desk(folder, **more)
    for name in customers:
        address = Contact(id="1", email=f"{name}@clients.example")
        made.office.put(customer(name, contacts=(address,), language="fr", country="FR"))
    return made


@contextmanager
def locks(folder: Path) -> Iterator[None]:
    """Locks kept in this folder while the block runs: another user of this machine."""
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_STATE_HOME"]
        else:
            os.environ["XDG_STATE_HOME"] = before


def due(clock: Clock, days: int) -> date:
    """The due date of what is so many days late now."""
    return clock.today - timedelta(days=days)


def at(clock: Clock, hour: int) -> None:
    """Set the clock to an hour of its own day, UTC."""
    clock.now = datetime.combine(clock.now.date(), time(hour), tzinfo=UTC)
