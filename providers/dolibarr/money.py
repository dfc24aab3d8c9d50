"""The stream of payments: those of each changed invoice, then money that is set against nothing."""

from collections.abc import Iterator
from datetime import timedelta

from connector.contract import Page
from connector.errors import BadRecord
from connector.receivables.records import Payment
from providers.dolibarr.documents import CLOSED, CREDIT_NOTE, DEPOSIT, PROFORMA, Brief, Document
from providers.dolibarr.ledger import INVOICES, NUMBERED, Ledger
from providers.dolibarr.payments import Free, Paid, to_free, to_payments
from providers.dolibarr.stream import Mark
from providers.dolibarr.wire import local

CALLS = 100  # invoices asked for their payments before a page is stored
HISTORY = timedelta(days=730)  # what a first read takes of the past: habits look back two years


class Money:
    """The payments of one firm. Dolibarr tells those of one invoice at a time."""

    def __init__(self, ledger: Ledger, overlap: timedelta) -> None:
        self._ledger, self._overlap = ledger, overlap

    def pages(self, mark: Mark) -> Iterator[Page]:
        """What was paid on invoices that changed, and at the end what is free now."""
        ledger = self._ledger
        since = mark.low
        if since is None and mark.until:
            since = mark.until - int(HISTORY.total_seconds())
        where = [NUMBERED]
        if since is not None:
            where.append(f"(t.tms:>=:'{local(since, ledger.zone)}')")
        overpaid: set[str] = set()
        for found in ledger.pages(INVOICES, Document, where, mark.position):
            records: list[Payment] = []
            bad: list[BadRecord] = []  # rows that do not read are told with the invoices
            calls = 0
            for row in found.rows:
                if row.type not in (CREDIT_NOTE, PROFORMA) and row.converted:
                    overpaid.add(row.socid)
                if row.type in (CREDIT_NOTE, PROFORMA) or not _paid(row):
                    continue
                try:
                    records += self._of(row)
                except ValueError as error:
                    bad.append(BadRecord("payment", row.id, row.ref, str(error)))
                calls += 1
                if calls % CALLS == 0:
                    mark = mark.at(row.number)
                    yield Page(records=tuple(records), bad=tuple(bad), cursor=mark.text())
                    records, bad = [], []
            if found.ids:
                mark = mark.at(found.ids[-1])
            if records or bad:
                yield Page(records=tuple(records), bad=tuple(bad), cursor=mark.text())
        yield self._free(mark, overpaid)

    def _of(self, row: Document) -> list[Payment]:
        raw = self._ledger.link.get(f"{INVOICES}/{row.id}/payments", {}, missing=[])
        paid = [Paid.model_validate(one) for one in raw]
        return to_payments(row, paid, self._ledger.books())

    def _free(self, mark: Mark, overpaid: set[str]) -> Page:
        """What is available now, and once more as used what was available when last looked at."""
        customers = (
            overpaid | self._with_deposits() | {one.customer_id for one in mark.free.values()}
        )
        now = self.available(customers)
        gone = {rowid: free for rowid, free in mark.free.items() if rowid not in now}
        records = [free.payment(rowid) for rowid, free in now.items()]
        records += [free.payment(rowid, used=True) for rowid, free in gone.items()]
        return Page(records=tuple(records), cursor=mark.done(self._overlap, now).text())

    def available(self, customers: set[str]) -> dict[str, Free]:
        """The money of these customers that is set against nothing, by the discount's id."""
        ledger = self._ledger
        rows = [
            one
            for customer_id in sorted(customers)
            for one in ledger.discounts(customer_id)
            if one.available and not one.credits
        ]
        sources = ledger.raw(one.fk_facture_source for one in rows)
        return {
            one.rowid: to_free(one, sources[one.fk_facture_source], ledger.books())
            for one in rows
            if one.fk_facture_source in sources
        }

    def _with_deposits(self) -> set[str]:
        """Customers who owe something and have paid a deposit: to make it available stamps
        nothing."""
        where = [f"(t.type:=:{DEPOSIT})", f"(t.fk_statut:=:{CLOSED})"]
        sheets = self._ledger.pages(INVOICES, Brief, where)
        paid = {row.socid for found in sheets for row in found.rows}
        if not paid:
            return paid
        return paid & {row.socid for row in self._ledger.unpaid() if row.rest > 0}


def _paid(row: Document) -> bool:
    """Whether money was ever set against it, as far as its figures tell."""
    return bool(row.totalpaid) or (row.totalpaid is None and row.rest != row.total)
