"""The decision: every open due line gets exactly one verdict, a reminder or stated silence."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from operator import attrgetter

from connector.dunning import by_hand
from connector.dunning.compose import also_open, reminder
from connector.dunning.group_rules import ACCOUNT_RULES, RUN_RULES, Group, cap
from connector.dunning.judge import judge
from connector.dunning.plan import Plan, Quiet, Reason, Reminder, Silence
from connector.dunning.policy_file import Policies
from connector.dunning.snapshot import APPROVED, BY_HAND, Channel, Rung, Snapshot
from connector.dunning.views import Purse, View
from connector.garbage import uncollected

FIRST_WEEK = timedelta(days=7)


def decide(snapshot: Snapshot, policies: Policies, today: date) -> Plan:
    """Judge every due line, then gather what may be said: one message a customer and day.

    `today` is a date in the ledger's zone. No clock, no database, no network; equal arguments
    give an equal plan, in whatever order the cases come.
    """
    with uncollected():
        return _decided(snapshot, policies, today)


def _decided(snapshot: Snapshot, policies: Policies, today: date) -> Plan:
    purses: list[Purse] = []
    spoken: list[tuple[Group, list[View], Purse]] = []
    for purse in judge(snapshot, policies, today):
        purses.append(purse)
        for views in _groups(purse):
            group = _group(views, purse, snapshot)
            if quiets := _asked(group, today):
                _silence(views, quiets)
            else:
                spoken.append((group, views, purse))
    chosen = list(_contest(spoken, snapshot, today))
    reminders = [
        reminder(group, purse.claim, snapshot.ledger_id, today, also_open(purse.views, today))
        for group, _, purse in chosen
    ]
    del chosen, spoken  # from here on each line goes as its silence comes
    return Plan(
        today=today,
        ledger_id=snapshot.ledger_id,
        mode=snapshot.day.mode,
        sample=snapshot.day.sample,
        read_at=snapshot.day.read_at,
        payments_read_at=snapshot.day.payments_read_at,
        reminders=tuple(sorted(reminders, key=_shown)),
        silences=tuple(_silences(purses)),
    )


def _groups(purse: Purse) -> list[list[View]]:
    """The lines that may speak, by recipient, language, policy, channel and lonely step."""
    groups: defaultdict[tuple[object, ...], list[View]] = defaultdict(list)
    for view in purse.views:
        if view.quiets:
            continue
        case, kind = view.case, view.kind
        invoice = case.invoice_id if kind.policy.group_by == "invoice" else ""
        groups[case.recipient, kind.lane, invoice].append(view)
    if len(groups) > 1 and len({own for own, *_ in groups}) > 1:
        return _by_recipient(groups, purse)
    return list(groups.values())


def _by_recipient(
    groups: Mapping[tuple[object, ...], list[View]], purse: Purse
) -> list[list[View]]:
    """The same groups, those together whose invoices' own addresses come to the same contacts."""
    joined: defaultdict[tuple[object, ...], list[View]] = defaultdict(list)
    order = {id(view): place for place, view in enumerate(purse.views)}
    for (own, *rest), views in groups.items():
        joined[tuple(contact.email for contact in purse.to(str(own))), *rest] += views
    return [sorted(views, key=lambda view: order[id(view)]) for views in joined.values()]


def _group(views: Sequence[View], purse: Purse, snapshot: Snapshot) -> Group:
    first, account = views[0], purse.account
    policy, to = first.kind.policy, purse.to(first.case.recipient)
    apart = {id(view.kind): view for view in views}  # many lines are of few kinds
    steps = [view.step for view in apart.values()]
    language = next((c.language for c in to if c.language), "")
    return Group(
        account=account,
        policy=policy,
        to=to,
        language=language or account.customer.language or snapshot.day.language,
        currency=purse.currency,
        views=views,
        top=max(steps, key=_RUNG),
        claim=purse.net(views),
        money_explains=purse.money_explains,
        needs_approval=snapshot.day.mode != APPROVED
        and (snapshot.day.mode != "auto" or any(policy.asks(due.step, account) for due in steps)),
        day=snapshot.day,
        sent_today=snapshot.sent_today,
    )


_RUNG = attrgetter("rung")
_RULES = (*ACCOUNT_RULES, *RUN_RULES)


def _asked(group: Group, today: date) -> tuple[Quiet, ...]:
    """What every rule on a message and on the day answers."""
    return tuple([quiet for rule in _RULES if (quiet := rule(group, today))])


def _silence(views: Iterable[View], quiets: tuple[Quiet, ...]) -> None:
    for view in views:
        view.quiets = view.quiets + quiets if view.quiets else quiets


def _contest(
    spoken: list[tuple[Group, list[View], Purse]], snapshot: Snapshot, today: date
) -> Iterator[tuple[Group, list[View], Purse]]:
    """Of the messages that would go by themselves, one a customer, and no more than the cap.

    The highest stage speaks, then the largest claim. What waits for approval silences no other,
    and calls, notes and tasks are no messages.
    """
    first_week = today - snapshot.installed_on < FIRST_WEEK
    sent, told = snapshot.sent_today, set[str]()
    for group, views, purse in sorted(spoken, key=_precedence):
        if group.is_message and not group.needs_approval:
            who = group.account.customer.id
            if group.policy.group_by == "invoice":
                who = f"{who}\x1f{group.views[0].case.invoice_id}"
            capped = cap(group.policy, sent, today, first_week=first_week)
            quiets: tuple[Quiet, ...] = (capped,) if capped else ()
            if who in told:
                until = today + timedelta(days=group.policy.gap_days - 1)
                quiets += (Quiet(Reason.GAP, until, "another message goes first today"),)
            if quiets:
                _silence(views, quiets)
                continue
            told.add(who)
            sent += 1
        yield group, views, purse


def _precedence(entry: tuple[Group, list[View], Purse]) -> tuple[object, ...]:
    group, views, _ = entry
    stage, side, n = group.rung
    return (
        -stage,
        side,
        -n,
        -group.claim,
        group.account.customer.id,
        group.currency,
        views[0].case.id,
    )


def _silences(purses: Iterable[Purse]) -> Iterator[Silence]:
    """The silent lines by name of the customer, the oldest debt first."""
    make: Callable[[tuple[object, ...]], Silence] = partial(tuple.__new__, Silence)
    for purse in sorted(purses, key=_by_name):
        for view in purse.views:
            if view.quiets:
                yield make((view.case, view.quiets))
        purse.views.clear()


def _by_name(purse: Purse) -> tuple[str, str, str]:
    customer = purse.account.customer
    return customer.name, customer.id, purse.currency


def _shown(entry: Reminder) -> tuple[object, ...]:
    stage, side, n = entry.rung
    return -stage, side, -n, entry.customer_name, entry.customer_id, entry.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A message that was planned: what the look just before sending holds against today."""

    to: tuple[str, ...]
    currency: str
    claim: int
    lines: Mapping[tuple[str, str], tuple[Rung, int]]  # (invoice, line) -> rung, nth
    address: str = ""  # of a letter


@dataclass(frozen=True, slots=True)
class Look:
    """What the look says: send it, keep it for later (`wait`), or withdraw it (`withdraw`)."""

    wait: tuple[Quiet, ...] = ()
    withdraw: str = ""


_LATER = frozenset(
    {
        Reason.GAP,
        Reason.STALE_DATA,
        Reason.CLOSED_DAY,
        Reason.QUIET_PERIOD,
        Reason.CAP_REACHED,
        Reason.NATIVE_REMINDERS,
        Reason.NO_ROUTE,
    }
)


def look(snapshot: Snapshot, policies: Policies, today: date, wanted: Wanted) -> Look:
    """Whether a planned message still says what is true: principal, lines, recipient, holds.

    `snapshot` is of its customer alone, read without the message itself. Only a changed
    principal, line, recipient or hold withdraws it; the gap and the day only delay it.
    """
    if {rung for rung, _ in wanted.lines.values()} == {BY_HAND}:
        told = by_hand.changed(
            snapshot, policies, today, lines=wanted.lines, claim=wanted.claim, to=wanted.to
        )
        return Look(withdraw=told) if isinstance(told, str) else Look(wait=told)
    found: dict[tuple[str, str], tuple[View, Purse]] = {}
    for purse in judge(snapshot, policies, today):
        for view in purse.views:
            found[view.case.invoice_id, view.case.line_id] = view, purse
    views = []
    for line, (rung, nth) in wanted.lines.items():
        if line not in found:
            return Look(withdraw=f"invoice {line[0]} is settled")
        view, purse = found[line]
        number = view.case.number
        if view.quiets:
            told = "; ".join(f"{q.reason}: {q.because}" for q in view.quiets)
            return Look(withdraw=f"invoice {number}: {told}")
        if (view.step.rung, view.step.nth) != (rung, nth):
            return Look(withdraw=f"invoice {number} now stands before {view.step.step.name}")
        views.append(view)
    group = _group(views, purse, snapshot)
    if group.claim != wanted.claim:
        return Look(withdraw="the claim has changed")
    if group.channel is Channel.EMAIL and tuple(c.email for c in group.to) != wanted.to:
        return Look(withdraw="the recipient has changed")
    if group.channel is Channel.LETTER and purse.account.customer.address != wanted.address:
        return Look(withdraw="the postal address has changed")
    first_week = today - snapshot.installed_on < FIRST_WEEK
    quiets = _asked(group._replace(needs_approval=False, first_week=first_week), today)
    hard = [quiet for quiet in quiets if quiet.reason not in _LATER]
    if hard:
        return Look(withdraw="; ".join(f"{q.reason}: {q.because}" for q in hard))
    return Look(wait=tuple(quiets))
