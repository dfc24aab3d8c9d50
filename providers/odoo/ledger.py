"""The rows of one Odoo company, read and mapped: whatever a domain finds, bad rows set aside."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Generic, TypeVar

from connector.contract import OpenItem
from connector.errors import BadRecord, Rejected
from connector.receivables.records import CreditNote, Customer, Invoice, Payment
from providers.odoo import documents, parties, payments
from providers.odoo.documents import LINE, MOVE, TYPES, Document, DueEntry, to_document
from providers.odoo.firm import Firm, firm_of, settled_on
from providers.odoo.links import Link
from providers.odoo.parties import PARTNER, Party, to_customer
from providers.odoo.payments import PARTIAL, PAYMENT, Entry, Match, Transit, to_payment, to_transit
from providers.odoo.stream import changed
from providers.odoo.wire import (
    Amount,
    NoRight,
    Pointer,
    Ref,
    Row,
    Sheet,
    Text,
    cents,
    chunks,
    either,
    number_of,
)

MANY = 2000  # rows of a few short fields: one call for most firms
R = TypeVar("R", bound=Row)
T = TypeVar("T")


class Owed(Row):
    """What is left to pay of a document, and no more of it."""

    move_type: Text
    amount_residual: Amount
    currency_id: Pointer


class Word(Row):
    """A tag's name, or the code of a country or region."""

    name: Text = ""
    code: Text = ""


class Owner(Row):
    """A line and the document that it is part of."""

    move_id: Ref


class Kin(Row):
    """A partner, a document or a line, and whose it is."""

    commercial_partner_id: Ref = None
    partner_id: Ref = None


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """Records, those that cannot be read, and the ids of all rows behind them."""

    records: list[T]
    bad: list[BadRecord]
    ids: list[int]


class Ledger:
    """One company's customers, documents and payments on one database."""

    def __init__(self, connect: Callable[[], Link], chosen: int | None) -> None:
        self._connect, self._chosen = connect, chosen
        self._words: dict[tuple[str, int], str] = {}

    @cached_property
    def _settled(self) -> tuple[Link, int]:
        link = self._connect()
        company = settled_on(link, self._chosen)
        link.fields(MOVE, documents.DOCUMENT, documents.DOCUMENT_OPTIONAL)  # or nothing can be read
        return link, company

    @property
    def link(self) -> Link:
        """The connection, keeping to the company."""
        return self._settled[0]

    @property
    def company(self) -> int:
        """The company's id."""
        return self._settled[1]

    @cached_property
    def firm(self) -> Firm:
        return firm_of(self.link, self.company)

    @cached_property
    def shop(self) -> str:
        """The address of the customers' pages, empty where no payment can be made there."""
        if self.link.has("payment.link.wizard"):
            with suppress(Rejected, NoRight):
                told = self.link.call(MOVE, "get_base_url", str, ids=[])
                return str(told or "").rstrip("/")
        return ""

    def posted(self) -> list[object]:
        """The domain of customer documents that are or once were posted."""
        known = self.link.has(MOVE, "posted_before")
        return documents.posted(self.company, known)

    def owing(self) -> list[object]:
        """The domain of customer documents with something left to pay or to use."""
        return documents.owing(self.company)

    def received(self) -> list[object]:
        """The domain of money in that is booked, whoever booked it."""
        return payments.received(self.company)

    def in_transit(self) -> list[object]:
        """The domain of payments that are no entry in the books."""
        return payments.in_transit(self.company)

    def _party_fields(self) -> list[str]:
        return self.link.fields(PARTNER, parties.PARTY, parties.PARTY_OPTIONAL)

    def parties(self, domain: list[object]) -> list[Party]:
        """Partners, of whatever sort.

        Raises:
            BadRecord: one of them does not read.
        """
        sheet = self.link.sheet(PARTNER, Party, domain, self._party_fields())
        for bad in sheet.bad:
            raise bad
        return sheet.rows

    def country(self, party: Party) -> str:
        """The ISO 3166-1 code of a partner's country, empty if it has none."""
        known = self._word("res.country", "code", [party.country_id or 0])
        return next(iter(known.values()), "")

    def customer_ids(self, low: datetime | None) -> list[int]:
        """Every customer, or those of whom anything has changed since; sorted.

        Posting makes a partner a customer without stamping it, and may fail to: documents and
        money tell whose they are.
        """
        own: list[list[object]] = [["is_company", "=", True], ["parent_id", "=", False]]
        ranked: list[object] = [["customer_rank", ">", 0], *either(own)]
        owner, payer = ["commercial_partner_id"], ["partner_id"]
        of_document: list[object] = [["commercial_partner_id.customer_rank", "=", 0]]
        of_money: list[object] = [["partner_id.commercial_partner_id.customer_rank", "=", 0]]
        if low:
            touched = changed(low, ["write_date"])
            kin = self.link.sheet(PARTNER, Kin, touched, owner).rows
            ranked.append(
                ["id", "in", sorted({row.commercial_partner_id or row.id for row in kin})]
            )
            of_document = of_money = touched
        found = set(self.link.call(PARTNER, "search", list[int], domain=ranked, order="id") or ())
        rows = self.link.sheet(MOVE, Kin, [*self.posted(), *of_document], owner).rows
        found |= {row.commercial_partner_id or 0 for row in rows}
        rows = self.link.sheet(LINE, Kin, [*self.received(), *of_money], payer).rows
        rows += self._transits([*self.in_transit(), *of_money], Kin, payer, None).rows
        found |= set(self._whose({row.partner_id or 0 for row in rows}).values())
        return sorted(found - {0})

    def customers(self, ids: Sequence[int]) -> Found[Customer]:
        """These customers with their contacts."""
        if not ids:
            return Found([], [], [])
        fields, these = self._party_fields(), list(ids)
        sheet = self.link.sheet(PARTNER, Party, [["id", "in", these]], fields)
        domain = [["commercial_partner_id", "in", these], ["id", "not in", these]]
        others = self.link.sheet(PARTNER, Party, domain, fields)
        children: dict[int, list[Party]] = defaultdict(list)
        for child in others.rows:
            children[child.commercial_partner_id or 0].append(child)
        tags = self._word(
            "res.partner.category", "name", (t for r in sheet.rows for t in r.category_id)
        )
        countries = self._word("res.country", "code", (row.country_id or 0 for row in sheet.rows))
        regions = self._word("res.country.state", "code", (row.state_id or 0 for row in sheet.rows))

        def mapped(row: Party) -> Customer:
            return to_customer(
                row,
                children[row.id],
                tags=[tags[tag] for tag in row.category_id if tag in tags],
                country=countries.get(row.country_id or 0, ""),
                region=regions.get(row.state_id or 0, ""),
                home=self.firm.currency,
            )

        found = _mapped("customer", sheet, mapped)
        found.bad.extend(others.bad)
        return found

    def documents(
        self, domain: list[object], limit: int | None = None
    ) -> Found[Invoice | CreditNote]:
        fields = self.link.fields(MOVE, documents.DOCUMENT, documents.DOCUMENT_OPTIONAL)
        sheet = self.link.sheet(MOVE, Document, domain, fields, limit=limit)
        entries, unread = self._due([row.id for row in sheet.rows if row.move_type != "out_refund"])

        def mapped(row: Document) -> Invoice | CreditNote:
            if row.id in unread:
                raise ValueError(unread[row.id])
            return to_document(row, entries[row.id], self.shop)

        return _mapped("invoice", sheet, mapped)

    def _due(self, moves: list[int]) -> tuple[dict[int, list[DueEntry]], dict[int, str]]:
        """The due lines of these documents; what is wrong with those that do not read."""
        entries: dict[int, list[DueEntry]] = defaultdict(list)
        if not moves:
            return entries, {}
        fields = self.link.fields(LINE, documents.DUE, documents.DUE_OPTIONAL)
        domain = [["move_id", "in", moves], ["account_type", "=", "asset_receivable"]]
        sheet = self.link.sheet(LINE, DueEntry, domain, fields)
        for entry in sheet.rows:
            entries[entry.move_id or 0].append(entry)
        problems = {number_of(bad.id): str(bad) for bad in sheet.bad}
        return entries, {
            move: problems[line] for line, move in self._owners(list(problems), []).items()
        }

    def _owners(self, lines: list[int], which: list[object]) -> dict[int, int]:
        """The documents that these lines are part of."""
        if not lines:
            return {}
        domain = [["id", "in", lines], *which]
        rows = self.link.sheet(LINE, Owner, domain, ["move_id"]).rows
        return {row.id: row.move_id for row in rows if row.move_id}

    def payments(self, domain: list[object], limit: int | None = None) -> Found[Payment]:
        """Payments that are lines in the books."""
        fields = self.link.fields(LINE, payments.ENTRY)
        sheet = self.link.sheet(LINE, Entry, domain, fields, limit=limit)
        matches: dict[int, list[Match]] = defaultdict(list)
        if sheet.rows:
            asked = [["credit_move_id", "in", [row.id for row in sheet.rows]]]
            found = self.link.sheet(PARTIAL, Match, asked, payments.MATCH)
            for bad in found.bad:
                raise bad
            for match in found.rows:
                matches[match.credit_move_id or 0].append(match)
        debits = sorted({m.debit_move_id or 0 for parts in matches.values() for m in parts})
        owners = self._owners(debits, [["move_id.move_type", "in", TYPES]])
        whose = self._whose({row.partner_id or 0 for row in sheet.rows})
        return _mapped(
            "payment",
            sheet,
            lambda row: to_payment(row, matches[row.id], owners, whose[row.partner_id or 0]),
        )

    def transits(self, domain: list[object], limit: int | None = None) -> Found[Payment]:
        """Payments that are no lines in the books."""
        fields: list[str] = []
        with suppress(NoRight):
            fields = self.link.fields(PAYMENT, payments.TRANSIT, payments.TRANSIT_OPTIONAL)
        sheet = self._transits(domain, Transit, fields, limit)
        whose = self._whose({row.partner_id or 0 for row in sheet.rows})
        return _mapped("payment", sheet, lambda row: to_transit(row, whose[row.partner_id or 0]))

    def _transits(
        self, domain: list[object], row: type[R], fields: Sequence[str], limit: int | None
    ) -> Sheet[R]:
        """None where the user may not read payments: the books tell of them once they are in."""
        try:
            return self.link.sheet(PAYMENT, row, domain, fields, limit=limit)
        except NoRight:
            return Sheet([], [], [])

    def _whose(self, partners: set[int]) -> dict[int, int]:
        """Who owes for each of these partners: money may come from one of their contacts."""
        whose = {number: number for number in partners}
        if partners:
            domain = [["id", "in", sorted(partners)]]
            for row in self.link.sheet(PARTNER, Kin, domain, ["commercial_partner_id"]).rows:
                whose[row.id] = row.commercial_partner_id or row.id
        return whose

    def _word(self, model: str, field: str, ids: Iterable[int]) -> dict[int, str]:
        """A text of each of these records; each is read once."""
        wanted = sorted({number for number in ids if number})
        unread = [number for number in wanted if (model, number) not in self._words]
        if unread:
            for row in self.link.sheet(model, Word, [["id", "in", unread]], [field]).rows:
                self._words[model, row.id] = getattr(row, field)
        return {n: self._words[model, n] for n in wanted if (model, n) in self._words}

    def there(self, model: str, ids: Iterable[int]) -> set[str]:
        """Those of the ids that are still there."""
        found: set[str] = set()
        for wanted in chunks(ids, MANY):
            asked = [["id", "in", wanted]]
            told = self.link.call(model, "search", list[int], domain=asked, order="id") or ()
            found |= {str(number) for number in told}
        return found

    def owed(self) -> Iterator[OpenItem]:
        """What is left of each open document, read in large pages; unreadable rows left out."""
        fields, after, last = ["move_type", "amount_residual", "currency_id"], 0, False
        while not last:
            domain = [*self.owing(), ["id", ">", after]]
            sheet = self.link.sheet(MOVE, Owed, domain, fields, limit=MANY)
            for row in sheet.rows:
                currency = row.currency_id.name if row.currency_id else ""
                with suppress(ValueError):
                    balance = cents(row.amount_residual, currency)
                    sign = -1 if row.move_type == "out_refund" else 1
                    if balance:
                        yield OpenItem(id=str(row.id), balance=sign * balance, currency=currency)
            last = len(sheet.ids) < MANY
            after = 0 if last else sheet.ids[-1]


def _mapped(kind: str, sheet: Sheet[R], map_: Callable[[R], T]) -> Found[T]:
    found: Found[T] = Found([], list(sheet.bad), sheet.ids)
    for row in sheet.rows:
        try:
            found.records.append(map_(row))
        except ValueError as error:
            problem = BadRecord(kind, str(row.id), str(getattr(row, "name", "")), str(error))
            found.bad.append(problem)
    return found
