"""One run at a time for one firm on one machine, and one service."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from connector.errors import ConfigError


def _folder() -> Path:
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
    lock = FileLock(_folder() / f"{name}.{what}.lock", timeout=0)
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
