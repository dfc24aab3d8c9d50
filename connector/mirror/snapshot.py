"""Fills the decision's types from the mirror: what is so, with nothing worked out from it."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import select

from connector.dunning.legal import wait_until
from connector.dunning.snapshot import (
    BY_HAND,
    Account,
    Case,
    Channel,
    Day,
    Had,
    HadState,
    Pending,
    Rung,
    Snapshot,
)
from connector.errors import ConfigError
from connector.garbage import uncollected
from connector.mirror import tables
from connector.mirror.accounts import accounts_of
from connector.mirror.columns import day_of, instant_of
from connector.mirror.facts import Facts
from connector.mirror.mismatch import (
    customer_mismatches,
    in_several_lines,
    invoice_mismatches,
)
from connector.mirror.questions import OF_CASE, OF_STEP, Line, Step
from connector.mirror.received import Beside, lines_beside, overpaid, received
from connector.mirror.store import Mirror
from connector.mirror.tables import ReminderState
from connector.receivables.records import Decision, DocumentState, Mark

_Own = tuple[tuple[Had, ...], Pending | None, str, date | None]
_HAD = {
    ReminderState.SENT: HadState.SENT,
    ReminderState.REJECTED: HadState.PASSED,
    ReminderState.BOUNCED: HadState.BOUNCED,
}
_PENDING = {  # the gravest last: of several the gravest is told
    ReminderState.PROPOSED: Pending.PROPOSED,
    ReminderState.PLANNED: Pending.QUEUED,
    ReminderState.SENDING: Pending.QUEUED,
    ReminderState.FAILED: Pending.FAILED,
    ReminderState.UNKNOWN: Pending.UNKNOWN,
}
_NOTHING: _Own = ((), None, "", None)  # what most lines have had
_GRAVITY = {state: rank for rank, state in enumerate(_PENDING)}
_STATES = {state.value: state for state in ReminderState}
_MARKS = {mark.value: mark for mark in Mark}
_MESSAGES = frozenset({Channel.EMAIL.value, Channel.LETTER.value})
_HAND = BY_HAND.number
_SPOKEN = frozenset(
    {ReminderState.PLANNED, ReminderState.SENDING, ReminderState.SENT, ReminderState.UNKNOWN}
)


def read(
    mirror: Mirror,
    day: Day,
    today: date,
    *,
    customer_id: str | None = None,
    without: int | None = None,
) -> Snapshot:
    """Every open due line with its customer, of one moment; `today` is the firm's day.

    `customer_id` restricts it to one customer. The outbox row `without` is taken as if it did not
    exist.

    Raises:
        ConfigError: nothing has been read into this file yet.
    """
    with uncollected(), mirror.state.reader.connect() as connection:
        ledger = connection.execute(select(tables.ledger)).one_or_none()
        if ledger is None:
            raise ConfigError(
                f"{mirror.state.path}: no books have been read into it yet. Run relance sync."
            )
        facts = Facts(connection, today, customer_id, without)
        return Snapshot(
            ledger_id=ledger.ledger_id,
            country=ledger.country,
            currency=ledger.currency,
            cases=_cases(facts, day.top_share),
            day=day,
            installed_on=ledger.installed_on,
            first_pull_on=ledger.first_pull_on or today,
            sent_today=facts.sent_today(),
            overpaid=overpaid(facts),
        )


def settled(mirror: Mirror, today: date, invoice_id: str) -> list[Case]:
    """The due lines of an invoice on which nothing is open any more; empty if something is."""
    with mirror.state.reader.connect() as connection:
        facts = Facts(connection, today)
        lines = facts.settled_lines(invoice_id)
        customers = facts.customers([row.customer_id for row in lines][:1])
        refs = [customer.id for customer in customers.values()]
        facts = replace(facts, customer_id=next(iter(refs), ""))
        _, of_customer = _decisions(facts.decisions(refs, []), set(refs), ())
        accounts = accounts_of(
            facts,
            customers,
            lines=(),
            invoices={},
            by_invoice={},
            by_customer=of_customer,
            attached=frozenset(),
        )
    return [
        Case(
            account=accounts[row.customer_id],
            invoice_id=row.ref,
            number=row.number,
            line_id=row.line_ref,
            line=row.rank,
            currency=row.currency,
            issued_on=row.issued_on,
            due_on=row.due_on,
            amount=row.amount,
            balance=0,
            total=row.total,
            reference=row.reference,
            recipient=row.recipient,
            policy=row.policy,
        )
        for row in lines
    ]


class _Steps(NamedTuple):
    """What lines have had, and what of them is in the outbox, by invoice and line.

    `spoken` names each invoice that had anything, with the day of its last message, empty if none.
    """

    had: Mapping[tuple[str, str], tuple[Had, ...]]
    pending: Mapping[tuple[str, str], tuple[ReminderState, str]]
    spoken: Mapping[str, str]


def _cases(facts: Facts, top_share: Decimal | None) -> list[Case]:
    lines = facts.lines()
    of_open = [row for row in lines if row.state == DocumentState.OPEN]
    owing = [row for row in of_open if row.balance > 0]
    invoices = {row.ref: row.customer_id for row in owing}
    customers = facts.customers(list(dict.fromkeys(invoices.values())))
    refs = [customer.id for customer in customers.values()]
    by_invoice, by_customer = _decisions(facts.decisions(refs, list(invoices)), set(refs), invoices)
    pending = facts.transit()
    accounts = accounts_of(
        facts,
        customers,
        lines=lines,
        invoices=invoices,
        by_invoice=by_invoice,
        by_customer=by_customer,
        attached={row.payment_id for row in pending},
        top_share=top_share,
    )
    steps = _steps(facts.steps(list(invoices)), invoices, by_invoice)
    transit = {row.invoice_ref: row.paid_on for row in pending}
    several = in_several_lines(of_open) if len(invoices) < len(of_open) else set[str]()
    mismatches = invoice_mismatches(of_open, several)
    given = {row: customer.balances for row, customer in customers.items() if customer.balances}
    of_customer = customer_mismatches(_owed(owing, accounts), given) if given else {}
    paid, beside = received(facts, owing, accounts, by_invoice), lines_beside(owing, several)
    alone = Beside()
    owing.reverse()
    del lines, of_open  # each row goes as its case comes: the two are never there as a whole
    cases: list[Case] = []
    add, make = cases.append, partial(tuple.__new__, Case)
    had, waiting, spoken = steps.had, steps.pending, steps.spoken
    while owing:
        row = owing.pop()
        invoice_id, wrong, own = row.ref, "", _NOTHING
        if invoice_id in spoken:
            key = invoice_id, row.line_ref
            waits = waiting.get(key) if waiting else None
            own = (
                had.get(key, ()),
                _PENDING[waits[0]] if waits else None,
                waits[1] if waits else "",
                day_of(spoken[invoice_id] or None),
            )
        if mismatches or of_customer:
            told = mismatches.get(invoice_id), of_customer.get((row.customer_id, row.currency))
            wrong = "; ".join(filter(None, told))
        add(
            make(
                (
                    accounts[row.customer_id],
                    *row[:OF_CASE],
                    by_invoice.get(invoice_id, ()),
                    *own,
                    wrong,
                    transit.get(invoice_id) if transit else None,
                    paid.get(row.customer_id, ()) if paid else (),
                    *(beside.get((invoice_id, row.line_ref), alone) if beside else alone),
                )
            )
        )
    return cases


def _owed(owing: Sequence[Line], accounts: Mapping[int, Account]) -> dict[tuple[int, str], int]:
    """Open balances less credits and unallocated money, by customer and currency."""
    owed: dict[tuple[int, str], int] = defaultdict(int)
    for row in owing:
        owed[row.customer_id, row.currency] += row.balance
    for customer, account in accounts.items():
        for credit in account.credits:
            owed[customer, credit.currency] -= credit.amount
        for money in account.money:
            owed[customer, money.currency] -= money.amount
    return owed


def _steps(
    rows: Iterable[tuple[Any, ...]],
    invoices: Container[str],
    by_invoice: Mapping[str, tuple[Decision, ...]],
) -> _Steps:
    """What the lines of these invoices have had; most steps of a day are the same, and so is what
    is made of them."""
    anew = {
        ref: max(
            (mark for mark in made if mark.mark is Mark.RESTART),
            key=lambda mark: (mark.since, mark.made_at),
        )
        for ref, made in by_invoice.items()
        if any(mark.mark is Mark.RESTART for mark in made)
    }
    had: dict[tuple[str, str], tuple[Had, ...]] = {}
    pending: dict[tuple[str, str], tuple[ReminderState, str]] = {}
    spoken: dict[str, str] = {}
    alike: dict[tuple[object, ...], _Like] = {}
    longer: dict[tuple[object, ...], tuple[Had, ...]] = {}
    for row in rows:
        invoice = row[0]
        if invoice not in invoices:
            continue
        like = alike.get(row[OF_STEP:])
        if like is None:
            like = alike[row[OF_STEP:]] = _Like.of(Step._make(row))
        place = invoice, row[1]
        if like.had:
            steps = like.had
            if invoice in anew:
                steps = (_had(Step._make(row), anew[invoice]),)
            if before := had.get(place):
                steps = longer.setdefault((before, steps), before + steps)
            had[place] = steps
        elif like.waits and (
            place not in pending or _GRAVITY[like.waits] > _GRAVITY[pending[place][0]]
        ):
            pending[place] = like.waits, row[2]
        if like.said >= spoken.get(invoice, ""):
            spoken[invoice] = like.said
    return _Steps(had, pending, spoken)


class _Like(NamedTuple):
    """What a step is to its line: had, or in the outbox; `said` is its day if it is a message."""

    had: tuple[Had, ...] = ()
    waits: ReminderState | None = None
    said: str = ""

    @classmethod
    def of(cls, step: Step) -> "_Like":
        state = _STATES[step.state]
        said = step.on if state in _SPOKEN and step.channel in _MESSAGES else ""
        if step.n == _HAND and step.stage == BY_HAND.stage:
            return cls(said=said)  # no step, and holds none back; the gap knows it
        return cls((_had(step),), said=said) if state in _HAD else cls((), state, said)


def _had(row: Step, restart: Decision | None = None) -> Had:
    on, deadline_on, received_on = (
        day_of(row.on),
        day_of(row.deadline_on),
        day_of(row.received_on),
    )
    assert on
    before = restart is not None and _before(on, row, restart)
    channel = Channel(row.channel)
    if received_on and deadline_on:
        deadline_on = max(deadline_on, received_on + (deadline_on - on))
    return Had(
        rung=Rung.parse(row.stage, row.n),
        on=on,
        nth=row.nth,
        state=HadState.RESTARTED if before else _HAD[_STATES[row.state]],
        channel=channel,
        deadline_on=deadline_on,
        legal=row.legal,
        wait_until=wait_until(row.legal, on, channel, received_on),
        received_on=received_on,
    )


def _before(on: date, row: Step, restart: Decision) -> bool:
    """Whether a step belongs to the ladder that was restarted; of the same day the instant tells.

    Of a step known only from its note the day alone is known: its number tells a first sending.
    """
    if on != restart.since:
        return on < restart.since
    planned_at = instant_of(row.planned_at)
    if planned_at and restart.made_at:
        return planned_at <= restart.made_at
    return row.nth == 1


def _decisions(
    rows: Iterable[tuple[Any, ...]], customers: Container[str], invoices: Container[str]
) -> tuple[dict[str, tuple[Decision, ...]], dict[str, tuple[Decision, ...]]]:
    """Decisions by invoice, and those about a customer as a whole by customer; of these alone."""
    by_invoice: dict[str, list[Decision]] = defaultdict(list)
    by_customer: dict[str, list[Decision]] = defaultdict(list)
    for row in rows:
        mark, since, until, amount, because, author, customer, invoice, code, owner, made_at = row
        if customer not in customers and invoice not in invoices:
            continue
        first = day_of(since)
        assert first
        made = Decision(
            mark=_MARKS[mark],
            since=first,
            until=day_of(until),
            amount=amount,
            because=because,
            author=author,
            customer_id=customer,
            invoice_id=invoice,
            code=code,
            owner=owner,
            made_at=instant_of(made_at),
        )
        if invoice is None:
            by_customer[customer].append(made)
        else:
            by_invoice[invoice].append(made)
    return (
        {ref: tuple(made) for ref, made in by_invoice.items()},
        {ref: tuple(made) for ref, made in by_customer.items()},
    )
