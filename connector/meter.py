"""Keeps the calls to one firm's books within what the product allows, also across processes."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from connector.errors import KeptForSending, Transient
from connector.lock import folder
from connector.receivables.capabilities import Limits

LONGEST_WAIT = 60.0  # seconds: a longer wait is the caller's to store
SECOND, MINUTE, DAY = 1_000, 60_000, 86_400_000  # milliseconds
_POLL = 0.05


class Meter:
    """Counts and paces the calls to the books behind one state; `clock` gives aware UTC instants.

    The counts live beside the locks, so two processes share them. `sleep` takes seconds.
    """

    def __init__(
        self,
        limits: Limits,
        state: Path,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits, self._clock, self._sleep = limits, clock, sleep
        self._name = hashlib.sha256(str(state.absolute()).encode()).hexdigest()[:16]
        self._reading = False
        self._left: int | None = None
        rates = ((limits.second, SECOND), (limits.minute, MINUTE), (limits.day, DAY))
        self._rates = [(calls, span) for calls, span in rates if calls]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While the block runs, the last calls of a day are refused: they are kept for sending.

        Raises:
            KeptForSending: from any call, once no others are left.
        """
        self._reading = True
        try:
            yield
        finally:
            self._reading = False

    def made(self) -> int:
        """The calls counted within the longest span that is limited; nothing is counted now."""
        if not self._rates:
            return 0
        bucket = self._bucket()
        try:
            bucket.leak(int(self._clock().timestamp() * 1000))
            return _number(bucket.count())
        finally:
            bucket.conn.close()

    def left(self, calls: int) -> None:
        """The product's own word on how many calls are left of the day."""
        self._left = calls

    @contextmanager
    def call(self) -> Iterator[None]:
        """Hold the place of one call, waited for a minute at most.

        Raises:
            Transient: no call before its `retry_at`.
            KeptForSending: this one reads, and what is left of the day is for sending.
        """
        with ExitStack() as place:
            if self._limits.at_once:
                place.enter_context(self._slot(self._limits.at_once))
            if self._rates:
                self._take()
            yield

    @contextmanager
    def _slot(self, count: int) -> Iterator[None]:
        """One of as many locks as the product takes calls at once."""
        locks = [FileLock(folder() / f"{self._name}.{n}.call", timeout=0) for n in range(count)]
        waited = 0.0
        while True:
            for lock in locks:
                try:
                    lock.acquire()
                except Timeout:
                    continue
                try:
                    yield
                finally:
                    lock.release()
                return
            if waited >= LONGEST_WAIT:
                raise Transient(f"{count} calls at once are allowed, and all are under way")
            self._sleep(_POLL)
            waited += _POLL

    def _take(self) -> None:
        """Count one call, after the wait that the limits ask for."""
        from pyrate_limiter import RateItem  # only where there are limits

        bucket = self._bucket()
        try:
            while True:
                now = self._clock()
                item = RateItem("call", int(now.timestamp() * 1000))
                bucket.leak(item.timestamp)
                if self._reading:
                    self._keep(bucket.count(), now)
                if bucket.put(item):
                    return
                wait = max(1, _number(bucket.waiting(item))) / 1000
                if wait > LONGEST_WAIT:
                    until = now + timedelta(seconds=wait)
                    raise Transient(f"the product's limit of calls is reached: {self._told}", until)
                self._sleep(wait)
        finally:
            bucket.conn.close()

    def _bucket(self) -> Any:
        from pyrate_limiter import Rate, SQLiteBucket

        return SQLiteBucket.init_from_file(
            [Rate(calls, span) for calls, span in self._rates],
            db_path=str(folder() / f"{self._name}.calls"),
            use_file_lock=True,
        )

    def _keep(self, made: int, now: datetime) -> None:
        day = self._limits.day
        if not day:
            return
        kept = max(1, int(day * self._limits.keep))
        left = day - made if self._left is None else min(self._left, day - made)
        if left <= kept:
            raise KeptForSending(
                f"{left} of {day} calls of the day are left, and they are kept for sending: "
                "reading goes on when there are more",
                now + timedelta(hours=1),
            )

    @property
    def _told(self) -> str:
        words = {SECOND: "a second", MINUTE: "a minute", DAY: "a day"}
        return ", ".join(f"{calls} {words[span]}" for calls, span in self._rates)


def _number(told: object) -> int:
    """What the library tells: of this bucket a number, never an awaitable."""
    return told if isinstance(told, int) else 0
