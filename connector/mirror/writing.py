"""Writes customers, credit notes and payments, and what changed in payments as events."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Table, select

from connector.mirror import tables
from connector.mirror.batch import Batch, Versioned, Where, newest
from connector.mirror.decisions import OF_CUSTOMERS, Target, replace_decisions
from connector.mirror.statements import Values, listed
from connector.receivables.records import (
    CreditNote,
    Customer,
    Decision,
    Payment,
    PaymentState,
)


def write_customers(batch: Batch, records: Sequence[Customer]) -> None:
    """Make the mirrored customers and their contacts equal to these, unless newer are mirrored."""
    old = batch.known(tables.customer, {record.id for record in records})
    records = newest(records, old)
    rows = [_customer(batch, record) for record in records]
    batch.save(tables.customer, ((old.get(row["ref"]), row) for row in rows))
    ids = batch.ids(tables.customer, [record.id for record in records])
    contacts = {ids[record.id]: _contacts(record) for record in records}
    _replace(batch, tables.contact, "customer_id", contacts)
    decisions: dict[Target, Sequence[Decision]] = {
        (record.id, None): record.decisions for record in records
    }
    replace_decisions(batch, decisions, [record.id for record in records], OF_CUSTOMERS)


def write_credit_notes(batch: Batch, records: Sequence[CreditNote]) -> None:
    """Make the mirrored credit notes equal to these, unless newer ones are mirrored."""
    old = batch.known(tables.credit_note, {record.id for record in records})
    records = newest(records, old)
    customers = batch.customers({record.customer_id for record in records})
    rows = [
        {
            "ref": record.id,
            "number": record.number,
            "customer_id": customers[record.customer_id],
            "currency": record.currency,
            "issued_on": record.issued_on,
            "state": str(record.state),
            "total": record.total,
            "balance": record.balance,
            "credits_invoice": record.credits_invoice,
            "modified_at": record.modified_at,
            "read_at": batch.now,
        }
        for record in records
    ]
    batch.save(tables.credit_note, ((old.get(str(row["ref"])), row) for row in rows))
    for record in records:
        if known := old.get(record.id):
            _note_credit(batch, record, known)
    for record in _come_later(batch, records, old):
        where = Where(record.customer_id, record.id)
        batch.note("credit_note_seen", where, after=record.balance)


def write_payments(batch: Batch, records: Sequence[Payment]) -> None:
    """Make the mirrored payments and allocations equal to these, unless newer are mirrored."""
    old = batch.known(tables.payment, {record.id for record in records})
    records = newest(records, old)
    customers = batch.customers({record.customer_id for record in records})
    rows = [_payment(batch, record, customers[record.customer_id]) for record in records]
    batch.save(tables.payment, ((old.get(row["ref"]), row) for row in rows))
    ids = batch.ids(tables.payment, [record.id for record in records])
    parts = {ids[record.id]: _allocations(record) for record in records}
    moved = _replace(batch, tables.allocation, "payment_id", parts)
    for record, new in zip(records, rows, strict=True):
        if known := old.get(record.id):
            _note_payment(batch, record, known, new, ids[record.id] in moved)
    for record in _come_later(batch, records, old):
        text = f"payment {record.id}"
        batch.note("payment_seen", Where(record.customer_id), after=record.amount, text=text)


def _come_later(
    batch: Batch, records: Sequence[Versioned], old: Mapping[str, Values]
) -> list[Versioned]:
    """The records that are new after the first complete pull: their own dates say when money came
    or a credit was issued, not since when that is known here."""
    new = [record for record in records if record.id not in old]
    return new if new and batch.before.read_whole else []


def _note_credit(batch: Batch, record: CreditNote, old: Values) -> None:
    """Note that more or less of a credit note is left, or that it stands differently."""
    if (old["balance"], old["state"]) == (record.balance, record.state):
        return
    moved = "" if old["state"] == record.state else f"{old['state']} -> {record.state}"
    where = Where(record.customer_id, record.id)
    batch.note("credit_note", where, before=old["balance"], after=record.balance, text=moved)


def _replace(
    batch: Batch, table: Table, parent: str, wanted: Mapping[int, list[Values]]
) -> frozenset[int]:
    """Make the children of these parents equal `wanted`, in order; the parents that changed."""
    query = select(table).where(table.c[parent].in_(listed())).order_by(table.c.id)
    before: dict[int, list[Values]] = defaultdict(list)
    for row in batch.all(query, wanted):
        values = row._asdict()
        del values["id"]
        before[values.pop(parent)].append(values)
    changed = [key for key, rows in wanted.items() if rows != before[key]]
    batch.delete(table, parent, [key for key in changed if before[key]])
    batch.insert(table, [{parent: key, **row} for key in changed for row in wanted[key]])
    return frozenset(changed)


def _note_payment(
    batch: Batch, record: Payment, old: Values, new: Values, reallocated: bool
) -> None:
    """Note a payment that was changed upstream, or taken back."""
    watched = ("state", "paid_on", "currency", "amount", "unallocated", "customer_id")
    moved = [name for name in watched if old[name] != new[name]]
    moved += ["allocations"] if reallocated else []
    if not moved:
        return
    gone = record.state in (PaymentState.VOID, PaymentState.RETURNED) and "state" in moved
    batch.note(
        "payment_gone" if gone else "payment_changed",
        Where(record.customer_id),
        before=old["amount"],
        after=0 if gone else record.amount,
        text=f"payment {record.id}: " + ", ".join(_change(name, old, new) for name in moved),
    )


def _change(name: str, old: Values, new: Values) -> str:
    if name in ("customer_id", "allocations"):
        return name.removesuffix("_id")
    return f"{name} {old[name]} -> {new[name]}"


def _customer(batch: Batch, record: Customer) -> Values:
    return {
        "ref": record.id,
        "name": record.name,
        "number": record.number,
        "language": record.language,
        "country": record.country,
        "region": record.region,
        "kind": str(record.kind),
        "address": record.address,
        "legal_id": record.legal_id,
        "tags": list(record.tags),
        "owner": record.owner,
        "policy": record.policy,
        "mandate": record.mandate,
        "credit_limit": record.credit_limit,
        "balances": None if record.balances is None else dict(record.balances),
        "active": record.active,
        "stub": False,
        "modified_at": record.modified_at,
        "read_at": batch.now,
    }


def _contacts(record: Customer) -> list[Values]:
    return [
        {
            "position": position,
            "ref": contact.id,
            "name": contact.name,
            "email": contact.email,
            "phone": contact.phone,
            "role": str(contact.role),
            "language": contact.language,
        }
        for position, contact in enumerate(record.contacts)
    ]


def _payment(batch: Batch, record: Payment, customer_id: int) -> Values:
    return {
        "ref": record.id,
        "customer_id": customer_id,
        "currency": record.currency,
        "paid_on": record.paid_on,
        "amount": record.amount,
        "unallocated": record.unallocated,
        "state": str(record.state),
        "reference": record.reference,
        "modified_at": record.modified_at,
        "read_at": batch.now,
    }


def _allocations(record: Payment) -> list[Values]:
    return [
        {"invoice_ref": part.invoice_id, "line_ref": part.line_id, "amount": part.amount}
        for part in record.allocations
    ]
