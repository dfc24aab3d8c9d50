"""Customers and invoices of one company, read and mapped: bad rows are set aside."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from connector.contract import OpenItem
from connector.errors import BadRecord
from providers.erpnext import documents, parties
from providers.erpnext.documents import Bill, Term, to_document
from providers.erpnext.link import FEW, Filter, Forbidden
from providers.erpnext.parties import Around, CreditLimit, Party, Person, Place, to_customer
from providers.erpnext.site import INVOICE, REQUEST, Site
from providers.erpnext.stream import Found, named_after, stamped, whole
from providers.erpnext.wire import Amount, Row, Text, cents

PAYABLE = ("Requested", "Initiated", "Partially Paid")  # requests whose page still takes money


class Owed(Row):
    """What is outstanding of a document, and no more of it."""

    currency: Text = ""
    party_account_currency: Text = ""
    outstanding_amount: Amount


class Request(Row):
    """A page on which an invoice can be paid."""

    reference_name: str
    payment_url: Text = ""


class Ledger:
    """One company's customers and invoices on one site."""

    def __init__(self, site: Site) -> None:
        self.site, self.link = site, site.link

    # --- customers -------------------------------------------------------------------------

    def customers_since(self, low: datetime | None, after: str, limit: int) -> Found:
        """Customers changed since, by themselves or in their contacts and addresses."""
        if low is None:
            return self.customers(named_after(after), limit=limit)
        moved: list[Filter] = [["modified", ">=", stamped(low)]]
        whose: list[Filter] = [["link_doctype", "=", "Customer"], *moved]
        touched: set[str] = set()
        for parent in ("Contact", "Address"):
            with suppress(Forbidden):
                touched |= {row.link_name for row in self.site.links(parent, whose)}
        any_of = [*moved, ["name", "in", sorted(touched)]] if touched else moved
        return self.customers(named_after(after), any_of, limit)

    def customers(
        self, filters: Sequence[Filter], any_of: Sequence[Filter] = (), limit: int = FEW
    ) -> Found:
        found = self.link.sheet(
            "Customer",
            Party,
            filters,
            parties.PARTY,
            any_of=any_of,
            optional=parties.PARTY_OPTIONAL,
            limit=limit,
        )
        names = [row.name for row in found.rows]
        people = self._linked("Contact", Person, names, parties.PERSON, parties.PERSON_OPTIONAL)
        places = self._linked("Address", Place, names, parties.PLACE)
        limits: dict[str, CreditLimit] = {}
        doctype, table = "Customer Credit Limit", "credit_limits"
        fields = ["company", "credit_limit"]
        for row in self.link.children(doctype, "Customer", table, CreditLimit, names, fields):
            if row.company == self.site.company.name:
                limits[row.parent] = row
        records: list[Any] = []
        bad = list(found.bad)
        for raw in found.rows:
            around = Around(people[raw.name], places[raw.name], limits.get(raw.name))
            try:
                records.append(to_customer(raw, around, self.site.firm))
            except ValueError as error:
                bad.append(BadRecord("customer", raw.name, "credit_limit", str(error)))
        return Found(records, bad, found.names)

    def _linked(
        self,
        doctype: str,
        row: type[Any],
        customers: Sequence[str],
        fields: Sequence[str],
        optional: Sequence[str] = (),
    ) -> dict[str, list[Any]]:
        """Contacts or addresses by customer; nothing where the user may not read them."""
        found: dict[str, list[Any]] = defaultdict(list)
        if not customers:
            return found
        whose: list[Filter] = [["link_doctype", "=", "Customer"]]
        whose.append(["link_name", "in", list(customers)])
        with suppress(Forbidden):
            links = list(self.site.links(doctype, whose))
            names = sorted({link.parent for link in links})
            wanted: list[Filter] = [["name", "in", names]]
            rows = (
                {
                    one.name: one
                    for one in self.link.every(doctype, row, wanted, fields, optional=optional)
                }
                if names
                else {}
            )
            for link in links:
                if link.parent in rows:
                    found[link.link_name].append(rows[link.parent])
        return found

    # --- invoices and credit notes ---------------------------------------------------------

    @property
    def submitted(self) -> list[Filter]:
        """Invoices and returns of the company; a draft is no invoice yet."""
        return [["company", "=", self.site.company.name], ["docstatus", "in", [1, 2]]]

    @property
    def open(self) -> list[Filter]:
        return [
            ["company", "=", self.site.company.name],
            ["docstatus", "=", 1],
            ["outstanding_amount", "!=", 0],
        ]

    def documents_since(self, low: datetime | None, after: str, limit: int) -> Found:
        """Invoices changed since, by themselves or in a request to pay them."""
        filters = [*self.submitted, *named_after(after)]
        if low is None:
            return self.documents(filters, limit=limit)
        moved: list[Filter] = [["modified", ">=", stamped(low)]]
        if self.site.sees_requests:
            whose = [["reference_doctype", "=", INVOICE], *moved]
            rows = self.link.every(REQUEST, Request, whose, ["reference_name", "payment_url"])
            asked = sorted({row.reference_name for row in rows})
            moved += [["name", "in", asked]] if asked else []
        return self.documents(filters, moved, limit)

    def documents(
        self, filters: Sequence[Filter], any_of: Sequence[Filter] = (), limit: int = FEW
    ) -> Found:
        found = self.link.sheet(INVOICE, Bill, filters, documents.BILL, any_of=any_of, limit=limit)
        names = [row.name for row in found.rows if not row.is_return]
        terms: dict[str, list[Term]] = defaultdict(list)
        fields, optional = documents.TERM, documents.TERM_OPTIONAL
        table = ("Payment Schedule", INVOICE, "payment_schedule")
        for term in self.link.children(*table, Term, names, fields, optional):
            terms[term.parent].append(term)
        owed = [row.name for row in found.rows if row.docstatus == 1 and row.outstanding_amount > 0]
        pages = self._pay_links(owed)
        records: list[Any] = []
        bad = list(found.bad)
        for raw in found.rows:
            try:
                link = pages.get(raw.name, "")
                records.append(to_document(raw, terms[raw.name], self.site.zone, link))
            except ValueError as error:
                bad.append(BadRecord("invoice", raw.name, "amount", str(error)))
        return Found(records, bad, found.names)

    def _pay_links(self, invoices: Sequence[str]) -> dict[str, str]:
        """The page of the newest request to pay each of these, where there is one."""
        if not invoices or not self.site.sees_requests:
            return {}
        filters: list[Filter] = [
            ["reference_doctype", "=", INVOICE],
            ["reference_name", "in", list(invoices)],
            ["docstatus", "=", 1],
            ["status", "in", list(PAYABLE)],
        ]
        rows = self.link.every(REQUEST, Request, filters, ["reference_name", "payment_url"])
        return {row.reference_name: row.payment_url for row in rows if row.payment_url}

    def owed(self, limit: int) -> Iterator[OpenItem]:
        """What is outstanding of each document, read in pages; unreadable rows left out."""
        fields, after, last = (
            ["currency", "party_account_currency", "outstanding_amount"],
            "",
            False,
        )
        while not last:
            filters = [*self.open, *named_after(after)]
            found = self.link.sheet(INVOICE, Owed, filters, fields, limit=limit)
            for row in found.rows:
                currency = row.party_account_currency or row.currency
                with suppress(ValueError):
                    if balance := cents(row.outstanding_amount, currency):
                        yield OpenItem(id=row.name, balance=balance, currency=currency)
            last = len(found.names) < limit
            after = "" if last else found.names[-1]

    def owing(self, customer: str) -> Found:
        """A customer's open invoices and returns."""
        return whole(self.documents, [*self.open, ["customer", "=", customer]])
