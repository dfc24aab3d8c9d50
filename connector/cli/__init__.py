"""The command line: arguments, output and exit codes. No decision is made here.

Nothing heavy is imported until a command needs it: `relance --help` must be instant.
"""

import sys

from connector.cli import on_books, on_setup, on_state
from connector.cli.app import app

__all__ = ["app", "main", "on_books", "on_setup", "on_state"]


def main() -> None:
    """The `relance` command; every deliberate error becomes a few lines and an exit code."""
    from connector.errors import ConnectorError

    try:
        app()
    except ConnectorError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of a pipe had enough
        sys.stderr.close()
        sys.exit(0)
