"""Fills the decision's types from the mirror: what is so, with nothing worked out from it."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from operator import not_
from typing import Any

from sqlalchemy import select

from connector.dunning.snapshot import Account, Case, Day, Snapshot
from connector.errors import ConfigError
from connector.garbage import uncollected
from connector.mirror import tables
from connector.mirror.accounts import accounts_of
from connector.mirror.cases import Told
from connector.mirror.columns import day_of, instant_of
from connector.mirror.facts import Facts
from connector.mirror.had import steps_of
from connector.mirror.mismatch import (
    customer_mismatches,
    in_several_lines,
    invoice_mismatches,
)
from connector.mirror.questions import OF_CASE, Lines
from connector.mirror.received import lines_beside, overpaid, received
from connector.mirror.store import Mirror
from connector.receivables.records import Decision, DocumentState, Mark

_MARKS = {mark.value: mark for mark in Mark}
_PAID: Mapping[str, Any] = {  # of a line that is settled: nothing to pay, and no way to pay it
    "balance": 0,
    "sent_on": None,
    "payment_reference": "",
    "pay_link": "",
    "reopened_on": None,
    "discount_until": None,
    "discount": 0,
}


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
        customers = facts.customers(lines.customer_id[:1])
        refs = [customer.id for customer in customers.values()]
        facts = replace(facts, customer_id=next(iter(refs), ""))
        _, of_customer = _decisions(facts.decisions(refs, []), set(refs), ())
        accounts = accounts_of(
            facts,
            customers,
            owing=(),
            rest=(),
            invoices={},
            by_invoice={},
            by_customer=of_customer,
            attached=frozenset(),
        )
    heads = zip(*lines[:OF_CASE], strict=True)
    return [
        Case(accounts[customer], *head)._replace(**_PAID)
        for customer, head in zip(lines.customer_id, heads, strict=True)
    ]


def _cases(facts: Facts, top_share: Decimal | None) -> list[Case]:
    owing, rest = _apart(facts.lines())
    invoices: dict[str, int] = {}
    for part in owing:
        invoices.update(zip(part.ref, part.customer_id, strict=True))
    customers = facts.customers(list(dict.fromkeys(invoices.values())))
    refs = [customer.id for customer in customers.values()]
    by_invoice, by_customer = _decisions(facts.decisions(refs, list(invoices)), set(refs), invoices)
    pending = facts.transit()
    accounts = accounts_of(
        facts,
        customers,
        owing=owing,
        rest=rest,
        invoices=invoices,
        by_invoice=by_invoice,
        by_customer=by_customer,
        attached={row.payment_id for row in pending},
        top_share=top_share,
    )
    every = [*owing, *rest]
    several = in_several_lines(every)
    given = {row: customer.balances for row, customer in customers.items() if customer.balances}
    told = Told(
        accounts=accounts,
        by_invoice=by_invoice,
        steps=steps_of(facts.steps(list(invoices)), invoices, by_invoice),
        wrong=invoice_mismatches(every, several),
        of_customer=customer_mismatches(_owed(owing, accounts), given) if given else {},
        transit={row.invoice_ref: row.paid_on for row in pending},
        received=received(facts, owing, accounts, by_invoice),
        beside=lines_beside(owing, several),
    )
    del rest, every
    owing.reverse()
    cases: list[Case] = []
    while owing:  # each part goes as its cases come: the two are never there as a whole
        cases += told.cases(owing.pop())
    return cases


def _apart(parts: Iterable[Lines]) -> tuple[list[Lines], list[Lines]]:
    """The lines on which an open invoice owes something, and all others."""
    owing, rest = [], []
    for part in parts:
        if min(part.balance) > 0 and set(part.state) == {DocumentState.OPEN.value}:
            owing.append(part)  # as nearly all are
            continue
        owes = [
            balance > 0 and state == DocumentState.OPEN
            for balance, state in zip(part.balance, part.state, strict=True)
        ]
        owing.append(part.where(owes))
        rest.append(part.where(map(not_, owes)))
    return owing, rest


def _owed(owing: Iterable[Lines], accounts: Mapping[int, Account]) -> dict[tuple[int, str], int]:
    """Open balances less credits and unallocated money, by customer and currency."""
    owed: dict[tuple[int, str], int] = defaultdict(int)
    for part in owing:
        for customer, currency, balance in zip(
            part.customer_id, part.currency, part.balance, strict=True
        ):
            owed[customer, currency] += balance
    for customer, account in accounts.items():
        for credit in account.credits:
            owed[customer, credit.currency] -= credit.amount
        for money in account.money:
            owed[customer, money.currency] -= money.amount
    return owed


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
