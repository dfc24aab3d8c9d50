"""Each due line judged by itself, and the credits of its customer spread over them."""

from bisect import bisect
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta

from connector.dunning import marks
from connector.dunning.group_rules import recipients
from connector.dunning.ladder import PREFERS_LETTER, Next, Standing, stand
from connector.dunning.plan import Quiet, Reason
from connector.dunning.policy import Policy
from connector.dunning.policy_file import Policies
from connector.dunning.rules import RULES
from connector.dunning.snapshot import Account, Case, Snapshot
from connector.receivables.claim import Claim, Owed, claim, explains
from connector.receivables.records import Contact

_COVERED = Quiet(Reason.COVERED_BY_CREDIT, None, "credits of the customer cover it")
_CREDITS_FIRST = frozenset({Reason.STEP_WAITING, Reason.GAP})

# Most lines bear no decision: the rules of `marks`, which ask for nothing else, need not be asked.
UNMARKED = tuple(rule for rule in RULES if rule.__module__ != marks.__name__)


@dataclass(slots=True)
class View:
    """One line while it is being judged: where it stands and what silences it so far."""

    id: str
    case: Case
    standing: Standing
    quiets: tuple[Quiet, ...]

    @property
    def step(self) -> Next:
        """The step that speaks; only for lines without a reason for silence."""
        assert self.standing.next
        return self.standing.next


@dataclass(slots=True)
class Purse:
    """The lines of one customer in one currency, with their claim."""

    account: Account
    currency: str
    views: list[View] = field(default_factory=list)
    claim: Claim = field(default_factory=lambda: Claim({}, ()))
    money_explains: bool = False
    known: dict[str, tuple[Contact, ...]] = field(default_factory=dict)

    def to(self, view: View) -> tuple[Contact, ...]:
        """Whom to write to about a line; worked out once for each address given by an invoice."""
        own = view.case.recipient
        if own not in self.known:
            self.known[own] = recipients(self.account, own)
        return self.known[own]


class Alike:
    """Where lines stand and why they are silent; of those that no rule tells apart, asked once.

    A large ledger has few due dates and few histories. A line about which anything was decided,
    or that has a figure of its own which a rule looks at, is always asked about by itself.
    """

    def __init__(self, snapshot: Snapshot, today: date) -> None:
        self._first_pull_on, self._today = snapshot.first_pull_on, today
        self._known: dict[tuple[object, ...], tuple[Next | None, tuple[Quiet, ...]]] = {}
        self._accounts: dict[str, tuple[object, ...] | None] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, case: Case, policy: Policy, because: str) -> tuple[Standing, tuple[Quiet, ...]]:
        """Where a line stands, and its own reasons for silence."""
        key = self._key(case, policy)
        found = self._known.get(key) if key else None
        if found:
            step, quiets = found
            return Standing(case, policy, because, step, self._first_pull_on, ()), quiets
        standing = stand(case, policy, because, self._first_pull_on, self._today)
        quiets = told(standing, self._today)
        if key:
            self._known[key] = standing.next, quiets
        return standing, quiets

    def _key(self, case: Case, policy: Policy) -> tuple[object, ...] | None:
        """All that the ladder and the rules look at, None of a line that is like no other."""
        if case.decisions or case.pending or case.mismatch or case.transit_on or case.discount:
            return None
        customer = case.account.customer.id
        try:
            account = self._accounts[customer]
        except KeyError:
            account = self._accounts[customer] = _like(case.account)
        if account is None:
            return None
        start = case.sent_on or case.issued_on
        young = self._today < start + timedelta(days=policy.min_age_days)
        return (
            id(policy),
            account,
            case.currency,
            case.due_on,
            young and (start, case.sent_on is None),
            bisect(policy.sizes.get(case.currency, ()), case.balance),
            case.reopened_on,
            case.had,
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
    return tuple(quiet for rule in rules if (quiet := rule(standing, today)))


def judge(snapshot: Snapshot, policies: Policies, today: date) -> list[Purse]:
    """Every line with its own reasons, by customer and currency, credits spread over them."""
    exposures: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for case in snapshot.cases if policies.firm.segments else ():
        exposures[case.account.customer.id][case.currency] += case.balance
    purses: dict[tuple[str, str], Purse] = {}
    alike = Alike(snapshot, today)
    for case in snapshot.cases:
        customer = case.account.customer.id
        chosen = policies.of(case, exposures[customer])
        standing, quiets = alike.of(case, chosen.policy, chosen.because)
        key = (customer, case.currency)
        purse = purses.get(key)
        if purse is None:
            purse = purses[key] = Purse(case.account, case.currency)
        purse.views.append(View(case.id, case, standing, quiets))
    for purse in purses.values():
        if len(purse.views) > 1:
            purse.views.sort(key=lambda view: (view.case.due_on or date.max, view.id))
        _spread(purse, today)
    return [purses[key] for key in sorted(purses)]


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
    purse.claim = claim(
        (
            Owed(
                view.id,
                view.case.due_on,
                view.case.balance,
                bool(credit)
                and view.case.overdue(today)
                and all(quiet.reason in _CREDITS_FIRST for quiet in view.quiets),
                marks.withheld(view.standing, today),
            )
            for view in purse.views
        ),
        credit,
    )
    covered = {part.line for part in purse.claim.parts if not purse.claim.net[part.line]}
    for view in purse.views:
        if view.id in covered:
            view.quiets += (_COVERED,)


def _balances(purse: Purse) -> set[int]:
    """What is open, by due line and by whole invoice: what a payment may be meant for."""
    invoices: defaultdict[str, int] = defaultdict(int)
    for view in purse.views:
        invoices[view.case.invoice_id] += view.case.balance
    return {view.case.balance for view in purse.views} | set(invoices.values())
