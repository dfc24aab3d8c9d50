"""What a good folder of CSV files says: every column, and the balances that follow."""

from datetime import UTC, date, datetime
from pathlib import Path

from connector.contract import Kind, OpenItem
from connector.receivables.records import (
    Allocation,
    Contact,
    CreditNote,
    Customer,
    CustomerKind,
    Decision,
    DocumentState,
    DueLine,
    Invoice,
    Mark,
    Past,
    Payment,
    PaymentState,
    Record,
    Role,
)
from providers.files import Files
from providers.files.ledger import TABLES
from tests.providers.folder import folder, opened


def told(provider: Files, kind: Kind) -> list[Record]:
    """All records of one whole read."""
    return [record for page in provider.changes(kind, None) for record in page.records]


def test_every_column_arrives(tmp_path: Path) -> None:
    provider = opened(
        folder(
            tmp_path,
            company="id;name;country;timezone;currency;legal_id;bank_line;read_at;today\r\n"
            "acme;Acme;FR;Europe/Paris;EUR;RCS 1;IBAN 2;2026-11-20T09:30:00+01:00;2026-11-20\r\n",
            customers="customer,name,number,language,country,region,kind,address,legal_id,tags,"
            "owner,policy,mandate,credit_limit,active,balance,email,phone,contact_name,role,"
            'contact_language\nC1,Née,7,fr,BE,WAL,consumer,"1 rue\n5000 Namur",BE1,a; b,Jo,'
            "gentle,yes,500,no,12.30,a@b.example,1,Ana,accounting,en\n"
            'C1,Née,7,fr,BE,WAL,consumer,"1 rue\n5000 Namur",BE1,a; b,Jo,gentle,yes,500,no,12.30,'
            ",2,Bo,,\n",
            invoices="invoice;line;customer;currency;issued_on;sent_on;due_on;amount;balance;"
            "invoice_balance;state;reference;payment_reference;pay_link;recipient;policy\n"
            "F-1;a;C1;EUR;2026-10-01;2026-10-02;2026-10-31;10,5;4.5;34,5;open;PO;RF;"
            "https://pay.example/1;x@y.example;strict\n"
            "F-1;b;C1;EUR;2026-10-01;2026-10-02;;30;30;34,5;open;PO;RF;"
            "https://pay.example/1;x@y.example;strict\n",
            credit_notes="credit_note,customer,currency,issued_on,amount,balance,state,invoice\n"
            "A-1,C1,EUR,2026-11-01,5,2,open,F-1\n",
            payments="payment,customer,currency,paid_on,amount,state,reference,invoice,line,"
            "allocated\nP-1,C1,EUR,2026-11-02,9,pending,ref,F-1,a,6\n",
            decisions="invoice,customer,mark,since,until,amount,because,author\n"
            "F-1,,disputed,2026-11-03,2026-12-01,4.50,torn,Jo\n,C1,hold,2026-11-04,,,,\n",
            history="invoice,line,stage,n,nth,on,channel,state,deadline_on,legal,text\n"
            "F-1,a,firm,c1,2,2026-11-05,call,proposed,2026-11-19,duty,words\n",
        )
    )
    company = provider.company()
    assert company.ledger_id == "files:acme"
    assert (company.legal_id, company.bank_line) == ("RCS 1", "IBAN 2")
    assert company.as_of == datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
    assert company.today == date(2026, 11, 20)
    assert told(provider, Kind.CUSTOMERS) == [
        Customer(
            id="C1",
            name="Née",
            number="7",
            language="fr",
            country="BE",
            region="WAL",
            kind=CustomerKind.CONSUMER,
            address="1 rue\n5000 Namur",
            legal_id="BE1",
            tags=("a", "b"),
            owner="Jo",
            policy="gentle",
            mandate=True,
            credit_limit=50000,
            contacts=(
                Contact(
                    id="C1/a@b.example",
                    name="Ana",
                    email="a@b.example",
                    phone="1",
                    role=Role.ACCOUNTING,
                    language="en",
                ),
                Contact(id="C1/Bo", name="Bo", phone="2"),
            ),
            decisions=(Decision(mark=Mark.HOLD, since=date(2026, 11, 4), customer_id="C1"),),
            balances={"EUR": 1230},
            active=False,
        )
    ]
    disputed = Decision(
        mark=Mark.DISPUTED,
        since=date(2026, 11, 3),
        until=date(2026, 12, 1),
        amount=450,
        because="torn",
        author="Jo",
        customer_id="C1",
        invoice_id="F-1",
    )
    assert told(provider, Kind.INVOICES) == [
        Invoice(
            id="F-1",
            number="F-1",
            customer_id="C1",
            currency="EUR",
            issued_on=date(2026, 10, 1),
            sent_on=date(2026, 10, 2),
            state=DocumentState.OPEN,
            total=4050,
            balance=3450,
            lines=(
                DueLine(id="a", due_on=date(2026, 10, 31), amount=1050, balance=450),
                DueLine(id="b", due_on=None, amount=3000, balance=3000),
            ),
            reference="PO",
            payment_reference="RF",
            pay_link="https://pay.example/1",
            recipient="x@y.example",
            policy="strict",
            decisions=(disputed,),
        )
    ]
    credit_note = CreditNote(
        id="A-1",
        number="A-1",
        customer_id="C1",
        currency="EUR",
        issued_on=date(2026, 11, 1),
        state=DocumentState.OPEN,
        total=500,
        balance=200,
        credits_invoice="F-1",
    )
    assert told(provider, Kind.CREDIT_NOTES) == [credit_note]
    payment = Payment(
        id="P-1",
        customer_id="C1",
        currency="EUR",
        paid_on=date(2026, 11, 2),
        amount=900,
        unallocated=300,
        state=PaymentState.PENDING,
        reference="ref",
        allocations=(Allocation(invoice_id="F-1", line_id="a", amount=600),),
    )
    assert told(provider, Kind.PAYMENTS) == [payment]
    assert told(provider, Kind.HISTORY) == [
        Past(
            invoice_id="F-1",
            line_id="a",
            stage="firm",
            n="c1",
            nth=2,
            on=date(2026, 11, 5),
            channel="call",
            state="proposed",
            deadline_on=date(2026, 11, 19),
            legal="duty",
            text="words",
        )
    ]
    assert list(provider.open_items()) == [
        OpenItem(id="F-1", balance=3450, currency="EUR"),
        OpenItem(id="A-1", balance=-200, currency="EUR"),
    ]
    account = provider.account("C1")
    assert (account.credit_notes, account.payments) == ((credit_note,), (payment,))
    assert provider.probe().customer_balance


def balances(provider: Files) -> dict[str, list[int]]:
    return {
        record.id: [line.balance for line in record.lines]
        for record in told(provider, Kind.INVOICES)
        if isinstance(record, Invoice)
    }


def test_an_empty_balance_follows_from_payments_and_credit_notes(tmp_path: Path) -> None:
    provider = opened(
        folder(
            tmp_path,
            invoices="invoice,line,customer,currency,issued_on,due_on,amount\n"
            "paid,,C1,EUR,2026-10-01,2026-10-31,100\n"
            "part,,C1,EUR,2026-10-01,2026-10-31,100\n"
            "over,,C1,EUR,2026-10-01,2026-10-31,100\n"
            "many,2,C1,EUR,2026-10-01,2026-11-30,100\n"
            "many,1,C1,EUR,2026-10-01,2026-10-31,100\n"
            "many,3,C1,EUR,2026-10-01,2026-12-31,100\n"
            "untouched,,C1,EUR,2026-10-01,2026-10-31,100\n",
            payments="payment,customer,currency,paid_on,amount,state,invoice,line,allocated\n"
            "P-1,C1,EUR,2026-11-02,220,booked,paid,,100\n"
            "P-1,C1,EUR,2026-11-02,220,booked,over,,120\n"
            "P-2,C1,EUR,2026-11-02,30,,part,,\n"
            "P-3,C1,EUR,2026-11-02,130,booked,many,,130\n"
            "P-4,C1,EUR,2026-11-02,10,booked,many,3,10\n"
            "P-5,C1,EUR,2026-11-02,100,pending,untouched,,100\n"
            "P-6,C1,EUR,2026-11-02,100,returned,untouched,,100\n",
            credit_notes="credit_note,customer,currency,issued_on,amount,balance,invoice\n"
            "A-1,C1,EUR,2026-11-02,25,5,part\n",
        )
    )
    assert balances(provider) == {
        "paid": [0],
        "part": [5000],
        "over": [-2000],
        "many": [7000, 0, 9000],
        "untouched": [10000],
    }
    states = {r.id: r.state for r in told(provider, Kind.INVOICES) if isinstance(r, Invoice)}
    assert states["paid"] == DocumentState.PAID
    assert states["over"] == DocumentState.OPEN  # overpaid: money that is the customer's
    assert [item.balance for item in provider.open_items()] == [5000, -2000, 16000, 10000, -500]


def test_a_draft_owes_nothing_whatever_its_file_says(tmp_path: Path) -> None:
    provider = opened(
        folder(
            tmp_path,
            invoices="invoice,number,customer,currency,issued_on,due_on,amount,balance,state\n"
            "7,F-7,C1,EUR,2026-10-01,2026-10-31,100,100,draft\n",
        )
    )
    (draft,) = told(provider, Kind.INVOICES)
    assert isinstance(draft, Invoice)
    assert (draft.id, draft.number, draft.state) == ("7", "F-7", DocumentState.DRAFT)
    assert (draft.balance, [line.balance for line in draft.lines]) == (None, [0])
    assert list(provider.open_items()) == []


def test_the_page_for_users_names_every_column_and_its_example_reads(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "providers" / "files.md").read_text("utf-8")
    for table in TABLES:
        section = page.partition(f"### {table.file}\n")[2].partition("\n#")[0]
        cells = " ".join(row.split("|")[1] for row in section.splitlines() if row.startswith("|"))
        names = [name for name in cells.split() if "`" in name]
        assert sorted(name.strip("*`") for name in names) == sorted(table.columns), table.file
        assert {name.strip("*`") for name in names if "*" in name} == set(table.must), table.file
    example = page.partition("The smallest export that works:")[2].partition("\nF-101 is open")[0]
    for block in example.strip("\n").split("\n\n"):
        name, *lines = block.splitlines()
        (tmp_path / name.strip()).write_text("\n".join(line.strip() for line in lines) + "\n")
    assert balances(opened(tmp_path)) == {"F-101": [68450], "F-102": [40000, 40000]}
