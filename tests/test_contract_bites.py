"""Providers that are wrong in one way each: the contract must catch every one of them."""

import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from connector.contract import (
    Account,
    Company,
    Cursor,
    Finding,
    Kind,
    OpenItem,
    Page,
    Provider,
    Receipt,
    Trace,
)
from connector.errors import Rejected
from connector.receivables.capabilities import Capabilities
from connector.receivables.records import (
    CreditNote,
    Customer,
    Invoice,
    Message,
    Payment,
    Record,
)
from tests.contract import ProviderContract
from tests.ledger import COMPANY, RECORDS, TODAY
from tests.memory import SPEC, InMemory
from tests.records import owed


class TestInMemory(ProviderContract):
    """The unbroken one passes all of it."""

    spec = SPEC

    @pytest.fixture
    def provider(self) -> Provider:
        return InMemory()

    @pytest.fixture
    def expected(self) -> Sequence[Record]:
        return RECORDS


class Wrong(InMemory):
    """A provider whose records are made wrong on the way out, everywhere alike."""

    def __init__(self, change: Callable[[Any], Any]) -> None:
        super().__init__(records=[change(record) for record in RECORDS])


class DropsAPage(InMemory):
    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        for number, page in enumerate(super().changes(kind, since)):
            if number != 1:
                yield page


class DropsTheLastPage(InMemory):
    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        pages = list(super().changes(kind, since))
        yield from pages[: max(1, len(pages) - 1)]


class ComparesStampsAlone(InMemory):
    """Resumes after the stamp of the last row: its companions of one transaction are lost."""

    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        stamp = (since or "").rpartition(" ")[0]
        for page in super().changes(kind, since):
            kept = [r for r in page.records if not stamp or str(r.modified_at) > stamp]  # type: ignore[union-attr]
            yield replace(page, records=tuple(kept))


class CursorFromTheClock(InMemory):
    clock = itertools.count()

    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        for page in super().changes(kind, None):
            yield replace(page, cursor=f"2026-11-20T09:00:{next(self.clock):06d}")


class OneEndlessPage(InMemory):
    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        pages = list(super().changes(kind, since))
        records = tuple(record for page in pages for record in page.records)
        yield Page(records=records * 200, cursor=pages[-1].cursor)


class SaysNothingWhenNothingChanged(InMemory):
    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        return iter(()) if kind is Kind.PAYMENTS else super().changes(kind, since)


class TellsOtherBalancesLater(InMemory):
    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        for page in super().changes(kind, since):
            yield replace(page, records=tuple(map(centime_less, page.records))) if since else page


class ForgetsCreditNotes(InMemory):
    def open_items(self) -> Iterator[OpenItem]:
        return (item for item in super().open_items() if item.balance > 0)


class RoundsTheOpenSet(InMemory):
    def open_items(self) -> Iterator[OpenItem]:
        for item in super().open_items():
            yield replace(item, balance=round(item.balance, -2))


class ChokesOnUnknownIds(InMemory):
    def invoices(self, ids: Sequence[str]) -> Iterator[Invoice | CreditNote]:
        known = {getattr(record, "id", "") for record in self.records}
        if set(ids) - known:
            raise Rejected("one of these is not there")
        return super().invoices(ids)


class OnlyInvoicesById(InMemory):
    def invoices(self, ids: Sequence[str]) -> Iterator[Invoice | CreditNote]:
        return (record for record in super().invoices(ids) if isinstance(record, Invoice))


class ForgetsMoneyOnAccount(InMemory):
    def account(self, customer_id: str) -> Account:
        return replace(super().account(customer_id), payments=())


class KnowsEverybody(InMemory):
    def account(self, customer_id: str) -> Account:
        try:
            return super().account(customer_id)
        except Rejected:
            return Account(customer=Customer(id=customer_id, name="?"))


class WritesTwice(InMemory):
    def note(self, invoice_id: str, text: str, *, key: str) -> Receipt:
        super().note(invoice_id, text, key=key)
        return super().note(invoice_id, text, key=key)

    def email(self, message: Message, *, key: str) -> Receipt:
        super().email(message, key=key)
        return super().email(message, key=key)


class WritesNothing(InMemory):
    def note(self, invoice_id: str, text: str, *, key: str) -> Receipt:
        return Receipt(id="1")


class LosesTheReference(InMemory):
    def email(self, message: Message, *, key: str) -> Receipt:
        return super().email(replace(message, text=message.text.partition("Ref.")[0]), key=key)


class TracesNothing(InMemory):
    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        return iter(())


class TracesEverything(InMemory):
    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        return super().traces([invoice_id for invoice_id, _ in self.written])


class TriesOutItsRights(InMemory):
    def probe(self) -> Capabilities:
        self.note(
            "i1", Trace(invoice_id="i1", on=TODAY, line_key="x", stage="firm").text(), key="x"
        )
        return super().probe()


class PromisesMore(InMemory):
    def probe(self) -> Capabilities:
        return replace(SPEC.can, pdf=True)


class SilentWithoutDocuments(InMemory):
    def pdf(self, invoice_id: str) -> bytes:
        return b""


class KnowsNoOtherKind(InMemory):
    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        return super().changes(kind, since) if kind in SPEC.kinds else iter(())


class NewLedgerEachTime(InMemory):
    numbers = itertools.count()

    def company(self) -> Company:
        return replace(COMPANY, ledger_id=f"memory:{next(self.numbers)}")


class NamesNoRemedy(InMemory):
    def examine(self) -> Iterator[Finding]:
        yield Finding(what="write notes", fine=False)


class ClosesOnce(InMemory):
    closed = False

    def close(self) -> None:
        assert not self.closed, "closed already"
        self.closed = True


def centime_less(record: Record) -> Record:
    document = isinstance(record, Invoice | CreditNote)
    return replace(record, total=record.total - 1) if document else record  # type: ignore[union-attr, call-arg]


def in_whole_units(record: Record) -> Record:
    if not isinstance(record, Invoice):
        return record
    lines = tuple(
        replace(line, amount=round(line.amount, -2), balance=round(line.balance, -2))
        for line in record.lines
    )
    balance = sum(line.balance for line in lines)
    return replace(record, lines=lines, balance=balance, total=sum(line.amount for line in lines))


def in_floats(record: Record) -> Record:
    return replace(record, total=record.total / 1) if isinstance(record, Invoice) else record  # type: ignore[arg-type]


def lines_rounded(record: Record) -> Record:
    if not isinstance(record, Invoice):
        return record
    return replace(
        record, lines=tuple(replace(x, balance=round(x.balance, -2)) for x in record.lines)
    )


def naive(record: Record) -> Record:
    stamp = getattr(record, "modified_at", None)
    return replace(record, modified_at=stamp.replace(tzinfo=None)) if stamp else record  # type: ignore[call-arg]


def due_at_midnight(record: Record) -> Record:
    if not isinstance(record, Invoice):
        return record
    at = datetime(2026, 10, 1, tzinfo=UTC)
    return replace(record, lines=tuple(replace(x, due_on=at) for x in record.lines))


def credit_below_zero(record: Record) -> Record:
    return replace(record, balance=-record.balance) if isinstance(record, CreditNote) else record


def of_nobody(record: Record) -> Record:
    return replace(record, customer_id="c99") if isinstance(record, Payment) else record


def money_twice(record: Record) -> Record:
    return replace(record, unallocated=record.amount) if isinstance(record, Payment) else record


def void_still_owed(record: Record) -> Record:
    if not isinstance(record, Invoice) or owed(record):
        return record
    lines = tuple(replace(line, balance=line.amount) for line in record.lines)
    return replace(record, lines=lines, balance=record.total)


def a_day_later(record: Record) -> Record:
    return replace(record, issued_on=date(2026, 9, 30)) if isinstance(record, Invoice) else record


def broken(change: Callable[[Any], Any]) -> Callable[[], InMemory]:
    return lambda: Wrong(change)


BITES: list[tuple[Callable[[], InMemory], str]] = [
    (DropsAPage, "a_read_cut_off_after_any_page_resumes"),
    (DropsTheLastPage, "records_are_as_expected"),
    (ComparesStampsAlone, "a_read_cut_off_after_any_page_resumes"),
    (CursorFromTheClock, "cursors_come_from_the_rows_alone"),
    (OneEndlessPage, "pages_are_bounded_and_end_in_a_cursor"),
    (SaysNothingWhenNothingChanged, "pages_are_bounded_and_end_in_a_cursor"),
    (TellsOtherBalancesLater, "a_second_read_tells_only_repeats"),
    (ForgetsCreditNotes, "open_items_are_the_open_documents"),
    (RoundsTheOpenSet, "open_items_are_the_open_documents"),
    (ChokesOnUnknownIds, "documents_by_id_are_those_of_changes"),
    (OnlyInvoicesById, "documents_by_id_are_those_of_changes"),
    (ForgetsMoneyOnAccount, "an_account_is_the_customers_open_part"),
    (KnowsEverybody, "an_unknown_customer_is_rejected"),
    (WritesTwice, "a_note_is_written_once_and_read_back"),
    (WritesTwice, "a_mail_is_handed_over_once_and_found_by_reference"),
    (WritesNothing, "a_note_is_written_once_and_read_back"),
    (LosesTheReference, "a_mail_is_handed_over_once_and_found_by_reference"),
    (TracesNothing, "a_note_is_written_once_and_read_back"),
    (TracesEverything, "a_note_is_written_once_and_read_back"),
    (TriesOutItsRights, "probe_writes_nothing"),
    (PromisesMore, "probe_stays_within_what_is_declared"),
    (SilentWithoutDocuments, "a_verb_not_declared_is_unsupported"),
    (KnowsNoOtherKind, "a_verb_not_declared_is_unsupported"),
    (NewLedgerEachTime, "company_is_stable_and_usable"),
    (NamesNoRemedy, "what_is_examined_has_a_name_and_a_remedy"),
    (ClosesOnce, "closing_twice_is_harmless"),
    (broken(in_whole_units), "records_are_as_expected"),
    (broken(in_floats), "money_is_whole_minor_units"),
    (broken(lines_rounded), "due_lines_add_up"),
    (broken(naive), "dates_are_dates_and_instants_are_utc"),
    (broken(due_at_midnight), "dates_are_dates_and_instants_are_utc"),
    (broken(credit_below_zero), "money_is_whole_minor_units"),
    (broken(of_nobody), "records_point_at_each_other"),
    (broken(money_twice), "money_is_whole_minor_units"),
    (broken(void_still_owed), "due_lines_add_up"),
    (broken(a_day_later), "records_are_as_expected"),
    (broken(lambda record: RECORDS[0]), "records_are_typed_and_told_once"),
]


def run(name: str, provider: InMemory) -> None:
    """Run one test of the contract as pytest would."""
    suite = TestInMemory()
    test = getattr(suite, f"test_{name}")
    given: dict[str, object] = {"provider": provider, "expected": RECORDS}
    test(**{wanted: given[wanted] for wanted in inspect.signature(test).parameters})


@pytest.mark.parametrize(("make", "name"), BITES)
def test_the_contract_catches(make: Callable[[], InMemory], name: str) -> None:
    with pytest.raises((AssertionError, Rejected, pytest.fail.Exception)):
        run(name, make())


def test_every_test_of_the_contract_bites() -> None:
    tests = {
        name.removeprefix("test_") for name in dir(ProviderContract) if name.startswith("test_")
    }
    # the ledger in memory declares no documents: a product that does shows this one
    assert tests - {name for _, name in BITES} == {"a_pdf_is_one_or_is_refused"}
