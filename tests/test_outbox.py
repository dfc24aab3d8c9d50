"""The outbox over a real state file: each hazard once, told plainly."""

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from connector.errors import BadRecord, ConfigError, Rejected, Transient
from connector.lock import keep_wait, one_run, wait_over
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.mirror.tables import ReminderState
from connector.outbox.queue import Outbox
from connector.outbox.smtp import Smtp
from connector.receivables.capabilities import Capabilities, Notes, Traces
from connector.receivables.records import Customer
from connector.sync import dry_run
from tests import test_pull
from tests.books import COMPANY, TODAY, at, invoice, line
from tests.lab.mail import MailSink
from tests.office import START, Desk, Killed, desk, due, locks
from tests.processes import RELANCE

PATIENCE = timedelta(minutes=11)


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path) -> Iterator[None]:
    with locks(tmp_path / "locks"):
        yield


@pytest.fixture
def firm(tmp_path: Path) -> Desk:
    return two_debtors(tmp_path)


def two_debtors(tmp_path: Path) -> Desk:
    """Two customers who owe one invoice each, four days late."""
    made = desk(tmp_path, "c1", "c2")
    for number in (1, 2):
        made.office.owe(f"i{number}", f"c{number}", due(made.clock, 4))
    return made


def once(verb: str, fault: str, number: int = 1) -> Callable[[str], str]:
    """The fault at the call of that number of that verb, and at no other."""
    seen: Counter[str] = Counter()

    def breaks(called: str) -> str:
        seen[called] += 1
        return fault if (called, seen[called]) == (verb, number) else ""

    return breaks


def keys(firm: Desk) -> list[str]:
    return sorted(mail.key for mail in firm.office.mails)


def finished(firm: Desk) -> None:
    """Both reminders went once, and each has one note."""
    assert len(set(keys(firm))) == len(keys(firm)) == 2
    assert len(set(firm.noted())) == len(firm.noted()) == 2
    assert set(firm.states()) <= {"sent", "superseded"}


def relance(firm: Desk, *words: str) -> "subprocess.CompletedProcess[str]":
    """The command on the same state; the books it names are never opened."""
    books = firm.folder / "books"
    books.mkdir(exist_ok=True)
    settings = f"RELANCE_PROVIDER=files\nRELANCE_FILES_FOLDER={books}\n"
    (firm.folder / "config.env").write_text(settings, encoding="utf-8")
    return subprocess.run(
        [RELANCE, *words], cwd=firm.folder, capture_output=True, text=True, check=False
    )


def test_of_two_connections_one_claims(firm: Desk) -> None:
    firm.office.breaks = once("email", "down")
    firm.sync()
    with State.opened(firm.state) as one, State.opened(firm.state) as two:
        first, second = Outbox(one, "a"), Outbox(two, "b")
        mine, theirs = first.rows(ReminderState.PLANNED)[0], second.rows(ReminderState.PLANNED)[0]
        assert mine.key == theirs.key
        assert first.claim(mine, firm.clock())
        assert not second.claim(theirs, firm.clock())
        # What the first does with it is not undone by what the second believes of it.
        first.sent(mine, firm.clock(), firm.clock.today, "x")
        second.supersede(theirs, firm.clock(), "the claim has changed")
        second.postpone(theirs, firm.clock(), "later")
        second.release(theirs, firm.clock(), "nothing happened", None)
        second.failed(theirs, firm.clock(), "refused")
        assert first.find(mine.key).state is ReminderState.SENT


def test_a_row_that_cannot_be_looked_at_waits_and_the_next_goes(firm: Desk) -> None:
    firm.office.breaks = once("account", "refused")
    report = firm.sync()
    assert len(firm.office.mails) == 1
    assert "no such thing" in next(iter(report.delivered.unread.values()))
    assert report.exit_code == 3
    firm.clock.pass_(hours=1)
    firm.sync()
    assert len(firm.office.mails) == 1
    firm.clock.pass_(days=1)
    firm.sync()
    finished(firm)


def test_a_refusal_is_a_task_for_a_person(firm: Desk) -> None:
    firm.office.breaks = once("email", "refused")
    report = firm.sync()
    assert report.exit_code == 3
    assert sorted(firm.states()) == ["failed", "sent"]
    firm.clock.pass_(days=1)
    assert not firm.sync().delivered.sent
    (key,) = firm.rows("SELECT key FROM reminder WHERE state = 'failed'")

    shown = relance(firm, "outbox")
    assert "the address is no address" in shown.stdout
    listed = json.loads(relance(firm, "outbox", "--json").stdout)["outbox"]
    assert [(row["key"], row["state"]) for row in listed] == [(key, "failed")]
    assert relance(firm, "status").returncode == 3
    assert relance(firm, "outbox", "resolve", key[:8], "not-sent").returncode == 0
    assert relance(firm, "status").returncode == 0
    firm.clock.pass_(hours=1)
    assert firm.sync().delivered.sent == [key]
    finished(firm)


@pytest.mark.parametrize("fault", ["lost", "unheard", "dies", "died"])
def test_a_person_says_what_became_of_the_unknown(firm: Desk, fault: str) -> None:
    """Where the product keeps no traces, nobody else can."""
    firm.office.can = Capabilities(custom_email=True)
    firm.office.breaks = once("email", fault)
    with suppress(Killed):
        assert firm.sync().exit_code == 3
    firm.clock.pass_(days=1)
    assert firm.sync().exit_code == 3
    (key,) = firm.rows("SELECT key FROM reminder WHERE state = 'unknown'")
    went = keys(firm).count(key)
    assert went == (fault in ("lost", "died"))
    said = "sent" if went else "not-sent"
    assert relance(firm, "outbox", "resolve", key, "perhaps").returncode == 2
    assert relance(firm, "outbox", "resolve", key, said).returncode == 0
    assert relance(firm, "outbox", "resolve", key, said).returncode == 2
    firm.clock.pass_(hours=1)
    assert firm.sync().exit_code == 0
    assert keys(firm).count(key) == 1


def test_two_persons_resolve_at_once(firm: Desk) -> None:
    """The second finds it decided: what the first put back may have gone meanwhile."""
    firm.office.can = Capabilities(custom_email=True)
    firm.office.breaks = once("email", "unheard")
    firm.sync()
    with State.opened(firm.state) as state:
        box = Outbox(state, "a")
        (row,) = box.rows(ReminderState.UNKNOWN)
        box.resolve(row, False, firm.clock.today, firm.clock())
    firm.sync()
    with State.opened(firm.state) as state:
        box = Outbox(state, "a")
        box.resolve(row, False, firm.clock.today, firm.clock())
        assert box.find(row.key).state is ReminderState.SENT
    firm.sync()
    assert keys(firm).count(row.key) == 1


@pytest.mark.parametrize("fault", ["lost", "unheard", "late", "dies", "died"])
def test_an_unknown_mail_is_looked_for_before_it_goes_again(firm: Desk, fault: str) -> None:
    firm.office.breaks = once("email", fault)
    try:
        firm.sync()
    except Killed:
        assert "sending" in firm.states()
    firm.office.breaks = lambda verb: ""
    firm.clock.pass_(minutes=1)
    firm.sync()
    assert Counter(keys(firm)).most_common(1)[0][1] == 1
    firm.clock.now += PATIENCE
    firm.sync()
    finished(firm)


@pytest.mark.parametrize("fault", ["lost", "unheard", "late", "dies", "died", "down", "refused"])
def test_a_note_that_fails_after_a_mail_that_went(firm: Desk, fault: str) -> None:
    firm.office.breaks = once("note", fault)
    with suppress(Killed):
        assert firm.sync().exit_code == 3
    assert "sent" in firm.states()
    went = firm.rows("SELECT key FROM reminder WHERE state = 'sent'")
    firm.office.breaks = lambda verb: ""
    for minutes in (1, 11, 11):
        firm.clock.pass_(minutes=minutes)
        firm.sync()
        assert len(set(firm.noted())) == len(firm.noted())
    finished(firm)
    assert set(went) <= set(keys(firm))


@pytest.mark.parametrize("traces", [Traces.NONE, Traces.SOME])
def test_a_note_nobody_can_look_for_is_not_written_again(firm: Desk, traces: Traces) -> None:
    firm.office.can = Capabilities(custom_email=True, note=Notes.INVOICE, traces=traces)
    firm.office.breaks = once("note", "late")
    firm.sync()
    for _ in range(2):
        firm.clock.pass_(hours=1)
        firm.sync()
    finished(firm)


@pytest.mark.parametrize("verb", ["email", "note"])
def test_traces_that_are_refused_for_one_stop_nobody_else(firm: Desk, verb: str) -> None:
    """Neither an unknown mail nor a missing note of one customer keeps others waiting."""
    firm.office.breaks = once(verb, "unheard")
    firm.sync()
    mine = firm.office.mails[0].customer if verb == "note" else firm.unknown()
    firm.office.breaks = lambda verb: ""
    firm.clock.now += PATIENCE
    firm.office.owe("i3", "c3", due(firm.clock, 4))
    firm.office.put(replace(firm.office.records[Customer, "c2"], id="c3"))
    traces = firm.office.traces

    def refused(ids: Any) -> Any:
        if f"i{mine[1]}" in ids:
            raise Rejected("office: no right to read these notes")
        return traces(ids)

    firm.office.traces = refused  # type: ignore[method-assign, assignment]
    report = firm.sync()
    assert report.exit_code == 3
    assert firm.office.mails[-1].customer == "c3"
    firm.office.traces = traces  # type: ignore[method-assign]
    firm.sync()
    assert Counter(mail.customer for mail in firm.office.mails) == Counter(["c1", "c2", "c3"])
    assert len(set(firm.noted())) == len(firm.noted()) == 3


def test_a_call_that_always_fails_ends_with_a_person(firm: Desk) -> None:
    """It is tried later each time, keeps nobody waiting, and after ten times is a person's."""

    def breaks(verb: str) -> str:
        poisoned = firm.rows("SELECT customer_ref FROM reminder WHERE state = 'sending'")
        return "down" if verb == "email" and poisoned == ["c1"] else ""

    firm.office.breaks = breaks
    tries: list[int] = []
    for _ in range(24 * 4):
        firm.sync()
        tries = firm.rows(
            "SELECT count(*) FROM attempt JOIN reminder ON reminder.id = reminder_id"
            " WHERE customer_ref = 'c1'"
        )
        firm.clock.pass_(hours=1)
    assert tries == [10]
    assert firm.office.mails[0].at == START + timedelta(hours=1)
    assert {mail.customer for mail in firm.office.mails} == {"c2"}
    (told,) = firm.rows("SELECT error FROM reminder WHERE state = 'failed'")
    assert "tried 10 times" in told


def test_a_recipient_who_is_put_off_keeps_nobody_waiting(firm: Desk, tmp_path: Path) -> None:
    """The mail server refuses one recipient for now; the others' mails go in the same run."""
    sink = MailSink(tmp_path / "mails")
    sink.start()
    try:
        settings = {"HOST": "127.0.0.1", "PORT": str(sink.port), "SECURITY": "none"}
        firm.mailer = Smtp(settings | {"FROM": "compta@dupont.example"})
        firm.office.can = Capabilities(note=Notes.INVOICE, traces=Traces.COMPLETE)
        first = firm.office.records[Customer, "c1"]
        assert isinstance(first, Customer)
        contact = replace(first.contacts[0], email="greylist@clients.example")
        firm.office.put(replace(first, contacts=(contact,)))
        firm.sync()
        assert [str(mail["X-Envelope-To"]) for mail in sink.mails] == ["c2@clients.example"]
        assert sorted(firm.states()) == ["planned", "sent"]
    finally:
        sink.stop()


def test_a_wait_that_the_server_asks_for_is_kept(firm: Desk) -> None:
    firm.office.breaks = once("email", "busy")
    report = firm.sync()
    assert report.delivered.retry_at == firm.clock() + timedelta(minutes=20)
    assert firm.states() == ["planned", "planned"]
    firm.office.calls.clear()
    firm.office.breaks = lambda verb: ""
    firm.clock.pass_(minutes=19)
    with pytest.raises(Exception, match="no call before 2026-11-02 09:20:00 UTC"):
        wait_over(firm.state, firm.clock())
    firm.clock.pass_(minutes=2)
    wait_over(firm.state, firm.clock())
    wait_over(firm.state, firm.clock())
    firm.sync()
    finished(firm)


def test_a_wait_of_a_year_is_kept_and_told(firm: Desk) -> None:
    def busy(verb: str) -> str:
        if verb == "email":
            raise Transient("office: too many calls", firm.clock() + timedelta(days=365))
        return ""

    firm.office.breaks = busy
    firm.sync()
    firm.clock.pass_(days=30)
    with pytest.raises(Transient, match="no call before 2027-11-02"):
        wait_over(firm.state, firm.clock())


def test_a_wait_that_does_not_read_is_none(tmp_path: Path) -> None:
    state = tmp_path / "config.db"
    clock = desk(tmp_path).clock
    keep_wait(state, clock(), "busy")
    (file,) = (tmp_path / "locks").rglob("*.wait")
    file.write_text("soon", encoding="utf-8")
    wait_over(state, clock())


@pytest.mark.parametrize("change", ["pay", "credit", "hold", "part", "void", "move", "address"])
def test_what_changed_since_it_was_planned_is_not_sent(firm: Desk, change: str) -> None:
    """The reminders wait, planned; the books change after the pull, before the look."""
    office = firm.office
    known = office.records[Customer, "c1"]
    assert isinstance(known, Customer)
    changes: dict[str, Callable[[], None]] = {
        "pay": lambda: office.pay("i1"),
        "credit": lambda: office.end("i1"),
        "hold": lambda: office.hold("c1", firm.clock.today),
        "part": lambda: office.pay("i1", 100),
        "void": lambda: office.end("i1"),
        "move": lambda: office.move("i1", firm.clock.today + timedelta(days=20)),
        "address": lambda: office.put(
            replace(known, contacts=(replace(known.contacts[0], email="new@clients.example"),))
        ),
    }
    done: list[None] = []

    def breaks(verb: str) -> str:
        if verb == "account" and not done:
            done.append(None)
            changes[change]()
        return ""

    office.breaks = breaks
    report = firm.sync()
    assert [mail.customer for mail in office.mails] == ["c2"]
    assert len(report.delivered.withdrawn) == 1


def test_two_runs_at_once(firm: Desk, tmp_path: Path) -> None:
    """A second process finds the lock of the ledger, and stops before any write."""
    code = (
        "import sys, time; from connector.lock import one_run\n"
        "with one_run('books:1'): print('ready', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout
        assert other.stdout.readline() == "ready\n"
        with pytest.raises(ConfigError, match="books:1"):
            firm.sync()
        assert not firm.office.mails
    finally:
        other.communicate()
    firm.sync()
    finished(firm)


@pytest.mark.parametrize(
    ("verb", "number"),
    [("account", 1), ("traces", 1), ("traces", 2), ("traces", 3), ("email", 1), ("note", 1)],
)
def test_two_daemons_of_two_users_on_one_state(
    firm: Desk, tmp_path: Path, verb: str, number: int
) -> None:
    """Their locks do not meet: the claims in the state decide who sends."""
    meet = once(verb, "now", number)

    def breaks(called: str) -> str:
        if meet(called):
            firm.office.breaks = lambda verb: ""
            with locks(tmp_path / "other user"):
                firm.sync()
        return ""

    firm.office.breaks = breaks
    firm.sync()
    assert firm.office.breaks is not breaks
    firm.clock.now += PATIENCE
    firm.sync()
    finished(firm)


def test_two_daemons_write_a_note_once(firm: Desk, tmp_path: Path) -> None:
    """Both find that it is missing; the second asks the state before it writes."""
    firm.office.breaks = once("note", "dies")
    with pytest.raises(Killed):
        firm.sync()
    firm.clock.now += PATIENCE
    meet = once("traces", "now", 3)  # that of the missing note, after what came back and the look

    def breaks(called: str) -> str:
        if meet(called):
            firm.office.breaks = lambda verb: ""
            with locks(tmp_path / "other user"):
                firm.sync()
        return ""

    firm.office.breaks = breaks
    firm.sync()
    assert firm.office.breaks is not breaks
    finished(firm)


def test_another_installation_stops(firm: Desk) -> None:
    """Its traces name it; a month later, or when its id is taken over, this one goes on."""
    firm.sync()
    (first,) = {line.split("I=")[1][:8] for _, line in firm.office.notes}
    other = Desk(firm.folder, firm.clock, name="other")
    other.office, other.state = firm.office, firm.folder / "other.db"
    firm.office.state = other.state
    firm.office.owe("i3", "c1", due(firm.clock, 1))
    firm.clock.pass_(days=3)
    with pytest.raises(ConfigError, match=first) as stopped:
        other.sync()
    assert stopped.value.exit_code == 2
    assert len(firm.office.mails) == 2
    firm.clock.pass_(days=31)
    other.sync()
    assert len(firm.office.mails) > 2
    assert len(set(keys(firm))) == len(keys(firm))


@pytest.mark.parametrize("broken", ["", "note"])
def test_a_state_that_was_lost_repeats_nothing(firm: Desk, broken: str) -> None:
    """Also where the mails went and no note could be written: each carries its reminder's key."""
    firm.office.breaks = lambda verb: "down" if verb == broken else ""
    for _ in range(3):
        firm.sync()
        firm.clock.pass_(hours=1)
    firm.office.breaks = lambda verb: ""
    firm.lose()
    firm.sync()
    finished(firm)


def test_an_old_state_that_was_restored_repeats_nothing(firm: Desk) -> None:
    """Of every moment of a run: before it was planned, planned, being sent, sent, noted."""
    backups: list[dict[str, bytes]] = []

    def breaks(verb: str) -> str:
        if firm.state.exists():
            with sqlite3.connect(firm.state) as connection:
                backups.append({"config.db": connection.serialize()})
            connection.close()
        return ""

    firm.office.breaks = breaks
    firm.sync()
    firm.office.breaks = lambda verb: ""
    assert len(backups) > 8
    for backup in backups:
        firm.lose()
        for name, content in backup.items():
            (firm.folder / name).write_bytes(content)
        firm.clock.now += PATIENCE
        firm.sync()
        firm.clock.now += PATIENCE
        firm.sync()
        finished(firm)


def test_a_document_that_no_longer_reads_stops_nobody(firm: Desk) -> None:
    """It is reported on each run, kept as it was, and believed neither paid nor void."""
    firm.office.hold("c1", firm.clock.today)
    firm.sync()
    assert [mail.customer for mail in firm.office.mails] == ["c2"]
    firm.office.unlisted.add("i1")
    firm.office.owe("i3", "c3", due(firm.clock, 4))
    firm.office.put(replace(firm.office.records[Customer, "c2"], id="c3"))
    read = firm.office.invoices

    def invoices(ids: Any) -> Iterator[Any]:
        for found in read(ids):
            if found.id != "i1":
                yield found
        if "i1" in ids:
            raise BadRecord("invoice", "i1", "total_amount", "is no amount")

    firm.office.invoices = invoices  # type: ignore[method-assign]
    for _ in range(2):
        report = firm.sync()
        assert report.exit_code == 3
        assert [bad.id for bad in report.pulled.bad] == ["i1"]
    assert [mail.customer for mail in firm.office.mails] == ["c2", "c3"]
    assert firm.rows("SELECT state FROM invoice WHERE ref = 'i1'") == ["open"]


def test_a_pull_killed_at_any_commit_ends_in_the_same_mirror(tmp_path: Path) -> None:
    """Right before each commit, and right after it; the books move on meanwhile."""

    def pulled(name: str, moment: str, kill: int = 0) -> tuple[Any, int]:
        """The mirror at the end, and how often that moment came."""
        source, passed, pulling = test_pull.books(), 0, False

        def dies(_: Any) -> None:
            nonlocal passed
            passed += pulling
            if pulling and passed == kill:
                raise Killed

        for again in (False, True):
            with State.opened(tmp_path / name) as state:
                mirror = Mirror(state)
                mirror.bind(COMPANY, TODAY)
                event.listen(state.mirror, moment, dies)
                pulling = not again
                with suppress(Killed):
                    test_pull.run(source, mirror)
                pulling = False
                found = test_pull.content(mirror)
            source.put(invoice("i1", line(4000), customer_id="c1", modified_at=at(30)))
        return found, passed

    for moment in ("begin", "commit"):  # begin: the last commit is on disk, this one not begun
        expected, times = pulled(f"{moment}.db", moment)
        assert times > 10
        for kill in range(1, times + 1):
            found, _ = pulled(f"{moment}-{kill}.db", moment, kill)
            assert found == expected, f"{moment} {kill}"


def test_payments_that_cannot_be_read_silence_everybody(firm: Desk) -> None:
    changes = firm.office.changes

    def broken(kind: Any, since: Any) -> Any:
        if kind == "payments":
            raise Rejected("office: no right to read payments")
        return changes(kind, since)

    firm.office.changes = broken  # type: ignore[method-assign]
    with pytest.raises(Rejected):
        firm.sync()
    assert not firm.office.mails
    assert not firm.states()


def test_a_dry_run_writes_nowhere(firm: Desk) -> None:
    """Neither to the state, also one with reminders under way, nor to the books."""
    firm.office.breaks = once("email", "lost")
    firm.sync()
    firm.clock.now += PATIENCE
    firm.office.owe("i3", "c2", due(firm.clock, 9))
    before = {file.name: file.read_bytes() for file in firm.folder.glob("config.db*")}
    firm.office.calls.clear()
    with dry_run(firm.firm(), firm.clock(), lambda *told: None) as (study, _):
        assert study.pulled.counts["invoices"]
    assert {file.name: file.read_bytes() for file in firm.folder.glob("config.db*")} == before
    assert not {"email", "note"} & set(firm.office.calls)


def test_the_lock_is_let_go_when_its_holder_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, signal; from connector.lock import one_run\n"
        "with one_run('books:1'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    with one_run("books:1"):
        pass
