"""ERPNext: what changed, what is open, few calls, and what a user may see."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from connector.contract import Kind
from connector.errors import AuthRequired, ConfigError
from connector.receivables.capabilities import Notes, Traces
from connector.receivables.records import Customer, Invoice, Payment, PaymentState, Record
from providers.erpnext import SPEC, ErpNext, check, stream
from tests.providers.erpnext_books import FIRM, bill, books, ledger, opened, schedule
from tests.records import gather
from tests.stand_ins.erpnext import ErpNextSite

MANY = 10_000


@pytest.fixture(params=[14, 15, 16])
def site(request: pytest.FixtureRequest) -> Iterator[ErpNextSite]:
    with ledger(request.param, "Deletions") as site:
        yield site


@pytest.fixture
def provider(site: ErpNextSite) -> Iterator[ErpNext]:
    provider = opened(site, page=1000)
    yield provider
    provider.close()


@pytest.fixture
def no_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is newer than the newest row counts as changed: no luck with the overlap."""
    monkeypatch.setattr(stream, "OVERLAP", -timedelta(microseconds=1))


def caught_up(provider: ErpNext, kind: Kind) -> str:
    return list(provider.changes(kind, None))[-1].cursor


def changed(provider: ErpNext, kind: Kind, since: str) -> dict[str, Record]:
    found = gather(list(provider.changes(kind, since)))
    return {key[1]: record for key, record in found.items()}


# --- what changes ----------------------------------------------------------------------------


@pytest.mark.usefixtures("no_overlap")
def test_edits_are_told_and_nothing_else(site: ErpNextSite, provider: ErpNext) -> None:
    at = {kind: caught_up(provider, kind) for kind in SPEC.kinds}
    assert not any(changed(provider, kind, cursor) for kind, cursor in at.items())

    name = site.pay("F2026-00001", 1000.0)
    (bill_,) = changed(provider, Kind.INVOICES, at[Kind.INVOICES]).values()
    assert isinstance(bill_, Invoice)
    assert (bill_.id, bill_.balance) == ("F2026-00001", 23450)
    assert set(changed(provider, Kind.PAYMENTS, at[Kind.PAYMENTS])) == {name}

    site.put("Contact", "k5", email_id="new@client-5.example")
    (customer,) = changed(provider, Kind.CUSTOMERS, at[Kind.CUSTOMERS]).values()
    assert isinstance(customer, Customer)
    assert (customer.id, customer.contacts[0].email) == ("C0005", "new@client-5.example")
    site.put("Address", "Acme Inc.-Billing", country="France")
    assert set(changed(provider, Kind.CUSTOMERS, at[Kind.CUSTOMERS])) == {"C0005"}


@pytest.mark.usefixtures("no_overlap")
def test_a_payment_is_told_when_what_it_was_set_against_is_taken_away(
    site: ErpNextSite, provider: ErpNext
) -> None:
    """A cancelled invoice lets go of its payments, in the rows of their tables."""
    at = caught_up(provider, Kind.PAYMENTS)
    entry = site.tables["Payment Entry"]["p2"]
    site.now += timedelta(seconds=1)
    entry["references"][0] |= {"allocated_amount": 0, "modified": site.now}
    entry["unallocated_amount"] = 149.01
    (payment,) = changed(provider, Kind.PAYMENTS, at).values()
    assert isinstance(payment, Payment)
    assert (payment.id, payment.unallocated, payment.allocations) == ("p2", 14901, ())


@pytest.mark.usefixtures("no_overlap")
def test_a_request_to_pay_tells_its_invoice(site: ErpNextSite, provider: ErpNext) -> None:
    at = caught_up(provider, Kind.INVOICES)
    site.put("Payment Request", "PR-1", docstatus=1, status="Requested",
             reference_doctype="Sales Invoice", reference_name="F2026-00008",
             payment_url="https://pay.example/1")  # fmt: skip
    (found,) = changed(provider, Kind.INVOICES, at).values()
    assert isinstance(found, Invoice)
    assert (found.id, found.pay_link) == ("F2026-00008", "https://pay.example/1")


@pytest.mark.usefixtures("no_overlap")
def test_a_deleted_payment_is_void(site: ErpNextSite, provider: ErpNext) -> None:
    at = caught_up(provider, Kind.PAYMENTS)
    site.delete("Payment Entry", "p5")  # a draft
    found = changed(provider, Kind.PAYMENTS, at)
    assert {name: p.state for name, p in found.items() if isinstance(p, Payment)} == {
        "p5": PaymentState.VOID
    }
    later = list(provider.changes(Kind.PAYMENTS, at))[-1].cursor
    assert not changed(provider, Kind.PAYMENTS, later)


def test_what_moved_no_stamp_is_in_the_open_set(site: ErpNextSite, provider: ErpNext) -> None:
    at = caught_up(provider, Kind.INVOICES)
    site.write("Sales Invoice", "F2026-00001", silently=True, outstanding_amount=1.0)
    items = {item.id: item.balance for item in provider.open_items()}
    assert items["F2026-00001"] == 100
    site.write("Sales Invoice", "F2026-00001", silently=True, outstanding_amount=0.0)
    assert "F2026-00001" not in {item.id for item in provider.open_items()}
    assert caught_up(provider, Kind.INVOICES) == at


def test_cursors_are_in_the_sites_own_time(site: ErpNextSite, provider: ErpNext) -> None:
    """One in another zone would skip hours, or read them for ever; and an hour comes twice."""
    site.write("Customer", "C0001")
    newest = site.tables["Customer"]["C0001"]["modified"]
    low = stream.Mark.parse(caught_up(provider, Kind.CUSTOMERS)).low
    assert low == newest - timedelta(minutes=70)
    assert "C0001" in changed(provider, Kind.CUSTOMERS, caught_up(provider, Kind.CUSTOMERS))


def test_rows_of_one_stamp_and_a_small_page(site: ErpNextSite) -> None:
    """A bulk job gives a hundred rows one stamp: names keep the pages apart."""
    stamp = site.now + timedelta(hours=5)
    for number in range(23):
        bill(site, f"bulk-{number:02}", "C0001", 1.0, modified=stamp)
    provider = opened(site, page=4)
    at = stream.Mark(low=stamp).text()
    assert set(changed(provider, Kind.INVOICES, at)) == {f"bulk-{n:02}" for n in range(23)}


# --- few calls -------------------------------------------------------------------------------


def test_ten_thousand_open_invoices_are_few_calls() -> None:
    with books(15) as site:
        site.put("Customer", "Kerbrat", customer_name="Kerbrat")
        for number in range(MANY):
            bill(site, f"ACC-SINV-2026-{number:05}", "Kerbrat", 12.5, modified=site.now)
        provider = opened(site, page=1000)
        pages = list(provider.changes(Kind.INVOICES, None))
        assert sum(len(page.records) for page in pages) == MANY
        assert pages[0].total == MANY
        # eleven lists, their schedules and requests, the stamps, the firm and what may be read
        assert len(site.calls) == 38
        before = len(site.calls)
        assert len(list(provider.open_items())) == MANY
        assert len(site.calls) - before == 11


def test_long_filters_go_where_no_address_is_too_long(site: ErpNextSite, provider: ErpNext) -> None:
    names = [f"ACC-SINV-2026-{number:05}" for number in range(900)]
    filters = f'[["name","in",{names}]]'.replace("'", '"')
    headers = {"Authorization": "token key-daemon:s3cret"}
    address = f"{site.url}/api/resource/Sales Invoice"
    answer = requests.get(address, {"filters": filters}, headers=headers, timeout=10)
    assert answer.status_code == 414
    assert [found.id for found in provider.invoices([*names, "F2026-00001"])] == ["F2026-00001"]


def test_a_list_is_asked_for_more_than_its_twenty_names(
    site: ErpNextSite, provider: ErpNext
) -> None:
    for number in range(25):
        bill(site, f"more-{number:02}", "C0001", 1.0)
    headers = {"Authorization": "token key-daemon:s3cret"}
    answer = requests.get(f"{site.url}/api/resource/Sales Invoice", headers=headers, timeout=10)
    assert len(answer.json()["data"]) == 20
    assert set(answer.json()["data"][0]) == {"name"}
    assert len(list(provider.open_items())) > 35


# --- what differs by version, right and firm -------------------------------------------------


@pytest.mark.parametrize(
    ("doctype", "name"),
    [
        ("Contact", "is_billing_contact"),
        ("Customer", "_user_tags"),
        ("Payment Schedule", "discount_date"),
    ],
)
def test_a_field_that_a_site_has_not_is_done_without(
    site: ErpNextSite, doctype: str, name: str
) -> None:
    """It is asked for once in a run, and the other fields that a site may lack still are."""
    site.fields[doctype].discard(name)
    provider = opened(site)
    assert {record.id for record in provider.invoices(["F2026-00001"])} == {"F2026-00001"}
    assert provider.account("C0001").customer.contacts
    asked = len([call for call in site.calls if name in str(call.asked)])
    list(provider.changes(Kind.INVOICES, None))
    list(provider.changes(Kind.CUSTOMERS, None))
    assert asked == 1
    assert len([call for call in site.calls if name in str(call.asked)]) == asked
    last = [call for call in site.calls if call.asked.get("doctype") == "Payment Schedule"][-1]
    assert "base_payment_amount" in last.asked["fields"]


def test_tables_that_may_not_be_listed_are_read_with_their_documents(site: ErpNextSite) -> None:
    whole = gather(list(opened(site).changes(Kind.INVOICES, None)))
    site.forbidden.add("Payment Schedule")
    assert gather(list(opened(site).changes(Kind.INVOICES, None))) == whole


def test_without_contacts_requests_and_journals_the_rest_is_read(site: ErpNextSite) -> None:
    site.put("Customer", "C0001", email_id="own@client-1.example")
    site.forbidden |= {"Contact", "Address", "Payment Request", "Journal Entry", "Country"}
    provider = opened(site)
    found = provider.account("C0001").customer
    assert [contact.email for contact in found.contacts] == ["own@client-1.example"]
    assert (found.country, found.address) == ("", "")
    assert not provider.probe().pay_link
    for kind in SPEC.kinds:
        assert gather(list(provider.changes(kind, None)))
        site.write("Customer", "C0001")
        assert changed(provider, kind, caught_up(provider, kind))


def test_the_firm(site: ErpNextSite, provider: ErpNext) -> None:
    site.put("Address", "Firm", address_type="Office", address_line1="1 quai X", city="Lyon",
             country="France", links=[{"link_doctype": "Company", "link_name": FIRM}])  # fmt: skip
    site.put("Bank Account", "B", is_company_account=1, company=FIRM, is_default=1, bank="BP",
             iban="FR7612345")  # fmt: skip
    company = provider.company()
    assert company.ledger_id == "erpnext:20240115091233123456:AD"
    assert (company.name, company.country, company.currency) == ("Atelier Démo SARL", "FR", "EUR")
    assert (company.timezone, company.legal_id) == ("Europe/Paris", "FR12345678901")
    assert (company.address, company.bank_line) == ("1 quai X\nLyon\nFrance", "FR7612345 BP")
    assert (company.email, company.phone) == ("compta@demo.example", "04 72 00 00 00")


def test_one_of_several_companies_must_be_named(site: ErpNextSite) -> None:
    site.put("Company", "Other", abbr="O", default_currency="USD")
    with pytest.raises(ConfigError, match=f"RELANCE_ERPNEXT_COMPANY to one of {FIRM}, Other"):
        opened(site).company()
    other = opened(site, COMPANY="Other")
    assert other.company().currency == "USD"
    assert list(other.open_items()) == []
    assert list(opened(site, COMPANY=FIRM).open_items())
    with pytest.raises(ConfigError, match="sees no company 'Third'"):
        opened(site, COMPANY="Third").company()


def test_a_user_without_the_role_is_told_which_right_is_missing() -> None:
    with books(15) as site:
        site.users.clear()
        site.user("Inbox User")
        with pytest.raises(AuthRequired, match="no right to Company"):
            opened(site).company()


def findings(provider: ErpNext) -> dict[str, Any]:
    return {finding.what: finding for finding in provider.examine()}


def test_every_right_is_examined(site: ErpNextSite, provider: ErpNext) -> None:
    site.users.clear()
    site.user("Accounts User", "System Manager")
    assert all(finding.fine for finding in findings(provider).values())
    writes = ("make", "add_comment", "/api/resource")
    assert not [call for call in site.calls if any(part in call.path for part in writes)]
    capabilities = provider.probe()
    assert capabilities.custom_email
    assert capabilities.pdf
    assert (capabilities.note, capabilities.traces) == (Notes.INVOICE, Traces.COMPLETE)

    site.forbidden |= {"Deleted Document", "Sales Invoice"}
    found = findings(provider)
    assert not found["read Deleted Document"].fine
    assert not found["read Deleted Document"].needed
    assert found["read Sales Invoice"].needed
    assert "Accounts User" in found["read Sales Invoice"].mend
    site.forbidden.clear()
    site.rights.clear()
    assert not findings(provider)["send mail about invoices"].fine
    assert not provider.probe().custom_email
    assert not provider.probe().pdf


def test_an_account_to_send_from_is_looked_for(site: ErpNextSite, provider: ErpNext) -> None:
    what = "a default outgoing Email Account"
    assert "cannot see" in findings(provider)[what].mend
    assert provider.probe().custom_email  # not seen is not absent
    site.user("Accounts User", "Inbox User")
    site.write("Email Account", "Compta", default_outgoing=0)
    assert not findings(provider)[what].fine
    assert not provider.probe().custom_email


def test_user_permissions_hide_rows_and_are_told(site: ErpNextSite, provider: ErpNext) -> None:
    site.user_permissions = {"Customer": [{"doc": "C0001"}], "Company": [{"doc": FIRM}]}
    found = findings(provider)["see every customer and invoice"]
    assert not found.fine
    assert "Customer" in found.mend
    assert set(gather(list(provider.changes(Kind.CUSTOMERS, None)))) == {(Customer, "C0001")}


def test_reminders_of_erpnexts_own(site: ErpNextSite, provider: ErpNext) -> None:
    site.user("Accounts User", "System Manager")
    given = {"enabled": 1, "document_type": "Sales Invoice", "channel": "Email",
             "event": "Days After", "date_changed": "due_date"}  # fmt: skip
    inward = [{"receiver_by_role": "Accounts Manager", "receiver_by_document_field": None}]
    site.put("Notification", "For us", recipients=inward, **given)
    assert not provider.probe().native_reminders
    outward = [{"receiver_by_document_field": "contact_email"}]
    site.put("Notification", "Off", recipients=outward, **given | {"enabled": 0})
    assert not provider.probe().native_reminders
    site.put("Notification", "Overdue", recipients=outward, **given)
    assert provider.probe().native_reminders
    site.put("Dunning", "D-1", docstatus=1, status="Unresolved", company=FIRM)
    site.put("Process Statement Of Accounts", "Monthly", enable_auto_email=1, company=FIRM)
    bad = [what for what, finding in findings(provider).items() if not finding.fine]
    assert bad == [
        "no Notification of ERPNext's own about overdue invoices",
        "no Dunning of ERPNext's own under way",
        "no statements of account sent by themselves",
    ]


def test_the_host_is_no_part_of_the_ledgers_name(site: ErpNextSite) -> None:
    here = opened(site).company().ledger_id
    assert opened(site, URL=site.url.replace("127.0.0.1", "localhost")).company().ledger_id == here


def test_an_account_of_more_than_a_page(site: ErpNextSite, provider: ErpNext) -> None:
    for number in range(1005):
        rows = [schedule("2026-10-01", 1.0)]
        bill(site, f"a-{number:04}", "C0006", 1.0, payment_schedule=rows)
    assert len(provider.account("C0006").invoices) == 1006


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"URL": "erp.example.com"}, "RELANCE_ERPNEXT_URL is 'erp.example.com'"),
        ({"KEY": "abc:def"}, "RELANCE_ERPNEXT_KEY holds a colon"),
        ({"SENDER": "Compta"}, "RELANCE_ERPNEXT_SENDER is 'Compta'"),
    ],
)
def test_settings_that_cannot_be_right(change: dict[str, str], words: str) -> None:
    good = {"URL": "https://erp.example.com", "KEY": "abc", "SECRET": "def"}
    assert check(good) == []
    (problem,) = check(good | change)
    assert words in problem
