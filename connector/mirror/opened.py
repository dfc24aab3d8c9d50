"""What the mirror holds open, as balances by the product's id."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, func, literal_column, select

from connector.mirror import tables
from connector.mirror.statements import listed, refs
from connector.receivables.records import DocumentState


def open_documents(connection: Connection) -> dict[str, int]:
    """Open invoices that owe or are owed anything, and open credit notes as negative amounts."""
    invoice, note, line = tables.invoice, tables.credit_note, tables.due_line
    owing = (
        select(invoice.c.ref, func.sum(line.c.balance))
        .join(line, line.c.invoice_id == invoice.c.id)
        .where(invoice.c.state == DocumentState.OPEN.value, _nonzero())
        .group_by(invoice.c.id)
        .having(func.sum(line.c.balance) != 0)
    )
    notes = select(note.c.ref, -note.c.balance).where(
        note.c.state == DocumentState.OPEN.value, note.c.balance != 0
    )
    return _pairs(connection, owing) | _pairs(connection, notes)


def open_invoices(connection: Connection, customer_id: str) -> list[str]:
    """The invoices of one customer in state open."""
    invoice, customer = tables.invoice, tables.customer
    query = (
        select(invoice.c.ref)
        .join(customer, customer.c.id == invoice.c.customer_id)
        .where(customer.c.ref == customer_id, invoice.c.state == DocumentState.OPEN.value)
        .order_by(invoice.c.ref)
    )
    return list(connection.scalars(query))


def all_invoices(connection: Connection) -> list[str]:
    """The product's ids of every invoice, the latest first."""
    invoice = tables.invoice
    query = select(invoice.c.ref).order_by(invoice.c.issued_on.desc(), invoice.c.ref)
    return list(connection.scalars(query))


def invoice_balances(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """The sums of the due lines of these invoices, of those that are open here."""
    invoice, line = tables.invoice, tables.due_line
    query = (
        select(invoice.c.ref, func.coalesce(func.sum(line.c.balance), 0))
        .outerjoin(line, line.c.invoice_id == invoice.c.id)
        .where(invoice.c.state == DocumentState.OPEN.value, invoice.c.ref.in_(listed()))
        .group_by(invoice.c.id)
    )
    return _pairs(connection, query, {"refs": refs(ids)})


def _nonzero() -> Any:
    # In the words of the partial index: SQLite would not recognise a bound zero.
    return tables.due_line.c.balance != literal_column("0")


def _pairs(connection: Connection, query: Select[Any], given: Any = None) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(query, given or {})}
