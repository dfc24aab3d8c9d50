"""One firm's books in Dolibarr, read and mapped: pages by id, bad rows set aside."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from pydantic import Field

from connector.contract import OpenItem
from connector.errors import AuthRequired, BadRecord, ConfigError
from connector.receivables.records import CreditNote, Invoice
from providers.dolibarr.documents import (
    CLOSED,
    CREDIT_NOTE,
    DRAFT,
    PROFORMA,
    VALIDATED,
    Books,
    Brief,
    Document,
    Stamped,
    to_document,
)
from providers.dolibarr.link import SEE_ALL, STATUS, Link
from providers.dolibarr.payments import Discount
from providers.dolibarr.wire import TITLE, Row, Sheet, Text, Wire, sheet

INVOICES, PARTIES = "invoices", "thirdparties"
PAGE = 1000  # rows of an answer cut down to what we read
FULL_PAGE = 200  # rows, where a version gives whole objects
CUT_SINCE = 19  # the oldest version that was seen to cut an answer down
EARLIEST = 50  # invoices among which the firm's first numbered one is looked for
NAMED = 100  # ids in one address: a web server takes some 8,000 characters
ZONE = "Europe/Paris"
NUMBERED = f"(t.fk_statut:>:{DRAFT})"
T = TypeVar("T")
R = TypeVar("R", bound=Row)


class Told(Wire):
    """What the server says of itself."""

    dolibarr_version: Text = ""
    timestamp_php_tz: Text = ""


class Status(Wire):
    """The answer of /status."""

    success: Told = Field(default_factory=Told)


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """Records, those that cannot be read, and the ids of all rows behind them."""

    records: list[T]
    bad: list[BadRecord]
    ids: list[int]


class Ledger:
    """One firm's documents. `zone` and `home` are settings, empty if not given."""

    def __init__(
        self, link: Link, *, zone: str = "", home: str = "", pay_link: bool = False, page: int = 0
    ) -> None:
        self.link = link
        self._zone, self._home, self._page = zone, home, page
        self.pay_link = pay_link

    @cached_property
    def status(self) -> Told:
        found = self.link.one(STATUS, Status)
        if not found or not found.success.dolibarr_version:
            raise ConfigError(f"{TITLE}: no Dolibarr answers here: correct RELANCE_DOLIBARR_URL")
        return found.success

    @property
    def page(self) -> int:
        """Rows to ask for at once."""
        major = self.status.dolibarr_version.partition(".")[0]
        cuts = major.isdecimal() and int(major) >= CUT_SINCE
        return self._page or (PAGE if cuts else FULL_PAGE)

    @cached_property
    def told_zone(self) -> ZoneInfo | None:
        """The zone that the server says it counts in."""
        try:
            name = self.status.timestamp_php_tz
            return ZoneInfo(name) if name else None
        except (KeyError, ValueError):  # a name of PHP's own
            return None

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone whose midnights the server's dates are."""
        return self.told_zone or ZoneInfo(self._zone or ZONE)

    @cached_property
    def earliest(self) -> list[Document]:
        """What `look` saw first."""
        return self.look()

    def look(self) -> list[Document]:
        """The firm's earliest invoices that have a number of their own.

        Raises:
            AuthRequired: there is none to be seen, and no customer either.
            ConfigError: there is none yet.
        """
        seen = self.link.rows(INVOICES, Document, limit=EARLIEST).rows
        if numbered := [row for row in seen if row.ref and not row.ref.startswith("(PROV")]:
            return numbered
        if seen:
            raise ConfigError(
                f"{TITLE}: there are only drafts: come back when the first invoice is validated"
            )
        if self.link.rows(PARTIES, Stamped, limit=1).ids:
            raise ConfigError(f"{TITLE}: there is no invoice yet, so nothing to remind of")
        raise AuthRequired(
            f"{TITLE}: the user sees not one invoice and not one customer. Nothing was changed "
            f"and nothing is sent. Give the user {SEE_ALL}"
        )

    @cached_property
    def home(self) -> str:
        """The firm's currency: as set, else that of an early invoice made at a rate of 1."""
        if self._home:
            return self._home
        for row in self.earliest:
            if row.multicurrency_code and row.multicurrency_tx in (None, Decimal(1)):
                return row.multicurrency_code
        raise ConfigError(
            f"{TITLE}: the firm's currency cannot be told: set RELANCE_DOLIBARR_CURRENCY, as EUR"
        )

    def books(self, available: Mapping[str, Decimal] | None = None) -> Books:
        return Books(
            zone=self.zone, home=self.home, available=available or {}, pay_link=self.pay_link
        )

    def newest(self) -> int | None:
        """The newest stamp of all invoices, drafts too."""
        rows = self.link.rows(INVOICES, Stamped, limit=1, sort=("t.tms", "DESC")).rows
        return rows[0].modified if rows else None

    def pages(
        self,
        path: str,
        row: type[R],
        where: Sequence[str],
        after: int = 0,
        more: Mapping[str, str] | None = None,
    ) -> Iterator[Sheet[R]]:
        """All rows of which the conditions hold, by id, from above `after`."""
        last = False
        while not last:
            conditions = [*where, f"(t.rowid:>:{after})"]
            found = self.link.rows(path, row, where=conditions, limit=self.page, more=more)
            last = len(found.ids) < self.page
            after = 0 if last else found.ids[-1]
            yield found

    def documents(self, found: Sheet[Document]) -> Found[Invoice | CreditNote]:
        """The documents of a page, mapped."""
        notes = [row for row in found.rows if row.type == CREDIT_NOTE and row.converted]
        mapped = self.mapped(found.rows, self.available({row.socid for row in notes}))
        return Found(mapped.records, [*found.bad, *mapped.bad], found.ids)

    def mapped(
        self, rows: Iterable[Document], left: Mapping[str, Decimal]
    ) -> Found[Invoice | CreditNote]:
        """Documents, mapped; `left` is what remains of converted credit notes by their ids."""
        books = self.books(left)
        found: Found[Invoice | CreditNote] = Found([], [], [])
        for row in rows:
            try:
                record = to_document(row, books)
            except (ValueError, OverflowError) as error:
                found.bad.append(BadRecord("invoice", row.id, row.ref, str(error)))
            else:
                found.records.extend([record] if record else [])
        return found

    def by_id(self, ids: Sequence[str]) -> Found[Invoice | CreditNote]:
        """These documents; each that is not in the list is asked for alone.

        Raises:
            Denied: one is there, and the user may not see it: it is not gone.
        """
        listed = f"(t.rowid:in:{','.join(ids)})"
        found = self.link.rows(INVOICES, Document, where=[listed], limit=len(ids))
        for missing in sorted(set(ids) - {str(number) for number in found.ids}, key=int):
            raw = self.link.get(f"{INVOICES}/{missing}", {}, missing=None)
            if raw is not None:
                alone = sheet([raw], Document, "invoice")
                found.rows.extend(alone.rows)
                found.bad.extend(alone.bad)
                found.ids.extend(alone.ids)
        return self.documents(found)

    def raw(self, ids: Iterable[str]) -> dict[str, Document]:
        """These documents as they came."""
        wanted = sorted({id_ for id_ in ids if id_.isdecimal()}, key=int)
        found: dict[str, Document] = {}
        for start in range(0, len(wanted), NAMED):
            batch = wanted[start : start + NAMED]
            where = [f"(t.rowid:in:{','.join(batch)})"]
            rows = self.link.rows(INVOICES, Document, where=where, limit=len(batch)).rows
            found |= {row.id: row for row in rows}
        return found

    def discounts(self, customer_id: str, which: str = "available") -> list[Discount]:
        """The discounts of a customer that come from an invoice, deposit or credit note."""
        path = f"{PARTIES}/{customer_id}/fixedamountdiscounts"
        raw = self.link.get(path, {"filter": which}, missing=[])
        return [Discount.model_validate(one) for one in raw]

    def available(self, customers: Iterable[str]) -> dict[str, Decimal]:
        """What is left of these customers' converted credit notes, by the note's id."""
        rows = [one for customer in sorted(customers) for one in self.discounts(customer)]
        return left_of(rows)

    def owed(self) -> Iterator[OpenItem]:
        """What is left to pay of each validated document, then what is left of the credit notes
        that were converted, of customers who owe something. Unreadable rows are left out."""
        owing: set[str] = set()
        seen = False
        for row in self.unpaid():
            seen = True
            with suppress(ValueError):
                if balance := row.own(row.rest, self.home):
                    yield OpenItem(id=row.id, balance=balance, currency=row.currency(self.home))
            if row.rest > 0:
                owing.add(row.socid)
        if not seen:  # nothing is open, or nothing is to be seen any more
            self.look()
        where = [f"(t.type:=:{CREDIT_NOTE})", f"(t.fk_statut:=:{CLOSED})"]
        sheets = self.pages(INVOICES, Brief, where) if owing else ()
        notes = [row for found in sheets for row in found.rows if row.converted]
        mine = [row for row in notes if row.socid in owing]
        left = self.available({row.socid for row in mine})
        for row in mine:
            if row.id in left:
                balance = -abs(row.own(left[row.id], self.home))
                yield OpenItem(id=row.id, balance=balance, currency=row.currency(self.home))

    def unpaid(self) -> Iterator[Brief]:
        """Every validated document; a status that is not known would give all of them."""
        for found in self.pages(
            INVOICES, Brief, [f"(t.fk_statut:=:{VALIDATED})"], more={"status": "unpaid"}
        ):
            yield from (
                row for row in found.rows if row.state == VALIDATED and row.type != PROFORMA
            )


def left_of(discounts: Iterable[Discount]) -> dict[str, Decimal]:
    """What is left of converted credit notes, by the note's id: each may be split in parts."""
    left: dict[str, Decimal] = {}
    for one in discounts:
        if one.credits and one.available and one.amount_ttc:
            source = one.fk_facture_source
            left[source] = left.get(source, Decimal(0)) + abs(one.amount_ttc)
    return left
