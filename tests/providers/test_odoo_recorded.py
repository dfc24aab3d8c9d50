"""Odoo's answers as real servers of 17.0 and 19.0 gave them: the way in, errors, and the mapping."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import responses

from connector.errors import (
    AuthRequired,
    ConfigError,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Transient,
)
from connector.receivables.records import (
    Contact,
    CreditNote,
    CustomerKind,
    DocumentState,
    DueLine,
    Mark,
    Message,
    PaymentState,
    Role,
)
from providers.odoo.documents import MOVE, Document, DueEntry, to_document
from providers.odoo.door import version_of
from providers.odoo.links import Json2, JsonRpc, Link, connected
from providers.odoo.mail import NOTIFICATION, compose, note, notified, plain
from providers.odoo.paper import document
from providers.odoo.parties import PARTNER, Party, to_customer
from providers.odoo.payments import Transit, to_transit
from providers.odoo.wire import Row, cents
from tests.providers.odoo_recorded import (
    DATABASE,
    URL,
    asked,
    by_key,
    by_rpc,
    exchange,
    give,
    result,
    sent,
    session,
)

PAGE_404 = "12-json2-unknown-db-header"

# --- the way in ------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "major"), [("01-version", 19), ("v17-01-version", 17)])
@responses.activate
def test_the_version_is_asked_without_signing_in(name: str, major: int) -> None:
    give(name)
    assert version_of(session()) == major


@responses.activate
def test_a_server_that_has_no_rpc_any_more_tells_its_version_elsewhere() -> None:
    responses.add("POST", f"{URL}/jsonrpc", status=404, body="<h1>Not Found</h1>")
    give("02-version-http")
    assert version_of(session()) == 19


@pytest.mark.parametrize(("text", "major"), [("saas~18.3+e", 18), ("17.0-20260101", 17)])
@responses.activate
def test_versions_of_odoo_online_and_of_nights_read_too(text: str, major: int) -> None:
    responses.add("POST", f"{URL}/jsonrpc", json={"result": {"server_version": text}})
    assert version_of(session()) == major


@responses.activate
def test_a_web_page_is_a_wrong_address() -> None:
    responses.add("POST", f"{URL}/jsonrpc", body="<!doctype html><title>nginx</title>")
    with pytest.raises(ConfigError, match="RELANCE_ODOO_URL"):
        version_of(session())


@responses.activate
def test_another_program_is_a_wrong_address() -> None:
    responses.add("POST", f"{URL}/jsonrpc", status=404, body="<h1>Not Found</h1>")
    give("v17-02-web-version")
    with pytest.raises(ConfigError, match=r"no Odoo answers at https://odoo.example"):
        version_of(session())


@responses.activate
def test_a_version_that_is_too_old_is_told() -> None:
    responses.add("POST", f"{URL}/jsonrpc", json={"result": {"server_version": "15.0"}})
    with pytest.raises(ConfigError, match="16 or newer"):
        version_of(session())


@pytest.mark.parametrize(
    ("version", "user", "key", "way"),
    [
        ("01-version", "", "key", Json2),
        ("01-version", "sync", "key", Json2),
        ("01-version", "sync", "", JsonRpc),
        ("v17-01-version", "sync", "key", JsonRpc),
        ("v17-01-version", "sync", "", JsonRpc),
    ],
)
@responses.activate
def test_the_protocol_follows_from_version_and_settings(
    version: str, user: str, key: str, way: type[Link]
) -> None:
    give(version)
    assert type(connected(session(), DATABASE, user, "secret", key)) is way


@responses.activate
def test_before_19_a_key_needs_the_name_of_its_user() -> None:
    give("v17-01-version")
    with pytest.raises(ConfigError, match="RELANCE_ODOO_USER is missing"):
        connected(session(), DATABASE, "", "", "key")


@responses.activate
def test_a_refused_sign_in_is_no_error_there_and_is_never_repeated() -> None:
    give("05-authenticate-wrong-password")  # `result: false`
    link = JsonRpc(session(), DATABASE, 19, "sync", "nope")
    for _ in range(2):
        with pytest.raises(AuthRequired, match="RELANCE_ODOO_PASSWORD"):
            link.call(PARTNER, "search_count", int, domain=[])
    assert len(responses.calls) == 1


@responses.activate
def test_an_unknown_database_is_a_wrong_setting() -> None:
    give("06-authenticate-wrong-db")
    link = JsonRpc(session(), "nosuchdb", 19, "sync", "nope")
    with pytest.raises(ConfigError, match=r"no database 'nosuchdb'.*RELANCE_ODOO_DATABASE"):
        link.call(PARTNER, "search_count", int, domain=[])


@responses.activate
def test_a_404_page_of_json2_is_never_a_missing_record() -> None:
    """An unknown database and a stopped one give the same page: JSON-RPC tells which it is."""
    give(PAGE_404)
    give("06-authenticate-wrong-db")
    link = Json2(session(), "nosuchdb", 19, "key")
    with pytest.raises(ConfigError, match="RELANCE_ODOO_DATABASE"):
        link.call("res.users", "context_get", object)


@pytest.mark.parametrize("write", [False, True])
@responses.activate
def test_a_stopped_database_passes_of_json2_nothing_was_done(write: bool) -> None:
    give("151-database-down-json2")
    give("151-database-down-jsonrpc")
    with pytest.raises(Transient, match="cannot reach its database"):
        by_key().call(PARTNER, "search_count", int, domain=[], write=write)


# --- errors: by the exception's name, never by its words, which are French here ---------------


@pytest.mark.parametrize(
    ("name", "write", "error", "words"),
    [
        ("07-execute-wrong-password", False, AuthRequired, "RELANCE_ODOO_PASSWORD"),
        ("v17-07-execute-wrong-password", True, AuthRequired, "RELANCE_ODOO_PASSWORD"),
        ("08-json2-bad-key", False, AuthRequired, "RELANCE_ODOO_KEY"),
        ("11-json2-password-as-bearer", True, AuthRequired, "RELANCE_ODOO_KEY"),
        ("43-access-error", False, AuthRequired, "Vous n'êtes pas autorisé"),
        ("42-json2-access-error", False, AuthRequired, "Vous n'êtes pas autorisé"),
        ("44-access-error-write", True, Rejected, "Vous n'êtes pas autorisé à modifier"),
        ("155-company-not-allowed", False, AuthRequired, "unauthorized or invalid companies"),
        ("47-validation-error", True, Rejected, "Le numéro VAT"),
        ("48-user-error-delete-posted", True, Rejected, "pièce comptable validée"),
        ("30-partners-unknown-field", False, Rejected, "Invalid field 'total_due'"),
        ("v17-30-19-only-fields", False, Rejected, "Invalid field 'next_payment_date'"),
        ("40-json2-unknown-field", False, Rejected, "Invalid field 'nope'"),
        ("40-json2-unknown-field", True, OutcomeUnknown, "it may have been done"),
        ("30-partners-unknown-field", True, OutcomeUnknown, "it may have been done"),
        ("151-database-down-jsonrpc", False, Transient, "psycopg2.OperationalError"),
        ("151-database-down-jsonrpc", True, OutcomeUnknown, "it may have been done"),
        ("132-unknown-model", False, Rejected, "doesn't exist"),
        ("36-json2-unknown-model", True, Rejected, "does not exist"),
    ],
)
@responses.activate
def test_what_an_error_means(
    name: str, write: bool, error: type[ConnectorError], words: str
) -> None:
    give(name)
    found = exchange(name)["request"]
    link = by_key() if found["path"].startswith("/json/2") else by_rpc()
    model, method = PARTNER, "search_count"
    if found["path"].startswith("/json/2"):
        model, method = found["path"].split("/")[3:5]
    with pytest.raises(error, match=words) as told:
        link.call(model, method, object, write=write)
    assert type(told.value) is error or issubclass(type(told.value), error)
    assert "topsecret" not in str(told.value)
    assert len(responses.calls) == 1


@pytest.mark.parametrize("name", ["132-unknown-model", "36-json2-unknown-model"])
@responses.activate
def test_a_module_that_is_not_installed_is_named(name: str) -> None:
    give(name)
    if name.startswith("36"):
        responses.replace(
            "POST",
            f"{URL}/json/2/account.nope/search_read",
            json=result(name),
            status=404,
        )
        responses.add(
            "POST", f"{URL}/json/2/account.move/fields_get", json=result(name), status=404
        )
    link = by_key() if name.startswith("36") else by_rpc()
    with pytest.raises(ConfigError, match="install Odoo's app Invoicing"):
        link.fields(MOVE, ["name"])


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("106-payment-draft", by_rpc),
        ("v17-22-button-draft-none", by_rpc),
        ("162-json2-none-result", by_key),
    ],
)
@responses.activate
def test_a_method_that_returns_nothing_has_done_its_work(
    name: str, link: Callable[[], Link]
) -> None:
    """Over JSON-RPC there is neither result nor error then, over JSON-2 there is `null`."""
    give(name)
    assert link().call(MOVE, "button_draft", object, write=True, ids=[10]) is None


@pytest.mark.parametrize(
    ("name", "link"), [("45-missing-record", by_rpc), ("46-json2-missing-record", by_key)]
)
@responses.activate
def test_a_missing_record_is_an_empty_answer(name: str, link: Callable[[], Link]) -> None:
    give(name)
    assert link().call(MOVE, "read", list[Row], ids=[999999], fields=["name"]) == []


@responses.activate
def test_an_answer_that_does_not_read_leaves_a_write_unknown() -> None:
    responses.add("POST", f"{URL}/jsonrpc", body='{"jsonrpc": "2.0", "resu')
    with pytest.raises(OutcomeUnknown, match="does not read"):
        by_rpc().call(MOVE, "message_post", object, write=True, ids=[1])
    with pytest.raises(Rejected, match="does not read"):
        by_rpc().call(MOVE, "read", object, ids=[1])


# --- calls are made as the recorded ones were -----------------------------------------------


@responses.activate
def test_a_search_goes_by_place_over_rpc_and_by_name_over_json2() -> None:
    give("34-open-invoices")
    give("35-json2-open-invoices")
    placed, named = asked("34-open-invoices")
    rows = by_rpc().sheet(MOVE, Document, placed[0], named["fields"], limit=2)
    args = sent()["params"]["args"]
    assert args[3:6] == [MOVE, "search_read", placed]
    assert args[6] == {"fields": named["fields"], "limit": 2, "order": "id", "context": {}}
    same = by_key().sheet(MOVE, Document, placed[0], named["fields"], limit=2)
    assert sent() == {"domain": placed[0], **args[6]}
    assert responses.calls[-1].request.headers["Authorization"] == "bearer topsecret"
    assert same == rows
    assert [row.name for row in rows.rows] == ["FAC/2026/00001", "FAC/2026/00003"]


@pytest.mark.parametrize(
    ("name", "major", "number"),
    [("60-note-message-post", 19, "124"), ("v17-60-note", 17, "25")],
)
@responses.activate
def test_a_note_is_internal_html_and_its_id_comes_alone_or_in_a_list(
    name: str, major: int, number: str
) -> None:
    give(name)
    assert note(by_rpc(major), 1, "Relance <1>\nenvoyée") == number
    args, (_, recorded) = sent()["params"]["args"], asked(name)
    assert args[3:6] == [MOVE, "message_post", [[1]]]
    mine = dict(args[6])
    assert mine.pop("context") == {"mail_create_nosubscribe": True}
    assert mine | {"body": recorded["body"]} == recorded
    assert mine["body"] == "<p>Relance &lt;1&gt;<br/>envoyée</p>"


@responses.activate
def test_a_note_by_json2() -> None:
    give("63-json2-note")
    assert note(by_key(), 1, "Note") == "126"
    recorded = exchange("63-json2-note")["request"]["body"]
    assert sent().keys() - {"context"} == recorded.keys()


@responses.activate
def test_the_composer_is_used_as_it_was_seen_to_work() -> None:
    (recorded,), _ = asked("87-compose-create-reader")
    names = [*recorded, "attachment_ids", "use_exclusion_list"]
    responses.add("POST", f"{URL}/jsonrpc", json={"result": {name: {} for name in names}})
    give("87-compose-create-reader")
    message = Message(
        customer_id="12",
        invoice_ids=("6",),
        to=("accounts@northfield.example",),
        language="en",
        subject="Reminder FAC/2026/00006",
        text="",
        html=f"<p>Dear customer,<br/><b>invoice overdue</b></p><p>Ref. {'0' * 20}</p>",
        reference="0" * 20,
    )
    assert compose(by_rpc(), message, 6, [12], [], "0" * 20) == 2
    args = sent()["params"]["args"]
    (mine,) = args[5][0]
    assert args[3:5] == ["mail.compose.message", "create"]
    for name in ("model", "res_ids", "composition_mode", "subject", "partner_ids", "force_send"):
        assert mine[name] == recorded[name]
    assert mine["auto_delete"] is mine["use_exclusion_list"] is False
    assert set(mine) <= set(names)
    give("88-compose-send-reader")
    link = by_rpc()
    done = link.call("mail.compose.message", "action_send_mail", object, write=True, ids=[2])
    assert done == result("88-compose-send-reader")
    assert sent()["params"]["args"][3:6] == ["mail.compose.message", "action_send_mail", [[2]]]


@responses.activate
def test_16_does_not_know_that_a_note_may_be_html() -> None:
    give("v17-60-note")
    note(by_rpc(16), 1, "Relance")
    assert "body_is_html" not in sent()["params"]["args"][6]


@responses.activate
def test_fields_are_asked_for_before_they_are_read() -> None:
    give("121-fields-get")
    wanted = ("payment_state", "state", "no_followup", "posted_before")
    assert by_rpc().fields(MOVE, wanted[:2], wanted[2:]) == [
        "payment_state",
        "state",
        "no_followup",
    ]
    assert sent()["params"]["args"][3:5] == [MOVE, "fields_get"]
    assert sent()["params"]["args"][5] == [list(wanted)]


# --- mapping ----------------------------------------------------------------------------------


def documents() -> dict[int, Any]:
    """The recorded documents in every state, filled up with what an open one has besides."""
    whole = result("34-open-invoices")[0]
    found = {}
    for raw in result("34b-all-documents-every-state"):
        row = Document.model_validate({**whole, **raw})
        found[row.id] = to_document(row, [])
    return found


def test_every_state_of_a_document() -> None:
    states = {
        number: (document.state, document.balance) for number, document in documents().items()
    }
    assert states == {
        1: (DocumentState.OPEN, 108000),
        2: (DocumentState.OPEN, 80000),
        3: (DocumentState.OPEN, 60000),
        4: (DocumentState.PAID, 0),
        5: (DocumentState.OPEN, 234000),
        6: (DocumentState.OPEN, 96000),
        7: (DocumentState.DRAFT, 0),
        8: (DocumentState.VOID, 0),  # Odoo goes on showing 264.00 to pay
        9: (DocumentState.OPEN, 76800),
        10: (DocumentState.OPEN, 10800),
        11: (DocumentState.PAID, 0),
        12: (DocumentState.DRAFT, 0),
        13: (DocumentState.CREDITED, 0),
        16: (DocumentState.PAID, 0),
    }


def test_the_residual_is_in_the_invoices_currency() -> None:
    dollars = documents()[6]
    assert (dollars.currency, dollars.balance) == ("USD", 96000)  # 872.72 in euros


def test_a_credit_note_is_positive_and_names_its_invoice() -> None:
    found = documents()
    assert isinstance(found[11], CreditNote)
    assert (found[11].total, found[11].credits_invoice) == (6000, None)
    assert found[16].credits_invoice == "13"


def test_an_instalment_each_with_its_own_day() -> None:
    """`invoice_date_due` would be the last of them."""
    entries = [
        DueEntry.model_validate(
            {"move_id": [5, "FAC/2026/00005"], "amount_currency": raw["balance"]} | raw
        )
        for raw in result("27-installments-lines")
    ]
    raw = result("34-open-invoices")[0] | {"amount_total": 2400.0, "amount_residual": 2340.0}
    invoice = to_document(Document.model_validate(raw), entries)
    assert invoice.lines == (
        DueLine(id="15", due_on=date(2026, 10, 2), amount=72000, balance=66000),
        DueLine(id="16", due_on=date(2026, 12, 1), amount=168000, balance=168000),
    )


def test_an_open_invoice_whole() -> None:
    row = Document.model_validate(result("35-json2-open-invoices")[0] | {"access_token": "t-1"})
    invoice = to_document(row, [], "https://shop.example")
    assert (invoice.number, invoice.customer_id) == ("FAC/2026/00001", "9")
    assert (invoice.reference, invoice.payment_reference) == ("PO 4471", "FAC/2026/00001")
    assert invoice.issued_on == date(2026, 9, 7)
    assert invoice.pay_link == "https://shop.example/my/invoices/1?access_token=t-1"
    assert str(invoice.modified_at) == "2026-11-21 18:00:07+00:00"
    assert to_document(row, []).pay_link == ""


@pytest.mark.parametrize(
    ("change", "marks"),
    [
        ({}, []),
        ({"no_followup": True}, [Mark.EXCLUDED]),
        ({"payment_state": "blocked"}, [Mark.DISPUTED]),
        ({"payment_state": "blocked", "no_followup": True}, [Mark.EXCLUDED, Mark.DISPUTED]),
        ({"payment_state": "escrow"}, [Mark.HOLD]),  # none that we know
    ],
)
def test_what_odoo_holds_against_reminding(change: dict[str, object], marks: list[Mark]) -> None:
    row = Document.model_validate(result("34-open-invoices")[0] | change)
    invoice = to_document(row, [])
    assert [decision.mark for decision in invoice.decisions] == marks
    assert {decision.invoice_id for decision in invoice.decisions} <= {"1"}
    assert (invoice.state, invoice.balance) == (DocumentState.OPEN, 108000)


def test_a_blocked_invoice_is_still_owed() -> None:
    raw = result("34-open-invoices")[0] | result("118-blocked-invoice")[0]
    invoice = to_document(Document.model_validate(raw), [])
    assert (invoice.balance, invoice.state) == (10800, DocumentState.OPEN)
    assert invoice.decisions[0].mark is Mark.DISPUTED


@pytest.mark.parametrize("state", ["in_payment", "paid", "invoicing_legacy"])
def test_what_is_paid_or_on_its_way_is_not_owed(state: str) -> None:
    """From 18 on a payment without an entry leaves the residual as it was."""
    raw = result("34-open-invoices")[0] | {"payment_state": state}
    line = {"id": 1, "move_id": 1, "amount_currency": 1080.0, "amount_residual_currency": 1080.0}
    invoice = to_document(Document.model_validate(raw), [DueEntry.model_validate(line)])
    assert (invoice.state, invoice.balance) == (DocumentState.PAID, 0)
    assert invoice.lines[0].balance == 0


def test_a_line_marked_no_follow_up_in_17_excludes_its_invoice() -> None:
    raw = Document.model_validate(result("34-open-invoices")[0])
    line = {"id": 1, "move_id": 1, "amount_currency": 9.0, "amount_residual_currency": 9.0}
    entry = DueEntry.model_validate(line | {"blocked": True})
    assert [d.mark for d in to_document(raw, [entry]).decisions] == [Mark.EXCLUDED]


def test_an_early_payment_discount() -> None:
    raw = Document.model_validate(result("34-open-invoices")[0])
    line = {"id": 1, "move_id": 1, "amount_currency": 100.0, "amount_residual_currency": 100.0}
    line |= {"discount_date": "2026-09-17", "discount_amount_currency": 98.0}
    invoice = to_document(raw, [DueEntry.model_validate(line)])
    assert (invoice.discount_until, invoice.discount) == (date(2026, 9, 17), 200)


def test_amounts_lose_the_noise_of_floats_and_no_more() -> None:
    assert cents(Decimal("0.30000000000000004"), "EUR") == 30
    assert cents(Decimal("1472.7199999999998"), "EUR") == 147272
    with pytest.raises(ValueError, match="not a whole number"):
        cents(Decimal("0.305"), "EUR")


def test_customers_and_their_contacts() -> None:
    parties = [Party.model_validate(raw) for raw in result("31-partners-search-read")]
    company = parties[0]
    (claire,) = [Party.model_validate(raw) for raw in result("32-partner-contacts")]
    found = to_customer(company, [claire], tags=["vip"], country="GB", region="", home="EUR")
    assert (found.name, found.number, found.language) == (
        "Northfield Interiors Ltd",
        "C-NORT",
        "en",
    )
    assert (found.country, found.tags, found.kind) == ("GB", ("vip",), CustomerKind.BUSINESS)
    assert found.contacts == (
        Contact(id="12", email="accounts@northfield.example", language="en"),
        Contact(
            id="10", name="Claire Delacroix", email="claire@delacroix.example", role=Role.INVOICE
        ),
    )
    nobody = to_customer(parties[1], [], tags=[], country="FR", region="", home="EUR")
    assert nobody.contacts == ()  # `email: false`


def test_a_person_is_a_consumer_until_it_has_a_tax_number() -> None:
    raw = result("31-partners-search-read")[0] | {"is_company": False}
    kinds = {}
    for vat in (False, "/", "BE0477472701"):
        party = Party.model_validate(raw | {"vat": vat})
        kinds[vat] = to_customer(party, [], tags=[], country="", region="", home="EUR").kind
    assert kinds == {
        False: CustomerKind.CONSUMER,
        "/": CustomerKind.CONSUMER,
        "BE0477472701": CustomerKind.BUSINESS,
    }


def test_several_addresses_in_one_field_are_told_one_by_one() -> None:
    raw = result("31-partners-search-read")[0] | {"email": "a@x.example; B <b@x.example>"}
    party = Party.model_validate(raw)
    found = to_customer(party, [], tags=[], country="", region="", home="EUR").contacts
    assert [(c.id, c.email) for c in found] == [("12", "a@x.example"), ("12.2", "b@x.example")]


@pytest.mark.parametrize("name", ["104-payments", "v17-104-payments"])
def test_payments_of_either_version_read(name: str) -> None:
    """Those of the recordings have entries; told here as if they had none."""
    currency = {"currency_id": [126, "EUR"]}
    found = [to_transit(Transit.model_validate(currency | raw), 9) for raw in result(name)]
    assert {payment.amount for payment in found} == {40000, 36000}
    assert {payment.customer_id for payment in found} == {"9"}
    assert all(payment.reference for payment in found)  # memo in 19, ref in 17
    if name.startswith("104"):
        pending, paid = found
        assert (pending.state, pending.allocations[0].invoice_id) == (PaymentState.PENDING, "2")
        assert (paid.state, paid.unallocated) == (PaymentState.VOID, 0)


# --- what became of a mail, and documents ------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "never_tried"),
    [
        ("85-notification-status", [False, True, False]),  # refused, no valid address, sent
        (
            "96-notifications-of-composer",
            [False, True, False, False],
        ),  # queued, no address, refused, sent
        ("158-notification-blacklisted", [True]),
    ],
)
@responses.activate
def test_what_became_of_a_mail(name: str, never_tried: list[bool]) -> None:
    fields = {field: {"type": "char"} for field in ("mail_message_id", "notification_status")}
    fields["failure_type"] = {"type": "char"}
    responses.add("POST", f"{URL}/jsonrpc", json={"result": fields})
    rows = [raw | {"mail_message_id": [7, "Rappel"]} for raw in result(name)]
    responses.add("POST", f"{URL}/jsonrpc", json={"result": rows})
    fates = notified(by_rpc(), [7])[7]
    assert [fate.never_tried for fate in fates] == never_tried
    assert sent()["params"]["args"][3] == NOTIFICATION


@responses.activate
def test_a_refusal_is_told_in_odoos_words() -> None:
    refused = result("85-notification-status")[0]
    refused |= {"mail_message_id": [138, "Rappel"]}
    responses.add("POST", f"{URL}/jsonrpc", json={"result": {name: {} for name in refused}})
    responses.add("POST", f"{URL}/jsonrpc", json={"result": [refused]})
    ((fate,),) = notified(by_rpc(), [138]).values()
    assert "SMTPDataError: (550, b'5.1.1 no such mailbox')" in fate.why


def test_notes_read_back_as_they_were_written() -> None:
    bodies = [plain(raw["body"]) for raw in result("61-note-read-back")]
    assert bodies[0] == "Relance niveau 1 envoyée à compta@delacroix.example"
    assert bodies[1] == "<p>sans body_is_html</p>"


@responses.activate
def test_the_stored_document_is_given() -> None:
    responses.add(
        "POST", f"{URL}/jsonrpc", json={"result": {"name": {}, "invoice_pdf_report_id": {}}}
    )
    kept = [{"id": 1, "name": "FAC", "invoice_pdf_report_id": [516, "FAC.pdf"]}]
    responses.add("POST", f"{URL}/jsonrpc", json={"result": kept})
    give("98-attachment-read")
    link = by_rpc()
    assert document(link, link.http, 1).startswith(b"%PDF-1.4")
    assert sent()["params"]["args"][3:6] == ["ir.attachment", "read", [[516]]]


@pytest.mark.parametrize("name", ["83-pdf-portal-token-no-wkhtmltopdf", "82-pdf-portal-no-token"])
@responses.activate
def test_without_wkhtmltopdf_there_is_no_document(name: str) -> None:
    responses.add("POST", f"{URL}/jsonrpc", json={"result": {"name": {}}})
    responses.add("POST", f"{URL}/jsonrpc", json={"result": [{"id": 1, "name": "FAC"}]})
    responses.add("POST", f"{URL}/jsonrpc", json={"result": exchange(name)["request"]["path"]})
    give(name)
    responses.add("GET", f"{URL}/my", body="<!DOCTYPE html><title>Log in</title>")
    link = by_rpc()
    with pytest.raises(Rejected, match="install wkhtmltopdf"):
        document(link, link.http, 1)
