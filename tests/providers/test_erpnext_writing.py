"""ERPNext: mails, notes and documents, what is read back of them, and every way of being refused."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from connector.contract import Trace
from connector.errors import (
    AuthRequired,
    ConfigError,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Transient,
)
from connector.receivables.records import Attachment, Message
from providers.erpnext import ErpNext
from providers.erpnext.mail import body_of
from providers.erpnext.wire import plain, refusal
from tests.providers.erpnext_books import bill, books, opened
from tests.stand_ins.erpnext import ErpNextSite, Fault, refused

KEY = "0123456789abcdef0123"
MAKE = "frappe.core.doctype.communication.email.make"


@pytest.fixture(params=[14, 15, 16])
def site(request: pytest.FixtureRequest) -> Iterator[ErpNextSite]:
    with books(request.param) as site:
        site.put("Customer", "Kerbrat", customer_name="Kerbrat")
        for name in ("F/1", "F-2"):
            bill(site, name, "Kerbrat", 100.0)
        yield site


@pytest.fixture
def provider(site: ErpNextSite) -> Iterator[ErpNext]:
    provider = opened(site)
    provider._link.http._sleep = lambda seconds: None
    yield provider
    provider.close()


def mail(*to: str, **more: Any) -> Message:
    given = {
        "customer_id": "Kerbrat",
        "invoice_ids": ("F/1", "F-2"),
        "to": to or ("compta@kerbrat.example",),
        "language": "fr",
        "subject": "Facture F/1\r\nBcc: x@y.example",
        "text": f"Bonjour. Ref. {KEY}",
        "html": f"<html><head><style>p{{}}</style></head><body><p>Bonjour. Ref. {KEY}</p></body></html>",
        "reference": KEY,
    }
    return Message(**given | more)


def asked(site: ErpNextSite, path: str) -> list[Any]:
    return [call.asked for call in site.calls if path in call.path]


# --- mails -----------------------------------------------------------------------------------


def test_a_mail_is_sent_and_not_only_kept(site: ErpNextSite, provider: ErpNext) -> None:
    receipt = provider.email(
        mail("Compta <compta@kerbrat.example>", cc=("chef@kerbrat.example",)), key=KEY
    )
    (sent,) = site.mails
    assert sent.recipients == ("compta@kerbrat.example",)
    assert sent.subject == "Facture F/1 Bcc: x@y.example"
    assert sent.content == f"<style>p{{}}</style><p>Bonjour. Ref. {KEY}</p>"
    assert sent.sender == "daemon@firm.example"
    assert (sent.reference, sent.print_format, sent.files) == ("F/1", "", ())
    (said,) = asked(site, MAKE)
    assert said["send_email"] == 1  # without it, it is written down and nobody gets it
    assert (said["cc"], said["print_language"]) == ("chef@kerbrat.example", "fr")
    assert receipt.id in site.tables["Communication"]


def test_the_sender_that_was_chosen(site: ErpNextSite) -> None:
    opened(site, SENDER="facturation@firm.example").email(mail(), key=KEY)
    assert site.mails[0].sender == "facturation@firm.example"


@pytest.mark.parametrize(
    ("default", "chosen", "form"),
    [("", "", "Standard"), ("Facture", "", "Facture"), ("Facture", "Relance", "Relance")],
)
def test_pdfs_go_along_the_mails_own_by_its_print_format(
    site: ErpNextSite, default: str, chosen: str, form: str
) -> None:
    site.default_format = default
    files = (
        Attachment(name="F-1.pdf", invoice_id="F/1"),
        Attachment(name="a/F-2.pdf", invoice_id="F-2"),
    )
    opened(site, PRINT_FORMAT=chosen).email(mail(attachments=files), key=KEY)
    (sent,) = site.mails
    assert (sent.print_format, sent.files) == (form, ("a-F-2.pdf",))
    (file,) = site.tables["File"].values()
    assert (file["is_private"], file["decode"]) == (1, 1)


def test_a_copy_that_is_lost_on_the_way_leaves_the_mail_unsent(
    site: ErpNextSite, provider: ErpNext
) -> None:
    files = (Attachment(name="F-2.pdf", invoice_id="F-2"),)
    site.faults.append(Fault(path="/api/resource/File", lost=True))
    with pytest.raises(Transient, match="nothing was sent"):
        provider.email(mail(attachments=files), key=KEY)
    assert not site.mails
    site.draws_pdf = False
    with pytest.raises(Rejected, match="is no PDF"):
        provider.email(mail(attachments=files), key=KEY)
    assert not asked(site, MAKE)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "compta",
        "a@b.example, c@d.example",
        "a@b.example\nBcc: c@d.example",
        "Nom <>",
        "a b@c.example",
    ],
)
def test_what_is_no_single_address_is_never_called_out(
    site: ErpNextSite, provider: ErpNext, address: str
) -> None:
    with pytest.raises(Rejected, match="is not an e-mail address"):
        provider.email(mail(address), key=KEY)
    assert not asked(site, MAKE)


def test_addresses_that_are_left_out(
    site: ErpNextSite, provider: ErpNext, caplog: pytest.LogCaptureFixture
) -> None:
    site.left_out = {"gone@kerbrat.example"}
    provider.email(mail("compta@kerbrat.example", "gone@kerbrat.example"), key=KEY)
    assert site.mails[0].recipients == ("compta@kerbrat.example",)
    assert "not written to: gone@kerbrat.example" in caplog.text
    with pytest.raises(Rejected, match=r"nobody was written to: .* gone@kerbrat\.example"):
        provider.email(mail("gone@kerbrat.example"), key=KEY)
    assert len(site.mails) == 1


def test_a_body_always_carries_its_reference() -> None:
    assert body_of("<p>Bonjour</p>", "", KEY) == f"<p>Bonjour</p><p>Ref. {KEY}</p>"
    assert body_of("", "1 < 2\nBonjour", KEY) == f"<div>1 &lt; 2<br>Bonjour</div><p>Ref. {KEY}</p>"
    assert body_of(f"<p>Ref.&nbsp;x Ref. {KEY}</p>", "", KEY).count(KEY) == 1


# --- notes and documents ---------------------------------------------------------------------


def test_a_note_is_a_comment_and_its_text_stays_text(site: ErpNextSite, provider: ErpNext) -> None:
    trace = Trace(
        invoice_id="F/1", on=date(2026, 11, 2), line_key=KEY, reminder_key=KEY, stage="firm"
    )
    provider.note("F/1", f"{trace.text()}\nRelance à <script>alert(1)</script> & fils", key=KEY)
    (comment,) = site.tables["Comment"].values()
    assert "<script>" not in comment["content"]
    assert plain(comment["content"]).endswith("Relance à <script>alert(1)</script> & fils")
    assert (comment["comment_email"], comment["comment_by"]) == ("daemon@firm.example", "Relance")
    assert comment["reference_name"] == "F/1"
    assert [found.text() for found in provider.traces(["F/1"])] == [trace.text()]


def test_a_pdf_in_the_format_that_was_chosen(site: ErpNextSite, provider: ErpNext) -> None:
    assert provider.pdf("F/1") == b"%PDF-1.4 F/1 Standard"
    assert opened(site, PRINT_FORMAT="Facture").pdf("F/1") == b"%PDF-1.4 F/1 Facture"
    with pytest.raises(Rejected, match="F-9 not found"):
        provider.pdf("F-9")


# --- traces ----------------------------------------------------------------------------------


def test_traces_are_told_in_lists_or_by_document(site: ErpNextSite) -> None:
    """A user without the roles would be told no mail by a list, and not that it hides them."""
    plain_user = opened(site)
    plain_user.email(mail(), key=KEY)
    plain_user.note("F/1", "somebody's own words", key=KEY)
    by_document = list(plain_user.traces(["F/1", "F-2", "no-such"]))
    assert [(trace.invoice_id, trace.reminder_key) for trace in by_document] == [("F/1", KEY)]
    assert by_document[0].on == site.now.date()
    assert asked(site, "get_docinfo")

    site.calls.clear()
    site.user("Accounts User", "Helpdesk")  # lists are allowed, and leave out mails
    assert list(opened(site).traces(["F/1"])) == by_document
    site.user("Accounts User", "System Manager")
    site.calls.clear()
    assert list(opened(site).traces(["F/1", "F-2", "no-such"])) == by_document
    assert not asked(site, "get_docinfo")
    site.faults.append(Fault(path="get_roles", status=403, body=refused("PermissionError", "")))
    assert list(opened(site).traces(["F/1"])) == by_document
    assert asked(site, "get_docinfo")
    assert len([call for call in site.calls if "Ref. " in str(call.asked)]) == 1


def test_more_mails_than_a_history_tells_at_once(site: ErpNextSite, provider: ErpNext) -> None:
    keys = [f"{number:020x}" for number in range(43)]
    for key in keys:
        words = f"Ref. {key}"
        provider.email(mail(text=words, html=f"<p>{words}</p>", reference=key), key=key)
    assert {trace.reminder_key for trace in provider.traces(["F/1"])} == set(keys)
    assert len(asked(site, "get_communications")) == 2


def test_a_mail_that_did_not_arrive_says_why(site: ErpNextSite, provider: ErpNext) -> None:
    provider.email(mail(), key=KEY)
    (name,) = site.tables["Communication"]

    def told(provider: ErpNext) -> str:
        (trace,) = provider.traces(["F/1"])
        return trace.undelivered

    assert told(provider) == ""
    site.write("Communication", name, delivery_status="Error")
    assert told(provider) == "delivery status: Error"
    site.write(
        "Email Queue", f"q-{name}", status="Error", error="Traceback\n  smtplib: 550 no such user"
    )
    site.user("Accounts User", "System Manager")
    assert told(opened(site)).endswith("smtplib: 550 no such user")
    site.write("Communication", name, delivery_status="Sent")
    assert told(opened(site)) == ""


def test_a_mail_to_somebody_who_unsubscribed_was_not_sent(site: ErpNextSite) -> None:
    """ERPNext keeps it and says nothing: only the queue shows that there is no mail."""
    site.user("Accounts User", "System Manager")
    site.unsubscribed = {"compta@kerbrat.example"}
    provider = opened(site)
    provider.email(mail(), key=KEY)
    assert not site.mails
    (trace,) = provider.traces(["F/1"])
    assert "unsubscribed" in trace.undelivered


# --- refusals --------------------------------------------------------------------------------

MAINTENANCE = Fault(path="", status=503, body=refused("SessionStopped", ""))
READ: list[tuple[Fault, type[ConnectorError], str]] = [
    (Fault(path="", status=401, body=refused("AuthenticationError", "")), AuthRequired, "RELANCE_ERPNEXT_SECRET"),
    (Fault(path="", status=403, body=refused("PermissionError", "No <b>way</b>")), AuthRequired, "No way"),
    (Fault(path="", status=417, body=refused("ValidationError", "1 &lt; 2")), Rejected, "refused: 1 < 2"),
    (Fault(path="", status=404, body=b"<h1>site does not exist</h1>"), ConfigError, "RELANCE_ERPNEXT_URL"),
    (Fault(path="", status=200, body=b"<!doctype html>Login"), ConfigError, "RELANCE_ERPNEXT_URL"),
    (Fault(path="", status=500, body=refused("OperationalError", "")), Rejected, "Error Log"),
    (Fault(path="", status=508, body=refused("QueryDeadlockError", "")), Transient, "busy"),
    (MAINTENANCE, Transient, "503"),
    (Fault(path="", status=429, headers={"Retry-After": "3600"}), Transient, "too many calls"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "error", "words"), READ, ids=[str(f.status) for f, *_ in READ])
def test_a_read_that_is_refused(
    provider: ErpNext, site: ErpNextSite, fault: Fault, error: type[ConnectorError], words: str
) -> None:
    provider.company()
    fault.times = 99
    site.faults.append(fault)
    with pytest.raises(error, match=words) as caught:
        list(provider.open_items())
    assert "s3cret" not in str(caught.value)
    site.faults.clear()
    assert list(provider.open_items())  # and it works again, should it pass


def test_maintenance_that_passes_is_waited_for(site: ErpNextSite, provider: ErpNext) -> None:
    provider.company()
    site.faults.append(Fault(path="get_list", status=503, body=MAINTENANCE.body, times=2))
    busy = Fault(path="get_list", status=429, headers={"Retry-After": "1"})
    site.faults.append(busy)
    assert list(provider.open_items())
    assert not any(fault.times for fault in site.faults)


WRITE: list[tuple[Fault, type[ConnectorError], str]] = [
    (Fault(path="", status=401, body=refused("AuthenticationError", "")), AuthRequired, "API Access"),
    (Fault(path="", status=403, body=refused("PermissionError", "")), AuthRequired, "no right to"),
    (Fault(path="", status=417, body=refused("InvalidEmailAddressError", "x")), Rejected, "refused: x"),
    (Fault(path="", status=404, body=refused("DoesNotExistError", "gone")), Rejected, "gone"),
    (Fault(path="", status=409, body=refused("DuplicateEntryError", "")), Rejected, "Duplicate"),
    (Fault(path="", status=500, body=refused("OperationalError", "")), OutcomeUnknown, "may have"),
    (Fault(path="", status=502, body=b"<html>Bad Gateway</html>"), OutcomeUnknown, "may have"),
    (Fault(path="", status=503, body=b"<html>nginx</html>"), OutcomeUnknown, "may have"),
    (Fault(path="", status=503, body=MAINTENANCE.body), Transient, "maintenance"),
    (Fault(path="", status=200, body=b"<!doctype html>"), OutcomeUnknown, "web page"),
    (Fault(path="", status=200, body=b'{"message": 7}'), OutcomeUnknown, "does not read"),
    (Fault(path="", status=429, headers={"Retry-After": "60"}), Transient, "too many calls"),
    (Fault(path="", lost=True), OutcomeUnknown, "lost"),
]  # fmt: skip
WRITES: list[tuple[str, Callable[[ErpNext], object]]] = [
    (MAKE, lambda provider: provider.email(mail(), key=KEY)),
    ("add_comment", lambda provider: provider.note("F/1", "words", key=KEY)),
]


@pytest.mark.parametrize(("fault", "error", "words"), WRITE)
@pytest.mark.parametrize(("path", "write"), WRITES, ids=["mail", "note"])
def test_a_write_that_is_refused_is_made_once(
    provider: ErpNext,
    site: ErpNextSite,
    path: str,
    write: Callable[[ErpNext], object],
    fault: Fault,
    error: type[ConnectorError],
    words: str,
) -> None:
    fault.path, fault.times = path, 9
    site.faults.append(fault)
    with pytest.raises(error, match=words):
        write(provider)
    assert len(asked(site, path)) == 1


def test_without_an_account_to_send_from_the_mail_waits(
    site: ErpNextSite, provider: ErpNext
) -> None:
    site.write("Email Account", "Compta", default_outgoing=0)
    with pytest.raises(Transient, match="Email Account make an outgoing one the default"):
        provider.email(mail(), key=KEY)
    assert not site.tables["Communication"]


def test_a_wrong_secret_and_a_right_that_is_missing(site: ErpNextSite) -> None:
    wrong = opened(site, SECRET="wr0ng")
    with pytest.raises(AuthRequired, match="API Access, Generate Keys") as caught:
        wrong.company()
    assert "wr0ng" not in str(caught.value)
    site.rights.discard("email")
    with pytest.raises(
        AuthRequired, match="not allowed to send emails related to: Sales Invoice F/1"
    ):
        opened(site).email(mail(), key=KEY)


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (refused("PermissionError", "Not <b>permitted</b>"), "PermissionError", "Not permitted"),
        (refused("ValidationError", ""), "ValidationError", ""),
        (b'{"exc_type": "X", "exception": "frappe.exceptions.X: no <a>such</a>"}', "X", "no such"),
        (b'{"exc_type": "X", "_server_messages": "[\\"a<br>b\\", \\"c\\"]"}', "X", "a b; c"),
        (b'{"exc_type": "X", "_server_messages": "not JSON"}', "X", ""),
        (b'{"errors": [{"type": "X", "message": "<p>no</p>"}]}', "X", "no"),
        (b'{"message": "login to access"}', "", "login to access"),
        (b"<html>", "", ""),
        (b"[]", "", ""),
    ],
)
def test_refusals_are_told_in_erpnexts_own_words(body: bytes, kind: str, words: str) -> None:
    found = refusal(body)
    assert (found.type, found.words) == (kind, words)


def test_warnings_beside_an_answer_are_no_refusal(site: ErpNextSite, provider: ErpNext) -> None:
    told = {"message": {"time_zone": "Europe/Paris"}, "_server_messages": '["{}"]'}
    site.faults.append(Fault(path="get_time_zone", status=200, body=json.dumps(told).encode()))
    assert provider.company().timezone == "Europe/Paris"


def test_an_answer_that_does_not_read_is_told_by_its_method(
    site: ErpNextSite, provider: ErpNext
) -> None:
    provider.company()
    site.faults.append(
        Fault(path="get_list", holding="outstanding", status=200, body=b'{"message": 7}')
    )
    with pytest.raises(Rejected, match="Sales Invoice: rows that do not read"):
        list(provider.open_items())
