"""Messages that a person asks for: thanks, a statement, instalments proposed. No step of a ladder.

They count for nothing but the gap, are always approved by a person, and are looked at again before
they go, as every message is.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from connector.dunning.compose import reminder
from connector.dunning.group_rules import (
    Group,
    address_bounced,
    no_address,
    no_route,
    no_template,
    stale_data,
    unallocated_money,
)
from connector.dunning.judge import Alike, judge
from connector.dunning.ladder import Next
from connector.dunning.plan import Quiet, Reason, Reminder
from connector.dunning.policy import Step
from connector.dunning.policy_file import Policies
from connector.dunning.snapshot import BY_HAND, Case, Channel, Snapshot, Stage
from connector.dunning.views import Purse, View
from connector.errors import ConfigError
from connector.receivables import calendar
from connector.receivables.claim import Claim

THANKS, PART = "thank_you", "part_payment"
OF_CUSTOMERS = frozenset({"statement", "later_than_usual"})
"""Texts about all that a customer has overdue, whichever invoice is named."""

OF_STEPS = frozenset(
    {"before_due", "friendly", "firm", "promise_broken", "formal_notice"}
    | {"fourteen_day_letter", "letter_of_claim"}
)
"""Texts that the ladder alone sends: by hand they would be steps that nobody counts."""

_FORBIDDING = frozenset(
    {
        Reason.NO_DUE_DATE,
        Reason.NOT_DELIVERED,
        Reason.HELD,
        Reason.EXCLUDED,
        Reason.DISPUTED,
        Reason.INSOLVENT,
        Reason.HANDED_OVER,
        Reason.WRITTEN_OFF,
        Reason.BILL_OR_RETENTION,
        Reason.FACTORED,
        Reason.PAYMENT_IN_TRANSIT,
        Reason.BALANCE_MISMATCH,
        Reason.COVERED_BY_CREDIT,
    }
)
_RULES = (unallocated_money, no_address, address_bounced, no_route, no_template)
Line = tuple[str, str]
"""Invoice and due line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person wants written: a text, about an invoice or (None) the customer.

    `sent` counts the messages by hand that each line has had. `settled` are the lines of an invoice
    that was paid, which no snapshot has.
    """

    template: str
    name: str  # of the invoice or the customer, for people
    invoice_id: str | None = None
    sent: Mapping[Line, int]
    settled: Sequence[Case] = ()


def write(snapshot: Snapshot, policies: Policies, today: date, wish: Wish) -> list[Reminder]:
    """The messages that fulfil a wish, one a currency and recipient, each waiting for approval.

    `snapshot` is of the one customer.

    Raises:
        ConfigError: why it cannot be written, and what to do.
    """
    if wish.template in OF_STEPS:
        raise ConfigError(
            f"{wish.template}: is the text of a step: the policy sends it. To send a step once "
            "more: relance restart INVOICE"
        )
    made = []
    for purse, views in _chosen(snapshot, policies, today, wish):
        group = _group(views, purse, snapshot, wish, today)
        told = [quiet.because for rule in _RULES if (quiet := rule(group, today))]
        if told:
            raise ConfigError(*(f"{wish.name}: {because}" for because in told))
        entry = reminder(group, purse.claim, snapshot.ledger_id, today)
        made.append(replace(entry, template=wish.template, promised_on=None, promised=None))
    return made


def _chosen(
    snapshot: Snapshot, policies: Policies, today: date, wish: Wish
) -> Iterator[tuple[Purse, list[View]]]:
    """The lines to write about, with their claim, by currency and recipient."""
    if wish.template == THANKS:
        if not wish.settled:
            raise ConfigError(
                f"{wish.name}: thanks are for an invoice on which nothing is open: name one"
                + (f", or write {PART}" if wish.invoice_id else "")
            )
        yield _paid(wish.settled, snapshot, policies, today)
        return
    found: dict[tuple[object, ...], tuple[Purse, list[View]]] = {}
    forbidden: list[str] = []
    for purse in judge(snapshot, policies, today):
        for view in purse.views:
            if not _meant(view, wish, today):
                continue
            if told := _forbids(view):
                forbidden.append(f"{view.case.number}: {told}")
                continue
            to = purse.to(view.case.recipient)
            key = (purse.currency, tuple(contact.email for contact in to))
            found.setdefault(key, (purse, []))[1].append(view)
    if not found or (wish.invoice_id and wish.template not in OF_CUSTOMERS and forbidden):
        nothing = (
            f"{wish.name}: nothing was paid on it and something is still open"
            if wish.template == PART
            else f"{wish.name}: nothing of it is {'open' if wish.invoice_id else 'overdue'}"
        )
        raise ConfigError(*(forbidden or [nothing]))
    yield from found.values()


def _meant(view: View, wish: Wish, today: date) -> bool:
    case = view.case
    if wish.template == PART and not 0 < case.balance < case.amount:
        return False
    if wish.invoice_id and wish.template not in OF_CUSTOMERS:
        return case.invoice_id == wish.invoice_id
    return case.overdue(today)


def _forbids(view: View) -> str:
    """Why nothing may be written about a line, not even by hand."""
    return "; ".join(
        f"{quiet.reason}: {quiet.because}" for quiet in view.quiets if quiet.reason in _FORBIDDING
    )


def _paid(
    settled: Sequence[Case], snapshot: Snapshot, policies: Policies, today: date
) -> tuple[Purse, list[View]]:
    alike = Alike(snapshot, today)
    views = [alike.alone(case, policies.of(case, {})) for case in settled]
    claim = Claim({case.id: 0 for case in settled}, ())
    return Purse(settled[0].account, settled[0].currency, views, claim), views


def _group(
    views: Sequence[View], purse: Purse, snapshot: Snapshot, wish: Wish, today: date
) -> Group:
    step = Step.model_construct(
        name=wish.template, stage=Stage.FRIENDLY, when="after due", channel=Channel.EMAIL
    )
    meant = []
    for view in views:
        nth = 1 + wish.sent.get((view.case.invoice_id, view.case.line_id), 0)
        kind = view.kind._replace(next=Next(BY_HAND, step, today, nth))
        meant.append(View(view.case, kind, ()))
    to = purse.to(views[0].case.recipient)
    spoken = next((contact.language for contact in to if contact.language), "")
    return Group(
        account=purse.account,
        policy=meant[0].kind.policy,
        to=to,
        language=spoken or purse.account.customer.language or snapshot.day.language,
        currency=purse.currency,
        views=meant,
        top=meant[0].step,
        claim=purse.net(views),
        money_explains=purse.money_explains,
        needs_approval=True,
        day=snapshot.day,
    )


def changed(
    snapshot: Snapshot,
    policies: Policies,
    today: date,
    *,
    lines: Collection[Line],
    claim: int,
    to: tuple[str, ...],
) -> str | tuple[Quiet, ...]:
    """Why a message by hand is no longer true; else what only delays it, empty when nothing does.

    One that claims nothing gives thanks for lines that are settled.
    """
    found: defaultdict[str, list[tuple[View, Purse]]] = defaultdict(list)
    for purse in judge(snapshot, policies, today):
        for view in purse.views:
            if (view.case.invoice_id, view.case.line_id) in lines:
                found[purse.currency].append((view, purse))
    met = [pair for pairs in found.values() for pair in pairs]
    if not claim:
        if met:
            return f"invoice {met[0][0].case.number} is open again"
        return _day(snapshot, policies, today, "")
    if len(met) < len(lines):
        return "one of its invoices is settled"
    views, purse = [view for view, _ in met], met[0][1]
    for view in views:
        if told := _forbids(view):
            return f"invoice {view.case.number}: {told}"
    if purse.net(views) != claim:
        return "the claim has changed"
    if tuple(contact.email for contact in purse.to(views[0].case.recipient)) != to:
        return "the recipient has changed"
    wish = Wish(template="", name="", sent={})
    group = _group(views, purse, snapshot, wish, today)
    for rule in (unallocated_money, address_bounced):
        if quiet := rule(group, today):
            return f"{quiet.reason}: {quiet.because}"
    stale, nothing = stale_data(group, today), no_route(group, today)
    delays = _day(snapshot, policies, today, purse.account.customer.country)
    return (*(quiet for quiet in (stale, nothing) if quiet), *delays)


def _day(snapshot: Snapshot, policies: Policies, today: date, country: str) -> tuple[Quiet, ...]:
    policy = policies.firm
    places = policy.places(country)
    if calendar.is_open(today, places, policy.week):
        return ()
    opens = calendar.next_open(today, places, policy.week)
    until = opens - timedelta(days=1)
    return (Quiet(Reason.CLOSED_DAY, until, f"{today} is no working day"),)
