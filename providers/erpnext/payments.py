"""What ERPNext's payment entries and journal entries are as payments: what went where."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from connector.receivables.records import Allocation, Payment, PaymentState
from providers.erpnext.wire import Amount, Child, Row, Text, cents, instant

ENTRY = (
    "docstatus",
    "party",
    "posting_date",
    "paid_amount",
    "unallocated_amount",
    "paid_from_account_currency",
    "reference_no",
)
PART = ("reference_doctype", "reference_name", "allocated_amount", "payment_term")
JOURNAL = ("docstatus", "company", "posting_date", "voucher_type", "cheque_no", "user_remark")
SIDE = (
    "docstatus",
    "party",
    "account_currency",
    "credit_in_account_currency",
    "debit_in_account_currency",
    "reference_type",
    "reference_name",
)
# an entry of these kinds moves what is owed, and no money has come in
NO_MONEY = ("Write Off Entry", "Exchange Gain Or Loss", "Credit Note", "Debit Note")
INVOICE, ORDER = "Sales Invoice", "Sales Order"
Lines = Mapping[tuple[str, str], str]
"""The id of an invoice's due line, by invoice and payment term."""


class Entry(Row):
    """Money received from a customer, in the currency of the customer's account."""

    docstatus: int
    party: str
    posting_date: date
    paid_amount: Amount
    unallocated_amount: Amount = Decimal(0)
    paid_from_account_currency: str
    reference_no: Text = ""


class Part(Child):
    """The part of a payment that was set against an invoice, an order or an entry."""

    reference_doctype: Text = ""
    reference_name: Text = ""
    allocated_amount: Amount = Decimal(0)
    payment_term: Text = ""


class Journal(Row):
    """An entry in the books by hand."""

    docstatus: int
    company: Text = ""
    posting_date: date
    voucher_type: Text = ""
    cheque_no: Text = ""
    user_remark: Text = ""


class Side(Child):
    """A line of a journal entry on a customer's account."""

    docstatus: int = 1
    party: Text = ""
    party_type: Text = ""
    account_currency: str
    credit_in_account_currency: Amount = Decimal(0)
    debit_in_account_currency: Amount = Decimal(0)
    reference_type: Text = ""
    reference_name: Text = ""


def to_payment(raw: Entry, parts: Sequence[Part], lines: Lines, zone: ZoneInfo) -> Payment:
    """Map one payment entry; a draft is pending, a cancelled one void.

    Money paid towards an order counts as set against nothing: no invoice has been lowered by it.

    Raises:
        ValueError: an amount that cannot be right.

    Source: ERPNext 14 to 15, payment_entry.json, payment_entry_reference.json.
    """
    currency = raw.paid_from_account_currency
    amount = cents(raw.paid_amount, currency)
    loose = cents(raw.unallocated_amount, currency)
    loose += sum(
        max(0, cents(part.allocated_amount, currency))
        for part in parts
        if part.reference_doctype == ORDER
    )
    allocations = _allocations(
        [
            (
                part.reference_name,
                lines.get((part.reference_name, part.payment_term), ""),
                cents(part.allocated_amount, currency),
            )
            for part in parts
            if part.reference_doctype == INVOICE
        ]
    )
    state = {0: PaymentState.PENDING, 2: PaymentState.VOID}.get(raw.docstatus, PaymentState.BOOKED)
    if state is PaymentState.VOID:
        loose, allocations = 0, ()
    # a credit note that is settled along with it, or a bank's fee, lets more be allocated
    amount = max(amount, loose + sum(part.amount for part in allocations))
    return Payment(
        id=raw.name,
        customer_id=raw.party,
        currency=currency,
        paid_on=raw.posting_date,
        amount=amount,
        unallocated=loose,
        state=state,
        reference=raw.reference_no,
        allocations=allocations,
        modified_at=instant(raw.modified, zone),
    )


def to_payments(raw: Journal, sides: Sequence[Side], zone: ZoneInfo) -> Iterator[Payment]:
    """What came in from each customer by one journal entry, nothing where none did.

    What it takes from a customer's account on one line and puts there on another is no money.

    Raises:
        ValueError: an amount that cannot be right.

    Source: ERPNext 14 to 15, journal_entry.json, journal_entry_account.json.
    """
    if raw.voucher_type in NO_MONEY:
        return
    theirs: dict[tuple[str, str], list[Side]] = defaultdict(list)
    for side in sides:
        theirs[side.party, side.account_currency].append(side)
    for (party, currency), mine in theirs.items():
        money = sum(
            cents(side.credit_in_account_currency - side.debit_in_account_currency, currency)
            for side in mine
        )
        if money <= 0:
            continue
        paid_in = [side for side in mine if side.credit_in_account_currency > 0]
        allocations = _allocations(
            [
                (side.reference_name, "", cents(side.credit_in_account_currency, currency))
                for side in paid_in
                if side.reference_type == INVOICE
            ]
        )
        loose = sum(
            cents(side.credit_in_account_currency, currency)
            for side in paid_in
            if not side.reference_name or side.reference_type == ORDER
        )
        void = raw.docstatus == 2
        set_against = 0 if void else sum(part.amount for part in allocations)
        amount = max(money, set_against)
        stamps = [stamp for stamp in (raw.modified, *(s.modified for s in mine)) if stamp]
        yield Payment(
            id=f"{raw.name}:{party}:{currency}",
            customer_id=party,
            currency=currency,
            paid_on=raw.posting_date,
            amount=amount,
            unallocated=0 if void else min(loose, amount - set_against),
            state=PaymentState.VOID if void else PaymentState.BOOKED,
            reference=raw.cheque_no or raw.user_remark,
            allocations=() if void else allocations,
            modified_at=instant(max(stamps, default=None), zone),
        )


def ended(data: str, company: str, zone: ZoneInfo) -> Iterator[Payment]:
    """The payments that a deleted document was, void; nothing of another company's.

    Raises:
        ValueError: the document does not read.
    """
    raw = json.loads(data)
    if not isinstance(raw, dict) or raw.get("company") != company:
        return
    raw |= {"docstatus": 2}
    if raw.get("doctype") == "Payment Entry":
        if (raw.get("party_type"), raw.get("payment_type")) == ("Customer", "Receive"):
            yield to_payment(Entry.model_validate(raw), (), {}, zone)
        return
    sides = [Side.model_validate(row) for row in raw.get("accounts") or ()]
    theirs = [side for side in sides if side.party_type == "Customer"]
    yield from to_payments(Journal.model_validate(raw), theirs, zone)


def _allocations(parts: Sequence[tuple[str, str, int]]) -> tuple[Allocation, ...]:
    """One for each invoice and line; what goes to a credit note is negative, and left out."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for invoice, line, amount in parts:
        if amount > 0:
            found[invoice, line] += amount
    return tuple(
        Allocation(invoice_id=invoice, line_id=line, amount=amount)
        for (invoice, line), amount in found.items()
    )
