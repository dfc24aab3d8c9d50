"""Writes records of any kind; one that the database refuses is set aside, not the page with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import OperationalError, StatementError

from connector.errors import BadRecord
from connector.mirror import tables
from connector.mirror.batch import Batch
from connector.mirror.invoices import write_invoices
from connector.mirror.past import write_past
from connector.mirror.statements import listed, refs
from connector.mirror.writing import write_credit_notes, write_customers, write_payments
from connector.receivables.records import CreditNote, Customer, Invoice, Past, Payment, Record

_WRITERS: tuple[tuple[type[Any], str, Any], ...] = (
    (Customer, "customer", write_customers),
    (Invoice, "invoice", write_invoices),
    (CreditNote, "credit_note", write_credit_notes),
    (Payment, "payment", write_payments),
    (Past, "history", write_past),
)


class Refused(Exception):
    """The database refuses a record; nothing of the transaction may stay."""


def write(batch: Batch, records: Sequence[Record], *, singly: bool = False) -> list[BadRecord]:
    """Write records in bulk, or `singly`, one by one; returns those that are refused.

    An invoice without a number is refused too: nobody could be told what is owed.

    Raises:
        Refused: the database refuses a record of the bulk. Begin anew, and write singly.
    """
    bad = [
        BadRecord("invoice", record.id, "number", "is empty: number it in the accounting software")
        for record in records
        if isinstance(record, Invoice) and not record.number.strip()
    ]
    unnamed = {record.id for record in bad}
    if unnamed:
        records = [r for r in records if not (isinstance(r, Invoice) and r.id in unnamed)]
    for made, kind, writer in _WRITERS:
        group = [record for record in records if isinstance(record, made)]
        if not group:
            continue
        if not singly:
            _write(batch, kind, writer, group)
            continue
        for record in group:
            try:
                with batch.connection.begin_nested():
                    _write(batch, kind, writer, [record])
            except Refused as refusal:
                batch.events.clear()
                ref = record.invoice_id if isinstance(record, Past) else record.id
                bad.append(BadRecord(kind, ref, "record", str(refusal)))
    return bad


def _write(batch: Batch, kind: str, writer: Any, group: Sequence[Record]) -> None:
    try:
        writer(batch, group)
        if batch.before.has_bad:
            _forget(batch, kind, group)
        batch.flush()
    except OperationalError:
        raise  # a full disk or a lock is no fault of a record
    except (StatementError, ValueError, TypeError, OverflowError) as error:
        raise Refused(str(getattr(error, "orig", None) or error)) from error


_bad = tables.bad_record
_FORGET = _bad.delete().where(
    _bad.c.kind.in_((bindparam("one"), bindparam("many"))), _bad.c.ref.in_(listed())
)


def _forget(batch: Batch, kind: str, group: Sequence[Record]) -> None:
    ids = [record.invoice_id if isinstance(record, Past) else record.id for record in group]
    batch.connection.execute(_FORGET, {"one": kind, "many": f"{kind}s", "refs": refs(ids)})


def has_waited(connection: Connection, before: datetime) -> bool:
    """Whether a record that was set aside was last met before an instant, aware UTC."""
    bad = tables.bad_record
    query = select(bad.c.id).where(bad.c.last_seen_at < before).limit(1)
    return connection.execute(query).first() is not None


def forget_unseen(connection: Connection, before: datetime) -> None:
    """Forget what a read of everything has not met: it is gone, or reads now under another id."""
    bad = tables.bad_record
    connection.execute(bad.delete().where(bad.c.last_seen_at < before))


def remember(batch: Batch, bad: Sequence[BadRecord]) -> None:
    if not bad:
        return
    statement = insert(tables.bad_record)
    newer = {name: statement.excluded[name] for name in ("problem", "last_seen_at")}
    batch.connection.execute(
        statement.on_conflict_do_update(index_elements=["kind", "ref", "field"], set_=newer),
        [
            {
                "kind": record.kind,
                "ref": record.id,
                "field": record.field,
                "problem": record.problem,
                "first_seen_at": batch.now,
                "last_seen_at": batch.now,
            }
            for record in bad
        ],
    )
