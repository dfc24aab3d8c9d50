"""The record of the runs: when each began, how it ended, what it counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, insert, select, update

from connector.mirror.state import State
from connector.mirror.tables import Run

_RUN: Table = Run.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One run; instants are UTC, `ended_at` is None while it runs or when it was killed."""

    started_at: datetime
    ended_at: datetime | None
    outcome: str
    counts: Mapping[str, int]

    def text(self) -> str:
        """The run on one line."""
        counts = ", ".join(f"{number} {what}" for what, number in self.counts.items() if number)
        outcome = self.outcome if self.ended_at else "did not end"
        return f"{self.started_at:%Y-%m-%d %H:%M} UTC  {outcome}{f': {counts}' if counts else ''}"

    def to_json(self) -> dict[str, Any]:
        """The run as data."""
        return {
            "started_at": self.started_at.isoformat(),
            "ended_at": self.ended_at and self.ended_at.isoformat(),
            "outcome": self.outcome,
            "counts": dict(self.counts),
        }


class Runs:
    """The runs of one firm."""

    def __init__(self, state: State) -> None:
        self.engine = state.outbox

    def begin(self, what: str, now: datetime) -> int:
        """The number of a run that begins."""
        with self.engine.begin() as connection:
            result = connection.execute(insert(_RUN).values(what=what, started_at=now))
        (run_id,) = result.inserted_primary_key or (0,)
        return int(run_id)

    def end(self, run_id: int, now: datetime, outcome: str, counts: Mapping[str, int]) -> None:
        """How a run ended, and what it counted."""
        with self.engine.begin() as connection:
            connection.execute(
                update(_RUN)
                .where(_RUN.c.id == run_id)
                .values(ended_at=now, outcome=outcome, counts=dict(counts))
            )

    def latest(self, count: int) -> list[Done]:
        """The last runs, newest first."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(_RUN).order_by(_RUN.c.id.desc()).limit(count))
            return [
                Done(
                    started_at=row.started_at,
                    ended_at=row.ended_at,
                    outcome=row.outcome,
                    counts=row.counts,
                )
                for row in rows
            ]
