"""The rate of each day of a delay: the law's, the contract's, or one held against the other."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from connector.receivables.rates import RateMissing, Rates, half_year, next_half_year
from connector.receivables.regimes import Contract, Fixing, Regime

DAY = timedelta(days=1)
FLOOR = "FR_LEGAL_PRO"  # three times this rate is the least a French contract may name


class Tariff:
    """What a delay costs under a regime; `warnings` gathers words for the owner."""

    def __init__(
        self, regime: Regime, first_day: date, contract: Decimal | None, rates: Rates
    ) -> None:
        self.regime = regime
        self.first_day = first_day
        self.contract = contract
        self.rates = rates
        self.warnings: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether there is interest at all."""
        if self.regime.contract is Contract.CLAUSE:
            return self.contract is not None
        return bool(self.regime.authority) or self.regime.contract is Contract.ONLY

    def changes(self, until: date) -> Iterator[date]:
        """The days on which the rate, or the length of the year, may change."""
        yield from self.rates.changes(self.regime.authority, self.first_day, until)
        day = half_year(self.first_day)
        while (day := next_half_year(day)) <= until:
            yield day

    def on(self, day: date) -> Decimal:
        """The rate of a day in percent a year.

        Raises:
            RateMissing: it is not known.
        """
        contract, rule = self.contract, self.regime.contract
        if rule is Contract.ONLY:
            if contract is None:
                raise RateMissing(self.regime.called, self.first_day)
            return contract
        if contract is None or rule is Contract.IGNORED:
            return self._law(day)
        if rule is Contract.INSTEAD:
            return contract
        if rule is Contract.FLOOR:
            return self._raised(contract, 3 * self.rates.on(FLOOR, day, "FR legal"))
        return min(contract, self._law(day))

    def _law(self, day: date) -> Decimal:
        fixing = {Fixing.FIRST_DAY: self.first_day, Fixing.DUE_DATE: self.first_day - DAY}
        day = fixing.get(self.regime.fixing, day)
        return self.rates.on(self.regime.authority, day, self.regime.called) + self.regime.margin

    def _raised(self, contract: Decimal, floor: Decimal) -> Decimal:
        if contract >= floor:
            return contract
        told = f"the contract's rate of {contract} % is below the legal minimum of {floor} %"
        if told not in self.warnings:
            self.warnings += (told,)
        return floor
