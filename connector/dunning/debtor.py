"""One customer who owes, and what a person must see to about them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from connector.dunning.marks import holding
from connector.dunning.policy import Policy
from connector.dunning.snapshot import Account, Case
from connector.receivables.records import Decision, Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing to see to; `invoice` is empty where it is about the customer.

    `since` is the day from which it stands, None where the facts do not tell.
    """

    code: str
    customer_id: str
    customer: str
    invoice: str = ""
    words: str
    owner: str = ""
    since: date | None = None

    def to_json(self) -> dict[str, Any]:
        """The alert as data."""
        return {
            "code": self.code,
            "customer": {"id": self.customer_id, "name": self.customer},
            "invoice": self.invoice or None,
            "words": self.words,
            "owner": self.owner or None,
            "since": self.since and self.since.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Debtor:
    """One customer with the open lines, by due date, and the policy of each."""

    account: Account
    cases: Sequence[Case]
    policies: Mapping[str, Policy]  # by case id
    currency: str  # the firm's own
    today: date

    @property
    def decisions(self) -> Iterator[Decision]:
        """Everything decided about the customer or one of the open invoices, each once."""
        yield from self.account.decisions
        seen: set[str] = set()
        for case in self.cases:
            if case.invoice_id not in seen:
                seen.add(case.invoice_id)
                yield from case.decisions

    @property
    def invoices(self) -> Iterator[Case]:
        """One line of each invoice."""
        seen: dict[str, Case] = {}
        for case in self.cases:
            seen.setdefault(case.invoice_id, case)
        yield from seen.values()

    def marked(self, *marks: Mark) -> Decision | None:
        """The mark on the customer, or on one of the open invoices, that holds today."""
        return holding(self.decisions, self.today, *marks)

    def alert(self, code: str, words: str, case: Case | None = None, **more: Any) -> Alert:
        """An alert about this customer, or about one of the invoices."""
        customer = self.account.customer
        more.setdefault("owner", customer.owner)
        return Alert(
            code=code,
            customer_id=customer.id,
            customer=customer.name,
            invoice=case.number if case else "",
            words=words,
            **more,
        )


Watch = Callable[[Debtor], Iterator[Alert]]


def about(case: Case) -> tuple[Decision, ...]:
    """What was decided about an invoice and its customer."""
    return case.decisions + case.account.decisions
