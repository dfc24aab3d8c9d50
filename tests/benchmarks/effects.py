"""A thousand reminders through a mail API that loses answers: how often each is applied.

Of the calls that send, 3 % are done and lose their answer, 2 % are done and answer 500, 3 % answer
500 and do nothing, 3 % are dropped before they do anything. Ours are whole runs of `sync`, each a
quarter of an hour after the one before, until nothing is left that a run can settle.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import requests

from connector.config import Config
from connector.contract import Kind, ProviderSpec, reference_of
from connector.dunning.policy_file import Policies, parse
from connector.firm import Firm
from connector.messages.write import Writer
from connector.meter import Meter
from connector.mirror.state import State
from connector.mirror.tables import ReminderState
from connector.outbox.queue import Outbox
from connector.receivables.capabilities import Capabilities, Traces
from connector.sync import Report, sync
from providers.http import Session
from tests.benchmarks.data import Books
from tests.benchmarks.provider import COMPANY, SPEC, Bench
from tests.benchmarks.server import Api, Faults, serving
from tests.office import locks
from tests.policies import policy

MAILS = 1_000
SHARES = {"lost": 0.03, "after": 0.02, "p500": 0.03, "drop": 0.03}
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
TRIES = 8  # of a loop that tries again
_POLICY = policy("mails").replace("500", "5000")


@dataclass(frozen=True)
class Effect:
    """What came of so many mails: `believed` failed and went, `unknown` are listed for a person.

    `never` went and are not listed either; of the unknown so many `did` go.
    """

    calls: int
    applied: int
    twice: int
    never: int
    believed: int
    unknown: int
    did: int
    runs: int

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        listed = f"{self.unknown} ({self.did} went)" if self.unknown else "0"
        counts = (self.applied, self.twice, self.never, self.believed)
        return *map(str, counts), listed, str(self.calls)


def _effect(
    api: Api,
    wanted: set[str],
    failed: set[str],
    unknown: frozenset[str] = frozenset(),
    runs: int = 1,
) -> Effect:
    """What the server did, beside what the client wanted and what it takes it for."""
    went = Counter(reference_of(mail["text"]) for mail in api.mails)
    return Effect(
        calls=api.requests,
        applied=went.total(),
        twice=went.total() - len(went),
        never=len(wanted - went.keys() - unknown),
        believed=len(failed & went.keys()),
        unknown=len(unknown),
        did=len(unknown & went.keys()),
        runs=runs,
    )


def spoiled(mails: int, *, keys: bool, seed: int = 1) -> tuple[Books, Faults]:
    """Books of so many customers who owe one invoice each, and the faults of what is sent."""
    books = Books(mails, customers=mails, late=(10, 60))
    return books, Faults(only="send", keys=keys, seed=seed, **SHARES)


@dataclass
class Post:
    """A firm whose books send its mails, run after run, over a real state."""

    url: str
    folder: Path
    can: Capabilities
    now: datetime = NOW
    reports: list[Report] = field(default_factory=list)

    def run(self) -> Report:
        """One whole sync; the clock is put on by a quarter of an hour after it."""
        state = self.folder / "config.db"
        config = Config(path=self.folder / "config.env", provider="bench", state=state, mode="auto")
        provider = Bench(Session("bench", self.url, sleep=lambda seconds: None), can=self.can)
        firm = Firm(
            config=config,
            spec=ProviderSpec(
                name="bench",
                title=SPEC.title,
                can=self.can,
                kinds=(Kind.CUSTOMERS, Kind.INVOICES),
                settings=(),
                open=lambda settings, tokens, meter: provider,
            ),
            provider=provider,
            meter=Meter(SPEC.limits, state, clock=lambda: self.now),
            company=COMPANY,
            can=self.can,
            policies=Policies(parse(_POLICY, "policy.toml"), {}),
            writer=Writer(COMPANY),
            mailer=None,
            zone=ZoneInfo(COMPANY.timezone),
        )
        try:
            report = sync(firm, lambda: self.now, lambda *told: None, lambda: False)
        finally:
            provider.close()
        self.now += QUARTER
        self.reports.append(report)
        return report

    def keys(self, *states: ReminderState) -> set[str]:
        """The reminders in these states, all of them without one."""
        with State.opened(self.folder / "config.db") as state:
            return {row.key for row in Outbox(state, "").rows(*states)}


def ours(mails: int, folder: Path, *, keys: bool, traces: Traces, seed: int = 1) -> Effect:
    """Our outbox, run until a run calls nothing and settles nothing."""
    can = Capabilities(complete_changes=True, custom_email=True, traces=traces, idempotency=keys)
    books, faults = spoiled(mails, keys=keys, seed=seed)
    with locks(folder / "locks"), serving(books) as (api, url):
        api.set(faults)
        post, calls = Post(url, folder, can), -1
        while post.run().delivered.sent or api.requests != calls:
            calls = api.requests
        unknown = frozenset(post.keys(ReminderState.UNKNOWN))
        failed = post.keys(ReminderState.FAILED)
        runs = len(post.reports) - 1  # the last one found nothing left to do
        return _effect(api, post.keys(), failed, unknown, runs)


def loop(mails: int, *, tries: int, with_key: bool, keys: bool, seed: int = 1) -> Effect:
    """A loop that sends each mail, again after every answer that is no 200, so many times."""
    books, faults = spoiled(mails, keys=keys, seed=seed)
    wanted, failed = {f"{number:020x}" for number in range(mails)}, set()
    with serving(books) as (api, url):
        api.set(faults)
        for key in sorted(wanted):
            mail: dict[str, Any] = {"invoices": [], "text": f"Please pay.\n\nRef. {key}"}
            headers = {"Idempotency-Key": key} if with_key else {}
            if not any(_taken(url, mail, headers) for _ in range(tries)):
                failed.add(key)
        return _effect(api, wanted, failed)


def _taken(url: str, mail: dict[str, Any], headers: dict[str, str]) -> bool:
    try:
        return requests.post(f"{url}/mails", json=mail, headers=headers, timeout=10).ok
    except requests.RequestException:
        return False


def table(folder: Path) -> Iterator[str]:
    """Every way of sending beside the others, as Markdown, line by line."""
    head = ("applied", "twice", "never sent", "believed failed, went", "listed as unknown", "calls")
    yield f"| client | {' | '.join(head)} |"
    yield f"| --- |{' --: |' * len(head)}"
    for honoured in (True, False):
        for traces in (Traces.COMPLETE, Traces.NONE):
            key = "honours" if honoured else "ignores"
            read = "can" if traces is Traces.COMPLETE else "cannot"
            with TemporaryDirectory(dir=folder) as own:
                found = ours(MAILS, Path(own), keys=honoured, traces=traces)
            what = f"Relance; the API {key} the key, what went {read} be read back"
            yield _row(f"{what}; runs: {found.runs}", found)
    yield _row("retry, key honoured", loop(MAILS, tries=TRIES, with_key=True, keys=True))
    yield _row("retry, key sent and ignored", loop(MAILS, tries=TRIES, with_key=True, keys=False))
    yield _row("retry, no key", loop(MAILS, tries=TRIES, with_key=False, keys=True))
    yield _row("no retry", loop(MAILS, tries=1, with_key=False, keys=True))


def _row(what: str, found: Effect) -> str:
    return f"| {what} | {' | '.join(found.cells())} |"
