"""Other people change the books while they are read: nothing is missing, nothing is stale."""

from pathlib import Path

import pytest

from tests.benchmarks.data import Books
from tests.benchmarks.reader import reader
from tests.benchmarks.server import Faults, serving

INVOICES = 2_000
SIZE = 50
PAGES = INVOICES // SIZE
CUSTOMERS = 2  # pages: a hundred customers
SEEDS = range(10)
EDITED = 5  # invoices, every five pages


@pytest.mark.parametrize("seed", SEEDS)
def test_a_read_by_place_ends_in_the_truth(seed: int, tmp_path: Path) -> None:
    with (
        serving(Books(INVOICES)) as (api, url),
        reader(url, tmp_path / "state.db", SIZE) as mine,
    ):
        api.set(Faults(edit_every=5, edit_rows=EDITED, seed=seed))
        mine.pull()
        assert api.edits >= PAGES // 5
        assert mine.balances() == api.books.truth()
        # what was edited behind the reader's place comes once more, at the end
        again = -(-api.edits * EDITED // SIZE)
        assert api.requests <= CUSTOMERS + PAGES + again
        api.set(Faults())
        mine.pull()
        assert mine.balances() == api.books.truth()
        assert api.requests <= 2  # of each stream one


@pytest.mark.parametrize("seed", SEEDS)
def test_a_read_by_page_number_ends_in_the_truth(seed: int, tmp_path: Path) -> None:
    with (
        serving(Books(INVOICES)) as (api, url),
        reader(url, tmp_path / "state.db", SIZE, by_number=True) as mine,
    ):
        api.set(Faults(edit_every=5, edit_rows=EDITED, seed=seed))
        mine.pull()
        assert api.edits >= PAGES // 5
        edits, requests = api.edits, api.requests
        assert mine.balances() == api.books.truth()
        # page one is asked for twice, and the window of what moved is read until it stands still
        assert requests <= CUSTOMERS + PAGES + 2 + 2 * -(-edits * EDITED // SIZE) + 2
        api.set(Faults())
        mine.pull()
        assert mine.balances() == api.books.truth()


def test_page_numbers_read_forward_lose_rows() -> None:
    """Why the last page is read first: this is what reading from page one on misses."""
    with serving(Books(INVOICES)) as (api, _):
        api.set(Faults(edit_every=5, edit_rows=EDITED))
        seen: set[str] = set()
        for number in range(1, PAGES + 1):
            told = api.get("/invoices", {"size": str(SIZE), "page": str(number)})[1]
            seen.update(key for key in api.books.truth() if key.encode() in told)
        assert len(api.books.truth().keys() - seen) > 10
