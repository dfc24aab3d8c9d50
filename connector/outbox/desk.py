"""What a delivery works with, and what it reports."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from connector.contract import Provider, Receipt
from connector.dunning.policy_file import Policies
from connector.dunning.snapshot import Day
from connector.mirror.store import Mirror
from connector.outbox.queue import Outbox
from connector.receivables.capabilities import Capabilities
from connector.receivables.records import Message

Clock = Callable[[], datetime]


class Mailer(Protocol):
    """The firm's own mail server, where the product cannot carry our words."""

    def send(
        self,
        message: Message,
        *,
        key: str,
        now: datetime,
        attachments: Sequence[tuple[str, bytes]] = (),
        auto: bool = True,
        earlier: Sequence[str] = (),
    ) -> Receipt: ...


@dataclass(slots=True)
class Delivered:
    """What became of the rows of one delivery, by key, and when the window opens again."""

    sent: list[str] = field(default_factory=list)
    withdrawn: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)  # their customer could not be looked at
    failed: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)  # copies that did not go, and why
    notes: int = 0
    note_errors: dict[str, str] = field(default_factory=dict)
    opens_at: datetime | None = None
    ended_by: str = ""  # why the provider's turn ended early
    retry_at: datetime | None = None  # before which the server wants no call


@dataclass(slots=True)
class Heard:
    """What a run has heard. `bounced`, `delayed` and `unclear` go by reminder key, `answered` by
    customer; `problem` says why the mailbox could not be read."""

    bounced: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    answered: dict[str, str] = field(default_factory=dict)
    delayed: dict[str, str] = field(default_factory=dict)
    unclear: dict[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything a delivery needs; `clock` gives aware UTC instants, `zone` is the firm's.

    `taken_over` are the installations whose place this one took, each with the day.
    """

    provider: Provider
    can: Capabilities
    mailer: Mailer | None
    mirror: Mirror
    box: Outbox
    policies: Policies
    day: Day
    zone: ZoneInfo
    clock: Clock
    stopped: Callable[[], bool]
    taken_over: Mapping[str, date] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The instant, aware UTC."""
        return self.clock()

    @property
    def today(self) -> date:
        """The day in the firm's zone."""
        return self.now.astimezone(self.zone).date()
