"""Where a read of changes was left, and what counts as changed."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connector.contract import Cursor
from providers.odoo.links import Link
from providers.odoo.wire import NoRight, Row, either, stamp

# A row bears the start of its transaction, and is seen when that ends.
OVERLAP = timedelta(minutes=10)


Loose = tuple[str, str, str, int]
"""Money set against nothing: customer, currency, day, amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A cursor: `low` bounds the read; the others are those of one under way.

    `until` is the newest stamp there was before its first page, in the rows' own time; `position`
    the last id that was told, of the list that `part` counts. `loose` is money by id that
    was set against nothing when it was told.
    """

    low: datetime | None = None
    until: datetime | None = None
    part: int = 0
    position: int = 0
    loose: Mapping[str, Loose] = field(default_factory=dict)

    @classmethod
    def parse(cls, cursor: Cursor | None) -> "Mark":
        """The mark in a cursor of ours; the very beginning when there is none."""
        raw = json.loads(cursor) if cursor else {}
        low, until = raw.get("low"), raw.get("until")
        return cls(
            low=datetime.fromisoformat(low) if low else None,
            until=datetime.fromisoformat(until) if until else None,
            part=raw.get("part", 0),
            position=raw.get("position", 0),
            loose={number: tuple(known) for number, known in raw.get("loose", {}).items()},
        )

    @property
    def begun(self) -> bool:
        """Whether a read is under way."""
        return bool(self.part or self.position)

    def text(self) -> Cursor:
        """The cursor as it is kept."""
        found: dict[str, object] = {}
        if self.low:
            found["low"] = self.low.isoformat()
        if self.begun:
            found["until"] = self.until.isoformat() if self.until else None
            found |= {"part": self.part, "position": self.position}
        if self.loose:
            found["loose"] = dict(self.loose)
        return json.dumps(found)

    def at(self, part: int, position: int) -> "Mark":
        """The same read, further on."""
        return replace(self, part=part, position=position)

    def done(self) -> "Mark":
        """The read is complete: the next one asks from `until`, less the overlap."""
        stamps = [self.low, self.until - OVERLAP if self.until else None]
        return Mark(low=max((stamp for stamp in stamps if stamp), default=None))


def changed(low: datetime, paths: Sequence[str]) -> list[object]:
    """The domain of rows where one of these stamps moved. Odoo shows whole seconds: >= it is."""
    return either([[path, ">=", stamp(low)] for path in paths])


def newest(link: Link, models: Sequence[str]) -> datetime | None:
    """The newest stamp of these models, None when there is no row yet."""
    found = []
    for model in models:
        with suppress(NoRight):  # what the user may not read is not told either
            domain = [["write_date", "!=", False]]
            rows = link.sheet(
                model, Row, domain, ["write_date"], limit=1, order="write_date desc"
            ).rows
            found += [row.write_date for row in rows]
    return max((stamp for stamp in found if stamp), default=None)
