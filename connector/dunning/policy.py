"""A reminder policy as types: the steps of the ladder and when they may speak."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from connector.dunning.policy_values import (
    Code,
    Count,
    Country,
    Language,
    Minimum,
    Word,
    clock,
    known_country,
    listed,
    month_day,
    plain,
    weekdays,
)
from connector.dunning.snapshot import Account, Channel, Rung, Stage
from connector.receivables import calendar, money, regimes
from connector.receivables.calendar import Places, Window
from connector.receivables.records import CustomerKind

SIDE = frozenset({Channel.CALL, Channel.VISIT, Channel.NOTE, Channel.TASK})
MESSAGES = frozenset({Channel.EMAIL, Channel.LETTER})
DEFAULT_DEADLINES = {Stage.FIRM: 8, Stage.NOTICE: 15}

Unit = Literal["days", "business days"]
Behaviour = Literal["new", "loyal", "strategic", "late", "occasional", "changed"]
Claiming = Literal["off", "mention", "claim"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Grace(_Model):
    """Days after the due date before anything is said; a step's own days win if later."""

    days: Count
    unit: Unit = "days"


class Backlog(_Model):
    """What to do with lines already this old at the first complete pull."""

    older_than_days: Annotated[int, Field(ge=1)]
    do: Literal["leave"] = "leave"


class Caps(_Model):
    """Messages since local midnight, and in the first seven days after installation."""

    day: Annotated[int, Field(ge=1)]
    first_week_day: Annotated[int, Field(ge=1)]


class Hours(_Model):
    """One sending window of the firm's clock."""

    days: Annotated[frozenset[int], BeforeValidator(weekdays)]
    start: Annotated[time, BeforeValidator(clock)] = Field(alias="from")
    until: Annotated[time, BeforeValidator(clock)]


class QuietPeriod(_Model):
    """A yearly period, both ends included, in which firm steps and calls wait (`all`: all)."""

    start: Annotated[tuple[int, int], BeforeValidator(month_day)] = Field(alias="from")
    until: Annotated[tuple[int, int], BeforeValidator(month_day)]
    all: bool = False

    def covers(self, day: date) -> bool:
        """Whether a day lies in the period; one that ends before it starts spans New Year."""
        here = (day.month, day.day)
        if self.start <= self.until:
            return self.start <= here <= self.until
        return here >= self.start or here <= self.until


class Only(_Model):
    """A step for some lines only: any one of the conditions suffices."""

    behaviour: Annotated[tuple[Behaviour, ...], BeforeValidator(listed)] = ()
    minimum: Minimum = {}

    @cached_property
    def smallest(self) -> Mapping[str, int]:
        """The balance that suffices, by currency, in minor units."""
        return {code: money.minor(amount, code) for code, amount in self.minimum.items()}


class Repeat(_Model):
    """How often a step is sent while no higher one is due; `times` counts the first."""

    every_days: Annotated[int, Field(ge=1)]
    times: Annotated[int, Field(ge=2, le=12)]


class Strategic(_Model):
    """Who counts as strategic by turnover with us in the last twelve months, beside the tag."""

    top_share: Annotated[Decimal, Field(gt=0, le=1)]  # of the customers, the largest first


class Step(_Model):
    """One rung of the ladder, in the policy's own words."""

    name: Word
    stage: Stage
    when: Literal["before due", "after due", "after previous"]
    days: Count = 0
    unit: Unit = "days"
    after: Literal["message", "deadline"] = "message"
    channel: Channel
    template: Word = ""
    copy_channel: Literal["email"] | None = Field(default=None, alias="copy")
    approve: bool = False
    deadline_days: Annotated[int, Field(ge=1, le=90)] | None = None
    interest: Claiming = "off"
    charges: Claiming = "off"
    only: Only | None = None
    repeat: Repeat | None = None
    until_days: Annotated[int, Field(ge=1)] | None = None
    legal: str = ""

    @property
    def text(self) -> str:
        """The template's name."""
        return self.template or self.name

    @property
    def deadline(self) -> int | None:
        """Days to the printed deadline, None where the stage prints none."""
        return self.deadline_days or DEFAULT_DEADLINES.get(self.stage)

    @cached_property
    def asks(self) -> bool:
        """Whether a person must approve it: always so for a notice and a hand-over."""
        return self.approve or self.stage in (Stage.NOTICE, Stage.HANDOVER)

    @cached_property
    def by_letter(self) -> "Step":
        """The same step for who prefers letters: an e-mail becomes one, but before the due date."""
        if self.channel is not Channel.EMAIL or self.stage is Stage.BEFORE_DUE:
            return self
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return Step.model_construct(**(given | {"channel": Channel.LETTER}))

    @cached_property
    def side(self) -> bool:
        """Whether it stands beside the ladder: a call, visit, note or task below the hand-over."""
        return self.channel in SIDE and self.stage is not Stage.HANDOVER

    @cached_property
    def stands_alone(self) -> bool:
        """Whether it groups only with its own step."""
        letter = self.channel is Channel.LETTER
        return self.stage is Stage.BEFORE_DUE or bool(self.legal) or self.asks or letter


class Match(_Model):
    """What a customer must be for a segment; all that is given must hold."""

    tags: Annotated[tuple[str, ...], BeforeValidator(listed)] = ()
    kind: Annotated[tuple[CustomerKind, ...], BeforeValidator(listed)] = ()
    language: Annotated[tuple[Language, ...], BeforeValidator(listed)] = ()
    country: Annotated[tuple[Country, ...], BeforeValidator(listed)] = ()
    currency: Annotated[tuple[Code, ...], BeforeValidator(listed)] = ()
    behaviour: Annotated[tuple[Behaviour, ...], BeforeValidator(listed)] = ()
    exposure_over: Minimum = {}


class Segment(_Model):
    """Customers who get another policy."""

    name: str
    match: Match
    use: str


class Policy(_Model):
    """One policy: `ladder` and `sides` are its steps on their rungs; `approve` asks a person."""

    name: Word
    country: Annotated[str, BeforeValidator(known_country)]
    region: str = ""
    regime: Annotated[str, AfterValidator(regimes.known)] = ""
    contract_rate: Annotated[Decimal, Field(ge=0, le=100)] | None = None  # percent a year
    gap_days: Annotated[int, Field(ge=1)] = 5
    min_age_days: Count = 7
    grace: Grace = Grace(days=2, unit="business days")
    minimum: Minimum = {}
    group_by: Literal["customer", "invoice"] = "customer"
    freshness_hours: Annotated[int, Field(ge=1)] = 26
    backlog: Backlog = Backlog(older_than_days=365)
    caps: Caps = Caps(day=200, first_week_day=20)
    windows: tuple[Hours, ...] = ()
    quiet: tuple[QuietPeriod, ...] = ()
    public_holidays: bool = True  # whether holidays of the seller and the customer close a day
    approve: Annotated[tuple[Behaviour, ...], BeforeValidator(listed)] = ("strategic",)
    strategic: Strategic | None = None
    missing_copy: Literal["warn", "stop"] = "warn"
    steps: tuple[Step, ...] = Field(alias="step", min_length=1)
    segments: tuple[Segment, ...] = Field(default=(), alias="segment")

    @cached_property
    def version(self) -> str:
        """Which content this is, whatever its name: twelve hexadecimal digits."""
        content = self.model_dump(by_alias=True)
        text = json.dumps(content, sort_keys=True, default=plain)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def rungs(self) -> tuple[tuple[Rung, Step], ...]:
        """Each step with its rung: the n-th message, or n-th call, of its stage."""
        counts: dict[tuple[Stage, bool], int] = {}
        placed = []
        for step in self.steps:
            count = counts[step.stage, step.side] = counts.get((step.stage, step.side), 0) + 1
            placed.append((Rung(step.stage, count, step.side), step))
        return tuple(sorted(placed, key=lambda pair: pair[0]))

    @cached_property
    def ladder(self) -> tuple[tuple[Rung, Step], ...]:
        """The e-mails, letters and hand-over, mildest first."""
        return tuple(pair for pair in self.rungs if not pair[0].side)

    @cached_property
    def sides(self) -> tuple[tuple[Rung, Step], ...]:
        """The calls, visits, notes and tasks."""
        return tuple(pair for pair in self.rungs if pair[0].side)

    @cached_property
    def repeats(self) -> bool:
        """Whether any message may be sent more than once by itself."""
        return any(step.repeat for step in self.steps)

    @cached_property
    def duties(self) -> Mapping[Rung, str]:
        """The legal duty that each message of the ladder answers for, empty where it is none."""
        return {rung: step.legal for rung, step in self.ladder}

    @cached_property
    def week(self) -> frozenset[int]:
        """The weekdays on which anything may go out."""
        days = (window.days for window in self.windows)
        return frozenset().union(*days) if self.windows else calendar.WEEK

    @cached_property
    def hours(self) -> tuple[Window, ...]:
        """The sending windows."""
        return tuple(Window(hour.days, hour.start, hour.until) for hour in self.windows)

    @cached_property
    def civil_hours(self) -> tuple[Window, ...]:
        """The sending windows towards consumers; where they leave no hour, consumers wait."""
        return calendar.civil(self.hours)

    def hours_for(self, kind: CustomerKind) -> tuple[Window, ...]:
        """The sending windows towards a kind of customer."""
        return self.civil_hours if kind is CustomerKind.CONSUMER else self.hours

    def days_for(self, country: str, kind: CustomerKind) -> tuple[Places, frozenset[int]]:
        """Whose holidays close a day towards a customer, and which weekdays are open.

        A consumer is left alone on Sundays and public holidays, whatever the policy says.
        """
        if kind is not CustomerKind.CONSUMER:
            return self.places(country), self.week
        places = (self.home,) if not country or country == self.country else (self.home, country)
        return places, self.week & calendar.CIVIL_WEEK or calendar.CIVIL_WEEK

    @cached_property
    def smallest(self) -> Mapping[str, int]:
        """The minimum claim of a message by currency, in minor units."""
        return {code: money.minor(amount, code) for code, amount in self.minimum.items()}

    @cached_property
    def sizes(self) -> Mapping[str, tuple[int, ...]]:
        """The balances from which on some step wants a line, by currency, in minor units."""
        sizes: dict[str, set[int]] = {}
        for step in self.steps:
            for code, least in step.only.smallest.items() if step.only else ():
                sizes.setdefault(code, set()).add(least)
        return {code: tuple(sorted(found)) for code, found in sizes.items()}

    @cached_property
    def home(self) -> str:
        """The seller's place for holidays."""
        return f"{self.country}-{self.region}" if self.region else self.country

    @property
    def top_share(self) -> Decimal | None:
        """The share of customers who are strategic by turnover, None where tags alone decide."""
        return self.strategic.top_share if self.strategic else None

    def asks(self, step: Step, account: Account) -> bool:
        """Whether a person must approve a step for this customer."""
        if step.asks or not self.approve:
            return step.asks
        return step.channel in MESSAGES and account.is_any(self.approve)

    def places(self, country: str) -> Places:
        """The places whose holidays count towards a customer of a country."""
        if not self.public_holidays:
            return ()
        return (self.home,) if not country or country == self.country else (self.home, country)
