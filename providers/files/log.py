"""`relance-log.csv`: the notes that a folder of files keeps, appended one row a note."""

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from connector.errors import ConfigError, OutcomeUnknown, Rejected, Transient

NAME = "relance-log.csv"
COLUMNS = ("at", "invoice", "kind", "key", "text")
HEADER = (",".join(f'"{column}"' for column in COLUMNS) + "\r\n").encode()
CUT = " [cut off]"  # ends the text of a row that a crash left unfinished
PATIENCE = 10.0  # seconds another writer is waited for; an append takes milliseconds


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the log."""

    invoice_id: str
    kind: str
    key: str
    text: str


class Log:
    """The log of one folder. Rows are only ever added: a row cut off by a crash is closed, never
    removed, because what it names may have been sent."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._lock = FileLock(folder / f"{NAME}.lock", timeout=PATIENCE)
        self._stamp: tuple[int, int, int] | None = None  # of the file as it was last read
        self._entries: list[Entry] = []
        self._known: set[tuple[str, str, str]] = set()
        self._delimiter = ","
        self._closing = HEADER  # what must come before the next row

    @property
    def exists(self) -> bool:
        """Whether a note was ever kept here."""
        return self._path.exists()

    @property
    def is_writable(self) -> bool:
        """Whether a note could be kept, found without writing."""
        if self._path.exists() and not (self._path.is_file() and os.access(self._path, os.W_OK)):
            return False
        return os.access(self._path.parent, os.W_OK)

    def entries(self) -> Iterator[Entry]:
        """Every row, the oldest first.

        Raises:
            ConfigError: the file is no log of ours.
            Transient: it cannot be read now.
        """
        try:
            self._refresh()
        except OSError as error:
            raise Transient(f"files: {self._path}: {error.strerror}") from error
        yield from tuple(self._entries)

    def append(self, at: datetime, entry: Entry) -> None:
        """Keep a row, on the disk when this returns; a key that is there already adds none.

        Raises:
            Transient: the log is held by another process or cannot be reached; nothing is written.
            Rejected: the folder cannot be written to; nothing is written.
            OutcomeUnknown: the disk failed half way.
            ConfigError: the file is no log of ours.
        """
        try:
            with self._lock:
                self._refresh()
                if not entry.key or _identity(entry) not in self._known:
                    self._write(at, entry)
        except Timeout:
            raise Transient(f"files: {self._path} is held by another program") from None
        except PermissionError as error:
            raise Rejected(
                f"files: {self._path}: {error.strerror}. Let this user write to the folder."
            ) from None
        except OSError as error:
            raise Transient(f"files: {self._path}: {error.strerror}") from error

    def _write(self, at: datetime, entry: Entry) -> None:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=self._delimiter, quoting=csv.QUOTE_ALL)
        instant = at.isoformat(timespec="seconds").replace("+00:00", "Z")
        writer.writerow((instant, entry.invoice_id, entry.kind, entry.key, entry.text))
        row = self._closing + out.getvalue().encode()
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            while row:
                row = row[os.write(handle, row) :]
            os.fsync(handle)
            if self._stamp is None:
                _sync_folder(self._path.parent)
        except OSError as error:
            raise OutcomeUnknown(f"files: {self._path}: {error.strerror}") from error
        finally:
            os.close(handle)
        self._entries.append(entry)
        self._known.add(_identity(entry))
        self._stamp, self._closing = _stamp(self._path.stat()), b""

    def _refresh(self) -> None:
        """Read the file again if it is not as it was."""
        try:
            stamp = _stamp(self._path.stat())
        except FileNotFoundError:
            stamp = None
        if stamp is None or stamp != self._stamp:
            data = self._path.read_bytes() if stamp else b""
            closing = _closing(data)
            self._delimiter, self._entries = self._parsed(data + closing)
            self._known = {_identity(e) for e in self._entries if not e.text.endswith(CUT)}
            self._stamp, self._closing = stamp, closing

    def _parsed(self, data: bytes) -> tuple[str, list[Entry]]:
        """The delimiter and the rows."""
        text = data.decode("utf-8-sig", errors="replace")  # a trace is ASCII whatever is around it
        first = text.splitlines()[0]
        delimiter = ";" if first.count(";") > first.count(",") else ","
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            if tuple(next(reader)) == COLUMNS:
                return delimiter, [Entry(*row[1:5]) for row in reader if len(row) >= len(COLUMNS)]
            found = "other columns"
        except csv.Error as error:
            found = str(error)
        raise ConfigError(
            f"{self._path}, line {reader.line_num}: {found} (expected a log with the columns "
            f"{', '.join(COLUMNS)}). Restore it, for it tells what was sent."
        )


def _sync_folder(folder: Path) -> None:
    """Put the name of a new file on the disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _stamp(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _identity(entry: Entry) -> tuple[str, str, str]:
    return entry.invoice_id, entry.kind, entry.key


def _closing(data: bytes) -> bytes:
    """What is missing at the end of a log, empty if it is whole.

    All is quoted, so an odd number of quotes means that a row was cut off within a cell.
    """
    if HEADER.startswith(data):
        return HEADER[len(data) :]
    if data.count(b'"') % 2:
        return f'{CUT}"\r\n'.encode()
    if data.endswith(b","):
        return f'"{CUT}"\r\n'.encode()
    return b"" if data.endswith(b"\n") else b"\r\n"
