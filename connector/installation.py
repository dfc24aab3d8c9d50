"""Which installation this is, and whose place it has taken.

Kept beside the configuration, never in the database: a `state.db` that is lost or restored must
not make another installation of this one. The file's first line is the id; each other line tells
of an installation whose place this one took, and of the day.
"""

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from connector import safefile
from connector.config import Config
from connector.errors import ConfigError

_ID = "[0-9a-f]{8}"
_TAKEN = re.compile(r"took the place of (\S+) on (\d{4}-\d\d-\d\d)")


def installation(config: Config, make: bool) -> str:
    """The installation's id, 8 hex digits; empty where there is none and none is to be made.

    Raises:
        ConfigError: the file cannot be read or written, or holds something else.
    """
    return _read(config, make)[0]


def taken_over(config: Config) -> Mapping[str, date]:
    """The installations whose place this one took, each with the day on which it did.

    Raises:
        ConfigError: as `installation`.
    """
    return _read(config, make=False)[1]


def take_over(config: Config, others: Iterable[str], on: date) -> str:
    """Take the place of other installations from a day on; this one's id comes back.

    What they wrote up to that day no longer stops this one; what they write later does.

    Raises:
        ConfigError: as `installation`.
    """
    own, taken = _read(config, make=True)
    lines = [
        f"took the place of {other} on {day}"
        for other, day in sorted((dict(taken) | dict.fromkeys(others, on)).items())
    ]
    file = config.installation_file
    try:
        safefile.write(file, "\n".join([own, *lines]) + "\n")
    except OSError as error:
        raise _unwritable(file, error) from None
    return own


def _read(config: Config, make: bool) -> tuple[str, Mapping[str, date]]:
    if config.path is None:
        return "", {}
    file = config.installation_file
    try:
        if make and not file.exists():
            _make(file)
        own, *rest = file.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    except FileNotFoundError:
        return "", {}
    except OSError as error:
        raise _unwritable(file, error) from None
    if not re.fullmatch(_ID, own.strip()):
        raise ConfigError(
            f"{file}: expected the installation's id, 8 hex digits: restore the file, or delete it "
            "and run `relance init --take-over`"
        )
    return own.strip(), dict(
        _line(file, number, text) for number, text in enumerate(rest, 2) if text.strip()
    )


def _line(file: Path, number: int, text: str) -> tuple[str, date]:
    found = _TAKEN.fullmatch(text.strip())
    try:
        if found:
            return found[1], date.fromisoformat(found[2])
    except ValueError:
        pass
    raise ConfigError(
        f"{file}:{number}: expected `took the place of ID on YYYY-MM-DD`: delete the line and run "
        "`relance init --take-over`"
    )


def _unwritable(file: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{file}: {error.strerror}: mend the rights of file and folder")


def _make(file: Path) -> None:
    """Write a new file that only its owner reads; one that another process made first stays."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(4) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
