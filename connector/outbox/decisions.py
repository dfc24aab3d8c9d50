"""What people decide: made, taken back, and kept with its history."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from connector.errors import ConfigError
from connector.mirror import tables
from connector.mirror.decisions import endings, is_ending
from connector.mirror.lookup import Target
from connector.mirror.state import State
from connector.mirror.tables import Origin
from connector.receivables import money
from connector.receivables.records import Decision, DocumentState, Mark

DECISION: Table = tables.Decision.__table__  # type: ignore[attr-defined]
INVOICE: Table = tables.Invoice.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = tables.Customer.__table__  # type: ignore[attr-defined]
LEDGER: Table = tables.Ledger.__table__  # type: ignore[attr-defined]

_PEOPLES = (Origin.RELANCE.value, Origin.TRACE.value)
_OUTLIVES = (Mark.PROMISED.value, Mark.PLAN.value)
"""Marks that still say something once their day has passed."""

Values = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A decision as it is kept; `ended_on` is the day it was taken back or replaced.

    `about` is the invoice's number or the customer's name. `takes_back`: it only ended another.
    """

    decision: Decision
    about: str
    currency: str
    origin: str
    ended_on: date | None
    takes_back: bool
    noted: tuple[str, ...]

    def runs(self, today: date) -> bool:
        """Whether it is in force on a day, or still says something."""
        until = self.decision.until
        outlives = self.decision.mark.value in _OUTLIVES
        return not self.ended_on and (until is None or until >= today or outlives)

    def text(self) -> str:
        """The decision on one line."""
        made = self.decision
        amount = f" {money.text(made.amount, self.currency)} {self.currency}" if made.amount else ""
        until = f" until {made.until}" if made.until and not self.takes_back else ""
        code = f" {made.code}" if made.code else ""
        end = f", ended {self.ended_on}" if self.ended_on and not self.takes_back else ""
        verb = "taken back" if self.takes_back else "since"
        owner = f", {made.owner} sees to it" if made.owner else ""
        return (
            f"{self.about}: {made.mark}{code}{amount} {verb} {made.since}{until}{owner}{end}, "
            f"by {made.author or 'the accounting software'}: {made.because}"
        )


class Decisions:
    """The decisions of one firm, on a connection that waits for the disk."""

    def __init__(self, state: State) -> None:
        self.engine = state.outbox

    def make(self, target: Target, decision: Decision, now: datetime) -> None:
        """Keep a decision about an invoice or a customer; it replaces the one that runs."""
        self._add(target, asdict(decision), now)

    def end(self, target: Target, decision: Decision, now: datetime) -> int:
        """Take a mark back; `decision` says on which day, who and why. How many it ended.

        Raises:
            ConfigError: nothing of the kind is in force, or the product itself says so.
        """
        today, mark = decision.since, decision.mark
        running = [
            kept for kept in self.of(target) if kept.decision.mark is mark and kept.runs(today)
        ]
        own = [kept for kept in running if kept.origin in _PEOPLES]
        if not own and running:
            raise ConfigError(
                f"{target.name}: {mark} is said by the accounting software: change it there"
            )
        if not own:
            raise ConfigError(
                f"{target.name}: no {mark} is in force: relance mark {target.name} lists them"
            )
        values = asdict(decision) | {"until": date.fromordinal(today.toordinal() - 1)}
        self._add(target, values, now, ended_on=today)
        return len(own)

    def _add(
        self, target: Target, values: Values, now: datetime, ended_on: date | None = None
    ) -> None:
        about = {"customer_ref": target.customer_id, "invoice_ref": target.invoice_id}
        with self.engine.begin() as connection:
            add(connection, values | about, now, ended_on)

    def outcomes(self, since: date) -> tuple[int, dict[str, int]]:
        """Answers of customers that nobody has read, and what came of those read since a day."""
        with self.engine.connect() as connection:
            rows = _rows(connection, DECISION.c.mark == Mark.REPLY.value)
        unread = sum(not row["ended_on"] for row in rows)
        came = Counter(row["code"] for row in rows if is_ending(row) and row["since"] >= since)
        return unread, dict(sorted(came.items()))

    def of(self, target: Target | None = None) -> list[Kept]:
        """Every decision, oldest first, with its history; of one invoice or customer alone.

        A customer's are those about their invoices too.
        """
        where = []
        if target and target.invoice_id:
            where.append(DECISION.c.invoice_ref == target.invoice_id)
        elif target:
            where.append(DECISION.c.customer_ref == target.customer_id)
        with self.engine.connect() as connection:
            rows = _rows(connection, *where)
            firm = str(connection.execute(select(LEDGER.c.currency)).scalar() or "EUR")
            who = connection.execute(select(CUSTOMER.c.ref, CUSTOMER.c.name))
            names = {row.ref: row.name for row in who}
            bills = {
                row.ref: row
                for row in connection.execute(
                    select(INVOICE.c.ref, INVOICE.c.number, INVOICE.c.currency)
                )
            }
        return [_kept(row, names, bills, firm) for row in rows]

    def unnoted(self, today: date) -> list[tuple[Values, list[str]]]:
        """Decisions whose note is missing, with the invoices it is missing on.

        An invoice's belongs on that invoice; a customer's on each of their open invoices, also
        on those that come later while it is in force.
        """
        with self.engine.connect() as connection:
            rows = _rows(
                connection,
                DECISION.c.origin.in_(_PEOPLES),
                DECISION.c.traced_at.is_(None) | DECISION.c.invoice_ref.is_(None),
            )
            found = [(row, self._missing(connection, row, rows, today)) for row in rows]
        return [(row, missing) for row, missing in found if missing]

    def _missing(
        self, connection: Connection, row: Values, rows: Sequence[Values], today: date
    ) -> list[str]:
        if row["invoice_ref"] is not None:
            return [row["invoice_ref"]] if row["invoice_ref"] not in row["noted"] else []
        wanted = _open_invoices(connection, row["customer_ref"])
        if is_ending(row):
            # Only where the mark was noted there is something to take back.
            said = (other for other in rows if _same_about(other, row) and not is_ending(other))
            wanted &= {ref for other in said for ref in other["noted"]}
        elif row["ended_on"] or (
            row["until"] and row["until"] < today and row["mark"] not in _OUTLIVES
        ):
            return []
        return sorted(wanted - set(row["noted"]))

    def noted(self, decision_id: int, invoice_id: str, now: datetime) -> None:
        """The note stands on an invoice."""
        with self.engine.begin() as connection:
            (row,) = _rows(connection, DECISION.c.id == decision_id)
            noted = [*row["noted"], invoice_id] if invoice_id not in row["noted"] else row["noted"]
            connection.execute(
                update(DECISION)
                .where(DECISION.c.id == decision_id)
                .values(noted=noted, traced_at=now)
            )

    def currency(self, row: Values) -> str:
        """The currency of a decision's amount: its invoice's, else the firm's."""
        query = select(INVOICE.c.currency).where(INVOICE.c.ref == row["invoice_ref"])
        with self.engine.connect() as connection:
            found = connection.execute(query).scalar()
            return str(found or connection.execute(select(LEDGER.c.currency)).scalar() or "EUR")


def add(
    connection: Connection, values: Values, now: datetime, ended_on: date | None = None
) -> None:
    """Keep a decision; what it takes back or replaces is ended."""
    row = {
        "mark": str(values["mark"]),
        **{name: values[name] for name in ("since", "until", "amount", "because", "author")},
        **{name: values[name] for name in ("code", "owner", "customer_ref", "invoice_ref")},
        "origin": Origin.RELANCE.value,
        "ended_on": ended_on,
        # No finer than a note tells it, so that it is known again when read back.
        "made_at": now.replace(microsecond=now.microsecond // 1000 * 1000),
        "noted": [],
    }
    before = _rows(
        connection,
        DECISION.c.customer_ref == row["customer_ref"],
        DECISION.c.mark == row["mark"],
        DECISION.c.origin.in_(_PEOPLES),
    )
    while any(old["made_at"] == row["made_at"] for old in before):
        row["made_at"] += timedelta(milliseconds=1)  # two of one mark are told apart by it
    for old, day in zip(before, endings([*before, row]), strict=False):
        if day != old["ended_on"]:
            ended = update(DECISION).where(DECISION.c.id == old["id"])
            connection.execute(ended.values(ended_on=day))
    connection.execute(insert(DECISION).values(row))


def _rows(connection: Connection, *where: Any) -> list[Values]:
    query = select(DECISION).where(*where).order_by(DECISION.c.made_at, DECISION.c.id)
    return [row._asdict() for row in connection.execute(query)]


def _same_about(one: Values, other: Values) -> bool:
    return all(one[name] == other[name] for name in ("customer_ref", "invoice_ref", "mark"))


def _open_invoices(connection: Connection, customer_id: str) -> set[str]:
    query = (
        select(INVOICE.c.ref)
        .join(CUSTOMER, CUSTOMER.c.id == INVOICE.c.customer_id)
        .where(CUSTOMER.c.ref == customer_id, INVOICE.c.state == DocumentState.OPEN.value)
    )
    return set(connection.scalars(query))


def _kept(
    row: Values, names: Mapping[str, str], bills: Mapping[str, Any], firm_currency: str
) -> Kept:
    bill = bills.get(row["invoice_ref"])
    columns = ("since", "until", "amount", "because", "author", "code", "owner", "made_at")
    return Kept(
        decision=Decision(
            mark=Mark(row["mark"]),
            customer_id=row["customer_ref"],
            invoice_id=row["invoice_ref"],
            **{name: row[name] for name in columns},
        ),
        about=bill.number if bill else names.get(row["customer_ref"], row["customer_ref"]),
        currency=bill.currency if bill else firm_currency,
        origin=row["origin"],
        ended_on=row["ended_on"],
        takes_back=is_ending(row),
        noted=tuple(row["noted"]),
    )
