"""What the core relies on, as tests that every provider inherits.

A provider's class sets `spec`, gives the fixture `provider` (an open connection to a ledger with
something open in it) and overrides no test. `expected`, where it is given, is every record that
the ledger holds; stamps aside, it must be told as it stands.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.contract import Kind, Provider, ProviderSpec
from connector.errors import Rejected, Unsupported
from connector.receivables.capabilities import Capabilities, Notes, Traces
from connector.receivables.money import digits
from connector.receivables.records import (
    CreditNote,
    Customer,
    DocumentState,
    Invoice,
    Past,
    Payment,
    PaymentState,
    Record,
)
from tests.records import (
    amounts,
    days,
    gather,
    key_of,
    message_to,
    note_of,
    only,
    open_invoice,
    owed,
    reachable,
    read,
    unstamped,
)

TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.CUSTOMERS: (Customer,),
    Kind.INVOICES: (Invoice, CreditNote),
    Kind.CREDIT_NOTES: (CreditNote,),
    Kind.PAYMENTS: (Payment,),
    Kind.HISTORY: (Past,),
}
LARGEST_PAGE = 1000
ACCOUNTS = 15  # customers that are read one by one
UNKNOWN = ("999999999", "no-such-id")
RANK = list(Traces)


class ProviderContract:
    """Inherit it, set `spec`, give the fixture `provider`."""

    spec: ProviderSpec

    @pytest.fixture
    def provider(self) -> Provider | Iterator[Provider]:
        raise NotImplementedError("the provider's class gives this fixture")

    @pytest.fixture
    def expected(self) -> Sequence[Record] | None:
        return None

    def test_company_is_stable_and_usable(self, provider: Provider) -> None:
        company = provider.company()
        assert provider.company() == company
        assert company.ledger_id.strip() == company.ledger_id != ""
        assert company.name
        assert digits(company.currency) >= 0
        assert not company.timezone or ZoneInfo(company.timezone)
        assert company.country == "" or (len(company.country) == 2 and company.country.isupper())

    def test_probe_stays_within_what_is_declared(self, provider: Provider) -> None:
        can, found = self.spec.can, provider.probe()
        for name in (
            f.name for f in fields(Capabilities) if isinstance(getattr(can, f.name), bool)
        ):
            assert getattr(found, name) <= getattr(can, name), name
        assert found.note in (Notes.NONE, can.note)
        assert RANK.index(found.traces) <= RANK.index(can.traces)
        assert can.note_limit is None or found.note_limit is not None

    def test_what_is_examined_has_a_name_and_a_remedy(self, provider: Provider) -> None:
        findings = list(provider.examine())
        assert any(finding.needed for finding in findings)
        assert len({finding.what for finding in findings}) == len(findings)
        for finding in findings:
            assert finding.fine or finding.mend
            assert finding.fine or not finding.needed, finding

    def test_probe_writes_nothing(self, provider: Provider) -> None:
        def seen() -> tuple[object, ...]:
            records = read(provider, self.spec)
            ids = [record.id for record in records.values() if isinstance(record, Invoice)]
            traced = self.spec.can.traces is not Traces.NONE
            return records, list(provider.traces(ids)) if traced else []

        before = seen()
        provider.probe()
        assert seen() == before

    def test_records_are_typed_and_told_once(self, provider: Provider) -> None:
        for kind in self.spec.kinds:
            pages = list(provider.changes(kind, None))
            assert not [bad for page in pages for bad in page.bad]
            records = [record for page in pages for record in page.records]
            assert records or kind is Kind.HISTORY, f"no {kind} at all"
            for record in records:
                assert type(record) in TYPES[kind]
            if kind is not Kind.HISTORY:
                assert len({key_of(record) for record in records}) == len(records)

    def test_records_are_as_expected(
        self, provider: Provider, expected: Sequence[Record] | None
    ) -> None:
        if expected is None:
            return
        told = [unstamped(record) for record in read(provider, self.spec).values()]
        wanted = [unstamped(record) for record in expected]
        assert sorted(told, key=repr) == sorted(wanted, key=repr)

    def test_pages_are_bounded_and_end_in_a_cursor(self, provider: Provider) -> None:
        for kind in self.spec.kinds:
            pages = list(provider.changes(kind, None))
            assert pages, f"{kind} has no page and so no cursor"
            assert max(len(page.records) + len(page.bad) for page in pages) <= LARGEST_PAGE
            assert all(isinstance(page.cursor, str) and page.cursor for page in pages)

    def test_cursors_come_from_the_rows_alone(self, provider: Provider) -> None:
        for kind in self.spec.kinds:
            first = [page.cursor for page in provider.changes(kind, None)]
            assert [page.cursor for page in provider.changes(kind, None)] == first

    def test_a_read_cut_off_after_any_page_resumes(self, provider: Provider) -> None:
        for kind in self.spec.kinds:
            pages = list(provider.changes(kind, None))
            whole = gather(pages)
            for count, page in enumerate(pages, start=1):
                rest = list(provider.changes(kind, page.cursor))
                assert gather([*pages[:count], *rest]) == whole, f"{kind}, cut after page {count}"

    def test_a_second_read_tells_only_repeats(self, provider: Provider) -> None:
        for kind in self.spec.kinds:
            pages = list(provider.changes(kind, None))
            again = list(provider.changes(kind, pages[-1].cursor))
            assert gather([*pages, *again]) == gather(pages)
            assert gather(again).items() <= gather(pages).items()

    def test_open_items_are_the_open_documents(self, provider: Provider) -> None:
        items = list(provider.open_items())
        assert len({item.id for item in items}) == len(items)
        documents = [r for r in read(provider, self.spec).values() if owed(r)]
        wanted = {
            r.id: (owed(r), r.currency) for r in documents if isinstance(r, Invoice | CreditNote)
        }
        assert {item.id: (item.balance, item.currency) for item in items} == wanted

    def test_documents_by_id_are_those_of_changes(self, provider: Provider) -> None:
        records = [
            r for r in read(provider, self.spec).values() if isinstance(r, Invoice | CreditNote)
        ]
        found = list(provider.invoices([*UNKNOWN, *(record.id for record in records)]))
        assert {key_of(record): record for record in found} == {key_of(r): r for r in records}
        assert len(found) == len(records)
        assert list(provider.invoices(UNKNOWN)) == []
        assert list(provider.invoices([])) == []

    def test_an_account_is_the_customers_open_part(self, provider: Provider) -> None:
        records = read(provider, self.spec)
        owing = {r.customer_id: r for r in records.values() if isinstance(r, Invoice) and owed(r)}
        holding = {
            r.customer_id for r in records.values() if isinstance(r, Payment) and r.unallocated
        }
        for id_ in sorted({*owing, *holding})[:ACCOUNTS]:
            account = provider.account(id_)
            mine = [r for r in records.values() if getattr(r, "customer_id", "") == id_]
            assert account.customer == records[Customer, id_]
            for got, type_ in ((account.invoices, Invoice), (account.credit_notes, CreditNote)):
                wanted = [record for record in mine if type(record) is type_ and owed(record)]
                assert sorted(got, key=repr) == sorted(wanted, key=repr)
            money = [
                record
                for record in mine
                if isinstance(record, Payment)
                and (record.unallocated or record.state is PaymentState.PENDING)
            ]
            assert sorted(account.payments, key=repr) == sorted(money, key=repr)

    def test_an_unknown_customer_is_rejected(self, provider: Provider) -> None:
        for id_ in UNKNOWN:
            with pytest.raises(Rejected):
                provider.account(id_)

    def test_due_lines_add_up(self, provider: Provider) -> None:
        for record in only(read(provider, self.spec), Invoice).values():
            assert isinstance(record, Invoice)
            lines = record.lines
            if record.balance is not None:
                assert sum(part.balance for part in lines) == record.balance, record.number
            if record.state is DocumentState.OPEN:
                assert lines
                assert sum(part.amount for part in lines) == record.total, record.number
            else:
                assert not any(part.balance for part in lines), record.number
            named = [part.id for part in lines if part.id]
            assert len(set(named)) == len(named)

    def test_money_is_whole_minor_units(self, provider: Provider) -> None:
        for record in read(provider, self.spec).values():
            if isinstance(record, Invoice | CreditNote | Payment):
                assert digits(record.currency) >= 0
            for amount in amounts(record):
                assert type(amount) is int, record
            if isinstance(record, CreditNote):
                assert 0 <= record.balance <= record.total
            if isinstance(record, Payment):
                parts = sum(part.amount for part in record.allocations)
                assert 0 <= record.unallocated <= record.amount
                assert record.unallocated + parts <= record.amount, record

    def test_dates_are_dates_and_instants_are_utc(self, provider: Provider) -> None:
        for record in read(provider, self.spec).values():
            for day in days(record):
                assert day is None or type(day) is date, record
            if isinstance(record, Past) or record.modified_at is None:
                continue
            assert isinstance(record.modified_at, datetime)
            assert record.modified_at.utcoffset() == timedelta(0), record

    def test_records_point_at_each_other(self, provider: Provider) -> None:
        records = read(provider, self.spec)
        for record in records.values():
            if isinstance(record, Invoice | CreditNote | Payment):
                assert (Customer, record.customer_id) in records, record
            if isinstance(record, Payment):
                for part in record.allocations:
                    assert (Invoice, part.invoice_id) in records, record

    def test_a_note_is_written_once_and_read_back(self, provider: Provider) -> None:
        if self.spec.can.note is Notes.NONE:
            pytest.skip("this product keeps no notes")
        invoice = open_invoice(provider, self.spec)
        key, reference = secrets.token_hex(10), secrets.token_hex(10)
        text = note_of(invoice, key, reference)[: self.spec.can.note_limit]
        provider.note(invoice.id, text, key=key)
        if self.spec.can.traces is Traces.NONE:
            return
        found = [trace for trace in provider.traces([invoice.id]) if trace.line_key == key]
        assert len(found) == 1
        assert found[0].text() == text.partition("\n")[0]
        assert found[0].invoice_id == invoice.id
        assert not [t for t in provider.traces(UNKNOWN) if t.line_key == key]
        assert list(provider.traces([])) == []

    def test_a_mail_is_handed_over_once_and_found_by_reference(self, provider: Provider) -> None:
        if not self.spec.can.custom_email:
            pytest.skip("this product sends no mail of ours")
        invoice, reference = open_invoice(provider, self.spec), secrets.token_hex(10)
        message = message_to(invoice, reference)
        if self.spec.can.contacts_only:
            invoice, address = reachable(provider, self.spec)
            message = message_to(invoice, reference, address)
        provider.email(message, key=reference)
        if self.spec.can.traces is Traces.NONE:
            return
        traces = [t for t in provider.traces([invoice.id]) if t.reminder_key == reference]
        assert [trace.invoice_id for trace in traces] == [invoice.id]

    def test_a_pdf_is_one_or_is_refused(self, provider: Provider) -> None:
        if not self.spec.can.pdf:
            pytest.skip("this product gives no documents")
        invoice = open_invoice(provider, self.spec)
        if provider.probe().pdf:
            assert provider.pdf(invoice.id).startswith(b"%PDF")
        else:
            with pytest.raises(Rejected):
                provider.pdf(invoice.id)

    def test_a_verb_not_declared_is_unsupported(self, provider: Provider) -> None:
        can, invoice = self.spec.can, open_invoice(provider, self.spec)
        if can.note is Notes.NONE:
            with pytest.raises(Unsupported):
                provider.note(invoice.id, "text", key="k")
        if not can.custom_email:
            with pytest.raises(Unsupported):
                provider.email(message_to(invoice, "0" * 20), key="k")
        if not can.pdf:
            with pytest.raises(Unsupported):
                provider.pdf(invoice.id)
        if can.traces is Traces.NONE:
            with pytest.raises(Unsupported):
                list(provider.traces([invoice.id]))
        for kind in set(Kind) - set(self.spec.kinds):
            with pytest.raises(Unsupported):
                list(provider.changes(kind, None))

    def test_closing_twice_is_harmless(self, provider: Provider) -> None:
        provider.company()
        provider.close()
        provider.close()
