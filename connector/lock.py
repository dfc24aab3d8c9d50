"""One run at a time for one firm on one machine, one service; and no call before its time."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from connector.errors import ConfigError, Transient

LONGEST = timedelta(days=1)
"""The longest wait that is kept: a server that names a year would silence the firm for one."""


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
    name = hashlib.sha256(ledger_id.encode()).hexdigest()[:16]
    lock = FileLock(folder() / f"{name}.{what}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ConfigError(
            f"{ledger_id}: another relance {what} is at work: wait for it, or stop it"
        ) from None
    try:
        yield
    finally:
        lock.release()


def at_most_a_day(error: Transient, now: datetime) -> tuple[datetime | None, str]:
    """Until when to wait as a server asked, no longer than a day; and what to say of it."""
    until, longest = error.retry_at, now + LONGEST
    if until is None or until <= longest:
        return until, str(error)
    asked = f"{until:%Y-%m-%d %H:%M} UTC"
    return longest, f"{error} (it asks for a wait until {asked}: asked again after a day)"


def keep_wait(state: Path, error: Transient, now: datetime) -> None:
    """Remember how long the server behind a state wants no call, a day at most; `now` is UTC.

    Kept beside the locks, not in the state: a dry run learns it too and changes no state.
    """
    until, because = at_most_a_day(error, now)
    if until is None:
        return
    file = _wait(state)
    aside = file.with_suffix(f".{os.getpid()}")
    aside.write_text(f"{until.isoformat()} {because}", encoding="utf-8")
    aside.replace(file)


def wait_over(state: Path, now: datetime) -> None:
    """Nothing, once the wait that a server asked for is over.

    Raises:
        Transient: it is not; `retry_at` is its end.
    """
    try:
        told, _, because = _wait(state).read_text(encoding="utf-8").partition(" ")
        until = datetime.fromisoformat(told)
    except (OSError, ValueError):
        return
    if now < until:
        raise Transient(f"{because}: no call before {until:%Y-%m-%d %H:%M:%S} UTC", until)
    _wait(state).unlink(missing_ok=True)


def _wait(state: Path) -> Path:
    name = hashlib.sha256(str(state.absolute()).encode()).hexdigest()[:16]
    return folder() / f"{name}.wait"
