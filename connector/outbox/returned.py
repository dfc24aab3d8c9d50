"""Reminders that came back: the address is held, and a step that nobody got was not had."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from connector.dunning.marks import bounced_address
from connector.dunning.snapshot import Channel
from connector.errors import BadRecord, Rejected
from connector.mirror import tables
from connector.mirror.statements import listed, refs
from connector.mirror.tables import Origin, ReminderState
from connector.outbox.decisions import CUSTOMER, DECISION, INVOICE, add
from connector.outbox.desk import Desk, Heard
from connector.outbox.incoming import Failure, Incoming
from connector.outbox.rows import Row
from connector.outbox.sql import REMINDER, read, settle
from connector.receivables.capabilities import Traces
from connector.receivables.records import Mark

CONTACT: Table = tables.Contact.__table__  # type: ignore[attr-defined]
EVENT: Table = tables.Event.__table__  # type: ignore[attr-defined]

ASKED = timedelta(days=14)  # after a mail: the product is asked whether it arrived
UP = (ReminderState.SENT, ReminderState.UNKNOWN)


def came_back(
    connection: Connection, desk: Desk, row: Row, message: Incoming, heard: Heard
) -> None:
    """Hold the addresses that failed; the step was not had if nobody got it."""
    wrote_to = _wrote_to(connection, row, message)
    words = words_of(message.failures)
    failed = {
        address: failure.words
        for failure in message.failures
        for address in _matching(wrote_to, failure)
    }
    if not failed:
        heard.unclear[row.key] = f"{words}: about nobody we wrote to" if words else "not understood"
        note_event(connection, desk, "bounce_unclear", row, heard.unclear[row.key])
        return
    for address, why in failed.items():
        _hold(connection, desk, row, address, why, "mailbox", heard)
    if {_plain(address) for address in wrote_to} <= _failed(connection, row):
        _undo(connection, desk, row, words, heard)


def _wrote_to(connection: Connection, row: Row, message: Incoming) -> Sequence[str]:
    """Whom a reminder went to, the copy of a letter included.

    A note does not tell; then the returned headers do, else it may be any address of the customer.
    """
    return row.to or row.entry.get("copy_to") or message.to or _addresses(connection, row)


def _addresses(connection: Connection, row: Row) -> list[str]:
    """Every address of a customer: the contacts' and those given for one invoice."""
    contacts = (
        select(CONTACT.c.email)
        .join(CUSTOMER, CUSTOMER.c.id == CONTACT.c.customer_id)
        .where(CUSTOMER.c.ref == row.customer_id, CONTACT.c.email != "")
    )
    own = select(INVOICE.c.recipient).where(INVOICE.c.ref.in_(listed()), INVOICE.c.recipient != "")
    ids = {"refs": refs(line.invoice_id for line in row.lines)}
    found = [*connection.scalars(contacts), *connection.scalars(own, ids)]
    return list(dict.fromkeys(found))


def _matching(wrote_to: Sequence[str], failure: Failure) -> list[str]:
    """Our own addresses that a failure is about; a report that names none is about the only one."""
    if not failure.addresses and len(wrote_to) == 1:
        return [*wrote_to]
    named = {_plain(address) for address in failure.addresses}
    return [address for address in wrote_to if _plain(address) in named]


def _plain(address: str) -> str:
    """An address for comparison: its letters small, its domain in ASCII."""
    local, _, domain = address.strip().rpartition("@")
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode()
    return f"{local}@{domain}".lower()


def _hold(
    connection: Connection,
    desk: Desk,
    row: Row,
    address: str,
    why: str,
    author: str,
    heard: Heard,
) -> None:
    """Mark an address, once for each reminder that came back from it."""
    because = f"{address}: {why}" if why else address
    if _plain(address) not in _failed(connection, row):
        values = decision(row.customer_id, Mark.BOUNCED, desk.today, because, author, row.key)
        add(connection, values, desk.now)
        heard.held[address] = because


def _failed(connection: Connection, row: Row) -> set[str]:
    """The addresses that a reminder is known to have come back from, also those mended since."""
    query = select(DECISION.c.because).where(
        DECISION.c.customer_ref == row.customer_id,
        DECISION.c.mark == Mark.BOUNCED.value,
        DECISION.c.code == row.key,
    )
    return {_plain(bounced_address(because)) for because in connection.scalars(query)}


def _undo(connection: Connection, desk: Desk, row: Row, words: str, heard: Heard) -> None:
    """A mail that nobody got was not had. A letter was: only its copy came back."""
    if row.channel is not Channel.EMAIL or row.state not in UP:
        return
    settle(connection, row.id, ReminderState.BOUNCED, desk.now, words or "came back", was=UP)
    heard.bounced[row.key] = words or "came back"
    note_event(connection, desk, "bounced", row, words)


def ask(desk: Desk, heard: Heard) -> None:
    """Ask the product which of the mails it carried lately did not arrive.

    Of a reminder known from its note alone it is not known whom it went to: nobody is held.
    """
    if desk.can.traces is Traces.NONE or not desk.can.custom_email:
        return
    with desk.box.engine.connect() as connection:
        rows = read(
            connection,
            REMINDER.c.state == ReminderState.SENT,
            REMINDER.c.channel == Channel.EMAIL.value,
            REMINDER.c.route.in_(("api", "")),
            REMINDER.c.origin.in_((Origin.RELANCE.value, Origin.TRACE.value)),
            REMINDER.c.sent_on >= desk.today - ASKED,
        )
    ids = sorted({line.invoice_id for row in rows for line in row.lines})
    if not ids:
        return
    try:
        told = {
            trace.reminder_key: trace.undelivered
            for trace in desk.provider.traces(ids)
            if trace.reminder_key and trace.undelivered
        }
    except (Rejected, BadRecord) as error:
        heard.problem = heard.problem or f"what did not arrive cannot be asked for: {error}"
        return
    for row in rows:
        if row.key in told:
            words = " ".join(told[row.key].split())[:160]
            with desk.box.engine.begin() as connection:
                for address in row.to:
                    _hold(connection, desk, row, address, words, "accounting software", heard)
                _undo(connection, desk, row, words, heard)


def decision(
    customer: str, mark: Mark, since: date, because: str, author: str, code: str
) -> dict[str, Any]:
    return {
        "customer_ref": customer,
        "invoice_ref": None,
        "mark": mark,
        "since": since,
        "until": None,
        "amount": None,
        "because": because,
        "author": author,
        "code": code,
        "owner": "",
    }


def words_of(failures: Iterable[Failure]) -> str:
    return "; ".join(dict.fromkeys(failure.words for failure in failures if failure.words))[:200]


def note_event(connection: Connection, desk: Desk, what: str, row: Row, text: str) -> None:
    """Keep what was heard of a reminder with each of its invoices."""
    for invoice in dict.fromkeys(line.invoice_id for line in row.lines):
        connection.execute(
            insert(EVENT).values(
                at=desk.now,
                on=desk.today,
                what=what,
                customer_ref=row.customer_id,
                invoice_ref=invoice,
                text=f"{row.key}: {text}",
            )
        )
