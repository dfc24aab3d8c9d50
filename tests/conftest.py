"""What every test shares: no network but loopback, and the real servers of the lab."""

import csv
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imap import box, dovecot  # noqa: F401
from tests.lab.fixtures import tryton, tryton_built, tryton_shared  # noqa: F401

_connect = socket.socket.connect
LISTED = pytest.StashKey[list[str]]()


def _loopback_only(self: socket.socket, address: object) -> None:
    host = address[0] if isinstance(address, tuple) else "localhost"
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"a test tried to reach {host}: tests stay on this machine")
    _connect(self, address)  # type: ignore[arg-type]


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", _loopback_only)
    yield
    patch.undo()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run soak and crash tests whole")
    parser.addoption("--practices", action="store_true", help="list the practices shown, and not")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A mark that names no practice is a mistake; `--practices` lists instead of running."""
    known = {row["id"]: row for row in practices()}
    shown: dict[str, list[str]] = {}
    for item in items:
        for mark in item.iter_markers("practice"):
            for practice in mark.args:
                if practice not in known:
                    raise pytest.UsageError(f"{item.nodeid}: no practice {practice}")
                shown.setdefault(practice, []).append(item.nodeid)
    if config.getoption("--practices"):
        items.clear()
        config.stash[LISTED] = [
            f"{'shown' if shown.get(name) or shown.get(row['same_as']) else '  -  '}"
            f"  {name}  {row['area']:9}  {row['practice']}"
            for name, row in known.items()
        ]


def practices() -> list[dict[str, str]]:
    """The good practices of the field, by id."""
    with (Path(__file__).parent / "practices.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in terminalreporter.config.stash.get(LISTED, ()):
        terminalreporter.write_line(line)


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether slow tests run whole or in their short form."""
    return bool(request.config.getoption("--slow"))
