"""What a template may speak of: the facts of one reminder, made harmless, by name."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from babel import Locale
from markupsafe import Markup

from connector.contract import Company
from connector.dunning.plan import Interest, Reminder, ReminderLine
from connector.messages import formats
from connector.messages.table import Table
from connector.messages.values import Amount, Value, clean, web_address


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceView:
    """One due line as templates see it; `instalment` is 0 where the invoice is payable at once.

    `days_late` is 0 up to and on the due date. `payment_reference` is empty where it only
    repeats the number. `previous` are the days of the messages this line has had.
    """

    number: str
    date: datetime.date
    due_date: datetime.date
    days_late: int
    amount: Amount
    paid: Amount
    balance: Amount
    total: Amount
    instalment: int
    order_ref: str
    payment_reference: str
    pay_url: str
    previous: tuple[datetime.date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditView:
    """A credit that lowers the claim; `amount` is negative."""

    document: str
    amount: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenView:
    """An open line that the message shows and does not claim."""

    number: str
    due_date: datetime.date
    balance: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyView:
    """The seller."""

    name: str
    legal_id: str
    address: str
    bank_line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactView:
    """The person at the seller's who answers."""

    name: str
    email: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerView:
    """The debtor; `contact` is the person written to, empty if not known."""

    name: str
    contact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LateView:
    """Late-payment interest; figures are None unless they are claimed and known.

    `compensation` says that the fixed sum for recovery costs applies too.
    """

    claim: bool
    interest: Amount | None
    fixed: Amount | None
    compensation: bool
    as_of: datetime.date


@dataclass(frozen=True, slots=True)
class Earlier:
    """A message sent before."""

    date: datetime.date


class Facts:
    """Makes one reminder's context, for the text or for the HTML version."""

    def __init__(self, company: Company, reminder: Reminder, locale: Locale, *, html: bool) -> None:
        self.company = company
        self.reminder = reminder
        self.locale = locale
        self.html = html

    def context(self, today: datetime.date, *, attached: bool) -> dict[str, Any]:
        """Every name that a template of this reminder may use.

        `invoice` is there only when the reminder is about a single line.
        """
        reminder = self.reminder
        invoices = tuple(self.invoice(line) for line in reminder.lines)
        days = sorted({day for line in reminder.lines for day in line.had_on})
        context: dict[str, Any] = {
            "language": reminder.language,
            "locale": self.locale,
            "currency": reminder.currency,
            "company": self._company(),
            "contact": ContactView(
                name=self._outside(self.company.contact_name),
                email=self._outside(self.company.email),
                phone=self._outside(self.company.phone),
            ),
            "customer": CustomerView(
                name=self._outside(reminder.customer_name),
                contact=self._outside(reminder.contact_name),
            ),
            "step": self._outside(reminder.step),
            "stage": str(reminder.rung.stage),
            "invoices": invoices,
            "numbers": tuple(dict.fromkeys(invoice.number for invoice in invoices)),
            "credits": self._credits(),
            "also_open": self._also_open(),
            "total_due": self._amount(reminder.claim),
            "oldest_due_date": min(line.due_on for line in reminder.lines),
            "overdue": any(invoice.days_late for invoice in invoices),
            "deadline": reminder.deadline_on,
            "previous": tuple(Earlier(day) for day in days),
            "late": self._late(reminder.interest),
            "attached": attached,
            "today": today,
            "table": self._table_maker(invoices),
        }
        if len(invoices) == 1:
            context["invoice"] = invoices[0]
        return context

    def invoice(self, line: ReminderLine) -> InvoiceView:
        """One due line."""
        in_parts = line.line > 1 or bool(line.total and line.total != line.amount)
        repeated = line.payment_reference.strip() == line.invoice.strip()
        return InvoiceView(
            number=self._outside(line.invoice),
            date=line.issued_on,
            due_date=line.due_on,
            days_late=max(line.days_past_due, 0),
            amount=self._amount(line.amount),
            paid=self._amount(max(line.amount - line.balance, 0)),
            balance=self._amount(line.asked),
            total=self._amount(line.total or line.amount),
            instalment=line.line if in_parts else 0,
            order_ref=self._outside(line.reference),
            payment_reference="" if repeated else self._outside(line.payment_reference),
            pay_url=web_address(line.pay_link),
            previous=line.had_on,
        )

    def _outside(self, value: str) -> str:
        text = clean(value)
        return Value(text) if self.html else text

    def _amount(self, minor: int) -> Amount:
        return Amount(minor, formats.money(minor, self.reminder.currency, self.locale))

    def _company(self) -> CompanyView:
        company = self.company
        return CompanyView(
            name=self._outside(company.name),
            legal_id=self._outside(company.legal_id),
            address=self._outside(", ".join(company.address.split("\n"))),
            bank_line=self._outside(", ".join(company.bank_line.split("\n"))),
        )

    def _credits(self) -> tuple[CreditView, ...]:
        return tuple(
            CreditView(document=self._outside(credit.document), amount=self._amount(-credit.amount))
            for credit in self.reminder.credits
        )

    def _also_open(self) -> tuple[OpenView, ...]:
        return tuple(
            OpenView(
                number=self._outside(line.invoice),
                due_date=line.due_on,
                balance=self._amount(line.balance),
            )
            for line in self.reminder.also_open
        )

    def _late(self, interest: Interest | None) -> LateView | None:
        if interest is None or interest.mode == "off":
            return None
        claim = interest.mode == "claim"
        known = {
            name: self._amount(amount) if claim and amount else None
            for name, amount in (("interest", interest.amount), ("fixed", interest.charges))
        }
        asked = any(line.charges != "off" for line in self.reminder.lines)
        return LateView(
            claim=claim,
            interest=known["interest"],
            fixed=known["fixed"],
            compensation=asked or bool(interest.charges),
            as_of=interest.until,
        )

    def _table_maker(
        self, invoices: tuple[InvoiceView, ...]
    ) -> Callable[[Mapping[str, str]], str | Markup]:
        def table(words: Mapping[str, str]) -> str | Markup:
            """The lines, what is taken off, and the total, under headings in these words."""
            made = self._table(invoices, words)
            return Markup(made.markdown()) if self.html else made.text()

        return table

    def _table(self, invoices: tuple[InvoiceView, ...], words: Mapping[str, str]) -> Table:
        late = any(invoice.days_late for invoice in invoices)
        rows = [
            [
                str(invoice.number)
                + (f" ({words['part']} {invoice.instalment})" if invoice.instalment else ""),
                formats.short_date(invoice.date, self.locale),
                formats.short_date(invoice.due_date, self.locale),
                *([str(invoice.days_late or "–")] if late else []),
                str(invoice.balance),
            ]
            for invoice in invoices
        ]
        empty = [""] * (3 if late else 2)
        rows += [
            [f"{words['credit']} {credit.document}", *empty, str(credit.amount)]
            for credit in self._credits()
        ]
        names = ("invoice", "issued", "due", *(("late",) if late else ()), "amount")
        total = [words["total"], *empty, str(self._amount(self.reminder.claim))]
        return Table([words[name] for name in names], rows, total, left=3)
