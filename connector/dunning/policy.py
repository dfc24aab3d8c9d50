"""A reminder policy as types: the steps of the ladder and when they may speak."""

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from connector.dunning.snapshot import Channel, Rung, Stage
from connector.receivables import calendar, money
from connector.receivables.calendar import Places, Window
from connector.receivables.records import CustomerKind

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SIDE = frozenset({Channel.CALL, Channel.NOTE, Channel.TASK})
MESSAGES = frozenset({Channel.EMAIL, Channel.LETTER})
DEFAULT_DEADLINES = {Stage.FIRM: 8, Stage.NOTICE: 15}

Unit = Literal["days", "business days"]
Behaviour = Literal["new", "loyal", "late", "occasional"]
Claiming = Literal["off", "mention", "claim"]


def _weekdays(value: object) -> frozenset[int]:
    days: set[int] = set()
    for part in str(value).replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last and last not in WEEKDAYS):
            raise ValueError("expected weekdays such as mon-fri or mon,wed,fri")
        start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        days.update(range(start, end + 1) if start <= end else [*range(start, 7), *range(end + 1)])
    return frozenset(days)


def _clock(value: object) -> time:
    if value == "24:00":
        return time.max
    try:
        return time.fromisoformat(str(value))
    except ValueError:
        raise ValueError("expected a time such as 09:00 (24:00 is the end of the day)") from None


def _month_day(value: object) -> tuple[int, int]:
    try:
        day = date.fromisoformat(f"2024-{value}")
    except ValueError:
        raise ValueError("expected a day of the year such as 08-01 (month-day)") from None
    return day.month, day.day


def _currency(value: str) -> str:
    money.digits(value)
    return value


def _country(value: str) -> str:
    if not calendar.known(value):
        raise ValueError("expected a country code such as FR (ISO 3166-1)")
    return value


def _list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Minimum = Mapping[Annotated[str, BeforeValidator(_currency)], Annotated[Decimal, Field(ge=0)]]
Count = Annotated[int, Field(ge=0)]
Word = Annotated[str, Field(pattern=r"^[a-z0-9_][a-z0-9_-]*$", max_length=40)]


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

    days: Annotated[frozenset[int], BeforeValidator(_weekdays)]
    start: Annotated[time, BeforeValidator(_clock)] = Field(alias="from")
    until: Annotated[time, BeforeValidator(_clock)]


class QuietPeriod(_Model):
    """A yearly period, both ends included, in which firm steps and calls wait (`all`: all)."""

    start: Annotated[tuple[int, int], BeforeValidator(_month_day)] = Field(alias="from")
    until: Annotated[tuple[int, int], BeforeValidator(_month_day)]
    all: bool = False

    def covers(self, day: date) -> bool:
        """Whether a day lies in the period; one that ends before it starts spans New Year."""
        here = (day.month, day.day)
        if self.start <= self.until:
            return self.start <= here <= self.until
        return here >= self.start or here <= self.until


class Only(_Model):
    """A step for some lines only: any one of the conditions suffices."""

    behaviour: Annotated[tuple[Behaviour, ...], BeforeValidator(_list)] = ()
    minimum: Minimum = {}


class Repeat(_Model):
    """How often a step is sent while no higher one is due; `times` counts the first."""

    every_days: Annotated[int, Field(ge=1)]
    times: Annotated[int, Field(ge=2, le=12)]


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
    def side(self) -> bool:
        """Whether it stands beside the ladder: a call, note or task below the hand-over."""
        return self.channel in SIDE and self.stage is not Stage.HANDOVER

    @cached_property
    def stands_alone(self) -> bool:
        """Whether it groups only with its own step."""
        letter = self.channel is Channel.LETTER
        return self.stage is Stage.BEFORE_DUE or bool(self.legal) or self.asks or letter


class Match(_Model):
    """What a customer must be for a segment; all that is given must hold."""

    tags: tuple[str, ...] = ()
    kind: Annotated[tuple[CustomerKind, ...], BeforeValidator(_list)] = ()
    language: Annotated[tuple[str, ...], BeforeValidator(_list)] = ()
    country: Annotated[tuple[str, ...], BeforeValidator(_list)] = ()
    currency: Annotated[tuple[str, ...], BeforeValidator(_list)] = ()
    behaviour: Annotated[tuple[Behaviour, ...], BeforeValidator(_list)] = ()
    exposure_over: Minimum = {}


class Segment(_Model):
    """Customers who get another policy."""

    name: str
    match: Match
    use: str


class Policy(_Model):
    """One policy; `ladder` and `sides` are its steps with the rungs they stand on."""

    name: Word
    country: Annotated[str, BeforeValidator(_country)]
    region: str = ""
    regime: str = ""
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
    missing_copy: Literal["warn", "stop"] = "warn"
    steps: tuple[Step, ...] = Field(alias="step", min_length=1)
    segments: tuple[Segment, ...] = Field(default=(), alias="segment")

    @cached_property
    def rungs(self) -> tuple[tuple[Rung, Step], ...]:
        """Each step with its rung: the n-th message, or n-th call, of its stage."""
        counts: dict[tuple[Stage, bool], int] = {}
        placed = []
        for step in self.steps:
            count = counts[step.stage, step.side] = counts.get((step.stage, step.side), 0) + 1
            placed.append((Rung(step.stage, count, step.side), step))
        return tuple(sorted(placed, key=lambda pair: pair[0].order))

    @cached_property
    def ladder(self) -> tuple[tuple[Rung, Step], ...]:
        """The e-mails, letters and hand-over, mildest first."""
        return tuple(pair for pair in self.rungs if not pair[0].side)

    @cached_property
    def sides(self) -> tuple[tuple[Rung, Step], ...]:
        """The calls, notes and tasks."""
        return tuple(pair for pair in self.rungs if pair[0].side)

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
    def smallest(self) -> Mapping[str, int]:
        """The minimum claim of a message by currency, in minor units."""
        return {code: money.minor(amount, code) for code, amount in self.minimum.items()}

    @cached_property
    def home(self) -> str:
        """The seller's place for holidays."""
        return f"{self.country}-{self.region}" if self.region else self.country

    def places(self, country: str) -> Places:
        """The places whose holidays count towards a customer of a country."""
        if not self.public_holidays:
            return ()
        return (self.home,) if not country or country == self.country else (self.home, country)
