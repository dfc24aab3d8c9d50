"""Dolibarr: the contract over a stand-in of versions 19 and 23, then what it does over time."""

from collections.abc import Iterator, Sequence
from datetime import date

import pytest

from connector.contract import Kind, Provider
from connector.errors import AuthRequired, ConfigError, OutcomeUnknown, Rejected
from connector.receivables.records import (
    Customer,
    DocumentState,
    Invoice,
    Payment,
    PaymentState,
    Record,
)
from providers.dolibarr import SPEC
from providers.dolibarr.settings import base_of
from tests.contract import ProviderContract
from tests.providers.dolibarr_books import expected, ledger, opened, small
from tests.records import gather, note_of, read, unstamped
from tests.stand_ins.dolibarr import ADMIN, KEY, Dolibarr

PAGE = 4


class Encoded(ProviderContract):
    spec = SPEC
    version: int

    @pytest.fixture
    def provider(self) -> Iterator[Provider]:
        with ledger(self.version) as books:
            provider = opened(books, page=PAGE)
            yield provider
            provider.close()

    @pytest.fixture
    def expected(self) -> Sequence[Record]:
        return expected()


class TestDolibarr19(Encoded):
    version = 19


class TestDolibarr23(Encoded):
    version = 23


@pytest.fixture(params=[19, 23], ids=["v19", "v23"])
def books(request: pytest.FixtureRequest) -> Iterator[Dolibarr]:
    with small(request.param) as books:
        yield books


def caught_up(provider: Provider, kind: Kind) -> str:
    return list(provider.changes(kind, None))[-1].cursor


def changed(provider: Provider, kind: Kind, since: str) -> dict[str, Record]:
    pages = provider.changes(kind, since)
    return {record.id: record for page in pages for record in page.records}  # type: ignore[union-attr]


def owed(provider: Provider) -> dict[str, int]:
    return {item.id: item.balance for item in provider.open_items()}


def later(books: Dolibarr) -> None:
    """Two days pass, and an invoice is made: what was there before is behind the overlap."""
    books.tick(2 * 24 * 3600)
    books.invoice(1, "10", date(2026, 11, 2), date(2026, 12, 2))


# --- what is stamped, and what is not ------------------------------------------------------


def test_a_payment_is_told_and_lowers_what_is_owed(books: Dolibarr) -> None:
    provider = opened(books)
    later(books)
    at = {kind: caught_up(provider, kind) for kind in SPEC.kinds}
    assert "1" not in changed(provider, Kind.INVOICES, at[Kind.INVOICES])
    books.pay(1, "100.10", num="VIR 77")
    document = changed(provider, Kind.INVOICES, at[Kind.INVOICES])["1"]
    assert isinstance(document, Invoice)
    assert (document.state, document.balance) == (DocumentState.OPEN, 97990)
    (payment,) = changed(provider, Kind.PAYMENTS, at[Kind.PAYMENTS]).values()
    assert isinstance(payment, Payment)
    assert (payment.amount, payment.reference) == (10010, "VIR 77")
    assert owed(provider)["1"] == 97990
    books.pay(1)
    document = changed(provider, Kind.INVOICES, at[Kind.INVOICES])["1"]
    assert isinstance(document, Invoice)
    assert (document.state, document.balance) == (DocumentState.PAID, 0)
    assert "1" not in owed(provider)


def test_a_deleted_payment_shows_in_the_open_set_alone(books: Dolibarr) -> None:
    ref = books.pay(1, "100")
    later(books)
    provider = opened(books)
    at = caught_up(provider, Kind.INVOICES)
    assert owed(provider)["1"] == 98000
    books.unpay(ref)
    assert "1" not in changed(provider, Kind.INVOICES, at)
    assert owed(provider)["1"] == 108000
    (document,) = provider.invoices(["1"])
    assert document.balance == 108000


def test_a_credit_note_that_is_used_shows_in_the_open_set_alone(books: Dolibarr) -> None:
    note = books.invoice(1, "-60", date(2026, 10, 1), type_=2, source=1)
    provider = opened(books)
    assert owed(provider) == {"1": 108000, "2": 60000, "3": -6000}
    rowid = books.convert(note)
    later(books)
    at = caught_up(provider, Kind.INVOICES)
    assert owed(provider) == {"1": 108000, "2": 60000, "3": -6000, "4": 1000}
    account = provider.account("1")
    assert [(one.id, one.balance) for one in account.credit_notes] == [("3", 6000)]
    books.use(rowid, 1)
    assert not {"1", "3"} & changed(provider, Kind.INVOICES, at).keys()
    assert owed(provider) == {"1": 102000, "2": 60000, "4": 1000}
    assert provider.account("1").credit_notes == ()
    used = {one.id: one for one in provider.invoices(["1", "3"])}
    assert (used["1"].balance, used["3"].balance) == (102000, 0)
    assert used["3"].state is DocumentState.PAID


def test_a_deposit_that_is_available_is_money_until_it_is_used(books: Dolibarr) -> None:
    deposit = books.invoice(1, "240", date(2026, 10, 1), date(2026, 10, 31), type_=3)
    provider = opened(books)
    assert owed(provider)[str(deposit)] == 24000  # unpaid, it is owed
    books.pay(deposit)
    at = caught_up(provider, Kind.PAYMENTS)
    assert not [p for p in provider.account("1").payments if p.unallocated]
    rowid = books.convert(deposit)
    later(books)
    told = changed(provider, Kind.PAYMENTS, at)
    money = told[f"discount/{rowid}"]
    assert isinstance(money, Payment)
    assert (money.customer_id, money.unallocated, money.currency) == ("1", 24000, "EUR")
    assert provider.account("1").payments == (money,)
    at = list(provider.changes(Kind.PAYMENTS, at))[-1].cursor
    books.use(rowid, 1)
    money = changed(provider, Kind.PAYMENTS, at)[f"discount/{rowid}"]
    assert isinstance(money, Payment)
    assert (money.unallocated, money.state) == (0, PaymentState.VOID)
    assert owed(provider)["1"] == 84000
    assert provider.account("1").payments == ()
    at = list(provider.changes(Kind.PAYMENTS, at))[-1].cursor
    assert f"discount/{rowid}" not in changed(provider, Kind.PAYMENTS, at)


def test_too_much_was_paid(books: Dolibarr) -> None:
    provider = opened(books)
    at = caught_up(provider, Kind.PAYMENTS)
    books.pay(1, "1100", close=False)
    assert owed(provider)["1"] == -2000
    rowid = books.convert(1)
    told = changed(provider, Kind.PAYMENTS, at)
    money = told[f"discount/{rowid}"]
    assert isinstance(money, Payment)
    assert money.unallocated == 2000
    assert "1" not in owed(provider)  # the excess counts once


def test_a_contact_that_changes_changes_its_customer(books: Dolibarr) -> None:
    provider = opened(books)
    later(books)
    at = caught_up(provider, Kind.CUSTOMERS)
    assert not changed(provider, Kind.CUSTOMERS, at)
    books.people[1] |= {"email": "neu@mueller.example", "tms": books.tick()}
    customer = changed(provider, Kind.CUSTOMERS, at)["2"]
    assert isinstance(customer, Customer)
    assert [contact.email for contact in customer.contacts] == ["neu@mueller.example"]
    books.parties[1] |= {"email": "neuf@delacroix.example", "tms": books.tick()}
    assert changed(provider, Kind.CUSTOMERS, at).keys() == {"1", "2"}


def test_customers_do_without_contacts_that_may_not_be_read(books: Dolibarr) -> None:
    books.users[KEY].rights -= {281}
    provider = opened(books)
    customers = gather(list(provider.changes(Kind.CUSTOMERS, None))).values()
    assert [[c.email for c in one.contacts] for one in customers] == [  # type: ignore[union-attr]
        ["compta@delacroix.example"],
        [],
    ]


def test_a_draft_is_nobodys_and_one_sent_back_is_left_out(books: Dolibarr) -> None:
    books.invoice(1, "144", date(2026, 11, 1), date(2026, 12, 1), status=0)
    books.documents[2].status = 0
    provider = opened(books)
    assert [one.id for one in provider.invoices(["1", "2", "3"])] == ["1"]
    assert owed(provider) == {"1": 108000}


# --- rights and faults ---------------------------------------------------------------------


def test_a_right_that_is_taken_away_is_not_a_company_that_is_empty(books: Dolibarr) -> None:
    provider = opened(books)
    assert owed(provider)
    books.users[KEY].rights -= {262}
    with pytest.raises(AuthRequired, match="right 262"):
        owed(provider)
    with pytest.raises(AuthRequired, match="right 262"):
        list(provider.invoices(["1", "2"]))
    with pytest.raises(AuthRequired, match="right 262"):
        opened(books).company()
    books.users[KEY].sells_to = frozenset({1})  # a few of them are not all of them
    with pytest.raises(AuthRequired, match="right 262"):
        list(provider.invoices(["2"]))
    findings = {one.what: one for one in opened(books).examine() if not one.fine}
    assert not findings.keys() & {"read customer invoices", "read third parties"}


def test_all_is_fine_for_the_user_of_the_manual(books: Dolibarr) -> None:
    findings = {one.what: one for one in opened(books).examine()}
    unfine = [what for what, one in findings.items() if not one.fine]
    assert unfine == ["whose events they are"]
    assert not [call for call in books.calls if call.method != "GET"]
    assert [one.fine for one in opened(books, USER_ID="2").examine()] == [True] * len(findings)


def test_the_ledgers_id_is_the_same_for_every_user_and_every_day(books: Dolibarr) -> None:
    before = opened(books).company().ledger_id
    assert before.startswith("dolibarr:1:FA2609-0001:")
    books.pay(1)
    later(books)
    books.party(3, "Un de plus")
    assert opened(books).company().ledger_id == before
    assert opened(books, KEY=ADMIN).company().ledger_id == before
    with small() as others:
        others.documents[1].created += 77
        assert opened(others).company().ledger_id != before


def test_a_zone_that_is_not_the_servers_is_told() -> None:
    with small(19, zone="UTC") as books:
        findings = {one.what: one.fine for one in opened(books).examine()}
        assert not findings["the server counts its days in Europe/Paris"]
        (invoice,) = opened(books).invoices(["1"])
        assert isinstance(invoice, Invoice)
        assert invoice.lines[0].due_on == date(2026, 10, 7)
        set_right = opened(books, TIMEZONE="UTC")
        findings = {one.what: one.fine for one in set_right.examine()}
        assert findings["the server counts its days in UTC"]


def test_the_same_books_from_each_version_and_zone() -> None:
    told = []
    for version, zone in ((19, "Europe/Paris"), (23, "Europe/Paris"), (23, "America/Montreal")):
        with small(version, zone) as books:
            provider = opened(books)
            records = [unstamped(one) for one in read(provider, SPEC).values()]
            told.append((provider.company().ledger_id, records))
    assert told[0] == told[1] == told[2]


def test_a_module_switched_off_in_the_middle_ends_the_read(books: Dolibarr) -> None:
    provider = opened(books)
    provider.company()
    books.dies_after = 2
    pages = provider.changes(Kind.INVOICES, None)
    assert next(iter(pages)).records
    with pytest.raises(ConfigError, match="module «API / Web services"):
        owed(provider)


def test_an_event_whose_answer_is_lost_is_found_again(books: Dolibarr) -> None:
    provider = opened(books, USER_ID="2")
    (invoice,) = provider.invoices(["1"])
    assert isinstance(invoice, Invoice)
    key, reference = "0" * 20, "1" * 20
    books.lose = "POST agendaevents"
    with pytest.raises(OutcomeUnknown):
        provider.note("1", note_of(invoice, key, reference), key=key)
    assert [trace.line_key for trace in provider.traces(["1"])] == [key]
    assert len(books.notes(1)) == 1


def test_the_private_note_of_an_invoice_is_left_alone(books: Dolibarr) -> None:
    books.documents[1].note_private = "Ne pas relancer avant Noël"
    stamp = books.documents[1].tms
    provider = opened(books)
    provider.note("1", "relance/1 …", key="0" * 20)
    assert books.documents[1].note_private == "Ne pas relancer avant Noël"
    assert books.documents[1].tms == stamp
    with pytest.raises(Rejected, match="no invoice '99'"):
        provider.note("99", "text", key="k")


def test_answers_with_warnings_of_php_are_read(books: Dolibarr) -> None:
    before = read(opened(books), SPEC)
    books.warns = True
    assert read(opened(books), SPEC) == before
    opened(books).note("1", "text", key="k")


def test_the_firm_of_several_in_one_database(books: Dolibarr) -> None:
    provider = opened(books, ENTITY="3")
    assert provider._ledger.link.http.headers["DOLAPIENTITY"] == "3"


# --- how much is asked ---------------------------------------------------------------------


def test_ten_thousand_open_invoices_are_read_in_full_pages() -> None:
    with Dolibarr(23) as books:
        books.party(1, "Grand compte", email="compta@grand.example")
        for id_ in range(1, 10_001):
            books.invoice(1, "12.50", date(2026, 9, 1), date(2026, 10, 1), id_=id_)
        provider = opened(books)
        provider.company()
        asked = len(books.calls)
        assert sum(1 for _ in provider.open_items()) == 10_000
        # ten full pages and one that shows the end, then the converted credit notes
        assert len(books.calls) - asked == 12
        asked = len(books.calls)
        pages = list(provider.changes(Kind.INVOICES, None))
        assert sum(len(page.records) for page in pages) == 10_000
        assert len(books.calls) - asked == 12  # the newest stamp first
        asked = len(books.calls)
        list(provider.changes(Kind.PAYMENTS, None))
        assert len(books.calls) - asked == 13  # nothing was paid: no invoice is asked alone


@pytest.mark.parametrize(("version", "size"), [(19, 1000), (23, 1000), (17, 200)])
def test_whole_objects_come_in_smaller_pages(version: int, size: int) -> None:
    with small(19) as books:
        books.told_version = f"{version}.0.1"
        provider = opened(books)
        owed(provider)
        pages = {call.params.get("limit") for call in books.calls if "sqlfilters" in call.params}
        assert pages == {str(size)}


# --- settings ------------------------------------------------------------------------------


def test_every_setting_that_is_wrong_is_named() -> None:
    wrong = {"URL": "dolibarr.example", "KEY": "k", "ENTITY": "a", "USER_ID": "sync"}
    wrong |= {"COUNTRY": "France", "CURRENCY": "Euro", "TIMEZONE": "Paris", "PAY_LINK": "oui"}
    problems = SPEC.check(wrong)
    assert len(problems) == 7
    for name in wrong.keys() - {"KEY"}:
        assert any(f"RELANCE_DOLIBARR_{name} " in problem for problem in problems), name
    assert SPEC.check({"URL": "https://dolibarr.example", "KEY": "k"}) == []
    assert SPEC.check({}) == []


@pytest.mark.parametrize("tail", ["", "/", "/api/index.php", "/api/index.php/"])
def test_the_address_of_the_program_or_of_its_api(tail: str) -> None:
    assert (
        base_of(f"https://x.example/dolibarr{tail}") == "https://x.example/dolibarr/api/index.php"
    )
