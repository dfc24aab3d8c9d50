"""Tryton's notes, mails and documents, on a real server."""

import socket
import sqlite3
from contextlib import closing

import pytest

from connector.contract import Trace
from connector.errors import Rejected, Transient
from connector.receivables.capabilities import Notes
from connector.receivables.records import Attachment
from providers.tryton import Tryton
from tests.lab.server import TrytonLab
from tests.providers.tryton_lab import TOKEN, mail, mine, opened, shared

__all__ = ["mine", "shared"]


def test_a_mail_arrives_as_written(tryton: TrytonLab, mine: Tryton) -> None:
    number = str(tryton.situations["overdue_10"].id)
    receipt = mine.email(
        mail(
            number,
            '"Compta, Dupont & Cie" <compta@dupont.example>',
            cc=("Élodie Noël <e.noel@dupont.example>", "archives@société.example"),
            html="<p>Bonjour à tous</p>",
        ),
        key=TOKEN,
    )
    assert receipt.id.isdecimal()
    (found,) = tryton.mails
    assert found["Subject"] == "Facture échue"
    assert found["X-Envelope-To"].split(", ") == [
        "compta@dupont.example",
        "e.noel@dupont.example",
        "archives@xn--socit-esab.example",
    ]
    assert '"Compta, Dupont & Cie" <compta@dupont.example>' in str(found["To"])
    html = found.get_body(("html",))
    assert html is not None
    assert "Bonjour à tous" in html.get_content()
    assert f"Ref. {TOKEN}" in html.get_content()
    assert list(mine.traces([number])) == [
        Trace(invoice_id=number, on=tryton.today, reminder_key=TOKEN)
    ]


@pytest.mark.parametrize(
    "to",
    [
        "a@client.example\nBcc: spy@evil.example",
        "a@client.example, b@client.example",
        "A <a@client.example>, B <b@client.example>",
        "nobody",
        "<>",
        "",
        "a@",
        "a b@client.example",
        "é@client.example",
    ],
)
def test_an_address_that_is_not_one_goes_nowhere(
    tryton_shared: TrytonLab, shared: Tryton, to: str
) -> None:
    number = tryton_shared.situations["overdue_40"].id
    before = len(tryton_shared.emails(number))
    with pytest.raises(Rejected, match="is not an e-mail address"):
        shared.email(mail(str(number), to), key=TOKEN)
    assert len(tryton_shared.emails(number)) == before


def test_a_subject_cannot_begin_another_header(tryton: TrytonLab, mine: Tryton) -> None:
    number = str(tryton.situations["overdue_10"].id)
    subject = "Facture\r\nBcc: spy@evil.example"
    mine.email(mail(number, "a@client.example", subject=subject), key=TOKEN)
    (found,) = tryton.mails
    assert found["Subject"] == "Facture Bcc: spy@evil.example"
    assert found["Bcc"] is None
    assert found["X-Envelope-To"] == "a@client.example"


def test_a_refused_recipient_is_not_told(tryton: TrytonLab, mine: Tryton) -> None:
    number = tryton.situations["overdue_10"].id
    assert mine.email(mail(str(number), "bounce@client.example"), key=TOKEN).id
    assert tryton.mails == []
    assert [trace.reminder_key for trace in mine.traces([str(number)])] == [TOKEN]


def test_no_mail_server_means_that_nothing_happened(tryton: TrytonLab, mine: Tryton) -> None:
    number = tryton.situations["overdue_10"].id
    tryton.stop()
    tryton.smtp_port = free_port()
    tryton.start()
    with pytest.raises(Transient, match="cannot reach its mail server"):
        mine.email(mail(str(number), "a@client.example"), key=TOKEN)
    assert tryton.emails(number) == []
    assert list(mine.traces([str(number)])) == []


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_a_stored_pdf_is_given_and_attached(tryton: TrytonLab, mine: Tryton) -> None:
    number = tryton.situations["overdue_10"].id
    with pytest.raises(Rejected, match="is no PDF: in Tryton set the report's extension"):
        mine.pdf(str(number))
    pdf = b"%PDF-1.7 as LibreOffice would"
    # as it was stored when the invoice was posted on a server with LibreOffice
    with closing(sqlite3.connect(tryton.work / "db" / f"{tryton.database}.sqlite")) as database:
        stored = "invoice_report_cache = ?, invoice_report_format = 'pdf'"
        database.execute(f"UPDATE account_invoice SET {stored} WHERE id = ?", (pdf, number))
        database.commit()
    assert mine.pdf(str(number)) == pdf
    tryton.rpc("model.ir.action.report.write", [tryton.report_id], {"extension": "pdf"})
    assert mine.probe().pdf
    files = (Attachment(name="F-1.pdf", invoice_id=str(number)),)
    mine.email(mail(str(number), "a@client.example", attachments=files), key=TOKEN)
    (attached,) = tryton.mails[0].iter_attachments()
    assert attached.get_filename() == "F-1.pdf"
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_payload(decode=True) == pdf


def test_notes_keep_their_text(tryton: TrytonLab, mine: Tryton) -> None:
    number = tryton.situations["overdue_10"].id
    text = f"{Trace(invoice_id='', on=tryton.today, mark='promised').text()}\nChèque <promis>"
    mine.note(str(number), text, key="k")
    assert tryton.notes(number) == [text]
    (trace,) = mine.traces([str(number)])
    assert (trace.invoice_id, trace.mark) == (str(number), "promised")


def test_a_note_on_nothing_is_rejected(shared: Tryton) -> None:
    for number in ("999999999", "x"):
        with pytest.raises(Rejected):
            shared.note(number, "text", key="k")


def test_a_reader_may_not_write_notes(tryton: TrytonLab) -> None:
    names = ["invoice", "invoice.line", "move", "move.line", "move.reconciliation", "account"]
    names += ["account.type", "journal", "period", "fiscalyear"]
    rights = [{"model": f"account.{name}", "perm_read": True} for name in names]
    group = {"name": "Readers", "model_access": [("create", rights)]}
    groups = tryton.rpc("model.res.group.create", [group])
    (user,) = tryton.rpc("model.res.user.search", [["login", "=", tryton.user]], 0, 1, None)
    before = tryton.rpc("model.res.user.read", [user], ["groups"])[0]["groups"]
    swap = [("remove", before), ("add", groups)]
    tryton.rpc("model.res.user.write", [user], {"groups": swap})
    owed = tryton.situations["overdue_6"]
    for key in (False, True):
        provider = opened(tryton, key=key)
        assert provider.probe().note is Notes.NONE
        assert [invoice.id for invoice in provider.account(str(owed.party)).invoices] == [
            str(owed.id)
        ]
        with pytest.raises(Rejected):
            provider.note(str(owed.id), "text", key="k")
