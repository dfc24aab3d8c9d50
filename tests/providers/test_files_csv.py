"""Malformed CSV: every problem is told with file, line and column, and nothing else is raised."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.contract import Kind
from connector.errors import ConfigError
from connector.receivables.records import Mark
from providers.files.ledger import TABLES, read_ledger
from providers.files.rows import LIMIT, Table
from tests.providers.folder import FILES, folder, opened

COMPANY = "id,name,country,timezone,currency,today,read_at,email\n"
CUSTOMER = "customer,name,language,country,kind,mandate,email,credit_limit\n"
C2 = "C2,B,,,,,,\n"
INVOICE = (
    "invoice,line,customer,currency,issued_on,due_on,amount,balance,state,pay_link,recipient\n"
)
PAYMENT = "payment,customer,currency,paid_on,amount,state,invoice,line,allocated\n"
CREDIT = "credit_note,customer,currency,issued_on,amount,balance,state,invoice\n"
DECISION = "invoice,customer,mark,since,until,amount\n"
HISTORY = "invoice,line,stage,n,nth,on,channel,state\n"
F1 = "F-1,,C1,EUR,2026-10-01,2026-10-31,100,,,,\n"
F2 = "F-2,1,C2,GBP,2026-10-01,2026-10-31,100,,,,\nF-2,2,C2,GBP,2026-10-01,2026-10-31,100,,,,\n"
WORDS = "draft, open, paid, credited, void"
ALL_CUSTOMER_COLUMNS = (
    "customer, name, number, language, country, region, kind, address, legal_id, tags, owner, "
    "policy, mandate, credit_limit, active, balance, term, cash, email, phone, contact_name, role, "
    "contact_language"
)

# fmt: off
CASES: list[tuple[str, str | bytes, str]] = [
    # the file as a whole
    ("customers", b"", "customers.csv: the file is empty (expected a header: customer, name)"),
    ("customers", " \n\n", "customers.csv: the file is empty (expected a header: customer, name)"),
    ("customers", b"\xff\xfec\x00", "customers.csv: the file is UTF-16 (export it again as 'CSV UTF-8')"),
    ("customers", b"customer,name\nC1,Caf\xe9\n", "customers.csv, line 2: byte 0xE9 is not UTF-8, the file may be Windows-1252 (export it again as 'CSV UTF-8')"),
    ("customers", b"\xef\xbb\xbfcustomer,name\nC1,A\nC2,Caf\xe9\n", "customers.csv, line 3: byte 0xE9 is not UTF-8, the file may be Windows-1252 (export it again as 'CSV UTF-8')"),
    ("customers", "customer,name\nC1,A\nC2,B\0\n", "customers.csv, line 3: a NUL byte is no text (export the file again)"),
    ("customers", "customer,name\nC1,\x1fA\n", "customers.csv, line 2: control character U+001F is no text (export the file again)"),
    ("customers", 'customer,name\nC1,A\nC2,"B\nC3,C\n', 'customers.csv, line 3: a quoted field begins here and never ends (add the closing ")'),
    ("customers", 'customer,name\nC1,"A "B" C"\n', 'customers.csv, line 2: a quote within a quoted field must be written twice ("")'),
    ("customers", 'customer,name\nC1,"' + "A" * 200_000 + "\n", 'customers.csv, line 2: a quoted field begins here and never ends (add the closing ")'),
    # the header
    ("customers", "customer,name,colour\nC1,A,red\n", f"customers.csv, line 1: unknown column colour (allowed: {ALL_CUSTOMER_COLUMNS})"),
    ("customers", "customer\tname\nC1\tA\n", f"customers.csv, line 1: unknown column customer\tname (allowed: {ALL_CUSTOMER_COLUMNS}; separate them by commas or semicolons)"),
    ("customers", "customer,name,,\nC1,A,,\n", f"customers.csv, line 1: unknown columns (no name), (no name) (allowed: {ALL_CUSTOMER_COLUMNS})"),
    ("customers", "customer,name,Name\nC1,A,B\n", "customers.csv, line 1: column name named twice"),
    ("invoices", "\ninvoice,customer,due_on\n", "invoices.csv, line 2: columns currency, issued_on, amount missing"),
    # rows
    ("customers", "customer,name\nC1,A\nC2,B,C\n", "customers.csv, line 3: 3 fields, but the header names 2 (quote a field that holds a ',')"),
    ("customers", 'customer;name\nC1;"A\nB"\nC2\n', "customers.csv, line 4: 1 fields, but the header names 2 (the row is cut off)"),
    ("customers", "customer,name\nC1,A\n,B\nC2,C\n", "customers.csv, line 3, column customer: is empty (a value is needed in every row)"),
    ("customers", CUSTOMER + C2 + "C1,A,fr,FR,,,a@b.example,\nC1,A,fr,FR,,,a@b.example,\n", "customers.csv, line 4, column customer: 'C1' is here twice; its rows need a different contact each"),
    ("customers", CUSTOMER + C2 + "C1,A,fr,FR,,,a@b.example,\nC1,B,fr,FR,,,c@b.example,\n", "customers.csv, line 4, column name: 'B' differs from 'A' in line 3, which has the same customer"),
    ("customers", CUSTOMER + C2 + "C1,A,french,FR,,,,\n", "customers.csv, line 3, column language: 'french' is not a language code (expected ISO 639-1, such as fr)"),
    ("customers", CUSTOMER + C2 + "C1,A,fr,UK,,,,\n", "customers.csv, line 3, column country: 'UK' is not a country code (expected ISO 3166, such as FR, GB)"),
    ("customers", CUSTOMER + C2 + "C1,A,fr,FR,firm,,,\n", "customers.csv, line 3, column kind: 'firm' is not understood (expected business, consumer, public)"),
    ("customers", CUSTOMER + C2 + "C1,A,fr,FR,,oui,,\n", "customers.csv, line 3, column mandate: 'oui' is not understood (expected yes, no)"),
    ("customers", CUSTOMER + C2 + 'C1,A,fr,FR,,,"a@b.example, c@d.example",\n', "customers.csv, line 3, column email: 'a@b.example, c@d.example' is not an e-mail address (expected one, name@example.com)"),
    ("customers", CUSTOMER + C2 + "C1,A,fr,FR,,,,1e3\n", "customers.csv, line 3, column credit_limit: '1e3' is not an amount (expected a decimal like 1184.50)"),
    # the firm
    ("company", COMPANY, "company.csv: no row below the header (expected one: the firm)"),
    ("company", COMPANY + "a,A,FR,Europe/Paris,EUR,,,\nb,B,FR,Europe/Paris,EUR,,,\n", "company.csv, line 3: a second row (expected one: the firm)"),
    ("company", COMPANY + "a,A,FR,Paris,EUR,,,\n", "company.csv, line 2, column timezone: 'Paris' is not a time zone (expected one like Europe/Paris)"),
    ("company", COMPANY + "a,A,FR,../etc/passwd,EUR,,,\n", "company.csv, line 2, column timezone: '../etc/passwd' is not a time zone (expected one like Europe/Paris)"),
    ("company", COMPANY + "a,A,FR,Europe/Paris,euro,,,\n", "company.csv, line 2, column currency: 'euro' is not a currency code (expected ISO 4217, such as EUR)"),
    ("company", COMPANY + "a,A,FR,Europe/Paris,EUR,,2026-11-20T07:30,\n", "company.csv, line 2, column read_at: '2026-11-20T07:30' is not an instant (expected one with its zone, such as 2026-11-20T07:30:00Z)"),
    # invoices
    ("invoices", INVOICE + F2 + "F-1,,C9,EUR,2026-10-01,2026-10-31,100,,,,\n", "invoices.csv, line 4, column customer: 'C9' is not in customers.csv"),
    ("invoices", INVOICE + F2 + "F-1,,C1,EUR,2026-10-01,31/02/2026,100,,,,\n", "invoices.csv, line 4, column due_on: '31/02/2026' is not a date (expected YYYY-MM-DD, the ISO form)"),
    ("invoices", INVOICE + F2 + "F-1,,C1,EUR,20261001,,100,,,,\n", "invoices.csv, line 4, column issued_on: '20261001' is not a date (expected YYYY-MM-DD, the ISO form)"),
    ("invoices", INVOICE + F2 + "F-1,,C1,EUR,2026-10-01,9999-12-31,100,,,,\n", "invoices.csv, line 4, column due_on: '9999-12-31' is not a date of our time (expected 1900 to 2199)"),
    ("invoices", INVOICE + F2 + "F-1,,C1,EUR,,,100,,,,\n", "invoices.csv, line 4, column issued_on: is empty (a value is needed in every row)"),
    ("invoices", INVOICE + F2 + 'F-1,,C1,EUR,2026-10-01,,"100,50",,,,\n', "invoices.csv, line 4, column amount: '100,50' is not an amount (expected a decimal like 1184.50)"),
    ("invoices", (INVOICE + F2 + "F-1,,C1,EUR,2026-10-01,,1 184@50,,,,\n").replace(",", ";").replace("@", ","), "invoices.csv, line 4, column amount: '1 184,50' is not an amount (expected a decimal like 1184.50 or 1184,50)"),
    ("invoices", INVOICE + F2 + "F-1,,C1,EUR,2026-10-01,,10.505,,,,\n", "invoices.csv, line 4, column amount: 10.505 is not a whole number of 0.01 EUR"),
    ("invoices", INVOICE + F2 + "F-1,,C1,EUR,2026-10-01,,-5,,,,\n", "invoices.csv, line 4, column amount: '-5' is negative (expected zero or more)"),
    ("invoices", INVOICE + F2 + "F-1,,C1,EURO,2026-10-01,,5,,,,\n", "invoices.csv, line 4, column currency: 'EURO' is not a currency code (expected ISO 4217, such as EUR)"),
    ("invoices", INVOICE + F2 + "F-1,,C1,EUR,2026-10-01,,5,,late,,\n", f"invoices.csv, line 4, column state: 'late' is not understood (expected {WORDS})"),
    ("invoices", INVOICE + F2 + "F-1,,C1,EUR,2026-10-01,,5,3,paid,,\n", "invoices.csv, line 4, column state: 'paid' and a balance do not go together (expected a balance of 0, or the state open)"),
    ("invoices", INVOICE + F2 + "F-1,,C1,EUR,2026-10-01,,5,,,javascript:1,\n", "invoices.csv, line 4, column pay_link: 'javascript:1' is not a web address (expected https://…)"),
    ("invoices", INVOICE + F2 + "F-1,,C1,EUR,2026-10-01,,5,,,,nobody\n", "invoices.csv, line 4, column recipient: 'nobody' is not an e-mail address (expected one, name@example.com)"),
    ("invoices", INVOICE + F2 + F1 + F1, "invoices.csv, line 5, column invoice: 'F-1' is here twice (first in line 4); instalments need a different value in line each"),
    ("invoices", INVOICE + F2 + F1 + "F-1,2,C2,EUR,2026-10-01,2026-10-31,100,,,,\n", "invoices.csv, line 5, column customer: 'C2' differs from 'C1' in line 4, which has the same invoice"),
    ("invoices", INVOICE + F1 + F2.replace("100,,,,\n", "100,5,,,\n", 1), "invoices.csv, line 4, column balance: is empty, and another row of this invoice has one"),
    # payments and credit notes
    ("payments", PAYMENT + "P-1,C1,EUR,2026-11-02,10,,F-9,,\n", "payments.csv, line 2, column invoice: 'F-9' is not in invoices.csv"),
    ("payments", PAYMENT + "P-1,C1,GBP,2026-11-02,10,,F-2,3,\n", "payments.csv, line 2, column line: '3' is not a line of invoice 'F-2' in invoices.csv"),
    ("payments", PAYMENT + "P-1,C1,USD,2026-11-02,10,,F-1,,\n", "payments.csv, line 2, column currency: 'USD', and invoice 'F-1' is in 'EUR'"),
    ("payments", PAYMENT + "P-1,C9,EUR,2026-11-02,10,,,,\n", "payments.csv, line 2, column customer: 'C9' is not in customers.csv"),
    ("payments", PAYMENT + "P-1,C1,EUR,2026-11-02,10,sent,,,\n", "payments.csv, line 2, column state: 'sent' is not understood (expected pending, booked, returned, void)"),
    ("payments", PAYMENT + "P-1,C1,EUR,2026-11-02,10,,F-1,,12\n", "payments.csv, line 2, column allocated: 2.00 more is allocated than was paid"),
    ("payments", PAYMENT + "P-1,C1,EUR,2026-11-02,10,,,,12\n", "payments.csv, line 2, column allocated: is given, and the row names no invoice"),
    ("payments", PAYMENT + "P-1,C1,EUR,2026-11-02,10,,,,\n" * 2, "payments.csv, line 3, column payment: 'P-1' is here twice for one invoice and line (first in line 2)"),
    ("credit_notes", CREDIT + "A-1,C1,EUR,2026-11-02,10,12,,\n", "credit_notes.csv, line 2, column balance: '12' is not between 0 and the amount"),
    ("credit_notes", CREDIT + "F-1,C1,EUR,2026-11-02,10,,,\n", "credit_notes.csv, line 2, column credit_note: 'F-1' is an invoice too (line 2)"),
    ("credit_notes", CREDIT + "A-1,C1,EUR,2026-11-02,10,,,\n" * 2, "credit_notes.csv, line 3, column credit_note: 'A-1' is here twice (first in line 2)"),
    ("credit_notes", CREDIT + "A-1,C1,EUR,2026-11-02,10,5,paid,\n", "credit_notes.csv, line 2, column state: 'paid' and a balance do not go together (expected a balance of 0, or the state open)"),
    ("credit_notes", CREDIT + "A-1,C1,EUR,2026-11-02,10,5,gone,\n", f"credit_notes.csv, line 2, column state: 'gone' is not understood (expected {WORDS})"),
    # decisions and history
    ("decisions", DECISION + ",,hold,2026-11-01,,\n", "decisions.csv, line 2, column invoice: is empty, and customer too (expected one of them)"),
    ("decisions", DECISION + "F-9,,hold,2026-11-01,,\n", "decisions.csv, line 2, column invoice: 'F-9' is not in invoices.csv"),
    ("decisions", DECISION + "F-1,C2,hold,2026-11-01,,\n", "decisions.csv, line 2, column customer: 'C2', and the invoice is 'C1''s"),
    ("decisions", DECISION + "F-1,,pause,2026-11-01,,\n", f"decisions.csv, line 2, column mark: 'pause' is not understood (expected {', '.join(Mark)})"),
    ("decisions", DECISION + "F-1,,,2026-11-01,,\n", "decisions.csv, line 2, column mark: is empty (a value is needed in every row)"),
    ("history", HISTORY + "F-1,,polite,,,2026-11-01,,\n", "history.csv, line 2, column stage: 'polite' is not understood (expected before_due, friendly, firm, notice, handover)"),
    ("history", HISTORY + "F-1,,friendly,0,,2026-11-01,,\n", "history.csv, line 2, column n: '0' is not understood (expected 1, 2 …, of calls c1, c2 …)"),
    ("history", HISTORY + "F-1,,friendly,,x,2026-11-01,,\n", "history.csv, line 2, column nth: 'x' is not understood (expected 1, 2 …)"),
    ("history", HISTORY + "F-1,,friendly,,,2026-11-01,fax,\n", "history.csv, line 2, column channel: 'fax' is not understood (expected email, letter, note, call, visit, task)"),
    ("history", HISTORY + "F-1,7,friendly,,,2026-11-01,,\n", "history.csv, line 2, column line: '7' is not a line of invoice 'F-1' in invoices.csv"),
    ("history", HISTORY + "F-1,,friendly,,,2026-11-01,,\nF-1,,friendly,1,1,2026-11-09,,\n", "history.csv, line 3, column stage: friendly.1 of this line is here twice (line 2)"),
    *(
        ("history", HISTORY + f"F-1,,friendly,,,2026-11-01,,{state}\n", f"history.csv, line 2, column state: {state!r} is not a reminder of the past (expected sent, rejected, bounced, failed, unknown)")
        for state in ("planned", "proposed", "sending")
    ),
]
# fmt: on


@pytest.mark.parametrize(("name", "content", "problem"), CASES)
def test_each_mistake_is_told_once_and_alone(
    tmp_path: Path, name: str, content: str | bytes, problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        opened(folder(tmp_path, **{name: content})).company()
    assert list(caught.value.problems) == [problem]


@pytest.mark.parametrize("name", [table.file for table in TABLES if table.needed])
def test_a_missing_file_is_told(tmp_path: Path, name: str) -> None:
    (folder(tmp_path) / name).unlink()
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path).company()
    assert list(caught.value.problems) == [f"{name}: no such file in {tmp_path} (export it there)"]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (folder(tmp_path) / "history.csv").mkdir()
    with pytest.raises(ConfigError, match=r"^history\.csv: cannot be read: Is a directory$"):
        opened(tmp_path).company()


def test_used_credit_must_name_its_invoice_where_balances_are_worked_out(tmp_path: Path) -> None:
    used = CREDIT + "A-1,C1,EUR,2026-11-02,10,4,,\n"
    opened(folder(tmp_path / "given", credit_notes=used)).company()
    with pytest.raises(ConfigError) as caught:
        opened(folder(tmp_path / "empty", credit_notes=used, invoices=INVOICE + F1 + F2)).company()
    told = "is empty, and part of this credit note is used (name the invoice, or give every invoice's balance)"
    assert list(caught.value.problems) == [f"credit_notes.csv, line 2, column invoice: {told}"]


def test_all_problems_of_all_files_come_at_once_up_to_fifty(tmp_path: Path) -> None:
    bad = "".join(f"F-{n},,C1,EUR,soon,,1,,,,\n" for n in range(3, 60))
    with pytest.raises(ConfigError) as caught:
        opened(
            folder(
                tmp_path, customers="customer,name\nC1,A\nC2,\n", invoices=INVOICE + F1 + F2 + bad
            )
        ).company()
    problems = caught.value.problems
    assert len(problems) == LIMIT + 1
    assert (
        problems[0]
        == "customers.csv, line 3, column name: is empty (a value is needed in every row)"
    )
    assert problems[1].startswith("invoices.csv, line 5, column issued_on: 'soon' is not a date")
    assert problems[-1] == "8 more problems in these files"


def test_semicolons_marks_and_blank_rows_are_understood(tmp_path: Path) -> None:
    text = FILES["invoices.csv"].replace(",", ";").replace("1184.50", "1184,50")
    data = b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n;;;;;;;;\r\n"
    ledger = read_ledger(folder(tmp_path, invoices=data))
    assert [line.balance for line in ledger.invoices["F-1"].lines] == [118450]


# what a cell may hold that nearly reads, one a word; a quote, an end of line and others beside it
NEARLY = (
    "C1 F-1 EUR JPY 2026-10-01 0001-01-01 31/02/2026 1 -1 1,5 0.001 NaN open paid hold friendly "
    "yes é 1e9 ٣ ² ; "
) + "9" * 30
CELLS = st.sampled_from(["", '"', "\n", *NEARLY.split()]) | st.text(max_size=5)
TABLE: st.SearchStrategy[Table] = st.sampled_from(TABLES)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(table=TABLE, data=st.binary(max_size=200))
def test_random_bytes_raise_nothing_else(tmp_path: Path, table: Table, data: bytes) -> None:
    _read_all(tmp_path, table.file, data)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), table=TABLE, delimiter=st.sampled_from(",;"))
def test_random_rows_raise_nothing_else(
    tmp_path: Path, data: st.DataObject, table: Table, delimiter: str
) -> None:
    columns = table.columns
    rows = data.draw(
        st.lists(st.lists(CELLS, min_size=len(columns), max_size=len(columns)), max_size=3)
    )
    text = "\n".join(delimiter.join(row) for row in [list(columns), *rows])
    _read_all(tmp_path, table.file, text.encode("utf-8", "replace"))


def _read_all(path: Path, name: str, data: bytes) -> None:
    provider = opened(folder(path, **{name.removesuffix(".csv"): data}))
    told: tuple[str, ...] = ()
    try:
        for kind in Kind:
            list(provider.changes(kind, None))
        list(provider.open_items())
    except ConfigError as error:
        told = error.problems
    for table in TABLES:
        (path / table.file).unlink(missing_ok=True)
    assert all(problem.startswith(tuple(table.file for table in TABLES)) for problem in told)
