"""Open lines with all that is told of them beside their own rows: the cases of a decision."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

from connector.dunning.snapshot import Account, Case, Paid
from connector.mirror.columns import day_of
from connector.mirror.had import PENDING, Steps
from connector.mirror.questions import OF_CASE, Lines
from connector.mirror.received import Beside
from connector.receivables.records import Decision


class Told(NamedTuple):
    """What lines are told of beside their own rows, by row of the customer, invoice or line."""

    accounts: Mapping[int, Account]
    by_invoice: Mapping[str, tuple[Decision, ...]]
    steps: Steps
    wrong: Mapping[str, str]
    of_customer: Mapping[tuple[int, str], str]
    transit: Mapping[str, date]
    received: Mapping[int, tuple[Paid, ...]]
    beside: Mapping[tuple[str, str], Beside]

    def cases(self, part: Lines) -> Iterator[Case]:
        """Lines with all that is known of them, by columns, each as long as the others; one value
        stands for all where nothing is known of any."""
        invoices, customers = part.ref, part.customer_id
        size = len(invoices)
        places = list(zip(invoices, part.line_ref, strict=True))
        steps = self.steps
        columns: tuple[Iterable[Any], ...] = (
            map(self.accounts.__getitem__, customers),
            *part[:OF_CASE],
            map(self.by_invoice.get, invoices, repeat((), size)),
            map(steps.had.get, places, repeat((), size)),
            *self._waiting(places),
            map(day_of, map(steps.spoken.get, invoices)),
            self._mismatches(part),
            map(self.transit.get, invoices),
            map(self.received.get, customers, repeat((), size)),
            *self._beside(places),
        )
        make: Callable[[tuple[Any, ...]], Case] = partial(tuple.__new__, Case)
        return map(make, zip(*columns, strict=True))

    def _waiting(self, places: Sequence[tuple[str, str]]) -> tuple[Iterable[Any], ...]:
        if not self.steps.pending:
            return repeat(None, len(places)), repeat("", len(places))
        found = [self.steps.pending.get(place) for place in places]
        states = [PENDING[waits[0]] if waits else None for waits in found]
        return states, [waits[1] if waits else "" for waits in found]

    def _mismatches(self, part: Lines) -> Iterable[str]:
        if not self.wrong and not self.of_customer:
            return repeat("", len(part.ref))
        owed = zip(part.customer_id, part.currency, strict=True)
        told = zip(map(self.wrong.get, part.ref), map(self.of_customer.get, owed), strict=True)
        return ["; ".join(filter(None, both)) for both in told]

    def _beside(self, places: Sequence[tuple[str, str]]) -> tuple[Iterable[int], ...]:
        if not self.beside:
            return repeat(0, len(places)), repeat(0, len(places))
        alone = Beside()
        found = [self.beside.get(place, alone) for place in places]
        return [one.before for one in found], [one.after for one in found]
