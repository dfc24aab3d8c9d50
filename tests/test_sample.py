"""The sample ledger that the package ships: made by its generator, and every reason is in it."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from connector.contract import Kind
from connector.dunning.plan import Reason
from connector.receivables.records import Customer, Invoice, Past, PaymentState
from providers.files.ledger import Ledger, read_ledger
from tests import sample_ledger
from tests.sample_bills import TODAY
from tests.sample_ledger import SITUATIONS

RUN = {"stale_data", "closed_day", "quiet_period", "cap_reached", "native_reminders"}
MARKED = {  # reasons that a decision on the invoice, or on its customer, brings about
    "not_delivered": "not_delivered",
    "held": "hold",
    "excluded": "excluded",
    "disputed": "disputed",
    "promised": "promised",
    "plan_kept": "plan",
    "insolvent": "insolvent",
    "handed_over": "handed_over",
    "written_off": "written_off",
    "bill_or_retention": "bill",
    "factored": "factored",
    "in_difficulty": "in_difficulty",
    "address_bounced": "bounced",
    "reply_unread": "reply",
}
PENDING = {
    "in_queue": "planned",
    "waiting_for_approval": "proposed",
    "delivery_unknown": "unknown",
    "delivery_failed": "failed",
}


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return read_ledger(sample_ledger.FOLDER)


class Shown:
    """What the sample holds on the line that shows a reason."""

    def __init__(self, ledger: Ledger, reason: str) -> None:
        number, place = SITUATIONS[reason]
        self.ledger = ledger
        self.invoice: Invoice = ledger.invoices[number]
        self.line = self.invoice.lines[place - 1]
        self.customer: Customer = ledger.customers[self.invoice.customer_id]
        self.had: list[Past] = [p for p in ledger.history if p.invoice_id == number]

    @property
    def late(self) -> int:
        assert self.line.due_on
        return (TODAY - self.line.due_on).days

    @property
    def marks(self) -> set[str]:
        return {d.mark for d in (*self.invoice.decisions, *self.customer.decisions)}

    def written(self) -> list[date]:
        """When this customer was written to."""
        theirs = {i.id for i in self.ledger.invoices.values() if i.customer_id == self.customer.id}
        return [
            p.on for p in self.ledger.history if p.invoice_id in theirs and p.channel == "email"
        ]


SHOWS = (
    {
        "not_due": lambda s: s.late < 0,
        "no_due_date": lambda s: s.line.due_on is None,
        "too_young": lambda s: s.late >= 3 and TODAY - s.invoice.issued_on < timedelta(days=7),
        "step_waiting": lambda s: 3 < s.late < 15 and [p.n for p in s.had] == ["1", "c1"],
        "ladder_finished": lambda s: [p.stage for p in s.had][-2:] == ["notice", "handover"],
        "prescribed": lambda s: s.late > 5 * 366 and s.had and s.customer.country == "FR",
        "payment_in_transit": lambda s: any(
            p.state == PaymentState.PENDING and p.allocations[0].invoice_id == s.invoice.id
            for p in s.ledger.payments.values()
        ),
        "direct_debit": lambda s: s.customer.mandate,
        "legal_wait": lambda s: (
            s.had[0].legal == "be-consumer-first" and s.customer.policy == "consumer-be"
        ),
        "backlog": lambda s: s.late > 365 and not s.had,
        "balance_mismatch": lambda s: s.invoice.balance != s.line.balance,
        "covered_by_credit": lambda s: any(
            c.customer_id == s.customer.id and c.balance >= s.line.balance
            for c in s.ledger.credit_notes.values()
        ),
        "unallocated_money": lambda s: any(
            p.customer_id == s.customer.id and p.unallocated * 10 > s.line.balance
            for p in s.ledger.payments.values()
        ),
        "below_minimum": lambda s: s.line.balance == 840,
        "gap": lambda s: not s.had and TODAY - max(s.written()) < timedelta(days=5),
        "no_address": lambda s: not any(c.email for c in s.customer.contacts),
        "no_route": lambda s: not any(c.email.isascii() for c in s.customer.contacts),
        "no_template": lambda s: s.customer.language == "it",
    }
    | {reason: lambda s, mark=mark: mark in s.marks for reason, mark in MARKED.items()}
    | {reason: lambda s, state=state: s.had[-1].state == state for reason, state in PENDING.items()}
)


def test_the_shipped_files_are_what_the_generator_makes(tmp_path: Path) -> None:
    sample_ledger.write(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    shipped = {path.name: path.read_bytes() for path in sample_ledger.FOLDER.iterdir()}
    assert shipped == made
    assert sample_ledger.files() == made


def test_every_reason_that_a_ledger_can_give_is_named() -> None:
    assert set(SITUATIONS) == {str(reason) for reason in Reason} - RUN - {"settled"} == set(SHOWS)


@pytest.mark.parametrize("reason", sorted(SITUATIONS))
def test_each_reason_is_in_the_data(ledger: Ledger, reason: str) -> None:
    shown = Shown(ledger, reason)
    assert shown.line.balance > 0
    assert SHOWS[reason](shown)


def test_it_is_a_firm_of_the_promised_size(ledger: Ledger) -> None:
    assert ledger.company.today == TODAY
    assert TODAY.weekday() == 4
    assert ledger.company.as_of is not None
    assert 35 <= len(ledger.customers) <= 45
    assert 180 <= len(ledger.invoices) <= 240
    lines = [line for i in ledger.invoices.values() if i.state == "open" for line in i.lines]
    assert 85 <= sum(line.balance != 0 for line in lines) <= 105
    assert {c.country for c in ledger.customers.values()} >= {"FR", "BE", "DE", "GB", "IT", "US"}
    assert {i.currency for i in ledger.invoices.values()} == {"EUR", "GBP", "USD"}
    paid = [p.paid_on for p in ledger.payments.values()]
    assert max(paid) - min(paid) > timedelta(days=730)


def test_nobody_in_it_is_real(ledger: Ledger) -> None:
    for customer in ledger.customers.values():
        for contact in customer.contacts:
            assert not contact.email or contact.email.endswith(".example")


def test_its_balances_are_those_that_its_payments_leave(ledger: Ledger) -> None:
    """The one that differs from the firm's own figure is the one that shows it."""
    left = {i.id: i.total for i in ledger.invoices.values() if i.state not in ("void", "draft")}
    for payment in ledger.payments.values():
        for part in payment.allocations if payment.state == PaymentState.BOOKED else ():
            left[part.invoice_id] -= part.amount
    for note in ledger.credit_notes.values():
        if note.credits_invoice:
            left[note.credits_invoice] -= note.total - note.balance
    invoices = [ledger.invoices[number] for number in left]
    assert {i.id: sum(line.balance for line in i.lines) for i in invoices} == left
    different = [i.id for i in invoices if i.balance != left[i.id]]
    assert different == [SITUATIONS["balance_mismatch"][0]]


def test_all_kinds_have_records(ledger: Ledger) -> None:
    assert all(ledger.of(kind) for kind in Kind)
