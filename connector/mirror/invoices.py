"""Writes invoices with their due lines, and what changed in them as events."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import select, update

from connector.mirror import tables
from connector.mirror.batch import Batch, Change, Where, newest
from connector.mirror.decisions import OF_INVOICES, Target, replace_decisions
from connector.mirror.lines import matched
from connector.mirror.statements import Values, listed, reading, refs
from connector.receivables.records import Decision, DocumentState, Invoice

Lines = Mapping[int, Mapping[str, Values]]


def write_invoices(batch: Batch, records: Sequence[Invoice]) -> None:
    """Make the mirrored invoices equal to these, unless a newer version is mirrored."""
    old = batch.known(tables.invoice, {record.id for record in records})
    records = newest(records, old)
    customers = batch.customers({record.customer_id for record in records})
    lines = _lines(batch, [row["id"] for row in old.values()]) if old else {}
    free = batch.free_id(tables.invoice) if len(old) < len(records) else 0
    changes: list[Change] = []
    of_lines: list[Change] = []
    for record in records:
        row = _row(batch, record, customers[record.customer_id])
        before = old.get(record.id)
        _note_invoice(batch, record, before)
        if before is None:
            row["id"], free = free, free + 1
        row_id = before["id"] if before else row["id"]
        changes.append((before, row))
        of_lines += _lines_of(batch, record, row_id, lines.get(row_id, {}), before)
    batch.save(tables.invoice, changes)
    batch.save(tables.due_line, of_lines)
    decisions: dict[Target, Sequence[Decision]] = {
        (record.customer_id, record.id): record.decisions for record in records
    }
    replace_decisions(batch, decisions, [record.id for record in records], OF_INVOICES)


def void_missing(batch: Batch, ids: Sequence[str]) -> None:
    """Note that the product no longer knows these documents: void, and nothing is owed on them."""
    for table, kind in ((tables.invoice, "invoice"), (tables.credit_note, "credit note")):
        query = (
            select(table.c.ref, tables.customer.c.ref.label("customer"), table.c.balance)
            .join(tables.customer, tables.customer.c.id == table.c.customer_id)
            .where(table.c.ref.in_(listed()), table.c.state != DocumentState.VOID)
        )
        for row in batch.all(query, ids):
            text = f"the product no longer knows this {kind}"
            batch.note("missing", Where(row.customer, row.ref), before=row.balance, text=text)
    _note_missing_lines(batch, ids)
    line, invoice, given = tables.due_line, tables.invoice, {"refs": refs(ids)}
    gone = select(invoice.c.id).where(
        invoice.c.ref.in_(listed()), invoice.c.state != DocumentState.VOID
    )
    batch.connection.execute(
        update(line)
        .where(line.c.invoice_id.in_(gone), line.c.balance != 0)
        .values(balance=0, settled_on=batch.today),
        given,
    )
    # Without a stamp any later version of the record wins, should it come back.
    void = {"state": DocumentState.VOID.value, "modified_at": None, "read_at": batch.now}
    balance = invoice.c.balance * 0  # stays unknown where the product gives none
    batch.connection.execute(
        update(invoice)
        .where(invoice.c.ref.in_(listed()), invoice.c.state != DocumentState.VOID)
        .values(balance=balance, open_balance=None, **void),
        given,
    )
    note = tables.credit_note
    batch.connection.execute(
        update(note)
        .where(note.c.ref.in_(listed()), note.c.state != DocumentState.VOID)
        .values(balance=0, **void),
        given,
    )


def _note_missing_lines(batch: Batch, ids: Sequence[str]) -> None:
    line, invoice, customer = tables.due_line, tables.invoice, tables.customer
    query = (
        select(customer.c.ref.label("customer"), invoice.c.ref.label("invoice"), line)
        .join(invoice, invoice.c.id == line.c.invoice_id)
        .join(customer, customer.c.id == invoice.c.customer_id)
        .where(
            invoice.c.ref.in_(listed()),
            invoice.c.state != DocumentState.VOID,
            line.c.balance != 0,
        )
        .order_by(line.c.id)
    )
    for row in batch.all(query, ids):
        where = Where(row.customer, row.invoice, row.ref)
        batch.note("settled", where, before=row.balance, after=0)


def _row(batch: Batch, record: Invoice, customer_id: int) -> Values:
    return {
        "ref": record.id,
        "number": record.number,
        "customer_id": customer_id,
        "currency": record.currency,
        "issued_on": record.issued_on,
        "sent_on": record.sent_on,
        "state": str(record.state),
        "total": record.total,
        "balance": record.balance,
        "open_balance": None,  # the contradiction was with the version before
        "reference": record.reference,
        "payment_reference": record.payment_reference,
        "pay_link": record.pay_link,
        "recipient": record.recipient,
        "policy": record.policy,
        "discount_until": record.discount_until,
        "discount": record.discount,
        "modified_at": record.modified_at,
        "read_at": batch.now,
    }


def _lines(batch: Batch, invoice_ids: Sequence[int]) -> Lines:
    found: dict[int, dict[str, Values]] = defaultdict(dict)
    for row in reading(tables.due_line, "invoice_id").rows(batch.connection, invoice_ids):
        found[row["invoice_id"]][row["ref"]] = row
    return found


def _note_invoice(batch: Batch, record: Invoice, before: Values | None) -> None:
    if before is None:
        if batch.before.read_whole:
            where = Where(record.customer_id, record.id)
            batch.note("invoice_seen", where, after=record.total)
    elif before["state"] != record.state:
        where = Where(record.customer_id, record.id)
        batch.note("state", where, text=f"{before['state']} -> {record.state}")


def _lines_of(
    batch: Batch, record: Invoice, invoice_id: int, known: Mapping[str, Values], before: object
) -> list[Change]:
    """What becomes of an invoice's lines: those it has, and those it no longer has."""
    changes: list[Change] = []
    present = matched(record.lines, known)
    for rank, (ref, line) in enumerate(present, 1):
        old = known.get(ref)
        row = {
            "invoice_id": invoice_id,
            "ref": ref,
            "rank": rank,
            "due_on": line.due_on,
            "amount": line.amount,
            "balance": line.balance,
            "first_seen_on": old["first_seen_on"] if old else batch.today,
            "settled_on": old and old["settled_on"],
            "reopened_on": old and old["reopened_on"],
            "gone_on": None,
        }
        if old:
            row |= _moved(batch, record, old, row, before)
        elif before:
            where = Where(record.customer_id, record.id, ref)
            batch.note("line_seen", where, after=line.balance)
        changes.append((old, row))
    refs_now = {ref for ref, _ in present} if known else ()
    for ref, old in known.items():
        if ref not in refs_now and old["gone_on"] is None:
            where = Where(record.customer_id, record.id, ref)
            batch.note("line_gone", where, before=old["balance"], after=0)
            changes.append((old, {"balance": 0, "gone_on": batch.today}))
    return changes


def _moved(
    batch: Batch, record: Invoice, old: Values, new: Values, before: object
) -> dict[str, date | None]:
    """Note what moved in a line; the dates that follow from it."""
    where = Where(record.customer_id, record.id, new["ref"])
    if old["due_on"] != new["due_on"]:
        batch.note("due_date", where, text=f"{old['due_on']} -> {new['due_on']}")
    was, now = old["balance"], new["balance"]
    if was == now:
        return {}
    if was > 0 >= now:
        batch.note("settled", where, before=was, after=now)
        return {"settled_on": batch.today}
    drafted = isinstance(before, dict) and before["state"] == DocumentState.DRAFT
    if now > 0 >= was and not drafted:
        batch.note("reopened", where, before=was, after=now)
        return {"settled_on": None, "reopened_on": batch.today}
    batch.note("balance", where, before=was, after=now)
    return {}
