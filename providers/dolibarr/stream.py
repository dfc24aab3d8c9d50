"""Where a read of changes was left."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta

from connector.contract import Cursor
from providers.dolibarr.payments import Free

# the database writes local time: in autumn an hour comes twice, and a row bears the start of its
# transaction
OVERLAP = timedelta(hours=2)
# where the server does not tell its zone, ours may be wrong by hours
BLIND_OVERLAP = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A cursor: `low` bounds the read; `until` and `position` (an id) are those of one under way.

    `until` is the newest stamp there was before its first page: of invoices, for every kind, as
    the third parties of version 23 tell none. `free` is the money that was available when it was
    last looked at: nothing is stamped when it is used.
    """

    low: int | None = None
    until: int | None = None
    position: int = 0
    free: Mapping[str, Free] = field(default_factory=dict)

    @classmethod
    def parse(cls, cursor: Cursor | None) -> "Mark":
        """The mark in a cursor of ours; the very beginning when there is none."""
        raw = json.loads(cursor) if cursor else {}
        free = {rowid: Free(**values) for rowid, values in raw.pop("free", {}).items()}
        return cls(free=free, **raw)

    def text(self) -> Cursor:
        """The cursor as it is kept."""
        found: dict[str, object] = {"low": self.low}
        if self.position:
            found |= {"until": self.until, "position": self.position}
        if self.free:
            found["free"] = {rowid: asdict(self.free[rowid]) for rowid in sorted(self.free)}
        return json.dumps(found)

    def at(self, position: int) -> "Mark":
        """The same read, further on."""
        return replace(self, position=position)

    def done(self, overlap: timedelta, free: Mapping[str, Free] | None = None) -> "Mark":
        """The read is complete: the next one asks from `until`, less the overlap."""
        until = self.until - int(overlap.total_seconds()) if self.until else None
        stamps = [stamp for stamp in (self.low, until) if stamp is not None]
        return Mark(low=max(stamps, default=None), free=self.free if free is None else free)
