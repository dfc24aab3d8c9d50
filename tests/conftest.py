"""What every test shares: no network but loopback, and the real servers of the lab."""

import socket
from collections.abc import Iterator

import pytest

from tests.lab.fixtures import tryton, tryton_built, tryton_shared  # noqa: F401

_connect = socket.socket.connect


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


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether slow tests run whole or in their short form."""
    return bool(request.config.getoption("--slow"))
