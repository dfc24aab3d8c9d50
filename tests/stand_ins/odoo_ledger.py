"""The ledger of `tests.ledger` in Odoo's own words, and what its records are there."""

from dataclasses import replace
from datetime import UTC, datetime

from connector.receivables.money import major
from connector.receivables.records import (
    CreditNote,
    Customer,
    CustomerKind,
    DocumentState,
    Invoice,
    Payment,
    PaymentState,
    Record,
    Role,
)
from tests.ledger import CREDIT_NOTES, CUSTOMERS, INVOICES, PAYMENTS
from tests.stand_ins.odoo import OdooServer
from tests.stand_ins.odoo_firm import (
    COMPANY,
    COUNTRIES,
    CURRENCIES,
    LANGUAGES,
    contact,
    document,
    furnish,
    match,
    money,
    partner,
)

AT = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def amount(minor: int, currency: str) -> float:
    """Money as Odoo writes it: a binary float."""
    return float(major(minor, currency))


class Encoded:
    """A stand-in that holds the ledger; `expected` is how its records are to be told."""

    def __init__(self, version: int) -> None:
        self.odoo = OdooServer(version, clock=lambda: AT)
        furnish(self.odoo)
        self.ids: dict[str, str] = {}
        self.expected: list[Record] = [
            *(self._customer(record) for record in CUSTOMERS),
            *(self._invoice(record) for record in INVOICES),
            *(self._credit_note(record) for record in CREDIT_NOTES),
            *(self._payment(record) for record in PAYMENTS),
        ]
        partner(self.odoo, "Un fournisseur", customer_rank=0)  # who is no customer
        document(
            self.odoo, self._of("c1"), (None, 5.0), name=False, state="draft", posted_before=False
        )

    def _of(self, name: str) -> int:
        return int(self.ids[name])

    def _customer(self, record: Customer) -> Customer:
        number = partner(
            self.odoo,
            record.name,
            ref=record.number,
            lang=LANGUAGES[record.language],
            country_id=COUNTRIES[record.country],
            is_company=record.kind is not CustomerKind.CONSUMER,
            active=record.active,
            category_id=[self.odoo.add("res.partner.category", name=tag) for tag in record.tags],
        )
        self.ids[record.id] = str(number)
        contacts = []
        for given in record.contacts:
            assert given.role is Role.INVOICE
            child = contact(self.odoo, number, given.email, name=given.name, lang=False)
            contacts.append(replace(given, id=str(child)))
        # Odoo does not know public bodies
        kind = CustomerKind.BUSINESS if record.kind is CustomerKind.PUBLIC else record.kind
        return replace(record, id=str(number), contacts=tuple(contacts), kind=kind)

    def _invoice(self, record: Invoice) -> Invoice:
        number = document(
            self.odoo,
            self._of(record.customer_id),
            *((line.due_on, amount(line.amount, record.currency)) for line in record.lines),
            name=record.number,
            on=record.issued_on,
            currency=record.currency,
            ref=record.reference,
            payment_reference=False,
        )
        if record.state is DocumentState.VOID:  # what is left to pay stands there all the same
            self.odoo.change("account.move", number, state="cancel")
        self.ids[record.id] = str(number)
        lines = self.odoo.get("account.move", number)["line_ids"]
        for given, line in zip(record.lines, lines, strict=True):
            self.ids[given.id] = str(line)
        return replace(
            record,
            id=str(number),
            customer_id=self.ids[record.customer_id],
            lines=tuple(replace(line, id=self.ids[line.id]) for line in record.lines),
        )

    def _credit_note(self, record: CreditNote) -> CreditNote:
        number = document(
            self.odoo,
            self._of(record.customer_id),
            (record.issued_on, amount(record.total, record.currency)),
            name=record.number,
            on=record.issued_on,
            move_type="out_refund",
            reversed_entry_id=self._of(record.credits_invoice or ""),
        )
        if used := record.total - record.balance:
            (line,) = self.odoo.get("account.move", number)["line_ids"]
            whole = self._of(f"{record.credits_invoice}.1")
            match(self.odoo, whole, line, amount(used, record.currency))
            credited = self._of(record.credits_invoice or "")
            self.odoo.change("account.move", credited, payment_state="reversed")
        self.ids[record.id] = str(number)
        return replace(
            record,
            id=str(number),
            customer_id=self.ids[record.customer_id],
            credits_invoice=self.ids[record.credits_invoice or ""],
        )

    def _payment(self, record: Payment) -> Payment:
        owner, whole = self._of(record.customer_id), amount(record.amount, record.currency)
        if record.state is PaymentState.PENDING:
            return self._pending(record, owner, whole)
        credit = money(self.odoo, owner, whole, on=record.paid_on, ref=record.reference)
        parts = []
        for part in record.allocations:
            line = self.ids[part.line_id or f"{part.invoice_id}.1"]
            match(self.odoo, int(line), credit, amount(part.amount, record.currency))
            parts.append(replace(part, invoice_id=self.ids[part.invoice_id], line_id=line))
        customer = self.ids[record.customer_id]
        return replace(record, id=str(credit), customer_id=customer, allocations=tuple(parts))

    def _pending(self, record: Payment, owner: int, whole: float) -> Payment:
        """Money on its way: from 18 on a payment without an entry, before that a draft entry,
        which is set against nothing."""
        invoices = [self._of(part.invoice_id) for part in record.allocations]
        values = {"amount": whole, "date": str(record.paid_on), "partner_id": owner}
        values |= {"currency_id": CURRENCIES[record.currency], "company_id": COMPANY}
        values |= {"payment_type": "inbound", "partner_type": "customer"}
        customer = self.ids[record.customer_id]
        if self.odoo.version >= 18:
            number = self.odoo.add(
                "account.payment", state="in_process", invoice_ids=invoices, **values
            )
            (part,) = record.allocations
            parts = (replace(part, invoice_id=self.ids[part.invoice_id]),)
            return replace(record, id=f"payment-{number}", customer_id=customer, allocations=parts)
        number = self.odoo.add("account.payment", state="draft", **values)
        line = money(self.odoo, owner, whole, on=record.paid_on, state="draft", payment_id=number)
        move = self.odoo.get("account.move.line", line)["move_id"]
        self.odoo.change("account.payment", number, move_id=move)
        return replace(
            record, id=str(line), customer_id=customer, allocations=(), unallocated=record.amount
        )
