"""Tryton: the contract over a real server, then what is peculiar to this product."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.contract import Kind, Provider
from connector.errors import BadRecord
from connector.receivables.capabilities import Notes
from connector.receivables.records import (
    Allocation,
    CreditNote,
    Customer,
    DocumentState,
    Invoice,
    Payment,
    PaymentState,
    Role,
)
from providers.tryton import SPEC, Tryton
from tests.contract import ProviderContract
from tests.lab.server import TrytonLab
from tests.providers.tryton_lab import (
    by_id,
    caught_up,
    cents,
    changed,
    mine,
    no_overlap,
    opened,
    shared,
)

__all__ = ["mine", "no_overlap", "shared"]


class TestTrytonBySession(ProviderContract):
    spec = SPEC

    @pytest.fixture
    def provider(self, tryton_shared: TrytonLab) -> Iterator[Provider]:
        provider = opened(tryton_shared)
        yield provider
        provider.close()


class TestTrytonByKey(ProviderContract):
    spec = SPEC

    @pytest.fixture
    def provider(self, tryton_shared: TrytonLab) -> Iterator[Provider]:
        provider = opened(tryton_shared, key=True)
        yield provider
        provider.close()


# --- reading -------------------------------------------------------------------------------


def test_both_connections_tell_the_same(tryton_shared: TrytonLab) -> None:
    one, other = opened(tryton_shared), opened(tryton_shared, key=True)
    assert one.company() == other.company()
    for kind in SPEC.kinds:
        assert list(one.changes(kind, None)) == list(other.changes(kind, None))


def test_the_company(shared: Tryton, tryton_shared: TrytonLab) -> None:
    company = shared.company()
    assert company.ledger_id == f"tryton:{tryton_shared.database}:{tryton_shared.company_id}"
    assert (company.name, company.country) == ("Atelier Démo SARL", "FR")
    assert (company.timezone, company.currency) == ("Europe/Paris", "EUR")
    assert company.email == "compta@demo.example"
    assert "69002 LYON" in company.address


def test_figures_are_trytons_own(shared: Tryton, tryton_shared: TrytonLab) -> None:
    known = {s.id: s for s in tryton_shared.situations.values() if s.number}
    found = {int(d.id): d for d in shared.invoices([str(number) for number in known])}
    assert found.keys() == known.keys()
    for number, situation in known.items():
        document = found[number]
        sign = 1 if isinstance(document, Invoice) else -1
        assert (document.number, document.customer_id) == (situation.number, str(situation.party))
        assert sign * document.total == cents(situation.total)
        assert sign * (document.balance or 0) == cents(situation.open)


def test_what_each_situation_becomes(shared: Tryton, tryton_shared: TrytonLab) -> None:
    situations = tryton_shared.situations
    found = {name: by_id(shared, situation.id) for name, situation in situations.items()}
    assert found["draft"] is None
    assert found["cancelled"] is None  # a draft that was cancelled was never an invoice
    states = {name: document.state for name, document in found.items() if document}
    assert states["overdue_10"] is states["part_paid"] is DocumentState.OPEN
    assert states["paid"] is DocumentState.PAID
    assert states["credited"] is DocumentState.CREDITED
    today = tryton_shared.today
    assert [line.due_on for line in found["overdue_10"].lines] == [today - timedelta(10)]
    assert found["overdue_10"].reference.startswith("CMD-")
    assert found["overdue_10"].payment_reference.startswith("RF")
    assert [line.due_on for line in found["instalments"].lines] == [
        today - timedelta(15),
        today + timedelta(15),
    ]
    assert found["dollars"].currency == "USD"
    assert found["dollars"].lines[0].balance == cents(situations["dollars"].open)
    note = found["credit_note"]
    assert isinstance(note, CreditNote)
    assert note.credits_invoice == str(situations["open_credit"].id)
    assert note.balance == note.total == -cents(situations["credit_note"].open)
    assert found["open_credit"].balance == found["open_credit"].total


def test_payments_and_what_they_settled(shared: Tryton, tryton_shared: TrytonLab) -> None:
    situations = tryton_shared.situations
    payments = [
        record
        for page in shared.changes(Kind.PAYMENTS, None)
        for record in page.records
        if isinstance(record, Payment)
    ]

    def towards(name: str) -> list[Payment]:
        number = str(situations[name].id)
        return [p for p in payments if number in {part.invoice_id for part in p.allocations}]

    (paid,) = towards("paid")
    line = by_id(shared, situations["paid"].id).lines[0]
    whole = cents(situations["paid"].total)
    assert paid.allocations == (
        Allocation(invoice_id=str(situations["paid"].id), line_id=line.id, amount=whole),
    )
    (part,) = towards("part_paid")
    assert (part.amount, part.unallocated) == (50000, 0)
    assert part.reference.startswith("VIR ")
    assert not towards("credited")  # by a credit note, which is no payment
    account = shared.account(str(situations["on_account"].party))
    assert [(p.amount, p.unallocated, p.allocations) for p in account.payments] == [
        (30000, 30000, ())
    ]
    assert [i.id for i in account.invoices] == [str(situations["on_account"].id)]
    credited = shared.account(str(situations["open_credit"].party))
    assert [n.id for n in credited.credit_notes] == [str(situations["credit_note"].id)]


def test_contacts(shared: Tryton, tryton_shared: TrytonLab) -> None:
    def contacts(name: str) -> list[tuple[str, Role]]:
        customer = shared.account(str(tryton_shared.situations[name].party)).customer
        return [(c.email, c.role) for c in customer.contacts if c.email]

    host = "client-0004.example"
    assert contacts("two_emails") == [
        (f"compta@{host}", Role.MAIN),
        (f"direction@{host}", Role.INVOICE),
    ]
    assert contacts("no_email") == []
    customer = shared.account(str(tryton_shared.situations["overdue_6"].party)).customer
    assert (customer.language, customer.country, customer.number) == ("fr", "FR", "C00001")
    assert [c.phone for c in customer.contacts if c.phone] == ["04 72 00 00 01"]


def test_what_this_user_may_do(shared: Tryton) -> None:
    found = shared.probe()
    assert found.note is Notes.INVOICE
    assert found.custom_email
    assert not found.pdf  # the report comes out as ODT


# --- what changes --------------------------------------------------------------------------


@pytest.mark.usefixtures("no_overlap")
def test_edits_are_told_and_nothing_else(tryton: TrytonLab, mine: Tryton) -> None:
    # the ledger was made in one go: something newer than all of it sets the others apart
    tryton.rpc("model.party.party.write", [1], {"name": "Atelier Démo"})
    at = {kind: caught_up(mine, kind) for kind in SPEC.kinds}
    quiet = {kind: len(changed(mine, kind, cursor)) for kind, cursor in at.items()}
    assert quiet[Kind.CUSTOMERS] == 1
    situations = tryton.situations
    overdue, due_on = situations["overdue_10"], tryton.today + timedelta(9)

    tryton.move_due_date(overdue.id, due_on)
    document = changed(mine, Kind.INVOICES, at[Kind.INVOICES])[str(overdue.id)]
    assert isinstance(document, Invoice)
    assert [line.due_on for line in document.lines] == [due_on]

    party = str(situations["overdue_6"].party)
    tryton.set_email(int(party), "neuf@client.example")
    customers = changed(mine, Kind.CUSTOMERS, at[Kind.CUSTOMERS])
    customer = customers[party]
    assert isinstance(customer, Customer)
    assert [c.email for c in customer.contacts if c.email] == ["neuf@client.example"]
    assert len(customers) <= quiet[Kind.CUSTOMERS] + 1

    part = situations["overdue_40"]
    tryton.pay(part.id, Decimal("100.10"))
    document = changed(mine, Kind.INVOICES, at[Kind.INVOICES])[str(part.id)]
    assert isinstance(document, Invoice)
    assert document.balance == document.lines[0].balance == cents(part.open) - 10010
    (payment,) = [
        p
        for p in changed(mine, Kind.PAYMENTS, at[Kind.PAYMENTS]).values()
        if isinstance(p, Payment) and p.amount == 10010
    ]
    assert payment.allocations == (Allocation(invoice_id=str(part.id), amount=10010),)
    assert payment.paid_on == tryton.today

    number = tryton.post_invoice(int(party), Decimal("12.34"), tryton.today)
    money = tryton.pay_on_account(int(party), Decimal("5.00"))
    told = changed(mine, Kind.INVOICES, at[Kind.INVOICES])
    assert {str(overdue.id), str(part.id), str(number)} <= told.keys()
    assert len(told) <= quiet[Kind.INVOICES] + 3
    received = changed(mine, Kind.PAYMENTS, at[Kind.PAYMENTS])[str(money)]
    assert isinstance(received, Payment)
    assert (received.unallocated, received.state) == (500, PaymentState.BOOKED)


@pytest.mark.usefixtures("no_overlap")
def test_paid_and_owed_again(tryton: TrytonLab, mine: Tryton) -> None:
    owed = tryton.situations["overdue_20"]
    at = caught_up(mine, Kind.INVOICES)
    tryton.pay(owed.id)
    document = changed(mine, Kind.INVOICES, at)[str(owed.id)]
    assert isinstance(document, Invoice)
    assert (document.state, document.balance) == (DocumentState.PAID, 0)
    assert [line.balance for line in document.lines] == [0]
    assert str(owed.id) not in {item.id for item in mine.open_items()}

    at, paid_at = caught_up(mine, Kind.INVOICES), caught_up(mine, Kind.PAYMENTS)
    tryton.cancel_payments(owed.id)
    document = changed(mine, Kind.INVOICES, at)[str(owed.id)]
    assert isinstance(document, Invoice)
    assert (document.state, document.balance) == (DocumentState.OPEN, cents(owed.open))
    assert (str(owed.id), cents(owed.open)) in {(i.id, i.balance) for i in mine.open_items()}
    (payment,) = [
        record
        for record in changed(mine, Kind.PAYMENTS, paid_at).values()
        if isinstance(record, Payment) and record.amount == cents(owed.total)
    ]
    assert (payment.state, payment.unallocated) == (PaymentState.VOID, 0)


def test_only_unreconciled_it_is_not_owed(tryton: TrytonLab, mine: Tryton) -> None:
    paid = tryton.situations["paid"]
    tryton.unreconcile(paid.id)
    document = by_id(mine, paid.id)
    assert (document.state, document.balance) == (DocumentState.PAID, 0)
    assert str(paid.id) not in {item.id for item in mine.open_items()}


def test_part_payments_are_spread_in_due_order(tryton: TrytonLab, mine: Tryton) -> None:
    owed = tryton.situations["instalments"]
    first, second = (line.amount for line in by_id(mine, owed.id).lines)
    tryton.pay(owed.id, Decimal(first - 1000) / 100)
    assert [line.balance for line in by_id(mine, owed.id).lines] == [1000, second]
    tryton.pay(owed.id, Decimal("25.00"))
    lines = by_id(mine, owed.id).lines
    assert [line.balance for line in lines] == [0, second - 1500]
    assert [line.amount for line in lines] == [first, second]


def test_a_settled_instalment_stays_listed(tryton: TrytonLab, mine: Tryton) -> None:
    owed = tryton.situations["instalments"]
    before = by_id(mine, owed.id).lines
    tryton.pay(owed.id, Decimal(before[0].amount) / 100)
    after = by_id(mine, owed.id).lines
    assert [line.id for line in after] == [line.id for line in before]
    assert [line.balance for line in after] == [0, before[1].amount]


@pytest.mark.usefixtures("no_overlap")
def test_rescheduled_lines_replace_the_old_ones(tryton: TrytonLab, mine: Tryton) -> None:
    owed = tryton.situations["overdue_100"]
    at = caught_up(mine, Kind.INVOICES)
    old = by_id(mine, owed.id).lines[0]
    dates = [tryton.today + timedelta(30), tryton.today + timedelta(60)]
    reschedule(tryton, int(old.id), [(owed.open - 100, dates[0]), (Decimal(100), dates[1])])
    document = changed(mine, Kind.INVOICES, at)[str(owed.id)]
    assert isinstance(document, Invoice)
    assert [line.due_on for line in document.lines] == dates
    assert [line.balance for line in document.lines] == [cents(owed.open) - 10000, 10000]
    assert old.id not in {line.id for line in document.lines}
    assert not mine.account(document.customer_id).payments  # the counter line is no payment


def reschedule(lab: TrytonLab, line: int, terms: list[tuple[Decimal, date]]) -> None:
    with lab._wizard("account.move.line.reschedule", "account.move.line", [line]) as execute:
        start = execute({}, "start")["view"]["defaults"]
        start = {name: value for name, value in start.items() if "." not in name}
        start |= {"number": len(terms), "interval": 1, "start_date": terms[0][1], "amount": None}
        view = execute({"start": start}, "preview")["view"]
        shown = {n: v for n, v in view["defaults"].items() if "." not in n and n != "terms"}
        shown["journal"] = lab.rpc(
            "model.account.journal.search", [["type", "=", "general"]], 0, 1, None
        )[0]
        given = [
            {"date": on, "amount": amount, "currency": shown["currency"]} for amount, on in terms
        ]
        execute({"preview": {**shown, "terms": given}}, "reschedule")


@pytest.mark.usefixtures("no_overlap")
def test_a_merged_customer(tryton: TrytonLab, mine: Tryton) -> None:
    """Whatever the other one had is told anew, for a merge stamps none of it."""
    kept = tryton.situations["overdue_10"]
    (double,) = tryton.rpc("model.party.party.create", [{"name": "Doublon"}])
    at = {kind: caught_up(mine, kind) for kind in SPEC.kinds}
    assert str(kept.id) not in changed(mine, Kind.INVOICES, at[Kind.INVOICES])
    with tryton._wizard("party.replace", "party.party", [double]) as execute:
        execute({"ask": {"source": double, "destination": kept.party}}, "replace")
    gone = changed(mine, Kind.CUSTOMERS, at[Kind.CUSTOMERS])[str(double)]
    assert isinstance(gone, Customer)
    assert not gone.active
    assert str(kept.id) in changed(mine, Kind.INVOICES, at[Kind.INVOICES])
    account = mine.account(str(double))
    assert account.customer.id == str(kept.party)
    assert [invoice.id for invoice in account.invoices] == [str(kept.id)]


def test_an_archived_customer_is_still_told(tryton: TrytonLab, mine: Tryton) -> None:
    owed = tryton.situations["overdue_6"]
    tryton.rpc("model.party.party.write", [owed.party], {"active": False})
    account = mine.account(str(owed.party))
    assert not account.customer.active
    assert [i.id for i in account.invoices] == [str(owed.id)]
    assert str(owed.id) in {item.id for item in mine.open_items()}


@pytest.mark.usefixtures("no_overlap")
def test_a_draft_booking_is_pending_until_posted(tryton: TrytonLab, mine: Tryton) -> None:
    owed = tryton.situations["overdue_6"]
    post = "model.account.move.post"
    real, moves = tryton.rpc, []

    def without_posting(method: str, *params: Any, **context: object) -> Any:
        return moves.extend(params[0]) if method == post else real(method, *params, **context)

    tryton.rpc = without_posting  # type: ignore[method-assign]
    line = str(tryton.pay_on_account(owed.party, Decimal("7.00")))
    (payment,) = mine.account(str(owed.party)).payments
    assert (payment.id, payment.state) == (line, PaymentState.PENDING)
    del tryton.rpc  # type: ignore[method-assign]
    tryton.pay_on_account(owed.party, Decimal("8.00"))
    at = caught_up(mine, Kind.PAYMENTS)
    assert line not in changed(mine, Kind.PAYMENTS, at)
    real(post, moves)
    payment = changed(mine, Kind.PAYMENTS, at)[line]  # type: ignore[assignment]
    assert (payment.state, payment.unallocated) == (PaymentState.BOOKED, 700)


@pytest.mark.usefixtures("no_overlap")
def test_money_attached_later_is_told_again(tryton: TrytonLab, mine: Tryton) -> None:
    owed = tryton.situations["overdue_6"]
    line = tryton.pay_on_account(owed.party, Decimal("7.00"))
    tryton.pay_on_account(owed.party, Decimal("8.00"))
    at = caught_up(mine, Kind.PAYMENTS)
    assert str(line) not in changed(mine, Kind.PAYMENTS, at)
    attach = {"payment_lines": [("add", [line])]}
    tryton.rpc("model.account.invoice.write", [owed.id], attach)
    payment = changed(mine, Kind.PAYMENTS, at)[str(line)]
    assert isinstance(payment, Payment)
    assert payment.unallocated == 0
    assert payment.allocations == (Allocation(invoice_id=str(owed.id), amount=700),)
    assert by_id(mine, owed.id).balance == cents(owed.open) - 700
    assert [p.amount for p in mine.account(str(owed.party)).payments] == [800]


def test_one_bad_record_does_not_hide_the_others(tryton: TrytonLab, mine: Tryton) -> None:
    dollars = tryton.situations["dollars"]
    whole = sum(len(page.records) for page in mine.changes(Kind.INVOICES, None))
    code = tryton._ids["currencies"]["USD"]
    tryton.rpc("model.currency.currency.write", [code], {"code": "QQQ"})
    pages = list(mine.changes(Kind.INVOICES, None))
    bad = [problem for page in pages for problem in page.bad]
    assert str(dollars.id) in {problem.id for problem in bad}
    assert "'QQQ' is not a currency code" in str(bad[0])
    assert sum(len(page.records) for page in pages) + len(bad) == whole
    overdue = str(tryton.situations["overdue_6"].id)
    read = mine.invoices([str(dollars.id), overdue])
    assert next(read).id == overdue
    with pytest.raises(BadRecord):
        next(read)
    with pytest.raises(BadRecord):
        mine.account(str(dollars.party))
