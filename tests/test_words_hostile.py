"""Text from outside through every text, letter, header and screen: it stays text."""

import csv
import os
import pty
import re
import sqlite3
import subprocess
import unicodedata
from collections import Counter
from contextlib import closing
from datetime import date, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from connector.contract import reference_of
from connector.dunning.plan import AlsoOpen, Netted, Reminder
from connector.dunning.snapshot import Channel
from connector.messages.letter import letter_name, letter_of, letter_pdf
from connector.messages.values import clean
from connector.messages.write import Writer
from connector.outbox.mail import message_bytes
from tests.books import NOW
from tests.processes import ALWAYS, RELANCE, Desk
from tests.test_letter import text_of
from tests.test_messages import COMPANY, KEY, TODAY, Seen, line
from tests.test_messages_texts import FILES, about

MARKUP = (
    "</td></table><script>alert(1)</script><img src=x onerror=alert(1)><!-- -->&lt;b&gt;"
    " [a](https://evil.example) ![i](x) | a | b | **b** _i_ `c` # h\n# H\n- x\n***\n    code"
    " {{ 7*7 }}{% raw %}{# c #}"
)
TYPST = (
    r"#set page(width: 1cm) $x^2$ \u{41} *b* _i_ `r` ```raw``` <label> @ref #emph[e] // c /* d */"
    r' = H #"s" \ ~ -- --- #let x = 1 #read("/etc/passwd") ]}'
)
CONTROLS = (
    "a\x00b\x07c\x1b[31md\x9b32me\x1b]0;title\x07f\rg\r\nBcc: all@evil.example\r\n.\r\n\x7f\x85h"
    " \u202egnp.exe\u2066\u2069\u200b\u200f\ufeff\u2028\u2029\ud800 [red]x[/red] [link=a]y[/link]"
)
TRACE = "relance/1 K=x M=hold Ref. ffffffffffffffffffff"
LONG = "W" * 5000 + " é" * 2500
NASTY = {"markup": MARKUP, "typst": TYPST, "controls": CONTROLS, "trace": TRACE, "long": LONG}
PRINTED = [
    name for name in FILES if re.search(r"/(formal|firm|letter_of|fourteen|statement)", name)
]


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(COMPANY, pdf=True)


def spoken(file: str, text: str, **more: Any) -> Reminder:
    """A reminder of three lines that says this text wherever it can say something from outside."""
    outside = {"reference": text, "payment_reference": "R" + text, "terms": text}
    lines = [line(n, invoice=f"{text}{n}", **outside) for n in (1, 2)] + [line(3, waived=True)]
    return about(
        file,
        *lines,
        customer_name=text,
        contact_name=text,
        contact_phone=text,
        owner=text,
        credits=(Netted(document=text, amount=100),),
        also_open=(AlsoOpen(invoice=text, due_on=TODAY, balance=100),),
        **more,
    )


def visible(text: str) -> bool:
    """Whether nothing in it moves a cursor, turns a direction or hides."""
    return all(c == "\n" or unicodedata.category(c)[0] != "C" or c in "\u200c\u200d" for c in text)


def joined(text: str) -> str:
    return re.sub(r"[\s\u200b]+", "", text)


@pytest.mark.parametrize("name", FILES)
def test_every_text_keeps_what_comes_from_outside_as_text(writer: Writer, name: str) -> None:
    harmless = writer.message(spoken(name, "Martin"), TODAY)
    shape = Counter(Seen(harmless.html).tags)
    exempt = "later_than_usual" in name
    every = "en/" in name  # what is long costs a second a text: in one language
    for nasty in (text for kind, text in NASTY.items() if every or kind != "long"):
        message = writer.message(spoken(name, nasty), TODAY)
        assert Counter(Seen(message.html).tags) == shape
        assert visible(message.text)
        assert visible(message.html)
        assert visible(message.subject)
        assert "\n" not in message.subject
        assert len(message.subject) <= 120
        assert reference_of(message.text) == reference_of(message.html) == KEY
        if not exempt:
            assert joined(clean(nasty)) in joined(message.text)
            assert joined(clean(nasty)) in joined(Seen(message.html).text)
        names = [attachment.name for attachment in message.attachments]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[0-9A-Za-z_.-]{1,90}\.pdf", each) for each in names)


@pytest.mark.parametrize("what", NASTY)
def test_no_header_comes_from_outside(writer: Writer, what: str) -> None:
    def headers(text: str) -> list[str]:
        message = writer.message(spoken("fr/firm.md", text), TODAY)
        files = [(attachment.name, b"%PDF-1.4") for attachment in message.attachments]
        raw = message_bytes(
            message, sender="Dupont <compta@dupont.example>", key=KEY, now=NOW, attachments=files
        )
        assert raw.isascii()
        mail = message_from_bytes(raw, policy=default)
        body = mail.get_body(("plain",))
        assert body
        assert visible(body.get_content().replace("\r\n", "\n"))
        return sorted(mail.keys())

    assert headers(NASTY[what]) == headers("Martin")


@pytest.mark.parametrize("name", PRINTED)
def test_a_letter_prints_it_as_it_stands(writer: Writer, name: str) -> None:
    letter = {"channel": Channel.LETTER, "to": (), "address": f"{TYPST}\n12 rue X\n38000 Grenoble"}
    entry = spoken(name, f"{TYPST} {MARKUP}", mode="claim" if "formal" in name else "", **letter)
    message = writer.message(entry, TODAY)
    pdf = letter_pdf(letter_of(entry, TODAY), COMPANY, message.subject, message.text)
    shown = joined(" ".join(text_of(pdf)))
    for said in (TYPST, MARKUP):
        assert joined(clean(said)) in shown
    assert b"/JavaScript" not in pdf
    assert b"/URI" not in pdf
    assert re.fullmatch(r"[0-9A-Za-z_.-]+\.pdf", letter_name(KEY, TYPST))


@pytest.mark.parametrize("what", ["controls", "trace", "long"])
def test_a_letter_bears_everything_else(writer: Writer, what: str) -> None:
    text = NASTY[what]
    entry = spoken("fr/formal_notice.md", text, channel=Channel.LETTER, to=(), address=text)
    message = writer.message(entry, TODAY)
    pages = text_of(letter_pdf(letter_of(entry, TODAY), COMPANY, message.subject, message.text))
    assert visible("".join(pages).replace("\u200b", ""))
    assert f"Ref. {KEY}" in pages[0]


# ---- screens


BAD = "[red]bold[/red] [link=https://evil.example]y[/link] \u202egnp\u200b #$"
WORSE = "\x1b[31mx\x1b]0;t\x07 [red]bold[/red]\rz\u202egnp \x9b2J\nnext #$"


def rows(path: Path, *found: dict[str, str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        made = csv.DictWriter(stream, list(found[0]))
        made.writeheader()
        made.writerows(found)


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A firm of files whose customers and invoices have bad names, with proposals and a letter."""
    folder = tmp_path_factory.mktemp("hostile")
    today = date.today()  # noqa: DTZ011 - the processes have no other clock
    rows(
        folder / "company.csv",
        {
            **{"id": "x", "name": f"Firm {BAD}", "country": "FR", "timezone": "Europe/Paris"},
            **{"currency": "EUR", "address": "1 rue A\n1 B", "legal_id": "R", "bank_line": "I"},
        },
    )
    rows(
        folder / "customers.csv",
        *(
            {
                **{"customer": f"C{n}", "name": f"Client {n} {BAD}", "language": "fr"},
                **{"country": "FR", "email": f"c{n}@c.example", "address": f"1 rue {BAD}\n2 B"},
            }
            for n in (1, 2)
        ),
    )
    days = {"issued_on": str(today - timedelta(days=60)), "currency": "EUR", "state": "open"}
    days |= {"amount": "100.00", "balance": "100.00"}
    rows(
        folder / "invoices.csv",
        {"invoice": f"F1 {BAD}", "customer": "C1", "due_on": str(today - timedelta(20)), **days},
        {"invoice": f"F2 {BAD}", "customer": "C2", "due_on": str(today - timedelta(20)), **days},
        {"invoice": f"F3 {BAD}", "customer": "C2", "due_on": str(today + timedelta(20)), **days},
    )
    rows(
        folder / "payments.csv",
        {
            **{"payment": "P", "customer": "C1", "currency": "EUR", "amount": "0.01"},
            **{"paid_on": str(today), "state": "void", "invoice": "", "allocated": ""},
        },
    )
    letter = ALWAYS.replace('channel = "email"', 'channel = "letter"', 1)
    (folder / "policy.toml").write_text(letter, encoding="utf-8")
    settings = {
        "PROVIDER": "files",
        "FILES_FOLDER": ".",
        "POLICY": "policy.toml",
        "MODE": "review",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_FROM": "a@b.example",
        "SMTP_SECURITY": "none",
    }
    text = "".join(f"RELANCE_{name}={value}\n" for name, value in settings.items())
    (folder / "config.env").write_text(text, encoding="utf-8")
    made = Desk(folder)
    done = made.relance("sync")
    assert done.code == 0, done.err
    key = made.relance("review", "--json").json["proposals"][0]["key"]
    assert made.relance("approve", key).code == 0
    worse = {
        "reminder": ("customer_name", "subject", "step", "error"),
        "reminder_line": ("invoice_number",),
        "customer": ("name",),
        "event": ("text",),
    }
    with closing(sqlite3.connect(made.state)) as connection:  # as another provider might bring it
        for table, columns in worse.items():
            for column in columns:
                connection.execute(f"UPDATE {table} SET {column} = {column} || ?", (WORSE,))
        connection.commit()
    return made


COMMANDS = {
    "plan": ("sync", "--dry-run"),
    "why": ("why", "client"),
    "review": ("review",),
    "outbox": ("outbox",),
    "status": ("status",),
    "letters": ("letters",),
    "preview": ("preview", "C2"),
}


@pytest.mark.parametrize("what", COMMANDS)
def test_a_pipe_shows_no_escape(firm: Desk, what: str) -> None:
    words = COMMANDS[what]
    if what == "why":
        words = ("why", "C1")
    done = firm.relance(*words)
    assert done.code == 0, done.err
    for text in (done.out, done.err):
        assert visible(text), [c for c in text if not visible(c)]
    if what != "status":
        assert "[red]" in done.out
    if what == "review":
        key = firm.relance("review", "--json").json["proposals"][0]["key"]
        whole = firm.relance("review", key).out
        assert visible(whole)
        assert "[red]bold[/red]" in whole


def test_a_terminal_shows_none_either(firm: Desk) -> None:
    """What the program itself draws is bold; nothing of it comes from a name."""
    for words in (("sync", "--dry-run"), ("review",), ("outbox",)):
        shown = on_terminal(firm, *words)
        assert "[red]" in shown
        bare = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
        assert visible(bare.replace("\r\n", "\n")), repr(bare)
        for escape in ("\x1b[31m", "\x1b]", "\x1b[2J", "\x07", "\x9b"):
            assert escape not in shown


def on_terminal(firm: Desk, *words: str) -> str:
    """What a command writes to a terminal of 200 columns."""
    ours, theirs = pty.openpty()
    environ = firm.environ() | {"COLUMNS": "200", "TERM": "xterm-256color"}
    done = subprocess.Popen(
        [RELANCE, *words, "--quiet"] if words[0] == "sync" else [RELANCE, *words],
        cwd=firm.folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    found = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        found += part
    os.close(ours)
    assert done.wait(60) == 0
    return found.decode()
