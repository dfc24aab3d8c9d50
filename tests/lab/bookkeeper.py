"""What an accountant does in Tryton, as one call each."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any, Literal, TypedDict, cast

Term = Literal["30 days", "60 days", "instalments"]
Execute = Callable[[dict[str, Any], str], dict[str, Any]]


class SentEmail(TypedDict):
    """A mail that Tryton recorded on an invoice."""

    subject: str
    recipients: str
    body: str
    message_id: str


class Bookkeeper(ABC):
    """The administrator at work: amounts are in major units of the invoice's currency.

    Where a date may be left out, it is the `today` that the ledger was built for.
    """

    def __init__(self, ids: dict[str, Any], today: date) -> None:
        self._ids = ids
        self.today = today
        self.company_id: int = ids["company"]
        self._numbers = count(1)
        self.report_id: int = ids["report"]  # the invoice document, an ir.action.report

    @abstractmethod
    def rpc(self, method: str, *params: object, **context: object) -> Any:
        """Call a method; keywords go into its context."""

    def post_invoice(
        self,
        party_id: int,
        amount: Decimal,
        issued_on: date,
        term: Term = "30 days",
        *,
        currency: str = "EUR",
    ) -> int:
        """Return a new posted invoice over `amount`, free of tax; a negative one is a credit note.

        It may be issued on any day since the start of the year before last.
        """
        known = self._ids
        shared = {"company": self.company_id, "currency": known["currencies"][currency]}
        line = shared | {"type": "line", "description": "Prestation", "quantity": 1}
        line |= {"unit_price": amount, "account": known["revenue"]}
        invoice = shared | {"type": "out", "party": party_id, "invoice_date": issued_on}
        invoice |= {"account": known["receivable"], "journal": known["sales_journal"]}
        invoice |= {"payment_term": known["terms"][term], "lines": [("create", [line])]}
        invoice["invoice_address"] = self._ids_of("party.address", ["party", "=", party_id])[0]
        self._begin_numbers("invoice" if amount >= 0 else "credit_note", issued_on)
        ids = self.rpc("model.account.invoice.create", [invoice])
        self.rpc("model.account.invoice.post", ids)
        return int(ids[0])

    def pay(self, invoice_id: int, amount: Decimal | None = None, on: date | None = None) -> None:
        """Record a payment of the invoice, of all that is open or of `amount`."""
        invoice = self._read("account.invoice", invoice_id, "party", "currency", "amount_to_pay")
        start = {
            "payee": invoice["party"],
            "amount": invoice["amount_to_pay"] if amount is None else amount,
            "currency": invoice["currency"],
            "company": self.company_id,
            "payment_method": self._ids["payment_method"],
            "date": on or self.today,
            "description": "Virement",
        }
        with self._wizard("account.invoice.pay", "account.invoice", [invoice_id]) as execute:
            view = execute({"start": start}, "choice").get("view")
            if view:  # less than a whole instalment, or too much: Tryton asks which
                given = {name: value for name, value in view["defaults"].items() if "." not in name}
                execute({"ask": given}, "pay")

    def pay_on_account(self, party_id: int, amount: Decimal, on: date | None = None) -> int:
        """Book the customer's money without an invoice; return its receivable line."""
        on = on or self.today
        period = self._ids_of("account.period", ["start_date", "<=", on], ["end_date", ">=", on])
        receivable = {"account": self._ids["receivable"], "party": party_id, "credit": amount}
        lines = [{"account": self._ids["cash"], "debit": amount}, receivable]
        values = {"company": self.company_id, "journal": self._ids["cash_journal"], "date": on}
        values |= {"period": period[0], "lines": [("create", lines)]}
        moves = self.rpc("model.account.move.create", [values])
        self.rpc("model.account.move.post", moves)
        return self._ids_of("account.move.line", ["move", "in", moves], ["party", "!=", None])[0]

    def credit(self, invoice_id: int, on: date | None = None) -> int:
        """Return a posted credit note over the whole invoice, allocated to nothing."""
        note = self._credit(invoice_id, on, with_refund=False)
        self.rpc("model.account.invoice.post", [note])
        return note

    def credit_with_refund(self, invoice_id: int, on: date | None = None) -> int:
        """Return the credit note that settles the whole invoice, which ends cancelled."""
        return self._credit(invoice_id, on, with_refund=True)

    def _credit(self, invoice_id: int, on: date | None, *, with_refund: bool) -> int:
        self._begin_numbers("credit_note", on or self.today)
        start = {"invoice_date": on or self.today, "with_refund": with_refund}
        with self._wizard("account.invoice.credit", "account.invoice", [invoice_id]) as execute:
            _, data = execute({"start": start}, "credit")["actions"][0]
        return int(data["res_id"][0])

    def unreconcile(self, invoice_id: int) -> None:
        """Undo what settled the invoice: it is posted again, and the money stays attached to it.

        So Tryton still says that nothing is to pay; see `cancel_payments`.
        """
        lines = self._lines_to_pay(invoice_id, ["reconciliation", "!=", None])
        rows = self.rpc("model.account.move.line.read", lines, ["reconciliation"])
        done = sorted({row["reconciliation"] for row in rows})
        self.rpc("model.account.move.reconciliation.delete", done)

    def cancel_payments(self, invoice_id: int) -> None:
        """Undo all payments of the invoice, as when a cheque bounced: it is owed again."""
        self.unreconcile(invoice_id)
        lines = self._read("account.invoice", invoice_id, "payment_lines")["payment_lines"]
        rows = self.rpc("model.account.move.line.read", lines, ["move"])
        moves = sorted({row["move"] for row in rows})
        with self._wizard("account.move.cancel", "account.move", moves) as execute:
            execute({"default": {"description": "Impayé"}}, "cancel")

    def move_due_date(self, invoice_id: int, on: date) -> None:
        """Give all open instalments of the invoice this due date."""
        lines = self._lines_to_pay(invoice_id, ["reconciliation", "=", None])
        self.rpc("model.account.move.line.write", lines, {"maturity_date": on})

    def set_email(self, party_id: int, address: str | None) -> None:
        """Make this the customer's only e-mail address; None leaves none."""
        mine = [["party", "=", party_id], ["type", "=", "email"]]
        model = "model.party.contact_mechanism"
        self.rpc(f"{model}.delete", self._ids_of("party.contact_mechanism", *mine))
        if address is not None:
            values = {"party": party_id, "type": "email", "value": address}
            self.rpc(f"{model}.create", [values])

    def add_note(self, invoice_id: int, text: str) -> int:
        """Return a new note on the invoice."""
        values = {"resource": f"account.invoice,{invoice_id}", "message": text}
        (note,) = self.rpc("model.ir.note.create", [values])
        return int(note)

    def notes(self, invoice_id: int) -> list[str]:
        """Return the texts of the invoice's notes, oldest first."""
        rows = self._attached("ir.note", invoice_id, "message")
        return [row["message"] for row in rows]

    def emails(self, invoice_id: int) -> list[SentEmail]:
        """Return the mails recorded on the invoice, oldest first."""
        names = list(SentEmail.__annotations__)
        rows = self._attached("ir.email", invoice_id, *names)
        return [cast(SentEmail, {name: row[name] for name in names}) for row in rows]

    def _begin_numbers(self, kind: Literal["invoice", "credit_note"], on: date) -> None:
        """Begin a sequence for the next document: within one, Tryton's numbers follow the dates."""
        prefix = f"{'F' if kind == 'invoice' else 'A'}{on.year}-T"
        values = {"name": prefix, "prefix": prefix, "padding": 4, "company": self.company_id}
        values |= {"number_next": next(self._numbers), "sequence_type": self._ids["numbering"]}
        (sequence,) = self.rpc("model.ir.sequence.strict.create", [values])
        year = self._ids["years"][str(on.year)]
        model = "model.account.fiscalyear.invoice_sequence"
        self.rpc(f"{model}.write", [year], {f"out_{kind}_sequence": sequence})

    def _attached(self, model: str, invoice_id: int, *names: str) -> list[dict[str, Any]]:
        domain = [["resource", "=", f"account.invoice,{invoice_id}"]]
        rows = self.rpc(f"model.{model}.search_read", domain, 0, None, [["id", "ASC"]], [*names])
        return list(rows)

    def _lines_to_pay(self, invoice_id: int, *domain: object) -> list[int]:
        lines = self._read("account.invoice", invoice_id, "lines_to_pay")["lines_to_pay"]
        return self._ids_of("account.move.line", ["id", "in", lines], *domain)

    def _ids_of(self, model: str, *domain: object) -> list[int]:
        ids = self.rpc(f"model.{model}.search", [*domain], 0, None, [["id", "ASC"]])
        return list(ids)

    def _read(self, model: str, number: int, *names: str) -> dict[str, Any]:
        (row,) = self.rpc(f"model.{model}.read", [number], [*names])
        return dict(row)

    @contextmanager
    def _wizard(self, name: str, model: str, ids: list[int]) -> Iterator[Execute]:
        """Open a wizard on records: call what is given with the values of its form and a button."""
        wizard = f"wizard.{name}"
        context = {"active_model": model, "active_id": ids[0], "active_ids": ids}
        session, _, _ = self.rpc(f"{wizard}.create", **context)

        def execute(values: dict[str, Any], button: str) -> dict[str, Any]:
            return dict(self.rpc(f"{wizard}.execute", session, values, button, **context))

        yield execute
        self.rpc(f"{wizard}.delete", session)
