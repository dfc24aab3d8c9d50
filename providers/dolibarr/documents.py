"""What Dolibarr's customer invoices are in the field's own words, deposits and credit notes too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import ZoneInfo

from connector.receivables.records import (
    CreditNote,
    Decision,
    DocumentState,
    DueLine,
    Invoice,
    Mark,
)
from providers.dolibarr.wire import Number, Row, Text, Whole, cents, day, instant

DRAFT, VALIDATED, CLOSED = 0, 1, 2  # 3: abandoned
CREDIT_NOTE, DEPOSIT, PROFORMA = 2, 3, 4  # 0 standard, 1 replacement, 5 situation
# closed with less than the whole, and yet as good as paid
PAID_SHORT = ("discount_vat", "bankcharge", "withholdingtax")


class Stamped(Row):
    """A row with the stamp of its last change; older versions name it `datem` too."""

    date_modification: Whole = None
    datem: Whole = None

    @property
    def modified(self) -> int | None:
        return self.date_modification or self.datem


class Brief(Row):
    """What is left to pay of a document, and no more of it."""

    socid: Text = ""
    type: Whole = 0
    status: Whole = None
    statut: Whole = None
    total_ttc: Number = None
    totalpaid: Number = None
    totalcreditnotes: Number = None
    totaldeposits: Number = None
    remaintopay: Number = None
    multicurrency_code: Text = ""
    multicurrency_total_ttc: Number = None

    @property
    def state(self) -> int:
        """0 draft, 1 validated, 2 closed, 3 abandoned; under one of two names by version."""
        return (self.statut if self.status is None else self.status) or DRAFT

    @property
    def total(self) -> Decimal:
        return self.total_ttc or Decimal(0)

    @property
    def rest(self) -> Decimal:
        """Left to pay in the firm's currency: Dolibarr's figure; negative for a credit."""
        if self.remaintopay is not None:
            return self.remaintopay
        parts = (self.totalpaid, self.totalcreditnotes, self.totaldeposits)
        return self.total - sum((part for part in parts if part is not None), Decimal(0))

    @property
    def converted(self) -> bool:
        """Closed and yet with something over: a credit that was made available as a discount."""
        return self.state == CLOSED and self.rest < 0

    def currency(self, home: str) -> str:
        return self.multicurrency_code or home

    def own(self, amount: Decimal, home: str) -> int:
        """Minor units of the document's own currency; Dolibarr counts in the firm's.

        The rate is that of the document's totals, as Dolibarr itself uses it for payments.
        """
        currency, foreign = self.currency(home), self.multicurrency_total_ttc
        if currency == home or foreign is None or not self.total:
            return cents(amount, currency)
        return cents(amount * foreign / self.total, currency)


class Document(Brief, Stamped):
    """An invoice, a deposit or a credit note (then the amounts are negative)."""

    ref: Text = ""
    ref_client: Text = ""
    ref_customer: Text = ""
    entity: Text = ""
    close_code: Text = ""
    date: Whole = None
    date_creation: Whole = None
    date_validation: Whole = None
    date_lim_reglement: Whole = None
    fk_facture_source: Text = ""
    multicurrency_tx: Number = None
    online_payment_url: Text = ""
    dispute_status: Whole = None
    retained_warranty: Number = None
    retained_warranty_date_limit: Whole = None
    last_main_doc: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What it takes to map a document: the server's zone, the firm's currency, and of converted
    credit notes the part that is still available, by id, in the firm's currency."""

    zone: ZoneInfo
    home: str
    available: Mapping[str, Decimal] = field(default_factory=dict)
    pay_link: bool = False


def to_document(raw: Document, books: Books) -> Invoice | CreditNote | None:
    """Map one document, None for a draft or a pro forma.

    A validated invoice with nothing left to pay is paid, whether or not somebody closed it. One
    that was closed with something left is void, unless the rest was a discount or a charge.

    Raises:
        ValueError: an amount, a currency or a date that cannot be right.

    Source: Dolibarr 19.0.2 and 23.0.0, module Facture, as servers answered.
    """
    if raw.state == DRAFT or raw.type == PROFORMA:
        return None
    issued = raw.date or raw.date_validation or raw.date_creation
    if issued is None:
        raise ValueError("the document has no date")
    currency, total = raw.currency(books.home), raw.own(raw.total, books.home)
    issued_on = day(issued, books.zone)
    if raw.type == CREDIT_NOTE:
        balance = _credit(raw, books)
        settled = DocumentState.PAID if raw.state in (VALIDATED, CLOSED) else DocumentState.VOID
        return CreditNote(
            id=raw.id,
            number=raw.ref,
            customer_id=raw.socid,
            currency=currency,
            issued_on=issued_on,
            state=DocumentState.OPEN if balance else settled,
            total=abs(total),
            balance=min(balance, abs(total)),
            credits_invoice=raw.fk_facture_source or None,
            modified_at=instant(raw.modified),
        )
    state = _state(raw)
    balance = raw.own(raw.rest, books.home) if state is DocumentState.OPEN else 0
    disputed = Decision(
        mark=Mark.DISPUTED,
        since=issued_on,
        because="marked as disputed in Dolibarr",
        customer_id=raw.socid,
        invoice_id=raw.id,
    )
    return Invoice(
        id=raw.id,
        number=raw.ref,
        customer_id=raw.socid,
        currency=currency,
        issued_on=issued_on,
        state=state,
        total=total,
        balance=balance,
        lines=due_lines(raw, total, balance, books),
        reference=raw.ref_client or raw.ref_customer,
        pay_link=raw.online_payment_url if books.pay_link else "",
        decisions=(disputed,) if raw.dispute_status else (),
        modified_at=instant(raw.modified),
    )


def _credit(raw: Document, books: Books) -> int:
    """What is left of a credit note: of a converted one, what nobody has used as a discount."""
    if raw.state == VALIDATED:
        return max(0, -raw.own(raw.rest, books.home))
    if raw.converted:
        return abs(raw.own(books.available.get(raw.id, Decimal(0)), books.home))
    return 0


def _state(raw: Document) -> DocumentState:
    left = bool(raw.rest)
    if raw.state == VALIDATED and left:
        return DocumentState.OPEN
    if raw.state > CLOSED:
        return DocumentState.VOID
    if raw.state == CLOSED and raw.rest > 0 and raw.close_code not in PAID_SHORT:
        return DocumentState.VOID
    if raw.totalcreditnotes and raw.totalcreditnotes >= raw.total > 0:
        return DocumentState.CREDITED
    return DocumentState.PAID


def due_lines(raw: Document, total: int, balance: int, books: Books) -> tuple[DueLine, ...]:
    """The one due date of an invoice; a retained guarantee is a line of its own, paid last."""
    due = raw.date_lim_reglement
    due_on = day(due, books.zone) if due else None
    percent, released = raw.retained_warranty, raw.retained_warranty_date_limit
    if not percent or not released:
        return (DueLine(due_on=due_on, amount=total, balance=balance),)
    kept = raw.own(raw.total * percent / 100, books.home)
    still = min(kept, max(balance, 0))
    return (
        DueLine(due_on=due_on, amount=total - kept, balance=balance - still),
        DueLine(due_on=day(released, books.zone), amount=kept, balance=still),
    )
