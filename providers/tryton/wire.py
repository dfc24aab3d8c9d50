"""How Tryton writes its values, and what its answers hold."""

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError

from connector.errors import (
    BadRecord,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Transient,
)

TITLE = "tryton"
DAY = ("year", "month", "day")
INSTANT = (*DAY, "hour", "minute", "second", "microsecond")
# the server could not reach its mail server: refused, unreachable, no such name
NO_CONNECTION = re.compile(r"\[Errno (111|61|101|113|-2|-3)\]")


def plain(raw: object) -> object:
    """The value that a `__class__` object stands for; anything else as it is."""
    if not isinstance(raw, dict):
        return raw
    try:
        match raw.get("__class__"):
            case "Decimal":
                return raw["decimal"]
            case "date":
                return date(*(raw[part] for part in DAY))
            case "datetime":  # UTC, without saying so
                return datetime(**{part: raw[part] for part in INSTANT}, tzinfo=UTC)
            case "bytes":
                return b64decode(raw["base64"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a {raw['__class__']}: {error}") from None
    return raw


def encode(value: object) -> object:
    """The value as Tryton's JSON has it, also inside lists and mappings."""
    match value:
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
        case datetime():
            utc = value.astimezone(UTC)
            return {"__class__": "datetime"} | {part: getattr(utc, part) for part in INSTANT}
        case date():
            return {"__class__": "date"} | {part: getattr(value, part) for part in DAY}
        case bytes():
            return {"__class__": "bytes", "base64": b64encode(value).decode()}
        case Mapping():
            return {name: encode(part) for name, part in value.items()}
        case list() | tuple():
            return [encode(part) for part in value]
    return value


Amount = Annotated[Decimal, BeforeValidator(plain)]
Day = Annotated[date, BeforeValidator(plain)]
Instant = Annotated[datetime, BeforeValidator(plain)]
Binary = Annotated[bytes, BeforeValidator(plain)]


class Wire(BaseModel):
    """Only the fields that we read."""


class Coded(Wire):
    """A currency, language, country, subdivision or identifier."""

    id: int
    code: str | None = None


class Row(Wire):
    """A record with its stamps: `write_date` is empty until it is first written."""

    id: int
    create_date: Instant | None = None
    write_date: Instant | None = None

    @property
    def modified_at(self) -> datetime | None:
        """When the record last changed."""
        return self.write_date or self.create_date


R = TypeVar("R", bound=Row)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sheet(Generic[R]):
    """The rows of one answer, those that do not read, and the ids of all in the answer's order."""

    rows: list[R]
    bad: list[BadRecord]
    ids: list[int]


def opened(body: bytes, type_: Any, *, wrapped: bool, write: bool = False) -> Any:
    """The result in an answer's body, as `type_`; `wrapped` when it stands beside an `error`.

    Raises:
        ConnectorError: the error that the answer holds instead.
        ValidationError: the result is not of that type.
    """
    answer = _adapter(type_, wrapped).validate_json(body)
    if not wrapped:
        return answer
    if answer.error is not None:
        raise refusal(*answer.error[:2], write=write)
    return answer.result


def sheet(body: bytes, row: type[R], model: str, *, wrapped: bool) -> Sheet[R]:
    """The rows in an answer's body. One that does not read is set aside with id and field."""
    try:
        rows = opened(body, list[row], wrapped=wrapped)  # type: ignore[valid-type]
        return Sheet(rows, [], [one.id for one in rows])
    except ValidationError:
        found: Sheet[R] = Sheet([], [], [])
    for raw in opened(body, list[dict[str, Any]], wrapped=wrapped):
        found.ids.append(int(raw["id"]))
        try:
            found.rows.append(row.model_validate(raw))
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(str(part).rstrip(".") for part in problem["loc"])
            found.bad.append(BadRecord(model, str(raw["id"]), place, problem["msg"]))
    return found


class Answer(BaseModel, Generic[T]):
    """An RPC answer: one of the two is there."""

    result: T | None = None
    error: list[Any] | None = None


@cache
def _adapter(type_: Any, wrapped: bool) -> TypeAdapter[Any]:
    return TypeAdapter(Answer[type_] if wrapped else type_)


def refusal(kind: str, detail: object, *, write: bool) -> ConnectorError:
    """What an error in an answer means for the caller.

    Of a write it is certain only that a mail server which was not reached got nothing.

    Source: Tryton 8.2, RPC answers as a server gave them.
    """
    words = " ".join(str(part) for part in detail if part) if isinstance(detail, list) else detail
    if kind in ("UserError", "UserWarning", "ConcurrencyException"):
        return Rejected(f"{TITLE}: refused: {words}")
    if write and NO_CONNECTION.search(kind):
        return Transient(f"{TITLE}: the server cannot reach its mail server ({kind})")
    if write:
        return OutcomeUnknown(f"{TITLE}: the server failed ({kind}): it may have been done")
    return Rejected(f"{TITLE}: the server failed ({kind}): its log says more")
