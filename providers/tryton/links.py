"""The two ways to call Tryton: a user's session (RPC, every series) and a key (REST, series 8)."""

import json
import re
from abc import ABC, abstractmethod
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import ValidationError
from requests import Response

from connector.errors import AuthRequired, ConfigError, ConnectorError, OutcomeUnknown, Rejected
from providers.http import TRIES, Session
from providers.tryton.wire import TITLE, Binary, Row, Sheet, encode, opened, refusal, sheet

R = TypeVar("R", bound=Row)


class Link(ABC):
    """One user's way to one database. `context` goes with every call.

    Raises, from all methods: what `Session` raises; `Rejected` with the server's own words.
    """

    wrapped: bool  # answers stand in an envelope with `result` or `error`

    def __init__(self, http: Session, database: str) -> None:
        self.http = http
        self.database = database
        self.context: dict[str, object] = {"language": "en"}

    @abstractmethod
    def _post(self, model: str, method: str, arguments: Mapping[str, object], write: bool) -> bytes:
        """The answer's body."""

    @abstractmethod
    def report(self, name: str, record: int) -> bytes:
        """A document, in whatever format the server makes it."""

    def close(self) -> None:
        """End the session, whatever the server says."""
        self.http.close()

    def call(
        self, model: str, method: str, type_: Any, *, write: bool = False, **arguments: object
    ) -> Any:
        """A method's result as `type_`; `arguments` in the order of the method's parameters."""
        body = self._post(model, method, arguments, write)
        try:
            return opened(body, type_, wrapped=self.wrapped, write=write)
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            told = f"{TITLE}: {model}.{method} gave an answer that does not read: {problem}"
            raise (OutcomeUnknown(told) if write else Rejected(told)) from None

    def sheet(
        self,
        model: str,
        row: type[R],
        domain: Sequence[object],
        fields: Sequence[str],
        *,
        limit: int | None = None,
        order: Sequence[Sequence[str]] = (("id", "ASC"),),
    ) -> Sheet[R]:
        """The rows that a domain finds, by id unless another order is given."""
        arguments = {
            "domain": domain,
            "offset": 0,
            "limit": limit,
            "order": order,
            "fields_names": fields,
        }
        body = self._post(model, "search_read", arguments, write=False)
        try:
            return sheet(body, row, model, wrapped=self.wrapped)
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise Rejected(f"{TITLE}: {model} gave rows that do not read: {problem}") from None


class Rpc(Link):
    """A session of a user with a password, on any series from 7.0.

    A session that ended is renewed once; a login that was refused is never tried again.
    """

    wrapped = True

    def __init__(self, http: Session, database: str, user: str, password: str) -> None:
        super().__init__(http, database)
        self._user = user
        self._password = password
        self._session = ""
        self._refused: AuthRequired | None = None

    def _post(self, model: str, method: str, arguments: Mapping[str, object], write: bool) -> bytes:
        return self._call(f"model.{model}.{method}", list(arguments.values()), write)

    def report(self, name: str, record: int) -> bytes:
        body = self._call(f"report.{name}.execute", [[record], {}], write=False)
        found = opened(body, tuple[str, Binary, Any, Any], wrapped=True)
        return bytes(found[1])

    def close(self) -> None:
        if self._session:
            with suppress(ConnectorError):  # gone, or signed out already
                self._send("common.db.logout", [], write=False, tries=1)
            self._session = ""
        super().close()

    @cached_property
    def _path(self) -> str:
        """Where this server takes calls: series 8 below `/rpc/`, older ones at the root."""
        question = {"id": 0, "method": "common.server.version", "params": []}
        for suffix in ("rpc/", ""):
            answer = self.http.read(
                "POST", f"/{suffix}", json=question, accept=(400, 401, 403, 404, 405)
            )
            if answer.status_code == 200:
                return f"/{quote(self.database, safe='')}/{suffix}"
        raise ConfigError(
            f"{TITLE}: no Tryton answers at {self.http.redact(self.http.base_url)}: "
            "correct RELANCE_TRYTON_URL"
        )

    def _call(self, method: str, params: Sequence[object], write: bool) -> bytes:
        params = [*params, self.context]
        if self._session:
            answer = self._send(method, params, write)
            if answer.status_code != 401:
                return answer.content
        self._login()
        answer = self._send(method, params, write)
        if answer.status_code == 401:
            raise AuthRequired(
                f"{TITLE}: the server ends the session of {self._user!r} at once: "
                "ask its administrator why"
            )
        return answer.content

    def _send(
        self, method: str, params: Sequence[object], write: bool, tries: int = TRIES
    ) -> Response:
        question = {"id": 1, "method": method, "params": encode(list(params))}
        headers = {"Authorization": f"Session {self._session}"} if self._session else {}
        if write:
            answer = self.http.write(
                "POST", self._path, json=question, headers=headers, accept=(401, 404)
            )
        else:
            answer = self.http.read(
                "POST", self._path, json=question, headers=headers, accept=(401, 404), tries=tries
            )
        if answer.status_code == 404:
            raise no_database(self.http, self.database)
        return answer

    def _login(self) -> None:
        if self._refused:
            raise self._refused
        self._session = ""
        question = [self._user, {"password": self._password}, "en"]
        answer = self._send("common.db.login", question, write=False, tries=1)
        if answer.status_code == 401:
            self._refused = AuthRequired(
                f"{TITLE}: the server does not accept user {self._user!r} with this password: "
                "correct RELANCE_TRYTON_USER or RELANCE_TRYTON_PASSWORD"
            )
            raise self._refused
        try:
            number, key = opened(answer.content, list[Any], wrapped=True)[:2]
        except (Rejected, ValidationError, ValueError):
            self._refused = AuthRequired(
                f"{TITLE}: the server asks user {self._user!r} for more than a password, which a "
                "service cannot answer: use a key, RELANCE_TRYTON_KEY"
            )
            raise self._refused from None
        self._session = b64encode(f"{self._user}:{number}:{key}".encode()).decode()
        self.http.secrets += [str(key), self._session]


class Rest(Link):
    """A key of application `rest`, on series 8: no login, no expiry."""

    wrapped = False

    def _post(self, model: str, method: str, arguments: Mapping[str, object], write: bool) -> bytes:
        path = f"{self._root}/model/{model}/{method}"
        call = self.http.write if write else self.http.read
        answer = call(
            "POST",
            path,
            json={name: encode(value) for name, value in arguments.items()},
            headers=self._headers,
            accept=(400, 401, 403, 404, 500),
        )
        return self._judged(answer, f"{model}.{method}", write) or b"null"

    def report(self, name: str, record: int) -> bytes:
        answer = self.http.read(
            "GET",
            f"{self._root}/report/{name}/{record}",
            headers=self._headers,
            accept=(400, 401, 403, 404, 500),
            document=True,
        )
        return self._judged(answer, name, write=False)

    @property
    def _root(self) -> str:
        return f"/{quote(self.database, safe='')}/rest"

    @property
    def _headers(self) -> dict[str, str]:
        context = json.dumps(encode(self.context)).encode()
        return {"X-Tryton-Context": urlsafe_b64encode(context).decode()}

    def _judged(self, answer: Response, what: str, write: bool) -> bytes:
        match answer.status_code:
            case 400:
                raise Rejected(f"{TITLE}: refused: {_message(answer)}")
            case 401:
                raise AuthRequired(
                    f"{TITLE}: the server does not accept the key: make a new one of application "
                    "rest for the user and put it in RELANCE_TRYTON_KEY"
                )
            case 403:
                raise Rejected(f"{TITLE}: refused: the key's user has no right to call {what}")
            case 404:
                raise no_database(self.http, self.database)
            case 500:
                words = re.sub(r"<title>.*?</title>|<h1>.*?</h1>|<[^>]+>", " ", answer.text)
                raise refusal(" ".join(words.split())[:300], "", write=write)
        return answer.content


def no_database(http: Session, database: str) -> ConfigError:
    """The server is there, and has no such database (or, asked with a key, no REST)."""
    return ConfigError(
        f"{TITLE}: the server at {http.redact(http.base_url)} has no database {database!r}: "
        "correct RELANCE_TRYTON_DATABASE (a key needs Tryton 8.0 or newer)"
    )


def _message(answer: Response) -> str:
    try:
        told = answer.json()
        return " ".join(part for part in (told["message"], told["description"]) if part)
    except (ValueError, KeyError, TypeError):
        return " ".join(answer.text[:300].split())
