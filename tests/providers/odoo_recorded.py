"""What real Odoo servers answered: the exchanges of tests/fixtures/odoo, given again."""

import json
from pathlib import Path
from typing import Any

import responses

from providers.http import Session
from providers.odoo.links import Json2, JsonRpc, Link
from tests.providers.alone import FREE

FOLDER = Path(__file__).parent.parent / "fixtures" / "odoo"
URL = "https://odoo.example"
DATABASE = "mirabelle"


def exchange(name: str) -> dict[str, Any]:
    loaded = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def result(name: str) -> Any:
    """What the server gave, without the envelope of JSON-RPC."""
    body = exchange(name)["response"]["body"]
    return body["result"] if isinstance(body, dict) and "jsonrpc" in body else body


def asked(name: str) -> tuple[list[Any], dict[str, Any]]:
    """What was asked over JSON-RPC by place and by name, behind model and method."""
    args = exchange(name)["request"]["body"]["params"]["args"]
    return args[5], args[6] if len(args) > 6 else {}


def give(name: str) -> None:
    """Let the server answer so, once, after what it was told to answer before."""
    found = exchange(name)
    answer, request = found["response"], found["request"]
    body = answer["body"]
    responses.add(
        request["method"],
        URL + request["path"].partition("?")[0],
        body=body if isinstance(body, str) else json.dumps(body),
        status=answer["status"],
        content_type=answer["type"],
        headers={"Location": answer["location"]} if "location" in answer else {},
    )


def session() -> Session:
    return Session("odoo", URL, secrets=["topsecret"], meter=FREE, sleep=lambda seconds: None)


def by_rpc(major: int = 19, uid: int = 5) -> Link:
    """A user who has signed in already."""
    link = JsonRpc(session(), DATABASE, major, "sync", "topsecret")
    link.uid = uid
    return link


def by_key() -> Link:
    return Json2(session(), DATABASE, 19, "topsecret")


def sent(place: int = -1) -> dict[str, Any]:
    """The body of a call that was made."""
    body = responses.calls[place].request.body
    assert body
    loaded = json.loads(body)
    assert isinstance(loaded, dict)
    return loaded
