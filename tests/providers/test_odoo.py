"""Odoo: the contract over the ledger in its own words, on each version and by each protocol."""

from collections.abc import Iterator, Sequence

import pytest

from connector.contract import Provider
from connector.receivables.records import Record
from providers.odoo import SPEC
from tests.contract import ProviderContract
from tests.providers.odoo_stand_in import KEY, PASSWORD, opened
from tests.stand_ins.odoo_ledger import Encoded


class OverTheLedger(ProviderContract):
    """A fresh server for each test: the contract's own writes meet nobody else's."""

    spec = SPEC
    version: int
    way: str

    @pytest.fixture
    def encoded(self) -> Iterator[Encoded]:
        encoded = Encoded(self.version)
        with encoded.odoo:
            yield encoded

    @pytest.fixture
    def provider(self, encoded: Encoded) -> Iterator[Provider]:
        provider = opened(encoded.odoo, self.way)
        yield provider
        provider.close()

    @pytest.fixture
    def expected(self, encoded: Encoded) -> Sequence[Record]:
        return encoded.expected


class TestOdoo17(OverTheLedger):
    version, way = 17, PASSWORD


class TestOdoo19(OverTheLedger):
    version, way = 19, PASSWORD


class TestOdoo19ByKey(OverTheLedger):
    version, way = 19, KEY
