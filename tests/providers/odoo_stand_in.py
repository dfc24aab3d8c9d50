"""Connections to the stand-in for Odoo, for the tests of its provider."""

from providers.odoo import Odoo, connect
from tests.providers.alone import FREE, NoTokens
from tests.stand_ins.odoo import OdooServer

PASSWORD, KEY = "password", "key"


def settings(odoo: OdooServer, way: str = "", **changed: str) -> dict[str, str]:
    """By key where the server takes one alone, else by password."""
    given = {"URL": odoo.url, "DATABASE": odoo.database}
    if (way or (KEY if odoo.version >= 19 else PASSWORD)) == KEY:
        given["KEY"] = odoo.key
    else:
        given |= {"USER": odoo.user, "PASSWORD": odoo.password}
    return given | changed


def opened(odoo: OdooServer, way: str = "", page: int = 4, **changed: str) -> Odoo:
    return connect(settings(odoo, way, **changed), NoTokens(), FREE, page)
