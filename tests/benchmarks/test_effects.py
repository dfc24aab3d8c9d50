"""Mails through an API that loses answers, in short: none goes twice, and none is lost unseen."""

from pathlib import Path

import pytest

from connector.receivables.capabilities import Traces
from tests.benchmarks.effects import loop, ours

MAILS, SEED = 60, 7
DONE, NOT = 4, 5  # of those calls lost their answer, having done it or not


@pytest.mark.parametrize("keys", [True, False])
def test_what_can_be_read_back_goes_once(keys: bool, tmp_path: Path) -> None:
    found = ours(MAILS, tmp_path, keys=keys, seed=SEED, traces=Traces.COMPLETE)
    assert (found.applied, found.twice, found.never) == (MAILS, 0, 0)
    assert (found.believed, found.unknown) == (0, 0)
    assert found.calls == MAILS + NOT


@pytest.mark.parametrize("keys", [True, False])
def test_what_cannot_be_read_back_is_listed(keys: bool, tmp_path: Path) -> None:
    found = ours(MAILS, tmp_path, keys=keys, seed=SEED, traces=Traces.NONE)
    assert (found.twice, found.never, found.believed) == (0, 0, 0)
    assert found.applied + found.unknown - found.did == MAILS
    assert (found.unknown, found.did) == (DONE + NOT, DONE)
    assert found.calls == MAILS


def test_loops_send_twice_or_not_at_all() -> None:
    """The measure itself, and what the outbox is for."""
    again = loop(MAILS, tries=8, with_key=False, keys=True, seed=SEED)
    assert (again.twice, again.never) == (DONE, 0)
    once = loop(MAILS, tries=1, with_key=False, keys=True, seed=SEED)
    assert (once.twice, once.never, once.believed) == (0, NOT, DONE)
    stable = loop(MAILS, tries=8, with_key=True, keys=True, seed=SEED)
    assert (stable.applied, stable.twice) == (MAILS, 0)
