"""What real Dolibarr servers answered, 19.0.2 and 23.0.0: each fact and each error by itself."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from responses import RequestsMock

from connector.errors import AuthRequired, ConfigError, OutcomeUnknown, Rejected, Transient
from connector.receivables.capabilities import Notes, Traces
from connector.receivables.records import (
    CreditNote,
    Customer,
    DocumentState,
    Invoice,
    Mark,
    PaymentState,
    Role,
)
from providers.dolibarr import Dolibarr, connect
from providers.dolibarr.documents import Books, Document, to_document
from providers.dolibarr.link import Http
from providers.dolibarr.parties import Party, Person, to_customer
from providers.dolibarr.payments import Discount, Paid, to_free, to_payments
from providers.dolibarr.wire import day, parsed
from tests.providers.alone import FREE, NoTokens

FOLDER = Path(__file__).parent.parent / "fixtures" / "dolibarr"
URL = "https://dolibarr.example"
UTC_BOOKS = Books(zone=ZoneInfo("UTC"), home="EUR")
AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def recorded(name: str) -> Any:
    """The response of an exchange."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["response"]


def body(name: str) -> Any:
    return recorded(name)["body"]


class Replay:
    """Answers calls of a path, whatever its parameters, with recorded exchanges in their order."""

    def __init__(self, mock: RequestsMock) -> None:
        self.mock = mock

    def on(self, path: str, *names: str, method: str = "GET") -> "Replay":
        for name in names:
            answer = recorded(name)
            content = answer["body"]
            plain = not answer["type"].startswith("application/json")
            self.mock.add(
                method,
                f"{URL}/api/index.php/{path}",
                body=content if plain else json.dumps(content),
                status=answer["status"],
                content_type=answer["type"],
            )
        return self

    @property
    def sent(self) -> Any:
        """The body of the last call."""
        return json.loads(self.mock.calls[-1].request.body or b"null")

    @property
    def asked(self) -> list[str]:
        return [f"{call.request.method} {call.request.path_url}" for call in self.mock.calls]


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Replay]:
    monkeypatch.setattr(Http, "_pause", lambda self, state: 0.0)
    with RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Replay(mock)


@pytest.fixture
def provider() -> Dolibarr:
    settings = {"URL": URL, "KEY": "s3cret-key", "COMPANY": "Atelier Mirabelle"}
    return connect(settings, NoTokens(), FREE, 0, lambda: AT)


# --- answers that are none -----------------------------------------------------------------


def test_the_module_that_is_off_answers_200_and_a_page(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "00-api-module-off")
    with pytest.raises(ConfigError, match=r"module «API / Web services.*is off: switch it on"):
        provider.company()


def test_it_is_off_in_english_too(replay: Replay, provider: Dolibarr) -> None:
    page = "Module <b>Api</b> must be enabled before using this feature."
    replay.mock.get(f"{URL}/api/index.php/status", body=page, content_type="text/html")
    with pytest.raises(ConfigError, match="is off"):
        provider.company()


def test_a_database_that_is_down_answers_202_and_a_page(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "100-database-down", "100-database-down", "01-status")
    replay.on("documents/download", "74-download-missing").on("agendaevents", "102-agenda-empty")
    replay.on("invoices", "42b-list-all-states")
    assert provider.probe().pdf  # it was back at the third try
    replay.mock.reset()
    replay.on("agendaevents", "100-database-down")
    with pytest.raises(Transient, match="technical error, such as its database down"):
        provider.probe()


def test_a_note_into_a_database_that_went_down_may_be_there(
    replay: Replay, provider: Dolibarr
) -> None:
    replay.on("invoices", "42b-list-all-states").on("users/info", "98-users-info")
    replay.on("agendaevents", "100-database-down", method="POST")
    with pytest.raises(OutcomeUnknown):
        provider.note("1", "text", key="k")


def test_another_web_server_is_not_dolibarr(replay: Replay, provider: Dolibarr) -> None:
    replay.mock.get(f"{URL}/api/index.php/status", body="<html>Welcome to nginx!</html>")
    with pytest.raises(ConfigError, match=r"is RELANCE_DOLIBARR_URL right\? Welcome to nginx"):
        provider.company()
    replay.mock.reset()
    replay.mock.get(f"{URL}/api/index.php/status", body="<html>Not Found</html>", status=404)
    with pytest.raises(ConfigError, match="no Dolibarr API is here: correct RELANCE_DOLIBARR_URL"):
        provider.company()


def test_warnings_of_php_around_an_answer_are_passed_over() -> None:
    warning = b"<br />\n<b>Warning</b>:  Undefined array key 1 in <b>a[1].php</b> on line 7<br />\n"
    assert parsed(warning + b'[{"id": "1"}]') == [{"id": "1"}]
    assert parsed(b"\xef\xbb\xbf" + b'{"a": [1]}' + warning) == {"a": [1]}
    with pytest.raises(ValueError, match="no JSON"):
        parsed(warning)


def test_keys_with_nul_characters_are_read() -> None:
    raw = json.dumps(body("72-documents-list")).encode()
    assert b"\\u0000" in raw
    assert parsed(raw)[0]["filename"] == "FA2609-0001.pdf"


# --- keys and rights -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["03-bad-key", "v19-03-bad-key"])
def test_a_wrong_key(replay: Replay, provider: Dolibarr, name: str) -> None:
    replay.on("status", name).on("invoices", name)
    with pytest.raises(AuthRequired, match="correct RELANCE_DOLIBARR_KEY") as error:
        provider.company()
    assert "s3cret" not in str(error.value)


def test_a_401_beside_a_good_key_is_a_missing_right(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "v19-01-status").on("invoices", "v19-07-no-rights")
    with pytest.raises(AuthRequired, match="right 11, «Consulter les factures clients»"):
        list(provider.open_items())


def test_a_401_beside_a_bad_key_is_the_key(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "v19-01-status", "v19-03-bad-key").on("invoices", "v19-03-bad-key")
    with pytest.raises(AuthRequired, match="the key is not accepted"):
        list(provider.open_items())


def test_a_403_is_a_missing_right(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "01-status").on("invoices", "07-no-rights-invoices")
    with pytest.raises(AuthRequired, match="right 11"):
        list(provider.open_items())


def test_a_company_that_looks_empty_is_refused(replay: Replay, provider: Dolibarr) -> None:
    """Without right 262 there is neither an invoice nor a customer, and no error."""
    replay.on("status", "01-status").on("setup/company", "97-setup-company-sync")
    replay.on("invoices", "57-sync-user-sees").on("thirdparties", "58-sync-user-thirdparties")
    with pytest.raises(AuthRequired, match="right 262, «Étendre l'accès à tous les tiers»"):
        provider.company()
    with pytest.raises(AuthRequired, match="nothing is sent"):
        list(provider.open_items())


def test_a_company_without_invoices_is_told_apart(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "01-status").on("setup/company", "97-setup-company-sync")
    replay.on("invoices", "08-empty-invoices").on("thirdparties", "80-thirdparties")
    with pytest.raises(ConfigError, match="no invoice yet"):
        provider.company()


def test_an_empty_list_of_17_is_a_404(replay: Replay, provider: Dolibarr) -> None:
    words = {"error": {"code": 404, "message": "Not Found: No invoice found"}}
    replay.mock.get(f"{URL}/api/index.php/invoices", json=words, status=404)
    replay.on("status", "01-status").on("thirdparties", "80-thirdparties")
    with pytest.raises(ConfigError, match="no invoice yet"):
        list(provider.open_items())


def test_an_invoice_that_is_hidden_is_not_gone(replay: Replay, provider: Dolibarr) -> None:
    replay.on("invoices", "57-sync-user-sees").on("invoices/1", "59-sync-user-invoice-by-id")
    with pytest.raises(AuthRequired, match="right 262"):
        list(provider.invoices(["1"]))
    replay.mock.reset()
    replay.on("invoices", "57-sync-user-sees").on("invoices/999999", "50-invoice-404")
    provider = with_home(provider)
    replay.on("status", "01-status")
    assert list(provider.invoices(["999999"])) == []


def test_what_is_examined_names_each_right(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "v19-01-status").on("thirdparties", "v19-07-no-rights")
    replay.on("invoices", "57-sync-user-sees").on("contacts", "v19-07-no-rights")
    replay.on("agendaevents", "06-unknown-route").on("users/info", "v19-98-users-info")
    replay.on("documents/download", "v19-07-no-rights").on("setup/company", "97-setup-company-sync")
    found = {finding.what: finding for finding in provider.examine()}
    missing = {what: finding.mend for what, finding in found.items() if not finding.fine}
    assert "right 121" in missing["read third parties"]
    assert "right 262" in missing["see all third parties and their invoices"]
    assert "right 281" in missing["read contacts"]
    assert "module Événements/Agenda" in missing["read and write events on invoices"]
    assert "RELANCE_DOLIBARR_USER_ID" in missing["whose events they are"]
    assert found["read customer invoices"].fine
    assert found["the firm's name"].fine  # RELANCE_DOLIBARR_COMPANY says it
    assert not any(asked.startswith(("POST", "PUT")) for asked in replay.asked)


def test_invoices_that_others_see_are_found_by_their_ids(
    replay: Replay, provider: Dolibarr
) -> None:
    replay.on("status", "01-status").on("thirdparties", "80-thirdparties")
    replay.on("invoices", "42b-list-all-states").on("contacts", "76-contacts")
    replay.on("invoices/10", "59-sync-user-invoice-by-id").on("invoices/12", "50-invoice-404")
    replay.on("agendaevents", "102-agenda-empty").on("users/info", "98-users-info")
    replay.on("documents/download", "74-download-missing")
    found = {finding.what: finding.fine for finding in provider.examine()}
    assert not found["see all third parties and their invoices"]
    assert found["read contacts"]


def test_examining_ends_where_the_api_is_off(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "00-api-module-off")
    (finding,) = provider.examine()
    assert not finding.fine
    assert "API / Web services" in finding.mend


# --- errors --------------------------------------------------------------------------------


def test_a_503_about_a_filter_is_not_tried_again(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "01-status").on("invoices", "46-sqlfilter-unknown-column")
    with pytest.raises(Rejected, match=r"Unknown column 't\.nope'"):
        list(provider.open_items())
    assert len([asked for asked in replay.asked if "/invoices" in asked]) == 1


def test_a_503_of_a_proxy_passes(replay: Replay, provider: Dolibarr) -> None:
    address = f"{URL}/api/index.php/agendaevents"
    replay.mock.get(address, body="<html>maintenance</html>", status=503)
    with pytest.raises(Transient):
        provider.probe()
    assert len(replay.asked) == 4


def test_an_address_that_is_not_allowed(replay: Replay, provider: Dolibarr) -> None:
    words = "Service Unavailable: APIs are not allowed from the IP 10.0.0.7"
    error = {"error": {"code": 503, "message": words}}
    replay.mock.get(f"{URL}/api/index.php/status", json=error, status=503)
    with pytest.raises(AuthRequired, match="allow this machine's address"):
        provider.company()


def test_a_bad_filter_is_told_in_its_words(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "01-status").on("invoices", "45-bad-sqlfilter")
    with pytest.raises(Rejected, match="HTTP 400: Bad Request: Error when validating"):
        list(provider.open_items())


def test_a_500_on_a_write_may_have_been_done(replay: Replay, provider: Dolibarr) -> None:
    replay.on("invoices", "42b-list-all-states").on("users/info", "98-users-info")
    replay.on("agendaevents", "54-create-unknown-thirdparty", method="POST")
    with pytest.raises(OutcomeUnknown, match="foreign key constraint"):
        provider.note("1", "text", key="k")
    assert len([asked for asked in replay.asked if asked.startswith("POST")]) == 1


def test_a_module_that_is_off_is_named(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "01-status").on("invoices", "06-unknown-route")
    with pytest.raises(Rejected, match="switch on its module Factures et avoirs"):
        list(provider.open_items())


def test_without_the_agenda_there_are_no_notes(replay: Replay, provider: Dolibarr) -> None:
    replay.on("agendaevents", "06-unknown-route").on("documents/download", "v19-07-no-rights")
    replay.on("status", "v19-01-status").on("invoices", "42b-list-all-states")
    found = provider.probe()
    assert (found.note, found.traces, found.pdf) == (Notes.NONE, Traces.NONE, False)


# --- the firm ------------------------------------------------------------------------------


def test_the_firm_as_an_administrator_sees_it(replay: Replay) -> None:
    provider = connect({"URL": f"{URL}/", "KEY": "k"}, NoTokens(), FREE)
    first = body("20-invoice-get")
    replay.on("status", "86-status-paris").on("setup/company", "96-setup-company")
    replay.mock.get(f"{URL}/api/index.php/invoices", json=[first])
    company = provider.company()
    assert company.ledger_id == "dolibarr:1:FA2609-0001:659"
    assert (company.name, company.country) == ("Atelier Mirabelle SARL", "FR")
    assert (company.currency, company.timezone) == ("EUR", "Europe/Paris")
    assert company.address == "12 rue des Essais\n69001 Lyon"
    assert company.email == "compta@mirabelle.example"


def test_the_firm_as_the_settings_say_it(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "v19-01-status").on("setup/company", "v19-07-no-rights")
    replay.mock.get(f"{URL}/api/index.php/invoices", json=[body("v19-20-invoice-get")])
    company = provider.company()
    assert (company.name, company.country) == ("Atelier Mirabelle", "FR")
    assert (company.currency, company.timezone) == ("EUR", "Europe/Paris")
    unnamed = connect({"URL": URL, "KEY": "k"}, NoTokens(), FREE)
    with pytest.raises(ConfigError, match="set RELANCE_DOLIBARR_COMPANY"):
        unnamed.company()


def test_the_ledgers_id_stays_when_the_servers_zone_is_changed(
    replay: Replay, provider: Dolibarr
) -> None:
    """The same invoice, its instant of creation an hour earlier under Europe/Paris."""
    paris = body("20-invoice-get") | body("85-timezone-paris")
    replay.on("status", "86-status-paris").on("setup/company", "97-setup-company-sync")
    assert paris["date_creation"] == body("20-invoice-get")["date_creation"] - 3600
    replay.mock.get(f"{URL}/api/index.php/invoices", json=[paris])
    assert provider.company().ledger_id == "dolibarr:1:FA2609-0001:659"


def test_a_draft_is_not_the_first_invoice(replay: Replay, provider: Dolibarr) -> None:
    draft = body("20-invoice-get") | {"id": "1", "ref": "(PROV1)", "status": "0"}
    rows = [draft, body("20-invoice-get") | {"id": "2"}]
    replay.on("status", "01-status").on("setup/company", "97-setup-company-sync")
    replay.mock.get(f"{URL}/api/index.php/invoices", json=rows)
    assert provider.company().ledger_id == "dolibarr:1:FA2609-0001:659"


# --- dates and amounts ---------------------------------------------------------------------


def test_a_date_is_the_servers_midnight() -> None:
    """1791331200 under UTC and 1791324000 under Europe/Paris are both 7 October 2026."""
    utc, paris = body("20-invoice-get"), body("85-timezone-paris")
    assert day(utc["date_lim_reglement"], ZoneInfo("UTC")) == date(2026, 10, 7)
    assert day(paris["date_lim_reglement"], ZoneInfo("Europe/Paris")) == date(2026, 10, 7)


@pytest.mark.parametrize("server", ["UTC", "Europe/Paris", "America/Montreal", "Indian/Reunion"])
@pytest.mark.parametrize("ours", ["UTC", "Europe/Paris"])
def test_a_zone_that_is_wrong_by_hours_does_not_move_a_day(server: str, ours: str) -> None:
    for month in (1, 3, 6, 10, 12):
        midnight = datetime(2026, month, 25, tzinfo=ZoneInfo(server)).timestamp()
        assert day(int(midnight), ZoneInfo(ours)) == date(2026, month, 25)


def test_whatever_stands_for_nothing() -> None:
    nothings: list[object] = [None, "", [], False]
    for nothing in nothings:
        raw = Document.model_validate(
            {"id": 7, "ref": "FA-7", "status": 1, "socid": 3, "date": 1788739200}
            | {"total_ttc": "12.50000000", "totalpaid": nothing, "totalcreditnotes": nothing}
            | {"remaintopay": nothing, "date_lim_reglement": nothing, "close_code": nothing}
        )
        found = to_document(raw, UTC_BOOKS)
        assert isinstance(found, Invoice)
        assert (found.id, found.balance, found.lines[0].due_on) == ("7", 1250, None)


def test_a_sum_of_floats_is_whole_cents() -> None:
    raw = {"id": "1", "status": "1", "date": 1788739200, "total_ttc": "1200.00000000"}
    for rest in ("1160.0000000000002", 1159.9999999999998, "1160"):
        found = to_document(Document.model_validate(raw | {"remaintopay": rest}), UTC_BOOKS)
        assert isinstance(found, Invoice)
        assert found.balance == 116000


# --- documents -----------------------------------------------------------------------------


def states() -> dict[str, Invoice | CreditNote | None]:
    """The recorded seed by number; its list was asked without the dates."""
    found = {}
    for raw in body("42b-list-all-states"):
        books = Books(zone=ZoneInfo("UTC"), home="EUR", available={"11": Decimal("0")})
        document = Document.model_validate(raw | {"date": 1788739200})
        found[document.ref] = to_document(document, books)
    return found


def test_what_each_recorded_state_becomes() -> None:
    found = states()
    told = {ref: one.state for ref, one in found.items() if one}
    assert told == {
        "FA2609-0001": DocumentState.OPEN,
        "FA2610-0002": DocumentState.PAID,  # fully paid, and nobody closed it
        "FA2611-0003": DocumentState.OPEN,
        "FA2609-0004": DocumentState.PAID,  # reopened, with nothing left to pay
        "FA2610-0005": DocumentState.OPEN,  # less a credit note
        "FA2609-0006": DocumentState.OPEN,
        "FA2608-0007": DocumentState.VOID,  # a bad debt, closed with 264.00 left
        "FA2610-0008": DocumentState.OPEN,
        "AV2611-0001": DocumentState.PAID,  # converted, and used since
        "AV2611-0002": DocumentState.OPEN,
        "AC2610-0001": DocumentState.OPEN,  # a deposit is owed like an invoice
        "FA2610-0009": DocumentState.OPEN,
    }
    assert found["(PROV7)"] is None
    balances = {ref: one.balance for ref, one in found.items() if one and one.balance}
    assert balances == {
        "FA2609-0001": 108000,
        "FA2611-0003": 50000,
        "FA2610-0005": 234000,
        "FA2609-0006": 72800,
        "FA2610-0008": 9000,
        "AV2611-0002": 2400,
        "AC2610-0001": 24000,
        "FA2610-0009": 6600,
    }
    note = found["AV2611-0002"]
    assert isinstance(note, CreditNote)
    assert (note.total, note.credits_invoice) == (2400, "9")


def test_the_open_set_is_what_is_left_to_pay(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "01-status").on("invoices", "40b-list-unpaid-brief", "42b-list-all-states")
    replay.on("thirdparties/2/fixedamountdiscounts", "30-discounts-of-thirdparty")
    connect_home = {item.id: item.balance for item in with_home(provider).open_items()}
    assert connect_home == {
        "1": 108000,
        "3": 50000,
        "5": 234000,
        "6": 72800,
        "9": 9000,
        "13": -2400,
        "14": 24000,
        "15": 6600,
        "11": -6000,  # converted, and available still
    }


def with_home(provider: Dolibarr) -> Dolibarr:
    """A firm that names its currency: the recorded list did not ask for it."""
    settings = {"URL": URL, "KEY": "k", "COMPANY": "x", "CURRENCY": "EUR"}
    return connect(settings, NoTokens(), FREE)


def test_a_converted_credit_note_counts_once() -> None:
    """Its own figure keeps the whole amount; the discount says what nobody has used."""
    (raw,) = (one for one in body("42b-list-all-states") if one["ref"] == "AV2611-0001")
    document = Document.model_validate(raw | {"date": 1788739200})
    (free,) = (Discount.model_validate(one) for one in body("30-discounts-of-thirdparty"))
    assert (free.credits, free.available, free.fk_facture_source) == (True, True, "11")
    for left, state, balance in (
        ({}, DocumentState.PAID, 0),
        ({"11": Decimal("60")}, DocumentState.OPEN, 6000),
        ({"11": Decimal("20")}, DocumentState.OPEN, 2000),
    ):
        books = Books(zone=ZoneInfo("UTC"), home="EUR", available=left)
        found = to_document(document, books)
        assert isinstance(found, CreditNote)
        assert (found.state, found.balance, found.total) == (state, balance, 6000)


@pytest.mark.parametrize(
    ("changed", "state", "balance"),
    [
        ({"type": "1"}, DocumentState.OPEN, 108000),  # a replacement
        ({"type": "5"}, DocumentState.OPEN, 108000),  # a situation
        ({"status": "2", "paye": "1", "remaintopay": "0"}, DocumentState.PAID, 0),
        ({"status": "2", "close_code": "discount_vat"}, DocumentState.PAID, 0),
        ({"status": "2", "close_code": "badcustomer"}, DocumentState.VOID, 0),
        ({"status": "2", "paye": "1", "close_code": "abandon"}, DocumentState.VOID, 0),
        ({"status": "3", "close_code": "replaced"}, DocumentState.VOID, 0),
        (
            {"status": "2", "totalcreditnotes": "1080.00", "remaintopay": "0"},
            DocumentState.CREDITED,
            0,
        ),
        ({"status": None}, DocumentState.OPEN, 108000),  # `statut` says it in older versions
        ({"remaintopay": "-20"}, DocumentState.OPEN, -2000),  # paid too much
    ],
)
def test_how_an_invoice_stands(changed: dict[str, Any], state: DocumentState, balance: int) -> None:
    found = to_document(Document.model_validate(body("20-invoice-get") | changed), UTC_BOOKS)
    assert isinstance(found, Invoice)
    assert (found.state, found.balance) == (state, balance)
    assert sum(line.balance for line in found.lines) == balance


def test_a_pro_forma_is_no_invoice() -> None:
    raw = Document.model_validate(body("20-invoice-get") | {"type": "4"})
    assert to_document(raw, UTC_BOOKS) is None


@pytest.mark.parametrize("name", ["20-invoice-get", "v19-20-invoice-get"])
def test_one_invoice_of_each_version(name: str) -> None:
    found = to_document(Document.model_validate(body(name)), UTC_BOOKS)
    assert isinstance(found, Invoice)
    assert (found.number, found.customer_id, found.currency) == ("FA2609-0001", "1", "EUR")
    assert (found.issued_on, found.total) == (date(2026, 9, 7), 108000)
    assert [line.due_on for line in found.lines] == [date(2026, 10, 7)]
    assert found.balance == (108000 if name.startswith("20") else 102000)
    assert found.modified_at == datetime.fromtimestamp(body(name)["date_modification"], UTC)
    assert found.pay_link == ""


def test_a_pay_link_only_where_the_firm_says_so() -> None:
    raw = Document.model_validate(body("20-invoice-get"))
    books = Books(zone=ZoneInfo("UTC"), home="EUR", pay_link=True)
    found = to_document(raw, books)
    assert isinstance(found, Invoice)
    assert found.pay_link.endswith("newpayment.php?source=invoice&ref=FA2609-0001")


def test_another_currency_is_told_in_its_own() -> None:
    foreign = {"multicurrency_code": "USD", "multicurrency_total_ttc": "1166.40000000"}
    raw = Document.model_validate(body("20-invoice-get") | foreign | {"remaintopay": "540"})
    found = to_document(raw, UTC_BOOKS)
    assert isinstance(found, Invoice)
    assert (found.currency, found.total, found.balance) == ("USD", 116640, 58320)


def test_a_dispute_is_a_reason_not_to_remind() -> None:
    raw = Document.model_validate(body("20-invoice-get") | {"dispute_status": "1"})
    found = to_document(raw, UTC_BOOKS)
    assert isinstance(found, Invoice)
    assert [(one.mark, one.invoice_id) for one in found.decisions] == [(Mark.DISPUTED, "1")]


def test_a_retained_guarantee_is_due_when_it_is_released() -> None:
    kept = {"retained_warranty": "5", "retained_warranty_date_limit": 1822867200}
    found = to_document(Document.model_validate(body("20-invoice-get") | kept), UTC_BOOKS)
    assert isinstance(found, Invoice)
    assert [(line.due_on, line.amount, line.balance) for line in found.lines] == [
        (date(2026, 10, 7), 102600, 102600),
        (date(2027, 10, 7), 5400, 5400),
    ]
    paid = body("20-invoice-get") | kept | {"remaintopay": "54"}
    found = to_document(Document.model_validate(paid), UTC_BOOKS)
    assert isinstance(found, Invoice)
    assert [line.balance for line in found.lines] == [0, 5400]


def test_a_list_with_its_pages_is_read_too(replay: Replay, provider: Dolibarr) -> None:
    replay.on("status", "01-status").on("invoices", "41-list-pagination-data")
    assert [found.id for found in provider.invoices(["4", "5", "6"])] == ["4", "5", "6"]


# --- customers -----------------------------------------------------------------------------


def test_customers_of_each_version() -> None:
    first, second = (Party.model_validate(raw) for raw in body("80-thirdparties"))
    found = to_customer(first, [], "EUR")
    assert (found.id, found.name, found.number) == ("1", "Boulangerie Delacroix", "CU2611-00001")
    assert (found.language, found.country, found.active) == ("fr", "FR", True)
    assert [(c.email, c.phone) for c in found.contacts] == [
        ("compta@delacroix.example", "+33400000001")
    ]
    assert found.modified_at is None  # 23 tells no stamp of a third party
    assert to_customer(second, [], "EUR").language == "de"
    old = to_customer(Party.model_validate(body("v19-80-thirdparties")[0]), [], "EUR")
    assert old.modified_at == datetime.fromtimestamp(1795285167, UTC)
    whole = to_customer(Party.model_validate(body("81-thirdparty")), [], "EUR")
    assert whole.address == "3 quai des Fourneaux\n69002 Lyon"


def test_contacts_come_after_the_firms_own_address() -> None:
    party = Party.model_validate(body("81-thirdparty"))
    (claire,) = (Person.model_validate(raw) for raw in body("76-contacts"))
    found = to_customer(party, [claire], "EUR")
    assert isinstance(found, Customer)
    assert [(c.name, c.email, c.role) for c in found.contacts] == [
        ("", "compta@delacroix.example", Role.MAIN),
        ("Claire Delacroix", "claire@delacroix.example", Role.MAIN),
    ]
    bills = Person.model_validate(
        body("76-contacts")[0] | {"roles": {"4": {"element": "facture", "code": "BILLING"}}}
    )
    assert [c.role for c in to_customer(party, [bills], "EUR").contacts][1] is Role.INVOICE
    left = Person.model_validate(body("76-contacts")[0] | {"statut": "0", "status": "0"})
    assert len(to_customer(party, [left], "EUR").contacts) == 1


# --- payments ------------------------------------------------------------------------------


def paid(*rows: dict[str, Any]) -> list[Any]:
    document = Document.model_validate(body("20-invoice-get"))
    return to_payments(document, [Paid.model_validate(row) for row in rows], UTC_BOOKS)


@pytest.mark.parametrize("name", ["24-payments-of-invoice", "v19-24-payments"])
def test_payments_get_an_id_from_invoice_and_reference(name: str) -> None:
    (found,) = paid(*body(name))
    (raw,) = body(name)
    assert found.id == f"1/{raw['ref']}"
    assert found.amount == int(Decimal(raw["amount"]) * 100)
    assert str(found.paid_on) == raw["date"][:10]
    assert [part.invoice_id for part in found.allocations] == ["1"]
    assert found.unallocated == 0
    assert paid(*body("25-payments-of-unpaid")) == []


def test_credit_notes_and_deposits_among_payments_are_not_money() -> None:
    row = body("24-payments-of-invoice")[0]
    note = {"amount": "60.00000000", "type": "(CREDIT_NOTE)", "date": "2026-11-12 10:00:00"}
    applied = row | {"typeline": "discount", "type": "DISCOUNT"}
    assert [one.id for one in paid(row, note, applied)] == ["1/PAY2611-0002"]


def test_a_direct_debit_that_came_back_is_returned() -> None:
    row = body("24-payments-of-invoice")[0] | {"type": "PRE"}
    back = row | {"amount": "-100.00000000", "ref": "PAY2611-0009"}
    assert [one.state for one in paid(row, back)] == [PaymentState.RETURNED]
    assert [one.state for one in paid(row | {"type": "VIR"}, back)] == [PaymentState.VOID]


def test_two_payments_without_a_reference_have_two_ids() -> None:
    row = body("24-payments-of-invoice")[0] | {"ref": "", "fk_bank_line": ""}
    assert [one.id for one in paid(row, row)] == ["1/2026-11-15", "1/2026-11-15#2"]


def test_money_set_against_nothing_is_an_available_deposit() -> None:
    raw = body("30-discounts-of-thirdparty")[0] | {"factype": "3", "rowid": "8"}
    source = Document.model_validate(body("20-invoice-get") | {"type": "3"})
    money = to_free(Discount.model_validate(raw), source, UTC_BOOKS).payment("8")
    assert (money.id, money.amount, money.unallocated) == ("discount/8", 6000, 6000)
    assert not Discount.model_validate(raw | {"fk_facture_line": "12"}).available


# --- notes and documents -------------------------------------------------------------------


KEY = "0123456789abcdef0123"
TRACE = f"relance/1 K={KEY} R={KEY} S=friendly.1 N=1 D=2026-11-20 I=abcdef12"
TEXT = f"{TRACE}\nRelance amicale envoyée à compta@delacroix.example"


def test_a_note_is_an_event_on_the_invoice(replay: Replay) -> None:
    provider = connect({"URL": URL, "KEY": "k", "USER_ID": "2"}, NoTokens(), FREE, 0, lambda: AT)
    replay.on("invoices", "42b-list-all-states").on(
        "agendaevents", "64-agenda-event", method="POST"
    )
    assert provider.note("1", TEXT, key=KEY).id == "42"
    sent = replay.sent
    assert sent["note_private"] == TEXT
    assert (sent["elementtype"], sent["fk_element"], sent["socid"]) == ("invoice", 1, 1)
    assert (sent["type_code"], sent["userownerid"], sent["percentage"]) == ("AC_EMAIL", 2, -1)
    assert sent["datep"] == int(AT.timestamp())
    assert sent["label"] == (
        "Relance amicale envoyée à compta@delacroix.example [relance/1 1 0123456789abcdef0123]"
    )


def test_a_refusal_tells_the_users_own_id(replay: Replay, provider: Dolibarr) -> None:
    """The user may not ask who it is; a first event without an owner is refused, with its id."""
    replay.on("invoices", "42b-list-all-states").on("users/info", "98-users-info")
    replay.on("agendaevents", "67-agenda-bad", "64-agenda-event", method="POST")
    assert provider.note("1", "text", key="k").id == "42"
    sent = replay.sent
    assert sent["userownerid"] == 2


def test_a_note_without_the_right_is_refused(replay: Replay, provider: Dolibarr) -> None:
    replay.on("invoices", "42b-list-all-states").on("users/info", "98-users-info")
    replay.on("agendaevents", "68-agenda-no-rights", method="POST")
    with pytest.raises(Rejected, match="rights 2401 and 2402"):
        provider.note("1", "text", key="k")


def test_a_long_note_keeps_its_mark_in_128_characters(replay: Replay) -> None:
    provider = connect({"URL": URL, "KEY": "k", "USER_ID": "2"}, NoTokens(), FREE)
    replay.on("invoices", "42b-list-all-states").on(
        "agendaevents", "64-agenda-event", method="POST"
    )
    provider.note("1", f"{TRACE}\n{'très long ' * 40}", key=KEY)
    label = replay.sent["label"]
    assert len(label) == 128
    assert label.endswith("… [relance/1 1 0123456789abcdef0123]")


@pytest.mark.parametrize("name", ["65-agenda-event-read", "v19-65-agenda-read"])
def test_an_event_is_read_back(replay: Replay, provider: Dolibarr, name: str) -> None:
    event = body(name)
    assert event["elementid"] == "1"
    assert event.get("fk_element") is None
    shown = event | {"note_private": f"<p>{TRACE}<br>\nRelanc&eacute;</p>"}
    other = event | {"id": "99", "note_private": "Bonjour", "label": "relance/1 in a chat"}
    replay.mock.get(f"{URL}/api/index.php/agendaevents", json=[shown, other])
    (trace,) = provider.traces(["1"])
    assert (trace.invoice_id, trace.stage, trace.installation) == ("1", "friendly", "abcdef12")
    asked = parse_qs(urlsplit(replay.asked[-1]).query)["sqlfilters"][0]
    assert asked.startswith("(t.fk_element:in:1) and (t.elementtype:=:'invoice')")
    assert "(t.label:like:'%relance/1%')" in asked


def test_no_event_is_no_trace(replay: Replay, provider: Dolibarr) -> None:
    replay.on("agendaevents", "102-agenda-empty")
    assert list(provider.traces(["1", "2"])) == []
    missing = {"error": {"code": 404, "message": "Not Found: No Agenda Event found"}}
    replay.mock.reset()
    replay.mock.get(f"{URL}/api/index.php/agendaevents", json=missing, status=404)
    assert list(provider.traces(["1"])) == []  # 17 says it so


def test_a_document_is_fetched_or_made(replay: Replay, provider: Dolibarr) -> None:
    replay.on("invoices", "42b-list-all-states").on("documents/download", "73-download")
    assert provider.pdf("1").startswith(b"%PDF-1.7")
    assert not any(asked.startswith("PUT") for asked in replay.asked)
    replay.mock.reset()
    replay.on("invoices", "42b-list-all-states").on("documents/download", "74-download-missing")
    replay.on("documents/builddoc", "71-builddoc", method="PUT")
    assert provider.pdf("1").startswith(b"%PDF-1.7")
    asked = replay.sent
    assert asked["original_file"] == "FA2609-0001/FA2609-0001.pdf"


def test_a_document_that_is_no_pdf_is_refused(replay: Replay, provider: Dolibarr) -> None:
    odt = body("73-download") | {"content": "UEsDBA=="}
    replay.on("invoices", "42b-list-all-states")
    replay.mock.get(f"{URL}/api/index.php/documents/download", json=odt)
    with pytest.raises(Rejected, match="choose a PDF model"):
        provider.pdf("1")
