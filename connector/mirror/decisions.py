"""Keeps the product's own decisions equal to what the records say; those taken back are ended."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain

from sqlalchemy import ColumnElement, select, update

from connector.mirror import tables
from connector.mirror.batch import Batch, Values, listed, refs
from connector.receivables.records import Decision

Target = tuple[str, str | None]
"""Customer, and invoice or None for the customer as a whole."""


def replace_decisions(
    batch: Batch,
    wanted: Mapping[Target, Sequence[Decision]],
    within: ColumnElement[bool],
    ids: Sequence[str],
) -> None:
    """Make the product's decisions in force equal `wanted`, comparing among the rows `within`."""
    decision = tables.decision
    query = select(decision).where(
        within, decision.c.origin == tables.Origin.PRODUCT.value, decision.c.ended_on.is_(None)
    )
    left: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for known in batch.all(query, ids):
        left[_same(known._asdict())].append(known.id)
    new = []
    for (customer, invoice), marks in wanted.items():
        for mark in marks:
            row = _row(batch, customer, invoice, mark)
            if found := left[_same(row)]:
                found.pop()
            else:
                new.append(row)
    if over := list(chain.from_iterable(left.values())):
        ended = update(decision).where(decision.c.id.in_(listed())).values(ended_on=batch.today)
        batch.connection.execute(ended, {"refs": refs(over)})
    batch.insert(decision, new)


def _same(row: Values) -> tuple[object, ...]:
    names = ("customer_ref", "invoice_ref", "mark", "since", "until", "amount", "because", "author")
    return tuple(row[name] for name in names)


def _row(batch: Batch, customer: str, invoice: str | None, mark: Decision) -> Values:
    return {
        "customer_ref": customer,
        "invoice_ref": invoice,
        "mark": str(mark.mark),
        "since": mark.since,
        "until": mark.until,
        "amount": mark.amount,
        "because": mark.because,
        "author": mark.author,
        "origin": tables.Origin.PRODUCT.value,
        "made_at": batch.now,
    }
