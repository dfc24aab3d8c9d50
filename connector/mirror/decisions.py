"""Decisions: the product's own, kept equal to what the records say, and how people's end."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select, update

from connector.mirror import tables
from connector.mirror.batch import Batch
from connector.mirror.statements import Values, listed, refs
from connector.receivables.records import Decision, Mark

Target = tuple[str, str | None]
"""Customer, and invoice or None for the customer as a whole."""

_TOLD = (
    "customer_ref",
    "invoice_ref",
    "mark",
    "since",
    "until",
    "amount",
    "because",
    "author",
    "code",
    "owner",
)


def _in_force(within: ColumnElement[bool]) -> Select[Any]:
    decision = tables.decision
    product = decision.c.origin == tables.Origin.PRODUCT.value
    return select(decision).where(within, product, decision.c.ended_on.is_(None))


OF_INVOICES = _in_force(tables.decision.c.invoice_ref.in_(listed()))
OF_CUSTOMERS = _in_force(
    and_(tables.decision.c.customer_ref.in_(listed()), tables.decision.c.invoice_ref.is_(None))
)


def replace_decisions(
    batch: Batch,
    wanted: Mapping[Target, Sequence[Decision]],
    ids: Sequence[str],
    among: Select[Any],
) -> None:
    """Make the product's decisions in force equal `wanted`; `among` are those of these ids."""
    decision = tables.decision
    left: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for known in batch.all(among, ids) if batch.before.has_decisions else ():
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
    return tuple(row[name] for name in _TOLD)


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
        "code": mark.code,
        "owner": mark.owner,
        "origin": tables.Origin.PRODUCT.value,
        "made_at": batch.now,
    }


SEVERAL = frozenset({Mark.CALL, Mark.RESTART, Mark.BOUNCED, Mark.REPLY})
"""Marks of which one says nothing about another."""


def is_ending(row: Values) -> bool:
    """Whether a row only says who took a mark back, and why."""
    return row["until"] is not None and row["until"] < row["since"]


def endings(rows: Sequence[Values]) -> list[date | None]:
    """For each decision of one invoice or customer the day on which a later one ended it, or None.

    A mark taken back ends all before it. Made anew it replaces the one that runs; a promise whose
    day has passed stays, and so do an instalment of another day and terms from another day on.
    Rows that are ended stay so.
    """
    order = sorted(range(len(rows)), key=lambda at: rows[at]["made_at"])
    found: list[date | None] = [row.get("ended_on") for row in rows]
    for place, later in enumerate(order):
        for earlier in order[:place]:
            if found[earlier] is None and _ends(rows[later], rows[earlier]):
                found[earlier] = _day(rows[later])
    return found


def _ends(new: Values, old: Values) -> bool:
    if any(new[name] != old[name] for name in ("mark", "customer_ref", "invoice_ref")):
        return False
    if is_ending(new):
        return True
    if new["mark"] in SEVERAL:
        return False
    if new["mark"] == Mark.TERMS:  # earlier invoices keep the terms of their day
        return bool(old["since"] == new["since"])
    if new["mark"] == Mark.PLAN:
        return bool(old["until"] == new["until"])
    return old["until"] is None or old["until"] >= _day(new)


def _day(row: Values) -> date:
    """The day a decision was made; one about the past was made later than it holds from."""
    since: date = row["since"]
    made_at: datetime = row["made_at"]
    return since if is_ending(row) else max(since, made_at.date())


def words(decision: Values, money: str) -> str:
    """What a decision's note tells people: what was decided, then who says so and why."""
    told = decision["mark"].replace("_", " ").capitalize()
    if is_ending(decision):
        told += " taken back"
    elif decision["until"]:
        told += f" until {decision['until']}"
    about = [money, decision["code"], decision["owner"] and f"{decision['owner']} sees to it"]
    told = ", ".join([told, *(part for part in about if part)])
    return f"{told}\n{decision['author']}: {' '.join(decision['because'].split())}"


def said(words: str) -> tuple[str, str]:
    """Author and reason, read back from what `words` told; the whole where it has another shape."""
    _, _, last = words.partition("\n")
    author, colon, because = last.partition(": ")
    if colon and because and "\n" not in author:
        return author, because
    return "", " ".join(words.split())
