"""The tests of the outbox bite: with a fault planted in the product, the one named for it fails."""

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connector import sync
from connector.contract import Page
from connector.dunning import compose
from connector.errors import ConnectorError, OutcomeUnknown, Transient
from connector.mirror.store import Mirror
from connector.mirror.tables import ReminderState
from connector.mirror.traces import Found
from connector.outbox import deliver, notes
from connector.outbox.queue import Outbox
from tests import test_outbox
from tests.office import locks

Plant = Callable[[pytest.MonkeyPatch], None]
Check = Callable[[Path], None]


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path) -> Iterator[None]:
    with locks(tmp_path / "locks"):
        yield


def resend_unknown(patch: pytest.MonkeyPatch) -> None:
    def settle_unknown(desk: Any, done: Any) -> None:
        for row in desk.box.rows(ReminderState.UNKNOWN):
            desk.box.release(row, desk.now, "again", None)

    patch.setattr(sync, "settle_unknown", settle_unknown)


def no_patience(patch: pytest.MonkeyPatch) -> None:
    for module in (deliver, notes):
        patch.setattr(module, "PATIENCE", notes.PATIENCE * 0)


def skip_the_look(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deliver, "still_true", lambda desk, row, done: True)


def look_without_traces(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deliver, "take_over", lambda desk, ids: Found())


def key_per_attempt(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(compose, "line_key", lambda *told: secrets.token_hex(10))


def cursor_before_page(patch: pytest.MonkeyPatch) -> None:
    store = Mirror.store

    def broken(self: Mirror, kind: Any, page: Page, **more: Any) -> Any:
        store(self, kind, Page(records=(), cursor=page.cursor), **more)
        return store(self, kind, page, **more)

    patch.setattr(Mirror, "store", broken)


def claim_unasked(patch: pytest.MonkeyPatch) -> None:
    claim = Outbox.claim

    def broken(self: Outbox, row: Any, now: datetime) -> bool:
        claim(self, row, now)
        return True

    patch.setattr(Outbox, "claim", broken)


def lost_is_not_sent(patch: pytest.MonkeyPatch) -> None:
    call = deliver._call

    def broken(desk: Any, row: Any, parcel: Any) -> Any:
        try:
            return call(desk, row, parcel)
        except OutcomeUnknown as error:
            raise Transient(str(error)) from None

    patch.setattr(deliver, "_call", broken)


def claim_no_note(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Outbox, "claim_note", lambda self, line, now: True)


def interrupted_is_planned(patch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Outbox, now: datetime) -> int:
        rows = self.rows(ReminderState.SENDING)
        for row in rows:
            self.release(row, now, "", None)
        return len(rows)

    patch.setattr(Outbox, "interrupted", interrupted)


def write_notes_unasked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        notes, "_unwritten", lambda desk, row: [line for line in row.lines if not line.noted_at]
    )


def resolve_twice(patch: pytest.MonkeyPatch) -> None:
    end = Outbox._end

    def broken(
        self: Outbox, row: Any, state: Any, now: Any, error: str, was: Any, **more: Any
    ) -> None:
        end(self, row, state, now, error, tuple(ReminderState), **more)

    patch.setattr(Outbox, "_end", broken)


def of(check: Any, *words: Any) -> Check:
    """A test of the outbox on a firm of its own."""
    return lambda folder: check(test_outbox.two_debtors(folder), *words)


BITES: dict[str, tuple[Plant, Check]] = {
    "resend unknown": (
        resend_unknown,
        of(test_outbox.test_an_unknown_mail_is_looked_for_before_it_goes_again, "late"),
    ),
    "no patience": (
        no_patience,
        of(test_outbox.test_an_unknown_mail_is_looked_for_before_it_goes_again, "late"),
    ),
    "no patience with notes": (
        no_patience,
        of(test_outbox.test_a_note_that_fails_after_a_mail_that_went, "late"),
    ),
    "skip the look": (
        skip_the_look,
        of(test_outbox.test_what_changed_since_it_was_planned_is_not_sent, "pay"),
    ),
    "look without traces": (
        look_without_traces,
        of(test_outbox.test_an_old_state_that_was_restored_repeats_nothing),
    ),
    "key per attempt": (
        key_per_attempt,
        of(test_outbox.test_a_state_that_was_lost_repeats_nothing, ""),
    ),
    "cursor before page": (
        cursor_before_page,
        test_outbox.test_a_pull_killed_at_any_commit_ends_in_the_same_mirror,
    ),
    "claim unasked": (
        claim_unasked,
        lambda folder: test_outbox.test_two_daemons_of_two_users_on_one_state(
            test_outbox.two_debtors(folder), folder, "traces", 2
        ),
    ),
    "notes without a claim": (
        claim_no_note,
        lambda folder: test_outbox.test_two_daemons_write_a_note_once(
            test_outbox.two_debtors(folder), folder
        ),
    ),
    "a lost answer taken for none": (
        lost_is_not_sent,
        of(test_outbox.test_a_person_says_what_became_of_the_unknown, "lost"),
    ),
    "what was interrupted sent again": (
        interrupted_is_planned,
        of(test_outbox.test_a_person_says_what_became_of_the_unknown, "died"),
    ),
    "notes written unasked": (
        write_notes_unasked,
        of(test_outbox.test_a_note_that_fails_after_a_mail_that_went, "died"),
    ),
    "settle whatever it was": (
        resolve_twice,
        of(test_outbox.test_two_persons_resolve_at_once),
    ),
}


@pytest.mark.parametrize("name", BITES)
def test_the_suite_bites(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, check = BITES[name]
    plant(monkeypatch)
    with pytest.raises((AssertionError, ValueError, ConnectorError)):
        check(tmp_path)
