"""How Dolibarr writes its values: whatever stands for nothing, for a number or for a day."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Annotated, Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ValidationError

from connector.errors import BadRecord
from connector.receivables.money import digits, minor

TITLE = "dolibarr"
NOTHING = (None, "", False)  # and an empty list: PHP has no empty object
STARTS = 50  # places in a damaged answer where its JSON is looked for
# the id of a new record behind a warning that PHP wrote
BARE = re.compile(r"(?is)^<br.*\b(?:warning|notice|deprecated)\b.*>\s*(\d+)$")
HALF_A_DAY = timedelta(hours=12)


def parsed(body: bytes) -> Any:
    """The JSON in an answer's body, also between warnings that PHP wrote around it.

    Raises:
        ValueError: there is none.
    """
    text = body.decode("utf-8", errors="replace").strip().lstrip("\ufeff")
    reader = json.JSONDecoder(strict=False)
    try:
        return reader.decode(text)
    except ValueError:
        pass
    if bare := BARE.search(text):
        return int(bare[1])
    starts = [place for place, sign in enumerate(text) if sign in "[{"]
    for place in starts[:STARTS]:
        try:
            found, end = reader.raw_decode(text, place)
        except ValueError:
            continue
        rest = text[end:].strip()
        if not rest or rest.startswith("<"):
            return found
    raise ValueError("no JSON")


def _nothing(raw: object) -> bool:
    return raw in NOTHING or raw == [] or raw == {}


def _text(raw: object) -> object:
    return "" if _nothing(raw) else str(raw)


def _number(raw: object) -> object:
    if _nothing(raw):
        return None
    try:
        return Decimal(str(raw).replace(" ", ""))
    except InvalidOperation:
        raise ValueError(f"{raw!r} is not a number") from None


def _whole(raw: object) -> object:
    number = _number(raw)
    return None if number is None else int(str(number).partition(".")[0])


def _parts(raw: object) -> object:
    """A list, also where PHP made an object of it: its keys were not 0, 1, 2 …"""
    if _nothing(raw):
        return []
    return list(raw.values()) if isinstance(raw, dict) else raw


Text = Annotated[str, BeforeValidator(_text)]
Number = Annotated[Decimal | None, BeforeValidator(_number)]
Whole = Annotated[int | None, BeforeValidator(_whole)]
T = TypeVar("T")
Parts = Annotated[list[T], BeforeValidator(_parts)]


class Wire(BaseModel):
    """Only the fields that we read; any of them may be missing, null or empty."""

    @classmethod
    def fields(cls) -> str:
        """The value of `properties`: every field by the name it has there."""
        return ",".join(field.alias or name for name, field in cls.model_fields.items())


class Row(Wire):
    """A record with an id; stamps are seconds since 1970."""

    id: Text

    @property
    def number(self) -> int:
        """The id as rows are ordered by it."""
        return int(self.id)


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Sheet(Generic[R]):
    """The rows of one answer, those that do not read, and the ids of all."""

    rows: list[R]
    bad: list[BadRecord]
    ids: list[int]


def sheet(raw: Iterable[Any], row: type[R], kind: str) -> Sheet[R]:
    """The rows of an answer. One that does not read is set aside with id and field."""
    found: Sheet[R] = Sheet([], [], [])
    for one in raw:
        id_ = str(one.get("id", "?")) if isinstance(one, dict) else "?"
        if id_.isdecimal():
            found.ids.append(int(id_))
        try:
            found.rows.append(row.model_validate(one))
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(str(part) for part in problem["loc"]) or "record"
            found.bad.append(BadRecord(kind, id_, place, problem["msg"]))
    return found


def cents(amount: Decimal, currency: str) -> int:
    """Minor units of an amount: figures come with eight decimals or as sums of floats."""
    unit = Decimal(1).scaleb(-digits(currency))
    return minor(amount.quantize(unit, ROUND_HALF_UP), currency)


def day(stamp: int, zone: ZoneInfo) -> date:
    """The day of a stamp of midnight in the server's zone: the nearest midnight.

    So a `zone` that is wrong by less than half a day does no harm.
    """
    return (datetime.fromtimestamp(stamp, zone) + HALF_A_DAY).date()


def instant(stamp: int | None) -> datetime | None:
    """The aware instant of a stamp."""
    return None if not stamp else datetime.fromtimestamp(stamp, UTC)


def local(stamp: int, zone: ZoneInfo) -> str:
    """A stamp as the database writes it, for a filter on `t.tms`."""
    return datetime.fromtimestamp(stamp, zone).strftime("%Y-%m-%d %H:%M:%S")
