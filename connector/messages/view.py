"""What a template may speak of: the facts of one reminder, made harmless, by name."""

import datetime
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from babel import Locale
from markupsafe import Markup

from connector.contract import Company
from connector.dunning.plan import Interest, Reminder, ReminderLine, Worked
from connector.messages import formats
from connector.messages.names import (
    CompanyView,
    ContactView,
    CreditView,
    CustomerView,
    Earlier,
    InvoiceView,
    LateView,
    OpenView,
    PromiseView,
    RateView,
    ShareView,
    TermsView,
)
from connector.messages.table import Table
from connector.messages.values import Amount, Value, clean, web_address
from connector.receivables.interest import half_up

PARTS = 3  # of a payment in instalments that is proposed, a month apart
FIRST_PART = datetime.timedelta(days=14)


class Facts:
    """Makes one reminder's context, for the text or for the HTML version."""

    def __init__(
        self, company: Company, reminder: Reminder, locale: Locale, *, html: bool, terms: str = ""
    ) -> None:
        """`terms` are the firm's own, for lines without an agreement."""
        self.company = company
        self.terms = terms
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
                name=self._outside(self._who_signs()),
                email=self._outside(self.company.email),
                phone=self._outside(self.company.phone),
            ),
            "customer": CustomerView(
                name=self._outside(reminder.customer_name),
                contact=self._outside(reminder.contact_name),
                phone=self._outside(reminder.contact_phone),
                kind=str(reminder.kind),
                language=formats.language_name(reminder.language, self.locale),
            ),
            "step": self._outside(reminder.step),
            "stage": str(reminder.rung.stage),
            "again": reminder.rung.n > 1 or any(line.nth > 1 for line in reminder.lines),
            "kind": str(reminder.kind),
            "legal": reminder.legal,
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
            "promise": self._promise(),
            "terms": self._terms(),
            "let_go": tuple(
                dict.fromkeys(self._outside(line.invoice) for line in reminder.lines if line.waived)
            ),
            "proposal": self._proposal(today),
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

    def _who_signs(self) -> str:
        """Who looks after a strategic customer writes to them; else the firm's contact."""
        reminder = self.reminder
        return (reminder.owner if "strategic" in reminder.traits else "") or (
            self.company.contact_name
        )

    def _terms(self) -> tuple[TermsView, ...]:
        """The terms of payment that hold for these invoices, each with the invoices it is of."""
        found: dict[tuple[str, bool], dict[str, None]] = {}
        for line in self.reminder.lines:
            text = clean(line.terms) or self.terms
            if text:
                numbers = found.setdefault((text, bool(clean(line.terms))), {})
                numbers[line.invoice] = None
        return tuple(
            TermsView(self._outside(text), own, tuple(map(self._outside, numbers)))
            for (text, own), numbers in found.items()
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
            country=company.country,
        )

    def _promise(self) -> PromiseView | None:
        day, amount = self.reminder.promised_on, self.reminder.promised
        return PromiseView(day, self._amount(amount) if amount else None) if day else None

    def _proposal(self, today: datetime.date) -> tuple[ShareView, ...]:
        """The claim in equal parts, one a month; what does not divide is in the first."""
        first = self.reminder.deadline_on or today + FIRST_PART
        share, rest = divmod(self.reminder.claim, PARTS)
        return tuple(
            ShareView(_months_after(first, n), self._amount(share + (0 if n else rest)))
            for n in range(PARTS)
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
        """What may be said of interest; a letter the law asks for names its costs to the cent."""
        if interest is None or interest.mode == "off":
            return None
        claim = interest.mode == "claim"
        known = {
            name: self._amount(amount) if (claim or self.reminder.legal) and amount else None
            for name, amount in (("interest", interest.amount), ("fixed", interest.charges))
        }
        lines = self.reminder.lines
        more = sum(amount for amount in known.values() if amount)
        return LateView(
            claim=claim,
            accrues=any(line.interest != "off" for line in lines) or bool(interest.amount),
            compensation=any(line.charges != "off" for line in lines) or bool(interest.charges),
            interest=known["interest"],
            fixed=known["fixed"],
            total=self._amount(self.reminder.claim + more) if claim and more else None,
            rate=self._rate(interest.schedule),
            as_of=interest.until,
            law=interest.regime,
            rows=tuple(self._rows(interest.schedule)) if claim and known["interest"] else (),
        )

    def _rate(self, schedule: Sequence[Worked]) -> str:
        rates = {
            worked.statement.segments[-1].rate for worked in schedule if worked.statement.segments
        }
        return formats.percent(rates.pop(), self.locale) if len(rates) == 1 else ""

    def _rows(self, schedule: Sequence[Worked]) -> Iterator[RateView]:
        for worked in schedule:
            for part in worked.statement.segments:
                yield RateView(
                    number=self._outside(worked.invoice),
                    first=part.first,
                    last=part.last,
                    days=part.days,
                    year=part.basis,
                    base=str(self._amount(half_up(part.base))),
                    rate=formats.percent(part.rate, self.locale),
                    interest=formats.exact(part.interest, self.reminder.currency, self.locale),
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


def _months_after(day: datetime.date, months: int) -> datetime.date:
    """The same day of a later month, or its last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return datetime.date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
