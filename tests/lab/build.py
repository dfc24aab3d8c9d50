"""Build a small Tryton ledger of customer invoices, one for each situation a reminder meets.

    python -m tests.lab.build --dir DIR

Afterwards DIR holds `db/lab.sqlite` and `lab.json`, which says how to log in and which invoice
is in which situation. Equal arguments give an equal ledger; only the REST key and the time
stamps differ.

trytond and its modules are GPL-3.0-or-later, proteus is LGPL-3.0-or-later. Only this script and
`firm`, which it alone imports, import them, and it runs as a process of its own: nothing of the
project links to them, and they are installed for tests only.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.lab.firm import CONFIGURATION, DATABASE, SYNC, ZONE, Firm, customers
from tests.lab.situations import Bill, drawn, situations

ADMIN = {"login": "admin", "password": "lab-Admin-pass-1"}
SERVICES = ["Conseil", "Maintenance annuelle", "Formation", "Hébergement", "Audit", "Assistance"]


def arguments() -> argparse.Namespace:
    """Return the options, checked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dir", required=True, type=Path, help="folder to build in")
    parser.add_argument(
        "--today",
        type=date.fromisoformat,
        default=datetime.now(ZoneInfo(ZONE)).date(),
        metavar="YYYY-MM-DD",
        help="the day the ledger is relative to",
    )
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--customers", type=int, default=len(situations()) + 6)
    parser.add_argument("--invoices", type=int, default=40)
    options = parser.parse_args()
    if options.customers <= len(situations()) or options.invoices < len(situations()):
        parser.error(f"more than {len(situations())} customers and at least as many invoices")
    return options


def create_database(folder: Path) -> None:
    """Create the tables, and the records that come with the modules."""
    folder.mkdir(parents=True)
    (folder / f"{DATABASE}.sqlite").touch()  # trytond does not create the file itself
    for name in [name for name in os.environ if name.startswith("TRYTOND_")]:
        del os.environ[name]
    os.environ |= {
        "TRYTOND_CONFIG": str(CONFIGURATION),
        "TRYTOND_DATABASE__URI": "sqlite://",
        "TRYTOND_DATABASE__PATH": str(folder),
        "DB_NAME": DATABASE,  # proteus takes the name from here
    }
    secret = folder / "admin.password"
    secret.touch(mode=0o600)
    secret.write_text(ADMIN["password"] + "\n")
    command = [sys.executable, "-m", "trytond.cli.admin", "-c", str(CONFIGURATION)]
    command += ["-d", DATABASE, "-u", "account_invoice", "--activate-dependencies", "-l", "en"]
    command += ["--email", "admin@demo.example"]
    environment = {**os.environ, "TRYTONPASSFILE": str(secret)}
    subprocess.run(command, env=environment, check=True)
    secret.unlink()


class Books:
    """The invoices and what befell them, many in one transaction of this process.

    Through proteus each field that is set would be a call.
    """

    def __init__(self, firm: Firm) -> None:
        from trytond.pool import Pool

        self.ids = firm.ids
        self.today = firm.today
        self.user = firm.config.user
        self.context = {**firm.config.context, "company": firm.company.id, "_skip_warnings": True}
        self.get: Callable[[str], Any] = Pool(DATABASE).get

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end, without what Tryton leaves for later.

        That is to render the documents, which is done as well when somebody asks for one, and to
        mark what is settled, which is done here at once.
        """
        from trytond.transaction import Transaction

        # without these locks at the start Tryton begins anew for each that it misses
        locks = ["ir_sequence_strict", "account_journal_period", "account_move"]
        with Transaction().start(DATABASE, self.user, context=self.context, _lock_tables=locks):
            yield
            queue = self.get("ir.queue")
            queue.delete(queue.search([("finished_at", "=", None)]))

    def issue(self, bills: Sequence[Bill]) -> None:
        """Make the invoices, oldest first: Tryton's numbers follow the dates."""
        invoice = self.get("account.invoice")
        ordered = sorted(bills, key=lambda bill: -bill.age)
        with self.transaction():
            records = invoice.create([self.values(bill, n) for n, bill in enumerate(ordered)])
            for bill, record in zip(ordered, records, strict=True):
                bill.id = record.id
            stay = {bill.id: bill.fate for bill in bills if bill.fate in {"draft", "cancelled"}}
            invoice.post([record for record in records if record.id not in stay])
            # a posted invoice of a customer can only be credited
            invoice.cancel([record for record in records if stay.get(record.id) == "cancelled"])

    def values(self, bill: Bill, place: int) -> dict[str, object]:
        """Return what the invoice is made of."""
        line = {
            "type": "line",
            "company": self.ids["company"],
            "currency": self.ids["currencies"][bill.currency],
            "description": SERVICES[place % len(SERVICES)],
            "quantity": 1,
            "unit_price": bill.net,
            "account": self.ids["revenue"],
            "taxes": [("add", [self.ids["tax"]])],
        }
        return {
            "type": "out",
            "company": self.ids["company"],
            "party": bill.party,
            "invoice_address": self.get("party.party")(bill.party).addresses[0].id,
            "account": self.ids["receivable"],
            "journal": self.ids["sales_journal"],
            "currency": self.ids["currencies"][bill.currency],
            "payment_term": self.ids["terms"][bill.term],
            "invoice_date": self.today - timedelta(days=bill.age),
            "reference": f"CMD-{10001 + place}",
            "lines": [("create", [line])],
        }

    def settle(self, bills: Sequence[Bill]) -> None:
        """Record the payments and the credit notes, in the order of their dates."""
        model = self.get("account.invoice")
        with self.transaction():
            for bill in sorted(bills, key=lambda bill: -bill.settled):
                invoice, on = model(bill.id), self.today - timedelta(days=bill.settled)
                match bill.fate:
                    case "paid":
                        self.pay(invoice, invoice.total_amount, on)
                    case "part_paid":
                        self.pay(invoice, bill.part, on)
                    case "credited":
                        notes = model.credit([invoice], refund=True, invoice_date=on)
                        model.process([invoice, *notes])
                    case "open_credit":
                        notes = model.credit([invoice], invoice_date=on)
                        model.post(notes)
                        bill.credit_note = notes[0].id
                    case "on_account":
                        self.receive(bill, on)

    def pay(self, invoice: Any, amount: Decimal, on: date) -> None:
        """Record a payment of the invoice; reconcile it when it settles a line."""
        method = self.get("account.invoice.payment.method")(self.ids["payment_method"])
        lines = invoice.pay_invoice(amount, method, on, f"VIR {invoice.number}")
        owed, rest = invoice.get_reconcile_lines_for_amount(amount, invoice.currency)
        if not rest:
            self.get("account.move.line").reconcile(owed + lines)
            invoice.process([invoice])

    def receive(self, bill: Bill, on: date) -> None:
        """Book money of the customer that belongs to no invoice."""
        ids, move = self.ids, self.get("account.move")
        lines = [
            {"account": ids["cash"], "debit": bill.part},
            {"account": ids["receivable"], "party": bill.party, "credit": bill.part},
        ]
        period = self.get("account.period").find(ids["company"], date=on)
        values = {"journal": ids["cash_journal"], "date": on, "lines": [("create", lines)]}
        move.post(move.create([{**values, "period": period.id, "company": ids["company"]}]))

    def situation(self, number: int) -> dict[str, object]:
        """Return what a test is told about an invoice: Tryton's own figures."""
        invoice = self.get("account.invoice")(number)
        return {
            "id": invoice.id,
            "number": invoice.number or None,
            "party": invoice.party.id,
            "total": str(invoice.total_amount),
            "open": str(invoice.amount_to_pay),
        }

    def described(self, bills: Sequence[Bill]) -> dict[str, dict[str, object]]:
        """Return the named situations."""
        with self.transaction():
            found = {bill.name: self.situation(bill.id) for bill in bills if bill.name}
            note = next(bill.credit_note for bill in bills if bill.name == "open_credit")
            return found | {"credit_note": self.situation(note)}


def main() -> None:
    """Build the database and describe it in `lab.json`."""
    options = arguments()
    create_database(options.dir.resolve() / "db")
    firm = Firm(options.today)
    parties = customers(firm, options.customers, options.seed)
    bills = situations()
    for bill, party in zip(bills, parties, strict=False):
        bill.party = party
    bills += drawn(options.invoices - len(bills), options.seed, parties[len(bills) :])
    books = Books(firm)
    books.issue(bills)
    books.settle(bills)
    lab = {
        "database": DATABASE,
        "today": options.today.isoformat(),
        "admin": ADMIN,
        "sync": SYNC,
        "rest_key": firm.rest_key,
        "ids": firm.ids,
        "situations": books.described(bills),
    }
    path: Path = options.dir / "lab.json"
    path.write_text(json.dumps(lab, indent=2, ensure_ascii=False) + "\n")
    # one file that can be copied: nothing left in the write-ahead log
    with closing(sqlite3.connect(options.dir / "db" / f"{DATABASE}.sqlite")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    main()
