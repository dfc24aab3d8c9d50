"""What a message from outside is taken for: by servers' reports, by people, by nobody we know."""

from email.message import EmailMessage

import pytest

from connector.outbox.incoming import Incoming, What, read
from tests.returned import (
    KEY,
    TO,
    US,
    answer,
    delayed,
    exchange,
    exim,
    gmail,
    original,
    postfix,
    qmail,
)

OTHER = "fedcba9876543210fedc"


def only(data: bytes) -> Incoming:
    found = read(data, own={US})
    assert found
    return found


@pytest.mark.practice("P4-15")
@pytest.mark.parametrize(
    "report", [postfix, exchange, gmail, qmail, exim], ids=lambda r: r.__name__
)
def test_each_servers_report_names_the_reminder_the_address_and_the_reason(report) -> None:  # type: ignore[no-untyped-def]
    found = only(report())
    assert (found.what, found.keys, found.to) == (What.RETURNED, (KEY,), (TO,))
    (failure,) = found.failures
    assert TO in [address.lower() for address in failure.addresses]
    assert failure.words
    assert "\n" not in failure.words
    assert found.id == only(report()).id


@pytest.mark.parametrize("data", [delayed(), exim(warning=True)])
def test_a_report_of_a_delay_is_no_failure(data: bytes) -> None:
    assert only(data).what is What.DELAYED


def test_a_server_that_has_given_up_is_final_whatever_its_status() -> None:
    found = only(postfix(status="4.4.7", said="delivery time expired"))
    assert found.what is What.RETURNED
    assert found.failures[0].words == "4.4.7 delivery time expired"


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_report_of_success_is_nothing(action: str) -> None:
    assert read(postfix(action=action, status="2.0.0")) is None


def test_of_several_recipients_those_that_failed_are_named() -> None:
    two = postfix(KEY, "a@client.example", "b@client.example")
    mixed = two.replace(b"Action: failed", b"Action: delivered", 1)
    assert [f.addresses for f in only(two).failures] == [
        ("a@client.example",),
        ("b@client.example",),
    ]
    assert [f.addresses for f in only(mixed).failures] == [("b@client.example",)]


def test_an_address_that_was_forwarded_is_known_as_we_wrote_it() -> None:
    data = postfix().replace(
        f"Final-Recipient: rfc822; {TO}".encode(), b"Final-Recipient: rfc822; boss@home.example"
    )
    assert only(data).failures[0].addresses == (TO, "boss@home.example")


def test_a_report_in_another_script_is_read() -> None:
    data = postfix(to="compta@société.example")
    data = data.replace(b"message/delivery-status", b"message/global-delivery-status")
    data = data.replace(b"text/rfc822-headers", b"message/global-headers").replace(
        b"rfc822;", b"utf-8;"
    )
    found = only(data)
    assert (found.what, found.keys) == (What.RETURNED, (KEY,))
    assert "compta@soci" in found.failures[0].addresses[0]


def test_the_reference_in_the_text_serves_where_the_product_made_the_message_id() -> None:
    head = original().replace(f"<relance.{KEY}@dupont.example>", "<77@erp.example>")
    assert only(postfix(head=head, whole=True)).keys == (KEY,)
    assert read(postfix(head=head)) is None  # headers alone tell nothing then


@pytest.mark.parametrize("follows", ["In-Reply-To", "References"])
def test_a_persons_own_mail_that_came_back_is_no_reminder(follows: str) -> None:
    head = original().replace(
        "Message-ID: <relance.", f"Message-ID: <77@dupont.example>\n{follows}: <relance."
    )
    for data in (
        postfix(head=head),
        postfix(head=head, whole=True),
        qmail().replace(original().encode(), head.encode()),
    ):
        assert read(data) is None


def test_a_reminder_that_follows_an_earlier_one_is_known_by_its_own_key() -> None:
    thread = f"In-Reply-To: <relance.{OTHER}@dupont.example>\nSubject:"
    for report in (postfix, exchange, qmail):
        data = report().replace(
            b"Subject: Facture F-2026-0042\nDate", thread.encode() + b" F\nDate"
        )
        assert OTHER in data.decode()
        assert only(data).keys == (KEY,)
    copy = f"From: {US}\nMessage-ID: <relance.{KEY}@d.example>\n{thread} F\n\nRef. {KEY}\n"
    assert read(copy.encode()) is None  # the firm's own blind copy


def test_a_report_about_somebody_elses_mail_is_left_alone() -> None:
    head = original().replace("relance.", "newsletter.")
    assert read(postfix(head=head)) is None
    assert read(qmail().replace(b"relance.", b"x.").replace(b"Ref. ", b"Nr. ")) is None


def test_a_report_that_is_not_understood_is_left_alone() -> None:
    vague = qmail().replace(b"permanent error; I've given up", b"problem").replace(b"(#5.1.1)", b"")
    assert read(vague) is None
    cut_off = postfix()[: postfix().index(b"Content-Description: Undelivered")]
    assert read(cut_off) is None


@pytest.mark.practice("P0-19", "P2-49")
@pytest.mark.parametrize(
    "data",
    [
        answer(),
        answer("", References=f"<1@x.example> <relance.{KEY}@dupont.example>"),
        answer("", text=f"payé\n\n> Bonjour\n> Ref. {KEY}\n"),
        answer("", text=f"payé\n\n> long line Ref.\n> {KEY} \n"),
        answer(Precedence="list", List_Id="<compta.dupont.example>"),
        answer(Auto_Submitted="no"),
        answer(sender="quelqu'un@autre.example"),
    ],
)
def test_an_answer_names_the_reminder_it_answers(data: bytes) -> None:
    found = only(data)
    assert (found.what, found.keys) == (What.WRITTEN, (KEY,))
    assert found.subject == "Re: Facture F-2026-0042"


def test_an_answer_in_html_and_base64_is_read() -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = TO, "=?utf-8?q?R=C3=A9ponse?="
    mail.set_content(
        f"<p>payé</p><blockquote>Ref.&nbsp;<b>{KEY}</b></blockquote>", subtype="html", cte="base64"
    )
    found = only(mail.as_bytes())
    assert (found.keys, found.subject) == ((KEY,), "Réponse")


@pytest.mark.parametrize(
    "data",
    [
        answer(Auto_Submitted="auto-replied (vacation)"),
        answer(Auto_Submitted="auto-generated"),
        answer(Precedence="bulk"),
        answer(Precedence="junk"),
        answer(X_Autoreply="yes"),
        answer(X_Autorespond="absent"),
        answer(Subject="Automatic reply: Facture F-2026-0042"),
        answer(Subject="Réponse automatique : Facture"),
        answer(Subject="Automatische Antwort: Rechnung"),
        answer(Subject="Afwezigheidsbericht: factuur"),
        answer(Subject="Out of office"),
        answer(sender="no-reply@client.example"),
        answer(sender="postmaster@client.example"),
        answer(sender=US),  # the bookkeeper writes in the same thread
        answer("", List_Unsubscribe="<https://client.example/u>"),
        answer().replace(
            b"Content-Type: text/plain",
            b"Content-Type: multipart/report; report-type=disposition-notification; boundary=x\nX-Was: text/plain",
        ),
        f"Message-ID: <relance.{KEY}@dupont.example>\nFrom: {TO}\n\ncopie".encode(),
        b"",
        b"\r\n\r\n",
        b"no headers at all",
    ],
)
def test_what_no_person_wrote_is_no_answer(data: bytes) -> None:
    assert read(data, own={US}) is None


def test_mail_that_names_nothing_of_ours_says_who_wrote() -> None:
    found = only(answer("", text="Bonjour"))
    assert (found.what, found.keys, found.sender) == (What.WRITTEN, (), TO)


def _nested(depth: int) -> bytes:
    parts = [f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(depth)]
    return (
        f"From: {TO}\nIn-Reply-To: <relance.{KEY}@d.example>\nMIME-Version: 1.0\n".encode()
        + "".join(parts).encode()
    )


def _page(html: str) -> bytes:
    mail = EmailMessage()
    mail["From"] = TO
    mail.set_content(html, subtype="html", cte="8bit")
    return mail.as_bytes()


def test_a_hostile_report_is_read_as_far_as_it_goes_and_soon() -> None:
    for noise in ("-" * 60000, " " * 60000, "a" * 60000, "a@" * 30000, "5.1.1" * 12000):
        (failure,) = only(qmail().replace(b"<compta@", f"{noise}\n<compta@".encode(), 1)).failures
        assert len(failure.words) <= 160
        assert len(failure.addresses) <= 20
    assert only(postfix().replace(b"X-Postfix-Queue-ID: 4B1", b"X: 1\n\n" * 20000)).keys == (KEY,)


@pytest.mark.parametrize(
    "data",
    [
        _nested(2000),
        f"From: {TO}\nIn-Reply-To: <relance.{KEY}@d.example>\n".encode()
        + b"Content-Type: message/rfc822\n\n" * 3000,
        answer(text="x" * 2_000_000)[:131072],
        answer().replace(b'charset="utf-8"', b'charset="klingon"'),
        answer().replace(b'charset="utf-8"', b'charset="' + b"\x00" * 300 + b'"'),
        answer().replace(b"Content-Transfer-Encoding: 7bit", b"Content-Transfer-Encoding: base64"),
        answer() + b"\xff\xfe\x00" * 10000,
        _page(f"Ref. {KEY} " + "<" * 65000),
        _page(f"Ref. {KEY} " + "<a " * 30000),
        _page(f"Ref. {KEY} " + "Ref. " * 5000 + "\xa0 >" * 10000),
        answer("", text=f"Ref. {KEY}\n" + "-" * 900 + "\n" + "a" * 900),
        answer().replace(b"Subject:", b"Subject: =?utf-8?b?no base64!?= =?x?q?=00?=" + b"=?" * 400),
        answer().replace(b"Subject:", b"Subject: " + b"a" * 200000 + b"\nX-Was:"),
    ],
    ids=lambda data: str(len(data)),
)
def test_a_hostile_message_is_read_as_far_as_it_goes_and_soon(data: bytes) -> None:
    found = only(data)
    assert found.keys == (KEY,)
    assert len(found.subject) <= 200


def test_text_from_outside_is_one_harmless_line() -> None:
    hostile = "Re: \x1b[31m\u202eevil\r\n Bcc: x@y.example"
    found = only(
        answer("", text=f"> Ref. {KEY}").replace(
            b"Subject: Re: Facture F-2026-0042", f"Subject: {hostile}".encode()
        )
    )
    assert not set(found.subject) & set("\r\n\x1b\u202e")
    said = "550 \x1b[2J no\t such user"
    (failure,) = only(postfix(said=said)).failures
    assert "\x1b" not in failure.words


def test_a_message_may_name_several_reminders_but_not_hundreds() -> None:
    many = " ".join(f"<relance.{n:020x}@d.example>" for n in range(500))
    found = only(answer("", References=f"<relance.{KEY}@d.example> <relance.{OTHER}@d.example>"))
    assert found.keys == (KEY, OTHER)
    assert (
        len(
            only(
                answer("", text=many.replace("<relance.", "Ref. ").replace("@d.example>", " "))
            ).keys
        )
        <= 20
    )
