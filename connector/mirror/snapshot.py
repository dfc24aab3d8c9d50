"""Fills the decision's types from the mirror: what is so, with nothing worked out from it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

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
from connector.mirror.facts import OF_CASE, Facts, Line
from connector.mirror.mismatch import customer_mismatches, invoice_mismatches
from connector.mirror.received import Beside, lines_beside, overpaid, received
from connector.mirror.store import Mirror
from connector.mirror.tables import ReminderState
from connector.receivables.records import Decision, DocumentState, Mark

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
_GRAVITY = {state: rank for rank, state in enumerate(_PENDING)}
_STATES = {state.value: state for state in ReminderState}
_MESSAGES = (Channel.EMAIL, Channel.LETTER)
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
        _, of_customer = _decisions(facts.decisions([row.ref for row in customers], []))
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


@dataclass(slots=True)
class _Steps:
    """What one due line has had, and what of it is in the outbox."""

    had: list[Had] = field(default_factory=list)
    pending: ReminderState | None = None
    pending_key: str = ""


def _cases(facts: Facts, top_share: Decimal | None) -> list[Case]:
    lines = facts.lines()
    of_open = [row for row in lines if row.state == DocumentState.OPEN]
    owing = [row for row in of_open if row.balance > 0]
    invoices = {row.ref: row.customer_id for row in owing}
    customers = facts.customers(list(dict.fromkeys(invoices.values())))
    refs = [row.ref for row in customers]
    by_invoice, by_customer = _decisions(facts.decisions(refs, list(invoices)))
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
    steps, spoken = _steps(facts.reminders(list(invoices)), by_invoice)
    transit = {row.invoice_ref: row.paid_on for row in pending}
    of_invoice = invoice_mismatches(of_open)
    of_customer = customer_mismatches(
        _owed(owing, accounts), {row.id: row.balances or {} for row in customers}
    )
    paid, beside = received(facts, owing, accounts, by_invoice), lines_beside(owing)
    nothing, alone = _Steps(), Beside()
    owing.reverse()
    del lines, of_open  # each row goes as its case comes: the two are never there as a whole
    cases = []
    while owing:
        row = owing.pop()
        key = row.ref, row.line_ref
        known, others = steps.get(key, nothing), beside.get(key, alone)
        mismatch = (of_invoice.get(row.ref), of_customer.get((row.customer_id, row.currency)))
        cases.append(
            Case._make(
                (
                    accounts[row.customer_id],
                    *row[:OF_CASE],
                    by_invoice.get(row.ref, ()),
                    tuple(known.had),
                    _PENDING[known.pending] if known.pending else None,
                    known.pending_key,
                    spoken.get(row.ref),
                    "; ".join(words for words in mismatch if words) if any(mismatch) else "",
                    transit.get(row.ref),
                    paid.get(row.customer_id, ()),
                    others.before,
                    others.after,
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
    rows: Sequence[Any], by_invoice: Mapping[str, tuple[Decision, ...]]
) -> tuple[dict[tuple[str, str], _Steps], dict[str, date]]:
    """What each line has had, by invoice and line; the last message by invoice."""
    steps: dict[tuple[str, str], _Steps] = defaultdict(_Steps)
    spoken: dict[str, date] = {}
    anew = {
        ref: max(
            (mark for mark in made if mark.mark is Mark.RESTART),
            key=lambda mark: (mark.since, mark.made_at),
        )
        for ref, made in by_invoice.items()
        if any(mark.mark is Mark.RESTART for mark in made)
    }
    alike: dict[tuple[object, ...], Had] = {}  # most steps of a day are the same
    for row in rows:
        state, known = _STATES[row.state], steps[row.invoice_ref, row.line_ref]
        if (row.stage, row.n) == (BY_HAND.stage, BY_HAND.number):
            pass  # a message by hand is no step and holds none back; the gap knows it
        elif state in _HAD:
            anew_on = anew.get(row.invoice_ref)
            what = (row.stage, row.n, row.nth, state, row.channel, row.on, row.deadline_on)
            had = None if anew_on or row.legal else alike.get(what)
            if had is None:
                had = _had(row, state, anew_on)
                if not (anew_on or row.legal):
                    alike[what] = had
            known.had.append(had)
        elif known.pending is None or _GRAVITY[state] > _GRAVITY[known.pending]:
            known.pending, known.pending_key = state, row.key
        if state in _SPOKEN and row.channel in _MESSAGES:
            spoken[row.invoice_ref] = max(row.on, spoken.get(row.invoice_ref, row.on))
    return steps, spoken


def _had(row: Any, state: ReminderState, restart: Decision | None) -> Had:
    before = restart is not None and _before(row, restart)
    channel = Channel(row.channel)
    received_on = date.fromisoformat(row.received_on) if row.received_on else None
    deadline_on = row.deadline_on
    if received_on and deadline_on:
        deadline_on = max(deadline_on, received_on + (deadline_on - row.on))
    return Had(
        rung=Rung.parse(row.stage, row.n),
        on=row.on,
        nth=row.nth,
        state=HadState.RESTARTED if before else _HAD[state],
        channel=channel,
        deadline_on=deadline_on,
        legal=row.legal,
        wait_until=wait_until(row.legal, row.on, channel, received_on),
        received_on=received_on,
    )


def _before(row: Any, restart: Decision) -> bool:
    """Whether a step belongs to the ladder that was restarted; of the same day the instant tells.

    Of a step known only from its note the day alone is known: its number tells a first sending.
    """
    if row.on != restart.since:
        return bool(row.on < restart.since)
    if row.planned_at and restart.made_at:
        return bool(row.planned_at <= restart.made_at)
    return bool(row.nth == 1)


def _decisions(
    rows: Sequence[Any],
) -> tuple[dict[str, tuple[Decision, ...]], dict[str, tuple[Decision, ...]]]:
    """Decisions by invoice, and those about a customer as a whole by customer."""
    by_invoice: dict[str, list[Decision]] = defaultdict(list)
    by_customer: dict[str, list[Decision]] = defaultdict(list)
    for row in rows:
        made = Decision(
            mark=Mark(row.mark),
            since=row.since,
            until=row.until,
            amount=row.amount,
            because=row.because,
            author=row.author,
            customer_id=row.customer_ref,
            invoice_id=row.invoice_ref,
            code=row.code,
            owner=row.owner,
            made_at=row.made_at,
        )
        if row.invoice_ref is None:
            by_customer[row.customer_ref].append(made)
        else:
            by_invoice[row.invoice_ref].append(made)
    return (
        {ref: tuple(made) for ref, made in by_invoice.items()},
        {ref: tuple(made) for ref, made in by_customer.items()},
    )
