"""A decision as somebody typed it, checked and understood, or refused with all that is wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TypeVar, get_args

from connector.dunning.policy import Behaviour
from connector.errors import ConfigError
from connector.mirror.lookup import Target
from connector.receivables import money
from connector.receivables.records import Cause, Decision, Mark

Read = TypeVar("Read")

WORDS = (
    Mark.HOLD,
    Mark.EXCLUDED,
    Mark.DISPUTED,
    Mark.PROMISED,
    Mark.PLAN,
    Mark.INSOLVENT,
    Mark.HANDED_OVER,
    Mark.WRITTEN_OFF,
    Mark.NOT_DELIVERED,
    Mark.IN_DIFFICULTY,
    Mark.BILL,
    Mark.RETENTION,
    Mark.FACTORED,
    Mark.REPLY,
    Mark.BOUNCED,
    Mark.CAUSE,
    Mark.CREDIT_LIMIT,
    Mark.CREDIT_CHECK,
    Mark.SUPPLY_STOP,
    Mark.STRATEGIC,
    Mark.WARNING_SIGN,
    Mark.SEGMENT,
    Mark.TERMS,
    Mark.WAIVED,
)
"""What can be marked; calls and restarts have commands of their own."""

OUTCOMES = ("paid", "promise", "dispute", "difficulty", "wrong_contact", "other")
"""What came of an answer, said when its mark is taken back."""

_OF_CUSTOMERS = frozenset(
    {
        Mark.REPLY,
        Mark.BOUNCED,
        Mark.CREDIT_LIMIT,
        Mark.CREDIT_CHECK,
        Mark.SUPPLY_STOP,
        Mark.STRATEGIC,
        Mark.SEGMENT,
        Mark.TERMS,
    }
)
_OF_INVOICES = frozenset({Mark.BILL, Mark.RETENTION, Mark.CAUSE, Mark.WAIVED})
_NEEDS_DAY = frozenset({Mark.PROMISED, Mark.PLAN})
_CODES: dict[Mark, tuple[str, ...]] = {
    Mark.CAUSE: tuple(Cause),
    Mark.DISPUTED: tuple(Cause),
    Mark.SEGMENT: get_args(Behaviour),
}
_NEEDS_CODE = frozenset({Mark.CAUSE, Mark.SEGMENT})
_MAY_HAVE_AMOUNT = frozenset({Mark.PROMISED, Mark.PLAN, Mark.DISPUTED, Mark.CREDIT_LIMIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The options of a decision as they were typed."""

    because: str
    until: str = ""
    since: str = ""
    amount: str = ""
    reason: str = ""
    owner: str = ""


def word(what: str) -> Mark:
    """The mark that a word means.

    Raises:
        ConfigError: it means none.
    """
    known = {str(word): word for word in WORDS}
    if what not in known:
        raise ConfigError(f"{what!r}: not something to mark: expected one of {', '.join(known)}")
    return known[what]


def outcome_of(chosen: Mark, outcome: str) -> str:
    """What came of an answer; empty of everything else.

    Raises:
        ConfigError: it is no outcome, or there is none of such a mark.
    """
    if chosen is not Mark.REPLY:
        if outcome:
            raise ConfigError(f"--outcome: says nothing with {chosen}: it is said of a reply")
        return ""
    if outcome and outcome not in OUTCOMES:
        raise ConfigError(f"--outcome {outcome!r}: expected one of {', '.join(OUTCOMES)}")
    return outcome or "other"


def reason_of(option: str, text: str) -> str:
    """A reason on one line.

    Raises:
        ConfigError: nothing was said.
    """
    said = " ".join(text.split())
    if not said:
        raise ConfigError(f"{option}: say it in a few words: it is kept with the decision")
    return said


def decision_of(
    target: Target, chosen: Mark, given: Given, *, today: date, author: str
) -> Decision:
    """The decision as it was typed.

    Raises:
        ConfigError: with everything that is wrong with it, at once.
    """
    problems = list(_mistakes(target, chosen, given))

    def read(text: str, reader: Callable[[str], Read]) -> Read | None:
        try:
            return reader(text)
        except ConfigError as error:
            problems.extend(error.problems)
            return None

    since = read(given.since, lambda text: _day("--since", text)) or today
    until = read(given.until, lambda text: _day("--until", text))
    amount = read(given.amount, lambda text: _amount(text, target, chosen))
    because = read(given.because, lambda text: reason_of("--because", text))
    if since > today and chosen is not Mark.TERMS:  # of the invoices to come
        problems.append(f"--since {since}: is to come: a mark holds from today or before")
    if until and until < today:
        problems.append(f"--until {until}: has passed: today is {today}")
    if problems:
        raise ConfigError(*problems)
    if chosen is Mark.CAUSE and given.reason == Cause.WRONG_AMOUNT:
        amount = target.open  # a correction is seen by what is open then
    return Decision(
        mark=chosen,
        since=since,
        until=until,
        amount=amount,
        because=because or "",
        author=author,
        code=given.reason,
        owner=" ".join(given.owner.split()),
    )


def _mistakes(target: Target, chosen: Mark, given: Given) -> Iterator[str]:
    """What does not go together, whatever the values."""
    if chosen in _OF_CUSTOMERS and target.invoice_id:
        yield f"{chosen}: is said of a customer, not of an invoice: name {target.customer}"
    if chosen in _OF_INVOICES and not target.invoice_id:
        yield f"{chosen}: is said of an invoice: name one"
    if chosen in _NEEDS_DAY and not given.until:
        yield f"{chosen}: needs --until DATE, the day on which it is to be paid"
    if chosen is Mark.CREDIT_LIMIT and not given.amount:
        yield f"{chosen}: needs --amount, the most the customer may owe"
    if given.amount and chosen not in _MAY_HAVE_AMOUNT:
        yield f"--amount: says nothing with {chosen}: leave it out"
    if chosen is Mark.PLAN and given.amount and not target.invoice_id:
        yield "plan: the instalments of a plan are given invoice by invoice: name one"
    if chosen is Mark.BOUNCED and "@" not in given.because.strip().partition(" ")[0]:
        yield f"--because {given.because!r}: begin with the address that mail came back from"
    codes = _CODES.get(chosen, ())
    if given.reason and not codes:
        yield f"--reason: says nothing with {chosen}: put it in --because"
    elif (given.reason or chosen in _NEEDS_CODE) and given.reason not in codes:
        yield f"--reason {given.reason!r}: expected one of {', '.join(codes)}"


def _day(option: str, text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option} {text!r}: expected a date such as 2026-11-20") from None


def _amount(text: str, target: Target, chosen: Mark) -> int | None:
    if not text:
        return None
    try:
        amount = money.parse(text, target.currency)
    except ValueError as error:
        raise ConfigError(f"--amount: {error}") from None
    if amount < (chosen is not Mark.CREDIT_LIMIT):  # no credit at all is a limit too
        raise ConfigError(f"--amount {text}: expected an amount above zero")
    return amount


def told(decision: Decision, target: Target) -> str:
    """A decision in a few words."""
    words = [str(decision.mark)]
    if decision.code:
        words.append(decision.code)
    if decision.amount is not None and decision.mark in _MAY_HAVE_AMOUNT:
        words.append(f"{money.text(decision.amount, target.currency)} {target.currency}")
    if decision.until:
        words.append(f"until {decision.until}")
    return " ".join(words)
