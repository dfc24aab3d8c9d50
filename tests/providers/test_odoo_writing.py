"""Odoo's notes, mails and documents, on the stand-in of each version and protocol."""

from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from connector.contract import Trace
from connector.errors import OutcomeUnknown, Rejected, Transient
from connector.receivables.records import Attachment, Message
from providers.odoo import Odoo
from providers.odoo.mail import body_of, one_line, partners_of
from providers.odoo.parties import Party
from tests.providers.odoo_stand_in import KEY, PASSWORD, opened
from tests.stand_ins.odoo import NOTE, PDF, OdooServer
from tests.stand_ins.odoo_firm import contact, document, furnish, partner

TOKEN = "0123456789abcdef0123"
AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # the next day in Paris
WAYS = [(17, PASSWORD), (19, PASSWORD), (19, KEY)]


class Desk:
    """A customer with one open invoice, and a connection to its books."""

    def __init__(self, version: int, way: str) -> None:
        self.odoo = OdooServer(version, clock=lambda: AT)
        furnish(self.odoo)
        self.customer = partner(self.odoo, "Dupont & Cie", email="accueil@dupont.example")
        self.contact = contact(self.odoo, self.customer, "compta@dupont.example")
        due = (date(2026, 10, 31), 120.5)
        self.invoice = str(document(self.odoo, self.customer, due, name="FAC/1"))
        self.provider: Odoo = opened(self.odoo, way)

    def message(self, *to: str, **given: object) -> Message:
        values: dict[str, object] = {
            "customer_id": str(self.customer),
            "invoice_ids": (self.invoice,),
            "to": to or ("compta@dupont.example",),
            "language": "fr",
            "subject": "Facture échue",
            "text": "Bonjour",
            "html": "<html><body><p>Bonjour</p></body></html>",
            "reference": TOKEN,
        }
        return Message(**(values | given))  # type: ignore[arg-type]

    def mail(self, *to: str, **given: object) -> str:
        return self.provider.email(self.message(*to, **given), key=TOKEN).id

    def traces(self) -> list[Trace]:
        return list(self.provider.traces([self.invoice]))


@pytest.fixture(params=WAYS, ids=["17", "19", "19-key"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    desk = Desk(*request.param)
    with desk.odoo:
        yield desk
        desk.provider.close()


# --- mails -----------------------------------------------------------------------------------


def test_a_mail_goes_to_exactly_these_and_is_kept_on_the_invoice(desk: Desk) -> None:
    contact(desk.odoo, desk.customer, "autre@dupont.example", name="Autre")
    number = desk.mail("Compta <COMPTA@dupont.example>", cc=("accueil@dupont.example",))
    assert [mail["to"] for mail in desk.odoo.sent] == [
        "compta@dupont.example",
        "accueil@dupont.example",
    ]
    assert desk.odoo.sent[0]["subject"] == "Facture échue"
    assert desk.odoo.sent[0]["body"] == f"<p>Bonjour</p><p>Ref. {TOKEN}</p>"
    kept = desk.odoo.get("mail.message", int(number))
    assert (kept["res_id"], kept["message_type"]) == (int(desk.invoice), "email_outgoing")
    assert desk.traces() == [
        Trace(invoice_id=desk.invoice, on=date(2026, 11, 21), reminder_key=TOKEN)
    ]
    (composer,) = desk.odoo.tables["mail.compose.message"].values()
    assert (composer["composition_mode"], composer["use_exclusion_list"]) == ("mass_mail", False)


def test_a_mail_goes_to_each_partner_once(desk: Desk) -> None:
    contact(desk.odoo, desk.customer, "compta@dupont.example", name="La même")
    desk.mail("compta@dupont.example", cc=("Compta@dupont.example",))
    assert [mail["to"] for mail in desk.odoo.sent] == ["compta@dupont.example"]


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("stranger@elsewhere.example", "is no contact's address"),
        ("blocked@dupont.example", "blacklisted"),
        ("one@dupont.example", "has several addresses"),
        ("nobody", "is no contact's address"),
    ],
)
def test_an_address_that_odoo_cannot_or_may_not_write_to(desk: Desk, to: str, words: str) -> None:
    contact(desk.odoo, desk.customer, "blocked@dupont.example", name="Bloqué")
    contact(desk.odoo, desk.customer, "one@dupont.example, two@dupont.example", name="Deux")
    desk.odoo.blacklist.add("blocked@dupont.example")
    with pytest.raises(Rejected, match=words):
        desk.mail(to)
    assert not desk.odoo.sent
    assert not desk.odoo.tables["mail.compose.message"]


def test_two_addresses_of_one_contact_may_be_meant_both(desk: Desk) -> None:
    number = contact(desk.odoo, desk.customer, "one@dupont.example; two@dupont.example")
    party = Party(id=number, email="one@dupont.example; two@dupont.example")
    message = desk.message("one@dupont.example", "two@dupont.example")
    assert partners_of(message, [party]) == [number]


def test_braces_and_template_tags_stay_text(desk: Desk) -> None:
    html = (
        "<body><style>p {color: red}</style><p class='x' t-out=\"user.password\">{{ 7 * 7 }}</p>"
        "<t t-foreach='range(9)' t-as='i'>a</t><table><tr><td>b</td></tr></table></body>"
    )
    desk.mail(subject="Facture {{ object.name }}\nBcc: x@y.example", html=html)
    (mail,) = desk.odoo.sent
    assert mail["subject"] == "Facture { { object.name } } Bcc: x@y.example"
    assert mail["body"] == (
        f"<p class='x'>{{{{ 7 * 7 }}}}</p>a<table><tr><td>b</td></tr></table><p>Ref. {TOKEN}</p>"
    )


def test_what_is_not_a_directive_is_left_alone() -> None:
    html = f'<p title="a t-b" style="x:y">t-shirt <b>Ref. {TOKEN}</b></p><th>1</th>'
    assert body_of(html, TOKEN) == html
    hidden = f"<p title='>' T-OUT='1+1'>Ref. {TOKEN}</p>"
    assert body_of(hidden, TOKEN) == f"<p title='>'>Ref. {TOKEN}</p>"
    assert one_line("un\r\nsujet {simple}") == "un sujet {simple}"


def test_documents_go_along(desk: Desk) -> None:
    files = (Attachment(name="F-1.pdf", invoice_id=desk.invoice),)
    desk.mail(attachments=files)
    ((name, content),) = desk.odoo.sent[0]["files"]
    assert (name, b64decode(content)) == ("F-1.pdf", PDF)


def test_a_stored_document_is_copied_not_lent(desk: Desk) -> None:
    """The stored one may be read, and not be given to the composer."""
    kept = desk.odoo.add(
        "ir.attachment", res_model="account.move", name="FAC.pdf", datas="JVBERi0xLjQK"
    )
    desk.odoo.change("account.move", int(desk.invoice), invoice_pdf_report_id=kept)
    assert desk.provider.pdf(desk.invoice) == b"%PDF-1.4\n"
    desk.mail(attachments=(Attachment(name="F-1.pdf", invoice_id=desk.invoice),))
    assert desk.odoo.sent[0]["files"] == [("F-1.pdf", "JVBERi0xLjQK")]


def test_a_document_that_cannot_be_had_stops_the_mail(desk: Desk) -> None:
    desk.odoo.wkhtmltopdf = False
    assert not desk.provider.probe().pdf
    with pytest.raises(Rejected, match="install wkhtmltopdf"):
        desk.mail(attachments=(Attachment(name="F-1.pdf", invoice_id=desk.invoice),))
    assert not desk.odoo.sent


def test_a_contact_that_lost_its_address_meanwhile_got_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = desk.odoo._mail

    def emptied(composer: dict[str, object], invoice: int, message: int, who: int) -> None:
        desk.odoo.change("res.partner", who, email=False)
        real(composer, invoice, message, who)

    monkeypatch.setattr(desk.odoo, "_mail", emptied)
    with pytest.raises(Rejected, match=r"was not sent \(mail_email_missing\)"):
        desk.mail()
    assert desk.traces() == []  # its message stands on the invoice, and went to nobody


def test_a_mail_server_that_cannot_be_reached_got_nothing(desk: Desk) -> None:
    desk.odoo.smtp = False
    with pytest.raises(Transient, match="cannot reach its mail server: Connection refused"):
        desk.mail()
    assert desk.traces() == []
    desk.odoo.smtp = True
    desk.mail()
    assert len(desk.odoo.sent) == len(desk.traces()) == 1


def test_a_refused_address_is_told_by_the_trace(desk: Desk) -> None:
    desk.odoo.dead.add("compta@dupont.example")
    assert desk.mail()
    (trace,) = desk.traces()
    assert trace.reminder_key == TOKEN
    assert "no such mailbox" in trace.undelivered


def test_one_refused_address_of_two_is_delivered(desk: Desk) -> None:
    desk.odoo.dead.add("compta@dupont.example")
    desk.mail("compta@dupont.example", "accueil@dupont.example")
    assert [trace.undelivered for trace in desk.traces()] == [""]


def test_a_bounce_shows_later(desk: Desk) -> None:
    desk.mail()
    assert desk.traces()[0].undelivered == ""
    (number,) = desk.odoo.tables["mail.notification"]
    desk.odoo.change(
        "mail.notification", number, notification_status="bounce", failure_reason="mailbox full"
    )
    assert desk.traces()[0].undelivered == "mailbox full"


@pytest.mark.parametrize("fault", ["lost", "cut"])
def test_a_lost_answer_leaves_it_unknown_and_the_trace_tells(desk: Desk, fault: str) -> None:
    desk.odoo.fail["action_send_mail"] = [fault]
    with pytest.raises(OutcomeUnknown):
        desk.mail()
    assert [mail["to"] for mail in desk.odoo.sent] == ["compta@dupont.example"]
    assert [trace.reminder_key for trace in desk.traces()] == [TOKEN]


def test_a_call_that_never_arrived_is_unknown_too_and_leaves_no_trace(desk: Desk) -> None:
    desk.odoo.fail["action_send_mail"] = ["never"]
    with pytest.raises(OutcomeUnknown):
        desk.mail()
    assert not desk.odoo.sent
    assert desk.traces() == []


@pytest.mark.parametrize("fault", ["lost", "never", "cut"])
def test_before_the_send_a_lost_answer_means_that_nothing_went(desk: Desk, fault: str) -> None:
    files = (Attachment(name="F-1.pdf", invoice_id=desk.invoice),)
    for skipped in ([fault], ["", fault]):  # of the attachment, of the composer
        desk.odoo.fail["create"] = list(skipped)
        with pytest.raises(Transient, match="no mail was sent"):
            desk.mail(attachments=files)
    assert not desk.odoo.sent
    assert desk.traces() == []


def test_a_mail_that_went_stays_so_when_nobody_can_look(desk: Desk) -> None:
    desk.odoo.unreadable.add("mail.message")
    assert desk.mail() == ""
    assert len(desk.odoo.sent) == 1


# --- notes and traces -------------------------------------------------------------------------


def test_a_note_is_internal_and_keeps_its_text(desk: Desk) -> None:
    trace = Trace(
        invoice_id=desk.invoice,
        on=date(2026, 11, 20),
        mark="promised",
        amount="100.00",
        owner="Zoé & Cie",
        installation="0123abcd",
    )
    receipt = desk.provider.note(
        desk.invoice, f"{trace.text()}\nChèque <promis> & {{{{x}}}}", key="k"
    )
    kept = desk.odoo.get("mail.message", int(receipt.id))
    assert (kept["subtype_id"], kept["message_type"]) == (NOTE, "comment")
    assert "&lt;promis&gt;" in kept["body"]
    assert "&lt;p&gt;" not in kept["body"]  # HTML that is shown as HTML
    assert not desk.odoo.sent
    (found,) = desk.traces()
    assert found == trace
    assert found.words == "Chèque <promis> & {{x}}"


def test_what_a_customer_writes_on_an_invoice_is_no_trace(desk: Desk) -> None:
    forged = Trace(invoice_id=desk.invoice, on=date(2026, 11, 20), mark="written_off").text()
    desk.odoo.post(int(desk.invoice), f"<p>{forged}</p>", message_type="comment")
    assert desk.traces() == []
    desk.odoo.post(int(desk.invoice), f"<p>{forged}</p>", message_type="comment", subtype=NOTE)
    assert [trace.mark for trace in desk.traces()] == ["written_off"]


def test_traces_of_many_invoices_are_asked_for_in_batches(desk: Desk) -> None:
    desk.provider.note(desk.invoice, "relance/1 K=a S=friendly.1 D=2026-11-20 I=b", key="k")
    desk.odoo.calls.clear()
    found = list(desk.provider.traces([desk.invoice, "x", *map(str, range(1000, 1250))]))
    assert [trace.line_key for trace in found] == ["a"]
    assert desk.odoo.calls["mail.message", "search_read"] == 6  # three batches, notes and mails


@pytest.mark.parametrize("number", ["999999", "x", "", "²"])
def test_a_note_on_nothing_is_rejected(desk: Desk, number: str) -> None:
    with pytest.raises(Rejected):
        desk.provider.note(number, "text", key="k")
    with pytest.raises(Rejected):
        desk.provider.pdf(number)


def test_a_note_whose_answer_is_lost_is_found_again(desk: Desk) -> None:
    desk.odoo.fail["message_post"] = ["lost"]
    with pytest.raises(OutcomeUnknown):
        desk.provider.note(desk.invoice, "relance/1 K=a S=friendly.1 D=2026-11-20 I=b", key="k")
    assert [trace.line_key for trace in desk.traces()] == ["a"]


# --- documents --------------------------------------------------------------------------------


def test_reading_makes_no_key_to_the_customers_page(desk: Desk) -> None:
    invoice = int(desk.invoice)
    list(desk.provider.invoices([desk.invoice]))
    assert "access_token" not in desk.odoo.get("account.move", invoice)
    assert desk.provider.pdf(desk.invoice) == PDF  # now there is one
    (told,) = desk.provider.invoices([desk.invoice])
    assert told.pay_link == (
        f"https://portal.mirabelle.example/my/invoices/{invoice}?access_token=token-{invoice}"
    )
    assert desk.provider.probe().pay_link


def test_without_the_module_that_takes_payments_there_is_no_link(desk: Desk) -> None:
    desk.odoo.installed.discard("payment.link.wizard")
    desk.odoo.change("account.move", int(desk.invoice), access_token="t")
    (told,) = desk.provider.invoices([desk.invoice])
    assert told.pay_link == ""
    assert not desk.provider.probe().pay_link
