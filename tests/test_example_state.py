"""`state.db.example` is the sample's mirror, of the current schema, and made the same each time."""

import shutil
from pathlib import Path

from sqlalchemy import text

from connector.mirror.state import State
from tests.example_state import TARGET, dump, make


def test_the_example_opens_with_the_current_schema(tmp_path: Path) -> None:
    copy = tmp_path / "state.db"
    shutil.copy(TARGET, copy)
    with State.opened(copy) as state, state.mirror.connect() as connection:
        counts = {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("customer", "invoice", "due_line", "payment", "reminder")
        }
        ledger = connection.execute(text("SELECT ledger_id FROM ledger")).scalar_one()
    assert ledger == "files:bellerive"
    assert counts["customer"] >= 35
    assert counts["invoice"] >= 180
    assert all(counts.values())


def test_the_example_is_what_the_command_makes(tmp_path: Path) -> None:
    made = tmp_path / "made.db"
    make(made)
    assert dump(made) == dump(TARGET)
