"""What a reminder may say of interest and fixed sums: worked out to the day, or why not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from connector.dunning.ladder import Standing
from connector.dunning.legal import wait_until
from connector.dunning.plan import Interest, ReminderLine, Worked
from connector.dunning.policy import Policy
from connector.dunning.snapshot import Channel, Had, HadState, Stage
from connector.receivables import calendar, terms
from connector.receivables.interest import interest
from connector.receivables.rates import RateMissing
from connector.receivables.records import CustomerKind
from connector.receivables.regimes import Contract, Regime, regime_of

DAY = timedelta(days=1)
_STRENGTH = ("off", "mention", "claim")
_DUTY = {"BE_B2C": "be-consumer-first", "NL_B2C": "nl-14-day-letter"}
_LAST_WORDS = (Stage.NOTICE, Stage.HANDOVER)
_POST_DAYS = 3  # a letter is taken to need three working days
_LU_MONTHS = 3


@dataclass(frozen=True, slots=True)
class Late:
    """The lines with what may be said of each, what is said in all, and words for the owner."""

    lines: tuple[ReminderLine, ...]
    interest: Interest | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Right:
    """How far interest may be spoken of on a line, and its first day of default if it has one."""

    most: str = "off"
    first_day: date | None = None


def late(
    lines: Sequence[ReminderLine],
    standings: Iterable[Standing],
    policy: Policy,
    kind: CustomerKind,
    currency: str,
    today: date,
) -> Late:
    """Interest and fixed sums of the lines whose own steps speak of them, to `today`.

    The law is the one the policy names, else that of its country; a line says no more than that
    law lets it say to this kind of customer. The base is the present principal, from the first
    day of default on: payments already made count as made before it, so never too much is asked.
    Amounts are None where a rate or another currency leaves them unknown; then nothing is claimed.
    """
    if all(line.interest == line.charges == "off" for line in lines):
        return Late(tuple(lines), None)
    regime = regime_of(policy.country, kind, policy.regime)
    no_clause = regime.contract is Contract.CLAUSE and policy.contract_rate is None
    rights = {
        line.key: _Right() if no_clause else _right(regime, standing, policy, today)
        for line, standing in zip(lines, standings, strict=True)
    }
    allowed = tuple(_allowed(line, rights[line.key], regime) for line in lines)
    mode = _strongest([mode for line in allowed for mode in (line.interest, line.charges)])
    if mode == "off":
        told = f"{regime.code}: nothing is owed without a clause; `contract_rate` says its rate"
        return Late(allowed, None, (told,) if no_clause else ())
    if regime.currency not in ("", currency):
        return Late(allowed, Interest(mode="mention", amount=None, charges=None, until=today))
    firsts = {key: right.first_day for key, right in rights.items()}
    schedule, warnings = _schedule(regime, allowed, firsts, mode, policy, today)
    amount = sum(worked.statement.interest for worked in schedule) if schedule else None
    fixed = _fixed(regime, allowed, mode)
    if amount is None and fixed is None:
        mode = "mention"  # there is nothing to claim
    told_of = Interest(
        mode=mode,
        amount=amount,
        charges=fixed,
        until=today,
        regime=regime.code,
        schedule=schedule,
    )
    return Late(allowed, told_of, warnings)


def _strongest(modes: Iterable[str]) -> str:
    return max(modes, key=_STRENGTH.index)


def _allowed(line: ReminderLine, right: _Right, regime: Regime) -> ReminderLine:
    """The line with its step's wish, as far as the law goes along."""
    runs = bool(regime.authority) or regime.contract is Contract.ONLY
    gives_sum = regime.fixed_sum(1) > 0
    of_interest = min(line.interest, right.most if runs else "off", key=_STRENGTH.index)
    of_sum = min(line.charges, right.most if gives_sum else "off", key=_STRENGTH.index)
    if (of_interest, of_sum) == (line.interest, line.charges):
        return line
    return replace(line, interest=of_interest, charges=of_sum)


def _schedule(
    regime: Regime,
    lines: Iterable[ReminderLine],
    firsts: dict[str, date | None],
    mode: str,
    policy: Policy,
    today: date,
) -> tuple[tuple[Worked, ...], tuple[str, ...]]:
    """The arithmetic of each line that speaks in this mode; none at all if a rate is missing."""
    made, told = [], dict[str, None]()
    for line in lines:
        first_day = firsts[line.key]
        if line.interest != mode or not first_day:
            continue
        try:
            statement = interest(
                regime, line.net, first_day, today, contract_rate=policy.contract_rate
            )
        except RateMissing as error:
            return (), (str(error),)
        told.update(dict.fromkeys(statement.warnings))
        made.append(Worked(line=line.key, invoice=line.invoice, statement=statement))
    return tuple(made), tuple(told)


def _fixed(regime: Regime, lines: Iterable[ReminderLine], mode: str) -> int | None:
    """The fixed sums, one an invoice (or one of all, on a scale), None where no line has one.

    The amount unpaid at the end of the due date is not known: the present one is never more.
    """
    unpaid: dict[str, int] = {}
    for line in lines:
        if line.charges == mode and line.days_past_due > 0 and line.net > 0:
            unpaid[line.invoice_id] = unpaid.get(line.invoice_id, 0) + line.net
    if not unpaid:
        return None
    if regime.by_message:
        return regime.fixed_sum(sum(unpaid.values()))
    return sum(regime.fixed_sum(amount) for amount in unpaid.values())


def _right(regime: Regime, standing: Standing, policy: Policy, today: date) -> _Right:
    """What may be said of a line: to a business from the due date on, to a consumer by stages."""
    due_on, step = standing.case.due_on, standing.next.step if standing.next else None
    if due_on is None or step is None:
        return _Right()
    if regime.rolls:
        home = policy.home if policy.country == regime.country else regime.country
        due_on = terms.rolled(due_on, (home,))
    if not regime.consumer:
        return _Right("claim", due_on + DAY)
    had = [h for h in standing.case.had if h.state is HadState.SENT and not h.rung.side]
    first_day: date | None = None
    announced = False
    if duty := _DUTY.get(regime.code):
        announced = step.legal == duty  # the law wants the amounts named there
        over = _wait_over(had, duty)
        if over and regime.code == "BE_B2C":
            first_day = over + DAY
        elif over and over < today:
            first_day = due_on + DAY
    elif regime.code == "FR_B2C":
        announced = step.stage in _LAST_WORDS
        first_day = _day_after_receipt((h for h in had if h.rung.stage is Stage.NOTICE), regime)
    elif regime.code == "DE_B2C":  # an invoice's own date alone puts no consumer in default
        first_day = _day_after_receipt((h for h in had if h.on > due_on), regime)
    elif regime.code == "LU_B2C":
        # "after the third month following delivery": the invoice may not come before that
        first_day = max(due_on + DAY, _months_later(standing.case.issued_on, _LU_MONTHS + 1))
    if first_day and first_day <= today:
        return _Right("claim", first_day)
    return _Right("mention" if announced else "off")


def _wait_over(had: Iterable[Had], duty: str) -> date | None:
    """The last day of the legal wait after the first reminder that answered a duty."""
    ends = (h.wait_until or wait_until(duty, h.on, h.channel) for h in had if h.legal == duty)
    return min((end for end in ends if end), default=None)


def _day_after_receipt(had: Iterable[Had], regime: Regime) -> date | None:
    days = (
        h.received_on or calendar.after(h.on, _POST_DAYS, (regime.country,))
        if h.channel is Channel.LETTER
        else h.on
        for h in had
    )
    first = min(days, default=None)
    return first and first + DAY


def _months_later(day: date, months: int) -> date:
    """The first day of the month so many months after a day's own."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)
