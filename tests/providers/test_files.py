"""CSV files as a product: what is told of a good folder, and the notes kept beside it."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.contract import Kind, Page
from connector.dunning.snapshot import Channel, Stage
from connector.errors import ConfigError, Rejected, Transient, Unsupported
from connector.receivables.records import Customer, DocumentState, Invoice, Message, Record
from providers import files
from providers.files import SPEC, Files
from providers.files.ledger import CHANNELS, STAGES, read_ledger
from tests.contract import ProviderContract
from tests.ledger import RECORDS
from tests.providers.alone import FREE, NoTokens
from tests.providers.folder import FILES, folder, ledger_folder, opened


class TestFiles(ProviderContract):
    """What every provider keeps, on the ledger that all of them tell."""

    spec = SPEC

    @pytest.fixture
    def provider(self, tmp_path: Path) -> Files:
        return opened(ledger_folder(tmp_path))

    @pytest.fixture
    def expected(self) -> Sequence[Record]:
        return [_without_contact_ids(record) for record in RECORDS]


def _without_contact_ids(record: Record) -> Record:
    """Files name a contact by customer and address."""
    if not isinstance(record, Customer):
        return record
    contacts = [replace(c, id=f"{record.id}/{c.email}") for c in record.contacts]
    return replace(record, contacts=tuple(contacts))


def last(pages: Iterator[Page]) -> str:
    return list(pages)[-1].cursor


def test_a_cursor_tells_again_only_what_changed(tmp_path: Path) -> None:
    path = folder(tmp_path)
    first = last(opened(path).changes(Kind.INVOICES, None))
    (again,) = opened(path).changes(Kind.INVOICES, first)
    assert (again.records, again.cursor) == ((), first)
    cursor = last(opened(path).changes(Kind.CUSTOMERS, None))
    folder(path, decisions="invoice,mark,since\nF-1,hold,2026-11-01\n")
    (page,) = opened(path).changes(Kind.INVOICES, first)
    assert [record.id for record in page.records if isinstance(record, Invoice)] == ["F-1", "F-2"]
    assert page.cursor != first
    (page,) = opened(path).changes(Kind.CUSTOMERS, cursor)
    assert len(page.records) == 2


@pytest.mark.parametrize("cursor", ["", "x", ":", "0:-1", f"{'0' * 20}:5"])
def test_a_cursor_that_means_nothing_reads_all(tmp_path: Path, cursor: str) -> None:
    (page,) = opened(folder(tmp_path)).changes(Kind.INVOICES, cursor)
    assert len(page.records) == page.total == 2


def test_a_read_that_was_cut_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PAGE", 2)
    rows = "".join(f"C{n},Name {n}\n" for n in range(1, 6))
    path = folder(tmp_path, customers=f"customer,name\n{rows}")
    whole = list(opened(path).changes(Kind.CUSTOMERS, None))
    assert [len(page.records) for page in whole] == [2, 2, 1]
    for place, page in enumerate(whole):
        rest = list(opened(path).changes(Kind.CUSTOMERS, page.cursor))
        assert rest == whole[place + 1 :] or (page is whole[-1] and not rest[0].records)
    folder(path, customers=f"customer,name\n{rows}C6,New\n")
    assert len(list(opened(path).changes(Kind.CUSTOMERS, whole[0].cursor))) == 3


def test_a_changed_file_is_read_again_by_the_same_provider(tmp_path: Path) -> None:
    path = folder(tmp_path)
    provider = opened(path)
    assert [invoice.id for invoice in provider.account("C1").invoices] == ["F-1"]
    folder(path, invoices=FILES["invoices.csv"].replace("1184.50,open", "0.00,paid"))
    assert provider.account("C1").invoices == ()
    assert [d.state for d in provider.invoices(["F-1", "gone"])] == [DocumentState.PAID]


def test_a_bad_export_is_told_before_anything_is_given(tmp_path: Path) -> None:
    provider = opened(folder(tmp_path))
    provider.company()
    folder(tmp_path, payments="payment,customer\n")
    for read in (provider.company, lambda: next(provider.changes(Kind.CUSTOMERS, None))):
        with pytest.raises(ConfigError, match=r"payments\.csv, line 1: columns currency, paid_on"):
            read()


def test_files_that_never_rest_are_left_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path)
    reads = iter(range(100))

    def busy(place: Path) -> object:
        folder(place, payments=FILES["payments.csv"] + "\n" * next(reads))
        return read_ledger(place)

    monkeypatch.setattr(files, "read_ledger", busy)
    with pytest.raises(Transient, match="being written; try again later"):
        opened(path).company()
    assert next(reads) == files.TRIES


def test_data_are_as_old_as_the_older_of_invoices_and_payments(tmp_path: Path) -> None:
    path = folder(tmp_path)
    os.utime(path / "invoices.csv", (1_800_000_000, 1_800_000_000))
    os.utime(path / "payments.csv", (1_790_000_000, 1_790_000_000))
    assert opened(path).company().as_of == datetime.fromtimestamp(1_790_000_000, UTC)


def test_an_unknown_customer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=r"customer C9 is no longer in customers\.csv"):
        opened(folder(tmp_path)).account("C9")


def test_settings_are_checked_without_a_connection(tmp_path: Path) -> None:
    (problem,) = SPEC.check({"FOLDER": str(tmp_path / "nowhere")})
    assert problem.startswith("RELANCE_FILES_FOLDER: ")
    assert problem.endswith("nowhere' is not a folder (expected one of CSV files)")
    assert SPEC.check({"FOLDER": str(tmp_path)}) == ()
    provider = SPEC.open({"FOLDER": str(folder(tmp_path))}, NoTokens(), FREE)
    assert provider.company().name == "Acme"
    provider.close()


def test_stages_and_channels_are_those_of_the_ladder() -> None:
    assert tuple(Stage) == STAGES
    assert tuple(Channel) == CHANNELS


def test_what_is_not_declared_is_refused(tmp_path: Path) -> None:
    provider = opened(folder(tmp_path))
    message = Message(
        customer_id="C1",
        invoice_ids=("F-1",),
        to=("a@b.example",),
        language="fr",
        subject="s",
        text="t",
        html="",
        reference="b" * 20,
    )
    with pytest.raises(Unsupported):
        provider.email(message, key="k")
    with pytest.raises(Unsupported):
        provider.pdf("F-1")
