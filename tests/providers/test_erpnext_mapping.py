"""ERPNext: what its invoices, returns, payments and customers become."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.contract import Kind
from connector.errors import BadRecord
from connector.receivables.records import (
    Allocation,
    CreditNote,
    CustomerKind,
    DocumentState,
    Invoice,
    Mark,
    PaymentState,
    Role,
)
from providers.erpnext import ErpNext
from providers.erpnext.wire import exact, instant
from tests.providers.erpnext_books import FIRM, bill, books, opened, schedule
from tests.records import gather
from tests.stand_ins.erpnext import ErpNextSite

PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture
def site() -> Iterator[ErpNextSite]:
    with books(15, "Deletions") as site:
        customer(site, "Kerbrat")
        yield site


@pytest.fixture
def provider(site: ErpNextSite) -> Iterator[ErpNext]:
    provider = opened(site)
    yield provider
    provider.close()


def customer(site: ErpNextSite, name: str, **more: Any) -> None:
    given = {"customer_name": name, "customer_type": "Company", "is_frozen": 0, "disabled": 0}
    site.put("Customer", name, **(given | more))


def document(provider: ErpNext, name: str) -> Any:
    return next(provider.invoices([name]))


def lines(provider: ErpNext, name: str) -> list[tuple[int, int]]:
    return [(line.amount, line.balance) for line in document(provider, name).lines]


def payments(provider: ErpNext) -> dict[str, Any]:
    return {
        key[1]: record
        for key, record in gather(list(provider.changes(Kind.PAYMENTS, None))).items()
    }


# --- invoices --------------------------------------------------------------------------------


def test_the_rounded_total_is_what_is_due_and_zero_means_there_is_none(
    site: ErpNextSite, provider: ErpNext
) -> None:
    bill(site, "F-1", "Kerbrat", 99.98, rounded_total=100.0, outstanding_amount=100.0,
         payment_schedule=[schedule("2026-10-20", 100.0)])  # fmt: skip
    bill(site, "F-2", "Kerbrat", 99.98, rounded_total=0)
    assert [document(provider, name).total for name in ("F-1", "F-2")] == [10000, 9998]
    assert lines(provider, "F-1") == [(10000, 10000)]


def test_what_is_owed_in_the_firms_currency_is_told_in_it(
    site: ErpNextSite, provider: ErpNext
) -> None:
    """An invoice of 1,000 dollars on an account in euros: ERPNext knows what is left in euros."""
    row = schedule("2026-10-20", 1000.0, base_payment_amount=923.45)
    more = {"currency": "USD", "party_account_currency": "EUR", "base_grand_total": 923.45,
            "conversion_rate": 0.92345, "payment_schedule": [row]}  # fmt: skip
    bill(site, "F-1", "Kerbrat", 1000.0, outstanding_amount=500.0, **more)
    found = document(provider, "F-1")
    assert (found.currency, found.total, found.balance) == ("EUR", 92345, 50000)
    assert lines(provider, "F-1") == [(92345, 50000)]
    (item,) = provider.open_items()
    assert (item.currency, item.balance) == ("EUR", 50000)
    halves = [
        schedule(f"2026-1{n}-01", 500.0, base_payment_amount=461.72 + n / 100) for n in (0, 1)
    ]
    halves[0] |= {"outstanding": 0}
    bill(
        site,
        "F-2",
        "Kerbrat",
        1000.0,
        outstanding_amount=461.73,
        **more | {"payment_schedule": halves},
    )
    assert lines(provider, "F-2") == [(46172, 0), (46173, 46173)]


@pytest.mark.parametrize("version", [14, 15, 16])
def test_a_return_that_stands_for_itself_is_an_open_credit(version: int) -> None:
    """Made to lower the invoice it is against, it has nothing left; the field is young."""
    own = {"update_outstanding_for_self": 1} if version > 14 else {}
    with books(version) as site:
        customer(site, "Kerbrat")
        bill(site, "F-1", "Kerbrat", 1440.0)
        bill(site, "R-1", "Kerbrat", -240.0, is_return=1, return_against="F-1", status="Return",
             payment_schedule=[], **own)  # fmt: skip
        bill(site, "F-2", "Kerbrat", 300.0, outstanding_amount=60.0)
        bill(site, "R-2", "Kerbrat", -240.0, is_return=1, return_against="F-2", status="Return",
             outstanding_amount=0, payment_schedule=[])  # fmt: skip
        provider = opened(site)
        account = provider.account("Kerbrat")
        assert {i.id: i.balance for i in account.invoices} == {"F-1": 144000, "F-2": 6000}
        (note,) = account.credit_notes
        assert (note.id, note.total, note.balance, note.credits_invoice) == (
            "R-1",
            24000,
            24000,
            "F-1",
        )
        settled = document(provider, "R-2")
        assert isinstance(settled, CreditNote)
        assert (settled.state, settled.total, settled.balance) == (DocumentState.PAID, 24000, 0)
        balances = {item.id: item.balance for item in provider.open_items()}
        assert balances == {"F-1": 144000, "F-2": 6000, "R-1": -24000}


def test_states(site: ErpNextSite, provider: ErpNext) -> None:
    bill(site, "draft", "Kerbrat", 1.0, docstatus=0)
    bill(site, "cancelled", "Kerbrat", 1.0, docstatus=2)
    bill(site, "paid", "Kerbrat", 1.0, outstanding_amount=0, status="Paid")
    bill(site, "credited", "Kerbrat", 1.0, outstanding_amount=0, status="Credit Note Issued")
    bill(site, "overpaid", "Kerbrat", 1.0, outstanding_amount=-0.25, status="Paid")
    bill(site, "theirs", "Kerbrat", 1.0, company="Another firm")
    found = {
        r.id: r
        for r in provider.invoices(["draft", "cancelled", "paid", "credited", "overpaid", "theirs"])
    }
    assert {name: record.state for name, record in found.items()} == {
        "cancelled": DocumentState.VOID,
        "paid": DocumentState.PAID,
        "credited": DocumentState.CREDITED,
        "overpaid": DocumentState.OPEN,
    }
    assert found["cancelled"].balance == 0
    assert lines(provider, "cancelled") == [(100, 0)]
    assert lines(provider, "overpaid") == [(100, -25)]


def test_overdue_is_read_from_the_days_and_not_from_the_status(
    site: ErpNextSite, provider: ErpNext
) -> None:
    """The nightly job writes the status past the stamp: whoever waits for it waits for ever."""
    bill(site, "F-1", "Kerbrat", 10.0, due_date="2026-10-01")
    before = document(provider, "F-1")
    cursor = list(provider.changes(Kind.INVOICES, None))[-1].cursor
    site.night()
    assert site.tables["Sales Invoice"]["F-1"]["status"] == "Overdue"
    assert document(provider, "F-1") == before
    assert before.state is DocumentState.OPEN
    assert list(provider.changes(Kind.INVOICES, None))[-1].cursor == cursor


# --- due lines -------------------------------------------------------------------------------


def thirds(*left: float, term: bool = False) -> list[dict[str, Any]]:
    """Three instalments of 100, with what ERPNext says is left of each."""
    return [
        schedule(f"2026-1{n}-01", 100.0, outstanding=part, payment_term=f"T{n}" if term else None)
        for n, part in enumerate(left)
    ]


@pytest.mark.parametrize(
    ("left", "outstanding", "balances"),
    [
        ((100.0, 100.0, 100.0), 300.0, [10000, 10000, 10000]),
        ((100.0, 100.0, 100.0), 150.0, [0, 5000, 10000]),  # payments that name no term
        ((100.0, 0.0, 100.0), 200.0, [10000, 0, 10000]),  # one that named the second
        ((100.0, 0.0, 100.0), 150.0, [5000, 0, 10000]),  # and one that named none
        ((0.0, 0.0, 100.0), 250.0, [5000, 10000, 10000]),  # undone, and the rows not written back
        ((100.0, 100.0, 100.0), 320.0, [10000, 10000, 12000]),  # charged on top by hand
        ((100.0, 100.0, 100.0), -20.0, [0, 0, -2000]),  # overpaid
        ((100.0, 100.0, 100.0), 0.0, [0, 0, 0]),
    ],
)
def test_instalments_add_up_to_what_is_outstanding(
    site: ErpNextSite,
    provider: ErpNext,
    left: tuple[float, ...],
    outstanding: float,
    balances: list[int],
) -> None:
    bill(
        site,
        "F-1",
        "Kerbrat",
        300.0,
        outstanding_amount=outstanding,
        payment_schedule=thirds(*left),
    )
    found = document(provider, "F-1")
    assert [line.balance for line in found.lines] == balances
    assert [line.due_on for line in found.lines] == [date(2026, 10 + n, 1) for n in range(3)]
    assert len({line.id for line in found.lines}) == 3


def test_what_was_paid_in_advance_is_not_in_the_schedule(
    site: ErpNextSite, provider: ErpNext
) -> None:
    rows = [schedule("2026-10-01", 40.0), schedule("2026-11-01", 40.0)]
    bill(site, "F-1", "Kerbrat", 100.0, outstanding_amount=80.0, payment_schedule=rows)
    assert lines(provider, "F-1") == [(6000, 4000), (4000, 4000)]
    # ERPNext lets percentages be off by a tenth
    rows = [schedule("2026-10-01", 33.34), schedule("2026-11-01", 66.68)]
    bill(site, "F-2", "Kerbrat", 100.0, payment_schedule=rows)
    assert lines(provider, "F-2") == [(3334, 3334), (6666, 6666)]


def test_an_invoice_without_a_schedule_is_due_in_one(site: ErpNextSite, provider: ErpNext) -> None:
    bill(site, "F-1", "Kerbrat", 100.0, due_date="2026-12-01", payment_schedule=[])
    (line,) = document(provider, "F-1").lines
    assert (line.id, line.due_on, line.amount, line.balance) == (
        "",
        date(2026, 12, 1),
        10000,
        10000,
    )


def test_a_discount_for_paying_early(site: ErpNextSite, provider: ErpNext) -> None:
    early = {"discount_date": "2026-10-05", "discount_type": "Percentage", "discount": 2.5}
    bill(site, "F-1", "Kerbrat", 99.99, payment_schedule=[schedule("2026-10-20", 99.99, **early)])
    found = document(provider, "F-1")
    assert (found.discount_until, found.discount) == (date(2026, 10, 5), 250)
    early |= {"discount_type": "Amount", "discount": 3.0}
    bill(site, "F-2", "Kerbrat", 99.99, payment_schedule=[schedule("2026-10-20", 99.99, **early)])
    assert document(provider, "F-2").discount == 300


def test_an_invoice_that_cannot_be_right_is_set_aside_alone(
    site: ErpNextSite, provider: ErpNext
) -> None:
    bill(site, "good", "Kerbrat", 100.0)
    bill(site, "fine", "Kerbrat", 100.005)  # finer than a cent
    bill(site, "return", "Kerbrat", -100.0, is_return=1, outstanding_amount=50.0)
    bill(
        site,
        "schedule",
        "Kerbrat",
        100.0,
        payment_schedule=[schedule(None, 30.0), schedule(None, 10.0), schedule(None, 300.0)],
    )
    bill(site, "words", "Kerbrat", 100.0, grand_total="many")
    pages = list(provider.changes(Kind.INVOICES, None))
    assert [record.id for page in pages for record in page.records] == ["good"]
    assert {bad.id for page in pages for bad in page.bad} == {"fine", "return", "schedule", "words"}
    with pytest.raises(BadRecord, match="words"):
        list(provider.invoices(["good", "words"]))
    with pytest.raises(BadRecord):
        provider.account("Kerbrat")


@pytest.mark.parametrize(
    ("raw", "found"),
    [(0.1 + 0.2, "0.3"), (1439.9999999999998, "1440"), (1e9 + 0.01, "1000000000.01"), (None, "0")],
)
def test_floats_are_the_decimals_they_stand_for(raw: object, found: str) -> None:
    assert exact(raw) == Decimal(found)


@pytest.mark.parametrize("raw", [float("nan"), float("inf"), "many", True, []])
def test_what_is_no_amount_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        exact(raw)


# --- payments --------------------------------------------------------------------------------


def received(site: ErpNextSite, name: str, amount: float, *parts: Any, **more: Any) -> None:
    given = {
        "docstatus": 1,
        "payment_type": "Receive",
        "party_type": "Customer",
        "party": "Kerbrat",
        "company": FIRM,
        "posting_date": "2026-10-25",
        "paid_amount": amount,
        "unallocated_amount": 0,
        "paid_from_account_currency": "EUR",
        "reference_no": "VIR 553",
        "references": [
            {"reference_doctype": kind, "reference_name": ref, "allocated_amount": part}
            for kind, ref, part in parts
        ],
    }
    site.put("Payment Entry", name, **(given | more))


def test_payments_and_where_they_went(site: ErpNextSite, provider: ErpNext) -> None:
    bill(site, "F-1", "Kerbrat", 100.0)
    received(site, "P-1", 100.0, ("Sales Invoice", "F-1", 60.0), unallocated_amount=40.0)
    # the bank kept two euros: more was allocated than came in
    received(site, "P-2", 98.0, ("Sales Invoice", "F-1", 100.0))
    # a credit note was settled along with it
    received(site, "P-3", 80.0, ("Sales Invoice", "F-1", 100.0), ("Sales Invoice", "R-1", -20.0))
    # money towards an order has lowered no invoice yet
    received(site, "P-4", 50.0, ("Sales Order", "SO-1", 50.0))
    received(site, "P-5", 10.0, ("Sales Invoice", "F-1", 10.0), docstatus=2, unallocated_amount=5.0)
    received(site, "P-6", 10.0, docstatus=0, unallocated_amount=10.0)
    received(site, "P-7", 10.0, payment_type="Pay")
    received(site, "P-8", 10.0, party_type="Supplier")
    received(site, "P-9", 10.0, company="Another firm")
    found = payments(provider)
    assert set(found) == {"P-1", "P-2", "P-3", "P-4", "P-5", "P-6"}
    figures = {name: (p.amount, p.unallocated) for name, p in found.items()}
    assert figures == {
        "P-1": (10000, 4000),
        "P-2": (10000, 0),
        "P-3": (10000, 0),
        "P-4": (5000, 5000),
        "P-5": (1000, 0),
        "P-6": (1000, 1000),
    }
    assert found["P-1"].allocations == (Allocation(invoice_id="F-1", amount=6000),)
    assert found["P-3"].allocations == (Allocation(invoice_id="F-1", amount=10000),)
    assert found["P-1"].reference == "VIR 553"
    assert found["P-5"].state is PaymentState.VOID
    assert found["P-6"].state is PaymentState.PENDING
    account = provider.account("Kerbrat")
    assert {payment.id for payment in account.payments} == {"P-1", "P-4", "P-6"}


def test_a_payment_that_names_its_terms_names_its_lines(
    site: ErpNextSite, provider: ErpNext
) -> None:
    bill(site, "F-1", "Kerbrat", 300.0, payment_schedule=thirds(100.0, 100.0, 100.0, term=True))
    name = site.pay("F-1", 100.0, term="T1")
    (part,) = payments(provider)[name].allocations
    line = document(provider, "F-1").lines[1]
    assert (part.line_id, line.balance) == (line.id, 0)


def journal(site: ErpNextSite, name: str, *sides: Any, **more: Any) -> None:
    given = {
        "docstatus": 1,
        "voucher_type": "Journal Entry",
        "company": FIRM,
        "posting_date": "2026-10-26",
        "cheque_no": "CHQ 7",
        "accounts": [
            {
                "party_type": "Customer" if party else None,
                "party": party,
                "account_currency": "EUR",
                "credit_in_account_currency": max(amount, 0),
                "debit_in_account_currency": max(-amount, 0),
                "reference_type": "Sales Invoice" if ref else None,
                "reference_name": ref,
            }
            for party, amount, ref in sides
        ],
    }
    site.put("Journal Entry", name, **(given | more))


def test_journal_entries_that_bring_money(site: ErpNextSite, provider: ErpNext) -> None:
    customer(site, "Martin")
    bill(site, "F-1", "Kerbrat", 100.0)
    journal(
        site,
        "J-1",
        ("Kerbrat", 60.0, "F-1"),
        ("Kerbrat", 15.0, None),
        ("Martin", 5.0, None),
        (None, -80.0, None),
    )
    journal(site, "J-2", ("Kerbrat", 20.0, "F-1"), ("Kerbrat", -20.0, "R-1"))  # no money
    journal(
        site, "J-3", ("Kerbrat", 1.0, "F-1"), (None, -1.0, None), voucher_type="Write Off Entry"
    )
    journal(site, "J-4", ("Kerbrat", 9.0, "F-1"), (None, -9.0, None), docstatus=2)
    journal(site, "J-5", (None, 9.0, None), (None, -9.0, None))
    journal(site, "J-6", ("Kerbrat", 9.0, None), (None, -9.0, None), company="Another firm")
    journal(site, "J-7", ("Kerbrat", 9.0, None), (None, -9.0, None), docstatus=0)
    found = payments(provider)
    assert set(found) == {"J-1:Kerbrat:EUR", "J-1:Martin:EUR", "J-4:Kerbrat:EUR"}
    first = found["J-1:Kerbrat:EUR"]
    assert (first.amount, first.unallocated, first.reference) == (7500, 1500, "CHQ 7")
    assert first.allocations == (Allocation(invoice_id="F-1", amount=6000),)
    assert found["J-1:Martin:EUR"].unallocated == 500
    assert found["J-4:Kerbrat:EUR"].state is PaymentState.VOID
    (money,) = provider.account("Kerbrat").payments
    assert money == first


def test_a_draft_counts_only_where_its_end_can_be_seen() -> None:
    """Whoever may not read what is deleted would wait for ever for the money of one that went."""
    for role, states in (("Deletions", [PaymentState.PENDING]), ("Inbox User", [])):
        with books(15, role) as site:
            customer(site, "Kerbrat")
            received(site, "P-1", 10.0, docstatus=0)
            assert [p.state for p in payments(opened(site)).values()] == states


# --- customers -------------------------------------------------------------------------------


def test_a_customer_and_its_people(site: ErpNextSite, provider: ErpNext) -> None:
    customer(
        site,
        "CUST-0001",
        customer_name="Dubois & fils <Lyon>",
        customer_type="Individual",
        customer_group="Commercial",
        tax_id="FR1",
        language="en-US",
        account_manager="anne@firm.example",
        email_id="dubois@client.example",
        mobile_no="06",
        disabled=1,
        _user_tags=",vip,slow",
        customer_primary_address="Dubois-Office",
        credit_limits=[
            {"company": FIRM, "credit_limit": 5000.0},
            {"company": "Another firm", "credit_limit": 1.0},
        ],
    )
    mine = {"link_doctype": "Customer", "link_name": "CUST-0001"}
    site.put("Contact", "b", first_name="Zoé", last_name="Petit", email_id="zoe@client.example",
             is_billing_contact=1, links=[mine.copy()])  # fmt: skip
    site.put("Contact", "a", first_name="Luc", email_id="luc@client.example", phone="04",
             is_primary_contact=1, links=[mine.copy()])  # fmt: skip
    site.put("Contact", "c", first_name="Personne", links=[mine.copy()])
    site.put("Contact", "d", first_name="Autre", email_id="x@other.example",
             links=[mine | {"link_name": "Kerbrat"}])  # fmt: skip
    site.put("Address", "Dubois-Billing", address_type="Billing", address_line1="1 rue A",
             city="Lyon", country="France", links=[mine.copy()])  # fmt: skip
    site.put("Address", "Dubois-Office", address_type="Office", address_line1="2 Main St",
             pincode="10001", city="New York", country="United States", links=[mine.copy()])  # fmt: skip
    found = provider.account("CUST-0001").customer
    assert (found.name, found.number) == ("Dubois & fils <Lyon>", "CUST-0001")
    assert (found.language, found.country, found.legal_id) == ("en", "US", "FR1")
    assert found.address == "2 Main St\n10001 New York\nUnited States"
    assert found.kind is CustomerKind.CONSUMER
    assert found.tags == ("Commercial", "vip", "slow")
    assert (found.owner, found.active, found.credit_limit) == ("anne@firm.example", False, 500000)
    assert [(c.email, c.name, c.role) for c in found.contacts] == [
        ("luc@client.example", "Luc", Role.MAIN),
        ("zoe@client.example", "Zoé Petit", Role.INVOICE),
        ("dubois@client.example", "", Role.MAIN),
    ]


def test_a_frozen_customer_is_held(site: ErpNextSite, provider: ErpNext) -> None:
    customer(site, "Gelé", is_frozen=1)
    (held,) = provider.account("Gelé").customer.decisions
    assert (held.mark, held.customer_id, held.invoice_id) == (Mark.HOLD, "Gelé", None)
    assert held.since == site.now.date()
    assert provider.account("Kerbrat").customer.decisions == ()


def test_public_bodies_are_a_group(site: ErpNextSite, provider: ErpNext) -> None:
    customer(site, "Mairie", customer_group="Government")
    assert provider.account("Mairie").customer.kind is CustomerKind.PUBLIC


def test_the_invoices_own_address_and_order_number(site: ErpNextSite, provider: ErpNext) -> None:
    bill(site, "F-1", "Kerbrat", 1.0, contact_email=" compta@kerbrat.example ", po_no="BC-778")
    found = document(provider, "F-1")
    assert (found.recipient, found.reference) == ("compta@kerbrat.example", "BC-778")


def test_a_page_to_pay_on_is_one_that_is_there(site: ErpNextSite, provider: ErpNext) -> None:
    bill(site, "F-1", "Kerbrat", 1.0)
    for number, (status, docstatus) in enumerate([("Requested", 1), ("Paid", 1), ("Cancelled", 2)]):
        site.put("Payment Request", f"PR-{number}", docstatus=docstatus, status=status,
                 reference_doctype="Sales Invoice", reference_name="F-1",
                 payment_url=f"https://pay.example/{number}")  # fmt: skip
    assert document(provider, "F-1").pay_link == "https://pay.example/0"
    asked = [call.path for call in site.calls]
    assert not any("make_payment_request" in path for path in asked)
    assert isinstance(document(provider, "F-1"), Invoice)


# --- time ------------------------------------------------------------------------------------


def test_stamps_are_the_sites_own_time() -> None:
    assert instant(datetime.fromisoformat("2026-07-01 10:00:00.5"), PARIS) == datetime(
        2026, 7, 1, 8, 0, 0, 500000, tzinfo=UTC
    )
    assert instant(datetime.fromisoformat("2026-01-01 10:00"), PARIS) == datetime(
        2026, 1, 1, 9, tzinfo=UTC
    )
    # told twice on the last Sunday of October: nobody can say which it was
    assert instant(datetime.fromisoformat("2026-10-25 02:30"), PARIS) is None
    assert instant(None, PARIS) is None
