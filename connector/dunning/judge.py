"""Each due line judged by itself, and the credits of its customer spread over them."""

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from operator import attrgetter
from typing import NamedTuple

from connector.dunning import marks
from connector.dunning.group_rules import recipients
from connector.dunning.ladder import PREFERS_LETTER, Next, Standing, stand
from connector.dunning.plan import Quiet, Reason
from connector.dunning.policy import Policy
from connector.dunning.policy_file import Chosen, Policies
from connector.dunning.rules import RULES
from connector.dunning.snapshot import Account, Case, Snapshot
from connector.receivables.claim import IN_FULL, Claim, Owed, claim, explains
from connector.receivables.records import Contact, Decision

_COVERED = Quiet(Reason.COVERED_BY_CREDIT, None, "credits of the customer cover it")
_CREDITS_FIRST = frozenset({Reason.STEP_WAITING, Reason.GAP})

# Most lines bear no decision: the rules of `marks`, which ask for nothing else, need not be asked.
UNMARKED = tuple(rule for rule in RULES if rule.__module__ != marks.__name__)


class Kind(NamedTuple):
    """Where lines stand that no rule tells apart, and why each of them is silent by itself."""

    policy: Policy
    because: str  # why this policy
    next: Next | None
    first_pull_on: date
    decisions: tuple[Decision, ...]
    quiets: tuple[Quiet, ...]
    lane: tuple[object, ...]  # lines of one lane share a message
    by_invoice: bool
    anew: Case | None  # the only one of its kind, without what it had before it was begun anew

    def standing(self, case: Case) -> Standing:
        """Where one of them stands."""
        policy, because, step, first_pull_on, decisions, *_ = self
        return Standing(self.anew or case, policy, because, step, first_pull_on, decisions)


@dataclass(slots=True)
class View:
    """One line while it is being judged: what kind it is of, and what silences it so far."""

    case: Case
    kind: Kind
    quiets: tuple[Quiet, ...]

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        return self.kind.standing(self.case)

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
            return sum(view.case.balance for view in views)
        return sum(self.claim.of(view.case.id, view.case.balance) for view in views)


class Alike:
    """Where lines stand and why they are silent; of those that no rule tells apart, asked once.

    A large ledger has few due dates and few histories. A line about which anything was decided,
    or that has a figure of its own which a rule looks at, is always asked about by itself.
    """

    def __init__(self, snapshot: Snapshot, today: date) -> None:
        self._first_pull_on, self._today = snapshot.first_pull_on, today
        self._known: dict[tuple[object, ...], Kind] = {}
        self._lanes: dict[tuple[object, ...], tuple[object, ...]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, cases: Sequence[Case], chosen: Chosen) -> list[Kind]:
        """The kinds of lines of one account and currency that have the same policy."""
        account, currency, policy = cases[0].account, cases[0].currency, chosen.policy
        like, known, kinds = _like(account), self._known, []
        shared = (like, id(policy), chosen.because, currency)
        oldest = self._today - timedelta(days=policy.min_age_days)
        sizes = policy.sizes.get(currency, ())
        for case in cases:
            if (
                like is None
                or case.decisions
                or case.pending
                or case.mismatch
                or case.transit_on
                or case.discount
            ):
                kinds.append(self.alone(case, chosen))
                continue
            start = case.sent_on or case.issued_on
            key = (
                shared,
                case.due_on,
                start > oldest and (start, case.sent_on is None),
                sizes and bisect(sizes, case.balance),
                case.reopened_on,
                case.had,
            )
            kind = known.get(key)
            if kind is None:
                kind = known[key] = self.alone(case, chosen)
            kinds.append(kind)
        return kinds

    def alone(self, case: Case, chosen: Chosen) -> Kind:
        """The kind of a line, asked about by itself."""
        policy, because = chosen.policy, chosen.because
        standing = stand(case, policy, because, self._first_pull_on, self._today)
        quiets, step, lane = told(standing, self._today), standing.next, tuple[object, ...]()
        if step and not quiets:
            alone = (step.rung, step.nth) if step.step.stands_alone else None
            lane = policy.name, step.step.channel, alone
        return Kind(
            *standing[1:],
            quiets,
            self._lanes.setdefault(lane, lane),
            policy.group_by == "invoice",
            None if standing.case is case else standing.case,
        )


def _like(account: Account) -> tuple[object, ...] | None:
    """What of a customer the ladder and the rules look at, None where it is theirs alone."""
    customer = account.customer
    if account.decisions or account.pending_money or customer.mandate:
        return None
    by_letter = PREFERS_LETTER in customer.tags
    return customer.country, customer.kind, by_letter, account.behaviour, account.signals


def told(standing: Standing, today: date) -> tuple[Quiet, ...]:
    """Every reason of a line's own for which it is silent."""
    rules = RULES if standing.decisions else UNMARKED
    return tuple([quiet for rule in rules if (quiet := rule(standing, today))])


def judge(snapshot: Snapshot, policies: Policies, today: date) -> Iterator[Purse]:
    """Every line with its own reasons, by customer and currency, credits spread over them."""
    purses: dict[tuple[str, str], list[Case]] = {}
    for case in snapshot.cases:
        key = case.account.customer.id, case.currency
        if key in purses:
            purses[key].append(case)
        else:
            purses[key] = [case]
    exposures: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (customer, currency), cases in purses.items() if policies.firm.segments else ():
        exposures[customer][currency] = sum(case.balance for case in cases)
    alike = Alike(snapshot, today)
    for key in sorted(purses):
        views = list(_views(purses[key], policies, exposures[key[0]], alike))
        views.sort(key=_by_age)
        purse = Purse(views[0].case.account, key[1], views)
        _spread(purse, today)
        yield purse


def _views(
    cases: Sequence[Case], policies: Policies, exposure: Mapping[str, int], alike: Alike
) -> Iterator[View]:
    """The lines of one customer and currency; only an invoice can have a policy of its own."""
    own = [case for case in cases if case.policy]
    rest = [case for case in cases if not case.policy] if own else cases
    for some in (*([case] for case in own), rest):
        if some:
            kinds = alike.of(some, policies.of(some[0], exposure))
            yield from map(View, some, kinds, map(_OF_KIND, kinds))


_OF_KIND = attrgetter("quiets")


def _by_age(view: View) -> tuple[date, str, str]:
    case = view.case
    return case.due_on or date.max, case.invoice_id, case.line_id


def _spread(purse: Purse, today: date) -> None:
    """Net the credits, or find that money on account must be matched first."""
    account, currency = purse.account, purse.currency
    credit = [(c.number, c.amount) for c in account.credits if c.currency == currency]
    money = [m for m in account.money if m.currency == currency]
    if money:
        late = sum(v.case.balance for v in purse.views if v.case.overdue(today))
        purse.money_explains = explains([m.amount for m in money], _balances(purse), late)
        if not purse.money_explains:
            credit += [(m.id, m.amount) for m in money]
    owed = [
        Owed(
            view.case.id,
            view.case.due_on,
            view.case.balance,
            bool(credit)
            and view.case.overdue(today)
            and all(quiet.reason in _CREDITS_FIRST for quiet in view.quiets),
            marks.withheld(view.standing, today) if view.kind.decisions else 0,
        )
        for view in purse.views
        if credit or view.kind.decisions  # of no other line a part is netted or withheld
    ]
    if not owed:
        return
    purse.claim = claim(owed, credit)
    covered = {part.line for part in purse.claim.parts if not purse.claim.net[part.line]}
    for view in purse.views if covered else ():
        if view.case.id in covered:
            view.quiets += (_COVERED,)


def _balances(purse: Purse) -> set[int]:
    """What is open, by due line and by whole invoice: what a payment may be meant for."""
    invoices: defaultdict[str, int] = defaultdict(int)
    for view in purse.views:
        invoices[view.case.invoice_id] += view.case.balance
    return {view.case.balance for view in purse.views} | set(invoices.values())
