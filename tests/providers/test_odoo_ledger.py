"""What Odoo tells of its books, on the stand-in: changes, payments, companies, rights, limits."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connector.contract import Kind
from connector.errors import (
    AuthRequired,
    BadRecord,
    ConfigError,
    Rejected,
    Transient,
)
from connector.receivables.capabilities import Notes
from connector.receivables.records import (
    Allocation,
    DocumentState,
    Invoice,
    Mark,
    Payment,
    PaymentState,
    Record,
    Role,
)
from providers.odoo import SPEC, Odoo, check
from tests.providers.odoo_stand_in import KEY, PASSWORD, opened, settings
from tests.records import gather
from tests.stand_ins import odoo_model
from tests.stand_ins.odoo import OdooServer
from tests.stand_ins.odoo_firm import (
    COMPANY,
    CURRENCIES,
    contact,
    document,
    furnish,
    match,
    money,
    partner,
    pay,
    restate,
)

DUE = date(2026, 10, 31)


class Books:
    """A firm with one customer; `later` lets time pass, so that what follows is a change."""

    def __init__(self, version: int, way: str) -> None:
        self.at = datetime(2026, 11, 1, 8, tzinfo=UTC)
        self.odoo = OdooServer(version, clock=lambda: self.at)
        furnish(self.odoo)
        self.customer = partner(self.odoo, "Dupont")
        self.invoice = document(self.odoo, self.customer, (DUE, 100.0), name="FAC/1")
        self.provider: Odoo = opened(self.odoo, way)
        self.cursors: dict[Kind, str] = {}

    def later(self, hours: int = 1) -> None:
        self.at += timedelta(hours=hours)

    def caught_up(self) -> None:
        """Everything was read, a while after the last change."""
        self.later()
        document(self.odoo, self.customer, (DUE, 1.0), name="FAC/last")
        pay(self.odoo, self.invoice, 1.0)
        self.odoo.change("res.partner", self.customer)
        for kind in SPEC.kinds:
            self.cursors[kind] = list(self.provider.changes(kind, None))[-1].cursor
        self.later()

    def changed(self, kind: Kind) -> dict[str, Record]:
        pages = list(self.provider.changes(kind, self.cursors[kind]))
        return {key[1]: record for key, record in gather(pages).items()}

    def told(self, invoice: int) -> Any:
        return next(self.provider.invoices([str(invoice)]), None)


@pytest.fixture(params=[(17, PASSWORD), (19, KEY)], ids=["17", "19"])
def books(request: pytest.FixtureRequest) -> Iterator[Books]:
    books = Books(*request.param)
    with books.odoo:
        yield books
        books.provider.close()


@pytest.fixture
def newest() -> Iterator[Books]:
    books = Books(19, KEY)
    with books.odoo:
        yield books
        books.provider.close()


# --- the firm ----------------------------------------------------------------------------------


def test_the_company(books: Books) -> None:
    company = books.provider.company()
    assert company.ledger_id == "odoo:mirabelle:1"
    assert (company.name, company.country, company.currency) == ("Atelier Démo SARL", "FR", "EUR")
    assert (company.timezone, company.legal_id) == ("Europe/Paris", "FR23334175221")
    assert company.address == "12 rue du Lac\n69002 LYON\nFrance"
    assert company.bank_line == "FR76 1234"
    assert (company.email, company.phone) == ("compta@demo.example", "+33 4 00 00 00 00")


def test_both_protocols_tell_the_same(newest: Books) -> None:
    other = opened(newest.odoo, PASSWORD)
    assert other.company() == newest.provider.company()
    for kind in SPEC.kinds:
        assert list(other.changes(kind, None)) == list(newest.provider.changes(kind, None))


def test_of_several_companies_one_is_chosen(books: Books) -> None:
    odoo = books.odoo
    odoo.add("res.company", id=4, name="Mirabelle Suisse SA", partner_id=1, currency_id=1)
    theirs = document(odoo, books.customer, (DUE, 10.0), name="FAC/1", company_id=4)
    odoo.tables["account.move.line"][odoo.get("account.move", theirs)["line_ids"][0]][
        "company_id"
    ] = 4
    odoo.tables["res.users"][odoo.uid]["company_ids"] = [COMPANY, 4]
    with pytest.raises(ConfigError, match=r"RELANCE_ODOO_COMPANY.*1 \(Atelier.*4 \(Mirabelle"):
        opened(odoo).company()
    with pytest.raises(ConfigError, match=r"does not work for company 9.*1 \(Atelier"):
        opened(odoo, COMPANY="9").company()
    for number, invoice in ((1, books.invoice), (4, theirs)):
        chosen = opened(odoo, COMPANY=str(number))
        assert chosen.company().ledger_id == f"odoo:mirabelle:{number}"
        records = [r for page in chosen.changes(Kind.INVOICES, None) for r in page.records]
        assert [record.id for record in records] == [str(invoice)]
        assert [item.id for item in chosen.open_items()] == [str(invoice)]


def test_without_a_time_zone_days_are_utc_and_that_is_found(books: Books) -> None:
    books.odoo.change("res.users", books.odoo.uid, tz=False)
    assert books.provider.company().timezone == "UTC"
    missing = [f for f in books.provider.examine() if not f.fine]
    assert [(f.what, f.needed) for f in missing] == [("know the firm's time zone", False)]


# --- documents ---------------------------------------------------------------------------------


def test_a_payment_shows_in_the_next_change(books: Books) -> None:
    books.caught_up()
    assert str(books.invoice) not in {*books.changed(Kind.PAYMENTS)}
    credit = pay(books.odoo, books.invoice)
    invoice = books.changed(Kind.INVOICES)[str(books.invoice)]
    assert isinstance(invoice, Invoice)
    assert (invoice.state, invoice.balance) == (DocumentState.PAID, 0)
    payment = books.changed(Kind.PAYMENTS)[str(credit)]
    assert isinstance(payment, Payment)
    assert [(p.invoice_id, p.amount) for p in payment.allocations] == [(str(books.invoice), 9900)]
    assert str(books.invoice) not in {item.id for item in books.provider.open_items()}


def test_a_read_takes_up_minutes_before_the_newest_stamp(books: Books) -> None:
    """A stamp is the start of a transaction: one that ends later is seen later, in the past."""
    books.caught_up()
    books.at -= timedelta(hours=1, minutes=8)  # begun before the last one that was read
    slow = document(books.odoo, books.customer, (DUE, 5.0), name="FAC/slow")
    books.at += timedelta(hours=1, minutes=8)
    assert str(slow) in books.changed(Kind.INVOICES)


def test_the_same_second_is_asked_for_again(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Odoo shows whole seconds: what was written later in the newest one is not passed over."""
    monkeypatch.setattr("providers.odoo.stream.OVERLAP", timedelta())
    pages = list(books.provider.changes(Kind.INVOICES, None))
    other = document(books.odoo, books.customer, (DUE, 5.0), name="FAC/2")
    again = gather(list(books.provider.changes(Kind.INVOICES, pages[-1].cursor)))
    assert str(other) in {key[1] for key in again}


def test_an_edited_due_date_shows(books: Books) -> None:
    books.caught_up()
    (line,) = books.odoo.get("account.move", books.invoice)["line_ids"]
    books.odoo.change("account.move.line", line, date_maturity="2027-01-31")
    invoice = books.changed(Kind.INVOICES)[str(books.invoice)]
    assert isinstance(invoice, Invoice)
    assert [part.due_on for part in invoice.lines] == [date(2027, 1, 31)]


def test_a_posted_invoice_back_in_draft_is_told_and_is_not_owed(books: Books) -> None:
    books.caught_up()
    books.odoo.change("account.move", books.invoice, state="draft")
    invoice = books.changed(Kind.INVOICES)[str(books.invoice)]
    assert isinstance(invoice, Invoice)
    assert (invoice.state, invoice.balance, invoice.number) == (DocumentState.DRAFT, 0, "FAC/1")
    assert str(books.invoice) not in {item.id for item in books.provider.open_items()}


def test_marks_against_reminding(newest: Books) -> None:
    newest.odoo.change("account.move", newest.invoice, no_followup=True, payment_state="blocked")
    assert [d.mark for d in newest.told(newest.invoice).decisions] == [
        Mark.EXCLUDED,
        Mark.DISPUTED,
    ]
    (item,) = newest.provider.open_items()
    assert item.balance == 10000
    (owed,) = newest.provider.account(str(newest.customer)).invoices
    assert owed.decisions


def test_in_payment_is_not_owed(books: Books) -> None:
    books.odoo.change("account.move", books.invoice, payment_state="in_payment")
    assert books.told(books.invoice).state is DocumentState.PAID
    assert list(books.provider.open_items()) == []
    assert books.provider.account(str(books.customer)).invoices == ()


def test_one_bad_record_does_not_hide_the_others(books: Books) -> None:
    other = document(books.odoo, books.customer, (DUE, 5.0), name="FAC/2")
    books.odoo.add("res.currency", id=99, name="QQQ")
    books.odoo.change("account.move", books.invoice, currency_id=99)
    pages = list(books.provider.changes(Kind.INVOICES, None))
    (bad,) = [problem for page in pages for problem in page.bad]
    assert (bad.id, "'QQQ' is not a currency code" in str(bad)) == (str(books.invoice), True)
    assert [r.id for page in pages for r in page.records] == [str(other)]
    found = books.provider.invoices([str(books.invoice), str(other)])
    assert next(found).id == str(other)
    with pytest.raises(BadRecord):
        next(found)
    with pytest.raises(BadRecord):
        books.provider.account(str(books.customer))


def test_a_due_line_that_does_not_read_sets_its_invoice_aside(books: Books) -> None:
    (line,) = books.odoo.get("account.move", books.invoice)["line_ids"]
    books.odoo.change("account.move.line", line, date_maturity="soon")
    (page,) = books.provider.changes(Kind.INVOICES, None)
    assert page.records == ()
    assert [(bad.kind, bad.id) for bad in page.bad] == [("invoice", str(books.invoice))]


# --- customers ---------------------------------------------------------------------------------


def test_a_prospect_becomes_a_customer_without_a_stamp(books: Books) -> None:
    """Posting raises `customer_rank` beside the ORM, and may fail to: the invoice tells."""
    prospect = partner(books.odoo, "Prospect", customer_rank=0)
    books.caught_up()
    assert str(prospect) not in books.changed(Kind.CUSTOMERS)
    document(books.odoo, prospect, (DUE, 5.0), name="FAC/2")
    assert str(prospect) in books.changed(Kind.CUSTOMERS)
    first = gather(list(books.provider.changes(Kind.CUSTOMERS, None)))
    assert str(prospect) in {key[1] for key in first}


def test_a_contacts_change_tells_its_customer(books: Books) -> None:
    child = contact(books.odoo, books.customer, "compta@dupont.example")
    other = partner(books.odoo, "Autre")
    books.caught_up()
    books.odoo.change("res.partner", child, email="neu@dupont.example")
    changed = books.changed(Kind.CUSTOMERS)
    assert set(changed) == {str(books.customer)}
    assert other
    (found,) = changed[str(books.customer)].contacts  # type: ignore[union-attr]
    assert (found.email, found.role) == ("neu@dupont.example", Role.INVOICE)


def test_contacts_that_nobody_is_reminded_at(books: Books) -> None:
    contact(books.odoo, books.customer, "depot@dupont.example", type="delivery")
    contact(books.odoo, books.customer, "parti@dupont.example", active=False)
    contact(books.odoo, books.customer, "relances@dupont.example", type="followup")
    found = books.provider.account(str(books.customer)).customer.contacts
    assert [(c.email, c.role) for c in found] == [("relances@dupont.example", Role.REMINDER)]


def test_an_archived_customer_is_told(books: Books) -> None:
    books.odoo.change("res.partner", books.customer, active=False)
    assert not books.provider.account(str(books.customer)).customer.active


def test_after_a_merge_documents_are_another_customers(books: Books) -> None:
    """A merge moves them beside the ORM: only the partner that took over is stamped."""
    other = partner(books.odoo, "Dupont SA")
    books.caught_up()
    for row in books.odoo.tables["account.move"].values():
        row.update(partner_id=other, commercial_partner_id=other)
    del books.odoo.tables["res.partner"][books.customer]
    for row in books.odoo.tables["account.move.line"].values():
        row["partner_id"] = other
    books.odoo.change("res.partner", other)
    invoice = books.changed(Kind.INVOICES)[str(books.invoice)]
    assert isinstance(invoice, Invoice)
    assert invoice.customer_id == str(other)
    with pytest.raises(Rejected, match="there is no customer"):
        books.provider.account(str(books.customer))
    assert len(books.provider.account(str(other)).invoices) == 2


# --- payments ----------------------------------------------------------------------------------


def test_a_contacts_money_is_the_customers(books: Books) -> None:
    child = contact(books.odoo, books.customer, "x@dupont.example")
    credit = money(books.odoo, child, 40.0, name="VIR")
    (payment,) = books.provider.account(str(books.customer)).payments
    assert (payment.id, payment.customer_id) == (str(credit), str(books.customer))
    assert (payment.unallocated, payment.reference) == (4000, "VIR")


def test_money_is_spread_as_odoo_says(books: Books) -> None:
    other = document(books.odoo, books.customer, (DUE, 30.0), (DUE, 20.0), name="FAC/2")
    credit = money(books.odoo, books.customer, 145.0)
    (first,) = books.odoo.get("account.move", books.invoice)["line_ids"]
    second, third = books.odoo.get("account.move", other)["line_ids"]
    for line, amount in ((first, 100.0), (second, 30.0), (third, 10.0)):
        match(books.odoo, line, credit, amount)
    (payment,) = books.provider.account(str(books.customer)).payments
    assert payment.unallocated == 500
    assert payment.allocations == (
        Allocation(invoice_id=str(books.invoice), line_id=str(first), amount=10000),
        Allocation(invoice_id=str(other), line_id=str(second), amount=3000),
        Allocation(invoice_id=str(other), line_id=str(third), amount=1000),
    )


def test_a_payment_taken_back_is_void(books: Books) -> None:
    credit = money(books.odoo, books.customer, 40.0)
    books.caught_up()
    books.odoo.change("account.move.line", credit, parent_state="cancel")
    payment = books.changed(Kind.PAYMENTS)[str(credit)]
    assert isinstance(payment, Payment)
    assert (payment.state, payment.unallocated) == (PaymentState.VOID, 0)
    assert books.provider.account(str(books.customer)).payments == ()


def test_money_on_account_that_was_deleted_is_void(books: Books) -> None:
    """A bank line that is matched anew is deleted and made again."""
    kept, gone = (money(books.odoo, books.customer, amount) for amount in (40.0, 30.0))
    books.caught_up()
    del books.odoo.tables["account.move.line"][gone]
    pages = list(books.provider.changes(Kind.PAYMENTS, books.cursors[Kind.PAYMENTS]))
    void = gather(pages)[Payment, str(gone)]
    assert isinstance(void, Payment)
    assert (void.state, void.unallocated, void.amount) == (PaymentState.VOID, 0, 3000)
    assert void.customer_id == str(books.customer)
    again = gather(list(books.provider.changes(Kind.PAYMENTS, pages[-1].cursor)))
    assert (Payment, str(gone)) not in again
    (loose,) = books.provider.account(str(books.customer)).payments
    assert loose.id == str(kept)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("draft", PaymentState.PENDING),
        ("in_process", PaymentState.PENDING),
        ("paid", PaymentState.VOID),
        ("canceled", PaymentState.VOID),
        ("rejected", PaymentState.RETURNED),
    ],
)
def test_a_payment_without_an_entry(newest: Books, state: str, expected: PaymentState) -> None:
    number = newest.odoo.add(
        "account.payment",
        state=state,
        payment_type="inbound",
        partner_type="customer",
        amount=12.5,
        date="2026-11-01",
        partner_id=newest.customer,
        company_id=COMPANY,
        currency_id=CURRENCIES["EUR"],
        memo="SEPA",
    )
    pages = newest.provider.changes(Kind.PAYMENTS, None)
    (payment,) = [r for page in pages for r in page.records]
    assert isinstance(payment, Payment)
    assert (payment.id, payment.state) == (f"payment-{number}", expected)
    pending = expected is PaymentState.PENDING
    assert payment.unallocated == (1250 if pending else 0)
    assert bool(newest.provider.account(str(newest.customer)).payments) is pending


def test_a_draft_that_is_no_payment_is_no_money(books: Books) -> None:
    money(books.odoo, books.customer, 40.0, state="draft")
    assert books.provider.account(str(books.customer)).payments == ()


def test_payments_are_not_needed_to_read_the_books(newest: Books) -> None:
    newest.odoo.unreadable.add("account.payment")
    pay(newest.odoo, newest.invoice)
    for kind in SPEC.kinds:
        assert [r for page in newest.provider.changes(kind, None) for r in page.records]
    missing = [f for f in newest.provider.examine() if not f.fine]
    assert [(f.what, f.needed) for f in missing] == [
        ("read payments that are not booked yet", False)
    ]


# --- rights and settings -------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["account.move", "account.move.line", "res.partner"])
def test_without_a_right_the_user_must_be_given_it(books: Books, model: str) -> None:
    books.provider.company()
    books.odoo.unreadable.add(model)
    kind = Kind.CUSTOMERS if model == "res.partner" else Kind.INVOICES
    with pytest.raises(AuthRequired, match="no right to do this"):
        list(books.provider.changes(kind, None))


def test_each_right_is_examined(newest: Books) -> None:
    newest.provider.company()
    newest.odoo.unreadable |= {"account.move", "mail.compose.message", "mail.message"}
    missing = {f.what: f for f in newest.provider.examine() if not f.fine}
    assert set(missing) == {"read invoices", "leave notes on invoices", "send e-mails"}
    assert missing["read invoices"].needed
    assert "Accounting: Read-only" in missing["read invoices"].mend
    can = newest.provider.probe()
    assert (can.custom_email, can.note) == (False, Notes.NONE)


@pytest.mark.parametrize(("automatic", "warned"), [(True, True), (False, False)])
def test_enterprises_own_reminders_are_seen(
    newest: Books, monkeypatch: pytest.MonkeyPatch, automatic: bool, warned: bool
) -> None:
    level = "account_followup.followup.line"
    assert not newest.provider.probe().native_reminders
    monkeypatch.setitem(odoo_model.MODELS, level, {"auto_execute": "boolean"})  # type: ignore[arg-type]
    newest.odoo.installed.add(level)
    newest.odoo.tables[level] = {1: {"id": 1, "auto_execute": automatic}}
    fresh = opened(newest.odoo)
    assert fresh.probe().native_reminders is warned
    (found,) = [f for f in fresh.examine() if f.what == "be the only one who reminds"]
    assert found.fine is not warned


def test_a_database_without_invoicing_says_so(books: Books) -> None:
    books.odoo.installed.discard("account.move")
    with pytest.raises(ConfigError, match="install Odoo's app Invoicing"):
        books.provider.company()


def test_a_wrong_database_password_or_a_stopped_database(books: Books) -> None:
    way = KEY if books.odoo.version >= 19 else PASSWORD
    with pytest.raises(ConfigError, match="RELANCE_ODOO_DATABASE"):
        opened(books.odoo, way, DATABASE="other").company()
    with pytest.raises(AuthRequired, match="RELANCE_ODOO_"):
        opened(books.odoo, way, PASSWORD="no", KEY="no").company()
    books.odoo.database_up = False
    with pytest.raises(Transient, match="database"):
        opened(books.odoo, way).company()


def test_the_address_may_be_the_browsers(books: Books) -> None:
    for tail in ("/", "/web", "/web#action=1", "/odoo/accounting"):
        url = books.odoo.url + tail
        assert opened(books.odoo, URL=url).company().name == "Atelier Démo SARL"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"URL": "firm.odoo.com", "KEY": "k"}, ["RELANCE_ODOO_URL"]),
        ({"URL": "https://x"}, ["RELANCE_ODOO_USER", "RELANCE_ODOO_PASSWORD"]),
        ({"URL": "https://x", "KEY": "k", "COMPANY": "Dupont"}, ["RELANCE_ODOO_COMPANY"]),
        ({"URL": "https://x", "KEY": "k", "COMPANY": "3"}, []),
        ({"URL": "https://x", "USER": "u", "PASSWORD": "p"}, []),
    ],
)
def test_settings_are_checked_whole(given: dict[str, str], words: list[str]) -> None:
    problems = check(given)
    assert len(problems) == len(words)
    for problem, word in zip(problems, words, strict=True):
        assert word in problem


# --- faults and size -------------------------------------------------------------------------------


def test_a_read_that_is_cut_off_is_made_again(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books.provider._http, "_sleep", lambda seconds: None)
    books.provider.company()
    books.odoo.fail["search_read"] = ["cut", "lost", "never"]
    (page,) = books.provider.changes(Kind.INVOICES, None)
    assert [record.id for record in page.records] == [str(books.invoice)]
    books.odoo.fail["search_read"] = ["cut"] * 4
    with pytest.raises(Transient, match="cut off"):
        list(books.provider.changes(Kind.INVOICES, None))


def test_a_new_version_with_other_fields_is_read_all_the_same(newest: Books) -> None:
    """What is not needed is asked for only where it is."""
    gone = {"no_followup", "posted_before", "access_token", "invoice_pdf_report_id"}
    fields = {k: v for k, v in odoo_model.MODELS["account.move"].items() if k not in gone}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(odoo_model.MODELS, "account.move", fields)  # type: ignore[arg-type]
        newest.odoo.version = 21
        restate(newest.odoo, newest.invoice)
        other = opened(newest.odoo, KEY)
        (page,) = other.changes(Kind.INVOICES, None)
        assert [record.id for record in page.records] == [str(newest.invoice)]
        assert other.pdf(str(newest.invoice)).startswith(b"%PDF")


def test_ten_thousand_open_invoices_are_few_calls(newest: Books) -> None:
    odoo = newest.odoo
    for number in range(9_999):
        document(odoo, newest.customer, (DUE, 10.0 + number % 7), name=f"FAC/{number + 2}")
    provider = opened(odoo, KEY, page=500)
    provider.company()
    odoo.calls.clear()
    pages = list(provider.changes(Kind.INVOICES, None))
    assert sum(len(page.records) for page in pages) == pages[0].total == 10_000
    assert len(pages) == 21  # the last is empty: none is missing
    calls = Counter(dict(odoo.calls))
    assert calls["account.move.line", "search_read"] == 21  # the newest stamp, and a page each
    assert calls["account.move", "search_read"] == 22
    odoo.calls.clear()
    assert len(list(provider.open_items())) == 10_000
    assert odoo.calls["account.move", "search_read"] == 6


def test_the_settings_are_those_that_are_declared(books: Books) -> None:
    assert set(settings(books.odoo)) <= {setting.name for setting in SPEC.settings}
