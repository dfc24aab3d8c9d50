"""What Tryton's receivable credit lines are: payments, and which invoices they went to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field

from connector.receivables.money import minor
from connector.receivables.records import Allocation, Payment, PaymentState
from providers.tryton.wire import Amount, Coded, Day, Row, Wire

ENTRY = (
    "party",
    "date",
    "maturity_date",
    "debit",
    "credit",
    "amount_second_currency",
    "second_currency.code",
    "reconciliation",
    "invoice_payment",
    "description",
    "move.state",
    "move.description",
    "write_date",
    "create_date",
)
OWNER = ("move", "additional_moves", "cancel_move")


class Move(Wire):
    """The booking that a line is part of."""

    id: int
    state: str
    description: str | None = None


class Entry(Row):
    """A receivable line; `invoice_payment` is the invoice that it was recorded on."""

    party: int | None = None
    date: Day
    maturity_date: Day | None = None
    debit: Amount
    credit: Amount
    amount_second_currency: Amount | None = None
    second_currency: Coded | None = Field(None, alias="second_currency.")
    reconciliation: int | None = None
    invoice_payment: int | None = None
    description: str | None = None
    move: Move = Field(alias="move.")

    def currency(self, home: str) -> str:
        """The line's own currency, else the firm's."""
        return (self.second_currency.code if self.second_currency else None) or home

    def amount(self, home: str) -> int:
        """Minor units of that currency, positive where it is owed to the firm."""
        if self.second_currency and self.amount_second_currency is not None:
            return minor(self.amount_second_currency, self.currency(home))
        return minor(self.debit - self.credit, home)


class Owner(Row):
    """An invoice and the moves that are its own."""

    move: int | None = None
    additional_moves: tuple[int, ...] = ()
    cancel_move: int | None = None


def owners_of(invoices: Iterable[Owner]) -> dict[int, int]:
    """Which invoice a move belongs to; a credit note's own move rather than what it cancels."""
    found: dict[int, int] = {}
    rows = list(invoices)
    for row in rows:
        others = [row.cancel_move] if row.cancel_move else []
        found |= dict.fromkeys([*row.additional_moves, *others], row.id)
    return found | {row.move: row.id for row in rows if row.move}


@dataclass(frozen=True, slots=True)
class Books:
    """What it takes to tell a payment: reconciled lines by group, moves of invoices, currency."""

    groups: Mapping[int, Sequence[Entry]]
    owners: Mapping[int, int]
    home: str


def to_payment(line: Entry, books: Books) -> Payment | None:
    """Map one credit line, None when it is part of an invoice or credit note.

    A line belongs to one invoice as a whole until it is reconciled; then it is spread over the
    invoices of its reconciliation, oldest due date first. Reconciled with no invoice at all (a
    cancelled booking), it is void. A booking that is still a draft is pending.

    Raises:
        ValueError: an amount that cannot be right.

    Source: Tryton 8.2, modules account and account_invoice, as a server answered.
    """
    if line.move.id in books.owners:
        return None
    currency, amount = line.currency(books.home), -line.amount(books.home)
    allocations: tuple[Allocation, ...] = ()
    if line.reconciliation:
        allocations = spread(line, books)
    elif line.invoice_payment:
        allocations = (Allocation(invoice_id=str(line.invoice_payment), amount=amount),)
    state = PaymentState.BOOKED if line.move.state == "posted" else PaymentState.PENDING
    if line.reconciliation and not allocations:
        state = PaymentState.VOID
    return Payment(
        id=str(line.id),
        customer_id=str(line.party),
        currency=currency,
        paid_on=line.date,
        amount=amount,
        unallocated=0 if line.reconciliation or allocations else amount,
        state=state,
        reference=line.description or line.move.description or "",
        allocations=allocations,
        modified_at=line.modified_at,
    )


def spread(line: Entry, books: Books) -> tuple[Allocation, ...]:
    """The parts of a reconciled line by invoice; of the group it takes its turn by date.

    Where the invoices are in another currency it goes to the first of them, whole.
    """
    group = books.groups.get(line.reconciliation or 0, ())
    owed = sorted(
        (entry for entry in group if entry.debit > 0 and entry.move.id in books.owners),
        key=lambda entry: (entry.maturity_date or entry.date, entry.id),
    )
    currency = line.currency(books.home)
    rest = {
        entry.id: entry.amount(books.home)
        for entry in owed
        if entry.currency(books.home) == currency
    }
    money = sorted(
        (entry for entry in group if entry.credit > 0 and entry.currency(books.home) == currency),
        key=lambda entry: (entry.invoice_payment is None, entry.date, entry.id),
    )
    for credit in money:
        left, parts = -credit.amount(books.home), []
        own_first = sorted(owed, key=lambda e: books.owners[e.move.id] != credit.invoice_payment)
        for entry in own_first:
            part = min(left, rest.get(entry.id, 0))
            if part > 0:
                invoice = str(books.owners[entry.move.id])
                parts.append(Allocation(invoice_id=invoice, line_id=str(entry.id), amount=part))
                rest[entry.id] -= part
                left -= part
        if credit.id == line.id and parts:
            return tuple(parts)
    if owed and not rest:
        whole = -line.amount(books.home)
        return (Allocation(invoice_id=str(books.owners[owed[0].move.id]), amount=whole),)
    return ()
