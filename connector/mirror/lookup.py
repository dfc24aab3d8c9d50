"""Finds what a person means by an invoice or a customer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, func, null, or_, select

from connector.errors import ConfigError
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.mirror.tables import customer, due_line, invoice, ledger

_UNKNOWN = (
    "{!r}: no invoice and no customer is called so: give an invoice's number, "
    "or a customer's name or number"
)


@dataclass(frozen=True, slots=True)
class Settled:
    """An invoice with nothing open; `on` is the day its last line was seen settled."""

    invoice: str
    customer: str
    state: str
    on: date | None

    def text(self) -> str:
        """The fact in a sentence."""
        when = f" since {self.on}" if self.on else ""
        return f"Invoice {self.invoice}, {self.customer}: settled, {self.state}{when}."


@dataclass(frozen=True, slots=True)
class Known:
    """The invoices that a word names: the open ones by id, the settled ones in words."""

    invoice_ids: frozenset[str]
    settled: tuple[Settled, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One invoice, or one customer where `invoice_id` is None, that somebody decides about.

    `name` is the invoice's number or the customer's name; `currency` the invoice's, else the
    firm's; `open` what is open of the invoice, in minor units.
    """

    name: str
    customer_id: str
    customer: str
    invoice_id: str | None
    currency: str
    open: int = 0


def find(state: State, what: str) -> Target:
    """The one invoice or customer meant by a number, an id or a customer's name.

    Raises:
        ConfigError: nothing, or more than one, is called so.
    """
    word = what.strip().casefold()
    owes = (
        select(func.coalesce(func.sum(due_line.c.balance), 0))
        .where(due_line.c.invoice_id == invoice.c.id)
        .scalar_subquery()
    )
    bills = (
        select(
            invoice.c.number.label("name"),
            customer.c.ref.label("customer_id"),
            customer.c.name.label("customer"),
            invoice.c.ref.label("invoice_id"),
            invoice.c.currency,
            owes.label("open"),
        )
        .join(customer, invoice.c.customer_id == customer.c.id)
        .where(or_(_is(invoice.c.number, word), _is(invoice.c.ref, word)))
    )
    firm = select(ledger.c.currency).scalar_subquery()
    who = select(
        customer.c.name,
        customer.c.ref.label("customer_id"),
        customer.c.name.label("customer"),
        null().label("invoice_id"),
        firm.label("currency"),
    )
    named = or_(
        *(_is(column, word) for column in (customer.c.ref, customer.c.number, customer.c.name))
    )
    holding = func.lower(customer.c.name).contains(word, autoescape=True)
    with state.mirror.connect() as connection:
        for query in (bills, who.where(named), who.where(holding)) if word else ():
            rows = connection.execute(query.limit(6)).all()
            if len(rows) > 1:
                several = ", ".join(
                    f"{row.name} ({row.invoice_id or row.customer_id})" for row in rows
                )
                raise ConfigError(f"{what!r}: several are called so: {several}: give the id")
            if rows:
                return Target(**rows[0]._asdict())
    raise ConfigError(_UNKNOWN.format(what))


def look_up(mirror: Mirror, what: str) -> Known:
    """The invoices meant by an invoice's number, or by a customer's number, id or name.

    A customer's settled invoices are left out: only what is open is of interest then.

    Raises:
        ConfigError: nothing is called so.
    """
    word = what.strip().casefold()
    found = _invoices(mirror, (_is(invoice.c.number, word), _is(invoice.c.ref, word)))
    if found.invoice_ids or found.settled:
        return found
    named = (_is(column, word) for column in (customer.c.ref, customer.c.number, customer.c.name))
    found = _invoices(mirror, named)
    if not found.invoice_ids and not found.settled:
        found = _invoices(mirror, [func.lower(customer.c.name).contains(word, autoescape=True)])
    if not found.invoice_ids and not found.settled:
        raise ConfigError(_UNKNOWN.format(what))
    return Known(found.invoice_ids, ())


def _is(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    return func.lower(column) == word


def _invoices(mirror: Mirror, conditions: Iterable[ColumnElement[bool]]) -> Known:
    still_open = func.max(due_line.c.balance != 0)
    query = (
        select(
            invoice.c.ref,
            invoice.c.number,
            invoice.c.state,
            customer.c.name,
            still_open.label("still_open"),
            func.max(due_line.c.settled_on).label("settled_on"),
        )
        .join(customer, invoice.c.customer_id == customer.c.id)
        .join(due_line, due_line.c.invoice_id == invoice.c.id, isouter=True)
        .where(or_(*conditions))
        .group_by(invoice.c.id)
        .order_by(invoice.c.number)
    )
    with mirror.state.mirror.connect() as connection:
        rows = connection.execute(query).all()
    return Known(
        frozenset(row.ref for row in rows if row.still_open),
        tuple(
            Settled(
                row.number,
                row.name,
                row.state,
                date.fromisoformat(row.settled_on)
                if isinstance(row.settled_on, str)
                else row.settled_on,
            )
            for row in rows
            if not row.still_open
        ),
    )


def zone_of(state: State) -> str:
    """The time zone of the books, empty before the first run."""
    with state.mirror.connect() as connection:
        return str(connection.execute(select(ledger.c.timezone)).scalar() or "")
