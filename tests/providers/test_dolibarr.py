"""Dolibarr: the contract over a stand-in of versions 19 and 23, then what it does over time."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

import pytest

from connector.contract import Kind, Provider
from connector.receivables.records import Record
from providers.dolibarr import SPEC
from tests.contract import ProviderContract
from tests.providers.dolibarr_books import expected, ledger, opened, small
from tests.stand_ins.dolibarr import Dolibarr

PAGE = 4


class Encoded(ProviderContract):
    spec = SPEC
    version: int

    @pytest.fixture
    def provider(self) -> Iterator[Provider]:
        with ledger(self.version) as books:
            provider = opened(books, page=PAGE)
            yield provider
            provider.close()

    @pytest.fixture
    def expected(self) -> Sequence[Record]:
        return expected()


class TestDolibarr19(Encoded):
    version = 19


class TestDolibarr23(Encoded):
    version = 23
