"""Whether a `state.db` is sound, read from a copy: nothing in it or beside it changes."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connector.errors import ConfigError
from connector.mirror.state import HEAD, copied, revision

_DAMAGES = 5  # of which as many are told


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a database file tells of itself.

    `damage` is what SQLite finds wrong with it. `revision` is its schema, `newest` the one that
    this Relance works with: an older one is brought up to it by the next run. `ledger_id` is the
    firm's it belongs to, empty before the first run; `last_run` is aware UTC.
    """

    damage: tuple[str, ...] = ()
    revision: str = ""
    newest: str = HEAD
    ledger_id: str = ""
    last_run: datetime | None = None


def examined(path: Path) -> Health:
    """The health of the database at `path`, which exists.

    Raises:
        ConfigError: it cannot be read, or is no database of ours.
    """
    with copied(path) as copy:
        try:
            found = revision(copy)
        except ConfigError as error:  # people know it by its own name
            told = (problem.replace(str(copy), str(path)) for problem in error.problems)
            raise ConfigError(*told) from None
        if found is None:
            return Health()
        with closing(sqlite3.connect(copy)) as connection:
            try:
                checked = connection.execute(f"PRAGMA quick_check({_DAMAGES})").fetchall()
                damage = tuple(str(told) for (told,) in checked if told != "ok")
                ledger = connection.execute("SELECT ledger_id FROM ledger").fetchone()
                (last,) = connection.execute("SELECT max(started_at) FROM run").fetchone()
            except sqlite3.DatabaseError as error:
                return Health(damage=(str(error),), revision=found)
        return Health(
            damage=damage,
            revision=found,
            ledger_id=ledger[0] if ledger else "",
            last_run=datetime.fromisoformat(last) if last else None,
        )
