"""Whose books these are: the firm itself, and the id that no other Dolibarr has."""

from dataclasses import dataclass

from connector.contract import Company
from connector.errors import AuthRequired, ConfigError, Rejected
from providers.dolibarr.ledger import ZONE, Ledger
from providers.dolibarr.wire import TITLE, Text, Wire

QUARTER = 15 * 60  # seconds: time zones differ by whole quarters of an hour
SINGLE = "1"  # the entity where the module Multicompany is not in use


class Own(Wire):
    """The firm as its administrators entered it."""

    name: Text = ""
    country_code: Text = ""
    currency_code: Text = ""
    email: Text = ""
    phone: Text = ""
    address: Text = ""
    zip: Text = ""
    town: Text = ""
    idprof1: Text = ""
    idprof2: Text = ""
    tva_intra: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the settings say of the firm; empty where they leave it to Dolibarr."""

    name: str = ""
    country: str = ""
    zone: str = ""
    bank_line: str = ""


def own(ledger: Ledger) -> Own | None:
    """The firm as Dolibarr tells it, None to a user who is no administrator."""
    try:
        return ledger.link.one("setup/company", Own)
    except (AuthRequired, Rejected):
        return None


def ledger_id(ledger: Ledger) -> str:
    """`dolibarr:<entity>:<number of the first invoice>:<second of its creation>`.

    No route tells an ordinary user what sets this database apart from another. A validated
    invoice keeps its number and cannot be deleted once another follows it; the second within the
    quarter of an hour stays when the server's time zone is changed, and sets apart two firms
    that number alike.
    """
    first = ledger.earliest[0]
    return f"{TITLE}:{first.entity or SINGLE}:{first.ref}:{(first.date_creation or 0) % QUARTER}"


def company(ledger: Ledger, named: Named) -> Company:
    """The firm; what the settings say goes before what Dolibarr tells.

    Raises:
        ConfigError: neither says its name.
    """
    zone = ledger.told_zone  # asked first: whether the address and the key are right
    known = own(ledger) or Own()
    name = named.name or known.name
    if not name:
        raise ConfigError(
            f"{TITLE}: only an administrator is told the firm's name: set "
            "RELANCE_DOLIBARR_COMPANY to it, and RELANCE_DOLIBARR_COUNTRY if it is not in France"
        )
    town = f"{known.zip} {known.town}".strip()
    return Company(
        ledger_id=ledger_id(ledger),
        name=name,
        country=named.country or known.country_code.upper() or "FR",
        timezone=named.zone or (zone.key if zone else ZONE),
        currency=known.currency_code or ledger.home,
        legal_id=known.tva_intra or known.idprof2 or known.idprof1,
        address="\n".join(line for line in (known.address.replace("\r", ""), town) if line),
        bank_line=named.bank_line,
        email=known.email,
        phone=known.phone,
    )
