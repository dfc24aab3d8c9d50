"""One user's way to one Dolibarr: the shape of an answer is looked at before its status."""

import re
from collections.abc import Collection, Mapping, Sequence
from html import unescape
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from pydantic import BaseModel, ValidationError

from connector.errors import (
    AuthRequired,
    ConfigError,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Transient,
)
from providers.dolibarr.wire import TITLE, Row, Sheet, parsed, sheet
from providers.http import Json, Session, WebPage

R = TypeVar("R", bound=Row)
M = TypeVar("M", bound=BaseModel)
STATUS = "status"
TAGS = re.compile(r"<[^>]*>")
SHAPED = re.compile(rb'\s*(\xef\xbb\xbf)?[\[{"\d-]')
API_OFF = re.compile(r"(?i)\bmodul\w*\b.*\bapi\b|\bapi\b.*\bmodul")
TROUBLE = "technical error"
HIDDEN = "access not allowed"
SEE_ALL = (
    "right 262, «Étendre l'accès à tous les tiers» (extend access to all third parties): "
    "user's card, tab Permissions, module Tiers"
)
RIGHTS = {
    "invoices": "right 11, «Consulter les factures clients» (read customer invoices), "
    "module Factures et avoirs",
    "thirdparties": "right 121, «Consulter les tiers» (read third parties), module Tiers",
    "contacts": "right 281, «Consulter les contacts» (read contacts), module Tiers",
    "agendaevents": "rights 2401 and 2402, «Lire / Créer les actions liées à son compte» (read and "
    "create own events), module Agenda",
    "documents": "right 11, «Consulter les factures clients» (read customer invoices), "
    "module Factures et avoirs",
}
KINDS = {"invoices": "invoice", "thirdparties": "customer"}  # as bad records are reported
MODULES = {
    "invoices": "Factures et avoirs (customer invoices)",
    "thirdparties": "Tiers (third parties)",
    "contacts": "Tiers (third parties)",
    "agendaevents": "Événements/Agenda (events)",
}


class Denied(AuthRequired):
    """A right that the user has not; `status` is 401 in older versions, 403 since."""

    def __init__(self, message: str, status: int, words: str) -> None:
        super().__init__(message)
        self.status, self.words = status, words


class Absent(Rejected):
    """The route is not there: its module is off, or this version does not have it."""


class Http(Session):
    """A session that knows how Dolibarr fails: as a page with HTTP 200 or 202, first of all."""

    def _judge(
        self,
        response: requests.Response,
        accept: Collection[int],
        *,
        document: bool = False,
        writing: bool = False,
    ) -> requests.Response:
        if response.status_code == 501 and 501 not in accept:
            raise self._absent(response)
        if not (response.is_redirect or SHAPED.match(response.content) or _json(response)):
            self._page(response, writing)
        return super()._judge(response, accept, document=True, writing=writing)

    def _page(self, response: requests.Response, writing: bool) -> None:
        """Raise what a page for people in the place of JSON means, where it means anything."""
        words, url = _plain(response.text), response.url
        if response.status_code == 404:
            raise ConfigError(
                self._say(url, "no Dolibarr API is here: correct RELANCE_DOLIBARR_URL")
            )
        if not response.ok:
            return
        if TROUBLE in words.lower() or response.status_code == 202:
            told = f"Dolibarr reports a technical error, such as its database down: {words[:200]}"
            kind = OutcomeUnknown if writing else Transient
            raise kind(self._say(url, told))
        if API_OFF.search(words):
            raise ConfigError(
                self._say(
                    url,
                    "the module «API / Web services (serveur REST)» is off: switch it on in "
                    "Dolibarr under Accueil, Configuration, Modules/Applications",
                )
            )
        told = f"answered a web page, not the API: is RELANCE_DOLIBARR_URL right? {words[:100]}"
        raise WebPage(self._say(url, told))

    def _absent(self, response: requests.Response) -> Absent:
        module = MODULES.get(_route(response.url))
        told = f"switch on its module {module}" if module else "this version does not have it"
        return Absent(self._say(response.url, f"Dolibarr does not offer this: {told}"))

    def _refusal(self, response: requests.Response, what: str, writing: bool) -> ConnectorError:
        status, url = response.status_code, response.url
        words = _message(response)
        if words is None or status == 429 or response.is_redirect:
            return super()._refusal(response, what, writing)
        if status in (401, 403):
            return self._denied(status, url, words)
        if status == 503 and re.search(r"\bIP\b", words):
            told = f"{words}: allow this machine's address in the setup of the module API"
            return AuthRequired(self._say(url, told))
        if status >= 500 and writing:
            return OutcomeUnknown(self._say(url, f"HTTP {status}, {words}: it may have been done"))
        # 503 is how it says that a filter is wrong: to ask again would not help
        return Rejected(self._say(url, f"refused, HTTP {status}: {words}"))

    def _denied(self, status: int, url: str, words: str) -> Denied:
        route = _route(url)
        if route == STATUS:
            told = (
                "the key is not accepted: correct RELANCE_DOLIBARR_KEY (user's card, field «Clé "
                f"pour l'API»), and see that the user is active ({words})"
            )
        else:
            right = SEE_ALL if HIDDEN in words.lower() else RIGHTS.get(route, "the right to do it")
            told = f"the user may not do this ({words}): give {right}"
        return Denied(self._say(url, told), status, words)


class Link:
    """Calls of one user: lists as sheets of rows, an empty list however it is told.

    Raises, from all methods: what `Session` raises; `Denied` with the name of the right that is
    missing; `Absent`; `ConfigError` while the module API is off.
    """

    def __init__(self, http: Http) -> None:
        self.http = http

    def rows(
        self,
        path: str,
        row: type[R],
        *,
        where: Sequence[str] = (),
        limit: int,
        sort: tuple[str, str] = ("t.rowid", "ASC"),
        more: Mapping[str, str] | None = None,
    ) -> Sheet[R]:
        """The rows of a list of which all conditions hold; `more` parameters the route has."""
        given = {
            "sortfield": sort[0],
            "sortorder": sort[1],
            "limit": str(limit),
            "properties": row.fields(),
            **({"sqlfilters": " and ".join(where)} if where else {}),
            **(more or {}),
        }
        raw = self.get(path, given, missing=[])
        if isinstance(raw, dict) and isinstance(raw.get("data"), list):
            raw = raw["data"]
        if not isinstance(raw, list):
            raise Rejected(f"{TITLE}: {path} gave no list")
        return sheet(raw, row, KINDS.get(path, path))

    def one(self, path: str, shape: type[M], params: Mapping[str, str] | None = None) -> M | None:
        """One record, None where there is none.

        Raises:
            Rejected: it does not read.
        """
        raw = self.get(path, params or {}, missing=None)
        if raw is None:
            return None
        try:
            return shape.model_validate(raw)
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(str(part) for part in problem["loc"])
            raise Rejected(f"{TITLE}: {path}: {place}: {problem['msg']}") from None

    def get(self, path: str, params: Mapping[str, str], *, missing: Any) -> Any:
        """The JSON of an answer; `missing` for a 404."""
        try:
            response = self.http.read("GET", f"/{path}", params=params, accept=(404,))
        except Denied as error:
            self._key_is_good(path, error)
            raise
        return missing if response.status_code == 404 else self._parsed(response)

    def build(self, path: str, json: Json) -> Any:
        """The JSON of a call that may be repeated though it is no GET."""
        try:
            return self._parsed(self.http.read("PUT", f"/{path}", json=json))
        except Denied as error:
            self._key_is_good(path, error)
            raise

    def post(self, path: str, json: Json) -> Any:
        """The JSON of a call that does something, made once.

        Raises:
            Denied: nothing was done.
        """
        try:
            response = self.http.write("POST", f"/{path}", json=json)
        except Denied as error:
            self._key_is_good(path, error)
            raise
        try:
            return parsed(response.content)
        except ValueError:
            raise OutcomeUnknown(f"{TITLE}: {path}: the answer does not read") from None

    def _key_is_good(self, path: str, error: Denied) -> None:
        """Ask with a 401 whether it is the key after all: older versions say it of a right too."""
        if error.status == 401 and path != STATUS:
            self.http.read("GET", f"/{STATUS}")

    def _parsed(self, response: requests.Response) -> Any:
        try:
            return parsed(response.content)
        except ValueError:
            raise Rejected(f"{TITLE}: {urlsplit(response.url).path}: no JSON came") from None

    def close(self) -> None:
        self.http.close()


def _json(response: requests.Response) -> bool:
    try:
        parsed(response.content)
    except ValueError:
        return False
    return True


def _message(response: requests.Response) -> str | None:
    """The words of Dolibarr's own error, None if the answer is not one."""
    try:
        error = parsed(response.content)["error"]
        more = [str(value) for name, value in error.items() if name not in ("code", "message")]
        return _plain(" ".join([str(error["message"]), *more]))[:400]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _plain(html: str) -> str:
    return " ".join(unescape(TAGS.sub(" ", html)).split())


def _route(url: str) -> str:
    """`invoices` of …/api/index.php/invoices/1/payments."""
    return urlsplit(url).path.partition("/index.php/")[2].partition("/")[0]
