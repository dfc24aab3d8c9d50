"""The sample firm's books, made anew: `python -m tests.sample_ledger` rewrites providers/sample.

Everything follows from the tables: no clock, no chance. `SITUATIONS` names the invoice and line
that shows each reason for silence on the sample's own day.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from tests.sample_bills import TODAY, Bill, bills, day, first, options
from tests.sample_tables import CREDITS, CUSTOMERS, MARKS, MONEY

FOLDER = Path(__file__).parent.parent / "providers" / "sample"
AUTHOR = "Camille"
COMPANY = {
    "id": "bellerive",
    "name": "Atelier Bellerive SARL",
    "country": "FR",
    "timezone": "Europe/Paris",
    "currency": "EUR",
    "legal_id": "RCS Lyon 000 000 000",
    "address": "14 rue des Encres\n69007 Lyon",
    "bank_line": "IBAN FR76 0000 0000 0000 0000 0000 000",
    "contact_name": "Camille Bellerive",
    "email": "compta@bellerive.example",
    "phone": "+33 4 65 71 10 00",
    "today": TODAY.isoformat(),
    "read_at": "2026-11-20T07:30:00Z",
}
COLUMNS = {
    "customers": "customer,name,language,country,kind,address,owner,policy,tags,mandate,"
    "contact_name,email,phone,role,contact_language",
    "invoices": "invoice,line,customer,currency,issued_on,due_on,amount,balance,invoice_balance,"
    "state,reference,payment_reference,pay_link,recipient",
    "payments": "payment,customer,currency,paid_on,amount,state,reference,invoice,line,allocated",
    "credit_notes": "credit_note,customer,currency,issued_on,amount,balance,state,invoice",
    "decisions": "invoice,customer,mark,since,until,because,author",
    "history": "invoice,line,stage,n,on,channel,state,deadline_on,legal",
}

Row = dict[str, object]


def _customers() -> Iterator[Row]:
    for text in CUSTOMERS.strip().splitlines():
        cells = [cell.strip() for cell in text.split("|")]
        names = (
            "customer",
            "name",
            "language",
            "country",
            "kind",
            "address",
            "contact_name",
            "email",
        )
        row: Row = dict(zip(names, cells, strict=False))
        yield row | {"address": cells[5].replace(" / ", "\n")} | options(cells[8])


def _invoices(made: Sequence[Bill]) -> Iterator[Row]:
    for bill in made:
        balances = [bill.balance(line) for line in range(1, len(bill.lines) + 1)]
        for line, (due_on, amount) in enumerate(bill.lines, start=1):
            yield {
                "invoice": bill.number,
                "line": line,
                "customer": bill.customer,
                "currency": bill.currency,
                "issued_on": bill.issued_on,
                "due_on": due_on or "",
                "amount": f"{amount:.2f}",
                "balance": f"{balances[line - 1]:.2f}",
                "invoice_balance": bill.more.get("own", f"{sum(balances):.2f}"),
                "state": bill.more.get("state") or ("open" if any(balances) else "paid"),
                "payment_reference": f"RF-{bill.number[2:]}",
                **{
                    name: bill.more.get(name, "") for name in ("reference", "pay_link", "recipient")
                },
            }


def _payments(made: Sequence[Bill]) -> Iterator[Row]:
    rows: list[Row] = []
    for bill in made:
        for on, amount, line, state in bill.paid:
            own = {"invoice": bill.number, "line": line, "allocated": f"{amount:.2f}"}
            common = _money(bill.customer, bill.currency, on, amount)
            rows.append(common | own | {"state": state or "booked", "reference": bill.number})
    for customer, text, money, reference in MONEY:
        common = _money(customer, "EUR", day(text), Decimal(money))
        rows.append(common | {"state": "booked", "reference": reference})
    rows.sort(key=lambda row: (str(row["paid_on"]), str(row["reference"])))
    for place, row in enumerate(rows, start=1):
        yield {"payment": f"R-{place:04}"} | row


def _money(customer: str, currency: str, on: date | None, amount: Decimal) -> Row:
    return {"customer": customer, "currency": currency, "paid_on": on, "amount": f"{amount:.2f}"}


def _credit_notes(made: Sequence[Bill]) -> Iterator[Row]:
    for place, (customer, on, amount, used) in enumerate(CREDITS, start=1):
        yield {
            "credit_note": f"A-{place:04}",
            "customer": customer,
            "currency": "EUR",
            "issued_on": day(on),
            "amount": amount,
            "balance": "0.00" if used else amount,
            "state": "paid" if used else "open",
            "invoice": first(made, customer).number if used else "",
        }


def _decisions(made: Sequence[Bill]) -> Iterator[Row]:
    about: list[tuple[Row, str]] = [
        ({"customer": text.split()[0]}, text.split(" ", 1)[1])
        for text in MARKS.strip().splitlines()
    ]
    about += [({"invoice": bill.number}, bill.mark) for bill in made if bill.mark]
    for row, text in about:
        mark, since, until, because = text.split(" ", 3)
        dates: Row = {"since": day(since), "until": day(until) or ""}
        yield row | dates | {"mark": mark, "because": because, "author": AUTHOR}


def _history(made: Sequence[Bill]) -> Iterator[Row]:
    for bill in made:
        for text in bill.had:
            rung, on, *rest = text.split()
            stage, n = rung.split(".")
            options = dict(part.split("=") for part in rest if "=" in part)
            deadline = options.get("deadline")
            yield {
                "invoice": bill.number,
                "line": 1,
                "stage": stage,
                "n": n,
                "on": day(on),
                "channel": _channel(stage, n),
                "state": next((part for part in rest if "=" not in part), "sent"),
                "deadline_on": day(deadline) if deadline else "",
                "legal": options.get("legal", ""),
            }


def _channel(stage: str, n: str) -> str:
    return "call" if n[0] == "c" else {"notice": "letter", "handover": "task"}.get(stage, "email")


def files() -> dict[str, bytes]:
    """The sample's files by name, byte for byte."""
    made = bills()
    rows = {
        "customers": _customers(),
        "invoices": _invoices(made),
        "payments": _payments(made),
        "credit_notes": _credit_notes(made),
        "decisions": _decisions(made),
        "history": _history(made),
    }
    written = {f"{name}.csv": _csv(COLUMNS[name].split(","), told) for name, told in rows.items()}
    return {"company.csv": _csv(list(COMPANY), iter([dict(COMPANY)]))} | written


def _csv(columns: list[str], rows: Iterator[Row]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


SITUATIONS: dict[str, tuple[str, int]] = {
    bill.reason: (bill.number, bill.shown) for bill in bills() if bill.reason
}
"""The reason for silence -> the invoice and due line that shows it."""


def write(folder: Path) -> None:
    """Write all files of the sample into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files().items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    write(FOLDER)
