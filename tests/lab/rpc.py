"""Tryton's session protocol: sign in, call a method by name, get plain values back.

It speaks plain HTTP with the standard library, so that whatever a test does to the project's
own HTTP client leaves the lab alone.
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any

PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")


class RpcError(Exception):
    """The server refused: `kind` is UserError, UserWarning or an HTTP status; then what it said."""

    def __init__(self, kind: str, detail: Any) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


def encode(value: object) -> dict[str, object]:
    """Return the object that stands for a value JSON lacks; instants go in UTC, without a zone."""
    match value:
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
        case bytes():
            return {"__class__": "bytes", "base64": base64.encodebytes(value).decode()}
        case datetime():
            moment = value.astimezone(UTC)
            return {"__class__": "datetime", **{name: getattr(moment, name) for name in PARTS}}
        case date():
            return {"__class__": "date", **{name: getattr(value, name) for name in PARTS[:3]}}
    raise TypeError(f"{value!r} cannot be sent")


def decode(raw: dict[str, Any]) -> Any:
    """Return the value that an object stands for, or the object; instants are aware."""
    match raw.get("__class__"):
        case "Decimal":
            return Decimal(raw["decimal"])
        case "bytes":
            return base64.decodebytes(raw["base64"].encode())
        case "datetime":
            return datetime(**{name: raw[name] for name in PARTS}, tzinfo=UTC)
        case "date":
            return date(*(raw[name] for name in PARTS[:3]))
    return raw


class Rpc:
    """A user's session on one database; signs in when first called and when the session ended."""

    def __init__(self, port: int, database: str, login: str, password: str) -> None:
        self.port = port
        self.database = database
        self.login = login
        self.password = password
        self.token = ""

    def version(self) -> str:
        """Return the server's series; needs no session.

        Raises: OSError while nobody listens.
        """
        return str(self._post("/rpc/", "common.server.version", []))

    def call(self, method: str, *params: object, context: Mapping[str, object]) -> Any:
        """Return the method's result; the server's questions are answered with yes, once each."""
        answered = set()
        while True:
            try:
                return self._in_session(method, *params, context)
            except RpcError as error:
                if error.kind != "UserWarning" or error.detail[0] in answered:
                    raise
                answered.add(error.detail[0])
                self._in_session("model.res.user.warning.skip", error.detail[0], {})

    def _in_session(self, *call: Any) -> Any:
        method, *params = call
        path = f"/{self.database}/rpc/"
        if self.token:
            try:
                return self._post(path, method, params)
            except RpcError as error:
                if error.kind != "401":
                    raise
        self.token = ""
        secret = {"password": self.password}
        user, key = self._post(path, "common.db.login", [self.login, secret, "en"])[:2]
        self.token = base64.b64encode(f"{self.login}:{user}:{key}".encode()).decode()
        return self._post(path, method, params)

    def _post(self, path: str, method: str, params: list[Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Session {self.token}"
        body = json.dumps({"id": 1, "method": method, "params": params}, default=encode)
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            content = response.read()  # never compressed, whatever the label: we did not ask
        finally:
            connection.close()
        if response.status != 200:
            raise RpcError(str(response.status), content[:200])
        answer = json.loads(content, object_hook=decode)
        if "error" in answer:
            raise RpcError(*answer["error"])
        return answer["result"]
