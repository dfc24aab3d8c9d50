"""Mails as Tryton takes them, and what it kept of ours: notes and mails on invoices."""

import re
from collections.abc import Iterable, Iterator, Sequence
from email.utils import formataddr, getaddresses, parseaddr
from zoneinfo import ZoneInfo

from connector.contract import Trace, reference_of, trace_of
from connector.errors import Rejected
from providers.tryton.ledger import MODEL
from providers.tryton.links import Link
from providers.tryton.wire import Instant, Row

BATCH = 100  # invoices whose notes and mails are asked for in one call

ADDRESS = re.compile(r"[^\s@,;:<>()\"\\]+@[^\s@,;:<>()\"\\]+")


def addresses(recipients: Iterable[str]) -> str:
    """One header value of recipients such as `Name <a@b.example>`, names encoded, all ASCII.

    Raises:
        Rejected: one of them is no single address.
    """
    return ", ".join(_address(recipient) for recipient in recipients)


def _address(recipient: str) -> str:
    name, address = parseaddr(recipient)
    problem = Rejected(
        f"tryton: {recipient!r} is not an e-mail address: correct it at the customer"
    )
    if not recipient.isprintable() or not ADDRESS.fullmatch(address):
        raise problem
    local, _, domain = address.partition("@")
    try:
        header = formataddr((name, f"{local}@{domain.encode('idna').decode()}"), "utf-8")
    except UnicodeError:
        raise problem from None
    if len(getaddresses([header])) != 1 or len(getaddresses([recipient])) != 1:
        raise problem
    return header


def one_line(subject: str) -> str:
    """The subject on one line: a line end would begin another header."""
    return " ".join(subject.split())


def body_of(html: str, key: str) -> str:
    """What stands inside a page's `body`, with its styles: Tryton puts a page around it.

    It carries `Ref. <key>`, by which the mail is found again.
    """
    inside = re.search(r"<body[^>]*>(.*)</body>", html, re.DOTALL | re.IGNORECASE)
    styles = re.findall(r"<style.*?</style>", html, re.DOTALL | re.IGNORECASE) if inside else []
    body = "".join(styles) + (inside[1] if inside else html)
    return body if reference_of(body) == key else f"{body}<p>Ref. {key}</p>"


class Note(Row):
    """Text that somebody put on a record."""

    resource: str
    message: str | None = None


class Mail(Row):
    """A mail that the server sent about a record."""

    resource: str
    subject: str | None = None
    body: str | None = None
    create_date: Instant  # always there


def traces(link: Link, numbers: Sequence[str], zone: ZoneInfo) -> Iterator[Trace]:
    """Our notes and mails on these invoices; days are those of the firm's zone.

    Ordinary users must name the records, and one that is not there fails the whole search.
    """
    for start in range(0, len(numbers), BATCH):
        asked = ["id", "in", [int(number) for number in numbers[start : start + BATCH]]]
        there = link.sheet(MODEL, Row, [asked], ["id"]).ids
        on = ["resource", "in", [f"{MODEL},{number}" for number in there]]
        ours: list[object] = [on, ["message", "ilike", "%relance/1 %"]]
        for note in link.sheet("ir.note", Note, ours, ["resource", "message"]).rows:
            if trace := trace_of(note.message or "", note.resource.partition(",")[2]):
                yield trace
        ours = [on, ["OR", ["subject", "ilike", "%Ref. %"], ["body", "ilike", "%Ref. %"]]]
        fields = ["resource", "subject", "body", "create_date"]
        for mail in link.sheet("ir.email", Mail, ours, fields).rows:
            if key := reference_of(f"{mail.subject} {mail.body}"):
                yield Trace(
                    invoice_id=mail.resource.partition(",")[2],
                    on=mail.create_date.astimezone(zone).date(),
                    reminder_key=key,
                )
