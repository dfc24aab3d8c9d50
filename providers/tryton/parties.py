"""What Tryton's parties are in the field's own words, and how they are reached."""

from pydantic import Field

from connector.receivables.records import Contact, Customer, Role
from providers.tryton.wire import Coded, Row, Wire

PARTY = (
    "name",
    "code",
    "active",
    "replaced_by",
    "lang.code",
    "tax_identifier.code",
    "categories.name",
    "addresses.full_address",
    "addresses.active",
    "addresses.country.code",
    "addresses.subdivision.code",
    "contact_mechanisms.type",
    "contact_mechanisms.value",
    "contact_mechanisms.active",
    "contact_mechanisms.sequence",
    "write_date",
    "create_date",
)
# some modules and series have these
PARTY_OPTIONAL = ("bank_accounts",)
MECHANISM_OPTIONAL = {"invoice": "invoice", "language": "language.code"}


class Category(Wire):
    """A tag of a party."""

    name: str


class Address(Wire):
    """A postal address; `full_address` has several lines."""

    active: bool
    full_address: str | None = None
    country: Coded | None = Field(None, alias="country.")
    subdivision: Coded | None = Field(None, alias="subdivision.")


class Mechanism(Wire):
    """A way to reach a party; `invoice`: to be used for invoices."""

    id: int
    type: str
    value: str | None = None
    active: bool
    sequence: int | None = None
    invoice: bool | None = None
    language: Coded | None = Field(None, alias="language.")


class BankNumber(Wire):
    """An IBAN or another number of a bank account."""

    number: str


class BankAccount(Wire):
    """One account of a party."""

    numbers: list[BankNumber] = Field([], alias="numbers.")


class Party(Row):
    """A customer, a supplier or the firm itself; `replaced_by` says which took it over."""

    name: str | None = None
    code: str | None = None
    active: bool
    replaced_by: int | None = None
    lang: Coded | None = Field(None, alias="lang.")
    tax_identifier: Coded | None = Field(None, alias="tax_identifier.")
    categories: list[Category] = Field([], alias="categories.")
    addresses: list[Address] = Field([], alias="addresses.")
    mechanisms: list[Mechanism] = Field([], alias="contact_mechanisms.")
    bank_accounts: list[BankAccount] = Field([], alias="bank_accounts.")

    def address(self) -> Address | None:
        """The first address in use."""
        return next((address for address in self.addresses if address.active), None)

    def numbers(self) -> str:
        """How to pay this party, one account number a line."""
        return "\n".join(n.number for account in self.bank_accounts for n in account.numbers)


def to_customer(raw: Party) -> Customer:
    """Map one party. Tryton knows no consumers, so each is a business; categories are tags.

    Source: Tryton 8.2, module party, as a server answered.
    """
    address = raw.address() or Address(active=True)
    region = address.subdivision.code if address.subdivision else None
    return Customer(
        id=str(raw.id),
        name=raw.name or raw.code or f"#{raw.id}",
        number=raw.code or "",
        language=_language(raw.lang),
        country=(address.country.code or "") if address.country else "",
        region=(region or "").partition("-")[2],
        address=address.full_address or "",
        legal_id=(raw.tax_identifier.code or "") if raw.tax_identifier else "",
        tags=tuple(category.name for category in raw.categories),
        contacts=contacts(raw.mechanisms),
        active=raw.active,
        modified_at=raw.modified_at,
    )


def contacts(mechanisms: list[Mechanism]) -> tuple[Contact, ...]:
    """The e-mail addresses and telephones in use, in the order that the users gave them.

    Their names are labels such as "Accounting", not people to greet: they are left out.
    """
    # Tryton sorts what has no sequence first
    ordered = sorted(mechanisms, key=lambda raw: (raw.sequence or 0, raw.id))
    return tuple(
        Contact(
            id=str(raw.id),
            email=raw.value if raw.type == "email" else "",
            phone="" if raw.type == "email" else raw.value,
            role=Role.INVOICE if raw.invoice else Role.MAIN,
            language=_language(raw.language),
        )
        for raw in ordered
        if raw.active and raw.value and raw.type in ("email", "phone", "mobile")
    )


def _language(raw: Coded | None) -> str:
    """ISO 639-1 of a Tryton language such as `fr` or `pt_BR`."""
    return (raw.code or "").partition("_")[0] if raw else ""
