"""A proxy before the real Tryton breaks calls: what went is found, what did not go goes, once."""

import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults import CERTAIN, FAULTS, PATIENCE, Proxy, Small, drawn, proxy, small
from tests.forked import Ended, Forks
from tests.lab.server import TrytonLab

FEW = 2  # faults of each sort in the short form
HISTORIES = (1, 40)  # drawn at random: in the short form, and in the whole
READS = 50  # calls of an undisturbed sync before its first mail
LONG = frozenset(name for name in FAULTS if "seconds" in name or "date" in name)


class Middle:
    """The small firm behind the proxy, and what it sends and notes when nothing breaks."""

    def __init__(self, firm: Small, between: Proxy, forks: Forks) -> None:
        self.firm, self.proxy, self.forks = firm, between, forks
        firm.begin()
        between.begin()
        assert self.sync().code == 0
        self.mails, self.notes = firm.mails(), firm.notes()
        assert (sorted(self.mails.values()), sorted(self.notes.values())) == ([1, 1], [1] * 4)

    def sync(self) -> Ended:
        desk = self.firm.desk
        return self.forks.relance(desk.folder, desk.environ(), "sync", "--json", patience=PATIENCE)

    def meets(self, fault: str, kind: str, number: int) -> Ended:
        """The first sync ever, in which one call meets a fault."""
        print(f"{fault}, at {kind} {number}")
        self.firm.begin()
        self.proxy.begin(lambda of, at: fault if (of, at) == (kind, number) else "")
        begun = time.monotonic()
        done = self.sync()
        assert time.monotonic() - begun < 40, "a long wait is stored, never slept"
        assert done.code != 1, done.err
        assert self.firm.mails() <= self.mails
        return done

    def settled(self) -> None:
        """After the faults: nothing is done twice, and a day later everything is done."""
        self.proxy.begin()
        self.sync()
        assert self.firm.mails() <= self.mails, "resent unseen"
        assert self.firm.notes() <= self.notes, "noted twice"
        self.firm.pass_time()
        last = self.sync()
        assert last.code == 0, last.err
        assert self.firm.mails() == self.mails
        assert self.firm.notes() == self.notes
        assert set(self.firm.states().values()) == {"sent"}

    def waits(self) -> None:
        """The server has asked for a long wait: until then it is not called at all."""
        self.proxy.begin()
        done = self.sync()
        assert done.code == 3
        assert "no call before" in done.err
        assert not self.proxy.calls, "called before its Retry-After was over"


@pytest.fixture(scope="module")
def middle(tryton_built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Middle]:
    folder = tmp_path_factory.mktemp("faults")
    with (
        TrytonLab(tryton_built, folder / "tryton") as lab,
        proxy(lab.port) as between,
        Forks() as forks,
    ):
        firm = small(lab, folder / "firm", TRYTON_URL=between.url)
        yield Middle(firm, between, forks)


def chosen(whole: bool) -> list[str]:
    """The faults of a test: some, drawn by a seed that is printed, or all."""
    seed = secrets.randbelow(10**6)
    print(f"seed {seed}")
    return list(FAULTS) if whole else random.Random(seed).sample(list(FAULTS), FEW)


@pytest.mark.slow
@pytest.mark.practice("P1-35")
def test_a_fault_at_a_mail(middle: Middle, whole: bool) -> None:
    """A call of which nobody knows leaves a row of which nobody knows; else it is planned again."""
    for fault in chosen(whole):
        for number in (1, 2) if whole else (1 + secrets.randbelow(2),):
            done = middle.meets(fault, "email", number)
            assert done.code == 3, done.err
            assert middle.proxy.counts["email"] <= 2, "a write is called once"
            states = Counter(middle.firm.states().values())
            mails = sum(middle.firm.mails().values())
            if fault in CERTAIN:  # and the provider's turn is over
                assert states == {1: Counter(planned=2), 2: Counter(sent=1, planned=1)}[number]
                assert mails == number - 1
            else:
                assert states == Counter(sent=1, unknown=1)
                assert mails == 1 + FAULTS[fault].performed
            if fault in LONG:
                middle.waits()
            middle.settled()


@pytest.mark.slow
def test_a_fault_at_a_note(middle: Middle, whole: bool) -> None:
    """The mail stays sent, and its note is written later, alone."""
    for fault in chosen(whole):
        for number in (1, 2, 3, 4) if whole else (1 + secrets.randbelow(4),):
            done = middle.meets(fault, "note", number)
            assert done.code == 3, done.err
            assert middle.proxy.counts["note"] <= 4, "a write is called once"
            if fault in LONG:
                middle.waits()
            elif fault not in CERTAIN:
                assert set(middle.firm.states().values()) == {"sent"}
                assert sum(middle.firm.notes().values()) == 3 + FAULTS[fault].performed
            middle.settled()


@pytest.mark.slow
def test_a_fault_at_a_read(middle: Middle, whole: bool) -> None:
    """It is read again, or the run ends and says so; nothing is decided on half a read."""
    for fault in chosen(whole):
        done = middle.meets(fault, "read", 1 + secrets.randbelow(READS))
        assert done.code in (0, 2, 3)
        told = {} if done.err.strip() else done.json["delivered"]
        assert not done.code or done.err.strip() or told["ended_by"] or told["unread"]
        if fault in LONG:
            assert done.code == 3
            middle.waits()
        middle.settled()


def test_a_short_wait_is_kept(middle: Middle) -> None:
    assert middle.meets("429, Retry-After: 1", "read", 15).code == 0
    first, second = middle.proxy.calls[14:16]
    assert (first.fault, first.method) == ("429, Retry-After: 1", second.method)
    assert second.at - first.at >= timedelta(seconds=1)


@pytest.mark.slow
def test_faults_drawn_at_random(middle: Middle, whole: bool) -> None:
    """Several faults a run, several runs: the books and the mail server end as if none had been."""
    met: Counter[str] = Counter()
    for _ in range(HISTORIES[whole]):
        seed = secrets.randbelow(10**6)
        print(f"seed {seed}")
        middle.firm.begin()
        choose = drawn(seed)
        for _ in range(3):
            middle.proxy.begin(choose)
            done = middle.sync()
            assert done.code in (0, 2, 3, 4), done.err
            met.update(
                f"{call.fault}, at a {'read' if call.kind == 'read' else 'write'}"
                for call in middle.proxy.calls
                if call.fault
            )
            assert middle.firm.mails() <= middle.mails
            assert middle.firm.notes() <= middle.notes
            middle.firm.pass_time()
        middle.settled()
    for name, times in sorted(met.items()):
        print(f"{times:4} {name}")
