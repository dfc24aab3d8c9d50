"""The streams of changes, in pages: customers, documents, and money in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from connector.contract import Cursor, Page
from connector.receivables.records import Payment, PaymentState
from providers.odoo.documents import LINE, MOVE
from providers.odoo.ledger import Found, Ledger
from providers.odoo.parties import PARTNER
from providers.odoo.payments import PARTIAL, PAYMENT
from providers.odoo.stream import Loose, Mark, changed, newest
from providers.odoo.wire import NoRight, chunks, number_of

# the stamps that make a row changed: its own; of the due line that somebody edited; of what it is
# set against; and of the partner, for a merge moves documents to another without stamping them
DOCUMENT_STAMPS = ("write_date", "line_ids.write_date", "commercial_partner_id.write_date")
MONEY_STAMPS = ("write_date", "matched_debit_ids.write_date", "partner_id.write_date")
TRANSIT_STAMPS = ("write_date", "partner_id.write_date")


@dataclass(frozen=True, slots=True)
class Part:
    """A list that is told in pages: what reads it, the domain of all of it, and its stamps."""

    model: str
    read: Callable[[list[object], int], Found[Any]]
    whole: list[object]
    stamps: Sequence[str]


def customers(ledger: Ledger, cursor: Cursor | None, size: int) -> Iterator[Page]:
    """Customers by id, of whom the first read takes all and a later one those that changed."""
    mark = _begun(ledger, cursor, (PARTNER, MOVE, LINE, PAYMENT))
    ids = ledger.customer_ids(mark.low)
    total = None if mark.low else len(ids)
    left = list(chunks((n for n in ids if n > mark.position), size)) or [[]]
    for place, wanted in enumerate(left, 1):
        found = ledger.customers(wanted)
        mark = mark.done() if place == len(left) else mark.at(0, wanted[-1])
        yield _page(found, mark, total)


def documents(ledger: Ledger, cursor: Cursor | None, size: int) -> Iterator[Page]:
    """Invoices and credit notes by id, likewise."""
    mark = _begun(ledger, cursor, (MOVE, LINE, PARTNER))
    part = Part(MOVE, ledger.documents, ledger.posted(), DOCUMENT_STAMPS)
    return _pages(ledger, mark, [part], size)


def money(ledger: Ledger, cursor: Cursor | None, size: int) -> Iterator[Page]:
    """Payments by id, likewise: those in the books, then those on their way there.

    A bank line that is matched anew is deleted and made again, of which Odoo leaves no trace. What
    was set against nothing is kept in the cursor, so that it is void when it is gone: else it would
    keep its customer from ever being reminded.
    """
    mark = _begun(ledger, cursor, (LINE, PARTIAL, PAYMENT, PARTNER))
    loose = dict(mark.loose)
    gone = set() if mark.begun else loose.keys() - ledger.there(LINE, map(number_of, loose))
    void = tuple(_void(number, loose.pop(number)) for number in sorted(gone))
    parts = [
        Part(LINE, ledger.payments, ledger.received(), MONEY_STAMPS),
        Part(PAYMENT, ledger.transits, ledger.in_transit(), TRANSIT_STAMPS),
    ]
    for page in _pages(ledger, mark, parts, size):
        _keep(loose, page.records)
        cursor = replace(Mark.parse(page.cursor), loose=loose).text()
        yield replace(page, records=(*void, *page.records), cursor=cursor)
        void = ()


def _keep(loose: dict[str, Loose], records: Sequence[object]) -> None:
    """Bring up to date what is known to be set against nothing."""
    for record in records:
        if isinstance(record, Payment) and number_of(record.id):
            loose.pop(record.id, None)
            if record.unallocated or record.state is PaymentState.PENDING:
                on = record.paid_on.isoformat()
                loose[record.id] = (record.customer_id, record.currency, on, record.amount)


def _void(number: str, known: Loose) -> Payment:
    customer, currency, on, amount = known
    return Payment(
        id=number,
        customer_id=customer,
        currency=currency,
        paid_on=date.fromisoformat(on),
        amount=amount,
        unallocated=0,
        state=PaymentState.VOID,
    )


def _begun(ledger: Ledger, cursor: Cursor | None, models: Sequence[str]) -> Mark:
    """Where to go on. What changes after the first page is asked for is newer than `until`."""
    mark = Mark.parse(cursor)
    return mark if mark.begun else replace(mark, until=newest(ledger.link, models))


def _pages(ledger: Ledger, mark: Mark, parts: Sequence[Part], size: int) -> Iterator[Page]:
    total = None if mark.low or mark.begun else sum(_count(ledger, part) for part in parts)
    last = False
    while not last:
        part = parts[mark.part]
        moved = changed(mark.low, part.stamps) if mark.low else []
        found = part.read([*part.whole, *moved, ["id", ">", mark.position]], size)
        ended = len(found.ids) < size
        last = ended and part is parts[-1]
        if last:
            mark = mark.done()
        else:
            mark = mark.at(mark.part + 1, 0) if ended else mark.at(mark.part, found.ids[-1])
        yield _page(found, mark, total)


def _page(found: Found[Any], mark: Mark, total: int | None) -> Page:
    records, bad = tuple(found.records), tuple(found.bad)
    return Page(records=records, bad=bad, cursor=mark.text(), total=total)


def _count(ledger: Ledger, part: Part) -> int:
    try:
        return int(ledger.link.call(part.model, "search_count", int, domain=part.whole))
    except NoRight:
        return 0
