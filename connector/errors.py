"""Every deliberate error, named by what the caller must do, with the exit code it means."""

from datetime import datetime


class ConnectorError(Exception):
    """The root of all deliberate errors; `exit_code` is the command line's."""

    exit_code = 1


class ConfigError(ConnectorError):
    """Stop before any write: configuration, lock, wrong address or wrong database.

    Carries every problem found, so that a user mends all of them in one go.
    """

    exit_code = 2

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class AuthRequired(ConnectorError):
    """Stop this provider and go on with the others: a person must sign in again."""

    exit_code = 4


class StaleMirror(ConnectorError):
    """Send nothing for this provider: what we know of payments is too old or incomplete."""

    exit_code = 3


class Transient(ConnectorError):
    """Come back later; of a write it is certain that nothing happened.

    `retry_at` is an aware UTC instant before which the server wants no call, if it said so.
    """

    exit_code = 3

    def __init__(self, message: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class KeptForSending(Transient):
    """A read was not made: the calls that are left of the day are kept for sending."""


class OutcomeUnknown(ConnectorError):
    """A write was begun and its answer was lost: it may have happened. Never repeat it unseen."""

    exit_code = 3


class Rejected(ConnectorError):
    """The server understood and refused: note it, count it, take the next record."""

    exit_code = 3


class BadRecord(ConnectorError):
    """One record from outside cannot be read: set aside, reported, tried again on the next run."""

    exit_code = 3

    def __init__(self, kind: str, id: str, field: str, problem: str) -> None:
        super().__init__(f"{kind} {id}: {field}: {problem}")
        self.kind, self.id, self.field, self.problem = kind, id, field, problem


class Unsupported(ConnectorError):
    """A verb that the provider never declared was called: a bug of ours."""
