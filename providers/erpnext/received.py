"""The money that came in: payment entries, journal entries, and what was deleted of them."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from connector.errors import BadRecord
from providers.erpnext import payments
from providers.erpnext.documents import Term
from providers.erpnext.link import FEW, MANY, Filter
from providers.erpnext.payments import Entry, Journal, Side, to_payment, to_payments
from providers.erpnext.site import DELETED, ENTRY, INVOICE, JOURNAL, PART, SIDE, Site
from providers.erpnext.stream import Found, named_after, stamped, whole
from providers.erpnext.wire import Child, Flag, Row, Text


class Parent(Child):
    """A row of a table, for its document's name alone."""


class Gone(Row):
    """A document that somebody deleted, with what it was."""

    deleted_doctype: str
    deleted_name: str
    data: Text = ""
    restored: Flag = False


class Received:
    """One company's payments."""

    def __init__(self, site: Site) -> None:
        self.site, self.link = site, site.link

    @property
    def received(self) -> list[Filter]:
        """Money that came in from customers; drafts only where their end can be seen."""
        return [
            ["company", "=", self.site.company.name],
            ["party_type", "=", "Customer"],
            ["payment_type", "=", "Receive"],
            ["docstatus", "in", [0, 1, 2] if self.site.sees_deletions else [1, 2]],
        ]

    def entries_since(self, low: datetime | None, after: str, limit: int) -> Found:
        """Payments changed since, by themselves or in what they were set against."""
        filters = [*self.received, *named_after(after)]
        if low is None:
            return self.entries(filters, limit=limit)
        moved: list[Filter] = [["modified", ">=", stamped(low)]]
        rows = self.link.every(
            PART, Parent, [["parenttype", "=", ENTRY], *moved], ["parent"], limit=MANY, parent=ENTRY
        )
        touched = sorted({row.parent for row in rows})
        return self.entries(
            filters, [*moved, *([["name", "in", touched]] if touched else [])], limit
        )

    def entries(
        self, filters: Sequence[Filter], any_of: Sequence[Filter] = (), limit: int = FEW
    ) -> Found:
        found = self.link.sheet(ENTRY, Entry, filters, payments.ENTRY, any_of=any_of, limit=limit)
        names = [row.name for row in found.rows]
        parts: dict[str, list[payments.Part]] = defaultdict(list)
        fields = payments.PART
        for part in self.link.children(PART, ENTRY, "references", payments.Part, names, fields):
            parts[part.parent].append(part)
        lines = self._lines([part for mine in parts.values() for part in mine])
        records: list[Any] = []
        bad = list(found.bad)
        for raw in found.rows:
            try:
                records.append(to_payment(raw, parts[raw.name], lines, self.site.zone))
            except ValueError as error:
                bad.append(BadRecord("payment", raw.name, "amount", str(error)))
        return Found(records, bad, found.names)

    def _lines(self, parts: Sequence[payments.Part]) -> payments.Lines:
        """The due lines that payments name by their terms."""
        named = sorted({part.reference_name for part in parts if part.payment_term})
        fields = ["payment_term", "payment_amount"]
        table = ("Payment Schedule", INVOICE, "payment_schedule")
        return {
            (term.parent, term.payment_term): term.name
            for term in self.link.children(*table, Term, named, fields)
            if term.payment_term
        }

    def journals_since(self, low: datetime | None, after: str, limit: int) -> Found:
        """Payments by journal entry, of entries with a customer's credit changed since."""
        if not self.site.sees_journals:
            return Found([], [], [])
        filters: list[Filter] = [
            ["party_type", "=", "Customer"],
            ["credit_in_account_currency", ">", 0],
            ["docstatus", "in", [1, 2]],
            *([["modified", ">=", stamped(low)]] if low else []),
            *([["parent", ">", after]] if after else []),
        ]
        rows = self.link.sheet(
            SIDE, Parent, filters, ["parent"], order="parent asc", limit=limit, parent=JOURNAL
        ).rows
        names = [row.parent for row in rows]
        found = self.journals(sorted(set(names)))
        return Found(found.records, found.bad, names)

    def journals(self, names: Sequence[str]) -> Found:
        """What came in by these journal entries."""
        if not names:
            return Found([], [], [])
        mine: list[Filter] = [["name", "in", list(names)], ["company", "=", self.site.company.name]]
        sheet = self.link.sheet(JOURNAL, Journal, mine, payments.JOURNAL, limit=len(names))
        sides: dict[str, list[Side]] = defaultdict(list)
        fields = ("party_type", *payments.SIDE)
        wanted = [row.name for row in sheet.rows]
        for side in self.link.children(SIDE, JOURNAL, "accounts", Side, wanted, fields):
            if side.party_type == "Customer":
                sides[side.parent].append(side)
        records: list[Any] = []
        bad = list(sheet.bad)
        for raw in sheet.rows:
            try:
                records += to_payments(raw, sides[raw.name], self.site.zone)
            except ValueError as error:
                bad.append(BadRecord("payment", raw.name, "amount", str(error)))
        return Found(records, bad, list(names))

    def deleted_since(self, low: datetime | None, after: str, limit: int) -> Found:
        """Payments that were deleted since, as void: from what the site keeps of them."""
        if low is None or not self.site.sees_deletions:
            return Found([], [], [])
        filters: list[Filter] = [
            ["deleted_doctype", "in", [ENTRY, JOURNAL]],
            ["modified", ">=", stamped(low)],
            *named_after(after),
        ]
        fields = ["deleted_doctype", "deleted_name", "data", "restored"]
        sheet = self.link.sheet(DELETED, Gone, filters, fields, limit=limit)
        records: list[Any] = []
        for row in sheet.rows:
            if not row.restored:
                with suppress(ValueError):  # of a document that never read nothing was told
                    records += payments.ended(row.data, self.site.company.name, self.site.zone)
        return Found(records, list(sheet.bad), sheet.names)

    def money(self, customer: str) -> Found:
        """A customer's payments that are on their way or have a rest."""
        theirs: list[Filter] = [*self.received, ["party", "=", customer], ["docstatus", "!=", 2]]
        loose: list[Filter] = [["unallocated_amount", ">", 0], ["docstatus", "=", 0]]
        found = whole(self.entries, theirs, loose)
        towards = [PART, "reference_doctype", "=", payments.ORDER]
        orders = self.link.every(ENTRY, Row, [*theirs, towards], [])
        more = sorted({row.name for row in orders} - set(found.names))
        if more:
            rest = whole(self.entries, [["name", "in", more]])
            found = Found([*found.records, *rest.records], [*found.bad, *rest.bad], [])
        if not self.site.sees_journals:
            return found
        sides: list[Filter] = [
            ["party_type", "=", "Customer"],
            ["party", "=", customer],
            ["docstatus", "=", 1],
            ["credit_in_account_currency", ">", 0],
        ]
        any_of: list[Filter] = [
            ["reference_name", "is", "not set"],
            ["reference_type", "=", payments.ORDER],
        ]
        rows = self.link.every(SIDE, Parent, sides, ["parent"], any_of=any_of, parent=JOURNAL)
        journals = self.journals(sorted({row.parent for row in rows}))
        mine = [record for record in journals.records if record.customer_id == customer]
        return Found([*found.records, *mine], [*found.bad, *journals.bad], [])
