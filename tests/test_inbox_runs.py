"""From the first reminder to what comes of it, as users run it: processes, SMTP and IMAP servers."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.imap import PASSWORD, Box
from tests.lab.mail import MailSink
from tests.processes import ALWAYS, Desk
from tests.providers.folder import folder
from tests.returned import answer, postfix

US = "compta@acme.example"
QUAY, HARROW = "compta@brasserie.example", "accounts@harrow.example"


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    server = MailSink(tmp_path / "sent")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def books(path: Path, quay: str = QUAY) -> None:
    """Two customers who owe one invoice each, four days late today."""
    today = datetime.now(UTC).date()
    row = f"EUR,{today - timedelta(days=34)},{today - timedelta(days=4)},100.00,100.00,open\n"
    folder(
        path,
        customers=f"customer,name,language,country,email\nC1,Brasserie,fr,FR,{quay}\nC2,Harrow,en,GB,{HARROW}\n",
        invoices="invoice,line,customer,currency,issued_on,due_on,amount,balance,state\n"
        f"F-1,,C1,{row}F-2,,C2,{row}",
        payments="payment,customer,currency,paid_on,amount,state,invoice,line,allocated\n",
    )


@pytest.fixture
def desk(tmp_path: Path, sink: MailSink, box: Box) -> Desk:
    """A firm of files that sends by SMTP and reads its mailbox, its reminders sent once."""
    books(tmp_path / "books")
    (tmp_path / "policy.toml").write_text(ALWAYS, encoding="utf-8")
    (tmp_path / "secret").write_text(PASSWORD, encoding="utf-8")
    (tmp_path / "secret").chmod(0o600)
    settings = {
        "PROVIDER": "files",
        "FILES_FOLDER": "books",
        "POLICY": "policy.toml",
        "MODE": "auto",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": sink.port,
        "SMTP_SECURITY": "none",
        "SMTP_FROM": f"Acme <{US}>",
        "IMAP_HOST": "127.0.0.1",
        "IMAP_PORT": box.port,
        "IMAP_SECURITY": "none",
        "IMAP_USER": box.user,
        "IMAP_PASSWORD": f"file:{tmp_path / 'secret'}",
    }
    text = "".join(f"RELANCE_{name}={value}\n" for name, value in settings.items())
    (tmp_path / "config.env").write_text(text, encoding="utf-8")
    made = Desk(tmp_path)
    done = made.relance("sync")
    assert (done.code, len(sink.mails)) == (0, 2), done
    return made


def key(sink: MailSink, address: str) -> str:
    """The reminder that went to an address last, by its Message-ID as it went over the wire."""
    mails = [mail for mail in sink.mails if mail["To"] == address]
    match = re.fullmatch(r"<relance\.([0-9a-f]{20})@acme\.example>", mails[-1]["Message-ID"])
    assert match
    return match[1]


@pytest.mark.practice("P4-15")
def test_from_a_bounce_to_the_corrected_address(desk: Desk, sink: MailSink, box: Box) -> None:
    first = key(sink, QUAY)
    box.deliver(postfix(first, to=QUAY))
    done = desk.relance("sync")
    assert done.code == 0
    assert f"came back: {first}" in done.out
    assert f"held: {QUAY}" in done.out
    told = desk.relance("status").out
    assert "correct_contact_data" in told
    assert f"mail to {QUAY} came back (5.1.1 550" in told
    assert re.search(r"Mailbox INBOX of \S+ at 127\.0\.0\.1: read at \d{4}-", told)
    assert "address_bounced" in desk.relance("why", "F-1").out
    assert len(sink.mails) == 2
    books(desk.folder / "books", quay="neu@brasserie.example")
    assert desk.relance("sync").code == 0
    assert [mail["To"] for mail in sink.mails[2:]] == ["neu@brasserie.example"]
    for file in desk.folder.glob("config.db*"):
        file.unlink()
    for _ in range(2):
        assert desk.relance("sync").code == 0
    assert len(sink.mails) == 3  # a lost database: the report is read again, and nothing goes
    told = desk.relance("why", "F-1").out
    assert "(came back)" in told
    assert "(sending 2)" in told


@pytest.mark.practice("P0-19", "P2-49")
def test_from_an_answer_to_what_came_of_it(desk: Desk, sink: MailSink, box: Box) -> None:
    box.deliver(answer(key(sink, QUAY), QUAY, Subject="Re: \x1b[31mpayé"))
    assert "answered: Brasserie" in desk.relance("sync").out
    told = desk.relance("status")
    assert "reply_unread" in told.out
    assert "Replies in 12 months: 1 unread." in told.out
    assert "\x1b" not in told.out
    assert "reply_unread" in desk.relance("sync", "--dry-run", "--today", _later(30)).out
    wrong = desk.relance("unmark", "Brasserie", "reply", "--because", "x", "--outcome", "nonsense")
    assert wrong.code == 2
    assert "paid, promise, dispute" in wrong.err
    done = desk.relance(
        "unmark", "Brasserie", "reply", "--because", "il paie", "--outcome", "promise"
    )
    assert done.code == 0
    after = desk.relance("status", "--json").json
    assert after["replies"] == {"unread": 0, "outcomes": {"promise": 1}}
    assert after["mailbox"]["problem"] is None
    for file in desk.folder.glob("config.db*"):
        file.unlink()
    desk.relance("sync")
    told = desk.relance("status")  # the log of the books remembers
    assert "reply_unread" not in told.out
    assert "Replies in 12 months: 1 promise." in told.out
    assert len(sink.mails) == 2


def _later(days: int) -> str:
    return str(datetime.now(UTC).date() + timedelta(days=days))


def test_a_mailbox_that_is_down_is_one_line_and_exit_code_three(desk: Desk) -> None:
    config = desk.folder / "config.env"
    text = config.read_text(encoding="utf-8")
    config.write_text(
        re.sub("(?m)^RELANCE_IMAP_PORT=.*$", "RELANCE_IMAP_PORT=1", text), encoding="utf-8"
    )
    for command in (("sync",), ("sync", "--dry-run")):
        done = desk.relance(*command)
        assert done.code == 3
        (line,) = [line for line in done.err.splitlines() if "imap" in line]
        assert "RELANCE_IMAP_HOST" in line
    told = desk.relance("status").out
    assert "answers in it silence nobody" in told
    document = desk.relance("sync", "--json").json
    assert "imap 127.0.0.1" in document["heard"]["problem"]


def test_every_wrong_setting_is_told_at_once_and_no_secret_is(desk: Desk) -> None:
    config = desk.folder / "config.env"
    kept = [line for line in config.read_text(encoding="utf-8").splitlines() if "IMAP" not in line]
    wrong = [
        "HOST=imap://mail.firm.fr",
        "PORT=99999",
        "SECURITY=ssl",
        "PASSWORD=file:/nowhere/at/all",
    ]
    config.write_text(
        "\n".join([*kept, *(f"RELANCE_IMAP_{line}" for line in wrong)]), encoding="utf-8"
    )
    done = desk.relance("policy", "check")
    assert done.code == 2
    for name in ("HOST is", "PORT is", "SECURITY is", "PASSWORD", "USER is missing"):
        assert f"RELANCE_IMAP_{name}" in done.err
    config.write_text(
        "\n".join(
            [
                *kept,
                "RELANCE_IMAP_HOST=mail.firm.fr",
                "RELANCE_IMAP_USER=u",
                "RELANCE_IMAP_PASSWORD=pl4in",
                "RELANCE_IMAP_SECURITY=none",
            ]
        ),
        encoding="utf-8",
    )
    done = desk.relance("sync", "--dry-run")
    assert done.code == 2
    assert "in the open" in done.err
    assert "written in plain" in done.err
    assert "pl4in" not in done.err + done.out


def test_nothing_that_relance_writes_holds_the_password(
    desk: Desk, sink: MailSink, box: Box
) -> None:
    box.deliver(answer(key(sink, QUAY), QUAY))
    done = desk.relance("sync", "--json")
    assert json.loads(done.out)["heard"]["answered"]
    written = [
        path.read_bytes()
        for path in desk.folder.rglob("*")
        if path.is_file() and path.name != "secret"
    ]
    assert not [data for data in written if PASSWORD.encode() in data]
    assert PASSWORD not in done.out + done.err
