"""Books in the stand-in of Dolibarr: a small firm's, and the ledger that all providers tell."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from connector.receivables.records import (
    Allocation,
    Contact,
    CreditNote,
    Customer,
    CustomerKind,
    DocumentState,
    DueLine,
    Invoice,
    Payment,
    Record,
)
from providers.dolibarr import Dolibarr as Provider
from providers.dolibarr import connect
from tests.ledger import CREDIT_NOTES, CUSTOMERS, INVOICES
from tests.providers.alone import FREE, NoTokens
from tests.stand_ins.dolibarr import KEY, Dolibarr

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
KINDS = {CustomerKind.CONSUMER: "TE_PRIVATE", CustomerKind.PUBLIC: "TE_ADMIN"}
# what the invoices in other currencies are in the firm's own, as Dolibarr keeps them
IN_EUROS = {"11": "1852.31", "12": "331.22"}


def opened(books: Dolibarr, page: int = 0, **settings: str) -> Provider:
    """The provider as a firm without an administrator's key configures it."""
    given = {"URL": books.url, "KEY": KEY, "COMPANY": "Atelier Démo SARL"} | settings
    return connect(given, NoTokens(), FREE, page, lambda: AT)


def small(version: int = 23, zone: str = "Europe/Paris") -> Dolibarr:
    """Two customers with an invoice each: 1 of 1,080.00 due on 7 October, 2 of 600.00."""
    books = Dolibarr(version, zone)
    books.party(1, "Boulangerie Delacroix", email="compta@delacroix.example")
    books.party(2, "Müller Werkzeug GmbH", country_code="DE", default_lang="de_DE")
    books.person(1, 2, "buchhaltung@mueller.example")
    books.invoice(1, "1080", date(2026, 9, 7), date(2026, 10, 7))
    books.invoice(2, "600", date(2026, 9, 22), date(2026, 10, 22))
    return books


def number(id_: str) -> int:
    """`i3`, `c3` and `n1` are ids of the common ledger; credit notes come after its invoices."""
    return int(id_[1:]) + (len(INVOICES) if id_.startswith("n") else 0)


def ledger(version: int) -> Dolibarr:
    """The ledger of `tests.ledger` as a Dolibarr holds it."""
    books = Dolibarr(version)
    for one in CUSTOMERS:
        id_ = number(one.id)
        books.party(
            id_,
            one.name,
            country_code=one.country,
            default_lang=f"{one.language}_{one.country}",
            typent_code=KINDS.get(one.kind),
            status="1" if one.active else "0",
        )
        for contact in one.contacts:
            books.person(id_, id_, contact.email, lastname=contact.name)
    for invoice in INVOICES:
        id_ = number(invoice.id)
        total = Decimal(invoice.total) / 100
        foreign = Decimal(invoice.total) if invoice.currency == "JPY" else total
        home = IN_EUROS.get(str(id_))
        books.invoice(
            number(invoice.customer_id),
            home or str(total),
            invoice.issued_on,
            invoice.lines[-1].due_on,
            id_=id_,
            ref=invoice.number,
            currency=invoice.currency,
            foreign=foreign if home else None,
            ref_client=invoice.reference,
        )
    for note in CREDIT_NOTES:
        books.invoice(
            number(note.customer_id),
            str(-Decimal(note.total) / 100),
            note.issued_on,
            id_=number(note.id),
            type_=2,
            ref=note.number,
            source=number(note.credits_invoice or ""),
        )
    used, _ = (books.convert(number(note.id)) for note in CREDIT_NOTES)
    books.use(used, 7)
    books.documents[7].status, books.documents[7].paye = 2, 1
    books.documents[6].status, books.documents[6].close_code = 3, "abandon"
    books.pay(3, "333.33", ref="PAY-1")
    books.pay(4, "149.01", ref="PAY-2", num="VIR 4711")
    books.pay(5, "200.00", ref="PAY-3")
    # money on account is a deposit that was paid and made available
    deposit = books.invoice(4, "50", date(2026, 10, 5), date(2026, 10, 5), type_=3, ref="AC-1")
    books.pay(deposit, ref="PAY-4")
    books.convert(deposit)
    return books


def expected() -> Sequence[Record]:
    """What Dolibarr can tell of that ledger.

    It has no tags, no payment that is on its way, and one due date an invoice, the last; ids are
    its own, and a payment is told by each invoice it went to.
    """
    customers = [_customer(one) for one in CUSTOMERS]
    invoices = [_invoice(one) for one in INVOICES]
    notes: list[CreditNote] = [
        replace(
            note,
            id=str(number(note.id)),
            customer_id=note.customer_id[1:],
            credits_invoice=str(number(note.credits_invoice or "")),
        )
        for note in CREDIT_NOTES
    ]
    deposit = Invoice(
        id="16",
        number="AC-1",
        customer_id="4",
        currency="EUR",
        issued_on=date(2026, 10, 5),
        state=DocumentState.PAID,
        total=5000,
        balance=0,
        lines=(DueLine(due_on=date(2026, 10, 5), amount=5000, balance=0),),
    )
    payments = [
        _payment("3/PAY-1", "2", 33333, "PAY-1", "3"),
        _payment("4/PAY-2", "2", 14901, "VIR 4711", "4"),
        _payment("5/PAY-3", "3", 20000, "PAY-3", "5"),
        _payment("16/PAY-4", "4", 5000, "PAY-4", "16"),
        _payment("discount/3", "4", 5000, "", ""),
    ]
    return [*customers, *invoices, *notes, deposit, *payments]


def _customer(one: Customer) -> Customer:
    id_ = one.id[1:]
    contacts = tuple(
        Contact(id=id_, name=contact.name, email=contact.email, role=contact.role)
        for contact in one.contacts
    )
    return replace(one, id=id_, tags=(), contacts=contacts)


def _invoice(one: Invoice) -> Invoice:
    line = DueLine(due_on=one.lines[-1].due_on, amount=one.total, balance=one.balance or 0)
    return replace(one, id=one.id[1:], customer_id=one.customer_id[1:], lines=(line,))


def _payment(id_: str, owner: str, amount: int, reference: str, invoice: str) -> Payment:
    parts = (Allocation(invoice_id=invoice, amount=amount),) if invoice else ()
    return Payment(
        id=id_,
        customer_id=owner,
        currency="EUR",
        paid_on=date(2026, 10, 5),
        amount=amount,
        unallocated=0 if invoice else amount,
        reference=reference,
        allocations=parts,
    )
