"""What goes with a message and what is known of it after: copies, threads, notes, blind copies."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from connector.contract import Receipt
from connector.errors import ConfigError, Rejected, Transient
from connector.firm import Firm
from connector.messages.copies import without
from connector.messages.values import file_name
from connector.messages.write import Writer
from connector.mirror.state import State
from connector.outbox.mail import message_bytes
from connector.outbox.packing import packed
from connector.outbox.queue import Outbox
from connector.outbox.smtp import Smtp
from connector.outbox.smtp_settings import problems
from connector.receivables.capabilities import Capabilities, Notes, Traces
from connector.receivables.records import Attachment, Contact, Message
from tests.books import COMPANY, customer
from tests.lab.mail import MailSink
from tests.office import POLICY, Desk, due, locks
from tests.test_messages import COMPANY as FIRM
from tests.test_messages import HOSTILE, KEY, TODAY, Seen, line, plan, reminder
from tests.test_smtp import MESSAGE, NOW, Mailbox, client, serving

ADDRESS = Contact(id="1", email="c1@clients.example")
PDF = b"%PDF-1.7\n"
BY_SMTP = Capabilities(note=Notes.INVOICE, traces=Traces.COMPLETE, pdf=True)
BY_API = replace(BY_SMTP, custom_email=True)
MB = 2**20


class Attaching(Desk):
    """A firm whose accounting software makes PDF files."""

    def firm(self) -> Firm:
        return replace(super().firm(), writer=Writer(COMPANY, pdf=True))


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Attaching]:
    with locks(tmp_path / "locks"):
        made = Attaching(tmp_path)
        made.office.put(customer("c1", contacts=(ADDRESS,), language="fr", country="FR"))
        made.office.owe("i1", "c1", due(made.clock, 4))
        made.office.can = BY_SMTP
        yield made


@pytest.fixture
def sink(firm: Attaching, tmp_path: Path) -> Iterator[MailSink]:
    """The firm's mail server."""
    found = MailSink(tmp_path / "mails")
    found.start()
    try:
        firm.mailer = mailer(found)
        yield found
    finally:
        found.stop()


def mailer(sink: MailSink, **more: str) -> Smtp:
    settings = {"HOST": "127.0.0.1", "PORT": str(sink.port), "SECURITY": "none"}
    return Smtp(settings | {"FROM": "Dupont SARL <compta@dupont.example>"} | more)


def pdfs(firm: Desk, told: Callable[[str], bytes]) -> None:
    firm.office.pdf = told  # type: ignore[assignment,method-assign]


def watched(firm: Desk) -> list[Message]:
    """The messages that the accounting software is given to send."""
    went: list[Message] = []
    email = firm.office.email

    def told(message: Message, *, key: str) -> Receipt:
        went.append(message)
        return email(message, key=key)

    firm.office.email = told  # type: ignore[method-assign]
    return went


def names(mail: EmailMessage) -> list[str | None]:
    return [part.get_filename() for part in mail.iter_attachments()]


def body(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part
    content = part.get_content()
    return " ".join((Seen(content).text if kind == "html" else content).split())


def refuse(why: str) -> Callable[[str], bytes]:
    def told(ref: str) -> bytes:
        raise Rejected(f"office: {why}")

    return told


# ---- copies


@pytest.mark.practice("P3-31", "P2-16")
def test_the_invoice_goes_with_its_reminder(firm: Attaching, sink: MailSink) -> None:
    pdfs(firm, lambda ref: PDF + ref.encode())
    report = firm.sync()
    (mail,) = sink.mails
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("F-i1.pdf", "application/pdf")
    assert file.get_content() == PDF + b"i1"
    assert report.delivered.left_out == {}


@pytest.mark.parametrize("can", [BY_SMTP, BY_API])
@pytest.mark.parametrize(
    ("told", "why"),
    [
        (refuse("no such document"), "the copy of invoice F-i1: office: no such document"),
        (lambda ref: b"x" * (5 * MB + 1), "the copy of invoice F-i1: 5.0 MB, more than the 5 MB"),
    ],
)
def test_a_copy_that_does_not_go_is_said_in_message_and_report(
    firm: Attaching, sink: MailSink, can: Capabilities, told: Callable[[str], bytes], why: str
) -> None:
    firm.office.can = can
    went = watched(firm)
    pdfs(firm, told)
    report = firm.sync()
    assert report.exit_code == 0
    (problem,) = report.delivered.left_out.values()
    assert problem.startswith(why)
    words = "Copies non jointes à ce message, que nous vous enverrons volontiers : F-i1."
    if can is BY_SMTP:
        (mail,) = sink.mails
        assert names(mail) == []
        assert words in body(mail)
        assert words in body(mail, "html")
    else:
        assert not sink.mails
        (message,) = went
        assert message.attachments == ()
        assert words in " ".join(message.text.split())


@pytest.mark.parametrize("can", [BY_SMTP, BY_API])
def test_a_copy_that_is_missing_stops_where_the_policy_says_so(
    firm: Attaching, sink: MailSink, can: Capabilities
) -> None:
    firm.policy = POLICY.replace("gap_days", 'missing_copy = "stop"\ngap_days')
    firm.office.can = can
    pdfs(firm, refuse("no such document"))
    report = firm.sync()
    (problem,) = report.delivered.failed.values()
    assert "invoice F-i1 cannot be had, and the policy says to stop then" in problem
    assert firm.states() == ["failed"]
    assert not sink.mails
    assert not firm.office.mails


def test_the_api_is_given_the_very_copies_that_were_weighed(firm: Attaching) -> None:
    firm.office.can = BY_API
    went = watched(firm)
    pdfs(firm, lambda ref: PDF)
    firm.sync()
    assert went[0].attachments == (Attachment(name="F-i1.pdf", invoice_id="i1", content=PDF),)


def test_books_that_are_down_at_a_copy_leave_nothing_unknown(
    firm: Attaching, sink: MailSink
) -> None:
    def down(ref: str) -> bytes:
        raise Transient("office: cannot connect")

    pdfs(firm, down)
    assert firm.sync().delivered.ended_by == "office: cannot connect"
    assert firm.states() == ["planned"]
    assert firm.rows("SELECT tries FROM reminder") == [1]
    pdfs(firm, lambda ref: PDF)
    firm.clock.pass_(hours=1)
    firm.sync()
    assert names(sink.mails[0]) == ["F-i1.pdf"]


class Books:
    """Documents of so many bytes, by invoice."""

    def __init__(self, **sizes: int) -> None:
        self.sizes = sizes

    def pdf(self, invoice_id: str) -> bytes:
        return b"x" * self.sizes[invoice_id]


@pytest.mark.practice("P2-30")
def test_copies_are_taken_in_turn_as_long_as_there_is_room() -> None:
    files = tuple(Attachment(name=f"{ref}.pdf", invoice_id=ref) for ref in "abcd")
    books: Any = Books(a=5 * MB, b=4 * MB, c=2 * MB, d=1 * MB)
    message = replace(MESSAGE, attachments=files)
    found = packed(
        books,
        message,
        {ref: f"F-{ref}" for ref in "abcd"},
        {"c": "https://pay.example/c"},
        missing="stop",
    )
    assert [name for name, _ in found.files] == ["a.pdf", "b.pdf", "d.pdf"]
    assert found.left_out == (
        "the copy of invoice F-c: no room: the copies of a message have 10 MB in all",
    )
    assert "F-c (https://pay.example/c)." in " ".join(found.message.text.split())
    assert "https://pay.example/c" in [*Seen(found.message.html).links()]


@pytest.mark.practice("P0-22", "P2-16")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr", "Copies non jointes à ce message"),
        ("en", "Copies that are not attached"),
        ("de", "Nicht beigefügt"),
        ("nl", "Niet bijgevoegd"),
    ],
)
def test_beyond_five_copies_the_message_and_the_plan_name_the_others(
    language: str, words: str
) -> None:
    link = "https://pay.example/7?a=1&b=2"
    lines = [line(n, pay_link=link if n == 7 else "") for n in range(1, 8)]
    made = Writer(FIRM, pdf=True).write(plan(reminder(*lines, language=language)))
    (entry,) = made.reminders
    message = entry.message
    assert message
    assert [file.name for file in message.attachments] == [
        f"F-2026-{n:04d}.pdf" for n in range(1, 6)
    ]
    text = " ".join(message.text.split())
    assert words in text
    assert text.index(words) < text.index(f"Ref. {KEY}")
    assert f"F-2026-0006, F-2026-0007 ({link})." in text
    assert words in Seen(message.html).text
    assert link in Seen(message.html).links()
    assert "Client & Fils: 5 of 7 invoice copies are attached, the message names the others" in (
        entry.warnings
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_numbers_in_the_words_on_copies(name: str) -> None:
    before = Writer(FIRM).message(reminder(), TODAY)
    after = without(before, [(name, "javascript:alert(1)"), (name, 'https://x.example/"><b>')])
    plain = {tag for tag, _ in Seen(before.html).tags}
    assert {tag for tag, _ in Seen(after.html).tags} <= plain | {"p"}
    assert after.text.count("Ref. ") == before.text.count("Ref. ")
    assert "relance/1" not in after.text
    assert after.text.endswith(f"\nRef. {KEY}\n")


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "C:\\boot.ini",
        "a\r\nContent-Type: text/html",
        "F\u202efdp.exe",
        'x"; filename="evil.exe',
        "=?utf-8?q?a=0D=0ABcc:_evil@x.fr?=",
        "é" * 300,
        "CON",
        "nul.",
        "..",
        "",
        "-rf",
        *HOSTILE,
    ],
)
def test_hostile_file_names(name: str) -> None:
    made = f"{file_name(name)}.pdf"
    assert len(made) <= 90
    for given in (made, f"{name}.pdf"):
        data = message_bytes(
            MESSAGE, sender="c@dupont.fr", key=KEY, now=NOW, attachments=[(given, PDF)]
        )
        data.decode("ascii")
        mail = message_from_bytes(data, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        (file,) = mail.iter_attachments()
        found = file.get_filename()
        assert found
        assert found.endswith(".pdf")
        assert not set("/\\:\r\n\u202e") & set(found)
        assert file.get_content() == PDF
        assert "Bcc" not in mail
    assert made.partition(".")[0].upper() not in ("CON", "NUL", "")


# ---- one thread, replies, a blind copy


def test_all_mails_about_one_debt_are_one_thread(firm: Attaching, sink: MailSink) -> None:
    pdfs(firm, lambda ref: PDF)
    firm.sync()
    firm.clock.pass_(days=6)
    firm.office.owe("i2", "c1", due(firm.clock, 4))
    firm.sync()
    firm.clock.pass_(days=6)
    firm.sync()
    first, second, *rest = sink.mails
    assert first["In-Reply-To"] is None
    assert first["References"] is None
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
    assert "F-i1" in body(second)
    for mail in rest:
        assert first["Message-ID"] in str(mail["References"]) or "F-i1" not in body(mail)
    assert len({mail["Message-ID"] for mail in sink.mails}) == len(sink.mails)


def test_the_thread_goes_on_after_a_lost_database(firm: Attaching, sink: MailSink) -> None:
    """The notes in the accounting software tell the key, and the key tells the Message-ID."""
    pdfs(firm, lambda ref: PDF)
    firm.sync()
    firm.lose()
    firm.clock.pass_(days=6)
    firm.sync()
    first, second = sink.mails
    assert second["In-Reply-To"] == first["Message-ID"]


def test_another_debt_of_the_same_customer_is_another_thread(
    firm: Attaching, sink: MailSink
) -> None:
    pdfs(firm, lambda ref: PDF)
    firm.sync()
    firm.office.pay("i1")
    firm.clock.pass_(days=5)
    firm.office.owe("i2", "c1", due(firm.clock, 4))
    firm.sync()
    _, second = sink.mails
    assert "F-i2" in body(second)
    assert second["References"] is None


def test_a_mail_that_did_not_go_is_nothing_to_answer(firm: Attaching, sink: MailSink) -> None:
    pdfs(firm, refuse("no such document"))
    firm.policy = POLICY.replace("gap_days", 'missing_copy = "stop"\ngap_days')
    firm.sync()
    assert firm.states() == ["failed"]
    (due_line,) = firm.rows("SELECT line_ref FROM reminder_line")
    with State.opened(firm.state) as state:
        assert Outbox(state, "").earlier("another", [("i1", due_line)]) == []


@pytest.mark.parametrize("domain", ["dupont.fr", "a" * 60 + "." + "b" * 60 + ".example"])
def test_a_long_thread_is_named_whole_and_in_plain(domain: str) -> None:
    keys = [f"{n:020x}" for n in range(30)]
    data = message_bytes(MESSAGE, sender=f"c@{domain}", key=KEY, now=NOW, earlier=keys)
    head = data.split(b"\r\n\r\n")[0].decode("ascii")
    mail = message_from_bytes(data, policy=policy.default)
    told = str(mail["References"]).split()
    assert told == [f"<relance.{key}@{domain}>" for key in [keys[0], *keys[-20:]]]
    assert mail["In-Reply-To"] == told[-1]
    assert max(map(len, head.split("\r\n"))) < 998
    assert "=?" not in head.partition("References")[2].partition("MIME")[0]


@pytest.mark.practice("P1-17")
@pytest.mark.parametrize("name", ["FROM", "REPLY_TO"])
def test_a_sender_whom_nobody_can_answer_is_refused(name: str) -> None:
    given = {"HOST": "127.0.0.1", "SECURITY": "none", "FROM": "Claire Dupont <c@dupont.example>"}
    assert problems(given) == []
    (problem,) = problems(given | {name: "Dupont <no-reply@dupont.example>"})
    assert "which nobody reads" in problem


def test_replies_go_where_the_firm_says() -> None:
    data = message_bytes(
        MESSAGE, sender="c@dupont.fr", key=KEY, now=NOW, reply_to="Claire Été <claire@dupont.fr>"
    )
    mail = message_from_bytes(data, policy=policy.default)
    (address,) = mail["Reply-To"].addresses
    assert (address.display_name, address.addr_spec) == ("Claire Été", "claire@dupont.fr")


def test_the_firm_has_a_blind_copy_of_each_message() -> None:
    box = Mailbox()
    with serving(box) as port:
        client(port, BLIND_COPY="copies@dupont.fr").send(MESSAGE, key=KEY, now=NOW)
        message = replace(MESSAGE, to=("copies@dupont.fr",), cc=())
        client(port, BLIND_COPY="copies@dupont.fr").send(message, key=KEY, now=NOW)
    assert box.mails[0][0].rcpt_tos == ["compta@client.fr", "chef@client.fr", "copies@dupont.fr"]
    assert b"copies@" not in (box.mails[0][0].original_content or b"")
    assert box.mails[1][0].rcpt_tos == ["copies@dupont.fr"]


@pytest.mark.parametrize(
    ("answer", "error"), [("550 no such user", ConfigError), ("452 mailbox full", Transient)]
)
def test_nothing_goes_that_the_firm_would_have_no_copy_of(answer: str, error: type) -> None:
    box = Mailbox(copies_at_dupont_fr=answer)
    with serving(box) as port, pytest.raises(error, match="copies@dupont") as caught:
        client(port, BLIND_COPY="copies@dupont.fr").send(MESSAGE, key=KEY, now=NOW)
    assert type(caught.value) is error  # not of this recipient alone: it ends the turn
    assert box.mails == []


def test_a_blind_copy_that_is_refused_leaves_the_reminder_planned(
    firm: Attaching, sink: MailSink
) -> None:
    pdfs(firm, lambda ref: PDF)
    firm.mailer = mailer(sink, BLIND_COPY="bounce@dupont.example")
    with pytest.raises(ConfigError, match="RELANCE_SMTP_BLIND_COPY"):
        firm.sync()
    assert firm.states() == ["planned"]
    firm.mailer = mailer(sink, BLIND_COPY="copies@dupont.example")
    firm.sync()
    assert firm.states() == ["sent"]
    (mail,) = sink.mails
    assert mail["X-Envelope-To"] == "c1@clients.example, copies@dupont.example"


# ---- the note


def test_the_note_of_a_mail_says_subject_and_recipient(firm: Attaching, sink: MailSink) -> None:
    pdfs(firm, lambda ref: PDF)
    firm.sync()
    ((_, note),) = firm.office.notes
    (mail,) = sink.mails
    trace, *words = note.split("\n")
    assert trace.startswith("relance/1 K=")
    assert f"« {mail['Subject']} »" == words[-1]
    assert "c***@clients.example" in note
    assert "c1@clients.example" not in note
