"""Files that are nobody else's to read, written whole or not at all."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp


def write(path: Path, text: str) -> None:
    """Put a text into a file in one step: a reader sees the old one or the new one.

    A new file is mode 0600. One that was there keeps its owner and group, and what these may do:
    the service that reads it may run as another user than the person who writes it.

    Raises:
        OSError: it cannot be written; the old one is as it was.
    """
    path = path.resolve()  # a link stays one
    handle, name = mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made with mode 0600
    try:
        if path.exists():
            before = path.stat()
            with suppress(PermissionError):
                os.fchown(handle, before.st_uid, before.st_gid)
                os.fchmod(handle, stat.S_IMODE(before.st_mode) & 0o770)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def is_open_to_others(path: Path) -> bool:
    """Whether everybody on this machine may read or change the file."""
    try:
        return bool(path.stat().st_mode & stat.S_IRWXO)
    except OSError:
        return False
