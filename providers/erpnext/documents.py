"""What ERPNext's sales invoices are in the field's own words: due lines and credit notes too."""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from connector.receivables.money import digits
from connector.receivables.records import CreditNote, DocumentState, DueLine, Invoice
from providers.erpnext.wire import Amount, Child, Day, Flag, Row, Text, cents, instant

BILL = (
    "customer",
    "docstatus",
    "posting_date",
    "due_date",
    "currency",
    "party_account_currency",
    "grand_total",
    "rounded_total",
    "base_grand_total",
    "base_rounded_total",
    "outstanding_amount",
    "status",
    "is_return",
    "return_against",
    "contact_email",
    "po_no",
)
TERM = ("idx", "due_date", "payment_amount", "outstanding", "payment_term")
TERM_OPTIONAL = ("base_payment_amount", "discount_date", "discount_type", "discount")


class Bill(Row):
    """A submitted or cancelled invoice. What is owed stands in the customer's account's currency.

    `status` is not to be relied on: the nightly job writes Overdue without moving `modified`.
    """

    customer: str
    docstatus: int
    posting_date: Day
    due_date: Day = None
    currency: str
    party_account_currency: Text = ""
    grand_total: Amount
    rounded_total: Amount = Decimal(0)
    base_grand_total: Amount
    base_rounded_total: Amount = Decimal(0)
    outstanding_amount: Amount
    status: Text = ""
    is_return: Flag = False
    return_against: Text = ""
    contact_email: Text = ""
    po_no: Text = ""

    @property
    def owed_in(self) -> str:
        """The currency of what is owed: the invoice's own, or the firm's."""
        return self.party_account_currency or self.currency

    @property
    def own(self) -> bool:
        """Whether the invoice is owed in the currency that is printed on it."""
        return self.owed_in == self.currency


class Term(Child):
    """A row of an invoice's payment schedule, in the invoice's currency and in the firm's."""

    idx: int = 0
    due_date: Day = None
    payment_amount: Amount
    base_payment_amount: Amount = Decimal(0)
    outstanding: Amount = Decimal(0)
    payment_term: Text = ""
    discount_date: Day = None
    discount_type: Literal["Percentage", "Amount", "", None] = None
    discount: Amount = Decimal(0)


def to_document(
    raw: Bill, terms: Sequence[Term], zone: ZoneInfo, pay_link: str = ""
) -> Invoice | CreditNote:
    """Map one invoice or return, in the currency in which ERPNext keeps what is owed.

    `outstanding_amount` is ERPNext's own figure. A return has one of its own when it was made to
    stand for itself; else it has lowered the invoice it was made against, and nothing is left.

    Raises:
        ValueError: an amount that cannot be right.

    Source: ERPNext 14 to 15, sales_invoice.json, taxes_and_totals.py, accounts/utils.py.
    """
    currency, own = raw.owed_in, raw.own
    rounded = raw.rounded_total if own else raw.base_rounded_total
    total = cents(rounded or (raw.grand_total if own else raw.base_grand_total), currency)
    void = raw.docstatus == 2
    balance = 0 if void else cents(raw.outstanding_amount, currency)
    if raw.posting_date is None:
        raise ValueError("it has no posting date")
    if raw.is_return:
        if not 0 <= -balance <= -total:
            raise ValueError(f"a return of {total} with {balance} outstanding")
        return CreditNote(
            id=raw.name,
            number=raw.name,
            customer_id=raw.customer,
            currency=currency,
            issued_on=raw.posting_date,
            state=_state(raw, balance),
            total=-total,
            balance=-balance,
            credits_invoice=raw.return_against or None,
            modified_at=instant(raw.modified, zone),
        )
    until, allowed = _discount(terms, total, currency)
    return Invoice(
        id=raw.name,
        number=raw.name,
        customer_id=raw.customer,
        currency=currency,
        issued_on=raw.posting_date,
        state=_state(raw, balance),
        total=total,
        balance=balance,
        lines=due_lines(raw, terms, total, balance),
        reference=raw.po_no,
        pay_link=pay_link,
        recipient=raw.contact_email.strip(),
        discount_until=until,
        discount=allowed,
        modified_at=instant(raw.modified, zone),
    )


def _state(raw: Bill, balance: int) -> DocumentState:
    if raw.docstatus == 2:
        return DocumentState.VOID
    if balance:
        return DocumentState.OPEN
    # written together with the amount, unlike Overdue
    credited = raw.status == "Credit Note Issued"
    return DocumentState.CREDITED if credited else DocumentState.PAID


def due_lines(raw: Bill, terms: Sequence[Term], total: int, balance: int) -> tuple[DueLine, ...]:
    """The instalments by due date, settled ones with a balance of 0; one line without a schedule.

    A schedule is made of what is left after advances and write-offs: these count with the first
    instalment. Payments lower a row only where they name its term; the others are spread in due
    order, so that the balances add up to what ERPNext says is outstanding.

    Raises:
        ValueError: the schedule is of more than the invoice.
    """
    if not terms:
        return (DueLine(due_on=raw.due_date, amount=total, balance=balance),)
    currency = raw.owed_in
    ordered = sorted(terms, key=lambda term: (term.due_date is None, term.due_date, term.idx))
    amounts = [
        cents(term.payment_amount if raw.own else term.base_payment_amount, currency)
        for term in ordered
    ]
    rest = total - sum(amounts)
    amounts[0 if rest > 0 else -1] += rest
    if -10 * rest > 10 ** digits(currency) or min(amounts) < 0:  # a tenth may be lost in rounding
        raise ValueError(f"its payment schedule is of {total - rest}, the invoice of {total}")
    if raw.own:
        left = [
            min(cents(term.outstanding, currency), amount)
            for term, amount in zip(ordered, amounts, strict=True)
        ]
    else:  # of a row the rest is known in the invoice's currency alone
        left = [
            amount if term.outstanding else 0 for term, amount in zip(ordered, amounts, strict=True)
        ]
    return tuple(
        DueLine(id=term.name, due_on=term.due_date, amount=amount, balance=part)
        for term, amount, part in zip(
            ordered, amounts, _spread(amounts, left, balance), strict=True
        )
    )


def _spread(amounts: Sequence[int], left: Sequence[int], balance: int) -> list[int]:
    """Balances that add up to `balance`: what is paid beyond `left` is taken from the earliest
    line on, what is owed beyond it is added from the latest on."""
    found = [0] * len(left) if balance == 0 else list(left)
    covered = sum(found) - balance
    for number, owed in enumerate(found):
        part = max(0, min(owed, covered))
        found[number] -= part
        covered -= part
    for number in reversed(range(len(found))):
        part = max(0, min(amounts[number] - found[number], -covered))
        found[number] += part
        covered += part
    found[-1] -= covered  # overpaid, or owed beyond the total: the sum is ERPNext's in any case
    return found


def _discount(terms: Sequence[Term], total: int, currency: str) -> tuple[date | None, int]:
    """The last day of an early-payment discount and its amount, where one instalment has it."""
    if len(terms) != 1 or not terms[0].discount_date or not terms[0].discount:
        return None, 0
    (term,) = terms
    if term.discount_type == "Amount":
        return term.discount_date, cents(term.discount, currency)
    part = (Decimal(total) * term.discount / 100).quantize(Decimal(1), ROUND_HALF_UP)
    return term.discount_date, int(part)
