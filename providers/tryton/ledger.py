"""The rows of one Tryton company, read and mapped: whatever a domain finds, bad rows set aside."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Generic, TypeVar

from pydantic import Field

from connector.contract import OpenItem
from connector.errors import BadRecord, ConfigError, Rejected
from connector.receivables.money import minor
from connector.receivables.records import CreditNote, Customer, Invoice, Payment
from providers.tryton.documents import INVOICE, INVOICE_OPTIONAL, Document, to_document
from providers.tryton.links import Link
from providers.tryton.parties import (
    MECHANISM_OPTIONAL,
    PARTY,
    PARTY_OPTIONAL,
    Party,
    to_customer,
)
from providers.tryton.payments import ENTRY, OWNER, Books, Entry, Owner, owners_of, to_payment
from providers.tryton.wire import Amount, Coded, Row, Wire

MODEL = "account.invoice"
MERGES = 10  # customers merged into one another, one after the other
T = TypeVar("T")


class Firm(Row):
    """The company and the party that it is."""

    party: int
    currency: Coded = Field(alias="currency.")
    timezone: str | None = None


class Owed(Row):
    """What is left to pay of a document, and no more of it."""

    currency: Coded = Field(alias="currency.")
    amount_to_pay: Amount


class Preferences(Wire):
    """Whom the user works for."""

    company: int | None = None
    companies: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """Records, those that cannot be read, and the ids of all rows behind them."""

    records: list[T]
    bad: list[BadRecord]
    ids: list[int]


class Ledger:
    """One company's customers, documents and payments on one database."""

    def __init__(self, link: Link, company: int | None) -> None:
        self._link = link
        self._chosen = company

    @cached_property
    def link(self) -> Link:
        """The connection with the company in its context; archived records are seen too."""
        known = self._link.call("res.user", "get_preferences", Preferences, context_only=True)
        company = self._chosen or known.company
        if not company:
            raise ConfigError(
                "tryton: the user works for no company: choose one in the user's preferences, or "
                "set RELANCE_TRYTON_COMPANY to its id"
            )
        # with a company in its context that is not the user's, a server of series 8 remembers
        # for all of this user's calls that there is nothing to see
        if known.companies is not None and company not in known.companies:
            raise ConfigError(
                f"tryton: the user may not work for company {company}: correct "
                f"RELANCE_TRYTON_COMPANY, or give the user that company (now: {known.companies})"
            )
        self._link.context |= {"company": company, "active_test": False}
        return self._link

    @property
    def company(self) -> int:
        return int(str(self.link.context["company"]))

    @cached_property
    def firm(self) -> Firm:
        fields = ("party", "currency.code", "timezone")
        domain = [["id", "=", self.company]]
        rows = self.link.sheet("company.company", Firm, domain, fields).rows
        if not rows:
            raise ConfigError(
                f"tryton: the user sees no company {self.company}: correct RELANCE_TRYTON_COMPANY"
            )
        return rows[0]

    @property
    def home(self) -> str:
        return str(self.firm.currency.code)

    def posted(self) -> list[object]:
        """Customer invoices with a number: a draft that was cancelled never had one."""
        return [
            ["type", "=", "out"],
            ["company", "=", self.company],
            ["state", "in", ["posted", "paid", "cancelled"]],
            ["number", "!=", None],
        ]

    def received(self) -> list[object]:
        """Receivable credit lines: payments, and the lines of credit notes among them."""
        return [
            ["account.type.receivable", "=", True],
            ["move.company", "=", self.company],
            ["party", "!=", None],
            ["credit", ">", Decimal(0)],
        ]

    def party(self, number: int) -> Party:
        """The party of that id or, after a merge, the one that took it over."""
        for _ in range(MERGES):
            sheet = self.link.sheet("party.party", Party, [["id", "=", number]], self._party_fields)
            for bad in sheet.bad:
                raise bad
            if not sheet.rows:
                break
            if not sheet.rows[0].replaced_by:
                return sheet.rows[0]
            number = sheet.rows[0].replaced_by
        raise Rejected(f"tryton: there is no customer {number}")

    def customers(self, domain: list[object], limit: int | None = None) -> Found[Customer]:
        sheet = self.link.sheet("party.party", Party, domain, self._party_fields, limit=limit)
        return Found([to_customer(row) for row in sheet.rows], sheet.bad, sheet.ids)

    def documents(
        self, domain: list[object], limit: int | None = None
    ) -> Found[Invoice | CreditNote]:
        sheet = self.link.sheet(MODEL, Document, domain, self._invoice_fields, limit=limit)
        found: Found[Invoice | CreditNote] = Found([], list(sheet.bad), sheet.ids)
        for row in sheet.rows:
            try:
                found.records.append(to_document(row, self.home))
            except ValueError as error:
                found.bad.append(BadRecord("invoice", str(row.id), row.number, str(error)))
        return found

    def payments(self, domain: list[object], limit: int | None = None) -> Found[Payment]:
        sheet = self.link.sheet("account.move.line", Entry, domain, ENTRY, limit=limit)
        books = self._reconciled(sheet.rows)
        found: Found[Payment] = Found([], list(sheet.bad), sheet.ids)
        for row in sheet.rows:
            try:
                payment = to_payment(row, books)
            except ValueError as error:
                found.bad.append(BadRecord("payment", str(row.id), "amount", str(error)))
            else:
                found.records.extend([payment] if payment else [])
        return found

    def owed(self, limit: int) -> Iterator[OpenItem]:
        """What is left to pay of each posted document, read in pages; unreadable rows left out."""
        domain, fields = self.posted(), ["currency.code", "amount_to_pay"]
        domain.append(["state", "=", "posted"])
        after, last = 0, False
        while not last:
            sheet = self.link.sheet(MODEL, Owed, [*domain, ["id", ">", after]], fields, limit=limit)
            for row in sheet.rows:
                with suppress(ValueError):
                    currency = str(row.currency.code)
                    if balance := minor(row.amount_to_pay, currency):
                        yield OpenItem(id=str(row.id), balance=balance, currency=currency)
            last = len(sheet.ids) < limit
            after = 0 if last else sheet.ids[-1]

    def _reconciled(self, lines: Sequence[Entry]) -> Books:
        """What the mapping of these lines needs: their reconciliations and whose moves they are."""
        wanted = sorted({line.reconciliation for line in lines if line.reconciliation})
        groups: dict[int, list[Entry]] = {}
        moves = {line.move.id for line in lines}
        if wanted:
            domain = [["reconciliation", "in", wanted]]
            for entry in self.link.sheet("account.move.line", Entry, domain, ENTRY).rows:
                groups.setdefault(entry.reconciliation or 0, []).append(entry)
                moves.add(entry.move.id)
        if not moves:
            return Books(groups, {}, self.home)
        mine: list[object] = ["OR", *([field, "in", sorted(moves)] for field in OWNER)]
        return Books(groups, owners_of(self.link.sheet(MODEL, Owner, mine, OWNER).rows), self.home)

    def _optional(self, model: str, names: Sequence[str]) -> list[str]:
        """Those of the fields that this server has: it depends on its series and modules."""
        known = self.link.call(model, "fields_get", dict[str, object], fields_names=list(names))
        return [name for name in names if name in known]

    @cached_property
    def _invoice_fields(self) -> tuple[str, ...]:
        return (*INVOICE, *self._optional(MODEL, INVOICE_OPTIONAL))

    @cached_property
    def _party_fields(self) -> tuple[str, ...]:
        bank = self._optional("party.party", PARTY_OPTIONAL)
        extra = self._optional("party.contact_mechanism", list(MECHANISM_OPTIONAL))
        return (
            *PARTY,
            *(f"{name}.numbers.number" for name in bank),
            *(f"contact_mechanisms.{MECHANISM_OPTIONAL[name]}" for name in extra),
        )

    def count(self, model: str, domain: list[object]) -> int:
        """How many rows a domain finds."""
        found = self.link.call(model, "search_count", int, domain=domain, offset=0, limit=None)
        return int(found)

    def close(self) -> None:
        """End the session, whether or not one was begun."""
        self._link.close()
