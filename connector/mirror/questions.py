"""The large questions of a snapshot, made once: open lines, their customers, decisions, history."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache, partial
from sys import intern
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
)

from connector.dunning.snapshot import Channel
from connector.mirror import tables
from connector.mirror.columns import day_of, instant_of, json_of
from connector.mirror.statements import Prepared, listed
from connector.mirror.tables import ReminderState
from connector.receivables.records import (
    Contact,
    Customer,
    CustomerKind,
    DocumentState,
    Role,
)

REAL = (DocumentState.OPEN.value, DocumentState.PAID.value, DocumentState.CREDITED.value)
ZERO: ColumnElement[int] = literal_column("0")  # a bound zero would hide the partial indexes
_ROLES = {role.value: role for role in Role}
_KINDS = {kind.value: kind for kind in CustomerKind}


class Line(NamedTuple):
    """A due line with its invoice, whose id is `ref`.

    Its first fields, as many as `OF_CASE`, are those of a `Case` after the account.
    """

    ref: str
    number: str
    line_ref: str
    rank: int
    currency: str
    issued_on: date
    due_on: date | None
    amount: int
    balance: int
    sent_on: date | None
    total: int
    reference: str
    payment_reference: str
    pay_link: str
    recipient: str
    policy: str
    reopened_on: date | None
    discount_until: date | None
    discount: int
    customer_id: int
    state: str
    invoice_balance: int | None
    open_balance: int | None


OF_CASE = Line._fields.index("customer_id")


class Step(NamedTuple):
    """What a due line had or is about to have, as SQLite keeps it of a reminder's line.

    Of its fields from the one numbered `OF_STEP` on, a ledger has few that are not the same.
    """

    invoice_ref: str
    line_ref: str
    key: str
    planned_at: str | None
    stage: str
    n: str
    nth: int
    state: str
    channel: str
    on: str
    deadline_on: str | None
    legal: str
    received_on: str | None


OF_STEP = Step._fields.index("stage")


def made(rows: Iterable[tuple[Any, ...]]) -> Iterator[Line]:
    """Lines of SQLite's rows; what many share is in memory once."""
    make = partial(tuple.__new__, Line)
    for row in rows:
        # a name for each column: asking a row for them takes longer than all the rest
        (
            ref, number, line_ref, rank, currency, issued, due, amount, balance, sent, total,
            reference, payment_reference, link, recipient, policy, reopened, until, discount,
            customer, state, of_invoice, of_open_set,
        ) = row  # fmt: skip
        yield make(
            (
                ref,
                number,
                line_ref,
                rank,
                intern(currency),
                day_of(issued),
                day_of(due),
                amount,
                amount if balance == amount else balance,
                sent and day_of(sent),
                amount if total == amount else total,
                reference,
                payment_reference,
                link,
                recipient,
                policy,
                reopened and day_of(reopened),
                until and day_of(until),
                discount,
                customer,
                intern(state),
                amount if of_invoice == amount else of_invoice,
                of_open_set,
            )
        )


def customers_made(
    rows: Iterable[tuple[Any, ...]], contacts: Iterable[tuple[Any, ...]]
) -> dict[int, Customer]:
    """Customers of SQLite's rows, by row id."""
    theirs: dict[int, list[Contact]] = defaultdict(list)
    for owner, ref, name, email, phone, role, language in contacts:
        theirs[owner].append(
            Contact(
                id=ref,
                name=name,
                email=email,
                phone=phone,
                role=_ROLES[role],
                language=language,
            )
        )
    found = {}
    for row in rows:
        (
            place, ref, name, number, language, country, region, kind, address, legal_id, tags,
            owner, policy, mandate, credit_limit, balances, active, modified_at,
        ) = row  # fmt: skip
        found[place] = Customer(
            id=ref,
            name=name,
            number=number,
            language=language,
            country=intern(country),
            region=region,
            kind=_KINDS[kind],
            address=address,
            legal_id=legal_id,
            tags=tuple(json_of(tags)),
            owner=owner,
            policy=policy,
            mandate=bool(mandate),
            credit_limit=credit_limit,
            contacts=tuple(theirs.get(place, ())),
            balances=json_of(balances),
            active=bool(active),
            modified_at=instant_of(modified_at),
        )
    return found


@cache
def customers() -> Prepared:
    customer = tables.customer.c
    return Prepared(
        select(
            customer.id,
            customer.ref,
            customer.name,
            customer.number,
            customer.language,
            customer.country,
            customer.region,
            customer.kind,
            customer.address,
            customer.legal_id,
            customer.tags,
            customer.owner,
            customer.policy,
            customer.mandate,
            customer.credit_limit,
            customer.balances,
            customer.active,
            customer.modified_at,
        ).where(customer.id.in_(listed()))
    )


@cache
def contacts() -> Prepared:
    contact = tables.contact.c
    return Prepared(
        select(
            contact.customer_id,
            contact.ref,
            contact.name,
            contact.email,
            contact.phone,
            contact.role,
            contact.language,
        )
        .where(contact.customer_id.in_(listed()))
        .order_by(contact.customer_id, contact.position)
    )


@cache
def open_lines(everybody: bool) -> Prepared:
    line, invoice, customer = tables.due_line, tables.invoice, tables.customer
    query = _lines().where(line.c.balance != ZERO)
    if not everybody:
        theirs = select(customer.c.id).where(customer.c.ref == bindparam("customer"))
        query = query.where(invoice.c.customer_id.in_(theirs))
    return Prepared(query)


@cache
def lines_of_invoice() -> Prepared:
    query = _lines().where(tables.invoice.c.ref == bindparam("invoice"))
    return Prepared(query.order_by(tables.due_line.c.rank))


@cache
def decisions(everybody: bool) -> Prepared:
    made = tables.decision.c
    query = select(
        made.mark,
        made.since,
        made.until,
        made.amount,
        made.because,
        made.author,
        made.customer_ref,
        made.invoice_ref,
        made.code,
        made.owner,
        made.made_at,
    ).where(made.ended_on.is_(None))
    if not everybody:
        of_invoices = made.invoice_ref.in_(listed("invoices"))
        query = query.where(or_(made.customer_ref.in_(listed()), of_invoices))
    return Prepared(query.order_by(made.id))


@cache
def steps(everybody: bool) -> Prepared:
    line, reminder = tables.reminder_line.c, tables.reminder.c
    untouched = (reminder.state == ReminderState.PROPOSED.value) & reminder.edited.is_(False)
    letters = reminder.channel == Channel.LETTER.value
    query = (
        select(
            line.invoice_ref,
            line.line_ref,
            reminder.key,
            reminder.planned_at,
            line.stage,
            line.n,
            line.nth,
            reminder.state,
            reminder.channel,
            func.coalesce(reminder.sent_on, reminder.planned_on),
            reminder.deadline_on,
            reminder.legal,
            case((letters, func.json_extract(reminder.entry, "$.received_on"))),
        )
        .join_from(tables.reminder, tables.reminder_line, reminder.id == line.reminder_id)
        .where(
            reminder.state != ReminderState.SUPERSEDED.value,
            ~untouched,
            reminder.id != bindparam("without"),
        )
    )
    if everybody:
        # the lines are gone through, and of the reminders, which are long, only those wanted read
        due, invoice = tables.due_line, tables.invoice
        owing = select(due.c.id).join_from(invoice, due, invoice.c.id == due.c.invoice_id)
        owing = owing.where(invoice.c.ref == line.invoice_ref, due.c.balance != ZERO)
        query = query.where(owing.correlate(tables.reminder_line).exists())
    else:
        query = query.where(line.invoice_ref.in_(listed()))
    return Prepared(query.order_by(line.id))  # as reminders were written, so were their lines


def _lines() -> Select[Any]:
    """Due lines with their real invoices, column by column as `Line` has them."""
    line, invoice = tables.due_line, tables.invoice
    others = {"line_ref": line.c.ref, "invoice_balance": invoice.c.balance}
    own = {column.name: column for column in (*invoice.c, *line.c) if column.name != "id"}
    own |= {"ref": invoice.c.ref, "balance": line.c.balance, **others}
    real = or_(*(invoice.c.state == state for state in REAL))
    return (
        select(*(own[name] for name in Line._fields))
        .join_from(line, invoice, invoice.c.id == line.c.invoice_id)
        .where(real)
    )
