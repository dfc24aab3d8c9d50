"""Signs that ask for a person: slower payment, a note of warning, money too much, no delivery."""

from collections.abc import Iterator

from connector.dunning.debtor import Alert, Debtor, about
from connector.dunning.marks import holding, told
from connector.dunning.snapshot import Snapshot
from connector.receivables import money
from connector.receivables.records import Cause, Mark

PLAN_TEXT = "instalments"  # the text that offers a payment plan


def pays_later(debtor: Debtor) -> Iterator[Alert]:
    """The customer pays later than usual: one task, with the figures, while it is so."""
    pace = debtor.account.pace
    if not (pace.changed or pace.watch) or None in (pace.usual, pace.recent, pace.latest):
        return
    figures = f"usually {_days(pace.usual)}, the latest three {_days(pace.recent)}"
    words = f"pays later than usual: {figures}, the last one {_days(pace.latest)}; ask them why"
    yield debtor.alert("pays_later", words)


def warning(debtor: Debtor) -> Iterator[Alert]:
    """A colleague has noted a sign of trouble; the note stays within the firm."""
    made = debtor.marked(Mark.WARNING_SIGN)
    if made:
        owner = made.owner or debtor.account.customer.owner
        yield debtor.alert("watch", told("warning sign", made), owner=owner, since=made.since)


def plan_to_offer(debtor: Debtor) -> Iterator[Alert]:
    """A customer who says that they cannot pay is offered a plan, until one is agreed."""
    for case in debtor.invoices:
        causes = (made for made in about(case) if made.code == Cause.CASH_DIFFICULTY)
        made = holding(causes, debtor.today, Mark.CAUSE)
        if made and not holding(about(case), debtor.today, Mark.PLAN):
            words = (
                f"cannot pay at once, said on {made.since}: offer a plan (text {PLAN_TEXT}: "
                f"relance write {PLAN_TEXT} {case.number})"
            )
            owner = made.owner or debtor.account.customer.owner
            yield debtor.alert("offer_plan", words, case, owner=owner, since=made.since)


def never_sent(debtor: Debtor) -> Iterator[Alert]:
    """An invoice that the customer does not have: its reminders wait until it is sent."""
    for case in debtor.invoices:
        made = holding(about(case), debtor.today, Mark.NOT_DELIVERED)
        if made:
            words = f"{told('not with the customer', made)}: send it"
            yield debtor.alert("never_sent", words, case, since=made.since)


def overpaid(snapshot: Snapshot) -> Iterator[Alert]:
    """An invoice on which more was paid than was owed, whether or not anything else is open."""
    for excess in snapshot.overpaid:
        amount = f"{money.text(excess.amount, excess.currency)} {excess.currency}"
        yield Alert(
            code="overpaid",
            customer_id=excess.customer_id,
            customer=excess.customer,
            invoice=excess.number,
            words=f"{amount} too much was paid: pay it back, or set it against what is open",
            owner=excess.owner,
        )


def _days(days: float | None) -> str:
    """Days from the due date to the payment, in words."""
    assert days is not None
    if days == 0:
        return "on the due date"
    return f"{abs(days):g} {'day' if abs(days) == 1 else 'days'} {'late' if days > 0 else 'early'}"
