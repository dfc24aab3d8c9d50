"""Makes `state.db.example`, the mirror of the sample firm: `python -m tests.example_state`.

Everything comes from the sample's files and its own fixed day, so the result is always the same.
"""

import sqlite3
import sys
from pathlib import Path

from connector.cli.firms import configs
from connector.firm import opened
from connector.mirror.pull import pull
from connector.mirror.state import State
from connector.mirror.store import Mirror

TARGET = Path(__file__).parent.parent / "state.db.example"


def make(target: Path) -> None:
    """Write the mirror of the sample firm to a file that is made anew."""
    target.unlink(missing_ok=True)
    (config,) = configs(None, needs_one=False)
    with opened(config, {}) as firm, State.opened(target) as state:
        now, today = firm.company.as_of, firm.company.today
        assert now
        assert today
        mirror = Mirror(state)
        mirror.bind(firm.company, today)
        pull(
            firm.provider,
            firm.spec.kinds,
            mirror,
            now=now,
            today=today,
            capabilities=firm.can,
            progress=lambda what, done, total: None,
        )
    connection = sqlite3.connect(target)
    connection.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
    connection.execute("VACUUM")
    connection.close()


def dump(path: Path) -> list[str]:
    """Everything in a database as text, whatever the order in which it was made."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return sorted(connection.iterdump())
    finally:
        connection.close()


if __name__ == "__main__":
    make(TARGET)
    sys.stderr.write(f"written: {TARGET.name}\n")
