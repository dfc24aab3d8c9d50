"""How Frappe writes its values, and what its answers hold: rows, and refusals in its own words."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from html import unescape
from typing import Annotated, Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from connector.errors import BadRecord
from connector.receivables.money import minor

TITLE = "erpnext"
NOISE = Decimal("0.000001")  # amounts are floats of nine decimals: what is below is arithmetic


def exact(raw: object) -> object:
    """The decimal that a JSON number stands for, 0 where the field is empty.

    Raises:
        ValueError: it is no finite number.
    """
    if raw is None or raw == "":
        return Decimal(0)
    if isinstance(raw, bool) or not isinstance(raw, int | float | str | Decimal):
        raise ValueError("not an amount")
    try:
        found = Decimal(str(raw)).quantize(NOISE)
    except ArithmeticError:
        raise ValueError(f"{raw} is not an amount") from None
    if not found.is_finite():
        raise ValueError(f"{raw} is not an amount")
    return found


def empty(raw: object) -> object:
    """None for what Frappe leaves empty in either way."""
    return None if raw == "" else raw


Amount = Annotated[Decimal, BeforeValidator(exact)]
Day = Annotated[date | None, BeforeValidator(empty)]
Stamp = Annotated[datetime | None, BeforeValidator(empty)]
Text = Annotated[str, BeforeValidator(lambda raw: "" if raw is None else raw)]
Flag = Annotated[bool, BeforeValidator(lambda raw: bool(int(raw or 0)))]


class Wire(BaseModel):
    """Only the fields that we read; a name that is a number is a name all the same."""

    model_config = ConfigDict(coerce_numbers_to_str=True)


class Row(Wire):
    """A document or a row of one; `modified` is in the site's own time, without saying so."""

    name: str
    modified: Stamp = None


class Child(Row):
    """A row of a document's table; `parent` is the document's name."""

    parent: str = ""


R = TypeVar("R", bound=Row)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sheet(Generic[R]):
    """The rows of one answer, those that do not read, and the names of all in their order."""

    rows: list[R]
    bad: list[BadRecord]
    names: list[str]


class Reply(BaseModel, Generic[T]):
    """An answer: a method's result is its `message`, what was made `data`, a form's the others."""

    message: T | None = None
    data: T | None = None
    docinfo: T | None = None
    docs: T | None = None


def opened(body: bytes, type_: Any) -> Any:
    """The result in an answer's body, as `type_`; None where the method gives none.

    Raises:
        ValidationError: the result is not of that type.
    """
    reply = _adapter(type_).validate_json(body)
    parts = (reply.message, reply.data, reply.docinfo, reply.docs)
    return next((part for part in parts if part is not None), None)


def sheet(body: bytes, row: type[R], doctype: str) -> Sheet[R]:
    """The rows in an answer's body. One that does not read is set aside with name and field.

    Raises:
        ValidationError: the answer holds no rows at all.
    """
    try:
        rows = opened(body, list[row]) or []  # type: ignore[valid-type]
        return Sheet(rows, [], [one.name for one in rows])
    except ValidationError:
        found: Sheet[R] = Sheet([], [], [])
    for raw in opened(body, list[dict[str, Any]]) or []:
        name = str(raw.get("name"))
        found.names.append(name)
        try:
            found.rows.append(row.model_validate(raw))
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(str(part) for part in problem["loc"])
            found.bad.append(BadRecord(doctype, name, place, problem["msg"]))
    return found


@cache
def _adapter(type_: Any) -> TypeAdapter[Any]:
    return TypeAdapter(Reply[type_])


def instant(local: datetime | None, zone: ZoneInfo) -> datetime | None:
    """The UTC instant of a site's local stamp; None in the hour that is told twice in autumn.

    Without a stamp the version read last counts as the newest, which in that hour it is.
    """
    if local is None:
        return None
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    return first.astimezone(UTC) if first.utcoffset() == second.utcoffset() else None


def cents(amount: Decimal, currency: str) -> int:
    """Minor units of an amount.

    Raises:
        ValueError: it is finer than the currency's smallest unit, or there is no such currency.
    """
    return minor(amount, currency)


def plain(html: str) -> str:
    """The words of a piece of HTML: line breaks stay, tags go."""
    broken = re.sub(r"<br\s*/?>|</(?:p|div|li|tr)>", "\n", html, flags=re.IGNORECASE)
    return unescape(re.sub(r"<[^>]*>", " ", broken)).strip()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why Frappe refused: the name of its exception, and its words for people."""

    type: str
    words: str


def refusal(body: bytes) -> Refusal:
    """What an answer that is an error says; both empty when it is no answer of Frappe's.

    `_server_messages` is JSON in JSON in JSON, and its innermost texts are HTML.

    Source: frappe/utils/response.py, versions 14 to 16.
    """
    try:
        told = json.loads(body)
    except ValueError:
        return Refusal("", "")
    if not isinstance(told, dict):
        return Refusal("", "")
    for error in told.get("errors") or ():  # the second version of the API
        return Refusal(str(error.get("type", "")), _line(str(error.get("message", ""))))
    words = [_line(_message(one)) for one in _listed(told.get("_server_messages"))]
    exception = str(told.get("exception") or "").partition(": ")[2]
    other = told.get("message") if isinstance(told.get("message"), str) else ""
    return Refusal(
        str(told.get("exc_type") or ""),
        "; ".join(dict.fromkeys(word for word in words if word)) or _line(exception or other or ""),
    )


def _listed(raw: object) -> list[object]:
    try:
        found = json.loads(raw) if isinstance(raw, str) else raw
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def _message(raw: object) -> str:
    try:
        inner = json.loads(raw) if isinstance(raw, str) else raw
    except ValueError:
        return str(raw)
    return str(inner.get("message") or "") if isinstance(inner, dict) else str(inner)


def _line(html: str) -> str:
    return " ".join(plain(html).split())
