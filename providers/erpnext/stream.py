"""Where a read of changes was left, and which rows' stamps say that something changed."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connector.contract import Cursor
from providers.erpnext.link import FEW, Filter, Forbidden, Link
from providers.erpnext.wire import Row, Sheet

# A row bears the time at which it was saved, and is seen when its transaction ends; and once a
# year the site's own time tells an hour twice.
OVERLAP = timedelta(minutes=70)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A cursor: `low` bounds the read; `until`, `part` and `after` are those of one under way.

    `low` and `until` are in the site's own time. `until` is the newest stamp there was before the
    first page, `after` the last name read of the part.
    """

    low: datetime | None = None
    until: datetime | None = None
    part: int = 0
    after: str = ""

    @classmethod
    def parse(cls, cursor: Cursor | None) -> "Mark":
        """The mark in a cursor of ours; the very beginning when there is none."""
        raw = json.loads(cursor) if cursor else {}
        low, until = raw.get("low"), raw.get("until")
        return cls(
            low=datetime.fromisoformat(low) if low else None,
            until=datetime.fromisoformat(until) if until else None,
            part=raw.get("part", 0),
            after=raw.get("after", ""),
        )

    @property
    def begun(self) -> bool:
        """Whether a page has been read already."""
        return bool(self.part or self.after)

    def text(self) -> Cursor:
        """The cursor as it is kept."""
        found: dict[str, object] = {"low": self.low.isoformat()} if self.low else {}
        if self.begun:
            found["until"] = self.until.isoformat() if self.until else None
            found |= {"part": self.part, "after": self.after}
        return json.dumps(found)

    def at(self, after: str) -> "Mark":
        """The same part, further on."""
        return replace(self, after=after)

    def next(self) -> "Mark":
        """The beginning of the next part."""
        return replace(self, part=self.part + 1, after="")

    def done(self) -> "Mark":
        """The read is complete: the next one asks from `until`, less the overlap."""
        stamps = [self.low, self.until - OVERLAP if self.until else None]
        return Mark(low=max((stamp for stamp in stamps if stamp), default=None))


@dataclass(frozen=True, slots=True)
class Found:
    """Records, those that cannot be read, and the names of all rows behind them."""

    records: list[Any]
    bad: list[Any]
    names: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One list that a stream reads by name. `read` takes `low`, the last name and a limit.

    `counted` are the filters by which its rows are counted, for progress; None: not counted.
    """

    doctype: str
    read: Callable[[datetime | None, str, int], Found]
    counted: Sequence[Filter] | None = None


def newest(link: Link, stamped: Sequence[tuple[str, str]]) -> datetime | None:
    """The newest stamp of these doctypes (each with the parent whose rights count), None without.

    One that the user may not read tells nothing, now or later.
    """
    found = []
    for doctype, parent in stamped:
        try:
            rows: Sheet[Row] = link.sheet(
                doctype, Row, [], [], order="modified desc", limit=1, parent=parent
            )
        except Forbidden:
            continue
        found += [row.modified for row in rows.rows if row.modified]
    return max(found, default=None)


def stamped(moment: datetime) -> str:
    """A moment as Frappe writes it."""
    return moment.isoformat(sep=" ", timespec="microseconds")


def whole(
    read: Callable[[Sequence[Filter], Sequence[Filter], int], Found],
    filters: Sequence[Filter],
    any_of: Sequence[Filter] = (),
) -> Found:
    """All that a read finds, page by page."""
    all_of_it, after = Found([], [], []), ""
    while True:
        found = read([*filters, *named_after(after)], any_of, FEW)
        all_of_it.records.extend(found.records)
        all_of_it.bad.extend(found.bad)
        all_of_it.names.extend(found.names)
        if len(found.names) < FEW:
            return all_of_it
        after = found.names[-1]


def named_after(name: str) -> list[Filter]:
    """The filter for rows that come later by name; none for the first page."""
    return [["name", ">", name]] if name else []
