"""The way in: which version answers, which database there is, and signing in by JSON-RPC."""

import re
from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

from connector.errors import ConfigError, ConnectorError, Transient
from providers.http import Session
from providers.odoo.wire import TITLE, Answer, refusal

OLDEST = 16  # version
NOT_HERE = (400, 403, 404, 405, 410, 415)


class Version(BaseModel):
    """What a server tells of itself to everybody: `19.0`, `saas~18.3+e`."""

    server_version: str = ""
    version: str = ""

    @property
    def major(self) -> int:
        found = re.search(r"\d+", self.server_version or self.version)
        return int(found[0]) if found else 0


def rpc(service: str, method: str, args: Sequence[object]) -> dict[str, object]:
    """A JSON-RPC question."""
    params = {"service": service, "method": method, "args": list(args)}
    return {"jsonrpc": "2.0", "method": "call", "params": params, "id": 1}


def login(http: Session, database: str, user: str, secret: str) -> int:
    """The user's id, 0 where the server does not accept user and secret.

    Raises:
        ConfigError: the server has no such database.
        Transient: it cannot reach its databases now.
    """
    question = rpc("common", "authenticate", [database, user, secret, {}])
    body = http.read("POST", "/jsonrpc", json=question).content
    try:
        answer = Answer[int].model_validate_json(body)
    except ValidationError:
        raise _no_odoo(http) from None
    if answer.error is None:
        return answer.result or 0
    name, words = answer.error.data.name, answer.error.data.message
    if not name.startswith("psycopg2."):
        raise refusal(name, words, "sign in", write=False)
    # PostgreSQL's words, in the language of its server: "does not exist", "n'existe pas"
    if f'"{database}"' in words and "exist" in words:
        raise no_database(http, database)
    raise Transient(
        f"{TITLE}: the server at {http.redact(http.base_url)} cannot reach its database ({name})"
    )


def nowhere(http: Session, database: str) -> ConnectorError:
    """Why JSON-2 answered with a page: no such database, none within reach, or no JSON-2."""
    try:
        login(http, database, "", "")
    except (ConfigError, Transient) as error:
        return error
    except ConnectorError:
        return Transient(
            f"{TITLE}: the server at {http.redact(http.base_url)} does not open database "
            f"{database!r}: if it stays so, correct RELANCE_ODOO_DATABASE"
        )
    return ConfigError(
        f"{TITLE}: the server at {http.redact(http.base_url)} does not serve JSON-2: give "
        "RELANCE_ODOO_USER beside the key"
    )


def no_database(http: Session, database: str) -> ConfigError:
    """The server is there, and has no such database."""
    return ConfigError(
        f"{TITLE}: the server at {http.redact(http.base_url)} has no database {database!r}: "
        "correct RELANCE_ODOO_DATABASE"
    )


def _no_odoo(http: Session) -> ConfigError:
    return ConfigError(
        f"{TITLE}: no Odoo answers at {http.redact(http.base_url)}: correct RELANCE_ODOO_URL, the "
        "address without what follows the host, as https://firm.odoo.com"
    )


def version_of(http: Session) -> int:
    """The server's version, 17 of `17.0` and of `saas~17.2`; asked without signing in.

    Raises:
        ConfigError: no Odoo answers there, or one that is too old.
    """
    answer = http.read("POST", "/jsonrpc", json=rpc("common", "version", []), accept=NOT_HERE)
    if answer.status_code != 200:  # versions that have no RPC any more tell it here
        answer = http.read("GET", "/web/version", accept=NOT_HERE)
    try:
        if answer.request.method == "GET":
            found = Version.model_validate_json(answer.content)
        else:
            found = Answer[Version].model_validate_json(answer.content).result or Version()
    except ValidationError:
        found = Version()
    if answer.status_code != 200 or not found.major:
        raise _no_odoo(http)
    if found.major < OLDEST:
        raise ConfigError(f"{TITLE}: the server is Odoo {found.major}: {OLDEST} or newer is needed")
    return found.major
