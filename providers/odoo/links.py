"""The two ways to call Odoo: JSON-RPC (every version) and JSON-2 (a key, from version 19)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from connector.errors import AuthRequired, ConfigError, OutcomeUnknown, Rejected
from providers.http import Session
from providers.odoo.door import login, nowhere, rpc, version_of
from providers.odoo.wire import TITLE, Fault, Ref, Row, Sheet, Text, opened, refusal, sheet

WITH_JSON2 = 19  # the version from which
# over RPC these go by their place: a list of ids or of values has no name there
PLACED = ("ids", "domain", "allfields", "vals_list")
JSON2_TELLS = (400, 401, 403, 404, 409, 415, 422, 500)

R = TypeVar("R", bound=Row)


class Who(BaseModel):
    """The user's own language and time zone; over JSON-2 also who it is."""

    lang: Text = ""
    tz: Text = ""
    uid: Ref = None


class Link(ABC):
    """One user's way to one database. `context` goes with every call.

    Raises, from all methods: what `Session` raises; what `wire.refusal` makes of an error.
    """

    wrapped: bool  # answers stand in an envelope with `result` or `error`

    def __init__(self, http: Session, database: str, major: int) -> None:
        self.http, self.database, self.major = http, database, major
        self.context: dict[str, object] = {}
        self._fields: dict[tuple[str, ...], list[str]] = {}

    @property
    @abstractmethod
    def uid(self) -> int:
        """The user's id."""

    @abstractmethod
    def _post(self, model: str, method: str, arguments: dict[str, object], write: bool) -> bytes:
        """The answer's body."""

    @cached_property
    def who(self) -> Who:
        """The user's own settings."""
        found: Who = self.call("res.users", "context_get", Who)
        return found

    def call(
        self,
        model: str,
        method: str,
        type_: Any,
        *,
        write: bool = False,
        context: Mapping[str, object] | None = None,
        **arguments: object,
    ) -> Any:
        """A method's result as `type_`, None where it returns nothing."""
        arguments["context"] = {**self.context, **(context or {})}
        body, what = self._post(model, method, arguments, write), f"{model}.{method}"
        try:
            return opened(body, type_, what, wrapped=self.wrapped, write=write)
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            told = f"{TITLE}: {what} gave an answer that does not read: {problem}"
            raise (OutcomeUnknown(told) if write else Rejected(told)) from None

    def sheet(
        self,
        model: str,
        row: type[R],
        domain: Sequence[object],
        fields: Sequence[str],
        *,
        limit: int | None = None,
        order: str = "id",
    ) -> Sheet[R]:
        """The rows that a domain finds, by id unless another order is given."""
        arguments: dict[str, object] = {"domain": domain, "fields": list(fields), "order": order}
        if limit:
            arguments["limit"] = limit
        arguments["context"] = self.context
        body, what = self._post(model, "search_read", arguments, write=False), f"read {model}"
        try:
            return sheet(body, row, what, model, wrapped=self.wrapped)
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise Rejected(f"{TITLE}: {model} gave rows that do not read: {problem}") from None

    def create(self, model: str, values: Mapping[str, object]) -> int:
        """The id of a new record."""
        made = self.call(model, "create", list[int] | int, write=True, vals_list=[values])
        return int(made[0] if isinstance(made, list) else made)

    def fields(self, model: str, needed: Sequence[str], optional: Sequence[str] = ()) -> list[str]:
        """The fields to ask for, asked of the server once: one that it lacks fails a whole call.

        Raises:
            ConfigError: it lacks what is needed, or hides it from this user.
        """
        key = (model, *needed, *optional)
        if key not in self._fields:
            asked = [*needed, *optional]
            try:
                known = self.call(
                    model, "fields_get", dict[str, Any], allfields=asked, attributes=["type"]
                )
            except Rejected:
                raise ConfigError(
                    f"{TITLE}: the database has no {model}: install Odoo's app Invoicing"
                ) from None
            if missing := [name for name in needed if name not in (known or ())]:
                raise ConfigError(f"{TITLE}: {model} shows this user no {', '.join(missing)}")
            self._fields[key] = [name for name in asked if name in (known or ())]
        return self._fields[key]

    def has(self, model: str, field: str = "id") -> bool:
        """Whether there is this model, with this field: a module may bring either."""
        try:
            return bool(self.fields(model, (), (field,)))
        except ConfigError:
            return False


class JsonRpc(Link):
    """A user with a password or a key, on any version. A sign-in that was refused stays so."""

    wrapped = True

    def __init__(self, http: Session, database: str, major: int, user: str, secret: str) -> None:
        super().__init__(http, database, major)
        self._user, self._secret = user, secret
        self._refused: AuthRequired | None = None

    @cached_property
    def uid(self) -> int:
        if self._refused:
            raise self._refused
        found = login(self.http, self.database, self._user, self._secret)
        if found:
            return found
        self._refused = AuthRequired(
            f"{TITLE}: the server does not accept user {self._user!r} with this password or key: "
            "correct RELANCE_ODOO_USER and RELANCE_ODOO_PASSWORD or RELANCE_ODOO_KEY (a user with "
            "two-factor sign-in needs a key)"
        )
        raise self._refused

    def _post(self, model: str, method: str, arguments: dict[str, object], write: bool) -> bytes:
        placed = [arguments.pop(name) for name in PLACED if name in arguments]
        args = [self.database, self.uid, self._secret, model, method, placed, arguments]
        call = self.http.write if write else self.http.read
        return call("POST", "/jsonrpc", json=rpc("object", "execute_kw", args)).content


class Json2(Link):
    """A key, from version 19: no sign-in. Every argument has a name."""

    wrapped = False

    def __init__(self, http: Session, database: str, major: int, key: str) -> None:
        super().__init__(http, database, major)
        self._headers = {"Authorization": f"bearer {key}"}

    @property
    def uid(self) -> int:
        return self.who.uid or 0

    def _post(self, model: str, method: str, arguments: dict[str, object], write: bool) -> bytes:
        what, call = f"{model}.{method}", self.http.write if write else self.http.read
        answer = call(
            "POST",
            f"/json/2/{model}/{method}",
            json=arguments,
            headers=self._headers,
            accept=JSON2_TELLS,
        )
        if answer.status_code == 200:
            return answer.content
        try:
            fault = Fault.model_validate_json(answer.content)
        except ValidationError:
            if answer.status_code == 404:
                raise nowhere(self.http, self.database) from None
            fault = Fault(message=f"HTTP {answer.status_code}")
        if answer.status_code == 401:
            fault.name = "Unauthorized"
        raise refusal(fault.name, fault.message, what, write=write)


def connected(http: Session, database: str, user: str, password: str, key: str) -> Link:
    """JSON-2 where the server has it and there is a key, else JSON-RPC.

    Raises:
        ConfigError: no Odoo answers there, or it needs a user's name beside the key.
    """
    major = version_of(http)
    if key and major >= WITH_JSON2:
        return Json2(http, database, major, key)
    if not user:
        raise ConfigError(
            f"{TITLE}: RELANCE_ODOO_USER is missing: the server is Odoo {major}, and before "
            f"{WITH_JSON2} a key goes with the name of its user"
        )
    return JsonRpc(http, database, major, user, key or password)
