"""How Odoo writes its values, and what its answers and errors hold."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError

from connector.errors import (
    AuthRequired,
    BadRecord,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Transient,
)
from connector.receivables.money import minor

TITLE = "odoo"
NOISE = Decimal("0.000001")  # an amount travels as a binary float


class NoRight(AuthRequired):
    """The user is known and may not read this."""


class Named(NamedTuple):
    """A record pointed at, with its name: a currency's is its code."""

    id: int
    name: str


def present(raw: object) -> object:
    """Odoo writes what is empty, whatever its type, as `false`."""
    return None if raw is False else raw


def _text(raw: object) -> object:
    return "" if raw is False or raw is None else raw


def _named(raw: object) -> object:
    if isinstance(raw, list) and len(raw) == 2:
        return Named(raw[0], raw[1] or "")
    return None if raw is False else raw


def _id(raw: object) -> object:
    return raw[0] if isinstance(raw, list) and raw else present(raw)


def _instant(raw: object) -> object:
    if isinstance(raw, str):  # UTC, without saying so
        return datetime.fromisoformat(raw).replace(tzinfo=UTC)
    return present(raw)


Text = Annotated[str, BeforeValidator(_text)]
Day = Annotated[date | None, BeforeValidator(present)]
Instant = Annotated[datetime | None, BeforeValidator(_instant)]
Ref = Annotated[int | None, BeforeValidator(_id)]
Pointer = Annotated[Named | None, BeforeValidator(_named)]
Amount = Annotated[Decimal, BeforeValidator(lambda raw: raw or Decimal(0))]


class Row(BaseModel):
    """A record, and when it last changed: only the fields that we read."""

    id: int
    write_date: Instant = None


R = TypeVar("R", bound=Row)
T = TypeVar("T")


def cents(amount: Decimal, currency: str) -> int:
    """Minor units of an amount as it travelled.

    Raises:
        ValueError: it is finer than the currency's smallest unit, or that is no currency.
    """
    return minor(amount.quantize(NOISE), currency)


def stamp(instant: datetime) -> str:
    """The instant as Odoo's conditions take it: UTC, whole seconds."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def either(clauses: Sequence[list[object]]) -> list[object]:
    """The domain in which one of the clauses holds."""
    return [*["|"] * (len(clauses) - 1), *clauses]


def chunks(ids: Iterable[int], size: int) -> Iterator[list[int]]:
    """The ids in lists of at most that many."""
    whole = list(ids)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


def number_of(text: str) -> int:
    """A record's id, 0 (which none has) for what cannot be one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else 0


class Fault(BaseModel):
    """An error: `name` is the exception's; its message is in the user's language, for people."""

    name: str = ""
    message: Text = ""


class Failure(BaseModel):
    """An error of JSON-RPC; its own code and message say nothing."""

    message: Text = ""
    data: Fault = Fault()


class Answer(BaseModel, Generic[T]):
    """A JSON-RPC answer; neither is there when the method returns nothing."""

    result: T | None = None
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class Sheet(Generic[R]):
    """The rows of one answer, those that do not read, and the ids of all in the answer's order."""

    rows: list[R]
    bad: list[BadRecord]
    ids: list[int]


@cache
def _adapter(type_: Any, wrapped: bool) -> TypeAdapter[Any]:
    return TypeAdapter(Answer[type_] if wrapped else type_)


def opened(body: bytes, type_: Any, what: str, *, wrapped: bool, write: bool = False) -> Any:
    """The result in an answer's body as `type_`; `wrapped` when it stands in a JSON-RPC envelope.

    Raises:
        ConnectorError: the error that the answer holds instead.
        ValidationError: the result is not of that type.
    """
    answer = _adapter(type_, wrapped).validate_json(body)
    if not wrapped:
        return answer
    if answer.error is not None:
        fault = answer.error.data
        raise refusal(fault.name, fault.message or answer.error.message, what, write=write)
    return answer.result


def sheet(body: bytes, row: type[R], what: str, model: str, *, wrapped: bool) -> Sheet[R]:
    """The rows in an answer's body. One that does not read is set aside with id and field."""
    try:
        rows = opened(body, list[row], what, wrapped=wrapped)  # type: ignore[valid-type]
        if rows is not None:
            return Sheet(rows, [], [one.id for one in rows])
    except ValidationError:
        pass
    found: Sheet[R] = Sheet([], [], [])
    for raw in opened(body, list[dict[str, Any]], what, wrapped=wrapped) or ():
        found.ids.append(int(raw["id"]))
        try:
            found.rows.append(row.model_validate(raw))
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(str(part) for part in problem["loc"])
            found.bad.append(BadRecord(model, str(raw["id"]), place, problem["msg"]))
    return found


def refusal(name: str, message: str, what: str, *, write: bool) -> ConnectorError:
    """What an exception of the server's means for the caller, told by its name alone.

    A write that a rule of Odoo's refused was rolled back; of one that broke down nobody knows.

    Source: Odoo 17.0 and 19.0, answers by JSON-RPC and JSON-2 as servers gave them.
    """
    words = " ".join(message.split())[:300] or name or "no reason given"
    kind = name.rpartition(".")[2]
    if kind in ("AccessDenied", "Unauthorized"):
        return AuthRequired(
            f"{TITLE}: the server does not accept this user or key: correct RELANCE_ODOO_USER and "
            "RELANCE_ODOO_PASSWORD, or make a new key (they expire) for RELANCE_ODOO_KEY"
        )
    if kind in ("AccessError", "Forbidden"):
        told = f"{TITLE}: {what}: the user has no right to do this: {words}"
        return Rejected(told) if write else NoRight(told)
    if kind in ("LockError", "ConcurrencyError"):
        return Transient(f"{TITLE}: {what}: somebody else is writing there: {words}")
    if kind in ("UserError", "ValidationError", "MissingError", "RedirectWarning", "NotFound"):
        return Rejected(f"{TITLE}: {what} refused: {words}")
    if write:
        return OutcomeUnknown(
            f"{TITLE}: {what}: the server failed ({name}: {words}): it may have been done"
        )
    if name.startswith("psycopg2."):
        return Transient(f"{TITLE}: {what}: the server has no database now ({name})")
    return Rejected(f"{TITLE}: {what}: the server failed ({name}: {words}): its log says more")
