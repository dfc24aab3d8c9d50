"""What the core asks of a provider: reads that yield records, two verbs out, and traces back."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote, unquote

from connector.errors import BadRecord
from connector.receivables.capabilities import Capabilities, Limits
from connector.receivables.records import (
    CreditNote,
    Customer,
    Invoice,
    Message,
    Payment,
    Record,
)

Cursor = str
"""Where a stream was left: opaque to the core, made of the rows' own stamps, kept as text."""


class Kind(StrEnum):
    """The streams a provider can tell changes of."""

    CUSTOMERS = "customers"
    INVOICES = "invoices"  # credit notes too, where the product keeps both in one list
    CREDIT_NOTES = "credit_notes"
    PAYMENTS = "payments"
    HISTORY = "history"  # reminders sent before Relance, where the product has such a list


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Records, those that could not be read, and the cursor to commit with them.

    `total` is the number of records in the whole read where the product says, for progress.
    """

    records: tuple[Record, ...]
    bad: tuple[BadRecord, ...] = ()
    cursor: Cursor
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """A document open now; `balance` in minor units, negative for a credit note.

    Ids are unique across invoices and credit notes of one provider.
    """

    id: str
    balance: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One customer, fresh: open invoices, open credit notes, payments that are pending or have an
    unallocated rest. Holds travel as the `decisions` of customer and invoices."""

    customer: Customer
    invoices: tuple[Invoice, ...] = ()
    credit_notes: tuple[CreditNote, ...] = ()
    payments: tuple[Payment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """The firm as its accounting software knows it.

    `as_of` is the instant the data speak of where they are an export (None: live). `today` is
    set by a ledger with a fixed day of its own, such as the sample.
    """

    ledger_id: str  # tryton:<database>:<company id>: never from configuration or host
    name: str
    country: str
    timezone: str
    currency: str
    legal_id: str = ""
    address: str = ""
    bank_line: str = ""  # how to pay, as printed on the invoices
    contact_name: str = ""
    email: str = ""
    phone: str = ""
    as_of: datetime | None = None
    today: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the product answered to a write; `id` may be empty where it gives none."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One of our own writes, read back from the product.

    A note of a reminder has `line_key`, `stage`, `n`, `nth`, and where it has them the printed
    `deadline_on`, the `legal` duty it answered for and its `channel` (empty: e-mail); a mail only
    `reminder_key`; a note of a human decision `mark` with `line` (`*` for the whole invoice),
    `until`, `amount` as written, `since` if not `on`, and whether it is about the `whole` customer.
    A decision taken back leaves a trace of the same mark whose `until` is the day before `on`.
    `undelivered` is why a mail did not arrive, in the product's words, where it tells.
    """

    invoice_id: str
    on: date
    line_key: str = ""
    reminder_key: str = ""
    stage: str = ""
    n: str = "1"
    nth: int = 1
    deadline_on: date | None = None
    legal: str = ""
    channel: str = ""
    mark: str = ""
    line: str = "*"
    until: date | None = None
    amount: str = ""
    since: date | None = None
    code: str = ""
    owner: str = ""
    whole: bool = False
    made_at: datetime | None = None
    words: str = field(default="", compare=False)
    installation: str = ""
    undelivered: str = field(default="", compare=False)

    def text(self) -> str:
        """The first line of a note: ASCII, short, read back by `trace_of`."""
        fields: dict[str, object]
        if self.mark:
            fields = {"M": self.mark, "L": self.line, "U": self.until or "", "A": self.amount}
        else:
            step = f"{self.stage}.{self.n}"
            fields = {"K": self.line_key, "R": self.reminder_key, "S": step, "N": self.nth}
            if self.deadline_on:
                fields["P"] = self.deadline_on
            if self.legal:
                fields["G"] = self.legal
        fields |= {"D": self.on, "I": self.installation}
        instant = self.made_at and self.made_at.astimezone(UTC).isoformat(timespec="milliseconds")
        more = {
            "H": self.channel,
            "F": self.since if self.since != self.on else None,
            "C": quote(self.code, safe=""),
            "O": quote(self.owner, safe=""),
            "W": self.whole and "customer",
            "T": instant and instant.replace("+00:00", "Z"),
        }
        fields |= {name: value for name, value in more.items() if value}
        return "relance/1 " + " ".join(f"{name}={value}" for name, value in fields.items())


_TRACE = re.compile(r"relance/1((?:\s+[A-Z]=\S*)+)")
_REFERENCE = re.compile(r"\bRef\. ([0-9a-f]{20})\b")


def trace_of(text: str, invoice_id: str) -> Trace | None:
    """The trace at the head of a note, None if the text is not one of ours.

    Text from outside is taken as it is found: a field that does not read makes it no trace.
    """
    match = _TRACE.search(text)
    if not match:
        return None
    fields = dict(pair.split("=", 1) for pair in match[1].split())
    try:
        on = date.fromisoformat(fields["D"])
        if "M" in fields:
            return _decided(fields, on, invoice_id, text[match.end() :].strip())
        stage, _, n = fields["S"].partition(".")
        deadline = fields.get("P")
        return Trace(
            invoice_id=invoice_id,
            on=on,
            line_key=fields["K"],
            reminder_key=fields.get("R", ""),
            stage=stage,
            n=n,
            nth=int(fields.get("N", "1")),
            deadline_on=date.fromisoformat(deadline) if deadline else None,
            legal=fields.get("G", ""),
            channel=fields.get("H", ""),
            installation=fields.get("I", ""),
        )
    except (KeyError, ValueError):
        return None


def _decided(fields: Mapping[str, str], on: date, invoice_id: str, words: str) -> Trace:
    """The trace of a human decision.

    Raises:
        KeyError, ValueError: a field is missing or does not read.
    """
    until, since, made_at = (fields.get(name) for name in "UFT")
    return Trace(
        invoice_id=invoice_id,
        on=on,
        mark=fields["M"],
        line=fields.get("L", "*"),
        until=date.fromisoformat(until) if until else None,
        amount=fields.get("A", ""),
        since=date.fromisoformat(since) if since else None,
        code=unquote(fields.get("C", "")),
        owner=unquote(fields.get("O", "")),
        whole="W" in fields,
        made_at=datetime.fromisoformat(made_at).astimezone(UTC) if made_at else None,
        words=words,
        installation=fields.get("I", ""),
    )


def reference_of(text: str) -> str:
    """The reminder key that a mail of ours carries as `Ref. <key>`, empty if none."""
    match = _REFERENCE.search(text)
    return match[1] if match else ""


class TokenStore(Protocol):
    """Where sign-in tokens live; a rotated one is written back at once."""

    def read(self, name: str) -> str | None: ...

    def write(self, name: str, value: str) -> None: ...


class Meter(Protocol):
    """Keeps the calls to one firm's books within `ProviderSpec.limits`, across processes."""

    def call(self) -> AbstractContextManager[None]:
        """The place of one call, waited for a minute at most.

        Raises:
            Transient: no call before its `retry_at`.
        """

    def left(self, calls: int) -> None:
        """The product's own word on how many calls are left of the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One right or setting in the product that matters, as `relance init` and `doctor` show it.

    `what` names it in the product's own words; `mend` says how to give what is missing. Without a
    `needed` one Relance cannot work; without another it can do less, as `mend` says.
    """

    what: str
    fine: bool
    mend: str = ""
    needed: bool = True


class Provider(Protocol):
    """One connection to one firm's books. Reads may be repeated; a write is called once.

    Raises, from every method: `AuthRequired`, `Transient`, `Rejected`, `ConfigError` (wrong
    address or database); from the writes also `OutcomeUnknown`; from an undeclared verb
    `Unsupported`.
    """

    def company(self) -> Company: ...

    def probe(self) -> Capabilities:
        """What this server lets this user do: at most `SPEC.can`."""

    def examine(self) -> Iterator[Finding]:
        """Every right and setting that matters, one by one, asked without writing anything."""

    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        """Everything of a kind changed since, pages in order; the last cursor ends the read."""

    def open_items(self) -> Iterator[OpenItem]:
        """The present open set."""

    def invoices(self, ids: Sequence[str]) -> Iterator[Invoice | CreditNote]:
        """These documents, fresh; one that is not found is left out."""

    def account(self, customer_id: str) -> Account:
        """One customer, fresh."""

    def pdf(self, invoice_id: str) -> bytes: ...

    def note(self, invoice_id: str, text: str, *, key: str) -> Receipt: ...

    def email(self, message: Message, *, key: str) -> Receipt: ...

    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        """Our own notes and mails on these invoices, batched."""

    def close(self) -> None:
        """End the session; never raises for a server that is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One `RELANCE_<PROVIDER>_<NAME>` option; `name` is in capitals, such as URL.

    A `path` is given relative to the configuration file and arrives absolute.
    """

    name: str
    help: str
    required: bool = True
    secret: bool = False
    path: bool = False
    default: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """What the registry knows of a product before any connection is made.

    `check` names what is wrong with the settings, all of it, without a connection, and passes over
    a required one that is absent: the registry tells those. `open` makes the provider from
    settings that passed. Settings arrive by their short names, secrets resolved.
    """

    name: str
    title: str
    can: Capabilities
    kinds: tuple[Kind, ...]
    settings: tuple[Setting, ...]
    open: Callable[[Mapping[str, str], TokenStore, Meter], Provider]
    check: Callable[[Mapping[str, str]], Sequence[str]] = field(default=lambda settings: ())
    limits: Limits = field(default_factory=Limits)
