"""How far a long read is, on stderr, where somebody watches."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.receivables.capabilities import Limits

if TYPE_CHECKING:
    from rich.progress import Progress

MINUTE, HOUR = 60.0, 3600.0
_SOON = 3.0  # seconds until a rate means something


@dataclass(frozen=True, slots=True)
class Read:
    """A stream as far as it was read: records, of how many if told, pages, seconds."""

    done: int
    total: int | None
    pages: int
    seconds: float

    def words(self, limits: Limits) -> str:
        """Records, pages, rate and time left, and what the product's limit of calls makes of it."""
        of = f" of {self.total:,}" if self.total else ""
        told = [f"{self.done:,}{of}", f"{self.pages} page{'' if self.pages == 1 else 's'}"]
        if self.seconds >= _SOON and self.done:
            told.append(f"{self.done / self.seconds:,.0f}/s")
            if self.total and self.done < self.total:
                told.append(self._left(limits))
        return "  ".join(told)

    def _left(self, limits: Limits) -> str:
        """The time left, at the rate so far or at the pace of calls that the product allows."""
        assert self.total
        pages = -(-(self.total - self.done) * self.pages // self.done)
        if limits.day and pages > limits.day:
            return f"{pages:,} calls to come, {limits.day:,} a day"
        paces = ((limits.second, 1.0), (limits.minute, MINUTE))
        least = max((pages / calls * span for calls, span in paces if calls), default=0.0)
        at_rate = (self.total - self.done) * self.seconds / self.done
        if least <= at_rate:
            return f"{_about(at_rate)} left"
        pace = f"{limits.minute} calls/min" if limits.minute else f"{limits.second} calls/s"
        return f"{_about(least)} left, at {pace}"


def _about(seconds: float) -> str:
    if seconds < MINUTE:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < HOUR else f"{seconds / HOUR:.1f} h"


class Bar:
    """Told of every page of every stream; draws nothing without a `drawn`."""

    def __init__(
        self,
        drawn: "Progress | None",
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._drawn, self._limits, self._clock = drawn, limits, clock
        self._tasks: dict[str, Any] = {}
        self._pages: dict[str, int] = {}
        self._since: dict[str, float] = {}
        self._before = clock()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Records of a stream read so far, of how many where the product says."""
        if self._drawn is None:
            return
        now = self._clock()
        if what not in self._tasks:
            self._since[what] = self._before  # its first page took time too
            self._tasks[what] = self._drawn.add_task(what.replace("_", " "), total=total, words="")
        self._pages[what] = self._pages.get(what, 0) + 1
        read = Read(done, total, self._pages[what], now - self._since[what])
        words = read.words(self._limits)
        self._drawn.update(self._tasks[what], completed=done, total=total, words=words)
        self._before = now


@contextmanager
def progress(quiet: bool, limits: Limits | None = None) -> Iterator[Bar]:
    """A progress bar while the block runs, only on a terminal; `limits` are the product's."""
    limits = limits or Limits()
    if quiet or not sys.stderr.isatty():
        yield Bar(None, limits)
        return
    from rich.console import Console

    with drawing(Console(stderr=True)) as drawn:
        yield Bar(drawn, limits)


def drawing(console: Any) -> "Progress":
    """One line a stream: its name, a bar where the end is known, and words."""
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    words = TextColumn("{task.fields[words]}", table_column=Column(no_wrap=True))
    name = TextColumn("{task.description}", table_column=Column(no_wrap=True))
    return Progress(name, BarColumn(bar_width=10), words, console=console, transient=True)
