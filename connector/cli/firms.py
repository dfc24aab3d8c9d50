"""The firms of a command, one after the other: none stops the rest, the worst sets the code."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path
from threading import Event

from connector import registry
from connector.cli.show import say
from connector.config import Config, clash, find, load, sample
from connector.errors import ConfigError, ConnectorError

SEVERITY = (0, 3, 4, 2, 1)  # the worse the later
SAMPLE_POLICY = "standard-b2b"


def now() -> datetime:
    """The clock: the command line is the edge where it is read."""
    return datetime.now(UTC)


def stop_on_signals() -> Event:
    """Set by SIGTERM and SIGINT: the run then ends after the row in hand."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def configs(path: Path | None, *, needs_one: bool) -> list[Config]:
    """The configurations of a command; the sample where there is none and the command allows it.

    Raises:
        ConfigError: none where one is needed, or two that name one state.
    """
    found = find(path, os.environ)
    if not found:
        if needs_one:
            raise ConfigError(
                "there is no config.env here: `relance init` makes one; or name one with --config"
            )
        with as_file(files("providers") / "sample") as folder:
            return [sample(folder, SAMPLE_POLICY)]
    names = registry.setting_names(found, os.environ)
    loaded = [load(file, os.environ, names) for file in found]
    if problems := clash(loaded):
        raise ConfigError(*problems)
    return loaded


def each(firms: list[Config], work: Callable[[Config], int]) -> int:
    """Do the work for each firm, report what fails, and return the worst exit code."""
    codes = [0]
    for config in firms:
        several = f"{config.name}: " if len(firms) > 1 else ""
        try:
            codes.append(work(config))
        except ConnectorError as error:
            for line in str(error).splitlines():
                say(f"{several}{line}")
            codes.append(error.exit_code)
        except BrokenPipeError:
            raise
        except Exception:
            traceback.print_exc(file=sys.stderr)
            codes.append(1)
    return max(codes, key=SEVERITY.index)
