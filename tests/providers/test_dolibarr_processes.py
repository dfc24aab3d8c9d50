"""`relance` as users run it, against the stand-in of Dolibarr and a mail server that keeps mail."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.lab.mail import MailSink
from tests.processes import ALWAYS, Desk
from tests.stand_ins.dolibarr import KEY, Dolibarr

TODAY = date.today()  # noqa: DTZ011 (the program runs on the real day)


@pytest.fixture
def version() -> int:
    return 23


@pytest.fixture
def books(version: int) -> Iterator[Dolibarr]:
    """Two customers, of whom the first owes two invoices and the second one."""
    with Dolibarr(version) as books:
        books.party(1, "Boulangerie Delacroix", email="compta@delacroix.example")
        books.party(2, "Menuiserie Kerbrat", email="contact@kerbrat.example")
        books.person(1, 2, "compta@kerbrat.example")
        for socid, total, late in ((1, "1080", 10), (1, "200", 6), (2, "600", 5), (2, "75", -20)):
            due = TODAY - timedelta(late)
            books.invoice(socid, total, due - timedelta(30), due)
        yield books


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    sink = MailSink(tmp_path / "mail")
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture
def desk(tmp_path: Path, books: Dolibarr, sink: MailSink) -> Desk:
    folder = tmp_path / "firm"
    folder.mkdir()
    policy = ALWAYS.replace('name = "call"', 'name = "phone"')
    (folder / "policy.toml").write_text(policy, encoding="utf-8")
    values = {
        "PROVIDER": "dolibarr",
        "POLICY": "policy.toml",
        "LANGUAGE": "fr",
        "MODE": "auto",
        "DOLIBARR_URL": books.url,
        "DOLIBARR_KEY": KEY,
        "DOLIBARR_COMPANY": "Atelier Démo SARL",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(sink.port),
        "SMTP_SECURITY": "none",
        "SMTP_FROM": "Compta <compta@demo.example>",
    }
    lines = [f"RELANCE_{name}={value}" for name, value in values.items()]
    (folder / "config.env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Desk(folder)


def recipients(sink: MailSink) -> list[str]:
    return sorted(str(mail["X-Envelope-To"]) for mail in sink.mails)


BOTH = ["compta@delacroix.example", "compta@kerbrat.example"]


@pytest.mark.parametrize("version", [19, 23])
def test_the_reminders_of_a_firm_and_back(desk: Desk, books: Dolibarr, sink: MailSink) -> None:
    dry = desk.relance("sync", "--dry-run", "--json")
    assert dry.code == 0, dry.err
    assert {r["route"] for r in dry.json["reminders"] if r["channel"] == "email"} == {"smtp"}
    assert not desk.state.exists()
    assert not sink.mails
    assert not [call for call in books.calls if call.method != "GET"]

    first = desk.relance("sync", "--json")
    assert first.code == 0, first.err
    assert recipients(sink) == BOTH
    (mail,) = (m for m in sink.mails if m["X-Envelope-To"] == BOTH[0])
    assert [part.get_content()[:4] for part in mail.iter_attachments()] == [b"%PDF"] * 2
    notes = {id_: books.notes(id_) for id_ in books.documents}
    written = [(id_, note) for id_ in notes for note in notes[id_]]
    lines = {
        (line["invoice_id"], line["key"]) for r in first.json["reminders"] for line in r["lines"]
    }
    assert {(str(id_), note.partition("K=")[2][:20]) for id_, note in written} == lines
    assert len(written) == len(lines)
    assert not notes[4]  # not due

    again = desk.relance("sync", "--json")
    assert again.code == 0, again.err
    assert not again.json["delivered"]["sent"]
    books.pay(3)
    assert desk.relance("sync").code == 0
    assert "settled, paid" in desk.relance("why", books.documents[3].ref).out

    for file in desk.folder.glob("config.db*"):
        file.unlink()
    lost = desk.relance("sync", "--json")
    assert lost.code == 0, lost.err
    assert not lost.json["delivered"]["sent"]
    assert recipients(sink) == BOTH
    assert {id_: books.notes(id_) for id_ in books.documents} == notes


def test_paid_between_plan_and_mail(desk: Desk, books: Dolibarr, sink: MailSink) -> None:
    config = desk.folder / "config.env"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("MODE=auto", "MODE=review"), encoding="utf-8")
    assert desk.relance("sync").code == 0
    proposals = desk.relance("review", "--json").json["proposals"]
    mails = [p["key"] for p in proposals if p["channel"] == "email"]
    assert desk.relance("approve", *mails).code == 0
    books.pay(3)
    note = books.invoice(1, "-1280", TODAY, type_=2, source=1)
    books.convert(note)
    assert desk.relance("sync").code == 0
    assert not sink.mails


def test_a_note_whose_answer_is_lost_is_written_once(
    desk: Desk, books: Dolibarr, sink: MailSink
) -> None:
    books.lose = "POST agendaevents"
    first = desk.relance("sync", "--json")
    assert first.code == 3, first.err
    second = desk.relance("sync", "--json")
    assert second.code == 0, second.err
    assert recipients(sink) == BOTH
    for id_ in (1, 2, 3):
        notes = books.notes(id_)
        assert len(notes) == len({note.partition("K=")[2][:20] for note in notes}) >= 1


def test_the_module_is_switched_off_in_the_middle(
    desk: Desk, books: Dolibarr, sink: MailSink
) -> None:
    books.dies_after = 9
    done = desk.relance("sync")
    assert done.code == 2, done.err
    assert "API / Web services" in done.err
    assert not sink.mails
    books.dies_after, books.api_off = None, False
    assert desk.relance("sync").code == 0
    assert recipients(sink) == BOTH


def test_a_right_that_was_taken_away_stops_everything(
    desk: Desk, books: Dolibarr, sink: MailSink
) -> None:
    assert desk.relance("sync").code == 0
    before = desk.digests()
    books.users[KEY].rights -= {262}
    done = desk.relance("sync")
    assert done.code == 4, done.err
    assert "right 262" in done.err
    assert desk.digests() == before


@pytest.mark.parametrize(
    ("key", "url", "code", "words"),
    [
        ("wrong", "", 4, "RELANCE_DOLIBARR_KEY"),
        (KEY, "/elsewhere", 2, "RELANCE_DOLIBARR_URL"),
    ],
    ids=["key", "address"],
)
def test_a_fault_is_one_clear_line(
    desk: Desk, books: Dolibarr, key: str, url: str, code: int, words: str
) -> None:
    config = desk.folder / "config.env"
    text = config.read_text(encoding="utf-8").replace(KEY, key).replace(books.url, books.url + url)
    config.write_text(text, encoding="utf-8")
    done = desk.relance("sync")
    told = [line for line in done.err.splitlines() if not line.startswith("warning:")]
    assert done.code == code, done.err
    assert len(told) == 1, told
    assert words in told[0]
    assert KEY not in done.err
