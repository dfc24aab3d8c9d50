"""What Odoo's customer invoices are in the field's own words: due lines and credit notes too."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from connector.receivables.records import (
    CreditNote,
    Decision,
    DocumentState,
    DueLine,
    Invoice,
    Mark,
)
from providers.odoo.wire import Amount, Day, Pointer, Ref, Row, Text, cents, either

MOVE = "account.move"
LINE = "account.move.line"
TYPES = ["out_invoice", "out_refund", "out_receipt"]
DOCUMENT = (
    "name",
    "move_type",
    "state",
    "payment_state",
    "partner_id",
    "commercial_partner_id",
    "invoice_date",
    "date",
    "amount_total",
    "amount_residual",
    "currency_id",
    "ref",
    "payment_reference",
    "reversed_entry_id",
    "write_date",
)
DOCUMENT_OPTIONAL = ("no_followup", "access_token")
DUE = (
    "move_id",
    "date_maturity",
    "amount_currency",
    "amount_residual_currency",
)
# "no follow-up" was a mark of the line before it was one of the invoice
DUE_OPTIONAL = ("blocked", "no_followup", "discount_date", "discount_amount_currency")
# nothing is owed: paid, or on its way by a payment that the bank has not confirmed
SETTLED = ("paid", "in_payment", "reversed", "invoicing_legacy")
OWED = ("not_paid", "partial", "blocked")


def _of(company: int) -> list[object]:
    return [["move_type", "in", TYPES], ["company_id", "=", company]]


def posted(company: int, tells_before: bool) -> list[object]:
    """The domain of documents that are or once were posted: a draft that never was is none.

    `tells_before`: this server says so of each; else its number does.
    """
    before: list[object] = ["posted_before", "=", True]
    named: list[object] = ["name", "not in", [False, "", "/"]]
    return [*_of(company), *either([["state", "=", "posted"], before if tells_before else named])]


def owing(company: int) -> list[object]:
    """The domain of documents with something left to pay or to use."""
    return [
        *_of(company),
        ["state", "=", "posted"],
        ["payment_state", "not in", list(SETTLED)],
        ["amount_residual", "!=", 0],
    ]


class DueEntry(Row):
    """A receivable line of an invoice, in the invoice's currency."""

    move_id: Ref
    date_maturity: Day = None
    amount_currency: Amount
    amount_residual_currency: Amount
    blocked: bool = False
    no_followup: bool = False
    discount_date: Day = None
    discount_amount_currency: Amount | None = None


class Document(Row):
    """A customer invoice, receipt or credit note; amounts are positive in each."""

    name: Text
    move_type: Literal["out_invoice", "out_refund", "out_receipt"]
    state: Literal["draft", "posted", "cancel"]
    payment_state: Text
    partner_id: Ref
    commercial_partner_id: Ref
    invoice_date: Day = None
    date: Day = None
    amount_total: Amount
    amount_residual: Amount
    currency_id: Pointer
    ref: Text = ""
    payment_reference: Text = ""
    reversed_entry_id: Ref = None
    no_followup: bool = False
    access_token: Text = ""

    @property
    def currency(self) -> str:
        """The ISO 4217 code, which is the currency's name."""
        return self.currency_id.name if self.currency_id else ""

    @property
    def customer(self) -> str:
        """Who owes: the company of the contact that the invoice is addressed to."""
        return str(self.commercial_partner_id or self.partner_id)

    @property
    def balance(self) -> int:
        """Minor units still owed, or still to be used of a credit note."""
        if self.state != "posted" or self.payment_state in SETTLED:
            return 0
        return cents(self.amount_residual, self.currency)


def to_document(raw: Document, entries: Sequence[DueEntry], shop: str = "") -> Invoice | CreditNote:
    """Map one invoice or credit note; `shop` is the address of the customers' pages, if any.

    `amount_residual` of a document that is cancelled, or on its way to be paid, is not owed.

    Raises:
        ValueError: an amount or a date that cannot be right.

    Source: Odoo 17.0 and 19.0, module account, as servers answered.
    """
    currency, balance = raw.currency, raw.balance
    total, issued_on = cents(raw.amount_total, currency), raw.invoice_date or raw.date
    if not issued_on:
        raise ValueError("it has no date")
    if raw.move_type == "out_refund":
        return CreditNote(
            id=str(raw.id),
            number=raw.name,
            customer_id=raw.customer,
            currency=currency,
            issued_on=issued_on,
            state=_state(raw, balance, DocumentState.PAID),
            total=total,
            balance=balance,
            credits_invoice=str(raw.reversed_entry_id) if raw.reversed_entry_id else None,
            modified_at=raw.write_date,
        )
    state = _state(raw, balance, DocumentState.CREDITED)
    discount_until, discount = _discount(entries, currency)
    return Invoice(
        id=str(raw.id),
        number=raw.name,
        customer_id=raw.customer,
        currency=currency,
        issued_on=issued_on,
        state=state,
        total=total,
        balance=balance,
        lines=due_lines(entries, currency, open_=state is DocumentState.OPEN),
        reference=raw.ref,
        payment_reference=raw.payment_reference,
        pay_link=f"{shop}/my/invoices/{raw.id}?access_token={raw.access_token}"
        if shop and raw.access_token
        else "",
        decisions=decisions(raw, entries, issued_on) if state is DocumentState.OPEN else (),
        discount_until=discount_until,
        discount=discount,
        modified_at=raw.write_date,
    )


def _state(raw: Document, balance: int, reversed_: DocumentState) -> DocumentState:
    if raw.state == "cancel":
        return DocumentState.VOID
    if raw.state == "draft":
        return DocumentState.DRAFT
    if balance:
        return DocumentState.OPEN
    return reversed_ if raw.payment_state == "reversed" else DocumentState.PAID


def due_lines(entries: Sequence[DueEntry], currency: str, *, open_: bool) -> tuple[DueLine, ...]:
    """The instalments by due date; those of a document that is not open are settled."""
    ordered = sorted(entries, key=lambda entry: (entry.date_maturity or date.max, entry.id))
    return tuple(
        DueLine(
            id=str(entry.id),
            due_on=entry.date_maturity,
            amount=cents(entry.amount_currency, currency),
            balance=cents(entry.amount_residual_currency, currency) if open_ else 0,
        )
        for entry in ordered
    )


def _discount(entries: Sequence[DueEntry], currency: str) -> tuple[date | None, int]:
    """The last day of an early-payment discount and its amount; instalments have none."""
    if len(entries) != 1 or not entries[0].discount_date:
        return None, 0
    (entry,) = entries
    if not entry.discount_amount_currency:
        return None, 0
    return entry.discount_date, cents(
        entry.amount_currency - entry.discount_amount_currency, currency
    )


def decisions(raw: Document, entries: Sequence[DueEntry], issued_on: date) -> tuple[Decision, ...]:
    """What somebody set in Odoo against reminding of this invoice; a state unknown to us holds it.

    Odoo does not tell since when: the invoice's own date stands for it.
    """
    marks = []
    if raw.no_followup or any(entry.no_followup or entry.blocked for entry in entries):
        marks.append((Mark.EXCLUDED, "No Follow-Up is set in Odoo"))
    if raw.payment_state == "blocked":
        marks.append((Mark.DISPUTED, "its payment is blocked in Odoo"))
    elif raw.payment_state not in OWED:
        marks.append((Mark.HOLD, f"its payment status in Odoo is {raw.payment_state!r}"))
    return tuple(
        Decision(
            mark=mark,
            since=issued_on,
            because=because,
            author="Odoo",
            customer_id=raw.customer,
            invoice_id=str(raw.id),
        )
        for mark, because in marks
    )
