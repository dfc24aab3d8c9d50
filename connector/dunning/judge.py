"""Each due line judged by itself, and the credits of its customer spread over them."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from connector.dunning import marks
from connector.dunning.group_rules import recipients
from connector.dunning.ladder import Next, Standing, stand
from connector.dunning.plan import Quiet, Reason
from connector.dunning.policy_file import Policies
from connector.dunning.rules import RULES
from connector.dunning.snapshot import Account, Case, Snapshot
from connector.receivables.claim import Claim, Owed, claim, explains
from connector.receivables.records import Contact

_CREDITS_FIRST = frozenset({Reason.STEP_WAITING, Reason.GAP})

# Most lines bear no decision: the rules of `marks`, which ask for nothing else, need not be asked.
UNMARKED = tuple(rule for rule in RULES if rule.__module__ != marks.__name__)


@dataclass(slots=True)
class View:
    """One line while it is being judged: where it stands and what silences it so far."""

    id: str
    case: Case
    standing: Standing
    quiets: list[Quiet]

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


def judge(snapshot: Snapshot, policies: Policies, today: date) -> list[Purse]:
    """Every line with its own reasons, by customer and currency, credits spread over them."""
    exposures: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for case in snapshot.cases:
        exposures[case.account.customer.id][case.currency] += case.balance
    purses: dict[tuple[str, str], Purse] = {}
    for case in snapshot.cases:
        customer = case.account.customer.id
        chosen = policies.of(case, exposures[customer])
        standing = stand(case, chosen.policy, chosen.because, snapshot.first_pull_on, today)
        rules = RULES if standing.decisions else UNMARKED
        quiets = [quiet for rule in rules if (quiet := rule(standing, today))]
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
            view.quiets.append(
                Quiet(Reason.COVERED_BY_CREDIT, None, "credits of the customer cover it")
            )


def _balances(purse: Purse) -> set[int]:
    """What is open, by due line and by whole invoice: what a payment may be meant for."""
    invoices: defaultdict[str, int] = defaultdict(int)
    for view in purse.views:
        invoices[view.case.invoice_id] += view.case.balance
    return {view.case.balance for view in purse.views} | set(invoices.values())
