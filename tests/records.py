"""Reading a provider whole, and what its records are compared by."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from connector.contract import Page, Provider, ProviderSpec, Trace
from connector.receivables.records import (
    CreditNote,
    Customer,
    DocumentState,
    Invoice,
    Message,
    Past,
    Payment,
    Record,
)

Key = tuple[type, str]


def key_of(record: Record) -> Key:
    return type(record), record.invoice_id + record.stage + record.n if isinstance(
        record, Past
    ) else record.id


def gather(pages: Sequence[Page]) -> dict[Key, Record]:
    """All records of a read, the newest version of each."""
    return {key_of(record): record for page in pages for record in page.records}


def read(provider: Provider, spec: ProviderSpec) -> dict[Key, Record]:
    """Every record of a first read of every kind."""
    pages = [page for kind in spec.kinds for page in provider.changes(kind, None)]
    return gather(pages)


def only(records: dict[Key, Record], type_: type) -> dict[str, object]:
    return {key[1]: record for key, record in records.items() if key[0] is type_}


def unstamped(record: Record) -> Record:
    return record if isinstance(record, Past) else replace(record, modified_at=None)


def owed(record: Record) -> int:
    """The signed balance of a document as the open set has it; 0 for anything else."""
    match record:
        case Invoice(state=DocumentState.OPEN):
            return (
                sum(part.balance for part in record.lines)
                if record.balance is None
                else record.balance
            )
        case CreditNote(state=DocumentState.OPEN):
            return -record.balance
    return 0


def open_invoice(provider: Provider, spec: ProviderSpec) -> Invoice:
    found = [r for r in read(provider, spec).values() if isinstance(r, Invoice) and owed(r) > 0]
    assert found, "the ledger of a contract test needs an open invoice"
    return found[0]


def reachable(provider: Provider, spec: ProviderSpec) -> tuple[Invoice, str]:
    """An open invoice whose customer has a contact with an e-mail address, and that address."""
    records = read(provider, spec)
    for record in records.values():
        if isinstance(record, Invoice) and owed(record) > 0:
            customer = records[Customer, record.customer_id]
            assert isinstance(customer, Customer)
            for contact in customer.contacts:
                if contact.email:
                    return record, contact.email
    raise AssertionError("no customer with something open has an e-mail address")


def note_of(invoice: Invoice, key: str, reference: str) -> str:
    trace = Trace(
        invoice_id=invoice.id,
        on=date(2026, 11, 20),
        line_key=key,
        reminder_key=reference,
        stage="friendly",
        installation="contract",
    )
    return f"{trace.text()}\nRelance amicale envoyée"


def message_to(
    invoice: Invoice, reference: str, to: str = "Comptabilité <compta@client.example>"
) -> Message:
    words = f"Facture {invoice.number} échue. Ref. {reference}"
    return Message(
        customer_id=invoice.customer_id,
        invoice_ids=(invoice.id,),
        to=(to,),
        language="fr",
        subject=f"Facture {invoice.number} échue",
        text=words,
        html=f"<p>{words}</p>",
        reference=reference,
    )


def amounts(record: Record) -> list[object]:
    match record:
        case Invoice():
            lines = [amount for part in record.lines for amount in (part.amount, part.balance)]
            return [record.total, *([] if record.balance is None else [record.balance]), *lines]
        case CreditNote():
            return [record.total, record.balance]
        case Payment():
            parts = [part.amount for part in record.allocations]
            return [record.amount, record.unallocated, *parts]
    return []


def days(record: Record) -> list[object]:
    match record:
        case Invoice():
            return [record.issued_on, record.sent_on, *(part.due_on for part in record.lines)]
        case CreditNote():
            return [record.issued_on]
        case Payment():
            return [record.paid_on]
    return []
