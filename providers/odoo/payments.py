"""What Odoo's receivable credit lines are: payments, and which invoices they went to."""

from collections.abc import Mapping, Sequence

from connector.receivables.records import Allocation, Payment, PaymentState
from providers.odoo.wire import Amount, Day, Pointer, Ref, Row, Text, cents

PARTIAL = "account.partial.reconcile"
PAYMENT = "account.payment"
ENTRY = (
    "partner_id",
    "date",
    "parent_state",
    "amount_currency",
    "amount_residual_currency",
    "currency_id",
    "payment_id",
    "name",
    "ref",
    "write_date",
)
MATCH = ("debit_move_id", "credit_move_id", "credit_amount_currency")
# a payment is an entry until 17; from 18 on it may have none until the bank confirms it
TRANSIT = ("partner_id", "date", "amount", "currency_id", "state", "write_date")
TRANSIT_OPTIONAL = ("memo", "ref", "invoice_ids", "reconciled_invoice_ids")
STATES = {
    "draft": PaymentState.PENDING,
    "in_process": PaymentState.PENDING,
    "canceled": PaymentState.VOID,
    "cancel": PaymentState.VOID,
    "rejected": PaymentState.RETURNED,
}


def received(company: int) -> list[object]:
    """The domain of receivable credit lines that are no document's own, whoever booked them."""
    return [
        ["account_type", "=", "asset_receivable"],
        ["company_id", "=", company],
        ["move_id.move_type", "=", "entry"],
        ["partner_id", "!=", False],
        ["balance", "<", 0],
    ]


def in_transit(company: int) -> list[object]:
    """The domain of customers' payments without an entry in the books."""
    return [
        ["company_id", "=", company],
        ["payment_type", "=", "inbound"],
        ["partner_type", "=", "customer"],
        ["partner_id", "!=", False],
        ["move_id", "=", False],
    ]


class Entry(Row):
    """A receivable credit line that is no credit note's; amounts are negative."""

    partner_id: Ref
    date: Day
    parent_state: Text
    amount_currency: Amount
    amount_residual_currency: Amount
    currency_id: Pointer
    payment_id: Ref = None
    name: Text = ""
    ref: Text = ""


class Match(Row):
    """The part of a credit line that is set against a debit line, in the credit's currency."""

    debit_move_id: Ref
    credit_move_id: Ref
    credit_amount_currency: Amount


class Transit(Row):
    """A payment that is no entry in the books."""

    partner_id: Ref
    date: Day
    amount: Amount
    currency_id: Pointer
    state: Text
    memo: Text = ""
    ref: Text = ""
    invoice_ids: list[int] = []  # noqa: RUF012 (pydantic copies it)
    reconciled_invoice_ids: list[int] = []  # noqa: RUF012


def to_payment(
    raw: Entry, matches: Sequence[Match], owners: Mapping[int, int], customer: int
) -> Payment:
    """Map one credit line; `owners` are the invoices of debit lines.

    What is set against no invoice (a refund, a write-off) is neither allocated nor left over. A
    draft is money on its way where it is a payment; any other draft is none.

    Raises:
        ValueError: an amount or a date that cannot be right.

    Source: Odoo 17.0 and 19.0, module account, as servers answered.
    """
    currency = raw.currency_id.name if raw.currency_id else ""
    if not raw.date:
        raise ValueError("it has no date")
    state = PaymentState.BOOKED
    if raw.parent_state != "posted":
        draft = raw.parent_state == "draft" and raw.payment_id
        state = PaymentState.PENDING if draft else PaymentState.VOID
    left = -cents(raw.amount_residual_currency, currency)
    parts = tuple(
        Allocation(
            invoice_id=str(owners[match.debit_move_id or 0]),
            line_id=str(match.debit_move_id),
            amount=cents(match.credit_amount_currency, currency),
        )
        for match in matches
        if match.debit_move_id in owners
    )
    return Payment(
        id=str(raw.id),
        customer_id=str(customer),
        currency=currency,
        paid_on=raw.date,
        amount=-cents(raw.amount_currency, currency),
        unallocated=0 if state is PaymentState.VOID else max(0, left),
        state=state,
        reference=raw.ref or raw.name,
        allocations=() if state is PaymentState.VOID else parts,
        modified_at=raw.write_date,
    )


def to_transit(raw: Transit, customer: int) -> Payment:
    """Map one payment without an entry; with one invoice it is set against that.

    Once the bank has confirmed it the bank's line is the money: this is then void.

    Raises:
        ValueError: an amount or a date that cannot be right.

    Source: Odoo 19.0, module account, as a server answered.
    """
    currency = raw.currency_id.name if raw.currency_id else ""
    if not raw.date:
        raise ValueError("it has no date")
    state, amount = STATES.get(raw.state, PaymentState.VOID), cents(raw.amount, currency)
    pending = state is PaymentState.PENDING
    invoices = raw.invoice_ids or raw.reconciled_invoice_ids
    parts: tuple[Allocation, ...] = ()
    if pending and len(invoices) == 1:
        parts = (Allocation(invoice_id=str(invoices[0]), amount=amount),)
    return Payment(
        id=f"payment-{raw.id}",
        customer_id=str(customer),
        currency=currency,
        paid_on=raw.date,
        amount=amount,
        unallocated=amount if pending and not parts else 0,
        state=state,
        reference=raw.memo or raw.ref,
        allocations=parts,
        modified_at=raw.write_date,
    )
