"""What a template may speak of: the shapes of its facts, and a check of the names it uses."""

import datetime
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from jinja2 import nodes
from jinja2.meta import find_undeclared_variables

from connector.messages.values import Amount


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
    """The seller; `country` is its ISO 3166-1 code."""

    name: str
    legal_id: str
    address: str
    bank_line: str
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactView:
    """The person at the seller's who answers."""

    name: str
    email: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerView:
    """The debtor; `contact` and `phone` are those of the person written to, empty if not known.

    `kind` is `business`, `consumer` or `public`; `language` is what they are written to in.
    """

    name: str
    contact: str
    phone: str
    kind: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RateView:
    """Some days of one line's interest with one rate, all as text to print but days and dates.

    `interest` has two decimals more than an amount, `year` is the number of days of the year.
    """

    number: str
    first: datetime.date
    last: datetime.date
    days: int
    year: int
    base: str
    rate: str
    interest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LateView:
    """Late-payment interest and the fixed sum for recovery costs, as far as they may be spoken of.

    `accrues` says that there is interest, `compensation` that there is a fixed sum. Figures are
    None unless they are claimed and known; `total` is what is asked for in all. `rate` is the
    present yearly rate as text, empty where it is not one. `law` is the code of the rules applied,
    such as `FR_B2B`, empty where none is named. `rows` is the arithmetic of `interest`.
    """

    claim: bool
    accrues: bool
    compensation: bool
    interest: Amount | None
    fixed: Amount | None
    total: Amount | None
    rate: str
    as_of: datetime.date
    law: str
    rows: tuple[RateView, ...]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A message sent before."""

    date: datetime.date


@dataclass(frozen=True, slots=True)
class PromiseView:
    """A promise that was not kept; `amount` is None where none was named."""

    date: datetime.date
    amount: Amount | None


@dataclass(frozen=True, slots=True)
class ShareView:
    """One part of a payment in instalments."""

    date: datetime.date
    amount: Amount


@dataclass(frozen=True, slots=True)
class TermsView:
    """Terms of payment in the words that were agreed on, and the invoices they hold for.

    `own` says that they were agreed with this customer; else they are the firm's.
    """

    text: str
    own: bool
    numbers: tuple[str, ...]


_ONE: Mapping[str, type[Any]] = {
    "company": CompanyView,
    "contact": ContactView,
    "customer": CustomerView,
    "invoice": InvoiceView,
    "late": LateView,
    "promise": PromiseView,
}
_MANY: Mapping[str, type[Any]] = {
    "invoices": InvoiceView,
    "credits": CreditView,
    "also_open": OpenView,
    "previous": Earlier,
    "proposal": ShareView,
    "terms": TermsView,
}
_PLAIN = frozenset(
    (
        *("again", "attached", "currency", "deadline", "greeting", "kind", "language", "legal"),
        *("locale", "numbers", "oldest_due_date", "overdue", "parts", "stage", "step", "table"),
        *("today", "total_due", "let_go"),
    )
)
_NOTE = frozenset(("channel", "line", "recipients", "template"))
_BUILT_IN = frozenset(("range", "dict", "lipsum", "cycler", "joiner", "namespace"))


def unknown(
    tree: nodes.Template, macros: Collection[str], *, note: bool = False
) -> Iterator[tuple[int, str]]:
    """(line, name) of what a template speaks of and no message has, wherever it stands.

    `macros` are the phrases of its language's parts.
    """
    known = {*_ONE, *_MANY, *_PLAIN, *_BUILT_IN, *(_NOTE if note else ())}
    names = list(tree.find_all(nodes.Name))
    its_own = {name.name for name in names if name.ctx != "load"}  # also set on one way only
    undeclared = find_undeclared_variables(tree) - known - its_own
    for name in names:
        if name.ctx == "load" and name.name in undeclared:
            yield name.lineno, name.name
    shapes = {name: {shape} for name, shape in _ONE.items()} | {"line": {InvoiceView}}
    for loop in tree.find_all(nodes.For):
        shape = _MANY.get(loop.iter.name) if isinstance(loop.iter, nodes.Name) else None
        if shape and isinstance(loop.target, nodes.Name):
            shapes.setdefault(loop.target.name, set()).add(shape)
    for step in tree.find_all(nodes.Getattr):
        owner, allowed = _owner(step.node, shapes, macros)
        if allowed is not None and step.attr not in allowed:
            yield step.lineno, f"{owner}.{step.attr}"


def _owner(
    node: nodes.Node, shapes: Mapping[str, Collection[type[Any]]], macros: Collection[str]
) -> tuple[str, Collection[str] | None]:
    """What an attribute is taken from, and which it may have; None where that cannot be told."""
    if isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.Name):
        name = node.node.name
        found: Collection[type[Any]] = {_MANY[name]} if name in _MANY else ()
    elif isinstance(node, nodes.Name):
        name, found = node.name, shapes.get(node.name, ())
        if name == "parts":
            return name, macros
    else:
        return "", None
    return name, {field.name for shape in found for field in fields(shape)} or None


def macros_of(tree: nodes.Template) -> frozenset[str]:
    """The phrases that a file of parts has."""
    return frozenset(macro.name for macro in tree.find_all(nodes.Macro))
