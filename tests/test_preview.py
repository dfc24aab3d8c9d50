"""What a person sees before a message goes, as processes on a folder of CSV files."""

import io
import os
import pty
import re
import subprocess
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.processes import ALWAYS, RELANCE, Desk
from tests.test_smtp import Guarded, Mailbox, serving
from tests.tokens import Tokens, handing_out

DAY = timedelta(days=1)
DATE = re.compile(rb"(?m)^Date: .*\r\n")
BANK = "IBAN FR76 3000 6000 0112 3456 7890 189"
NOTICE = """
[[step]]
name = "formal_notice"
stage = "notice"
when = "after due"
days = 20
channel = "letter"
copy = "email"
approve = true
deadline_days = 15
"""


def firm(folder: Path, late: int, **settings: str) -> Desk:
    """A firm with one invoice, so many days late; reminded of mildly when that was due."""
    today = datetime.now(UTC).date()
    due_on, had_on = today - late * DAY, today - late * DAY + 4 * DAY
    books = folder / "books"
    books.mkdir(parents=True)
    head = "id,name,country,timezone,currency,address,legal_id,bank_line,email"
    files = {
        "company": f'{head}\nacme,Acme SARL,FR,Europe/Paris,EUR,1 rue X,SIREN 123 456 789,"{BANK}",c@acme.example\n',
        "customers": "customer,name,language,country,email,address\n"
        'C1,Brasserie du Port,fr,FR,compta@brasserie.example,"2 quai Y\n69009 Lyon"\n',
        "invoices": "invoice,line,customer,currency,issued_on,due_on,amount,balance,state\n"
        f"F-1,,C1,EUR,{due_on - 30 * DAY},{due_on},1184.50,1184.50,open\n",
        "payments": "payment,customer,currency,paid_on,amount,state,invoice,line,allocated\n",
        "history": "invoice,line,stage,n,on,channel,state,deadline_on,legal\n"
        + (f"F-1,,friendly,1,{had_on},email,sent,,\n" if late > 15 else "")
        + (f"F-1,,firm,1,{had_on + 4 * DAY},email,sent,,\n" if late > 20 else ""),
    }
    for name, text in files.items():
        (books / f"{name}.csv").write_text(text, encoding="utf-8")
    (folder / "policy.toml").write_text(ALWAYS + NOTICE, encoding="utf-8")
    values = {
        "PROVIDER": "files",
        "FILES_FOLDER": str(books),
        "POLICY": "policy.toml",
        "MODE": "auto",
        "SMTP_FROM": "Acme SARL <c@acme.example>",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": "9",
        "SMTP_SECURITY": "none",
    } | settings
    lines = [f"RELANCE_{name}={value}" for name, value in values.items()]
    (folder / "config.env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Desk(folder)


def test_the_file_holds_the_very_bytes_that_go(tmp_path: Path) -> None:
    box = Mailbox()
    with serving(box) as port:
        desk = firm(
            tmp_path / "firm",
            4,
            SMTP_PORT=str(port),
            SMTP_REPLY_TO="Claire <claire@acme.example>",
            SMTP_BLIND_COPY="copies@acme.example",
        )
        shown = desk.relance("preview", "F-1", "--eml", "mail.eml", "--html", "mail.html")
        assert shown.code == 0, shown.err
        assert not desk.state.exists()
        assert box.mails == []
        done = desk.relance("sync")
        assert done.code == 0, done.err
    (mail, _) = box.mails[0]
    file = desk.folder / "mail.eml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert DATE.sub(b"", file.read_bytes()) == DATE.sub(b"", mail.original_content or b"")
    assert mail.rcpt_tos == ["compta@brasserie.example", "copies@acme.example"]
    for words in (
        "friendly by email, smtp, reminder ",
        "Route: by your own mail server",
        "From: Acme SARL <c@acme.example>",
        "Replies to: Claire <claire@acme.example>",
        "Blind copy: copies@acme.example",
        "To: compta@brasserie.example",
        "QR code: Acme SARL, IBAN FR76 3000 6000 0112 3456 7890 189, Référence : F-1",
    ):
        assert words in shown.out
    page = (desk.folder / "mail.html").read_text(encoding="utf-8")
    assert 'src="data:image/png;base64,' in page
    parsed = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert parsed["Reply-To"] == "Claire <claire@acme.example>"
    assert parsed["Auto-Submitted"] == "auto-generated"


def test_the_dry_run_names_the_routes(tmp_path: Path) -> None:
    done = firm(tmp_path / "firm", 4).relance("sync", "--dry-run")
    assert "Routes: email by smtp 1." in done.out
    assert "email, smtp" in done.out


def test_a_letter_is_shown_as_it_would_be_printed(tmp_path: Path) -> None:
    desk = firm(tmp_path / "firm", 25)
    done = desk.relance("preview", "F-1", "--pdf", "letter.pdf")
    assert done.code == 0, done.err
    assert "Route: to be printed and posted" in done.out
    assert "To: 2 quai Y, 69009 Lyon" in done.out
    assert "Copy by e-mail, once posted: compta@brasserie.example" in done.out
    assert "Mind: the formal text fr/formal_notice.md" in done.out
    content = (desk.folder / "letter.pdf").read_bytes()
    text = PdfReader(io.BytesIO(content)).pages[0].extract_text()
    assert "F-1" in text
    assert "69009 Lyon" in text


@pytest.mark.parametrize(
    ("late", "option", "told"),
    [
        (4, "--pdf", "only a letter is printed"),
        (25, "--eml", "to be printed and posted, and is no mail of ours"),
        (4, "--eml", "cannot be written"),
    ],
)
def test_a_file_that_cannot_be_is_refused(
    tmp_path: Path, late: int, option: str, told: str
) -> None:
    desk = firm(tmp_path / "firm", late)
    file = "no/such/folder" if told == "cannot be written" else "file"
    done = desk.relance("preview", "F-1", option, file)
    assert done.code == 2
    assert told in done.err


def answered(desk: Desk, answer: str, *words: str) -> tuple[int, str]:
    """The exit code and output of a command on a terminal at which somebody types."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [RELANCE, *words],
        cwd=desk.folder,
        env=desk.environ(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    told = b""
    while b"[y/N]" not in told:
        told += os.read(ours, 4096)
    os.write(ours, answer.encode() + b"\n")
    code = process.wait(60)
    os.close(ours)
    return code, told.decode()


def test_a_formal_text_nobody_has_read_is_not_approved_by_the_way(tmp_path: Path) -> None:
    desk = firm(tmp_path / "firm", 25)
    real = desk.relance("sync")
    assert real.code == 0, real.err
    assert "Mind: the formal text fr/formal_notice.md is the program's own" in real.out
    assert "Mind: the formal text" in desk.relance("review").out
    (proposal,) = desk.relance("review", "--json").json["proposals"]
    assert proposal["route"] == "print"
    assert len(proposal["warnings"]) == 1
    key = proposal["key"]
    assert "Mind: the formal text" in desk.relance("review", key).out

    for words in (("approve", key), ("approve", "--all")):
        done = desk.relance(*words)
        assert done.code == 2
        assert "nobody at the firm has reviewed this formal text" in done.err
        assert "--yes" in done.err
    code, told = answered(desk, "n", "approve", key)
    assert code == 2
    assert "Mind: the formal text" in told
    assert len(desk.relance("review", "--json").json["proposals"]) == 1
    code, _ = answered(desk, "y", "approve", key)
    assert code == 0
    assert desk.relance("review", "--json").json["proposals"] == []


def test_a_formal_text_is_approved_with_a_word_or_after_editing(tmp_path: Path) -> None:
    one, two = firm(tmp_path / "one", 25), firm(tmp_path / "two", 25)
    for desk in (one, two):
        assert desk.relance("sync").code == 0
    assert one.relance("approve", "--all", "--yes").code == 0
    (proposal,) = two.relance("review", "--json").json["proposals"]
    (two.folder / "mine.txt").write_text("Subject: Lettre\n\nMadame,\n\npayez.\n", encoding="utf-8")
    assert two.relance("edit", proposal["key"], "--file", "mine.txt").code == 0
    done = two.relance("approve", "--all")
    assert done.code == 0, done.err


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_a_sign_in_that_is_over_sends_nothing_and_exits_4(tmp_path: Path) -> None:
    """The reminder waits, nothing of it unknown; once somebody has signed in, it goes."""
    with handing_out(Tokens(good="another", rotates=True)) as tokens:
        box = Guarded(lambda: tokens.access, user="c@acme.example")
        with serving(box, auth_required=True, auth_require_tls=False) as port:
            kept = tmp_path / "refresh"
            kept.write_text("gone\n", encoding="utf-8")
            kept.chmod(0o600)
            desk = firm(
                tmp_path / "firm",
                4,
                SMTP_PORT=str(port),
                SMTP_USER="c@acme.example",
                SMTP_TOKEN_URL=tokens.url,
                SMTP_CLIENT_ID="relance",
                SMTP_CLIENT_SECRET="env:CLIENT_SECRET",
                SMTP_REFRESH_TOKEN=f"file:{kept}",
            )
            over = desk.relance("sync", CLIENT_SECRET="cl1ent-s3cret")
            assert over.code == 4
            assert "invalid_grant" in over.err
            assert "sign in again and put the new refresh token where" in over.err
            assert "RELANCE_SMTP_REFRESH_TOKEN" in over.err
            assert not any(word in over.err for word in ("gone", "cl1ent-s3cret"))
            listed = desk.relance("outbox", "--json").json["outbox"]
            assert [row["state"] for row in listed] == ["planned"]
            assert "gone" not in str(listed)
            kept.write_text("another\n", encoding="utf-8")
            done = desk.relance("sync", CLIENT_SECRET="cl1ent-s3cret")
            assert done.code == 0, done.err
    assert len(box.mails) == 1
    assert kept.read_text() == f"{tokens.good}\n" != "another\n"
    assert tokens.asked[-1]["basic"] == "relance:cl1ent-s3cret"
