"""What ERPNext's customers are in the field's own words, and how they are reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from pydantic import Field

from connector.receivables.records import (
    Contact,
    Customer,
    CustomerKind,
    Decision,
    Mark,
    Role,
)
from providers.erpnext.wire import Amount, Child, Flag, Row, Text, cents, instant

PARTY = (
    "customer_name",
    "customer_type",
    "customer_group",
    "tax_id",
    "language",
    "account_manager",
    "customer_primary_address",
    "email_id",
    "mobile_no",
    "disabled",
    "is_frozen",
)
PARTY_OPTIONAL = ("_user_tags",)
PERSON = ("first_name", "last_name", "email_id", "phone", "mobile_no", "is_primary_contact")
PERSON_OPTIONAL = ("is_billing_contact",)  # a field that ERPNext adds to Frappe's contacts
PLACE = (
    "address_type",
    "address_line1",
    "address_line2",
    "pincode",
    "city",
    "country",
    "is_primary_address",
    "disabled",
)


class Party(Row):
    """A customer; `name` is the id, a number or the customer's own name as the firm chose."""

    customer_name: Text = ""
    customer_type: Text = ""
    customer_group: Text = ""
    tax_id: Text = ""
    language: Text = ""
    account_manager: Text = ""
    customer_primary_address: Text = ""
    email_id: Text = ""
    mobile_no: Text = ""
    disabled: Flag = False
    is_frozen: Flag = False
    user_tags: Text = Field("", alias="_user_tags")


class Person(Row):
    """A contact."""

    first_name: Text = ""
    last_name: Text = ""
    email_id: Text = ""
    phone: Text = ""
    mobile_no: Text = ""
    is_primary_contact: Flag = False
    is_billing_contact: Flag = False


class Place(Row):
    """An address; `country` is the name of one, in English."""

    address_type: Text = ""
    address_line1: Text = ""
    address_line2: Text = ""
    pincode: Text = ""
    city: Text = ""
    country: Text = ""
    is_primary_address: Flag = False
    disabled: Flag = False

    def text(self) -> str:
        """The address as it is written on a letter, several lines."""
        town = f"{self.pincode} {self.city}".strip()
        lines = (self.address_line1, self.address_line2, town, self.country)
        return "\n".join(line.strip() for line in lines if line.strip())


class Linked(Child):
    """Which customer a contact or an address belongs to: it may be several."""

    link_name: str


class CreditLimit(Child):
    """How much a customer may owe one company."""

    company: Text = ""
    credit_limit: Amount


@dataclass(frozen=True, slots=True)
class Around:
    """What belongs to one customer and stands elsewhere."""

    people: Sequence[Person] = ()
    places: Sequence[Place] = ()
    limit: CreditLimit | None = None


@dataclass(frozen=True, slots=True)
class Firm:
    """What the mapping of a customer needs to know of the firm."""

    currency: str
    zone: ZoneInfo
    countries: Mapping[str, str] = field(default_factory=dict)  # ISO codes by ERPNext's names


def to_customer(raw: Party, around: Around, firm: Firm) -> Customer:
    """Map one customer; group and tags are tags, a frozen account is held.

    Source: ERPNext 14 to 15, customer.json; Frappe, contact.json, address.json.
    """
    place = address(raw.customer_primary_address, around.places)
    tags = (raw.customer_group, *raw.user_tags.split(","))
    return Customer(
        id=raw.name,
        name=raw.customer_name or raw.name,
        number="" if raw.name == raw.customer_name else raw.name,
        language=raw.language[:2].lower(),
        country=firm.countries.get(place.country, "") if place else "",
        kind=_kind(raw),
        address=place.text() if place else "",
        legal_id=raw.tax_id,
        tags=tuple(tag.strip() for tag in tags if tag.strip()),
        owner=raw.account_manager,
        credit_limit=cents(around.limit.credit_limit, firm.currency) if around.limit else None,
        contacts=contacts(raw, around.people),
        decisions=_held(raw),
        active=not raw.disabled,
        modified_at=instant(raw.modified, firm.zone),
    )


def _kind(raw: Party) -> CustomerKind:
    if raw.customer_group == "Government":  # one of the groups that every site begins with
        return CustomerKind.PUBLIC
    individual = raw.customer_type == "Individual"
    return CustomerKind.CONSUMER if individual else CustomerKind.BUSINESS


def _held(raw: Party) -> tuple[Decision, ...]:
    if not raw.is_frozen or raw.modified is None:
        return ()
    since = raw.modified.date()
    because = "the customer is frozen in ERPNext"
    return (Decision(mark=Mark.HOLD, since=since, because=because, customer_id=raw.name),)


def contacts(raw: Party, people: Sequence[Person]) -> tuple[Contact, ...]:
    """The contacts with an e-mail or a telephone, the primary one first; the billing contact is
    the one for invoices. The customer's own address comes last, where no contact has it."""
    ordered = sorted(people, key=lambda person: (not person.is_primary_contact, person.name))
    found = [
        Contact(
            id=person.name,
            name=f"{person.first_name} {person.last_name}".strip(),
            email=person.email_id.strip(),
            phone=person.phone or person.mobile_no,
            role=Role.INVOICE if person.is_billing_contact else Role.MAIN,
        )
        for person in ordered
        if person.email_id.strip() or person.phone or person.mobile_no
    ]
    own = raw.email_id.strip()
    if own and own.lower() not in {contact.email.lower() for contact in found}:
        found.append(Contact(id=raw.name, email=own, phone=raw.mobile_no))
    return tuple(found)


def address(primary: str, places: Sequence[Place]) -> Place | None:
    """The address to write to: the one chosen, else the preferred one, else one for bills."""
    usable = sorted(
        (place for place in places if not place.disabled),
        key=lambda place: (
            place.name != primary,
            not place.is_primary_address,
            place.address_type != "Billing",
            place.name,
        ),
    )
    return usable[0] if usable else None
