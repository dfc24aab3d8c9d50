"""Random histories of a firm: whatever happens, in whatever order, no line hears a step twice and
nobody hears after paying.

One rule is one thing that befalls the firm; a sync is a whole one, its faults drawn inside it.
"""

import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from connector.errors import ConnectorError
from connector.mirror.state import State
from connector.mirror.tables import DATED
from connector.receivables.records import CreditNote, DocumentState
from tests.books import credit_note
from tests.office import Desk, Killed, desk, due, locks

CUSTOMERS = ("c1", "c2", "c3")
READ = ("down", "refused", "dies")
WRITE = ("down", "busy", "refused", "lost", "unheard", "late", "dies", "died")
VERBS = ("read", "account", "traces", "email", "note")
OTHER = ("other",)  # another user's daemon runs in the middle of this one
FAULTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["email", "note"]), st.integers(1, 3), st.sampled_from(WRITE)),
        st.tuples(st.sampled_from(["account", "traces"]), st.integers(1, 4), st.sampled_from(READ)),
        st.tuples(st.just("read"), st.integers(1, 12), st.sampled_from(READ)),
        st.tuples(st.sampled_from(VERBS), st.integers(1, 3), st.sampled_from(OTHER)),
    ),
    max_size=3,
)
WHO = st.sampled_from(CUSTOMERS)
DAYS = st.integers(1, 12)
Then = tuple[int, list[tuple[str, int, str]]]
THEN = st.tuples(st.sampled_from([0, 1, 15, 60, 24 * 60, 3 * 24 * 60]), FAULTS)


class Firm(RuleBasedStateMachine):
    """One firm, its books and its state."""

    invoices = Bundle("invoices")

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.stack.enter_context(locks(self.folder / "locks"))
        self.desk: Desk = desk(self.folder, *CUSTOMERS)
        self.backups: list[bytes] = []
        self.count = 0
        self.fresh()

    def teardown(self) -> None:
        try:
            self.settles()
        finally:
            self.stack.close()

    def fresh(self) -> None:
        """An empty state, as after `state.db` was lost."""
        self.desk.lose()
        shutil.copyfile(template(), self.desk.state)

    @initialize(target=invoices, who=WHO, days=DAYS)
    def first(self, who: str, days: int) -> str:
        return self.sold(who, days)

    @rule(target=invoices, who=WHO, days=DAYS, then=THEN)
    def sells(self, who: str, days: int, then: Then) -> str:
        ref = self.sold(who, days)
        self.syncs(then)
        return ref

    def sold(self, who: str, days: int) -> str:
        self.count += 1
        ref = f"i{self.count}"
        self.desk.office.owe(ref, who, due(self.desk.clock, days))
        return ref

    @rule(then=THEN)
    def goes_on(self, then: Then) -> None:
        self.syncs(then)

    @rule(ref=invoices, part=st.sampled_from([None, None, 4000]), then=THEN)
    def is_paid(self, ref: str, part: int | None, then: Then) -> None:
        self.desk.office.pay(ref, part)
        self.syncs(then)

    @rule(ref=invoices, deleted=st.booleans(), then=THEN)
    def is_voided(self, ref: str, deleted: bool, then: Then) -> None:
        if deleted:
            self.desk.office.hidden.add(ref)
        else:
            self.desk.office.end(ref)
        self.syncs(then)

    @rule(ref=invoices, days=DAYS, then=THEN)
    def gets_another_due_date(self, ref: str, days: int, then: Then) -> None:
        self.desk.office.move(ref, due(self.desk.clock, days - 4))
        self.syncs(then)

    @rule(who=WHO, amount=st.sampled_from([500, 10000]), then=THEN)
    def gives_a_credit(self, who: str, amount: int, then: Then) -> None:
        self.count += 1
        ref = f"a{self.count}"
        self.desk.office.put(credit_note(ref, amount, customer_id=who, total=amount))
        self.syncs(then)

    @rule(who=WHO, then=THEN)
    def uses_up_its_credits(self, who: str, then: Then) -> None:
        for record in list(self.desk.office.records.values()):
            if isinstance(record, CreditNote) and record.customer_id == who and record.balance:
                state = DocumentState.PAID
                used = credit_note(record.id, 0, customer_id=who, total=record.total, state=state)
                self.desk.office.put(used)
        self.syncs(then)

    @rule(who=WHO, on=st.booleans(), then=THEN)
    def is_held(self, who: str, on: bool, then: Then) -> None:
        self.desk.office.hold(who, self.desk.clock.today if on else None)
        self.syncs(then)

    def syncs(self, then: Then) -> None:
        """Time passes, and the program runs, with what breaks in that run."""
        minutes, faults = then
        self.desk.clock.pass_(minutes=minutes)
        office, seen = self.desk.office, Counter[str]()
        wanted = {(verb, number): fault for verb, number, fault in faults}

        def breaks(verb: str) -> str:
            seen[verb] += 1
            fault = wanted.get((verb, seen[verb]), "")
            if fault:
                event(f"{fault} at {verb}")
            if fault in OTHER:  # whose lock does not meet ours
                office.breaks = lambda verb: ""
                with locks(self.folder / "other user"):
                    self.run()
                office.breaks = breaks
                return ""
            return fault

        office.breaks = breaks
        self.run()
        office.breaks = lambda verb: ""

    def run(self) -> Any:
        try:
            return self.desk.sync()
        except (Killed, ConnectorError) as error:
            event(type(error).__name__)
            return None

    @rule(then=THEN)
    def is_backed_up(self, then: Then) -> None:
        self.backups.append(self.desk.state.read_bytes() if self.closed() else b"")
        self.syncs(then)

    def closed(self) -> bool:
        """Whether the state is one file; a process that died leaves its log beside it."""
        with State.opened(self.desk.state):
            pass
        return not self.desk.state.with_name("config.db-wal").exists()

    @rule(back=st.integers(1, 3), then=THEN)
    def an_old_backup_is_restored(self, back: int, then: Then) -> None:
        """Not while a mail is under way or lacks its notes: the limits of G7 in the README."""
        if len(self.backups) >= back and self.backups[-back] and self.all_noted():
            self.desk.lose()
            self.desk.state.write_bytes(self.backups[-back])
            event("restored")
        self.syncs(then)

    @rule(then=THEN)
    def the_state_is_lost(self, then: Then) -> None:
        if self.all_noted():
            self.fresh()
            event("lost")
        self.syncs(then)

    def all_noted(self) -> bool:
        """Whether every line that heard has its note, and nothing is on its way."""
        if self.desk.office.late:
            return False
        heard = {name for mail in self.desk.office.mails for name in mail.lines}
        return heard <= set(self.desk.noted())

    @invariant()
    def no_line_hears_a_step_twice(self) -> None:
        heard = Counter(name for mail in self.desk.office.mails for name in mail.lines)
        assert not [name for name, times in heard.items() if times > 1]
        assert len({mail.key for mail in self.desk.office.mails}) == len(self.desk.office.mails)

    @invariant()
    def a_note_stands_once(self) -> None:
        assert not [name for name, times in Counter(self.desk.noted()).items() if times > 1]

    @invariant()
    def what_was_claimed_was_owed(self) -> None:
        for mail in self.desk.office.mails:
            assert mail.claimed == mail.owed
            assert not mail.held

    @invariant()
    def only_what_went_or_was_passed_has_a_day(self) -> None:
        """What has not gone is found by having none."""
        if self.desk.state.exists():
            with closing(sqlite3.connect(self.desk.state)) as connection:
                query = "SELECT state FROM reminder WHERE sent_on IS NOT NULL"
                assert {word for (word,) in connection.execute(query)} <= DATED
                query = "SELECT count(*) FROM reminder WHERE state = 'sent' AND sent_on IS NULL"
                assert connection.execute(query).fetchone() == (0,)

    def settles(self) -> None:
        """Once faults stop, everything is known, and the mirror says what the books say."""
        office = self.desk.office
        office.breaks = lambda verb: ""
        for _ in range(3):
            self.desk.clock.pass_(minutes=25)
            self.desk.sync()
            self.no_line_hears_a_step_twice()
            self.a_note_stands_once()
            self.what_was_claimed_was_owed()
        assert not {"sending", "unknown"} & set(self.desk.states())
        assert self.all_noted()
        query = (
            "SELECT invoice.ref || ' ' || due_line.balance || ' ' || due_line.due_on FROM due_line"
            " JOIN invoice ON invoice.id = due_line.invoice_id WHERE due_line.balance > 0"
        )
        there = [
            f"{ref} {office.owed(ref)} {office.invoice(ref).lines[0].due_on}"
            for ref in (f"i{number}" for number in range(1, self.count + 1))
            if office.owed(ref)
        ]
        assert sorted(self.desk.rows(query)) == sorted(there)


_TEMPLATES: list[Path] = []


def template() -> Path:
    """A migrated, empty state, made once."""
    if not _TEMPLATES:
        folder = tempfile.mkdtemp()
        _TEMPLATES.append(Path(folder) / "state.db")
        with State.opened(_TEMPLATES[0]):
            pass
    return _TEMPLATES[0]


@pytest.mark.slow
@pytest.mark.practice("P1-35")
def test_random_histories(whole: bool) -> None:
    examples, steps = (400, 50) if whole else (15, 25)
    run_state_machine_as_test(
        Firm,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            print_blob=True,
            database=None,
            # making a failure smaller takes minutes: the whole form does
            phases=tuple(Phase) if whole else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
