"""One `state.db`: opened, migrated, and copied for a run that must change nothing."""

import filecmp
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    MetaData,
    NullPool,
    String,
    Table,
    create_engine,
    event,
)

from connector.errors import ConfigError
from connector.mirror.statements import Steps
from connector.mirror.tables import METADATA

HEAD = "0004"
"""The newest revision of `migrations/versions`, named here so that opening needs no Alembic."""

_OLDEST_SQLITE = (3, 37)  # STRICT tables
_BUSY_SECONDS = 30
_COPIES = 5
_SIDECARS = ("", "-wal", "-journal")
_SPACE = (  # what a long read touches is written back less often, and what it may undo not at all
    "cache_size = -4096",
    "temp_store = MEMORY",
)
_OF_PAGES = ("wal_autocheckpoint = 8000", "cache_spill = OFF")
"""A read writes the same pages of the file many times over: they are folded into it once, and those
of one page of records wait in memory for its end."""
_OF_STEPS = ("wal_autocheckpoint = 1000",)
"""A step waits for the disk, and twice as long where the log grows as where it is written over."""


@dataclass(frozen=True, slots=True)
class State:
    """An open database. Its engines begin every transaction for writing, `reader` excepted.

    `mirror` commits without waiting for the disk: a page that a power cut loses is read again.
    `outbox` waits, for what was sent must not be forgotten; so do `steps`, the same in small.
    `reader` sees one consistent moment and never makes a writer wait.
    """

    path: Path
    mirror: Engine
    outbox: Engine
    steps: Steps
    reader: Engine

    @classmethod
    def open(cls, path: Path) -> "State":
        """The database at `path`, made if there is none, brought up to the newest schema.

        A file it makes can be read by its owner alone.

        Raises:
            ConfigError: the file cannot be made, is no database of ours, or is of a newer schema.
        """
        path = path.resolve()
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise ConfigError(
                f"this Python comes with SQLite {sqlite3.sqlite_version}; Relance needs 3.37 or "
                "newer. Install a newer Python."
            )
        _create(path)
        _prepare(path)
        mirror, outbox = (
            _engine(path, synchronous="NORMAL", more=_OF_PAGES),
            _engine(path, synchronous="FULL"),
        )
        return cls(
            path=path,
            mirror=mirror,
            outbox=outbox,
            steps=Steps(outbox),
            reader=mirror.execution_options(reading=True),
        )

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator["State"]:
        """`open`, and closed at the end of the block."""
        state = cls.open(path)
        try:
            yield state
        finally:
            state.close()

    def close(self) -> None:
        """Let go of the file; the last to do so folds the write-ahead log into it."""
        self.steps.close()
        self.mirror.dispose()
        self.outbox.dispose()


@contextmanager
def scratch(path: Path | None) -> Iterator[State]:
    """A temporary copy of the database at `path`, open and migrated; an empty one if there is none.

    The original and its write-ahead log stay byte for byte, and nothing new appears beside them.
    The copy can be read by its owner alone and is deleted at the end. Not for a process that has
    the same file open: closing a second handle would drop SQLite's locks on it.

    Raises:
        ConfigError: as `State.open`.
    """
    with copied(path) as copy, State.opened(copy) as state:
        yield state


@contextmanager
def copied(path: Path | None) -> Iterator[Path]:
    """A temporary copy of the database at `path` as it is; nothing if there is none.

    Raises:
        ConfigError: it cannot be read.
    """
    with TemporaryDirectory(prefix="relance-") as folder:
        copy = Path(folder) / "state.db"
        if path is not None and path.exists():
            _copy(path.resolve(), copy)
        yield copy


def _copy(source: Path, target: Path) -> None:
    """Copy a database with its log by files: opening it, even to read, could write beside it.

    Equal before and after means that nobody wrote meanwhile. Files that keep changing belong to a
    live writer; then the log and its index exist, and SQLite's own backup adds nothing.
    """
    try:
        for _ in range(_COPIES):
            for suffix in _SIDECARS:
                _copy_file(_beside(source, suffix), _beside(target, suffix))
            if all(_same(_beside(source, end), _beside(target, end)) for end in _SIDECARS):
                return
        for suffix in _SIDECARS[1:]:
            _beside(target, suffix).unlink(missing_ok=True)
        reading = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
        with closing(reading), closing(sqlite3.connect(target)) as writing:
            reading.backup(writing)
    except (OSError, sqlite3.DatabaseError) as error:
        raise ConfigError(f"{source}: cannot be copied ({error}). Check the file.") from error


def _copy_file(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    if source.exists():
        _create(target)
        shutil.copyfile(source, target)


def _same(source: Path, target: Path) -> bool:
    if not source.exists() or not target.exists():
        return source.exists() == target.exists()
    return filecmp.cmp(source, target, shallow=False)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _create(path: Path) -> None:
    """Make the file with its mode before SQLite writes to it; log and index inherit the mode."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigError(
            f"{path}: the database cannot be made ({error.strerror}). Create the folder, or name "
            "another file as RELANCE_STATE."
        ) from error
    try:
        os.fchmod(handle, 0o600)  # whatever the umask took away
    finally:
        os.close(handle)


def _prepare(path: Path) -> None:
    """Give a new file the newest schema, and an older one what it lacks."""
    found = revision(path)
    if found is None:
        _make(path)
    elif found != HEAD:
        _upgrade(path, found)


def _make(path: Path) -> None:
    """The schema of an empty file, whole or not at all; Alembic is not needed for that."""
    version = Table(
        "alembic_version",
        MetaData(naming_convention={"pk": "alembic_version_pkc"}),
        Column("version_num", String(32), primary_key=True),
    )
    engine = _engine(path, synchronous="FULL")
    with engine.begin() as connection:
        METADATA.create_all(connection)
        version.create(connection)
        connection.execute(version.insert().values(version_num=HEAD))
    engine.dispose()


def _upgrade(path: Path, found: str | None) -> None:
    from alembic import command  # slow to import, and needed once for each new schema
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise ConfigError(
            f"{path}: written by a newer Relance (schema {found}; this one knows {HEAD}). Install "
            "that newer version again, or name another file as RELANCE_STATE."
        )
    # Rebuilding a table under foreign keys would empty the tables that point to it.
    engine = _engine(path, synchronous="FULL", foreign_keys="OFF")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def revision(path: Path) -> str | None:
    """The revision a file is of, None for an empty one.

    Raises:
        ConfigError: it is no database of ours.
    """
    advice = "Name another file as RELANCE_STATE, or put a backup in its place."
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if not tables:
                return None
            if "alembic_version" in tables and "ledger" in tables:
                row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
                return row and str(row[0])
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"{path}: not a database of Relance ({error}). {advice}") from error
    raise ConfigError(f"{path}: a database of another program. {advice}")


def _engine(
    path: Path,
    *,
    synchronous: str,
    foreign_keys: str = "ON",
    more: Sequence[str] = _OF_STEPS,
) -> Engine:
    pool = NullPool if foreign_keys == "OFF" else None
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=pool)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late for DDL
        for setting in (
            f"busy_timeout = {_BUSY_SECONDS * 1000}",
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            f"foreign_keys = {foreign_keys}",
            *_SPACE,
            *more,
        ):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        # A writer asks for its lock at once: one taken later can fail, whatever the patience.
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
