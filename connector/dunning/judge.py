"""Each due line judged by itself, and the credits of its customer spread over them."""

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from operator import itemgetter

from connector.dunning.ladder import MOVING, PREFERS_LETTER, Standing, stand
from connector.dunning.marks import MARKS, Rule, withheld
from connector.dunning.plan import Quiet, Reason
from connector.dunning.policy_file import Chosen, Policies
from connector.dunning.rules import RULES
from connector.dunning.snapshot import Account, Case, Snapshot
from connector.dunning.views import Kind, Purse, View
from connector.receivables.claim import Owed, claim, explains
from connector.receivables.records import Mark

_COVERED = Quiet(Reason.COVERED_BY_CREDIT, None, "credits of the customer cover it")
_CREDITS_FIRST = frozenset({Reason.STEP_WAITING, Reason.GAP})
_LOOKED_AT = itemgetter(  # by place: asking a line for each by its name takes twice as long
    *map(
        Case._fields.index,
        (
            "decisions",
            "pending",
            "mismatch",
            "transit_on",
            "discount",
            "due_on",
            "sent_on",
            "issued_on",
            "balance",
            "reopened_on",
            "had",
        ),
    )
)


class Alike:
    """Where lines stand and why they are silent; of those that no rule tells apart, asked once.

    A large ledger has few due dates and few histories. A line about which anything was decided,
    or that has a figure of its own which a rule looks at, is always asked by itself why it is
    silent; where it stands it may share with the others.
    """

    def __init__(self, snapshot: Snapshot, today: date) -> None:
        self._first_pull_on, self._today = snapshot.first_pull_on, today
        self._known: dict[tuple[object, ...], Kind] = {}
        self._likes: dict[tuple[object, ...], int] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, cases: Sequence[Case], chosen: Chosen) -> list[View]:
        """Lines of one account and currency that have the same policy, each with its kind."""
        account, currency, policy = cases[0].account, cases[0].currency, chosen.policy
        known, views, own = self._known, list[View](), _has_its_own(account)
        like = _like(account), id(policy), chosen.because, currency
        shared = self._likes.setdefault(like, len(self._likes))
        oldest = self._today - timedelta(days=policy.min_age_days)
        sizes = policy.sizes.get(currency, ())
        for case, looked_at in zip(cases, map(_LOOKED_AT, cases), strict=True):
            (
                decisions, pending, mismatch, transit_on, discount, due_on, sent_on, issued_on,
                balance, reopened_on, had,
            ) = looked_at  # fmt: skip
            start = sent_on or issued_on
            key = (
                shared,
                due_on,
                start > oldest and (start, sent_on is None),
                sizes and bisect(sizes, balance),
                reopened_on,
                had,
            )
            kind = known.get(key)
            if own or decisions or pending or mismatch or transit_on or discount:
                view = self.alone(case, chosen, kind)
            elif kind:
                view = View(case, kind, kind.quiets)
            else:
                view = self.alone(case, chosen)
                known[key] = view.kind
            views.append(view)
        return views

    def alone(self, case: Case, chosen: Chosen, like: Kind | None = None) -> View:
        """A line asked about by itself; lines of the kind `like` stand where it does, unless
        something was decided that moves it."""
        policy, because = chosen.policy, chosen.because
        decisions = case.decisions + case.account.decisions
        if like and MOVING.isdisjoint([made.mark for made in decisions]):
            standing = Standing(case, policy, because, like.next, self._first_pull_on, decisions)
        else:
            standing = stand(case, policy, because, self._first_pull_on, self._today)
        quiets = told(standing, self._today)
        return View(standing.case, Kind.of(standing, quiets), quiets)


def _has_its_own(account: Account) -> bool:
    """Whether rules look at something of a customer that is theirs alone."""
    return bool(account.decisions or account.pending_money or account.customer.mandate)


def _like(account: Account) -> tuple[object, ...]:
    """What else of a customer the ladder and the rules look at."""
    customer = account.customer
    by_letter = PREFERS_LETTER in customer.tags
    return customer.country, customer.kind, by_letter, account.behaviour, account.signals


def told(standing: Standing, today: date) -> tuple[Quiet, ...]:
    """Every reason of a line's own for which it is silent."""
    marked = frozenset([made.mark for made in standing.decisions])
    return tuple([quiet for rule in asked(marked) if (quiet := rule(standing, today))])


@cache
def asked(marked: frozenset[Mark]) -> tuple[Rule, ...]:
    """The rules that may say something of a line with such marks; most lines have none."""
    return tuple(rule for rule in RULES if rule not in MARKS or not marked.isdisjoint(MARKS[rule]))


def judge(snapshot: Snapshot, policies: Policies, today: date) -> Iterator[Purse]:
    """Every line with its own reasons, by customer and currency, credits spread over them."""
    purses = _by_customer(snapshot.cases)
    exposures: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (customer, currency), cases in purses.items() if policies.firm.segments else ():
        exposures[customer][currency] = sum(case.balance for case in cases)
    alike = Alike(snapshot, today)
    for key in sorted(purses):
        views = _views(purses[key], policies, exposures[key[0]], alike)
        purse = Purse(views[0].case.account, key[1], views)
        _spread(purse, today)
        yield purse


def _by_customer(cases: Iterable[Case]) -> Mapping[tuple[str, str], list[Case]]:
    """Lines by customer and currency; nearly all of an account are in one currency."""
    accounts: defaultdict[int, list[Case]] = defaultdict(list)
    for case in cases:
        accounts[id(case.account)].append(case)
    purses: defaultdict[tuple[str, str], list[Case]] = defaultdict(list)
    for theirs in accounts.values():
        who, currencies = theirs[0].account.customer.id, {case.currency for case in theirs}
        for currency in currencies:
            one = len(currencies) == 1
            purses[who, currency] += (
                theirs if one else [c for c in theirs if c.currency == currency]
            )
    return purses


def _views(
    cases: Sequence[Case], policies: Policies, exposure: Mapping[str, int], alike: Alike
) -> list[View]:
    """The lines of one customer and currency, the oldest first; only an invoice can have a policy
    of its own."""
    own = [case for case in cases if case.policy]
    if not own:
        return alike.of(_oldest_first(cases), policies.of(cases[0], exposure))
    rest = [case for case in cases if not case.policy]
    apart = [[case] for case in own] + ([rest] if rest else [])
    views = [view for some in apart for view in alike.of(some, policies.of(some[0], exposure))]
    return sorted(views, key=lambda view: _age(view.case))


def _oldest_first(cases: Sequence[Case]) -> list[Case]:
    try:
        return sorted(cases, key=_AGE)  # at a third of what a function of ours for each costs
    except TypeError:  # a line without a due date
        return sorted(cases, key=_age)


def _age(case: Case) -> tuple[date, str, str]:
    return case.due_on or date.max, case.invoice_id, case.line_id


_AGE = itemgetter(*map(Case._fields.index, ("due_on", "invoice_id", "line_id")))


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
    owed = []
    for view in purse.views:
        part = withheld(view.standing, today) if view.kind.decisions else 0
        if not credit and not part:
            continue  # nothing of it is netted or withheld
        claimable = view.case.overdue(today) and all(
            quiet.reason in _CREDITS_FIRST for quiet in view.quiets
        )
        owed.append(Owed(view.case.id, view.case.due_on, view.case.balance, claimable, part))
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
