"""The balance gate: which of the product's own figures contradict each other, in words. Pure.

Only figures that the product gives are compared; one that it does not give contradicts nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from typing import Any

from connector.mirror.questions import Lines
from connector.receivables import money

Owed = Mapping[tuple[int, str], int]
"""What customers owe in all, by row id and currency, in minor units."""


def invoice_mismatches(parts: Iterable[Lines], several: Set[str]) -> dict[str, str]:
    """By invoice id: the due lines do not add up to its balance, or to that of the open set.

    `parts` are all lines with a balance; `several` are the invoices that have more than one.
    """
    sums: dict[str, int] = defaultdict(int)
    told: dict[str, tuple[str, int | None, int | None]] = {}
    for part in parts:
        agree = part.invoice_balance == part.balance and set(part.open_balance) <= {None}
        if agree and not several:
            continue  # so do nearly all
        for ref, balance, currency, of_invoice, of_open_set in zip(
            part.ref,
            part.balance,
            part.currency,
            part.invoice_balance,
            part.open_balance,
            strict=True,
        ):
            sums[ref] += balance
            told[ref] = currency, of_invoice, of_open_set
    found = {}
    for ref, (currency, of_invoice, of_open_set) in told.items():
        given = (("the invoice", of_invoice), ("the list of open items", of_open_set))
        others = [
            f"{name} says {_text(balance, currency)}"
            for name, balance in given
            if balance is not None and balance != sums[ref]
        ]
        if others:
            lines_say = f"the due lines add up to {_text(sums[ref], currency)}"
            found[ref] = ", ".join([lines_say, *others])
    return found


def in_several_lines(parts: Iterable[Lines]) -> set[str]:
    """The invoices that have more than one of these lines."""
    refs = [ref for part in parts for ref in part.ref]
    if len(set(refs)) == len(refs):  # so it is in most books
        return set()
    return {ref for ref, times in Counter(refs).items() if times > 1}


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
