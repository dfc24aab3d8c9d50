"""From approval to the post box: the print queue, what is posted, its copy, and what is not."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from connector.errors import ConfigError
from connector.messages.letter_facts import Letter
from connector.mirror.state import State
from connector.outbox.letters import Posting, post, printable, printed, queue
from connector.outbox.queue import Outbox
from connector.outbox.smtp import Smtp
from connector.receivables.capabilities import Capabilities, Notes, Traces
from connector.receivables.records import Contact
from connector.sync import at_desk
from tests.books import COMPANY, customer
from tests.lab.server import TrytonLab
from tests.office import Desk, desk, due, locks
from tests.processes import ALWAYS, configured
from tests.test_smtp import Mailbox, serving

LETTER = (
    ALWAYS.partition("[[step]]")[0]
    + """
[[step]]
name = "firm"
stage = "firm"
when = "after due"
days = 3
channel = "letter"
copy = "email"
approve = true
interest = "claim"
charges = "claim"
"""
)
WHOLE = replace(COMPANY, address="1 quai A", legal_id="RCS 1", bank_line="IBAN FR76")
ADDRESS = "12 rue de la Forêt\n38000 Grenoble"


# ---- the whole way, on a real Tryton server


def by_letter(tryton: TrytonLab, folder: Path) -> Any:
    own = {"OWN_LEGAL_ID": "RCS 1", "OWN_BANK_LINE": "IBAN FR76", "OWN_ADDRESS": "1 rue A; 1 B"}
    made = configured(folder, tryton, MODE="review", **own)
    (made.folder / "policy.toml").write_text(LETTER, encoding="utf-8")
    return made


def approved(made: Any, number: str | None) -> dict[str, Any]:
    assert made.relance("sync").code == 0
    proposals = made.relance("review", "--json").json["proposals"]
    (mine,) = [p for p in proposals if p["invoices"] == [number]]
    assert mine["channel"] == "letter"
    done = made.relance("approve", mine["key"])
    assert done.code == 0, done.err
    assert "relance letters" in done.out
    return dict(mine)


@pytest.mark.practice("P0-29")
def test_a_letter_is_approved_printed_posted_noted_and_copied(
    tryton: TrytonLab, tmp_path: Path
) -> None:
    firm = by_letter(tryton, tmp_path / "firm")
    situation = tryton.situations["overdue_10"]
    mine = approved(firm, situation.number)
    key = mine["key"]

    # A sync sends no letter: it waits for the post, and its line says so.
    assert firm.relance("sync", "--json").json["delivered"]["sent"] == []
    assert "in_queue" in firm.relance("why", str(situation.number)).out
    assert not tryton.mails
    assert not tryton.notes(situation.id)

    listed = firm.relance("letters", "--json")
    assert listed.code == 0, listed.err
    (letter,) = listed.json["letters"]
    file = Path(letter["file"])
    assert file.parent == firm.folder / "letters"
    assert file.name.startswith(key)
    assert file.stat().st_mode & 0o777 == 0o600
    assert letter["copy_to"]
    page = PdfReader(file).pages[0].extract_text()
    assert f"Ref. {key}" in page
    assert str(situation.number) in page
    again = firm.relance("letters", "--out", "elsewhere")
    assert again.code == 0, again.err
    assert (firm.folder / "elsewhere" / file.name).read_bytes() == file.read_bytes()
    assert not tryton.mails

    posted = firm.relance("letters", "--posted", key[:8], "--json")
    assert posted.code == 0, posted.err
    assert posted.json["posted"] == [key]
    (mail,) = tryton.mails
    assert mail["X-Envelope-To"] in letter["copy_to"]
    body = mail.get_body(preferencelist=("html", "plain"))
    assert body
    assert f"Ref. {key}" in body.get_content()
    (note,) = tryton.notes(situation.id)
    assert f"R={key}" in note
    assert "S=firm.1" in note
    assert f"P={letter['deadline_on']}" in note

    after = firm.relance("sync", "--json")
    assert after.code == 0, after.err
    assert after.json["delivered"]["sent"] == []
    assert len(tryton.mails) == 1
    assert len(tryton.notes(situation.id)) == 1
    assert str(situation.number) not in str(after.json["reminders"])
    assert firm.relance("letters", "--posted", key).code == 2
    assert len(tryton.mails) == 1


def test_what_was_paid_before_the_post_is_withdrawn(tryton: TrytonLab, tmp_path: Path) -> None:
    firm = by_letter(tryton, tmp_path / "firm")
    situation = tryton.situations["overdue_10"]
    key = approved(firm, situation.number)["key"]
    assert firm.relance("letters").code == 0
    tryton.pay(situation.id)
    posted = firm.relance("letters", "--posted", key)
    assert posted.code == 3
    assert "do not post it" in posted.err
    assert not tryton.mails
    assert not tryton.notes(situation.id)
    assert "No letter waits" in firm.relance("letters").out


def test_what_cannot_be_posted_is_said(tryton: TrytonLab, tmp_path: Path) -> None:
    firm = by_letter(tryton, tmp_path / "firm")
    assert firm.relance("letters").code == 2  # nothing yet
    assert firm.relance("sync").code == 0
    proposals = firm.relance("review", "--json").json["proposals"]
    refused = firm.relance("letters", "--posted", proposals[0]["key"])
    assert refused.code == 2
    assert "only an approved letter" in refused.err
    assert "name the keys" in firm.relance("letters", "--posted").err
    assert "--posted" in firm.relance("letters", "--on", "2026-01-01").err


# ---- each hazard by itself, on books in memory


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path) -> Any:
    with locks(tmp_path / "locks"):
        yield


@pytest.fixture
def firm(tmp_path: Path) -> Desk:
    """One customer with a postal and an e-mail address who owes one invoice, in mode auto."""
    made = desk(tmp_path, policy=LETTER.replace("approve = true\n", ""))
    contacts = (Contact(id="1", email="c1@clients.example"),)
    made.office.put(customer("c1", contacts=contacts, language="fr", country="FR", address=ADDRESS))
    made.office.owe("i1", "c1", due(made.clock, 4))
    return made


def key_of(made: Desk) -> str:
    return str(made.rows("SELECT key FROM reminder WHERE state = 'planned'")[0])


def posting(made: Desk, key: str, **more: Any) -> Posting:
    done = Posting()
    with at_desk(made.firm(), made.clock) as at:
        post(at, at.box.find(key), WHOLE, more.get("on"), done)
    return done


def to_print(made: Desk, *, write: bool = False) -> tuple[list[str], Posting]:
    done = Posting()
    with at_desk(made.firm(), made.clock) as at:
        rows = printable(at, done)
        for row in rows if write else ():
            printed(at, row)
    return [row.key for row in rows], done


def test_a_planned_letter_waits_for_the_post(firm: Desk) -> None:
    assert firm.sync().delivered.sent == []
    assert firm.states() == ["planned"]
    with State.opened(firm.state) as state:
        (row,) = queue(Outbox(state, "x"))
    letter = Letter.model_validate(row.entry["letter"])
    assert (letter.address, letter.dated_on) == (ADDRESS, firm.clock.today)
    assert not firm.office.mails
    done = posting(firm, row.key)
    assert done.sent == [row.key]
    assert firm.states() == ["sent"]
    assert len(firm.noted()) == 1
    (copy,) = firm.office.mails
    assert copy.key == row.key
    firm.clock.pass_(days=1)
    firm.sync()
    assert len(firm.office.mails) == 1
    assert firm.states() == ["sent"]


def test_the_gap_and_the_deadline_count_from_the_post(firm: Desk) -> None:
    firm.sync()
    key = key_of(firm)
    firm.clock.pass_(days=1)
    posting(firm, key)
    (sent_on,) = firm.rows("SELECT sent_on FROM reminder")
    assert sent_on == firm.clock.today.isoformat()


@pytest.mark.parametrize("what", ["paid", "held", "part paid", "moved house"])
def test_what_is_no_longer_true_is_not_posted(firm: Desk, what: str) -> None:
    firm.sync()
    key = key_of(firm)
    if what == "paid":
        firm.office.pay("i1")
    elif what == "held":
        firm.office.hold("c1", firm.clock.today)
    elif what == "part paid":
        firm.office.pay("i1", 100)
    else:
        firm.office.put(customer("c1", language="fr", country="FR", address="Ailleurs"))
    assert list(posting(firm, key).withdrawn) == [key]
    assert firm.states()[0] == "superseded"
    assert not firm.office.mails
    assert not firm.noted()


def test_an_old_letter_is_withdrawn_and_written_anew(firm: Desk) -> None:
    firm.sync()  # on a Monday
    key = key_of(firm)
    to_print(firm, write=True)
    firm.clock.pass_(days=3)
    firm.sync()
    assert firm.states() == ["planned"]  # printed: it may be in the post, a person must say
    listed, told = to_print(firm)
    assert not listed
    assert "--on DATE" in told.waiting[key]
    done = posting(firm, key)
    assert "the next sync writes it anew" in done.withdrawn[key]
    firm.sync()
    assert firm.states() == ["superseded", "planned"]
    (dated,) = firm.rows("SELECT planned_on FROM reminder WHERE state = 'planned'")
    assert dated == firm.clock.today.isoformat()
    assert posting(firm, key_of(firm)).sent


def test_two_business_days_are_not_too_old(firm: Desk) -> None:
    firm.clock.pass_(days=3)  # a Thursday
    firm.sync()
    firm.clock.pass_(days=4)  # Monday
    assert posting(firm, key_of(firm)).sent


def test_an_old_letter_that_nobody_printed_is_written_anew_by_itself(firm: Desk) -> None:
    firm.sync()
    firm.clock.pass_(days=3)
    report = firm.sync()
    assert list(report.delivered.withdrawn.values()) != []
    assert firm.states() == ["superseded", "planned"]


def test_a_letter_that_went_days_ago_is_kept_as_gone(firm: Desk) -> None:
    firm.sync()
    key, day = key_of(firm), firm.clock.today
    firm.clock.pass_(days=6)
    firm.office.hold("c1", firm.clock.today)
    done = posting(firm, key, on=day)
    assert done.sent == [key]
    assert "no copy" in done.copies[key]
    assert not firm.office.mails
    assert firm.rows("SELECT sent_on FROM reminder") == [day.isoformat()]
    with pytest.raises(ConfigError, match="was posted"):
        posting(firm, key)


def test_a_day_that_cannot_be_is_refused(firm: Desk) -> None:
    firm.sync()
    for days in (-1, 1):
        with pytest.raises(ConfigError, match="between"):
            posting(firm, key_of(firm), on=firm.clock.today + timedelta(days=days))


@pytest.mark.parametrize(
    ("fault", "words", "then"),
    [
        ("down", "tries it once more", 1),
        ("lost", "nobody knows", 1),
        ("unheard", "nobody knows", 0),
        ("refused", "refused", 0),
    ],
)
def test_a_copy_goes_once_or_a_person_is_told(
    firm: Desk, fault: str, words: str, then: int
) -> None:
    firm.sync()
    key = key_of(firm)
    firm.office.breaks = lambda verb: fault if verb == "email" else ""
    done = posting(firm, key)
    assert done.sent == [key]
    assert words in done.copies[key]
    firm.office.breaks = lambda verb: ""
    if fault == "down":
        assert "copy sent" in posting(firm, key).copies[key]
    else:
        with pytest.raises(ConfigError):
            posting(firm, key)
    firm.sync()
    assert len(firm.office.mails) == then
    assert firm.states() == ["sent"]


def test_the_copy_by_smtp_carries_the_letter(firm: Desk) -> None:
    firm.office.can = Capabilities(note=Notes.INVOICE, traces=Traces.COMPLETE)
    box = Mailbox()
    with serving(box) as port:
        settings = {"HOST": "127.0.0.1", "PORT": str(port), "SECURITY": "none"}
        firm.mailer = Smtp(settings | {"FROM": "compta@dupont.example"})
        firm.sync()
        key = key_of(firm)
        assert "copy sent" in posting(firm, key).copies[key]
    mail = box.only()
    (attached,) = mail.iter_attachments()
    assert str(attached.get_filename()).startswith(f"{key}-")
    assert attached.get_content().startswith(b"%PDF")
    assert f"Ref. {key}" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_a_lost_database_posts_nothing_twice(firm: Desk) -> None:
    firm.sync()
    posting(firm, key_of(firm))
    firm.lose()
    firm.sync()
    assert len(firm.office.mails) == 1
    assert "planned" not in firm.states()


def test_a_proposal_is_dated_anew_each_day(firm: Desk) -> None:
    firm.policy = LETTER
    firm.sync()
    firm.sync()
    assert firm.states() == ["proposed"]
    firm.clock.pass_(days=1)
    firm.sync()
    assert firm.states() == ["superseded", "proposed"]
    (entry,) = firm.rows("SELECT entry FROM reminder WHERE state = 'proposed'")
    assert json.loads(entry)["letter"]["dated_on"] == firm.clock.today.isoformat()
