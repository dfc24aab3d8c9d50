"""What Odoo's partners are in the field's own words, and how they are reached."""

from collections.abc import Iterator, Sequence
from email.utils import getaddresses

from connector.receivables.records import Contact, Customer, CustomerKind, Role
from providers.odoo.wire import Amount, Pointer, Ref, Row, Text, cents

PARTNER = "res.partner"
PARTY = (
    "name",
    "email",
    "phone",
    "lang",
    "type",
    "is_company",
    "parent_id",
    "commercial_partner_id",
    "country_id",
    "state_id",
    "ref",
    "vat",
    "active",
    "write_date",
)
PARTY_OPTIONAL = (
    "mobile",  # until 18
    "contact_address",
    "company_registry",
    "category_id",
    "user_id",
    "tz",
    "credit_limit",
    "use_partner_credit_limit",
    "is_blacklisted",
)
ROLES = {"followup": Role.REMINDER, "invoice": Role.INVOICE}
NO_CONTACT = ("delivery", "private")  # a warehouse; somebody's home


class Party(Row):
    """A customer, one of its contacts, or the firm itself.

    The commercial partner is who owes: itself, or the company that a contact belongs to.
    """

    name: Text = ""
    email: Text = ""
    phone: Text = ""
    mobile: Text = ""
    lang: Text = ""
    type: Text = ""
    is_company: bool = False
    parent_id: Ref = None
    commercial_partner_id: Ref = None
    country_id: Ref = None
    state_id: Ref = None
    ref: Text = ""
    vat: Text = ""
    company_registry: Text = ""
    active: bool = True
    contact_address: Text = ""
    category_id: list[int] = []  # noqa: RUF012 (pydantic copies it)
    user_id: Pointer = None
    tz: Text = ""
    credit_limit: Amount | None = None
    use_partner_credit_limit: bool = False
    is_blacklisted: bool = False

    @property
    def addresses(self) -> list[str]:
        """The e-mail addresses in the field, of which Odoo writes to all."""
        found = getaddresses([self.email.replace(";", ",").replace("\n", ",")])
        return [address for _, address in found if "@" in address]

    @property
    def postal(self) -> str:
        """The postal address as this country writes it, without empty lines."""
        lines = (line.strip() for line in self.contact_address.splitlines())
        return "\n".join(line for line in lines if line)


def to_customer(
    raw: Party,
    children: Sequence[Party],
    *,
    tags: Sequence[str],
    country: str,
    region: str,
    home: str,
) -> Customer:
    """Map one partner with its contacts.

    A person without a tax number is a consumer. `home` is the firm's currency.

    Raises:
        ValueError: a credit limit that cannot be right.

    Source: Odoo 17.0 and 19.0, modules base and account, as servers answered.
    """
    business = raw.is_company or bool(raw.vat.strip("/ "))
    limit = raw.credit_limit if raw.use_partner_credit_limit else None
    return Customer(
        id=str(raw.id),
        name=raw.name or raw.email or f"#{raw.id}",
        number=raw.ref,
        language=raw.lang.partition("_")[0],
        country=country,
        region=region,
        kind=CustomerKind.BUSINESS if business else CustomerKind.CONSUMER,
        address=raw.postal,
        legal_id=raw.vat.strip("/ ") or raw.company_registry,
        tags=tuple(tags),
        owner=raw.user_id.name if raw.user_id else "",
        credit_limit=None if limit is None else cents(limit, home),
        contacts=tuple(
            contact
            for party in (raw, *sorted(children, key=lambda child: child.id))
            if party is raw or (party.active and party.type not in NO_CONTACT)
            for contact in _contacts(party, Role.MAIN if party is raw else None)
        ),
        active=raw.active,
        modified_at=raw.write_date,
    )


def _contacts(raw: Party, role: Role | None) -> Iterator[Contact]:
    """One contact an address; a partner without any is one by telephone, if it has that."""
    phone = raw.phone or raw.mobile
    addresses = raw.addresses or ([""] if phone else [])
    for place, address in enumerate(addresses):
        yield Contact(
            id=f"{raw.id}.{place + 1}" if place else str(raw.id),
            name="" if role and raw.is_company else raw.name,
            email=address,
            phone=phone,
            role=role or ROLES.get(raw.type, Role.MAIN),
            language=raw.lang.partition("_")[0],
        )
