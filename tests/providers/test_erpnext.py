"""ERPNext: the contract over the shared ledger, as versions 14, 15 and 16 answer."""

from collections.abc import Iterator, Sequence

import pytest

from connector.contract import Provider
from connector.receivables.records import Record
from providers.erpnext import SPEC
from tests.contract import ProviderContract
from tests.providers.erpnext_books import ledger, opened, told


class TestErpNext(ProviderContract):
    """A System Manager is told mails in lists; who sees deletions alone, invoice by invoice."""

    spec = SPEC

    @pytest.fixture(
        params=[
            (14, "System Manager"),
            (15, "Deletions"),
            (16, "System Manager"),
            (16, "Deletions"),
        ],
        ids=["14", "15", "16", "16-by-document"],
    )
    def provider(self, request: pytest.FixtureRequest) -> Iterator[Provider]:
        with ledger(*request.param) as site:
            provider = opened(site)
            yield provider
            provider.close()

    @pytest.fixture
    def expected(self) -> Sequence[Record]:
        return told()
