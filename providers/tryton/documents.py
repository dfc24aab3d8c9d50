"""What Tryton's customer invoices are in the field's own words: due lines and credit notes too."""

from collections import defaultdict
from datetime import date
from typing import Literal

from pydantic import Field

from connector.receivables.money import minor
from connector.receivables.records import CreditNote, DocumentState, DueLine, Invoice
from providers.tryton.wire import Amount, Coded, Day, Row, Wire

INVOICE = (
    "number",
    "state",
    "party",
    "currency.code",
    "invoice_date",
    "total_amount",
    "amount_to_pay",
    "reference",
    "cancel_move.origin",
    "lines_to_pay.maturity_date",
    "lines_to_pay.debit",
    "lines_to_pay.credit",
    "lines_to_pay.amount_second_currency",
    "lines_to_pay.second_currency",
    "lines_to_pay.reconciliation",
    "write_date",
    "create_date",
)
INVOICE_OPTIONAL = ("customer_payment_reference", "origin_invoices")


class DueEntry(Wire):
    """A receivable line of an invoice's moves, amounts in the firm's currency and in its own."""

    id: int
    maturity_date: Day | None = None
    debit: Amount
    credit: Amount
    amount_second_currency: Amount | None = None
    second_currency: int | None = None
    reconciliation: int | None = None


class Origin(Wire):
    """What a move comes from: `account.invoice,20`."""

    origin: str | None = None


class Document(Row):
    """A posted customer invoice, or a credit note: then the amounts are negative."""

    number: str
    state: Literal["posted", "paid", "cancelled"]
    party: int
    currency: Coded = Field(alias="currency.")
    invoice_date: Day
    total_amount: Amount
    amount_to_pay: Amount
    reference: str | None = None
    customer_payment_reference: str | None = None
    origin_invoices: tuple[int, ...] = ()
    cancel_move: Origin | None = Field(None, alias="cancel_move.")
    entries: tuple[DueEntry, ...] = Field((), alias="lines_to_pay.")


def to_document(raw: Document, home: str) -> Invoice | CreditNote:
    """Map one invoice or credit note; `home` is the firm's currency.

    `amount_to_pay` is Tryton's own figure, less the payments recorded on the document. A posted
    document with nothing left to pay is settled, whether or not Tryton has processed it yet.

    Raises:
        ValueError: an amount or a line that cannot be right.

    Source: Tryton 8.2, module account_invoice, as a server answered.
    """
    currency = str(raw.currency.code)
    total, balance = minor(raw.total_amount, currency), minor(raw.amount_to_pay, currency)
    state = _state(raw, balance)
    if total < 0:
        return CreditNote(
            id=str(raw.id),
            number=raw.number,
            customer_id=str(raw.party),
            currency=currency,
            issued_on=raw.invoice_date,
            state=state,
            total=-total,
            balance=-balance,
            credits_invoice=str(raw.origin_invoices[0]) if raw.origin_invoices else None,
            modified_at=raw.modified_at,
        )
    return Invoice(
        id=str(raw.id),
        number=raw.number,
        customer_id=str(raw.party),
        currency=currency,
        issued_on=raw.invoice_date,
        state=state,
        total=total,
        balance=balance,
        lines=due_lines(raw, home, balance),
        reference=raw.reference or "",
        payment_reference=raw.customer_payment_reference or "",
        modified_at=raw.modified_at,
    )


def _state(raw: Document, balance: int) -> DocumentState:
    if raw.state == "posted" and balance:
        return DocumentState.OPEN
    if raw.state != "cancelled":
        return DocumentState.PAID
    # a credit note "with refund" is the move that cancels; else the firm's own cancellation
    origin = (raw.cancel_move.origin or "") if raw.cancel_move else ""
    credited = origin.startswith("account.invoice,")
    return DocumentState.CREDITED if credited else DocumentState.VOID


def due_lines(raw: Document, home: str, balance: int) -> tuple[DueLine, ...]:
    """The instalments by due date, settled ones with a balance of 0.

    Part payments are recorded on the invoice, not on a line: they are spread in due order, so
    that the balances add up to `balance`. Lines reconciled with one another (the old ones after
    "reschedule" or "delegate", and their counter line) are no longer owed by anybody.
    """
    groups: dict[int | None, list[DueEntry]] = defaultdict(list)
    for entry in raw.entries:
        groups[entry.reconciliation].append(entry)
    replaced = {
        reconciliation
        for reconciliation, group in groups.items()
        if reconciliation and sum(entry.debit - entry.credit for entry in group) == 0
    }
    entries = sorted(
        (entry for entry in raw.entries if entry.reconciliation not in replaced),
        key=lambda entry: (entry.maturity_date or date.max, entry.id),
    )
    amounts = {entry.id: _amount(entry, raw.currency, home) for entry in entries}
    open_ = [e.id for e in entries if raw.state == "posted" and e.reconciliation is None]
    if balance and not open_:
        raise ValueError(f"{balance} is left to pay and no line is open")
    covered = sum(amounts[number] for number in open_) - balance
    balances: dict[int, int] = {}
    for number in open_[:-1]:
        part = max(0, min(amounts[number], covered))
        balances[number] = amounts[number] - part
        covered -= part
    if open_:  # the last takes what remains: the sum is Tryton's figure in any case
        balances[open_[-1]] = amounts[open_[-1]] - covered
    return tuple(
        DueLine(
            id=str(entry.id),
            due_on=entry.maturity_date,
            amount=amounts[entry.id],
            balance=balances.get(entry.id, 0),
        )
        for entry in entries
    )


def _amount(entry: DueEntry, currency: Coded, home: str) -> int:
    """Minor units that a line owes in its invoice's currency."""
    code = str(currency.code)
    if entry.second_currency == currency.id and entry.amount_second_currency is not None:
        return minor(entry.amount_second_currency, code)
    if code == home:
        return minor(entry.debit - entry.credit, home)
    raise ValueError(f"line {entry.id} is not in {code}, the currency of its invoice")
