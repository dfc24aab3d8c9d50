"""What Dolibarr's third parties are in the field's own words, and how they are reached."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from connector.receivables.records import Contact, Customer, CustomerKind, Role
from providers.dolibarr.documents import Stamped
from providers.dolibarr.wire import Number, Parts, Row, Text, Whole, cents, instant

KINDS = {"TE_PRIVATE": CustomerKind.CONSUMER, "TE_ADMIN": CustomerKind.PUBLIC}
DIRECT_DEBIT = "3"  # the id of «Prélèvement» in every installation's payment types


class Party(Stamped):
    """A third party; `status` is 0 when it was closed."""

    name: Text = ""
    code_client: Text = ""
    email: Text = ""
    phone: Text = ""
    address: Text = ""
    zip: Text = ""
    town: Text = ""
    country_code: Text = ""
    default_lang: Text = ""
    status: Whole = None
    typent_code: Text = ""
    tva_intra: Text = ""
    idprof1: Text = ""
    idprof2: Text = ""
    outstanding_limit: Number = None
    mode_reglement_id: Text = ""

    def postal(self) -> str:
        """The address, a line each."""
        lines = (self.address.replace("\r", ""), f"{self.zip} {self.town}".strip())
        return "\n".join(line for line in lines if line)


class Person(Row):
    """A contact of a third party; `roles` are those it has by default."""

    socid: Text = ""
    fk_soc: Text = ""
    lastname: Text = ""
    firstname: Text = ""
    email: Text = ""
    mail: Text = ""
    phone_pro: Text = ""
    phone_mobile: Text = ""
    status: Whole = None
    statut: Whole = None
    roles: Parts[Any] = Field(default_factory=list)

    @property
    def firm(self) -> str:
        """The id of the third party."""
        return self.socid or self.fk_soc

    @property
    def active(self) -> bool:
        return (self.statut if self.status is None else self.status) != 0

    @property
    def bills(self) -> bool:
        """Whether invoices go to this person unless something else is said."""
        codes = [role.get("code") for role in self.roles if isinstance(role, dict)]
        return "BILLING" in codes


def to_customer(raw: Party, people: Sequence[Person], home: str) -> Customer:
    """Map one third party with its contacts; `home` is the firm's currency.

    Source: Dolibarr 19.0.2 and 23.0.0, module Societe, as servers answered.
    """
    limit = raw.outstanding_limit
    return Customer(
        id=raw.id,
        name=raw.name or raw.code_client or f"#{raw.id}",
        number=raw.code_client,
        language=raw.default_lang.partition("_")[0].lower(),
        country=raw.country_code.upper(),
        kind=KINDS.get(raw.typent_code, CustomerKind.BUSINESS),
        address=raw.postal(),
        legal_id=raw.tva_intra or raw.idprof2 or raw.idprof1,
        mandate=raw.mode_reglement_id == DIRECT_DEBIT,
        credit_limit=cents(limit, home) if limit else None,
        contacts=contacts(raw, people),
        active=raw.status != 0,
        modified_at=instant(raw.modified),
    )


def contacts(raw: Party, people: Sequence[Person]) -> tuple[Contact, ...]:
    """The third party's own address and telephone, then its people's, by id."""
    found = [
        Contact(
            id=person.id,
            name=f"{person.firstname} {person.lastname}".strip(),
            email=person.email or person.mail,
            phone=person.phone_pro or person.phone_mobile,
            role=Role.INVOICE if person.bills else Role.MAIN,
        )
        for person in sorted(people, key=lambda person: person.number)
        if person.active and (person.email or person.mail or person.phone_pro)
    ]
    known = {contact.email.lower() for contact in found if contact.email}
    email = "" if raw.email.lower() in known else raw.email
    if email or (raw.phone and not found):
        found.insert(0, Contact(id=f"t{raw.id}", email=email, phone=raw.phone))
    return tuple(found)
