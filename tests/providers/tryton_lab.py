"""Connections to the real Tryton of `tests.lab`, for the tests of its provider."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.contract import Kind
from connector.receivables.records import Message, Record
from providers.tryton import Tryton, connect, stream
from tests.lab.server import TrytonLab
from tests.providers.alone import FREE, NoTokens
from tests.records import gather

TOKEN = "0123456789abcdef0123"


def settings(lab: TrytonLab, *, key: bool = False, **changed: str) -> dict[str, str]:
    given = {"URL": lab.url, "DATABASE": lab.database}
    given |= {"KEY": lab.rest_key} if key else {"USER": lab.user, "PASSWORD": lab.password}
    return given | changed


def opened(lab: TrytonLab, *, key: bool = False, page: int = 7, **changed: str) -> Tryton:
    return connect(settings(lab, key=key, **changed), NoTokens(), FREE, page)


@pytest.fixture(params=["session", "key"])
def shared(request: pytest.FixtureRequest, tryton_shared: TrytonLab) -> Iterator[Tryton]:
    """A connection of either sort to the server that the tests of this module share."""
    provider = opened(tryton_shared, key=request.param == "key")
    yield provider
    provider.close()


@pytest.fixture(params=["session", "key"])
def mine(request: pytest.FixtureRequest, tryton: TrytonLab) -> Iterator[Tryton]:
    """A connection of either sort to a server of this test's own."""
    provider = opened(tryton, key=request.param == "key")
    yield provider
    provider.close()


def cents(amount: Decimal) -> int:
    return int(amount * 100)


def by_id(provider: Tryton, number: int) -> Any:
    """The document of that id, fresh; None when it is not told."""
    return next(provider.invoices([str(number)]), None)


def changed(provider: Tryton, kind: Kind, since: str) -> dict[str, Record]:
    """What a read from this cursor tells, by id."""
    return {key[1]: record for key, record in gather(list(provider.changes(kind, since))).items()}


@pytest.fixture
def no_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is newer than the newest row counts as changed: no luck with the overlap."""
    monkeypatch.setattr(stream, "OVERLAP", timedelta(0))


def caught_up(provider: Tryton, kind: Kind) -> str:
    """The cursor after a first read."""
    return list(provider.changes(kind, None))[-1].cursor


def mail(invoice_id: str, to: str, **fields: Any) -> Message:
    given = {
        "customer_id": "1",
        "invoice_ids": (invoice_id,),
        "to": (to,),
        "language": "fr",
        "subject": "Facture échue",
        "text": f"Bonjour. Ref. {TOKEN}",
        "html": f"<html><head></head><body><p>Bonjour. Ref. {TOKEN}</p></body></html>",
        "reference": TOKEN,
    }
    return Message(**given | fields)
