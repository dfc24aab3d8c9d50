"""From judged lines to the plan's entries: reminders, silences, and what is only shown."""

from collections.abc import Iterable
from datetime import date, timedelta

from connector.dunning import promises
from connector.dunning.group_rules import Group
from connector.dunning.ladder import Standing
from connector.dunning.late import late
from connector.dunning.marks import holding, withheld
from connector.dunning.plan import (
    AlsoOpen,
    Netted,
    Reason,
    Reminder,
    ReminderLine,
    line_key,
    reminder_key,
)
from connector.dunning.recipients import carried
from connector.dunning.snapshot import Case, Channel, HadState
from connector.dunning.views import View
from connector.receivables import calendar
from connector.receivables.claim import Claim
from connector.receivables.records import Cause, Decision, Mark

DIFFICULTY = "difficulty"
_SHOWN = frozenset({Reason.STEP_WAITING, Reason.GAP, Reason.LADDER_FINISHED})


def reminder(
    group: Group, claim: Claim, ledger_id: str, today: date, beside: tuple[AlsoOpen, ...] = ()
) -> Reminder:
    """The entry of a group that speaks, `beside` it what is shown only; its text comes later."""
    step, customer = group.top.step, group.account.customer
    standings = [view.standing for view in group.views]
    plain = [_line(standing, claim, ledger_id, today) for standing in standings]
    told = late(plain, standings, group.policy, customer.kind, group.currency, today)
    lines = told.lines
    ids = {standing.case.id for standing in standings}
    netted: dict[str, int] = {}
    for part in claim.parts:
        if part.line in ids:
            netted[part.credit] = netted.get(part.credit, 0) + part.amount
    deadline_on = None
    if step.deadline and not group.rung.side:
        printed = today + timedelta(days=step.deadline)
        deadline_on = calendar.next_open(printed, group.policy.places(customer.country))
    email, letter = group.channel is Channel.EMAIL, group.channel is Channel.LETTER
    template = group.template(today)
    promised = _not_kept(group) if template == promises.TEMPLATE else None
    return Reminder(
        key=reminder_key(line.key for line in lines),
        customer_id=customer.id,
        customer_name=customer.name,
        policy=group.policy.name,
        policy_version=group.policy.version,
        step=step.name,
        rung=group.rung,
        channel=group.channel,
        route=group.route,
        to=tuple(contact.email for contact in group.to) if email else (),
        contact_name=group.to[0].name if group.to else "",
        language=group.language,
        country=customer.country,
        template=template,
        currency=group.currency,
        claim=group.claim,
        lines=lines,
        credits=tuple(Netted(document=doc, amount=netted[doc]) for doc in sorted(netted)),
        also_open=beside,
        interest=told.interest,
        warnings=told.warnings,
        deadline_on=deadline_on,
        legal=step.legal,
        needs_approval=group.needs_approval,
        kind=customer.kind,
        traits=_traits(group, today),
        owner=customer.owner,
        contact_phone=group.to[0].phone if group.to else "",
        promised_on=promised.until if promised else None,
        promised=promised.amount if promised else None,
        address=customer.address if letter else "",
        copy_to=_copies(group) if letter and step.copy_channel else (),
    )


def _traits(group: Group, today: date) -> tuple[str, ...]:
    """What chooses a variant of the text: difficulty first, which asks for another tone."""
    made = [decision for view in group.views for decision in view.kind.decisions]
    said = (d for d in made if d.mark is Mark.CAUSE and d.code == Cause.CASH_DIFFICULTY)
    hard = holding(made, today, Mark.IN_DIFFICULTY) or holding(said, today, Mark.CAUSE)
    words = (DIFFICULTY if hard else "", group.account.behaviour, *group.account.signals)
    return tuple(word for word in words if word)


def _terms(case: Case) -> str:
    """What was agreed with the customer when the invoice was issued, empty where nothing was."""
    agreed = (
        made
        for made in case.account.decisions
        if made.mark is Mark.TERMS and made.since <= case.issued_on
    )
    latest = max(agreed, key=lambda made: made.since, default=None)
    return latest.because if latest else ""


def _copies(group: Group) -> tuple[str, ...]:
    """Who has the copy of a letter: nobody whose mail came back, or cannot be carried."""
    return tuple(
        contact.email
        for contact in group.to
        if carried(contact.email) and contact.email not in group.account.bounced
    )


def _not_kept(group: Group) -> Decision | None:
    """The latest promise about one of the lines that speak."""
    made = [promises.promise(view.case) for view in group.views]
    return max((one for one in made if one), key=lambda one: one.until or date.min, default=None)


def _line(standing: Standing, claim: Claim, ledger_id: str, today: date) -> ReminderLine:
    case, due = standing.case, standing.next
    assert due
    assert case.due_on
    let_go = bool(case.decisions) and holding(case.decisions, today, Mark.WAIVED) is not None
    claims = due.step.interest != "off" or due.step.charges != "off"
    return ReminderLine(
        key=line_key(ledger_id, case.invoice_id, case.line_id, due.rung, due.nth),
        invoice=case.number,
        invoice_id=case.invoice_id,
        line_id=case.line_id,
        line=case.line,
        issued_on=case.issued_on,
        due_on=case.due_on,
        days_past_due=(today - case.due_on).days,
        amount=case.amount,
        balance=case.balance,
        net=claim.of(case.id, case.balance) if claim.net else case.balance,
        withheld=withheld(standing, today),
        step=due.step.name,
        rung=due.rung,
        nth=due.nth,
        total=case.total,
        reference=case.reference,
        payment_reference=case.payment_reference,
        pay_link=case.pay_link,
        interest="off" if let_go else due.step.interest,
        charges="off" if let_go else due.step.charges,
        terms=_terms(case) if case.account.decisions else "",
        waived=let_go and claims,
        had_on=_spoken_of(case) if case.had else (),
    )


def _spoken_of(case: Case) -> tuple[date, ...]:
    """The days of the messages that went about a line."""
    return tuple(sorted([h.on for h in case.had if h.state is HadState.SENT and not h.rung.side]))


def also_open(views: Iterable[View], today: date) -> tuple[AlsoOpen, ...]:
    """Overdue lines whose only reasons are waiting, the gap or a finished ladder: just shown."""
    return tuple(
        AlsoOpen(invoice=view.case.number, due_on=view.case.due_on, balance=view.case.balance)
        for view in views
        if view.quiets
        and view.case.due_on
        and view.case.due_on < today
        and _SHOWN.issuperset([quiet.reason for quiet in view.quiets])
    )
