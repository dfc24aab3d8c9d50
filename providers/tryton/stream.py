"""Where a read of changes was left, and what counts as changed."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connector.contract import Cursor, Kind
from providers.tryton.links import Link
from providers.tryton.wire import Row

# A row bears the start of its transaction, and is seen when that ends.
OVERLAP = timedelta(minutes=10)
STAMPS = ("write_date", "create_date")  # the second where a row was never written


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A cursor: `low` bounds the read; `until` and `position` (an id) are those of one under way.

    `until` is the newest stamp there was before its first page, all in the rows' own time.
    """

    low: datetime | None = None
    until: datetime | None = None
    position: int = 0

    @classmethod
    def parse(cls, cursor: Cursor | None) -> "Mark":
        """The mark in a cursor of ours; the very beginning when there is none."""
        raw = json.loads(cursor) if cursor else {}
        low, until = raw.get("low"), raw.get("until")
        return cls(
            low=datetime.fromisoformat(low) if low else None,
            until=datetime.fromisoformat(until) if until else None,
            position=raw.get("position", 0),
        )

    def text(self) -> Cursor:
        """The cursor as it is kept."""
        found: dict[str, object] = {}
        if self.low:
            found["low"] = self.low.isoformat()
        if self.position:
            found["until"] = self.until.isoformat() if self.until else None
            found["position"] = self.position
        return json.dumps(found)

    def at(self, position: int) -> "Mark":
        """The same read, further on."""
        return replace(self, position=position)

    def done(self) -> "Mark":
        """The read is complete: the next one asks from `until`, less the overlap."""
        stamps = [self.low, self.until - OVERLAP if self.until else None]
        return Mark(low=max((stamp for stamp in stamps if stamp), default=None))


@dataclass(frozen=True, slots=True)
class Stream:
    """A model whose rows are told, and what else's stamps make one of them changed.

    `follows` are paths from the row; `stamped` are the models at their ends.
    """

    model: str
    follows: tuple[str, ...]
    stamped: tuple[str, ...]
    by_party: bool = True

    def changed(self, low: datetime, took_over: list[int]) -> list[object]:
        """The domain of rows changed since, or whose customer took another's rows over."""
        clauses: list[object] = [
            [f"{path}{stamp}", ">=", low] for path in ("", *self.follows) for stamp in STAMPS
        ]
        if took_over and self.by_party:
            clauses.append(["party", "in", took_over])
        return ["OR", *clauses]


STREAMS = {
    Kind.CUSTOMERS: Stream(
        "party.party",
        ("contact_mechanisms.", "addresses."),
        ("party.party", "party.contact_mechanism", "party.address"),
        by_party=False,
    ),
    # a due date that is edited stamps the line alone
    Kind.INVOICES: Stream(
        "account.invoice",
        ("move.lines.", "additional_moves.lines."),
        ("account.invoice", "account.move.line"),
    ),
    # a draft that is posted stamps the move alone; attaching a payment, the invoice alone
    Kind.PAYMENTS: Stream(
        "account.move.line",
        ("move.", "invoice_payments."),
        ("account.move.line", "account.move", "account.invoice"),
    ),
}


def newest(link: Link, stream: Stream) -> datetime | None:
    """The newest stamp of all that a stream follows, None when there is no row yet."""
    found = [
        row.modified_at
        for model in stream.stamped
        for stamp in STAMPS
        for row in link.sheet(
            model, Row, [[stamp, "!=", None]], STAMPS, limit=1, order=[[stamp, "DESC"]]
        ).rows
    ]
    return max((stamp for stamp in found if stamp), default=None)


class Merged(Row):
    """A party that another one took over."""

    replaced_by: int


def merged(link: Link, low: datetime) -> list[int]:
    """Parties that took others over since: a merge moves their rows without stamping them."""
    domain = [["replaced_by", "!=", None], ["write_date", ">=", low]]
    rows = link.sheet("party.party", Merged, domain, ["replaced_by"]).rows
    return sorted({row.replaced_by for row in rows})
