"""What a provider is opened with where nothing is signed in to and no limit holds."""

from pathlib import Path

from connector.meter import Meter
from connector.receivables.capabilities import Limits


class NoTokens:
    """A product that keeps no sign-in tokens."""

    def read(self, name: str) -> str | None:
        return None

    def write(self, name: str, value: str) -> None:
        raise AssertionError(name)


FREE = Meter(Limits(), Path("no-limits.db"))
