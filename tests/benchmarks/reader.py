"""A mirror of the benchmarks' books, read in this process: for tests of what comes out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from connector.mirror import tables
from connector.mirror.pull import Pulled, pull
from connector.mirror.state import State
from connector.mirror.store import Mirror
from providers.http import Session
from tests.benchmarks.data import TODAY
from tests.benchmarks.provider import COMPANY, SPEC, Bench

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


@dataclass
class Reader:
    """One state, one connection; `slept` are the waits that the session would have made."""

    mirror: Mirror
    provider: Bench
    slept: list[float]

    def pull(self, told: Callable[[str, int, int | None], None] | None = None) -> Pulled:
        """Read what changed."""
        return pull(
            self.provider,
            SPEC.kinds,
            self.mirror,
            now=NOW,
            today=TODAY,
            capabilities=SPEC.can,
            progress=told or (lambda what, done, total: None),
        )

    def balances(self) -> dict[str, int]:
        """What the mirror holds of each invoice, by the sum of its lines."""
        invoice, line = tables.invoice, tables.due_line
        query = (
            select(invoice.c.ref, func.sum(line.c.balance))
            .join(line, line.c.invoice_id == invoice.c.id)
            .group_by(invoice.c.id)
        )
        with self.mirror.state.reader.connect() as connection:
            return dict(map(tuple, connection.execute(query)))


@contextmanager
def reader(
    url: str, path: Path, size: int = 100, *, by_number: bool = False, waits: bool = False
) -> Iterator[Reader]:
    """A reader of the server at `url`; with `waits` it waits as long as it is told to."""
    import time

    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if waits:
            time.sleep(seconds)

    provider = Bench(Session("bench", url, sleep=sleep), size, by_number)
    with State.opened(path) as state:
        mirror = Mirror(state)
        mirror.bind(COMPANY, TODAY)
        try:
            yield Reader(mirror, provider, slept)
        finally:
            provider.close()
