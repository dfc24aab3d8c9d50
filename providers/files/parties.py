"""The firm and its customers out of checked rows."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from babel import Locale

from connector.contract import Company
from connector.receivables import terms
from connector.receivables.records import Contact, Customer, CustomerKind, Role
from providers.files.rows import Problems, Row, Table, grouped

COMPANY = Table(
    "company.csv",
    ("id", "name", "country", "timezone", "currency"),
    ("legal_id", "address", "bank_line", "contact_name", "email", "phone", "today", "read_at"),
)
_CONTACT = ("email", "phone", "contact_name", "role", "contact_language")
CUSTOMERS = Table(
    "customers.csv",
    ("customer", "name"),
    (
        *("number", "language", "country", "region", "kind", "address", "legal_id", "tags"),
        *("owner", "policy", "mandate", "credit_limit", "active", "balance"),
        *("term", "cash"),
        *_CONTACT,
    ),
)


@cache
def _territories() -> frozenset[str]:
    return frozenset(map(str, Locale("en").territories))


@cache
def _languages() -> frozenset[str]:
    return frozenset(map(str, Locale("en").languages))


def _country(row: Row) -> str:
    return row.code("country", _territories(), "a country code (expected ISO 3166, such as FR, GB)")


def _language(row: Row, column: str) -> str:
    return row.code(column, _languages(), "a language code (expected ISO 639-1, such as fr)")


def company(rows: Sequence[Row], written_at: datetime | None, problems: Problems) -> Company:
    """The firm; where its file is wrong, an empty one that only serves to read on."""
    if not rows:
        if COMPANY.file not in problems.incomplete:
            problems.add(COMPANY.file, 0, "no row below the header (expected one: the firm)")
        return Company(ledger_id="", name="", country="", timezone="UTC", currency="EUR")
    row = rows[0]
    for other in rows[1:]:
        problems.add(COMPANY.file, other.line, "a second row (expected one: the firm)")
    zone = row.needed("timezone")
    try:
        ZoneInfo(zone or "UTC")
    except (KeyError, ValueError, OSError):
        row.problem("timezone", f"{zone!r} is not a time zone (expected one like Europe/Paris)")
    row.needed("country")
    return Company(
        ledger_id=f"files:{row.needed('id')}",
        name=row.needed("name"),
        country=_country(row),
        timezone=zone,
        currency=row.currency("currency"),
        legal_id=row.text("legal_id"),
        address=row.text("address"),
        bank_line=row.text("bank_line"),
        contact_name=row.text("contact_name"),
        email=row.email("email"),
        phone=row.text("phone"),
        as_of=row.instant("read_at") or written_at,
        today=row.day("today"),
    )


def customers(rows: Sequence[Row], currency: str) -> dict[str, Customer]:
    """The customers; several rows of one are its several contacts."""
    found: dict[str, Customer] = {}
    for customer_id, group in grouped(rows, "customer", _CONTACT).items():
        row = group[0]
        contacts: dict[str, Contact] = {}
        for contact_row in group:
            contact = _contact(contact_row, customer_id)
            if len(group) > 1 and (contact is None or contact.id in contacts):
                told = f"{customer_id!r} is here twice"
                contact_row.problem("customer", f"{told}; its rows need a different contact each")
            if contact:
                contacts[contact.id] = contact
        owed = row.amount("balance", currency)
        found[customer_id] = Customer(
            id=customer_id,
            name=row.needed("name"),
            number=row.text("number"),
            language=_language(row, "language"),
            country=_country(row),
            region=row.text("region"),
            kind=row.word("kind", CustomerKind, CustomerKind.BUSINESS),
            address=row.text("address"),
            legal_id=row.text("legal_id"),
            tags=tuple(tag.strip() for tag in row.text("tags").split(";") if tag.strip()),
            owner=row.text("owner"),
            policy=row.text("policy"),
            mandate=row.flag("mandate", False),
            credit_limit=row.amount("credit_limit", currency),
            contacts=tuple(contacts.values()),
            balances=None if owed is None else {currency: owed},
            active=row.flag("active", True),
        )
    return found


def agreed(rows: Sequence[Row]) -> dict[str, terms.Term]:
    """What was agreed on paying with each customer who has a term, or pays cash."""
    found = {}
    for row in rows:
        told, cash = row.text("term"), row.flag("cash", False)
        if cash and told:
            row.problem("term", f"{told!r}, and the customer pays cash (expected one of them)")
        elif cash:
            found[row.text("customer")] = terms.Term(0)
        elif told:
            try:
                found[row.text("customer")] = terms.read(told)
            except ValueError as error:
                row.problem("term", f"{told!r} is not understood ({error})")
    return found


def _contact(row: Row, customer: str) -> Contact | None:
    email, phone, name = row.email("email"), row.text("phone"), row.text("contact_name")
    if not (email or phone or name):
        return None
    return Contact(
        id=f"{customer}/{email or name or phone}",
        name=name,
        email=email,
        phone=phone,
        role=row.word("role", Role, Role.MAIN),
        language=_language(row, "contact_language"),
    )
