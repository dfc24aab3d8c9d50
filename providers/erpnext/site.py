"""The site and the company on it: what the rows of its books cannot be read without."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from connector.errors import ConfigError
from providers.erpnext import parties
from providers.erpnext.link import MANY, Filter, Forbidden, Link
from providers.erpnext.parties import Linked, Place
from providers.erpnext.wire import Flag, Row, Text

INVOICE, ENTRY, JOURNAL = "Sales Invoice", "Payment Entry", "Journal Entry"
SIDE, PART, REQUEST = "Journal Entry Account", "Payment Entry Reference", "Payment Request"
DELETED = "Deleted Document"


class Company(Row):
    """A company of the site; `creation` never changes, nor does `abbr` once it is saved."""

    creation: datetime
    company_name: Text = ""
    abbr: Text = ""
    country: Text = ""
    default_currency: str
    tax_id: Text = ""
    email: Text = ""
    phone_no: Text = ""


class Bank(Row):
    """An account of the company at a bank."""

    bank: Text = ""
    iban: Text = ""
    is_default: Flag = False


class Form(Row):
    """A doctype as its form is drawn."""

    default_print_format: Text = ""


class Country(Row):
    """A country and its ISO code, in small letters."""

    code: Text = ""


class Site:
    """One company on one site, as this user sees it; asked for when it is first needed."""

    def __init__(self, link: Link, company: str) -> None:
        self.link = link
        self._chosen = company

    @cached_property
    def company(self) -> Company:
        """The company that was chosen, else the only one that the user sees.

        Raises:
            ConfigError: there is none, or not one alone.
        """
        fields = [name for name in Company.model_fields if name not in ("name", "modified")]
        seen = list(self.link.every("Company", Company, [], fields))
        known = ", ".join(one.name for one in seen)
        if self._chosen:
            for one in seen:
                if one.name == self._chosen:
                    return one
            raise ConfigError(
                f"erpnext: the user sees no company {self._chosen!r}: correct "
                f"RELANCE_ERPNEXT_COMPANY (the user sees: {known or 'none'})"
            )
        if len(seen) != 1:
            raise ConfigError(
                f"erpnext: the user sees several companies: set RELANCE_ERPNEXT_COMPANY to one of "
                f"{known}"
                if seen
                else "erpnext: the user sees no company: give it the role Accounts User"
            )
        return seen[0]

    @cached_property
    def zone_name(self) -> str:
        """The zone of the site, in which its stamps and days are; empty where it has none."""
        told = self.link.call("frappe.client.get_time_zone", dict[str, Any]) or {}
        return str(told.get("time_zone") or "")

    @cached_property
    def firm(self) -> parties.Firm:
        codes: dict[str, str] = {}
        with suppress(Forbidden):
            rows = self.link.every("Country", Country, [], ["code"])
            codes = {row.name: row.code.upper() for row in rows}
        zone = ZoneInfo(self.zone_name or "UTC")
        return parties.Firm(self.company.default_currency, zone, codes)

    @property
    def zone(self) -> ZoneInfo:
        return self.firm.zone

    @cached_property
    def sees_deletions(self) -> bool:
        """Whether the user may read what was deleted; else a draft that goes would stay for ever,
        so drafts are not told at all."""
        return self.link.readable(DELETED)

    @cached_property
    def sees_requests(self) -> bool:
        return self.link.readable(REQUEST)

    @cached_property
    def sees_journals(self) -> bool:
        return self.link.readable(JOURNAL)

    @cached_property
    def address(self) -> str:
        """The firm's own postal address, empty where it has none or it may not be read."""
        whose: list[Filter] = [
            ["link_doctype", "=", "Company"],
            ["link_name", "=", self.company.name],
        ]
        with suppress(Forbidden):
            names = [row.parent for row in self.links("Address", whose)]
            wanted: list[Filter] = [["name", "in", names]]
            rows = self.link.every("Address", Place, wanted, parties.PLACE) if names else ()
            place = parties.address("", list(rows))
            return place.text() if place else ""
        return ""

    @cached_property
    def bank_line(self) -> str:
        """How to pay, from the company's default bank account; empty where it has none."""
        filters: list[Filter] = [
            ["is_company_account", "=", 1],
            ["company", "=", self.company.name],
        ]
        with suppress(Forbidden):
            rows = self.link.every("Bank Account", Bank, filters, ["bank", "iban", "is_default"])
            found = sorted(rows, key=lambda row: (not row.is_default, row.name))
            return f"{found[0].iban} {found[0].bank}".strip() if found else ""
        return ""

    @cached_property
    def default_format(self) -> str:
        """The print format that invoices have unless another is named."""
        method = "frappe.desk.form.load.getdoctype"
        told = self.link.call(method, list[Form], doctype=INVOICE) or []
        chosen = next((form.default_print_format for form in told if form.name == INVOICE), "")
        return chosen or "Standard"

    def links(self, parent: str, filters: Sequence[Filter]) -> Iterator[Linked]:
        """Whose contacts or addresses there are."""
        whose = [["parenttype", "=", parent], *filters]
        fields = ["parent", "link_name"]
        return self.link.every("Dynamic Link", Linked, whose, fields, limit=MANY, parent=parent)

    def count(self, doctype: str, filters: Sequence[Filter]) -> int | None:
        """How many rows there are, None where that is not told."""
        with suppress(Forbidden):
            method = "frappe.client.get_count"
            return int(self.link.call(method, int, doctype=doctype, filters=list(filters)) or 0)
        return None
