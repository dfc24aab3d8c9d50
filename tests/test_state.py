"""The database file: its mode, its schema, and the copy that changes nothing."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, func, inspect, select
from sqlalchemy.exc import IntegrityError

from connector.errors import ConfigError
from connector.mirror import state as state_module
from connector.mirror import tables
from connector.mirror.state import HEAD, State, scratch

WRITE_AND_DIE = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from connector.mirror.state import State
from connector.mirror import tables

state = State.open(Path(sys.argv[1]))
with state.mirror.begin() as connection:
    connection.execute(
        tables.customer.insert().values(ref="left in the log", read_at=datetime.now(UTC))
    )
os.kill(os.getpid(), signal.SIGKILL)
"""
WRITE_ON = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1], isolation_level=None) as connection:
    print("ready", flush=True)
    while True:
        connection.execute("UPDATE cursor SET value = value || 'x'")
"""


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def customers(state: State) -> list[str]:
    with state.reader.connect() as connection:
        return list(connection.scalars(select(tables.customer.c.ref)))


def leave_a_log(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WRITE_AND_DIE, str(path)], timeout=60)
    assert done.returncode < 0
    assert path.with_name("state.db-wal").stat().st_size > 0


@pytest.mark.parametrize("umask", [0o000, 0o277])
def test_only_the_owner_can_read_the_file_and_its_log(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with State.opened(tmp_path / "state.db") as state:
            with state.outbox.begin() as connection:
                connection.execute(tables.cursor.insert().values(kind="x", value="1"))
            modes = {path.name: mode(path) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}


def test_the_connections_are_set_as_promised(tmp_path: Path) -> None:
    with State.opened(tmp_path / "state.db") as state:
        for engine, synchronous in ((state.mirror, 1), (state.outbox, 2)):
            with engine.connect() as connection:
                told = {
                    name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                    for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
                }
            assert told == {
                "journal_mode": "wal",
                "synchronous": synchronous,
                "foreign_keys": 1,
                "busy_timeout": 30000,
            }


def test_a_reader_does_not_make_a_writer_wait_and_sees_one_moment(tmp_path: Path) -> None:
    with State.opened(tmp_path / "state.db") as state, state.reader.connect() as reading:
        count = select(func.count()).select_from(tables.cursor)
        assert reading.execute(count).scalar() == 0
        with state.outbox.begin() as connection:
            connection.execute(tables.cursor.insert().values(kind="x", value="1"))
        assert reading.execute(count).scalar() == 0


def test_a_step_left_by_an_error_leaves_nothing_and_no_lock(tmp_path: Path) -> None:
    insert = "INSERT INTO cursor(kind, value) VALUES (?, '1')"
    with State.opened(tmp_path / "state.db") as state:
        with pytest.raises(sqlite3.IntegrityError), state.steps as step:
            step.executemany(insert, [("x",), ("x",)])
        with closing(sqlite3.connect(state.path, timeout=0)) as other, other:
            assert other.execute("SELECT count(*) FROM cursor").fetchone() == (0,)
            other.execute(insert, ("y",))
        with state.steps as step:
            step.execute(insert, ("z",))
        state.steps.close()
        with state.steps as step:  # taken anew
            assert step.execute("PRAGMA synchronous").fetchone() == (2,)
            assert step.execute("SELECT count(*) FROM cursor").fetchone() == (2,)
    assert [path.name for path in tmp_path.iterdir()] == ["state.db"]  # nothing held it open


def test_what_has_not_gone_is_found_without_reading_what_has(tmp_path: Path) -> None:
    with State.opened(tmp_path / "state.db") as state, state.reader.connect() as connection:
        query = select(tables.reminder.c.id).where(tables.reminder.c.sent_on.is_(None))
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
        assert "ix_reminder_unsent" in str(plan)


def schema(path: Path) -> dict[str, object]:
    """What a file is made of, whatever the order of columns and the words of its DDL."""
    with State.opened(path) as state, state.reader.connect() as connection:
        found, made = inspect(connection), {}
        for name in found.get_table_names():
            columns = [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(name)]
            indexes = [
                (i["name"], tuple(i["column_names"]), i["unique"]) for i in found.get_indexes(name)
            ]
            made[name] = (
                sorted(columns),
                sorted(indexes),
                sorted(str(rule) for rule in found.get_unique_constraints(name)),
                sorted(str(rule) for rule in found.get_check_constraints(name)),
                sorted(str(rule) for rule in found.get_foreign_keys(name)),
            )
        strict = "SELECT name FROM pragma_table_list WHERE strict"
        made["strict"] = sorted(connection.exec_driver_sql(strict).scalars())
        return made


def migrated(path: Path) -> Path:
    """A file that went through every migration, from the first on."""
    path.touch()
    state_module._upgrade(path, None)
    return path


def test_a_new_file_is_what_the_migrations_make(tmp_path: Path) -> None:
    made = schema(tmp_path / "new.db")
    assert made == schema(migrated(tmp_path / "old.db"))
    assert set(tables.METADATA.tables) <= set(made)


def test_the_migrations_and_the_tables_agree(tmp_path: Path) -> None:
    path = migrated(tmp_path / "state.db")
    with State.opened(path) as state, state.reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.METADATA) == []
        found = inspect(connection)
        for name, table in tables.METADATA.tables.items():
            checks = {(c["name"], c["sqltext"]) for c in found.get_check_constraints(name)}
            wanted = {
                (rule.name, str(rule.sqltext))
                for rule in table.constraints
                if isinstance(rule, CheckConstraint)
            }
            assert checks == wanted, name
    folder = Path(state_module.__file__).parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_no_column_can_hold_a_float(tmp_path: Path) -> None:
    with State.opened(tmp_path / "state.db") as state:
        with state.reader.connect() as connection:
            for name in tables.METADATA.tables:
                sql = "SELECT type FROM pragma_table_info(?)"
                types = {row[0] for row in connection.exec_driver_sql(sql, (name,))}
                assert types <= {"INTEGER", "TEXT"}, name
        for value in (12.5, "12.50"):
            with pytest.raises(IntegrityError), state.mirror.begin() as connection:
                connection.exec_driver_sql(
                    "INSERT INTO reminder_line (reminder_id, key, live, invoice_ref, line_ref,"
                    " invoice_number, step, stage, n, nth, balance, net, note_error)"
                    " VALUES (1, 'k', 1, '', '', '', '', '', '1', 1, 0, ?, '')",
                    (value,),
                )


def test_a_second_live_row_of_a_key_is_refused(tmp_path: Path) -> None:
    with State.opened(tmp_path / "state.db") as state:

        def add(live: bool) -> None:
            with state.outbox.begin() as connection:
                values = {"key": "r", "state": "planned", "planned_on": date(2026, 11, 20)}
                made = connection.execute(tables.reminder.insert().values(values))
                (row,) = made.inserted_primary_key or (0,)
                connection.execute(
                    tables.reminder_line.insert().values(
                        reminder_id=row, key="k", live=live, invoice_ref="i", line_ref="1", stage=""
                    )
                )

        add(live=True)
        add(live=False)
        with pytest.raises(IntegrityError):
            add(live=True)


def test_a_newer_schema_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    State.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = files(tmp_path)
    with pytest.raises(ConfigError, match=r"newer Relance.*9999.*RELANCE_STATE") as caught:
        State.open(path)
    assert str(path) in str(caught.value)
    assert files(tmp_path) == before


@pytest.mark.parametrize("content", [b"not a database at all\n" * 100, b"SQLite format 3\x00rest"])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"state.db.*RELANCE_STATE"):
        State.open(path)
    assert files(tmp_path) == {"state.db": content}


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title)")
    with pytest.raises(ConfigError, match=r"another program"):
        State.open(path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be made.*Create the folder"):
        State.open(tmp_path / "none" / "state.db")


@pytest.mark.parametrize("log", [False, True])
def test_a_scratch_copy_leaves_every_byte(tmp_path: Path, log: bool) -> None:
    path = tmp_path / "state.db"
    State.open(path).close()
    if log:
        leave_a_log(path)
    before = files(tmp_path)
    with scratch(path) as state:
        assert customers(state) == (["left in the log"] if log else [])
        with state.mirror.begin() as connection:
            connection.execute(tables.customer.delete())
        copy = state.path
        assert {mode(file) for file in copy.parent.iterdir()} == {0o600}
    assert files(tmp_path) == before
    assert not copy.parent.exists()


def test_a_scratch_copy_of_nothing_is_empty(tmp_path: Path) -> None:
    for path in (None, tmp_path / "state.db"):
        with scratch(path) as state:
            assert customers(state) == []
    assert files(tmp_path) == {}


def test_a_scratch_copy_is_whole_while_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with State.opened(path) as state, state.mirror.begin() as connection:
        connection.execute(tables.cursor.insert().values(kind="x", value=""))
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE_ON, str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
        for _ in range(3):
            with scratch(path) as state, state.reader.connect() as connection:
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()  # type: ignore[union-attr]
