"""Invoices, payments and credit notes out of checked rows, with the balances that follow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from connector.receivables import money
from connector.receivables.records import (
    Allocation,
    CreditNote,
    Decision,
    DocumentState,
    DueLine,
    Invoice,
    Payment,
    PaymentState,
)
from providers.files.rows import Row, Table, grouped, known

INVOICES = Table(
    "invoices.csv",
    ("invoice", "customer", "currency", "issued_on", "due_on", "amount"),
    (
        *("number", "line", "balance", "invoice_balance", "state", "sent_on", "reference"),
        *("payment_reference", "pay_link", "recipient", "policy"),
    ),
)
PAYMENTS = Table(
    "payments.csv",
    ("payment", "customer", "currency", "paid_on", "amount"),
    ("state", "reference", "invoice", "line", "allocated"),
)
CREDIT_NOTES = Table(
    "credit_notes.csv",
    ("credit_note", "customer", "currency", "issued_on", "amount"),
    ("number", "balance", "state", "invoice"),
    needed=False,
)

_NOT_POSTED = (DocumentState.DRAFT, DocumentState.VOID)
_SETTLED = (DocumentState.PAID, DocumentState.CREDITED, DocumentState.VOID)


@dataclass(slots=True)
class Line:
    """One row of invoices.csv; `balance` is None where the file leaves it to be worked out."""

    row: Row
    id: str
    due_on: date | None
    amount: int
    balance: int | None


@dataclass(slots=True)
class Bill:
    """An invoice while its folder is read: what lowers it is only known at the end.

    `applied` holds money and credit set against it, by due line (empty: against the whole).
    """

    id: str
    row: Row
    customer_id: str
    currency: str
    balance: int | None  # the file's own figure
    lines: dict[str, Line] = field(default_factory=dict)
    applied: list[tuple[str, int]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    @property
    def state(self) -> DocumentState | None:
        """The state the file gives, None for an empty cell."""
        cell = self.row.text("state")
        return DocumentState(cell) if cell in tuple(DocumentState) else None

    @property
    def is_worked_out(self) -> bool:
        """Whether its balances follow from payments.csv and credit_notes.csv."""
        unsettled = self.state in (None, DocumentState.OPEN)
        return unsettled and any(line.balance is None for line in self.lines.values())

    def has_line(self, line: str, row: Row) -> bool:
        """Whether a due line is one of this invoice; if not, noted as a problem of `row`."""
        if line not in self.lines and INVOICES.file not in row.problems.incomplete:
            row.problem("line", f"{line!r} is not a line of invoice {self.id!r} in invoices.csv")
        return line in self.lines

    def invoice(self) -> Invoice:
        """The record, once all that is set against it is known."""
        row, balances, state = self.row, self._balances(), self.state
        open_now = any(balances.values()) or bool(self.balance)
        if state in (None, DocumentState.OPEN):
            state = DocumentState.OPEN if open_now else DocumentState.PAID
        elif state in _SETTLED and open_now:
            told = f"{str(state)!r} and a balance do not go together"
            row.problem("state", f"{told} (expected a balance of 0, or the state open)")
        return Invoice(
            id=self.id,
            number=row.text("number") or self.id,
            customer_id=self.customer_id,
            currency=self.currency,
            issued_on=row.needed_day("issued_on"),
            sent_on=row.day("sent_on"),
            state=state,
            total=sum(line.amount for line in self.lines.values()),
            balance=None if state == DocumentState.DRAFT else self.balance,
            lines=tuple(
                DueLine(
                    id=line.id, due_on=line.due_on, amount=line.amount, balance=balances[line.id]
                )
                for line in self.lines.values()
            ),
            reference=row.text("reference"),
            payment_reference=row.text("payment_reference"),
            pay_link=row.link("pay_link"),
            recipient=row.email("recipient"),
            policy=row.text("policy"),
            decisions=tuple(self.decisions),
        )

    def _balances(self) -> dict[str, int]:
        """What is owed on each line: the file's figure, else its amount less what is applied.

        What is set against the whole invoice fills the lines in order of their due dates; what
        is left over makes the last one negative: the invoice is overpaid.
        """
        if self.state == DocumentState.DRAFT:
            return dict.fromkeys(self.lines, 0)  # nobody owes it yet, whatever its file says
        given = {line.id: line.balance for line in self.lines.values() if line.balance is not None}
        if len(given) == len(self.lines):
            return given
        for line in self.lines.values():
            if given and line.balance is None:
                line.row.problem("balance", "is empty, and another row of this invoice has one")
        if self.state in _SETTLED:
            return dict.fromkeys(self.lines, 0)
        owed = {line.id: line.amount for line in self.lines.values()}
        for line_id, amount in self.applied:
            if line_id:
                owed[line_id] -= amount
        loose = sum(amount for line_id, amount in self.applied if not line_id)
        by_date = sorted(self.lines.values(), key=lambda line: (line.due_on or date.max, line.id))
        for line in by_date:
            part = min(loose, max(owed[line.id], 0))
            owed[line.id] -= part
            loose -= part
        owed[by_date[-1].id] -= loose
        return owed


def bills(rows: Sequence[Row], customer_of: Callable[[Row], str]) -> dict[str, Bill]:
    """The invoices with their lines, nothing applied yet."""
    found: dict[str, Bill] = {}
    own = ("line", "due_on", "amount", "balance")
    for invoice_id, group in grouped(rows, "invoice", own).items():
        head = group[0]
        currency = head.currency("currency")
        balance = head.amount("invoice_balance", currency)
        bill = found[invoice_id] = Bill(invoice_id, head, customer_of(head), currency, balance)
        head.choice("state", ("", *DocumentState), "")
        for row in group:
            line = Line(
                row,
                row.text("line"),
                row.day("due_on"),
                row.needed_amount("amount", bill.currency),
                row.amount("balance", bill.currency),
            )
            if first := bill.lines.get(line.id):
                told = f"{invoice_id!r} is here twice (first in line {first.row.line})"
                row.problem("invoice", f"{told}; instalments need a different value in line each")
            bill.lines[line.id] = line
    return found


def payments(
    rows: Sequence[Row], found: dict[str, Bill], customer_of: Callable[[Row], str]
) -> dict[str, Payment]:
    """The payments; what is booked is applied to the bills."""
    told: dict[str, Payment] = {}
    for payment_id, group in grouped(rows, "payment", ("invoice", "line", "allocated")).items():
        head = group[0]
        currency = head.currency("currency")
        amount = head.needed_amount("amount", currency)
        state = head.word("state", PaymentState, PaymentState.BOOKED)
        parts: list[Allocation] = []
        lines: dict[tuple[str, str], int] = {}
        for row in group:
            target = row.text("invoice"), row.text("line")
            if lines.setdefault(target, row.line) != row.line:
                told_why = f"is here twice for one invoice and line (first in line {lines[target]})"
                row.problem("payment", f"{payment_id!r} {told_why}")
                continue
            part = _allocation(row, found, currency, amount if len(group) == 1 else None)
            if part:
                parts.append(part)
                if state == PaymentState.BOOKED:
                    found[part.invoice_id].applied.append((part.line_id, part.amount))
        rest = amount - sum(part.amount for part in parts)
        if rest < 0:
            over = money.text(-rest, currency)
            head.problem("allocated", f"{over} more is allocated than was paid")
        told[payment_id] = Payment(
            id=payment_id,
            customer_id=customer_of(head),
            currency=currency,
            paid_on=head.needed_day("paid_on"),
            amount=amount,
            unallocated=rest,
            state=state,
            reference=head.text("reference"),
            allocations=tuple(parts),
        )
    return told


def _allocation(
    row: Row, found: dict[str, Bill], currency: str, whole: int | None
) -> Allocation | None:
    """The part of a payment that a row sets against an invoice, None if it names none."""
    if not row.text("invoice"):
        for column in ("line", "allocated"):
            if row.text(column):
                row.problem(column, "is given, and the row names no invoice")
        return None
    bill = _bill(row, found, currency)
    if bill is None:
        return None
    line = row.text("line")
    if line and not bill.has_line(line, row):
        return None
    if whole is None or row.text("allocated"):
        whole = row.needed_amount("allocated", currency)
    return Allocation(invoice_id=bill.id, line_id=line, amount=whole)


def _bill(row: Row, found: dict[str, Bill], currency: str) -> Bill | None:
    """The invoice a row names, if it exists and is of the same currency."""
    bill = found.get(known(row, "invoice", found, INVOICES))
    if bill and bill.currency != currency:
        row.problem("currency", f"{currency!r}, and invoice {bill.id!r} is in {bill.currency!r}")
        return None
    return bill


def credit_notes(
    rows: Sequence[Row], found: dict[str, Bill], customer_of: Callable[[Row], str]
) -> dict[str, CreditNote]:
    """The credit notes; what is used of them is applied to the bills they name."""
    told: dict[str, CreditNote] = {}
    worked_out = {(b.customer_id, b.currency) for b in found.values() if b.is_worked_out}
    for note_id, group in grouped(rows, "credit_note", ()).items():
        row, currency = group[0], group[0].currency("currency")
        for other in group[1:]:
            other.problem("credit_note", f"{note_id!r} is here twice (first in line {row.line})")
        if note_id in found:
            row.problem(
                "credit_note", f"{note_id!r} is an invoice too (line {found[note_id].row.line})"
            )
        row.choice("state", ("", *DocumentState), "")
        amount, customer = row.needed_amount("amount", currency), customer_of(row)
        balance, state = _credit_left(row, amount, currency)
        bill = _bill(row, found, currency) if row.text("invoice") else None
        if bill and state not in _NOT_POSTED:
            bill.applied.append(("", amount - balance))
        elif amount > balance and state not in _NOT_POSTED and (customer, currency) in worked_out:
            told_why = "is empty, and part of this credit note is used"
            row.problem(
                "invoice", f"{told_why} (name the invoice, or give every invoice's balance)"
            )
        told[note_id] = CreditNote(
            id=note_id,
            number=row.text("number") or note_id,
            customer_id=customer,
            currency=currency,
            issued_on=row.needed_day("issued_on"),
            state=state,
            total=amount,
            balance=balance,
            credits_invoice=bill.id if bill else None,
        )
    return told


def _credit_left(row: Row, amount: int, currency: str) -> tuple[int, DocumentState]:
    """The part of a credit note not yet used, and its state: each follows from the other."""
    state, balance = row.text("state"), row.amount("balance", currency)
    if balance is None:
        balance = amount if state in ("", DocumentState.OPEN, DocumentState.DRAFT) else 0
    if not 0 <= balance <= amount:
        row.problem("balance", f"{row.text('balance')!r} is not between 0 and the amount")
    if state in _SETTLED:
        if balance:
            told = f"{state!r} and a balance do not go together"
            row.problem("state", f"{told} (expected a balance of 0, or the state open)")
        return balance, DocumentState(state)
    if state == DocumentState.DRAFT:
        return balance, DocumentState.DRAFT
    return balance, DocumentState.OPEN if balance else DocumentState.PAID
