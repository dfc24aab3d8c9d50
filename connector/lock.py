"""One run at a time for one firm on one machine, one service; and no call before its time."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from connector.errors import ConfigError, Transient


def folder() -> Path:
    """Where locks live: one place for all checkouts and configurations of this user."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    for folder in (Path(home) / "relance", Path(tempfile.gettempdir()) / f"relance-{os.getuid()}"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise ConfigError(f"no folder for lock files: {home} cannot be written")


@contextmanager
def one_run(ledger_id: str, what: str = "run") -> Iterator[None]:
    """Hold the firm's lock while the block runs; `what` names a lock of another purpose.

    Raises:
        ConfigError: another process holds it.
    """
    lock = FileLock(_file(ledger_id, what, "lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        held = holder(ledger_id, what)
        raise ConfigError(
            f"{ledger_id}: another relance {what} is at work{f' ({held})' if held else ''}: "
            "wait for it, or stop it"
        ) from None
    # Beside the lock, not in it: whoever tries to have the lock empties its file.
    told = _file(ledger_id, what, "holder")
    try:
        told.write_text(str(os.getpid()), encoding="ascii")
        yield
    finally:
        told.unlink(missing_ok=True)
        lock.release()


def holder(ledger_id: str, what: str = "run") -> str:
    """Who holds a lock, as `process 4711`; empty if nobody does. Nothing is touched."""
    try:
        process = int(_file(ledger_id, what, "holder").read_text(encoding="ascii"))
        os.kill(process, 0)
    except PermissionError:  # alive, and another user's
        return f"process {process}"
    except (OSError, ValueError):
        return ""
    return f"process {process}"


def _file(ledger_id: str, what: str, ending: str) -> Path:
    name = hashlib.sha256(ledger_id.encode()).hexdigest()[:16]
    return folder() / f"{name}.{what}.{ending}"


def keep_wait(state: Path, until: datetime, because: str) -> None:
    """Remember that the server behind a state wants no call before an instant, aware UTC.

    Kept beside the locks, not in the state: a dry run learns it too and changes no state.
    """
    file = _wait(state)
    aside = file.with_suffix(f".{os.getpid()}")
    aside.write_text(f"{until.isoformat()} {because}", encoding="utf-8")
    aside.replace(file)


def wait_over(state: Path, now: datetime) -> None:
    """Nothing, once the wait that a server asked for is over.

    Raises:
        Transient: it is not; `retry_at` is its end.
    """
    told, _, because = kept_wait(state).partition(" ")
    if not told:
        return
    until = datetime.fromisoformat(told)
    if now < until:
        raise Transient(f"{because}: no call before {until:%Y-%m-%d %H:%M:%S} UTC", until)
    _wait(state).unlink(missing_ok=True)


def kept_wait(state: Path) -> str:
    """The instant of the wait that is kept, in ISO form, a space and why; empty if none is."""
    try:
        text = _wait(state).read_text(encoding="utf-8")
        datetime.fromisoformat(text.partition(" ")[0])
    except (OSError, ValueError):
        return ""
    return text


def _wait(state: Path) -> Path:
    name = hashlib.sha256(str(state.absolute()).encode()).hexdigest()[:16]
    return folder() / f"{name}.wait"
