"""The ledger that every provider tells, as a site of ERPNext holds it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connector.receivables.money import major
from connector.receivables.records import (
    Allocation,
    CreditNote,
    Customer,
    CustomerKind,
    DocumentState,
    Invoice,
    Payment,
    PaymentState,
    Record,
)
from providers.erpnext import ErpNext, connect
from tests.ledger import CREDIT_NOTES, CUSTOMERS, INVOICES, RECORDS
from tests.providers.alone import FREE, NoTokens
from tests.stand_ins.erpnext import ErpNextSite

FIRM = "Atelier Démo"
PARIS = ZoneInfo("Europe/Paris")
GROUPS = {
    CustomerKind.PUBLIC: "Government",
    CustomerKind.CONSUMER: "Individual",
    CustomerKind.BUSINESS: "Commercial",
}
NAMES = {"FR": "France", "US": "United States"}
# of these invoices the payment terms are named in the payments
BY_TERM = ("i3", "i5")
NUMBERS = {record.id: record.number for record in (*CUSTOMERS, *INVOICES, *CREDIT_NOTES)}
"""In ERPNext the number is the name, and the name is the id."""


def books(version: int = 15, *roles: str) -> ErpNextSite:
    """A site with one company, a user with these roles, and nothing owed."""
    site = ErpNextSite(version)
    site.user("Accounts User", *roles)
    site.put(
        "Company",
        FIRM,
        company_name="Atelier Démo SARL",
        abbr="AD",
        country="France",
        default_currency="EUR",
        tax_id="FR12345678901",
        email="compta@demo.example",
        phone_no="04 72 00 00 00",
        creation=datetime.fromisoformat("2024-01-15 09:12:33.123456"),
    )
    for code, name in NAMES.items():
        site.put("Country", name, country_name=name, code=code.lower())
    site.put("Email Account", "Compta", enable_outgoing=1, default_outgoing=1)
    return site


def ledger(version: int = 15, *roles: str) -> ErpNextSite:
    """The same with the whole ledger in it."""
    site = books(version, *roles)
    for record in RECORDS:
        match record:
            case Customer():
                _customer(site, record)
            case Invoice():
                _invoice(site, record)
            case CreditNote():
                _credit_note(site, record)
            case Payment():
                _payment(site, record)
    return site


def told(records: Sequence[Record] = RECORDS) -> list[Record]:
    """The ledger as ERPNext can tell it: by its own names, a group among the tags."""
    return [_told(record) for record in records]


def _told(record: Record) -> Record:
    match record:
        case Customer():
            street = f"{record.id} rue de la Paix\n69001 Lyon\n{NAMES[record.country]}"
            tags = (GROUPS[record.kind], *record.tags)
            return replace(record, id=NUMBERS[record.id], address=street, tags=tags)
        case CreditNote():
            return replace(
                record,
                id=record.number,
                customer_id=NUMBERS[record.customer_id],
                credits_invoice=NUMBERS[record.credits_invoice or ""],
            )
        case Invoice():
            return replace(record, id=record.number, customer_id=NUMBERS[record.customer_id])
        case Payment():
            parts = tuple(
                replace(part, invoice_id=NUMBERS[part.invoice_id]) for part in record.allocations
            )
            return replace(record, customer_id=NUMBERS[record.customer_id], allocations=parts)
    raise AssertionError(record)


def _local(record: Any) -> datetime:
    stamp: datetime = record.modified_at
    return stamp.astimezone(PARIS).replace(tzinfo=None)


def _float(amount: int, currency: str) -> float:
    return float(major(amount, currency))


def _customer(site: ErpNextSite, record: Customer) -> None:
    name, local = record.number, _local(record)
    consumer = record.kind is CustomerKind.CONSUMER
    site.put(
        "Customer",
        name,
        modified=local,
        customer_name=record.name,
        customer_type="Individual" if consumer else "Company",
        customer_group=GROUPS[record.kind],
        language=record.language,
        disabled=int(not record.active),
        is_frozen=0,
        _user_tags="".join(f",{tag}" for tag in record.tags) or None,
    )
    mine = {"link_doctype": "Customer", "link_name": name}
    for contact in record.contacts:
        site.put(
            "Contact",
            contact.id,
            modified=local,
            first_name=contact.name,
            last_name=None,
            email_id=contact.email,
            is_primary_contact=1,
            is_billing_contact=1,
            links=[dict(mine)],
        )
    site.put(
        "Address",
        f"{record.name}-Billing",
        modified=local,
        address_type="Billing",
        address_line1=f"{record.id} rue de la Paix",
        pincode="69001",
        city="Lyon",
        country=NAMES[record.country],
        links=[dict(mine)],
    )


def bill(site: ErpNextSite, name: str, customer: str, total: float, **more: Any) -> None:
    """An invoice as ERPNext submits one: due at once, in one part, nothing paid."""
    currency = str(more.get("currency", "EUR"))
    due = str(more.get("due_date", "2026-10-20"))
    given: dict[str, Any] = {
        "docstatus": 1,
        "customer": customer,
        "company": FIRM,
        "posting_date": "2026-09-20",
        "due_date": due,
        "currency": currency,
        "party_account_currency": currency,
        "conversion_rate": 1.0,
        "grand_total": total,
        "rounded_total": 0,
        "base_grand_total": total,
        "base_rounded_total": 0,
        "outstanding_amount": total,
        "status": "Unpaid",
        "is_return": 0,
        "return_against": None,
        "contact_email": None,
        "po_no": None,
        "payment_schedule": [schedule(due, total)],
    }
    site.put("Sales Invoice", name, **(given | more))


def schedule(due: str | None, amount: float, **more: Any) -> dict[str, Any]:
    """A row of a payment schedule of which nothing is paid."""
    return {
        "due_date": due,
        "payment_amount": amount,
        "base_payment_amount": amount,
        "paid_amount": 0,
        "outstanding": amount,
        "payment_term": None,
    } | more


def _invoice(site: ErpNextSite, record: Invoice) -> None:
    status = {
        DocumentState.PAID: "Paid",
        DocumentState.VOID: "Cancelled",
        DocumentState.CREDITED: "Credit Note Issued",
    }.get(record.state, "Unpaid")
    by_term = record.id in BY_TERM
    rows = [
        schedule(
            line.due_on.isoformat() if line.due_on else None,
            _float(line.amount, record.currency),
            name=line.id,
            outstanding=_float(line.balance if by_term else line.amount, record.currency),
            payment_term=f"Part {number}" if by_term else None,
        )
        for number, line in enumerate(record.lines, start=1)
    ]
    # of a cancelled invoice ERPNext leaves what was outstanding as it stood
    void = record.state is DocumentState.VOID
    bill(
        site,
        record.number,
        NUMBERS[record.customer_id],
        _float(record.total, record.currency),
        modified=_local(record),
        docstatus=2 if void else 1,
        posting_date=record.issued_on.isoformat(),
        due_date=rows[-1]["due_date"] or "2026-11-01",
        currency=record.currency,
        rounded_total=_float(record.total, record.currency),
        outstanding_amount=_float(record.total if void else record.balance or 0, record.currency),
        status=status,
        po_no=record.reference,
        payment_schedule=rows,
    )


def _credit_note(site: ErpNextSite, record: CreditNote) -> None:
    bill(
        site,
        record.number,
        NUMBERS[record.customer_id],
        -_float(record.total, record.currency),
        modified=_local(record),
        posting_date=record.issued_on.isoformat(),
        outstanding_amount=-_float(record.balance, record.currency),
        status="Return",
        is_return=1,
        return_against=NUMBERS[record.credits_invoice or ""],
        update_outstanding_for_self=int(record.balance > 0),
        payment_schedule=[],
    )


def _payment(site: ErpNextSite, record: Payment) -> None:
    def part(allocation: Allocation) -> dict[str, Any]:
        return {
            "reference_doctype": "Sales Invoice",
            "reference_name": NUMBERS[allocation.invoice_id],
            "allocated_amount": _float(allocation.amount, record.currency),
            "payment_term": f"Part {allocation.line_id[-1]}" if allocation.line_id else None,
        }

    site.put(
        "Payment Entry",
        record.id,
        modified=_local(record),
        docstatus=0 if record.state is PaymentState.PENDING else 1,
        payment_type="Receive",
        party_type="Customer",
        party=NUMBERS[record.customer_id],
        company=FIRM,
        posting_date=record.paid_on.isoformat(),
        paid_amount=_float(record.amount, record.currency),
        unallocated_amount=_float(record.unallocated, record.currency),
        paid_from_account_currency=record.currency,
        reference_no=record.reference,
        references=[part(allocation) for allocation in record.allocations],
    )


def settings(site: ErpNextSite, **changed: str) -> dict[str, str]:
    return {"URL": site.url, "KEY": "key-daemon", "SECRET": "s3cret"} | changed


def opened(site: ErpNextSite, *, page: int = 5, **changed: str) -> ErpNext:
    return connect(settings(site, **changed), NoTokens(), FREE, page)


def days_ago(count: int) -> str:
    """A day as ERPNext writes it, for processes that run on the day they run."""
    return (date.today() - timedelta(days=count)).isoformat()  # noqa: DTZ011
