"""What people decide, on real parts: Tryton, its notes, and `relance` as a process."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connector.contract import trace_of
from connector.dunning.snapshot import HadState
from connector.errors import ConfigError
from connector.mirror import tables
from connector.mirror.decisions import endings, said, words
from connector.mirror.lookup import find
from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.outbox.decision_notes import note_text
from connector.outbox.decisions import Decisions
from connector.outbox.given import WORDS, Given, decision_of, outcome_of, word
from connector.receivables.records import Cause, Decision, DocumentState, Mark, Past
from tests.books import COMPANY, NOW, TODAY, customer, invoice, line
from tests.facts import day
from tests.lab.server import TrytonLab
from tests.processes import Desk, configured

HELD = re.compile(
    r"^relance/1 M=hold L=\* U=(\S*) A= D=(\d{4}-\d\d-\d\d) I=[0-9a-f]{8} .*T=\S+Z\n", re.DOTALL
)


def sent(desk: Desk) -> set[str]:
    """The invoices that a sync has written about."""
    done = desk.relance("sync", "--json")
    assert done.code == 0, done.err
    keys = set(done.json["delivered"]["sent"])
    return {
        line["invoice"]
        for reminder in done.json["reminders"]
        if reminder["key"] in keys
        for line in reminder["lines"]
    }


def reasons(desk: Desk, number: str) -> set[str]:
    told = desk.relance("why", number, "--json")
    assert told.code == 0, told.err
    return {reason["code"] for line in told.json["lines"] for reason in line["reasons"]}


def lose(desk: Desk) -> None:
    """Delete `state.db`."""
    for file in desk.folder.glob("config.db*"):
        file.unlink()


def first_look(desk: Desk) -> None:
    """A state to decide on, with nothing sent: reminders are proposals."""
    env = desk.folder / "config.env"
    text = env.read_text(encoding="utf-8")
    env.write_text(text.replace("MODE=auto", "MODE=review"), encoding="utf-8")
    assert desk.relance("sync").code == 0
    env.write_text(text, encoding="utf-8")


@pytest.mark.practice("P1-30")
def test_a_hold_is_kept_noted_and_outlives_the_loss_of_the_state(
    tryton: TrytonLab, tmp_path: Path
) -> None:
    desk = configured(tmp_path / "firm", tryton)
    first_look(desk)
    bill = tryton.situations["overdue_20"]
    number = str(bill.number)

    held = desk.relance("mark", number, "hold", "--because", "credit note to come")
    assert held.code == 0, held.err
    (note,) = tryton.notes(bill.id)
    match = HELD.match(note)
    assert match, note
    assert match[1] == ""
    assert note.endswith(": credit note to come")
    assert number not in sent(desk)
    assert "held" in reasons(desk, number)
    assert len(tryton.notes(bill.id)) == 1

    lose(desk)
    assert number not in sent(desk)
    assert "credit note to come" in desk.relance("why", number).out
    assert "held" in reasons(desk, number)

    ended = desk.relance("unmark", number, "hold", "--because", "the credit note is there")
    assert ended.code == 0, ended.err
    _, note = sorted(tryton.notes(bill.id), key=lambda text: text.split("T=")[1])
    match = HELD.match(note)
    assert match, note
    assert date.fromisoformat(match[1]) == date.fromisoformat(match[2]) - timedelta(days=1)

    lose(desk)
    assert number in sent(desk)
    listed = desk.relance("mark", number).out
    assert "credit note to come" in listed
    assert "taken back" in listed
    assert desk.relance("unmark", number, "hold", "--because", "again").code == 2


@pytest.mark.practice("P1-19", "P0-39")
def test_a_call_with_a_promise_is_a_note_and_a_silence(tryton: TrytonLab, tmp_path: Path) -> None:
    desk = configured(tmp_path / "firm", tryton)
    first_look(desk)
    bill = tryton.situations["overdue_10"]
    number = str(bill.number)
    on = tryton.today + timedelta(days=9)
    words = ("--said", "Mme Petit pays half", "--promised", str(on), "--amount", "100.00")
    called = desk.relance("call", number, *words, "--cause", "lost_invoice")
    assert called.code == 0, called.err
    traces = [trace_of(note, str(bill.id)) for note in tryton.notes(bill.id)]
    found = {trace.mark: trace for trace in traces if trace}
    assert set(found) == {"call", "promised", "cause"}
    assert (found["promised"].until, found["promised"].amount) == (on, "100.00")
    assert found["cause"].code == "lost_invoice"
    assert all("Mme Petit pays half" in trace.words for trace in found.values())
    lose(desk)
    assert number not in sent(desk)
    assert "promised" in reasons(desk, number)
    again = {text for text in desk.relance("mark", number).out.splitlines() if "Petit" in text}
    assert len(again) == 3


def test_a_hold_on_a_customer_holds_every_invoice_also_a_later_one(
    tryton: TrytonLab, tmp_path: Path
) -> None:
    desk = configured(tmp_path / "firm", tryton)
    first_look(desk)
    bill = tryton.situations["overdue_40"]
    number = str(bill.number)
    plan = desk.relance("why", number, "--json").json
    name = plan["lines"][0]["customer"]
    assert desk.relance("mark", name, "hold", "--because", "the owner speaks to them").code == 0
    (note,) = tryton.notes(bill.id)
    assert " W=customer " in note.splitlines()[0]
    assert number not in sent(desk)
    lose(desk)
    assert number not in sent(desk)
    with closing(sqlite3.connect(desk.state)) as connection:
        rows = connection.execute("SELECT invoice_ref, because FROM decision").fetchall()
    assert rows == [(None, "the owner speaks to them")]
    assert desk.relance("unmark", name, "hold", "--because", "spoken to").code == 0
    lose(desk)
    assert number in sent(desk)


def test_while_the_server_is_down_it_is_kept_and_noted_by_the_next_sync(
    tryton: TrytonLab, tmp_path: Path
) -> None:
    desk = configured(tmp_path / "firm", tryton)
    first_look(desk)
    bill = tryton.situations["overdue_6"]
    tryton.stop()
    done = desk.relance("mark", str(bill.number), "disputed", "--because", "broken")
    assert done.code == 0
    assert "the next relance sync notes it" in done.err
    tryton.start()
    assert not tryton.notes(bill.id)
    assert str(bill.number) not in sent(desk)
    (note,) = tryton.notes(bill.id)
    assert "M=disputed" in note
    sent(desk)
    assert len(tryton.notes(bill.id)) == 1


def test_a_restart_begins_anew_and_not_twice(tryton: TrytonLab, tmp_path: Path) -> None:
    desk = configured(tmp_path / "firm", tryton)
    policy = desk.folder / "policy.toml"
    policy.write_text(
        policy.read_text(encoding="utf-8").replace('country = "FR"', 'country = "FR"\ngap_days = 1')
    )
    bill = tryton.situations["overdue_10"]
    assert str(bill.number) in sent(desk)
    assert desk.relance("restart", str(bill.number), "--because", "wrong address").code == 0
    why = desk.relance("why", str(bill.number)).out
    assert "before the ladder was restarted" in why
    assert "Next: friendly" in why or "friendly" in why.split("Today")[-1]
    assert str(bill.number) not in sent(desk)  # the gap


@pytest.mark.practice("P2-02")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("F-0", "hold", "--because", "x"), "no invoice and no customer is called so"),
        (("NUMBER", "angry", "--because", "x"), "expected one of hold, excluded, disputed"),
        (("NUMBER", "hold"), "--because"),
        (("NUMBER", "promised", "--because", "x"), "needs --until"),
        (
            ("NUMBER", "cause", "--reason", "bad_luck", "--because", "x"),
            "expected one of wrong_amount, wrong_contact, missing_attachment, lost_invoice, "
            "customer_process, cash_difficulty, dispute_goods, unclear_terms",
        ),
        (("NUMBER", "credit_limit", "--amount", "5", "--because", "x"), "of a customer"),
        (("NUMBER", "hold", "--until", "2020-01-01", "--because", "x"), "has passed"),
        (("NUMBER", "disputed", "--amount", "12,50", "--because", "x"), "--amount"),
    ],
)
def test_what_cannot_be_decided_is_refused_in_words(
    marked: tuple[Desk, str], given: tuple[str, ...], said: str
) -> None:
    desk, number = marked
    done = desk.relance("mark", *(number if part == "NUMBER" else part for part in given))
    assert done.code == 2
    assert said in done.err


@pytest.fixture(scope="module")
def marked(tryton_shared: TrytonLab, tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str]:
    desk = configured(tmp_path_factory.mktemp("marks") / "firm", tryton_shared)
    first_look(desk)
    return desk, str(tryton_shared.situations["overdue_20"].number)


# --- without a server ---------------------------------------------------------------------------

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with State.opened(tmp_path / "state.db") as state:
        mirror = Mirror(state)
        mirror.bind(COMPANY, TODAY)
        mirror.put([customer(), invoice("i1"), invoice("i2")], now=NOW, today=TODAY)
        yield mirror


def decided(mark: Mark, **more: Any) -> Decision:
    given = {"mark": mark, "since": TODAY, "because": "so", "author": "anna"} | more
    return Decision(**given)


def in_force(mirror: Mirror, invoice_id: str = "i1") -> list[tuple[Mark, date | None]]:
    (case,) = [c for c in read(mirror, day(), TODAY).cases if c.invoice_id == invoice_id]
    return [(made.mark, made.until) for made in (*case.decisions, *case.account.decisions)]


def test_a_decision_replaces_the_one_that_runs_and_history_stays(mirror: Mirror) -> None:
    decisions, target = Decisions(mirror.state), find(mirror.state, "F-i1")
    decisions.make(target, decided(Mark.HOLD), NOW)
    decisions.make(target, decided(Mark.HOLD, until=TODAY + timedelta(days=3)), LATER)
    assert in_force(mirror) == [(Mark.HOLD, TODAY + timedelta(days=3))]
    assert decisions.end(target, decided(Mark.HOLD), LATER + timedelta(hours=1)) == 1
    assert in_force(mirror) == []
    kept = decisions.of(target)
    assert [entry.ended_on for entry in kept] == [TODAY, TODAY, TODAY]
    assert [entry.takes_back for entry in kept] == [False, False, True]
    assert "taken back" in kept[-1].text()


def test_each_instalment_of_a_plan_stands_and_a_passed_promise_too(mirror: Mirror) -> None:
    decisions, target = Decisions(mirror.state), find(mirror.state, "F-i1")
    days = [TODAY + timedelta(days=30 * month) for month in (1, 2)]
    for at, on in enumerate(days):
        made = decided(Mark.PLAN, until=on, amount=5000)
        decisions.make(target, made, NOW + timedelta(minutes=at))
    passed = decided(Mark.PROMISED, since=TODAY - timedelta(days=20), until=TODAY - timedelta(9))
    decisions.make(target, passed, NOW - timedelta(days=20))
    decisions.make(target, decided(Mark.PROMISED, until=days[0]), LATER)
    assert {until for mark, until in in_force(mirror) if mark is Mark.PLAN} == set(days)
    assert len([mark for mark, _ in in_force(mirror) if mark is Mark.PROMISED]) == 2
    assert decisions.end(target, decided(Mark.PLAN), LATER) == 2


def test_what_the_product_says_is_not_taken_back_here(mirror: Mirror) -> None:
    own = Decision(mark=Mark.HOLD, since=TODAY)
    mirror.put([invoice("i1", decisions=(own,))], now=NOW, today=TODAY)
    with pytest.raises(ConfigError, match="said by the accounting software"):
        Decisions(mirror.state).end(find(mirror.state, "F-i1"), decided(Mark.HOLD), NOW)


def notes(mirror: Mirror) -> list[tuple[str, str]]:
    """The missing notes, as (invoice, text)."""
    decisions = Decisions(mirror.state)
    return [
        (ref, note_text(row, decisions.currency(row), ref, "ab12cd34", UTC_ZONE))
        for row, refs in decisions.unnoted(TODAY)
        for ref in refs
    ]


UTC_ZONE: Any = UTC


def test_whatever_the_order_of_the_notes_the_latest_word_counts(
    mirror: Mirror, tmp_path: Path
) -> None:
    decisions, target = Decisions(mirror.state), find(mirror.state, "F-i1")
    decisions.make(target, decided(Mark.HOLD, owner="Anne Petit"), NOW)
    decisions.end(target, decided(Mark.HOLD), NOW + timedelta(seconds=5))
    decisions.make(target, decided(Mark.DISPUTED, amount=2500, code="dispute_goods"), LATER)
    decisions.make(find(mirror.state, "c1"), decided(Mark.SUPPLY_STOP), LATER)
    texts = notes(mirror)
    assert len(texts) == 5  # of the customer's one on each invoice
    for order in (texts, texts[::-1]):
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
        with State.opened(file) as state:
            fresh = Mirror(state)
            fresh.bind(COMPANY, TODAY)
            fresh.put([customer(), invoice("i1"), invoice("i2")], now=NOW, today=TODAY)
            for _ in range(2):  # and reading them again changes nothing
                for ref, text in order:
                    trace = trace_of(text, ref)
                    assert trace
                    fresh.traced([trace], today=TODAY, now=NOW)
                assert in_force(fresh) == [(Mark.DISPUTED, None), (Mark.SUPPLY_STOP, None)]
            (case,) = [c for c in read(fresh, day(), TODAY).cases if c.invoice_id == "i1"]
            (made,) = case.decisions
            assert (made.amount, made.code) == (2500, "dispute_goods")
            assert (made.author, made.because) == ("anna", "so")
            assert not notes(fresh)
            with state.reader.connect() as connection:
                rows = connection.execute(select(tables.decision)).all()
            assert len(rows) == 4
            (hold,) = [row for row in rows if row.mark == "hold" and row.until is None]
            assert (hold.owner, hold.ended_on) == ("Anne Petit", TODAY)


def test_a_customers_decision_is_noted_on_an_invoice_that_comes_later(mirror: Mirror) -> None:
    decisions, target = Decisions(mirror.state), find(mirror.state, "customer c1")
    decisions.make(target, decided(Mark.HOLD), NOW)
    for row, refs in decisions.unnoted(TODAY):
        assert refs == ["i1", "i2"]
        for ref in refs:
            decisions.noted(row["id"], ref, NOW)
    assert notes(mirror) == []
    mirror.put([invoice("i3"), invoice("paid", line(0))], now=NOW, today=TODAY)
    assert [ref for ref, _ in notes(mirror)] == ["i3"]
    decisions.end(target, decided(Mark.HOLD), LATER)
    assert {ref for ref, _ in notes(mirror)} == {"i1", "i2"}  # where the hold was noted


def test_what_was_sent_after_a_restart_of_the_same_day_counts(mirror: Mirror) -> None:
    mirror.put([Past(invoice_id="i1", stage="friendly", on=TODAY)], now=NOW, today=TODAY)
    Decisions(mirror.state).make(find(mirror.state, "F-i1"), decided(Mark.RESTART), NOW)
    mirror.put([Past(invoice_id="i1", stage="friendly", nth=2, on=TODAY)], now=NOW, today=TODAY)
    (case,) = [c for c in read(mirror, day(), TODAY).cases if c.invoice_id == "i1"]
    assert [(step.nth, step.state) for step in case.had] == [
        (1, HadState.RESTARTED),
        (2, HadState.SENT),
    ]


def test_find_names_one_thing_or_says_what_is_in_doubt(mirror: Mirror) -> None:
    mirror.put(
        [customer("c2", name="Customer c1"), customer("c9", name="Zoë")], now=NOW, today=TODAY
    )
    assert find(mirror.state, "f-I1").invoice_id == "i1"
    assert find(mirror.state, "c1").customer_id == "c1"
    assert find(mirror.state, "zo").name == "Zoë"
    with pytest.raises(ConfigError, match="several are called so"):
        find(mirror.state, "Customer c1")
    with pytest.raises(ConfigError, match="no invoice and no customer"):
        find(mirror.state, "")


def test_every_mistake_of_a_decision_is_told_at_once(mirror: Mirror) -> None:
    target = find(mirror.state, "F-i1")
    given = Given(because=" ", until="tomorrow", since="2030-01-01", amount="-3", reason="x")
    with pytest.raises(ConfigError) as refused:
        decision_of(target, Mark.CREDIT_LIMIT, given, today=TODAY, author="anna")
    told = " ".join(refused.value.problems)
    assert len(refused.value.problems) == 6
    for option in ("--because", "--until", "--since", "--amount", "--reason", "of a customer"):
        assert option in told


@pytest.mark.parametrize("what", WORDS)
def test_every_word_can_be_marked_and_taken_back(mirror: Mirror, what: Mark) -> None:
    assert word(str(what)) is what
    on_customer = what in (
        Mark.REPLY,
        Mark.BOUNCED,
        Mark.CREDIT_LIMIT,
        Mark.CREDIT_CHECK,
        Mark.SUPPLY_STOP,
        Mark.STRATEGIC,
        Mark.SEGMENT,
        Mark.TERMS,
    )
    target = find(mirror.state, "c1" if on_customer else "F-i1")
    given = Given(
        because="a@x.example: so",
        until=str(TODAY + timedelta(days=5)),
        amount="50.00" if what is Mark.CREDIT_LIMIT else "",
        reason={Mark.CAUSE: "wrong_amount", Mark.SEGMENT: "loyal"}.get(what, ""),
    )
    made = decision_of(target, what, given, today=TODAY, author="anna")
    assert (made.amount == 10000) == (made.code == Cause.WRONG_AMOUNT)
    decisions = Decisions(mirror.state)
    decisions.make(target, made, NOW)
    assert in_force(mirror) == [(what, TODAY + timedelta(days=5))]
    decisions.end(target, decided(what), LATER)
    assert in_force(mirror) == []


def test_an_address_that_came_back_is_named_and_several_answers_stand_side_by_side(
    mirror: Mirror,
) -> None:
    target = find(mirror.state, "c1")
    with pytest.raises(ConfigError, match="begin with the address"):
        decision_of(target, Mark.BOUNCED, Given(because="wrong"), today=TODAY, author="anna")
    decisions = Decisions(mirror.state)
    for _ in range(2):  # in one instant: their notes must be told apart
        decisions.make(target, decided(Mark.REPLY), NOW)
    assert in_force(mirror) == [(Mark.REPLY, None)] * 2
    assert len({kept.decision.made_at for kept in decisions.of(target)}) == 2
    assert decisions.end(target, decided(Mark.REPLY), LATER) == 2
    assert in_force(mirror) == []


@pytest.mark.parametrize(
    ("what", "outcome", "told"),
    [
        (Mark.REPLY, "", "other"),
        (Mark.REPLY, "promise", "promise"),
        (Mark.HOLD, "", ""),
        (Mark.HOLD, "paid", None),
        (Mark.REPLY, "lunch", None),
    ],
)
def test_what_came_of_an_answer_has_one_of_a_few_words(
    what: Mark, outcome: str, told: str | None
) -> None:
    if told is None:
        with pytest.raises(ConfigError, match="--outcome"):
            outcome_of(what, outcome)
    else:
        assert outcome_of(what, outcome) == told


def test_the_words_of_a_note_are_read_back() -> None:
    row = {
        "mark": "promised",
        "since": TODAY,
        "until": TODAY,
        "code": "",
        "owner": "Paul",
        "author": "anna",
        "because": "he said: \n soon",
    }
    text = words(row, "250.00 EUR")
    assert text == f"Promised until {TODAY}, 250.00 EUR, Paul sees to it\nanna: he said: soon"
    assert said(text) == ("anna", "he said: soon")
    assert said("typed by\nsomebody") == ("", "typed by somebody")


def test_the_latest_decision_of_each_kind_stands() -> None:
    def row(mark: str, minute: int, until: date | None = None, **more: Any) -> dict[str, Any]:
        at = datetime(2026, 11, 20, 8, minute, tzinfo=UTC)
        given = {"customer_ref": "c", "invoice_ref": None, "since": TODAY, "ended_on": None}
        return given | {"mark": mark, "made_at": at, "until": until} | more

    back = TODAY - timedelta(days=1)
    rows = [row("hold", 3), row("hold", 1), row("hold", 2, back), row("call", 4), row("call", 5)]
    assert endings(rows) == [None, TODAY, None, None, None]
    assert endings([row("hold", 1), row("hold", 2, invoice_ref="i")]) == [None, None]


def test_an_invoice_told_with_a_discount_keeps_it(mirror: Mirror) -> None:
    bill = invoice("i9", line(200), discount=200, discount_until=TODAY, state=DocumentState.OPEN)
    mirror.put([bill], now=NOW, today=TODAY)
    (case,) = [c for c in read(mirror, day(), TODAY).cases if c.invoice_id == "i9"]
    assert (case.discount, case.discount_until) == (200, TODAY)
