"""Lines while they are being judged: what kind each is of, and the claim of their customer."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from connector.dunning.ladder import Next, Standing
from connector.dunning.plan import Quiet
from connector.dunning.policy import Policy
from connector.dunning.recipients import recipients
from connector.dunning.snapshot import Account, Case
from connector.receivables.claim import IN_FULL, Claim
from connector.receivables.records import Contact, Decision


class Kind(NamedTuple):
    """Where lines stand that no rule tells apart, and why each of them is silent by itself.

    Lines that may speak share a message if their `lane` is the same.
    """

    policy: Policy
    because: str  # why this policy
    next: Next | None
    first_pull_on: date
    decisions: tuple[Decision, ...]
    quiets: tuple[Quiet, ...] = ()
    lane: tuple[object, ...] = ()

    @classmethod
    def of(cls, standing: Standing, quiets: tuple[Quiet, ...]) -> "Kind":
        """The kind of a line that stands so."""
        policy, due = standing.policy, standing.next
        lane: tuple[object, ...] = ()
        if due and not quiets:
            alone = (due.rung, due.nth) if due.step.stands_alone else None
            lane = policy.name, due.step.channel, alone
        return cls(*standing[1:], quiets, lane)


@dataclass(slots=True)
class View:
    """One line while it is being judged: what kind it is of, and what silences it so far."""

    case: Case
    kind: Kind
    quiets: tuple[Quiet, ...]

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        policy, because, due, first_pull_on, decisions, *_ = self.kind
        return Standing(self.case, policy, because, due, first_pull_on, decisions)

    @property
    def step(self) -> Next:
        """The step that speaks; only for lines without a reason for silence."""
        assert self.kind.next
        return self.kind.next


@dataclass(slots=True)
class Purse:
    """The lines of one customer in one currency, with their claim."""

    account: Account
    currency: str
    views: list[View]
    claim: Claim = IN_FULL
    money_explains: bool = False
    known: dict[str, tuple[Contact, ...]] = field(default_factory=dict)

    def to(self, own: str) -> tuple[Contact, ...]:
        """Whom to write to about a line; worked out once for each address an invoice gives."""
        found = self.known.get(own)
        if found is None:
            found = self.known[own] = recipients(self.account, own)
        return found

    def net(self, views: Iterable[View]) -> int:
        """The net principal of some of its lines."""
        if not self.claim.net:
            return sum([view.case.balance for view in views])
        return sum(self.claim.of(view.case.id, view.case.balance) for view in views)
