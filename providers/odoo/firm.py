"""Which of a database's companies is read, and what Odoo knows of it."""

from pydantic import BaseModel

from connector.errors import ConfigError, Rejected
from providers.odoo.links import Link
from providers.odoo.wire import NoRight, Pointer, Ref, Row, Text

COMPANY = "res.company"


class User(BaseModel):
    """Whom the user works for, and the address that mails come from."""

    company_ids: list[int] = []
    email: Text = ""


class Firm(Row):
    """The company and the partner that it is."""

    name: Text = ""
    partner_id: Ref
    currency_id: Pointer
    email: Text = ""
    phone: Text = ""
    vat: Text = ""
    company_registry: Text = ""

    @property
    def currency(self) -> str:
        """The ISO 4217 code."""
        return self.currency_id.name if self.currency_id else ""


class Account(Row):
    """An account at a bank."""

    acc_number: Text = ""


class Label(Row):
    """Something with a name."""

    name: Text = ""


def user_of(link: Link) -> User:
    """The user that a connection signs in as.

    Raises:
        Rejected: the server does not show it.
    """
    fields = ["company_ids", "email"]
    rows: list[User] = link.call("res.users", "read", list[User], ids=[link.uid], fields=fields)
    if not rows:
        raise Rejected(f"odoo: the server does not show user {link.uid} to itself")
    return rows[0]


def settled_on(link: Link, chosen: int | None) -> int:
    """The company to read: the one that was chosen, or the only one there is.

    The link's context keeps to it from here on: without, a user of several companies is shown the
    documents of all, with the same numbers. Archived records are seen too; names are in the user's
    own language, as people see them.

    Raises:
        ConfigError: the user works for several, or not for the one that was chosen.
    """
    link.context = {"lang": link.who.lang} if link.who.lang else {}
    theirs = user_of(link).company_ids
    company = chosen or (theirs[0] if len(theirs) == 1 else 0)
    if company not in theirs:
        rows = link.sheet(COMPANY, Label, [["id", "in", theirs]], ["name"]).rows
        there = ", ".join(f"{row.id} ({row.name})" for row in rows) or "none"
        raise ConfigError(
            f"odoo: the user does not work for company {chosen}: correct RELANCE_ODOO_COMPANY or "
            f"give the user that company; now it has {there}"
            if chosen
            else f"odoo: the user works for several companies: set RELANCE_ODOO_COMPANY to the "
            f"number of one: {there}"
        )
    link.context |= {"allowed_company_ids": [company], "active_test": False}
    return company


def firm_of(link: Link, company: int) -> Firm:
    """The company's own record.

    Raises:
        ConfigError: the user does not see it.
    """
    optional = ("email", "phone", "vat", "company_registry")
    fields = link.fields(COMPANY, ("name", "partner_id", "currency_id"), optional)
    sheet = link.sheet(COMPANY, Firm, [["id", "=", company]], fields)
    for bad in sheet.bad:
        raise bad
    if not sheet.rows:
        raise ConfigError(f"odoo: the user sees no company {company}: correct RELANCE_ODOO_COMPANY")
    return sheet.rows[0]


def bank_line(link: Link, firm: Firm) -> str:
    """The firm's account numbers, one a line; empty where the user may not see them."""
    domain = [["partner_id", "=", firm.partner_id], ["active", "=", True]]
    try:
        rows = link.sheet("res.partner.bank", Account, domain, ["acc_number"]).rows
    except NoRight:
        return ""
    return "\n".join(row.acc_number for row in rows if row.acc_number)
