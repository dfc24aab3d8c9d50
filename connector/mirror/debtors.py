"""Customers with their contacts, of SQLite's own rows."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from sys import intern
from typing import Any

from sqlalchemy import select

from connector.mirror import tables
from connector.mirror.columns import instant_of, json_of
from connector.mirror.statements import Prepared, listed
from connector.receivables.records import Contact, Customer, CustomerKind, Role

_ROLES = {role.value: role for role in Role}
_KINDS = {kind.value: kind for kind in CustomerKind}


def made(
    rows: Iterable[tuple[Any, ...]], contacts: Iterable[tuple[Any, ...]]
) -> dict[int, Customer]:
    """Customers of SQLite's rows, by row id."""
    theirs: dict[int, list[Contact]] = defaultdict(list)
    for owner, ref, name, email, phone, role, language in contacts:
        theirs[owner].append(
            Contact(
                id=ref,
                name=name,
                email=email,
                phone=phone,
                role=_ROLES[role],
                language=language,
            )
        )
    found = {}
    for row in rows:
        (
            place, ref, name, number, language, country, region, kind, address, legal_id, tags,
            owner, policy, mandate, credit_limit, balances, active, modified_at,
        ) = row  # fmt: skip
        found[place] = Customer(
            id=ref,
            name=name,
            number=number,
            language=language,
            country=intern(country),
            region=region,
            kind=_KINDS[kind],
            address=address,
            legal_id=legal_id,
            tags=tuple(json_of(tags)),
            owner=owner,
            policy=policy,
            mandate=bool(mandate),
            credit_limit=credit_limit,
            contacts=tuple(theirs.get(place, ())),
            balances=json_of(balances),
            active=bool(active),
            modified_at=instant_of(modified_at),
        )
    return found


@cache
def customers() -> Prepared:
    customer = tables.customer.c
    return Prepared(
        select(
            customer.id,
            customer.ref,
            customer.name,
            customer.number,
            customer.language,
            customer.country,
            customer.region,
            customer.kind,
            customer.address,
            customer.legal_id,
            customer.tags,
            customer.owner,
            customer.policy,
            customer.mandate,
            customer.credit_limit,
            customer.balances,
            customer.active,
            customer.modified_at,
        ).where(customer.id.in_(listed()))
    )


@cache
def contacts() -> Prepared:
    contact = tables.contact.c
    return Prepared(
        select(
            contact.customer_id,
            contact.ref,
            contact.name,
            contact.email,
            contact.phone,
            contact.role,
            contact.language,
        )
        .where(contact.customer_id.in_(listed()))
        .order_by(contact.customer_id, contact.position)
    )
