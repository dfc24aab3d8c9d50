"""What comes back and who answers, from a real mailbox through whole runs: held, silenced, mended."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.contract import Trace
from connector.dunning.alerts import alerts
from connector.dunning.snapshot import Day
from connector.firm import Firm
from connector.mirror.lookup import find
from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.outbox import heard
from connector.outbox.decisions import Decisions
from connector.outbox.inbox import Inbox, Place
from connector.outbox.queue import Outbox
from connector.receivables.capabilities import Capabilities, Notes, Traces
from connector.receivables.records import Contact, Customer, Decision, Mark, Role
from connector.sync import dry_run
from tests.imap import Box, trusting
from tests.office import Desk, Office, due, locks
from tests.returned import US, answer, delayed, postfix, qmail

ADDRESS = "c1@clients.example"
NEW = "neu@clients.example"


@dataclass
class Post(Desk):
    """A firm that reads its mailbox; `broken` settings keep it from that."""

    box: Box | None = None
    broken: dict[str, str] | None = None

    def firm(self) -> Firm:
        assert self.box
        settings = self.box.settings(**(self.broken or {}))
        return replace(super().firm(), inbox=Inbox(settings, own=[US], timeout=10))

    def comes(self, mail: bytes) -> None:
        """A mail arrives now."""
        assert self.box
        self.box.deliver(mail, at=self.clock.now)

    def states(self) -> list[str]:
        """The states of the messages, in the order they were planned; calls are left out."""
        return self.rows("SELECT state FROM reminder WHERE channel <> 'call' ORDER BY id")

    def contacts(self, *addresses: str, customer: str = "c1") -> None:
        """The customer has these addresses for reminders, and no other."""
        known = self.office.records[Customer, customer]
        assert isinstance(known, Customer)
        people = (Contact(id=address, email=address, role=Role.REMINDER) for address in addresses)
        self.office.put(replace(known, contacts=tuple(people)))

    def next_day(self, days: int = 1) -> Any:
        self.clock.pass_(days=days)
        return self.sync()

    def marks(self) -> list[tuple[str, str, bool]]:
        """Every mark of the mailbox: what, why, and whether it still runs."""
        with closing(sqlite3.connect(self.state)) as connection:
            rows = connection.execute(
                "SELECT mark, because, ended_on IS NULL FROM decision WHERE until IS NULL"
                " ORDER BY made_at, because"
            )
            return [(mark, because, bool(runs)) for mark, because, runs in rows]

    def unmark(self, mark: Mark, outcome: str = "") -> None:
        """A person takes a mark of the customer back."""
        self.clock.pass_(minutes=1)
        with State.opened(self.state) as state:
            made = Decision(
                mark=mark, since=self.clock.today, because="seen", author="anna", code=outcome
            )
            Decisions(state).end(find(state, "c1"), made, self.clock.now)

    def tasks(self) -> list[tuple[str, str]]:
        """What a person must see to, as `relance status` works it out."""
        with State.opened(self.state) as state:
            day = Day(routes={}, templates=frozenset(), language="fr")
            found = alerts(
                read(Mirror(state), day, self.clock.today), self.firm().policies, self.clock.today
            )
        return [(alert.code, alert.words) for alert in found]

    def reasons(self) -> set[str]:
        """Why the customer's lines are silent today."""
        with dry_run(self.firm(), self.clock.now, lambda *told: None) as (study, _):
            return {str(q.reason) for silence in study.plan.silences for q in silence.reasons}


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path) -> Iterator[None]:
    with locks(tmp_path / "locks"):
        yield


@pytest.fixture
def post(tmp_path: Path, box: Box) -> Post:
    """A firm whose one customer owes one invoice, four days late, and has had the first step."""
    made = Post(tmp_path, box=box)
    made.office.put(_customer())
    made.office.owe("i1", "c1", due(made.clock, 4))
    made.sync()
    assert made.states() == ["sent"]
    made.clock.pass_(minutes=10)
    return made


def _customer() -> Customer:
    return Customer(
        id="c1",
        name="Customer c1",
        language="fr",
        country="FR",
        contacts=(Contact(id="1", email=ADDRESS, role=Role.REMINDER),),
    )


def key(post: Post, number: int = -1) -> str:
    return post.office.mails[number].key


@pytest.mark.practice("P4-15", "P2-04")
def test_mail_that_came_back_holds_the_address_and_was_not_had(post: Post) -> None:
    post.comes(postfix(key(post), to=ADDRESS))
    report = post.sync()
    assert post.states() == ["bounced"]
    assert list(report.heard.bounced) == [key(post)]
    assert report.exit_code == 0
    ((mark, because, runs),) = post.marks()
    assert (mark, runs) == ("bounced", True)
    assert because.startswith(f"{ADDRESS}: 5.1.1 550 5.1.1")
    assert [code for code, _ in post.tasks()] == ["correct_contact_data"]
    assert "User unknown" in post.tasks()[0][1]
    assert post.reasons() == {"address_bounced"}
    post.next_day(10)
    assert len(post.office.mails) == 1
    assert any("M=bounced" in text for _, text in post.office.notes)


def test_once_the_address_is_corrected_the_same_step_goes_again(post: Post) -> None:
    first = key(post)
    post.comes(postfix(first, to=ADDRESS))
    post.sync()
    post.contacts(NEW)
    post.next_day()
    assert post.states() == ["bounced", "sent"]
    assert post.rows("SELECT stage || n || nth FROM reminder_line ORDER BY id") == [
        "friendly11",
        "friendly12",
    ]
    assert key(post) != first
    assert post.tasks() == []
    post.lose()
    post.next_day()
    post.next_day()
    assert len(post.office.mails) == 2  # both notes are read back, and the report once more
    assert sorted(post.states()) == ["bounced", "sent"]
    assert [because.split(":")[0] for _, because, _ in post.marks()] == [ADDRESS]


def test_an_address_that_was_right_is_written_to_again(post: Post) -> None:
    post.comes(postfix(key(post), to=ADDRESS, status="4.2.2", said="452 mailbox full"))
    post.sync()
    post.unmark(Mark.BOUNCED)
    post.next_day()
    assert post.states() == ["bounced", "sent"]
    post.lose()
    post.next_day()
    assert len(post.office.mails) == 2
    assert [runs for _, _, runs in post.marks()] == [False]  # the report holds it no second time


def test_of_two_addresses_the_one_that_failed_is_left_out(tmp_path: Path, box: Box) -> None:
    post = Post(tmp_path, box=box)
    post.office.put(_customer())
    post.contacts(ADDRESS, NEW)
    post.office.owe("i1", "c1", due(post.clock, 4))
    post.sync()
    post.clock.pass_(minutes=1)
    post.comes(postfix(key(post), NEW.upper(), to=f"{ADDRESS}, {NEW}"))
    post.sync()
    assert post.states() == ["sent"]  # somebody has had it
    assert [because.split(":")[0] for _, because, _ in post.marks()] == [NEW]
    assert NEW in post.tasks()[0][1]
    post.next_day(9)
    assert (
        post.rows("SELECT recipients FROM reminder WHERE channel = 'email'")[-1] == f'["{ADDRESS}"]'
    )
    post.comes(postfix(post.office.mails[0].key, ADDRESS, number=2))
    post.sync()
    assert post.states()[0] == "bounced"  # now nobody had the first


def test_a_report_about_somebody_we_did_not_write_to_holds_nobody(post: Post) -> None:
    forwarded = postfix(key(post), "boss@home.example", to=ADDRESS)
    post.comes(forwarded.replace(b"Original-Recipient", b"X-Original"))
    report = post.sync()
    assert (post.states(), post.marks()) == (["sent"], [])
    assert list(report.heard.unclear) == [key(post)]
    post.comes(qmail(key(post), to="boss@home.example"))
    post.sync()
    assert (post.states(), post.marks()) == (["sent"], [])


def test_a_delay_changes_nothing(post: Post) -> None:
    post.comes(delayed(key(post)))
    report = post.sync()
    assert (post.states(), post.marks()) == (["sent"], [])
    assert "timed out" in report.heard.delayed[key(post)]
    assert post.rows("SELECT what FROM event WHERE what IN ('delayed', 'bounced')") == ["delayed"]


def test_a_letter_whose_copy_came_back_was_had(post: Post) -> None:
    with closing(sqlite3.connect(post.state)) as connection:
        connection.execute(
            "UPDATE reminder SET channel = 'letter', recipients = '[]',"
            " entry = json_object('copy_to', json_array(?))",
            (ADDRESS,),
        )
        connection.commit()
    post.comes(postfix(key(post), to=ADDRESS))
    post.sync()
    assert post.states() == ["sent"]
    assert [mark for mark, _, _ in post.marks()] == ["bounced"]


@pytest.mark.practice("P0-19", "P2-49")
def test_an_answer_pauses_the_ladder_until_somebody_has_read_it(post: Post) -> None:
    post.comes(answer(key(post), ADDRESS))
    report = post.sync()
    assert report.heard.answered == {
        "Customer c1": f"{ADDRESS} on 2026-11-02: Re: Facture F-2026-0042"
    }
    ((code, words),) = post.tasks()
    assert code == "reply_unread"
    assert "Re: Facture F-2026-0042" in words
    post.next_day(10)
    assert len(post.office.mails) == 1
    assert "reply_unread" in post.reasons()
    post.unmark(Mark.REPLY, "promise")
    post.sync()
    assert len(post.office.mails) == 2
    with State.opened(post.state) as state:
        assert Decisions(state).outcomes(date(2026, 1, 1)) == (0, {"promise": 1})
        assert Decisions(state).outcomes(date(2027, 1, 1)) == (0, {})


def test_an_answer_counts_on_the_day_it_is_found(post: Post) -> None:
    post.clock.pass_(days=9)
    post.comes(answer(key(post), ADDRESS))
    post.sync()  # the next step was due on this very run
    assert len(post.office.mails) == 1


def test_what_was_read_stays_read_when_the_database_is_lost(post: Post) -> None:
    post.comes(answer(key(post), ADDRESS))
    post.comes(answer(key(post), "chef@clients.example", text="encore"))
    post.sync()
    before = post.marks()
    assert len(before) == 2
    post.lose()
    post.sync()
    assert post.marks() == before  # the same again, and not twice
    post.unmark(Mark.REPLY)
    post.sync()
    post.lose()
    post.next_day(10)
    assert [runs for _, _, runs in post.marks()] == [False, False]
    assert len(post.office.mails) == 2  # the firm step, for the answers are read


def test_a_folder_that_was_made_anew_is_read_again_without_effect(post: Post) -> None:
    post.comes(answer(key(post), ADDRESS))
    post.comes(postfix(key(post), to=ADDRESS))
    post.sync()
    before = post.marks()
    assert post.box
    post.box.forget()
    report = post.sync()
    assert post.marks() == before
    assert report.heard.answered == report.heard.bounced == report.heard.held == {}


def test_mail_from_whom_we_wrote_to_is_an_answer_for_two_weeks(post: Post) -> None:
    sent = post.clock.now
    post.comes(answer("", "someone@clients.example"))
    post.comes(answer("", ADDRESS, text="absent", Auto_Submitted="auto-replied"))
    post.clock.now = sent - timedelta(days=2)
    post.comes(answer("", ADDRESS, text="before the reminder"))
    post.clock.now = sent + timedelta(days=15)
    post.comes(answer("", ADDRESS, text="long after"))
    post.clock.now = sent
    post.sync()
    assert post.marks() == []
    post.comes(answer("", ADDRESS.upper()))
    post.comes(answer("", ADDRESS, text="et aussi"))
    post.sync()
    assert [mark for mark, _, _ in post.marks()] == ["reply"]  # one is enough


def test_mail_from_an_address_of_two_customers_is_nobodys_answer(post: Post) -> None:
    post.office.put(replace(_customer(), id="c2", name="Customer c2"))
    post.office.owe("i2", "c2", due(post.clock, 4))
    post.sync()
    assert len(post.office.mails) == 2
    post.clock.pass_(minutes=1)
    post.comes(answer("", ADDRESS))
    post.sync()
    assert post.marks() == []


def test_an_answer_of_who_owes_nothing_pauses_nothing(post: Post) -> None:
    post.office.pay("i1")
    post.comes(answer(key(post), ADDRESS))
    assert post.sync().heard.answered == {}
    assert post.marks() == []


def test_a_key_that_is_not_ours_is_nothing_and_costs_nothing(post: Post) -> None:
    post.sync()
    post.office.calls.clear()
    forged = "f" * 20
    post.comes(answer(forged, "stranger@evil.example"))
    post.comes(postfix(forged, "victim@clients.example"))
    before = post.office.calls.count("traces")
    report = post.sync()
    assert (post.states(), post.marks(), report.exit_code) == (["sent"], [], 0)
    assert post.office.calls.count("traces") - before == 1  # the one that asks what arrived
    post.comes(postfix(key(post), "c2@clients.example", to=ADDRESS))  # ours, another's address
    post.sync()
    assert post.marks() == []


def test_an_old_database_that_was_restored_finds_who_answered(post: Post, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(post.state)) as source, closing(sqlite3.connect(old)) as target:
        source.backup(target)
    post.next_day(6)
    assert len(post.office.mails) == 2
    post.clock.pass_(minutes=1)
    post.comes(answer(key(post), ADDRESS))
    post.lose()
    old.replace(post.state)
    post.sync()
    assert [mark for mark, _, _ in post.marks()] == ["reply"]


def test_a_reminder_whose_fate_is_unknown_is_settled_by_who_heard_of_it(
    tmp_path: Path,
    box: Box,
) -> None:
    post = Post(tmp_path, box=box)
    post.office.can = Capabilities(custom_email=True, note=Notes.INVOICE, traces=Traces.NONE)
    post.office.put(_customer())
    post.office.put(
        replace(_customer(), id="c2", name="c2", contacts=(Contact(id="2", email=NEW),))
    )
    post.office.owe("i1", "c1", due(post.clock, 4))
    post.office.owe("i2", "c2", due(post.clock, 4))
    post.office.breaks = lambda verb: "lost" if verb == "email" else ""
    post.sync()
    assert post.states() == ["unknown", "unknown"]
    post.clock.pass_(minutes=1)
    by_customer = {mail.customer: mail.key for mail in post.office.mails}
    post.comes(answer(by_customer["c1"], ADDRESS))
    post.comes(postfix(by_customer["c2"], to=NEW))
    post.sync()
    assert post.rows("SELECT state FROM reminder ORDER BY customer_ref") == ["sent", "bounced"]


@dataclass
class Telling(Office):
    """An office that tells which mails did not arrive."""

    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        for trace in super().traces(invoice_ids):
            mail = trace.reminder_key and not trace.line_key
            yield replace(trace, undelivered="550 no such user\nat all") if mail else trace


@pytest.mark.practice("P4-15")
def test_what_the_product_tells_of_mail_that_did_not_arrive_counts_too(post: Post) -> None:
    telling = Telling(post.state, post.clock)
    telling.__dict__.update(post.office.__dict__)
    telling.sent = post.office.sent[:]
    post.office = telling
    post.sync()
    assert post.states() == ["bounced"]
    assert post.marks() == [("bounced", f"{ADDRESS}: 550 no such user at all", True)]
    post.office.calls.clear()
    post.sync()
    assert post.office.calls.count("traces") == 0  # nothing is left to ask about
    post.contacts(NEW)
    post.lose()
    telling.sent.append(("i1", key(post), post.clock.today))
    post.next_day()
    assert [because.split(":")[0] for _, because, _ in post.marks()] == [ADDRESS]  # not the new one


def test_the_product_is_not_asked_about_old_mail(post: Post) -> None:
    post.office.pay("i1")
    post.next_day(15)
    assert post.office.calls.count("traces") > 0
    post.office.calls.clear()
    post.sync()
    assert post.office.calls.count("traces") == 0


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"PASSWORD": "wrong"}, ("sign-in refused", "RELANCE_IMAP_PASSWORD")),
        ({"FOLDER": "Rückläufer"}, ("'Rückläufer'", "RELANCE_IMAP_FOLDER", "there are INBOX")),
        ({"PORT": "1"}, ("no connection", "RELANCE_IMAP_HOST")),
        ({"SECURITY": "starttls"}, ("certificate verify failed", "RELANCE_IMAP_HOST")),
        ({"SECURITY": "tls"}, ("no connection", "SECURITY")),
    ],
    ids=lambda value: next(iter(value), ""),
)
def test_a_mailbox_that_cannot_be_read_is_told_and_stops_nothing(
    post: Post, broken: dict[str, str], words: tuple[str, ...]
) -> None:
    post.broken = broken
    post.office.owe("i2", "c1", due(post.clock, 4))
    report = post.next_day(3)
    assert report.exit_code == 3
    assert len(post.office.mails) == 2
    for word in words:
        assert word in report.heard.problem
    assert "\n" not in report.heard.problem
    assert "wrong" not in report.heard.problem or "PASSWORD" not in broken
    assert post.rows("SELECT problem FROM mailbox WHERE problem <> ''") == [report.heard.problem]
    post.broken = None
    post.comes(answer(key(post), ADDRESS))
    post.clock.pass_(days=6)
    assert post.sync().exit_code == 0
    assert [mark for mark, _, _ in post.marks()] == ["reply"]


def test_a_dry_run_reads_the_mailbox_and_changes_nothing(post: Post) -> None:
    post.comes(answer(key(post), ADDRESS))
    post.clock.pass_(days=9)
    before = post.state.read_bytes()
    assert "reply_unread" in post.reasons()
    assert post.state.read_bytes() == before
    assert post.box
    assert not [flags for flags in post.box.flags() if "Seen" in flags or "Deleted" in flags]
    post.sync()
    assert not [flags for flags in post.box.flags() if "Seen" in flags or "Deleted" in flags]


def test_what_is_heard_and_how_far_it_was_read_are_one(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.comes(answer(key(post), ADDRESS))
    post.comes(postfix(key(post), to=ADDRESS))
    kept = heard._keep
    dying = iter([True, False])

    def keep(*given: Any, **values: Any) -> None:
        if next(dying, False):
            raise KeyboardInterrupt
        kept(*given, **values)

    monkeypatch.setattr(heard, "_keep", keep)
    with pytest.raises(KeyboardInterrupt):
        post.sync()
    assert (post.marks(), post.states()) == ([], ["sent"])
    post.sync()
    assert [mark for mark, _, _ in post.marks()] == ["reply", "bounced"]


def test_a_long_mailbox_is_read_in_order_bad_mail_and_all(
    box: Box,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connector.outbox.inbox.MOST", 24)
    mails = [answer("", f"a{n}@x.example", text=str(n)) for n in range(40)]
    mails[5] = answer(text="x" * 300_000)
    mails[6] = postfix().replace(b"\n\n", b"\n\n" + b"\xff" * 2000, 1)
    mails[7] = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" * 500
    with box.signed_in() as client:
        for mail in mails:
            client.append("INBOX", "", "", mail.replace(b"\n", b"\r\n"))
    inbox = Inbox(box.settings())
    first = inbox.read(Place(), date(2020, 1, 1))
    assert (first.place.uid, len(first.messages)) == (24, 23)
    rest = inbox.read(first.place, date(2020, 1, 1))
    assert [uid for uid, _ in rest.messages] == list(range(25, 41))
    assert inbox.read(rest.place, date(2020, 1, 1)).messages == []
    assert inbox.examine() == 40


def test_another_folder_and_old_mail(box: Box) -> None:
    box.deliver(answer(), folder="Rückläufer &c")
    inbox = Inbox(box.settings(FOLDER="Rückläufer &c"))
    assert len(inbox.read(Place(), date(2020, 1, 1)).messages) == 1
    assert inbox.read(Place(), date(2100, 1, 1)).messages == []


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_the_line_is_private_and_the_password_may_hold_any_letter(
    box: Box,
    security: str,
) -> None:
    box.deliver(answer())
    port = str(box.tls if security == "tls" else box.port)
    given = box.settings(SECURITY=security, PORT=port)
    assert Inbox(given, context=trusting(box)).examine() == 1
    told = Inbox(given | {"PASSWORD": "fälsch"}, context=trusting(box)).read(
        Place(), date(2026, 1, 1)
    )
    assert "sign-in refused" in told.problem
    assert "fälsch" not in told.problem


def test_an_access_token_takes_the_place_of_the_password(box: Box) -> None:
    given = {name: value for name, value in box.settings().items() if name != "PASSWORD"}
    asked = []

    def token() -> str:
        asked.append(1)
        return "t0ken"

    told = Inbox(given, token=token).read(Place(), date(2026, 1, 1))
    assert asked
    assert "sign-in refused" in told.problem  # this server knows no XOAUTH2, and said so
    assert "t0ken" not in told.problem


def test_one_row_remembers_each_folder(post: Post) -> None:
    post.sync()
    with State.opened(post.state) as state:
        assert post.box
        told = heard.listened(state, f"INBOX of {post.box.user} at 127.0.0.1")
        assert told
        assert (told.read_at, told.problem) == (post.clock.now, "")
        assert heard.listened(state, "another") is None
        assert Outbox(state, "x").rows()
