"""Why a message, or a whole day, is silent: the rules on a group of lines about to speak."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from connector.dunning import promises
from connector.dunning.ladder import Next
from connector.dunning.plan import Quiet, Reason
from connector.dunning.policy import MESSAGES, Policy
from connector.dunning.recipients import carried
from connector.dunning.snapshot import Account, Channel, Day, Rung, Stage
from connector.dunning.views import View
from connector.receivables import calendar, money
from connector.receivables.records import Contact, Mark

DAY = timedelta(days=1)


class Group(NamedTuple):
    """Lines of one customer, recipient, currency, language, policy and channel, about to speak.

    `claim` is their net principal; `money_explains` says that money on account may be its payment.
    `sent_today` is how many messages went to anybody since local midnight.
    """

    account: Account
    policy: Policy
    to: tuple[Contact, ...]
    language: str
    currency: str
    views: Sequence[View]
    top: Next
    claim: int
    money_explains: bool
    needs_approval: bool
    day: Day
    first_week: bool = False
    sent_today: int = 0

    @property
    def channel(self) -> Channel:
        """What carries it."""
        return self.top.step.channel

    @property
    def is_message(self) -> bool:
        """Whether it reaches the customer: an e-mail or a letter."""
        return self.channel in MESSAGES

    @property
    def rung(self) -> Rung:
        """The highest rung among its lines."""
        return self.top.rung

    def template(self, today: date) -> str:
        """The name of its text, or of what has happened since: a promise not kept, a part paid.

        Only where the language has such a text.
        """
        if (promises.TEMPLATE, self.language) in self.day.templates and any(
            promises.breaks(view.case, self.top.step, self.policy, today)
            for view in self.views
            if view.step.rung == self.rung
        ):
            return promises.TEMPLATE
        if (promises.PART, self.language) in self.day.templates and all(
            promises.part_paid(view.case, self.top.step) for view in self.views
        ):
            return promises.PART
        return self.top.step.text

    @property
    def route(self) -> str:
        """What carries it, empty where nothing does."""
        carrier, other = self.day.routes.get(self.channel, ""), self.day.other_addresses
        if self.channel is Channel.EMAIL and carrier and other is not None:
            known = {contact.email for contact in self.account.customer.contacts}
            if any(contact.email not in known for contact in self.to):
                return other
        return carrier


GroupRule = Callable[[Group, date], Quiet | None]


def unallocated_money(group: Group, today: date) -> Quiet | None:
    """Money of this customer waits to be matched and may be the payment itself."""
    if not group.money_explains:
        return None
    sums = sum(m.amount for m in group.account.money if m.currency == group.currency)
    amount = f"{money.text(sums, group.currency)} {group.currency}"
    return Quiet(Reason.UNALLOCATED_MONEY, None, f"{amount} received is matched to no invoice")


def below_minimum(group: Group, today: date) -> Quiet | None:
    """Too little to write about."""
    least = group.policy.smallest.get(group.currency, 0)
    if group.claim >= least:
        return None
    because = f"below the minimum of {money.text(least, group.currency)} {group.currency}"
    return Quiet(Reason.BELOW_MINIMUM, None, because)


def gap(group: Group, today: date) -> Quiet | None:
    """The customer (or the invoice, where reminders go by invoice) was written to just now."""
    if not group.is_message:
        return None
    if group.policy.group_by == "invoice":
        days = [view.case.last_message_on for view in group.views]
        last = max((day for day in days if day), default=None)
    else:
        last = group.account.last_message_on
    if not last or (today - last).days >= group.policy.gap_days:
        return None
    until = last + timedelta(days=group.policy.gap_days - 1)
    return Quiet(Reason.GAP, until, f"written to on {last}")


def no_address(group: Group, today: date) -> Quiet | None:
    """Nobody to write to by this channel."""
    if group.channel is Channel.EMAIL and not group.to:
        return Quiet(Reason.NO_ADDRESS, None, "no usable e-mail address: add one")
    if group.channel is Channel.LETTER and not group.account.customer.address:
        return Quiet(Reason.NO_ADDRESS, None, "no postal address: add one")
    return None


def address_bounced(group: Group, today: date) -> Quiet | None:
    """Mail to the only address came back."""
    if group.channel is not Channel.EMAIL or not group.to:
        return None
    if not all(contact.email in group.account.bounced for contact in group.to):
        return None
    return Quiet(Reason.ADDRESS_BOUNCED, None, f"mail to {group.to[0].email} came back")


def no_route(group: Group, today: date) -> Quiet | None:
    """Neither the product nor the firm's own mail server can carry it."""
    if not group.route:
        nothing = f"nothing here can carry a message by {group.channel}"
        if group.channel in group.day.routes:
            nothing = (
                f"{group.to[0].email} is no contact's address in the accounting software, which "
                "writes to contacts alone: add it to one, or set RELANCE_SMTP_HOST"
            )
        return Quiet(Reason.NO_ROUTE, None, nothing)
    if group.channel is not Channel.EMAIL:
        return None
    strange = [contact.email for contact in group.to if not carried(contact.email)]
    if not strange:
        return None
    because = (
        f"mail servers do not all take an address such as {strange[0]}: add one of plain letters"
    )
    return Quiet(Reason.NO_ROUTE, None, because)


def no_template(group: Group, today: date) -> Quiet | None:
    """No text for this step in the customer's language; another language is never guessed."""
    if not group.is_message:
        return None
    key = (group.template(today), group.language)
    if key in group.day.templates:
        return None
    because = f"no template {key[0]!r} in language {key[1]!r}"
    return Quiet(Reason.NO_TEMPLATE, None, because)


def reply_unread(group: Group, today: date) -> Quiet | None:
    """The customer answered and nobody has read it."""
    for decision in group.account.decisions:
        if decision.mark is Mark.REPLY and decision.since <= today:
            return Quiet(Reason.REPLY_UNREAD, None, f"an answer of {decision.since} is unread")
    return None


def stale_data(group: Group, today: date) -> Quiet | None:
    """What we know of payments is too old, or could not be read."""
    stale = group.day.stale
    return Quiet(Reason.STALE_DATA, today, stale) if stale else None


def closed_day(group: Group, today: date) -> Quiet | None:
    """No working day here or at the customer's."""
    customer = group.account.customer
    places, week = group.policy.days_for(customer.country, customer.kind)
    if calendar.is_open(today, places, week):
        return None
    opens = calendar.next_open(today, places, week)
    return Quiet(Reason.CLOSED_DAY, opens - DAY, f"{today} is no working day")


def quiet_period(group: Group, today: date) -> Quiet | None:
    """A yearly period in which firm steps and calls wait, or everything does."""
    if not group.policy.quiet:
        return None
    hard = group.rung.side or group.rung.stage in (Stage.FIRM, Stage.NOTICE, Stage.HANDOVER)
    periods = [p for p in group.policy.quiet if (p.all or hard)]
    until = today
    if not any(period.covers(today) for period in periods):
        return None
    while any(period.covers(until + DAY) for period in periods) and (until - today).days < 366:
        until += DAY
    return Quiet(Reason.QUIET_PERIOD, until, f"quiet period of the policy until {until}")


def cap_reached(group: Group, today: date) -> Quiet | None:
    """As many messages as a day may see have gone or are about to go."""
    if not group.is_message or group.needs_approval:
        return None
    return cap(group.policy, group.sent_today, today, first_week=group.first_week)


def cap(policy: Policy, sent: int, today: date, *, first_week: bool) -> Quiet | None:
    """Whether so many messages are enough for a day."""
    caps = policy.caps
    most = min(caps.day, caps.first_week_day) if first_week else caps.day
    if sent < most:
        return None
    return Quiet(Reason.CAP_REACHED, today, f"{most} messages a day are enough")


def native_reminders(group: Group, today: date) -> Quiet | None:
    """The accounting software sends its own: two programs would remind twice."""
    if not group.day.native_reminders:
        return None
    because = "the accounting software sends its own reminders: switch them off"
    return Quiet(Reason.NATIVE_REMINDERS, None, because)


ACCOUNT_RULES: tuple[GroupRule, ...] = (
    unallocated_money,
    below_minimum,
    gap,
    no_address,
    address_bounced,
    no_route,
    no_template,
    reply_unread,
)

RUN_RULES: tuple[GroupRule, ...] = (
    stale_data,
    closed_day,
    quiet_period,
    cap_reached,
    native_reminders,
)
