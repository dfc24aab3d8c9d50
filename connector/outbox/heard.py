"""What is heard of reminders that went: they came back, they are late, or somebody answered.

Each thing heard is written down once, however often it is heard: a hold on an address is known by
the reminder that came back, an answer by its message, also in the notes that a lost database is
rebuilt from.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from connector.dunning.snapshot import Channel
from connector.errors import BadRecord, KeptForSending, Rejected
from connector.mirror import tables
from connector.mirror.state import State
from connector.mirror.statements import listed, refs
from connector.mirror.tables import ReminderState
from connector.outbox.decisions import CUSTOMER, DECISION, INVOICE, add
from connector.outbox.desk import Desk, Heard
from connector.outbox.inbox import Inbox, Place
from connector.outbox.incoming import Incoming, What
from connector.outbox.returned import CONTACT, UP, ask, came_back, decision, note_event, words_of
from connector.outbox.rows import Row
from connector.outbox.sql import REMINDER, read, settle
from connector.receivables.capabilities import Traces
from connector.receivables.records import DocumentState, Mark

DUE_LINE: Table = tables.DueLine.__table__  # type: ignore[attr-defined]
MAILBOX: Table = tables.Mailbox.__table__  # type: ignore[attr-defined]

FIRST = timedelta(days=30)  # how far back a mailbox is read that was not read before
UNNAMED = timedelta(days=14)  # after a reminder: mail from whom it went to counts as an answer
_WENT = (ReminderState.SENT, ReminderState.UNKNOWN, ReminderState.BOUNCED)
_BY_MAIL = (Channel.EMAIL.value, Channel.LETTER.value)  # of a letter its copy


@dataclass(frozen=True, slots=True, kw_only=True)
class Listened:
    """A folder of the mailbox, when it was last read whole, and why not since; aware UTC."""

    name: str
    read_at: datetime | None
    problem: str


def listened(state: State, name: str) -> Listened | None:
    """How it stands with a folder, None before it was first tried."""
    with state.outbox.connect() as connection:
        row = connection.execute(select(MAILBOX).where(MAILBOX.c.name == name)).first()
    return Listened(name=name, read_at=row.read_at, problem=row.problem) if row else None


def hear(desk: Desk, inbox: Inbox | None) -> Heard:
    """Read the mailbox, ask the product, and write down what it means for each customer.

    A mailbox that cannot be read is told and stops nothing.

    Raises:
        Transient, AuthRequired: the books cannot be reached; nothing is lost.
    """
    heard = Heard()
    try:
        if inbox:
            _listen(desk, inbox, heard)
        ask(desk, heard)
    except KeptForSending as error:  # the next run reads from the same place
        heard.problem = str(error)
    return heard


def _listen(desk: Desk, inbox: Inbox, heard: Heard) -> None:
    with desk.box.engine.connect() as connection:
        row = connection.execute(select(MAILBOX).where(MAILBOX.c.name == inbox.name)).first()
    place = Place(row.validity, row.uid) if row else Place()
    reading = inbox.read(place, desk.today - FIRST)
    messages = [message for _, message in reading.messages]
    forgotten = _recall(desk, messages, first=not (row and row.read_at))
    for uid, message in reading.messages:
        with desk.box.engine.begin() as connection:
            if _take_in(connection, desk, message, heard):
                _keep(connection, inbox.name, Place(reading.place.validity, uid))
    heard.problem = reading.problem or forgotten
    with desk.box.engine.begin() as connection:
        values = {"problem": reading.problem}
        if not reading.problem:
            values["read_at"] = desk.now  # type: ignore[assignment]
        _keep(connection, inbox.name, reading.place, **values)


def _keep(connection: Connection, name: str, place: Place, **values: Any) -> None:
    values |= {"validity": place.validity, "uid": place.uid}
    row = upsert(MAILBOX).values({"name": name, "problem": "", **values})
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_=values))


def _recall(desk: Desk, messages: Sequence[Incoming], *, first: bool) -> str:
    """Read our traces back where a message names a reminder that this database has forgotten.

    Of a mailbox never read before, those on all open invoices; else only those of the customers
    whose addresses the message names, for anybody may invent a key. Why not, or empty.
    """
    unknown = _unknown(desk, messages)
    if not unknown or desk.can.traces is Traces.NONE:
        return ""
    query = select(INVOICE.c.ref).where(INVOICE.c.state == DocumentState.OPEN.value)
    named = {address for message in unknown for address in _addresses(message)}
    if not first:
        mine = select(CONTACT.c.customer_id).where(func.lower(CONTACT.c.email).in_(listed()))
        query = query.where(INVOICE.c.customer_id.in_(mine))
    with desk.box.engine.connect() as connection:
        given = {} if first else {"refs": refs(named)}
        ids = sorted(connection.scalars(query, given))
    try:
        traces = list(desk.provider.traces(ids)) if ids else []
    except (Rejected, BadRecord) as error:
        return f"reminders that mail names cannot be looked up: {error}"
    desk.mirror.traced(traces, today=desk.today, now=desk.now)
    return ""


def _unknown(desk: Desk, messages: Sequence[Incoming]) -> list[Incoming]:
    keys = {key for message in messages for key in message.keys}
    query = select(REMINDER.c.key).where(REMINDER.c.key.in_(listed()))
    with desk.box.engine.connect() as connection:
        known = set(connection.scalars(query, {"refs": refs(keys)}))
    return [message for message in messages if not known.issuperset(message.keys)]


def _addresses(message: Incoming) -> list[str]:
    found = [message.sender, *message.to]
    found += [address for failure in message.failures for address in failure.addresses]
    return [address.lower() for address in found if address]


def _take_in(connection: Connection, desk: Desk, message: Incoming, heard: Heard) -> bool:
    """Write down what a message means; whether it meant anything."""
    rows = _named(connection, message.keys)
    if message.what is What.WRITTEN:
        return _answer(connection, desk, message, rows, heard)
    for row in rows:
        if message.what is What.DELAYED:
            words = words_of(message.failures) or "the mail server goes on trying"
            heard.delayed[row.key] = words
            note_event(connection, desk, "delayed", row, words)
        else:
            came_back(connection, desk, row, message, heard)
    return bool(rows)


def _named(connection: Connection, keys: Collection[str]) -> list[Row]:
    """The reminders of these keys that went, or may have; of twins the latest."""
    if not keys:
        return []
    went = REMINDER.c.state.in_(_WENT) & REMINDER.c.channel.in_(_BY_MAIL)
    return list({row.key: row for row in read(connection, REMINDER.c.key.in_(keys), went)}.values())


def _answer(
    connection: Connection, desk: Desk, message: Incoming, rows: Sequence[Row], heard: Heard
) -> bool:
    """Mark the customers who answered, while anything of theirs is open; an answer is one once."""
    arrived = message.at or desk.now
    who = {row.customer_id: row.customer_name for row in rows}
    for row in rows:
        if row.state is ReminderState.UNKNOWN:  # who answers has had it
            day = {"sent_on": row.planned_on or desk.today, "sent_at": desk.now}
            settle(connection, row.id, ReminderState.SENT, desk.now, "", was=UP, **day)
    if not who:
        who = _correspondent(connection, message.sender, arrived)
    since = min(arrived.astimezone(desk.zone).date(), desk.today)
    because = f"{message.sender} on {since}: {message.subject or 'no subject'}"
    for customer, name in who.items():
        if not _owes(connection, customer) or _answered(connection, customer, message, bool(rows)):
            continue
        values = decision(customer, Mark.REPLY, since, because, "mailbox", message.id)
        add(connection, values, desk.now)
        heard.answered[name or customer] = because
    return bool(who)


def _correspondent(connection: Connection, sender: str, arrived: datetime) -> dict[str, str]:
    """The one customer whose reminder went to this address shortly before, empty for several."""
    lately = read(
        connection,
        REMINDER.c.state.in_(_WENT),
        REMINDER.c.channel == Channel.EMAIL.value,
        REMINDER.c.sent_at.between(arrived - UNNAMED, arrived),
        func.lower(REMINDER.c.recipients).contains(f'"{sender}"', autoescape=True),
    )
    found = {row.customer_id: row.customer_name for row in lately}
    return found if len(found) == 1 else {}


def _owes(connection: Connection, customer: str) -> bool:
    """Whether anything of a customer's is open; who owes nothing is not reminded of anything."""
    query = (
        select(DUE_LINE.c.id)
        .join(INVOICE, INVOICE.c.id == DUE_LINE.c.invoice_id)
        .join(CUSTOMER, CUSTOMER.c.id == INVOICE.c.customer_id)
        .where(CUSTOMER.c.ref == customer, INVOICE.c.state == DocumentState.OPEN.value)
        .where(DUE_LINE.c.balance > 0)
    )
    return connection.execute(query.limit(1)).first() is not None


def _answered(connection: Connection, customer: str, message: Incoming, names_ours: bool) -> bool:
    """Whether this answer is known, or nothing is added by one more that names no reminder."""
    query = select(DECISION.c.id).where(
        DECISION.c.customer_ref == customer, DECISION.c.mark == Mark.REPLY.value
    )
    same = DECISION.c.code == message.id
    waits = same if names_ours else same | DECISION.c.ended_on.is_(None)
    return connection.execute(query.where(waits).limit(1)).first() is not None
