"""What Dolibarr tells of money: the payments of an invoice, and discounts nobody has used yet."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connector.receivables.records import Allocation, Payment, PaymentState
from providers.dolibarr.documents import CREDIT_NOTE, Books, Document
from providers.dolibarr.wire import Number, Text, Whole, Wire, day


class Paid(Wire):
    """One line of an invoice's payments; an id is not among its fields."""

    amount: Number = None
    type: Text = ""
    typeline: Text = ""
    date: Text = ""
    num: Text = ""
    ref: Text = ""
    fk_bank_line: Text = ""

    @property
    def is_money(self) -> bool:
        """Credit notes, deposits and excesses that were applied are listed here too."""
        return self.typeline in ("", "payment") and "(" not in self.type


class Discount(Wire):
    """A discount of a customer, made of a credit note, a deposit or an excess."""

    rowid: Text
    factype: Whole = None
    fk_facture_source: Text = ""
    amount_ttc: Number = None
    fk_facture: Text = ""
    fk_facture_line: Text = ""

    @property
    def available(self) -> bool:
        return self.fk_facture in ("", "0") and self.fk_facture_line in ("", "0")

    @property
    def credits(self) -> bool:
        """Made of a credit note, which has the balance itself."""
        return self.factype == CREDIT_NOTE


def to_payments(raw: Document, rows: Sequence[Paid], books: Books) -> list[Payment]:
    """Map the payments of one invoice, each as the part of it that was set against this invoice.

    Its id is made of invoice and reference, alike in all versions: those that tell ids of
    payments do not tell their invoices. A negative payment takes an equal one back: a direct
    debit (PRE) is then returned by the bank, anything else void.

    Raises:
        ValueError: an amount or a date that cannot be right.

    Source: Dolibarr 19.0.2 and 23.0.0, /invoices/{id}/payments, as servers answered.
    """
    money = [row for row in rows if row.is_money and row.amount]
    returned = Counter(-(row.amount or Decimal(0)) for row in money if (row.amount or 0) < 0)
    found: list[Payment] = []
    names: Counter[str] = Counter()
    for row in money:
        amount = row.amount or Decimal(0)
        if amount < 0:
            continue
        name = row.ref or row.fk_bank_line or row.date[:10]
        names[name] += 1
        again = f"#{names[name]}" if names[name] > 1 else ""
        part = raw.own(amount, books.home)
        state = PaymentState.BOOKED
        if returned[amount] > 0:
            returned[amount] -= 1
            state = PaymentState.RETURNED if row.type == "PRE" else PaymentState.VOID
        found.append(
            Payment(
                id=f"{raw.id}/{name}{again}",
                customer_id=raw.socid,
                currency=raw.currency(books.home),
                paid_on=_day(row.date, books),
                amount=part,
                unallocated=0,
                state=state,
                reference=row.num or row.ref,
                allocations=(Allocation(invoice_id=raw.id, amount=part),),
            )
        )
    return found


def _day(text: str, books: Books) -> date:
    if text.isdecimal() and len(text) > 8:  # a stamp
        return day(int(text), books.zone)
    return date.fromisoformat(text[:10])


@dataclass(frozen=True, slots=True)
class Free:
    """Money that is set against nothing: an available deposit or excess, as the cursor keeps it."""

    customer_id: str
    amount: int
    paid_on: str
    currency: str

    def payment(self, rowid: str, *, used: bool = False) -> Payment:
        """The money as a payment; `used` when the discount is no longer available."""
        return Payment(
            id=f"discount/{rowid}",
            customer_id=self.customer_id,
            currency=self.currency,
            paid_on=date.fromisoformat(self.paid_on),
            amount=self.amount,
            unallocated=0 if used else self.amount,
            state=PaymentState.VOID if used else PaymentState.BOOKED,
        )


def to_free(raw: Discount, source: Document, books: Books) -> Free:
    """Map an available discount; `source` is the deposit or the overpaid invoice it came from."""
    return Free(
        customer_id=source.socid,
        amount=abs(source.own(raw.amount_ttc or Decimal(0), books.home)),
        paid_on=str(day(source.date or source.date_creation or 0, books.zone)),
        currency=source.currency(books.home),
    )
