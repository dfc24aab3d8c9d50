"""The service from the command line. It waits for weeks, so it imports as little as can be."""

import os
from pathlib import Path

from connector.cli.firms import configs, now, stop_on_signals
from connector.cli.show import say
from connector.service import apart, serve


def run(path: Path | None) -> int:
    """The service, until SIGTERM."""
    firms = apart(configs, path, needs_one=True)
    return serve(firms, os.environ, now, stop_on_signals(), say)
