"""A folder of CSV files as one checked ledger, whole or not at all."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from connector.contract import Company, Kind
from connector.receivables import terms
from connector.receivables.records import (
    CreditNote,
    Customer,
    Decision,
    DocumentState,
    Invoice,
    Mark,
    Past,
    Payment,
    Record,
)
from providers.files.csv import read
from providers.files.documents import (
    CREDIT_NOTES,
    INVOICES,
    PAYMENTS,
    Bill,
    bills,
    credit_notes,
    payments,
)
from providers.files.parties import COMPANY, CUSTOMERS, agreed, company, customers
from providers.files.rows import Problems, Row, Table, known

DECISIONS = Table(
    "decisions.csv",
    ("mark", "since"),
    ("invoice", "customer", "until", "amount", "because", "author"),
    needed=False,
)
HISTORY = Table(
    "history.csv",
    ("invoice", "stage", "on"),
    ("line", "n", "nth", "channel", "state", "deadline_on", "legal", "text"),
    needed=False,
)
TABLES = (COMPANY, CUSTOMERS, INVOICES, PAYMENTS, CREDIT_NOTES, DECISIONS, HISTORY)

STAGES = ("before_due", "friendly", "firm", "notice", "handover")
CHANNELS = ("email", "letter", "note", "call", "visit", "task")
ENDED = ("sent", "rejected", "bounced", "failed", "unknown")
UNDER_WAY = ("planned", "proposed", "sending")  # only an outbox knows these, so only a sample

# the files that a stream's records are made of: when all are as they were, nothing has changed
_SOURCES: Mapping[Kind, tuple[Table, ...]] = {
    Kind.CUSTOMERS: (COMPANY, CUSTOMERS, DECISIONS),
    Kind.INVOICES: (INVOICES, PAYMENTS, CREDIT_NOTES, DECISIONS),
    Kind.CREDIT_NOTES: (CREDIT_NOTES,),
    Kind.PAYMENTS: (PAYMENTS,),
    Kind.HISTORY: (HISTORY, INVOICES),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What a folder says, by id; `digests` name the state of each stream."""

    company: Company
    customers: Mapping[str, Customer]
    invoices: Mapping[str, Invoice]
    credit_notes: Mapping[str, CreditNote]
    payments: Mapping[str, Payment]
    history: Sequence[Past]
    digests: Mapping[Kind, str]

    def of(self, kind: Kind) -> Sequence[Record]:
        """All records of a stream, in the order of their file."""
        if kind == Kind.HISTORY:
            return self.history
        by_id: Mapping[Kind, Mapping[str, Record]] = {
            Kind.CUSTOMERS: self.customers,
            Kind.INVOICES: self.invoices,
            Kind.CREDIT_NOTES: self.credit_notes,
            Kind.PAYMENTS: self.payments,
        }
        return tuple(by_id[kind].values())


def read_ledger(folder: Path) -> Ledger:
    """Everything in a folder, read and checked.

    Raises:
        ConfigError: every problem of every file, up to 50.
    """
    problems = Problems()
    contents = {table: _content(folder, table, problems) for table in TABLES}
    rows = {
        table: [] if data is None else read(table, data, problems)
        for table, data in contents.items()
    }
    firm = company(rows[COMPANY], _older(folder), problems)
    buyers = customers(rows[CUSTOMERS], firm.currency)
    term_of = agreed(rows[CUSTOMERS])
    billed = [_dated(row, term_of) for row in rows[INVOICES]]

    def customer_of(row: Row) -> str:
        return known(row, "customer", buyers, CUSTOMERS)

    found = bills(billed, customer_of)
    paid = payments(rows[PAYMENTS], found, customer_of)
    credited = credit_notes(rows[CREDIT_NOTES], found, customer_of)
    _decide(rows[DECISIONS], buyers, found, firm.currency)
    history = tuple(_history(rows[HISTORY], found, sample=firm.today is not None))
    invoices = {bill.id: bill.invoice() for bill in found.values()}
    problems.raise_any()
    return Ledger(
        company=firm,
        customers=buyers,
        invoices=_with_unsent(invoices),
        credit_notes=credited,
        payments=paid,
        history=history,
        digests=_digests(contents, term_of),
    )


def _dated(row: Row, term_of: Mapping[str, terms.Term]) -> Row:
    """A row of invoices.csv; the customer's term gives a due date where the file has none."""
    term = term_of.get(row.text("customer"))
    if row.text("due_on") or term is None:
        return row
    try:
        due_on = terms.due_on(date.fromisoformat(row.text("issued_on")), term)
    except (ValueError, OverflowError):
        return row  # the date of issue has its own problem
    return replace(row, cells={**row.cells, "due_on": str(due_on)})


def _content(folder: Path, table: Table, problems: Problems) -> bytes | None:
    """The bytes of a file, None if it is absent."""
    try:
        return (folder / table.file).read_bytes()
    except FileNotFoundError:
        if table.needed:
            problems.lose(table.file, 0, f"no such file in {folder} (export it there)")
    except OSError as error:
        problems.lose(table.file, 0, f"cannot be read: {error.strerror}")
    return None


def _digests(
    contents: Mapping[Table, bytes | None], term_of: Mapping[str, terms.Term]
) -> dict[Kind, str]:
    """What names the state of each stream; customers' terms are part of the invoices'."""
    made = {kind: [contents[table] for table in _SOURCES[kind]] for kind in Kind}
    if term_of:
        made[Kind.INVOICES].append(repr(sorted(term_of.items(), key=str)).encode())
    return {kind: _digest(parts) for kind, parts in made.items()}


def _digest(contents: Iterable[bytes | None]) -> str:
    digest = hashlib.sha256()
    for data in contents:
        digest.update(hashlib.sha256(data or b"").digest())
    return digest.hexdigest()[:20]


def _older(folder: Path) -> datetime | None:
    """When the older of invoices.csv and payments.csv was written, None if one is absent."""
    try:
        written = min((folder / table.file).stat().st_mtime for table in (INVOICES, PAYMENTS))
    except OSError:
        return None
    return datetime.fromtimestamp(written, UTC)


def _decide(
    rows: Sequence[Row], customers: dict[str, Customer], found: Mapping[str, Bill], currency: str
) -> None:
    """Give each decision to the invoice it names, or else to the customer."""
    for row in rows:
        bill = customer_id = None
        if row.text("invoice"):
            bill = found.get(known(row, "invoice", found, INVOICES))
        elif row.text("customer"):
            customer_id = known(row, "customer", customers, CUSTOMERS)
        else:
            row.problem("invoice", "is empty, and customer too (expected one of them)")
        owner = row.text("customer")
        if bill and owner and owner != bill.customer_id:
            row.problem("customer", f"{owner!r}, and the invoice is {bill.customer_id!r}'s")
        row.needed("mark")
        decision = Decision(
            mark=row.word("mark", Mark, Mark.HOLD),
            since=row.needed_day("since"),
            until=row.day("until"),
            amount=row.amount("amount", bill.currency if bill else currency),
            because=row.text("because"),
            author=row.text("author"),
            customer_id=bill.customer_id if bill else customer_id or "",
            invoice_id=bill.id if bill else None,
        )
        if bill:
            bill.decisions.append(decision)
        elif customer_id:
            customer = customers[customer_id]
            customers[customer_id] = replace(customer, decisions=(*customer.decisions, decision))


def _with_unsent(invoices: Mapping[str, Invoice]) -> dict[str, Invoice]:
    """The invoices; where the export tells when some were sent, the others are marked."""
    if not any(invoice.sent_on for invoice in invoices.values()):
        return dict(invoices)
    return {
        invoice_id: replace(invoice, decisions=(*invoice.decisions, _unsent(invoice)))
        if invoice.state == DocumentState.OPEN and not invoice.sent_on
        else invoice
        for invoice_id, invoice in invoices.items()
    }


def _unsent(invoice: Invoice) -> Decision:
    return Decision(
        mark=Mark.NOT_DELIVERED,
        since=invoice.issued_on,
        because="sent_on is empty in invoices.csv",
        customer_id=invoice.customer_id,
        invoice_id=invoice.id,
    )


def _history(rows: Sequence[Row], found: Mapping[str, Bill], *, sample: bool) -> Iterable[Past]:
    """What each line has had, or is about to have where it is a sample."""
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        bill = found.get(known(row, "invoice", found, INVOICES))
        n, nth = row.text("n") or "1", row.text("nth") or "1"
        if not re.fullmatch(r"c?[1-9][0-9]?", n):
            row.problem("n", f"{n!r} is not understood (expected 1, 2 …, of calls c1, c2 …)")
        if not re.fullmatch(r"[1-9][0-9]{0,2}", nth):
            row.problem("nth", f"{nth!r} is not understood (expected 1, 2 …)")
            nth = "1"
        row.needed("stage")
        past = Past(
            invoice_id=bill.id if bill else "",
            line_id=row.text("line"),
            stage=row.choice("stage", STAGES, "friendly"),
            n=n,
            nth=int(nth),
            on=row.needed_day("on"),
            channel=row.choice("channel", CHANNELS, "call" if n[0] == "c" else "email"),
            state=_state(row, sample),
            deadline_on=row.day("deadline_on"),
            legal=row.text("legal"),
            text=row.text("text"),
        )
        if bill and (not past.line_id or bill.has_line(past.line_id, row)):
            first = seen.setdefault((bill.id, past.line_id, past.stage, n, nth), row.line)
            if first != row.line:
                row.problem("stage", f"{past.stage}.{n} of this line is here twice (line {first})")
            yield past


def _state(row: Row, sample: bool) -> str:
    state = row.choice("state", (*ENDED, *UNDER_WAY), "sent")
    if state in UNDER_WAY and not sample:
        expected = f"expected {', '.join(ENDED)}"
        row.problem("state", f"{state!r} is not a reminder of the past ({expected})")
    return state
