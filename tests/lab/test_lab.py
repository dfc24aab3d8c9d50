"""The lab does what it says: each verb is tried once on a real server."""

import smtplib
import socket
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.lab.rpc import Rpc, RpcError
from tests.lab.server import TrytonLab


def invoice(lab: TrytonLab, number: int) -> dict[str, Any]:
    """Return what the tests look at of an invoice."""
    names = ["number", "state", "amount_to_pay", "total_amount", "currency.code"]
    (row,) = lab.rpc("model.account.invoice.read", [number], names)
    return dict(row)


def due_on(lab: TrytonLab, number: int) -> list[date]:
    """Return the due dates of an invoice's instalments, in order."""
    (row,) = lab.rpc("model.account.invoice.read", [number], ["lines_to_pay.maturity_date"])
    return sorted(line["maturity_date"] for line in row["lines_to_pay."])


def emails_of(lab: TrytonLab, party: int) -> list[str]:
    """Return a customer's e-mail addresses, in their order."""
    domain = [["party", "=", party], ["type", "=", "email"]]
    model = "model.party.contact_mechanism.search_read"
    rows = lab.rpc(model, domain, 0, None, [["id", "ASC"]], ["value"])
    return [row["value"] for row in rows]


def send(lab: TrytonLab, number: int, to: str) -> None:
    """Send a mail through Tryton, with the invoice's document."""
    record = ["account.invoice", number]
    words = ["Échéance", "<p>Bonjour</p>", None]
    lab.rpc("model.ir.email.send", to, "", "", *words, record, [lab.report_id], None)


class TestBuilt:
    """What is in the ledger; nothing here writes."""

    def test_the_daemons_user_signs_in(self, tryton_shared: TrytonLab) -> None:
        lab = tryton_shared
        sync = Rpc(lab.port, lab.database, lab.user, lab.password)
        found = sync.call("model.res.user.get_preferences", True, context={})
        assert found["company"] == lab.company_id

    def test_the_rest_key_opens(self, tryton_shared: TrytonLab) -> None:
        lab = tryton_shared
        chosen = lab.situations["overdue_6"]
        answer = requests.get(
            f"{lab.url}/{lab.database}/rest/model/account.invoice/{chosen.id}",
            params={"f": "number"},
            headers={"Authorization": f"Bearer {lab.rest_key}"},
            timeout=30,
        )
        assert answer.json()["number"] == chosen.number

    @pytest.mark.parametrize(
        ("name", "past", "state", "open_"),
        [
            ("overdue_6", [6], "posted", "720"),
            ("overdue_10", [10], "posted", "840"),
            ("overdue_20", [20], "posted", "960"),
            ("overdue_40", [40], "posted", "1200"),
            ("overdue_100", [100], "posted", "1320"),
            ("not_due", [-12], "posted", "1440"),
            ("due_today", [0], "posted", "1560"),
            ("instalments", [15, -15], "posted", "1680"),
            ("part_paid", [25], "posted", "700"),
            ("paid", [20], "paid", "0"),
            ("credited", [30], "cancelled", "0"),
            ("open_credit", [12], "posted", "300"),
            ("credit_note", [-25], "posted", "-300"),
            ("dollars", [18], "posted", "2400"),
            ("draft", [], "draft", "0"),
            ("cancelled", [], "cancelled", "0"),
            ("on_account", [14], "posted", "1200"),
        ],
    )
    def test_situations(
        self, tryton_shared: TrytonLab, name: str, past: list[int], state: str, open_: str
    ) -> None:
        lab = tryton_shared
        chosen = lab.situations[name]
        found = invoice(lab, chosen.id)
        assert found["state"] == state
        assert found["number"] == chosen.number
        assert found["amount_to_pay"] == chosen.open == Decimal(open_)
        assert found["currency."]["code"] == ("USD" if name == "dollars" else "EUR")
        expected = [lab.today - timedelta(days=days) for days in past]
        assert due_on(lab, chosen.id) == expected

    def test_what_is_settled_says_so(self, tryton_shared: TrytonLab) -> None:
        names = ["reconciled", "amount_to_pay"]
        rows = tryton_shared.rpc(
            "model.account.invoice.search_read", [["state", "=", "posted"]], 0, None, None, names
        )
        assert len(rows) > 20
        assert all(row["amount_to_pay"] and not row["reconciled"] for row in rows)

    def test_addresses(self, tryton_shared: TrytonLab) -> None:
        lab = tryton_shared
        assert emails_of(lab, lab.situations["no_email"].party) == []
        assert len(emails_of(lab, lab.situations["two_emails"].party)) == 2

    def test_languages(self, tryton_shared: TrytonLab) -> None:
        domain: list[object] = [["code", "like", "C0%"]]
        rows = tryton_shared.rpc(
            "model.party.party.search_read", domain, 0, None, None, ["lang.code"]
        )
        languages = [row["lang."] and row["lang."]["code"] for row in rows]
        assert set(languages) == {"fr", "en", None}

    def test_money_on_account(self, tryton_shared: TrytonLab) -> None:
        lab = tryton_shared
        assert on_account(lab, lab.situations["on_account"].party) == [Decimal(300)]


def on_account(lab: TrytonLab, party: int) -> list[Decimal]:
    """Return a customer's money that is attached to no invoice."""
    domain = [["account.type.receivable", "=", True], ["party", "=", party]]
    domain += [["reconciliation", "=", None], ["invoice_payment", "=", None], ["credit", ">", 0]]
    rows = lab.rpc("model.account.move.line.search_read", domain, 0, None, None, ["credit"])
    return [row["credit"] for row in rows]


class TestVerbs:
    """What an accountant does."""

    def test_pay(self, tryton: TrytonLab) -> None:
        lab, ours = tryton, tryton.situations
        lab.pay(ours["overdue_20"].id, Decimal("100.50"), lab.today)
        found = invoice(lab, ours["overdue_20"].id)
        assert (found["state"], found["amount_to_pay"]) == ("posted", Decimal("859.50"))
        lab.pay(ours["overdue_20"].id)
        lab.pay(ours["dollars"].id, Decimal(2400), lab.today)
        lab.pay(ours["overdue_6"].id, Decimal(800), lab.today)  # more than it owes
        for name in ("overdue_20", "dollars", "overdue_6"):
            assert invoice(lab, ours[name].id)["state"] == "paid"
        lab.pay(ours["instalments"].id, Decimal(840), lab.today)
        assert invoice(lab, ours["instalments"].id)["amount_to_pay"] == Decimal(840)

    def test_unreconcile_and_cancel_payments(self, tryton: TrytonLab) -> None:
        lab, ours = tryton, tryton.situations
        lab.unreconcile(ours["paid"].id)
        found = invoice(lab, ours["paid"].id)
        assert (found["state"], found["amount_to_pay"]) == ("posted", Decimal(0))
        lab.pay(ours["overdue_10"].id)
        for name in ("paid", "overdue_10", "part_paid"):
            lab.cancel_payments(ours[name].id)
            found = invoice(lab, ours[name].id)
            assert (found["state"], found["amount_to_pay"]) == ("posted", ours[name].total)

    def test_credit(self, tryton: TrytonLab) -> None:
        lab, ours = tryton, tryton.situations
        note = lab.credit(ours["overdue_40"].id)
        assert invoice(lab, note)["state"] == "posted"
        assert invoice(lab, note)["amount_to_pay"] == Decimal(-1200)
        assert invoice(lab, ours["overdue_40"].id)["amount_to_pay"] == Decimal(1200)
        note = lab.credit_with_refund(ours["overdue_100"].id, lab.today - timedelta(days=50))
        assert invoice(lab, note)["state"] == "paid"
        assert invoice(lab, ours["overdue_100"].id)["state"] == "cancelled"

    def test_post_invoice_on_any_day(self, tryton: TrytonLab) -> None:
        lab, party = tryton, tryton.situations["overdue_6"].party
        for days in (0, 400, 40):
            issued_on = lab.today - timedelta(days=days)
            made = lab.post_invoice(party, Decimal("99.99"), issued_on, "60 days")
            assert invoice(lab, made)["amount_to_pay"] == Decimal("99.99")
            assert due_on(lab, made) == [issued_on + timedelta(days=60)]
        made = lab.post_invoice(party, Decimal(-50), lab.today, currency="USD")
        assert invoice(lab, made)["amount_to_pay"] == Decimal(-50)
        assert invoice(lab, made)["number"].startswith("A")

    def test_move_due_date(self, tryton: TrytonLab) -> None:
        lab, number = tryton, tryton.situations["overdue_20"].id
        later = lab.today + timedelta(days=9)
        lab.move_due_date(number, later)
        assert due_on(lab, number) == [later]

    def test_pay_on_account(self, tryton: TrytonLab) -> None:
        party = tryton.situations["overdue_20"].party
        tryton.pay_on_account(party, Decimal("12.34"))
        assert on_account(tryton, party) == [Decimal("12.34")]

    def test_set_email(self, tryton: TrytonLab) -> None:
        party = tryton.situations["two_emails"].party
        tryton.set_email(party, "new@client.example")
        assert emails_of(tryton, party) == ["new@client.example"]
        tryton.set_email(party, None)
        assert emails_of(tryton, party) == []

    def test_notes(self, tryton: TrytonLab) -> None:
        number = tryton.situations["overdue_20"].id
        assert tryton.notes(number) == []
        tryton.add_note(number, "Appelé, paie lundi\n<b>")
        tryton.add_note(number, "zwei")
        assert tryton.notes(number) == ["Appelé, paie lundi\n<b>", "zwei"]

    def test_a_refusal_is_an_error(self, tryton: TrytonLab) -> None:
        with pytest.raises(RpcError) as caught:
            tryton.rpc("model.party.party.read", [999_999], ["name"])
        assert caught.value.kind == "UserError"


class TestMail:
    """What Tryton sends, the sink keeps."""

    def test_mail_of_tryton(self, tryton: TrytonLab) -> None:
        lab, number = tryton, tryton.situations["overdue_20"].id
        send(lab, number, "compta@client.example, second@client.example")
        (mail,) = lab.mails
        (record,) = lab.emails(number)
        assert mail["X-Envelope-To"] == "compta@client.example, second@client.example"
        assert mail["Subject"] == record["subject"] == "Échéance"
        assert mail["Message-ID"] == record["message_id"]
        assert "<p>Bonjour</p>" in record["body"]
        assert [part.get_filename() for part in mail.iter_attachments()]
        (kept,) = (lab.work / "mails").glob("*.eml")
        assert b"X-Envelope-To: compta@client.example" in kept.read_bytes()

    def test_refused_mail_is_recorded_and_lost(self, tryton: TrytonLab) -> None:
        lab, number = tryton, tryton.situations["overdue_20"].id
        send(lab, number, "bounce@client.example")
        send(lab, number, "greylist@client.example")
        assert len(lab.emails(number)) == 2
        assert lab.mails == []

    @pytest.mark.parametrize(("local", "code"), [("bounce", 550), ("greylist", 451), ("ok", 250)])
    def test_answers_of_the_sink(self, tryton_shared: TrytonLab, local: str, code: int) -> None:
        with smtplib.SMTP("127.0.0.1", tryton_shared.smtp_port, timeout=30) as client:
            client.ehlo("localhost")
            client.mail("firm@demo.example")
            assert client.rcpt(f"{local}@client.example")[0] == code


class TestRunning:
    """The server comes and goes; nothing of it stays behind."""

    def test_stop_and_start(self, tryton: TrytonLab) -> None:
        lab, number = tryton, tryton.situations["overdue_20"].id
        url = lab.url
        lab.add_note(number, "before")
        lab.stop()
        lab.stop()
        with pytest.raises(ConnectionRefusedError):
            lab.notes(number)
        lab.start()
        assert lab.url == url
        assert lab.notes(number) == ["before"]

    @pytest.mark.parametrize("error", [AssertionError, KeyboardInterrupt])
    def test_ends_with_its_block(
        self, tryton_built: Path, tmp_path: Path, error: type[BaseException]
    ) -> None:
        with pytest.raises(error), TrytonLab(tryton_built, tmp_path) as lab:  # noqa: PT012
            ports = (lab.port, lab.smtp_port)
            raise error
        for port in ports:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), 5)

    def test_the_built_ledger_stays_as_it_was(self, tryton: TrytonLab) -> None:
        before = (tryton.built / "db" / "lab.sqlite").read_bytes()
        tryton.pay(tryton.situations["overdue_20"].id)
        tryton.stop()
        assert (tryton.built / "db" / "lab.sqlite").read_bytes() == before
        assert not list((tryton.built / "db").glob("*-wal"))
