"""What a person must see to beside the reminders: facts that stand until they are mended.

Nothing is stored: an alert is there while its facts are, and gone when they are.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from connector.dunning import promises, signs
from connector.dunning.debtor import Alert, Debtor, Watch, about
from connector.dunning.marks import bounced_address, declare_by, holding
from connector.dunning.policy_file import Policies
from connector.dunning.recipients import recipients
from connector.dunning.rules import what_of_discount
from connector.dunning.snapshot import Case, Snapshot
from connector.receivables import money
from connector.receivables.claim import Discount
from connector.receivables.measures import months_before
from connector.receivables.records import Cause, Decision, Mark

__all__ = ["Alert", "alerts"]

OLD_DISPUTE = timedelta(days=10)
BAD_PAYER = "late"


def alerts(snapshot: Snapshot, policies: Policies, today: date) -> tuple[Alert, ...]:
    """Everything a person must see to on a day, by customer; each stands once."""
    cases: defaultdict[str, list[Case]] = defaultdict(list)
    for case in snapshot.cases:
        cases[case.account.customer.id].append(case)
    found = set(signs.overpaid(snapshot))
    for open_cases in cases.values():
        open_cases.sort(key=lambda case: (case.due_on or date.max, case.id))
        exposure: defaultdict[str, int] = defaultdict(int)
        for case in open_cases:
            exposure[case.currency] += case.balance
        chosen = {case.id: policies.of(case, exposure).policy for case in open_cases}
        debtor = Debtor(open_cases[0].account, open_cases, chosen, snapshot.currency, today)
        found.update(alert for watch in WATCHES for alert in watch(debtor))
    return tuple(
        sorted(found, key=lambda a: (a.customer, a.customer_id, a.code, a.invoice, a.words))
    )


def old_disputes(debtor: Debtor) -> Iterator[Alert]:
    """A dispute that nobody has settled within ten days."""
    for case in debtor.invoices:
        made = holding(about(case), debtor.today, Mark.DISPUTED)
        if made and debtor.today - made.since > OLD_DISPUTE:
            age = (debtor.today - made.since).days
            words = f"disputed for {age} days, since {made.since}"
            owner = made.owner or debtor.account.customer.owner
            yield debtor.alert("old_dispute", words, case, owner=owner, since=made.since)


def exposure(debtor: Debtor) -> Iterator[Alert]:
    """More is open, in the firm's own currency, than the customer's credit limit."""
    made = debtor.marked(Mark.CREDIT_LIMIT)
    limit = made.amount if made else debtor.account.customer.credit_limit
    owed = sum(case.balance for case in debtor.cases if case.currency == debtor.currency)
    owed -= sum(c.amount for c in debtor.account.credits if c.currency == debtor.currency)
    if limit is not None and owed > limit:
        currency = debtor.currency
        words = f"owes {money.text(owed, currency)} {currency}, the credit limit is "
        yield debtor.alert("credit_limit", f"{words}{money.text(limit, currency)} {currency}")


def contact_data(debtor: Debtor) -> Iterator[Alert]:
    """Nobody can be written to by e-mail, or mail to an address that is still on file came back."""
    account = debtor.account
    own = next((case.recipient for case in debtor.cases if case.recipient), "")
    found = recipients(account, own)
    if not found:
        yield debtor.alert("correct_contact_data", "no usable e-mail address: correct it")
    used = {contact.email for contact in (*found, *account.customer.contacts)}
    for address in sorted(used & account.bounced):
        said = (made for made in debtor.decisions if made.mark is Mark.BOUNCED)
        made = next((made for made in said if bounced_address(made.because) == address), None)
        why = made.because.removeprefix(address).removeprefix(":") if made else ""
        words = f"mail to {address} came back{why and f' ({why.strip()})'}"
        yield debtor.alert(
            "correct_contact_data",
            f"{words}: correct the contact data",
            since=made.since if made else None,
        )


def unread_answers(debtor: Debtor) -> Iterator[Alert]:
    """An answer of the customer that nobody has read: all reminders wait for it."""
    for made in debtor.decisions:
        if made.mark is Mark.REPLY and made.since <= debtor.today:
            words = f"answered: {made.because}: read it, then relance unmark"
            yield debtor.alert("reply_unread", words, since=made.since)


def due_dates(debtor: Debtor) -> Iterator[Alert]:
    """An invoice that can never be late."""
    for case in debtor.cases:
        if case.due_on is None:
            words = "has no due date: enter one"
            yield debtor.alert("no_due_date", words, case, since=case.issued_on)


def broken_promises(debtor: Debtor) -> Iterator[Alert]:
    """A promised day or an instalment that has passed without the money."""
    for case in debtor.cases:
        policy = debtor.policies[case.id]
        made = promises.promise(case)
        if made and made.until:
            how = promises.fate(case, made, policy, debtor.today)
            if how in (promises.Fate.PARTLY, promises.Fate.BROKEN):
                words = f"the promise to pay on {made.until} was {_BROKEN[how]}"
                yield debtor.alert("promise_broken", words, case, since=made.until)
        late = promises.plan(case, policy, debtor.today)
        if late and late.first_missed:
            words = f"the instalment of {late.first_missed.on} was missed"
            yield debtor.alert("instalment_missed", words, case, since=late.first_missed.on)


def supply_stop(debtor: Debtor) -> Iterator[Alert]:
    """Advice to stop supplying a bad payer who is late; none once a new plan is agreed."""
    late = [case for case in debtor.cases if case.overdue(debtor.today)]
    if not late or debtor.marked(Mark.PLAN, Mark.SUPPLY_STOP):
        return
    reasons = []
    if debtor.account.behaviour == BAD_PAYER:
        reasons.append("pays late as a habit")
    if debtor.account.debit_refused:
        reasons.append("a direct debit came back")
    broken = sum(1 for made in debtor.decisions if _was_broken(debtor, made))
    if broken > 1:
        reasons.append(f"{broken} promises not kept in twelve months")
    if reasons:
        words = f"deliver nothing more before a new agreement: {', '.join(reasons)}"
        yield debtor.alert("supply_stop", words, since=late[0].due_on)


def difficulty(debtor: Debtor) -> Iterator[Alert]:
    """Signs that a customer is in difficulty, each named; a task once somebody has said so."""
    made = debtor.marked(Mark.IN_DIFFICULTY)
    if made:
        owner = made.owner or debtor.account.customer.owner
        words = f"in difficulty since {made.since}: speak to them and agree on a plan"
        yield debtor.alert("in_difficulty", words, owner=owner, since=made.since)
        return
    signals = []
    if "changed" in debtor.account.signals:
        signals.append("pays later than usual")
    causes = (made for made in debtor.decisions if made.mark is Mark.CAUSE)
    declared = holding(
        (made for made in causes if made.code == Cause.CASH_DIFFICULTY), debtor.today, Mark.CAUSE
    )
    if declared:
        signals.append(f"difficulty declared on {declared.since}")
    plan = debtor.marked(Mark.PLAN)
    if plan:
        signals.append(f"a payment plan was asked for on {plan.since}")
    if signals:
        yield debtor.alert("propose_in_difficulty", f"perhaps in difficulty: {', '.join(signals)}")


def insolvency(debtor: Debtor) -> Iterator[Alert]:
    """The claim against an insolvent customer is to be declared by a day."""
    for case in debtor.invoices:
        made = holding(about(case), debtor.today, Mark.INSOLVENT)
        last = declare_by(case, debtor.policies[case.id], made) if made else None
        if made and (last is None or debtor.today <= last):
            by = f"by {last}" if last else "by the day that the judgment names"
            words = f"insolvent since {made.since}: declare the claim {by}"
            yield debtor.alert("declare_claim", words, since=made.since)


def late_discount(debtor: Debtor) -> Iterator[Alert]:
    """A discount was deducted after its last day: the rest is still owed."""
    for case in debtor.cases:
        if what_of_discount(case) is Discount.LATE:
            rest = f"{money.text(case.balance, case.currency)} {case.currency}"
            words = f"discount taken after {case.discount_until}: {rest} still owed"
            yield debtor.alert("discount_late", words, case, since=case.discount_until)


WATCHES: tuple[Watch, ...] = (
    old_disputes,
    exposure,
    contact_data,
    unread_answers,
    due_dates,
    broken_promises,
    supply_stop,
    difficulty,
    insolvency,
    late_discount,
    signs.pays_later,
    signs.warning,
    signs.plan_to_offer,
    signs.never_sent,
)

_BROKEN = {promises.Fate.PARTLY: "kept in part", promises.Fate.BROKEN: "not kept"}


def _was_broken(debtor: Debtor, made: Decision) -> bool:
    """Whether a promise of the last twelve months, about an open invoice, was not kept."""
    if made.mark is not Mark.PROMISED or not made.until:
        return False
    if made.until < months_before(debtor.today, 12):
        return False
    for case in debtor.cases:
        if made in about(case):
            how = promises.fate(case, made, debtor.policies[case.id], debtor.today)
            return how in (promises.Fate.PARTLY, promises.Fate.BROKEN)
    return False
