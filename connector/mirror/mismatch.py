"""The balance gate: which of the product's own figures contradict each other, in words. Pure.

Only figures that the product gives are compared; one that it does not give contradicts nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from connector.mirror.questions import Line
from connector.receivables import money

Owed = Mapping[tuple[int, str], int]
"""What customers owe in all, by row id and currency, in minor units."""


def invoice_mismatches(lines: Sequence[Line], several: Set[str]) -> dict[str, str]:
    """By invoice id: the due lines do not add up to its balance, or to that of the open set.

    `lines` are all lines with a balance of the open invoices, as `Facts.lines` gives them;
    `several` are the invoices that have more than one of them.
    """
    sums: dict[str, int] = defaultdict(int)
    told = {}
    for line in lines:
        if line.ref in several:
            sums[line.ref] += line.balance
            told[line.ref] = line
        elif line.invoice_balance != line.balance or line.open_balance is not None:
            sums[line.ref] = line.balance  # the others agree, and they are nearly all
            told[line.ref] = line
    found = {}
    for ref, line in told.items():
        given = (
            ("the invoice", line.invoice_balance),
            ("the list of open items", line.open_balance),
        )
        others = [
            f"{name} says {_text(balance, line.currency)}"
            for name, balance in given
            if balance is not None and balance != sums[ref]
        ]
        if others:
            lines_say = f"the due lines add up to {_text(sums[ref], line.currency)}"
            found[ref] = ", ".join([lines_say, *others])
    return found


def in_several_lines(lines: Iterable[Line]) -> set[str]:
    """The invoices that have more than one of these lines."""
    return {ref for ref, times in Counter(line.ref for line in lines).items() if times > 1}


def customer_mismatches(owed: Owed, given: Mapping[int, Mapping[str, int]]) -> Mapping[Any, str]:
    """By customer and currency: the documents do not add up to what the product says is owed.

    `owed` is the sum of open balances less credits and unallocated money; `given` the product's own
    figures by customer.
    """
    found = {}
    for (customer, currency), amount in owed.items():
        balance = given.get(customer, {}).get(currency, amount)
        if balance != amount:
            found[customer, currency] = (
                f"the customer's open documents come to {_text(amount, currency)}, "
                f"the customer's account says {_text(balance, currency)}"
            )
    return found


def _text(amount: int, currency: str) -> str:
    return f"{money.text(amount, currency)} {currency}"
