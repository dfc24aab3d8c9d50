"""Reads a provider into the mirror: what changed, then what is open now."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from connector.contract import Kind, Page, Provider
from connector.errors import BadRecord, StaleMirror
from connector.garbage import uncollected
from connector.mirror.store import Mirror
from connector.receivables.capabilities import Capabilities
from connector.receivables.records import CreditNote, Invoice

Progress = Callable[[str, int, int | None], None]
"""Told of a stream by name: records so far, and in all where the product says."""

BATCH = 100
"""Documents asked for by id in one call."""

_AGAIN = timedelta(days=1)
"""After so long a record that was set aside is tried again, by reading everything: it may have been
mended by a change elsewhere, of which its own stamp tells nothing."""

_FEW = 10
"""Fewer open documents than this may vanish all at once: a small firm is paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What a complete pull read: records by stream, and those that were set aside.

    `first`: no pull of this mirror had been complete before.
    """

    counts: Mapping[str, int]
    bad: tuple[BadRecord, ...] = ()
    first: bool = False


def pull(
    provider: Provider,
    kinds: Iterable[Kind],
    mirror: Mirror,
    *,
    now: datetime,
    today: date,
    capabilities: Capabilities,
    progress: Progress,
) -> Pulled:
    """Bring the mirror up to date; pages already stored stay when a later read fails.

    `now` is aware UTC, `today` the firm's day.

    Raises:
        StaleMirror: most of what was open is not to be found any more; the sweep stored nothing.
        ConnectorError: whatever the provider raises.
    """
    counts: dict[str, int] = {}
    bad: list[BadRecord] = []
    kinds = tuple(kinds)
    again = mirror.has_set_aside(now - _AGAIN)
    for kind in kinds:
        cursor = None if again else mirror.cursor(kind)
        counts[kind] = 0
        with uncollected() as tidy:
            for page in provider.changes(kind, cursor):
                bad += mirror.store(kind, page, now=now, today=today)
                cursor = page.cursor
                counts[kind] += len(page.records)
                progress(str(kind), counts[kind], page.total)
                tidy()
        end = Page(records=(), cursor=cursor or "")
        mirror.store(kind, end, now=now, today=today, complete=True)
    if not capabilities.complete_changes:
        bad += _sweep(provider, mirror, now, today, progress)
    if again:
        mirror.all_read(now)
    first = mirror.pulled(
        now=now,
        today=today,
        payments=Kind.PAYMENTS not in kinds,
        open_set=capabilities.complete_changes,
    )
    told = {(one.kind, one.id, one.field): one for one in bad}  # a sweep may meet one again
    return Pulled(counts=counts, bad=tuple(told.values()), first=first)


def _sweep(
    provider: Provider, mirror: Mirror, now: datetime, today: date, progress: Progress
) -> tuple[BadRecord, ...]:
    """Compare the open set with the mirror; read again by id whatever differs."""
    items = {item.id: item for item in provider.open_items()}
    progress("open_items", len(items), len(items))
    known = mirror.open_balances()
    vanished = [ref for ref in known if ref not in items]
    moved = [ref for ref, item in items.items() if known.get(ref) != item.balance]
    fresh, bad, unread = _read(provider, [*vanished, *moved])
    known_again = {document.id for document in fresh} | unread
    lost = [ref for ref in vanished if ref not in known_again]
    if len(known) >= _FEW and 2 * len(lost) > len(known):
        raise StaleMirror(
            f"{len(lost)} of {len(known)} open documents are no longer in the list of open items, "
            "and reading them by their ids does not find them either. Nothing was changed and "
            "nothing is sent. Check that the connection still reaches the right company and that "
            "its user may still read all invoices, then sync again."
        )
    return (*bad, *mirror.swept(fresh, lost, items, now=now, today=today))


def _read(
    provider: Provider, ids: Sequence[str]
) -> tuple[list[Invoice | CreditNote], list[BadRecord], set[str]]:
    """These documents, the bad records among them, and the ids that may hide behind those.

    Of a document that cannot be read nobody knows that it is gone: it stays as it was.
    """
    fresh: list[Invoice | CreditNote] = []
    bad: list[BadRecord] = []
    unread: set[str] = set()
    for start in range(0, len(ids), BATCH):
        asked = ids[start : start + BATCH]
        try:
            for document in provider.invoices(asked):
                fresh.append(document)  # those before a bad one count
        except BadRecord as error:
            bad.append(error)
            unread.update(asked)
    return fresh, bad, unread
