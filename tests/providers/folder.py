"""Folders of CSV files for tests: a small one to change, and the ledger that all providers tell."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from connector.receivables import money
from providers.files import Files
from tests.ledger import COMPANY, CREDIT_NOTES, CUSTOMERS, INVOICES, PAYMENTS

AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
FILES = {
    "company.csv": "id,name,country,timezone,currency\nacme,Acme,FR,Europe/Paris,EUR\n",
    "customers.csv": "customer,name,language,country,email\n"
    "C1,Brasserie,fr,FR,compta@brasserie.example\n"
    "C2,Harrow,en,GB,\n",
    "invoices.csv": "invoice,line,customer,currency,issued_on,due_on,amount,balance,state\n"
    "F-1,,C1,EUR,2026-10-01,2026-10-31,1184.50,1184.50,open\n"
    "F-2,1,C2,GBP,2026-10-01,2026-10-31,100.00,100.00,open\n"
    "F-2,2,C2,GBP,2026-10-01,2026-11-30,200.00,200.00,open\n",
    "payments.csv": "payment,customer,currency,paid_on,amount,state,invoice,line,allocated\n"
    "P-1,C2,GBP,2026-11-02,30.00,booked,,,\n",
}


def folder(path: Path, **changed: str | bytes) -> Path:
    """The small folder, with files replaced (`invoices="…"`) or added."""
    files: dict[str, str | bytes] = dict(FILES)
    files |= {f"{name}.csv": content for name, content in changed.items()}
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (path / name).write_bytes(data)
    return path


def opened(path: Path) -> Files:
    """The provider on a folder, its clock standing at `AT`."""
    return Files(path, lambda: AT)


def ledger_folder(path: Path) -> Path:
    """The ledger of `tests.ledger` as an export would write it."""
    company = {name: getattr(COMPANY, name) for name in ("name", "country", "timezone", "currency")}
    _write(path / "company.csv", [{"id": "ledger", **company}])
    _write(path / "customers.csv", _customers())
    _write(path / "invoices.csv", _invoices())
    _write(path / "payments.csv", _payments())
    _write(
        path / "credit_notes.csv",
        (
            {
                "credit_note": note.id,
                "number": note.number,
                "customer": note.customer_id,
                "currency": note.currency,
                "issued_on": note.issued_on,
                "amount": money.text(note.total, note.currency),
                "balance": money.text(note.balance, note.currency),
                "state": note.state,
                "invoice": note.credits_invoice,
            }
            for note in CREDIT_NOTES
        ),
    )
    return path


def _write(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _customers() -> Iterator[Mapping[str, object]]:
    for customer in CUSTOMERS:
        contact = customer.contacts[0] if customer.contacts else None
        yield {
            "customer": customer.id,
            "name": customer.name,
            "number": customer.number,
            "language": customer.language,
            "country": customer.country,
            "kind": customer.kind,
            "tags": ";".join(customer.tags),
            "active": "yes" if customer.active else "no",
            "contact_name": contact and contact.name,
            "email": contact and contact.email,
            "role": contact and contact.role,
        }


def _invoices() -> Iterator[Mapping[str, object]]:
    for invoice in INVOICES:
        assert invoice.balance is not None
        for line in invoice.lines:
            yield {
                "invoice": invoice.id,
                "number": invoice.number,
                "line": line.id,
                "customer": invoice.customer_id,
                "currency": invoice.currency,
                "issued_on": invoice.issued_on,
                "due_on": line.due_on,
                "amount": money.text(line.amount, invoice.currency),
                "balance": money.text(line.balance, invoice.currency),
                "invoice_balance": money.text(invoice.balance, invoice.currency),
                "state": invoice.state,
                "reference": invoice.reference,
            }


def _payments() -> Iterator[Mapping[str, object]]:
    for payment in PAYMENTS:
        for part in payment.allocations or (None,):
            yield {
                "payment": payment.id,
                "customer": payment.customer_id,
                "currency": payment.currency,
                "paid_on": payment.paid_on,
                "amount": money.text(payment.amount, payment.currency),
                "state": payment.state,
                "reference": payment.reference,
                "invoice": part and part.invoice_id,
                "line": part and part.line_id,
                "allocated": part and money.text(part.amount, payment.currency),
            }
