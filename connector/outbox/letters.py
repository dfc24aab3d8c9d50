"""Letters: printed by a person, posted by a person, and only then had; the copy goes after."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import select, update

from connector.contract import Company
from connector.dunning.decide import look
from connector.dunning.snapshot import Channel
from connector.errors import (
    AuthRequired,
    BadRecord,
    ConfigError,
    OutcomeUnknown,
    Rejected,
    Transient,
)
from connector.messages.letter import Letter, letter_name, letter_pdf
from connector.mirror.snapshot import read
from connector.mirror.tables import ReminderState
from connector.outbox.deliver import still_true
from connector.outbox.desk import Delivered, Desk
from connector.outbox.notes import write_missing_notes
from connector.outbox.queue import Outbox
from connector.outbox.rows import Row
from connector.outbox.sql import REMINDER
from connector.receivables import calendar

FRESH = 2  # business days, Monday to Friday, between the printed date and the post box


@dataclass(slots=True)
class Posting(Delivered):
    """What became of letters, by key; `copies` says of each posted one what its copy did."""

    copies: dict[str, str] = field(default_factory=dict)


def queue(box: Outbox) -> list[Row]:
    """The letters that nobody has posted yet, oldest first."""
    return [row for row in box.rows(ReminderState.PLANNED) if row.channel is Channel.LETTER]


def outdated(row: Row, on: date) -> bool:
    """Whether a letter is dated more than two business days before a day."""
    return row.planned_on is not None and on > calendar.after(row.planned_on, FRESH, ())


def printed_on(row: Row) -> date | None:
    """The day on which the letter was last written into a file."""
    told = row.entry.get("printed_on")
    return date.fromisoformat(told) if told else None


def pdf_of(row: Row, company: Company) -> tuple[str, bytes]:
    """File name and content of a letter.

    Raises:
        ConfigError: its page has no words in its language.
    """
    letter = Letter.model_validate(row.entry["letter"])
    name = letter_name(row.key, row.customer_name)
    return name, letter_pdf(letter, company, row.subject, row.text)


def withdraw_letters(desk: Desk, done: Delivered) -> None:
    """Withdraw letters that are dated too long ago or no longer true; they are planned anew.

    One that was printed is left to the person who holds it: it may be in the post.
    """
    waiting = (ReminderState.PLANNED, ReminderState.PROPOSED)
    for row in desk.box.rows(*waiting):
        mine = row.state is ReminderState.PLANNED or row.edited
        if row.channel is not Channel.LETTER or not mine or printed_on(row):
            continue
        if outdated(row, desk.today):
            because = f"dated {row.planned_on} and not posted: written anew"
        else:
            facts = read(
                desk.mirror, desk.day, desk.today, customer_id=row.customer_id, without=row.id
            )
            because = look(facts, desk.policies, desk.today, row.wanted).withdraw
        if because:
            desk.box.supersede(row, desk.now, because)
            done.withdrawn[row.key] = because


def printable(desk: Desk, done: Posting, only: Collection[str] = ()) -> list[Row]:
    """The letters to print, after a look at each customer; what is no longer true is withdrawn."""
    found = []
    for row in queue(desk.box):
        if only and row.key not in only:
            continue
        if outdated(row, desk.today):
            done.waiting[row.key] = _too_old(row)
            continue
        try:
            if still_true(desk, row, done):
                found.append(row)
        except (Rejected, BadRecord) as error:
            done.waiting[row.key] = str(error)
    return found


def _too_old(row: Row) -> str:
    if printed_on(row):
        return (
            f"dated {row.planned_on}, more than {FRESH} business days ago: if it was posted, say "
            "so with --posted and --on DATE; else --posted withdraws it, and sync writes it anew"
        )
    return f"dated {row.planned_on}, more than {FRESH} business days ago: sync writes it anew"


def printed(desk: Desk, row: Row) -> None:
    """Keep that a letter was written into a file."""
    _keep(desk.box, row, printed_on=desk.today.isoformat())


def post(desk: Desk, row: Row, company: Company, on: date | None, done: Posting) -> None:
    """A letter was posted: look, settle it as sent, write its notes, then send its copy.

    Without `on` it is about to be posted today: what is no longer true, or dated too long ago, is
    withdrawn and must not go. With `on` it went on that day, and is kept as sent whatever is so
    today. Posted already today, only a copy that has certainly not gone is tried again.

    Raises:
        ConfigError: it is no letter, or none that waits to be posted; a day that cannot be.
        AuthRequired, Transient: the books cannot be reached; what was not written is later.
    """
    if row.channel is not Channel.LETTER:
        raise ConfigError(f"{row.key}: goes by {row.channel}: relance letters lists the letters")
    if row.state is ReminderState.SENT:
        _again(desk, row, company, done)
        return
    if row.state is not ReminderState.PLANNED:
        raise ConfigError(f"{row.key}: is {row.state}: only an approved letter can be posted")
    day = on or desk.today
    if day > desk.today or (row.planned_on and day < row.planned_on):
        raise ConfigError(
            f"--on {day}: the letter is dated {row.planned_on} and today is {desk.today}: "
            "give a day between the two"
        )
    if on is None and outdated(row, day):
        because = f"dated {row.planned_on}, more than {FRESH} business days before posting"
        desk.box.supersede(row, desk.now, because)
        done.withdrawn[row.key] = f"{because}: the next sync writes it anew"
        return
    if on is None and not still_true(desk, row, done):
        return
    desk.box.sent(row, desk.now, day, "posted")
    done.sent.append(row.key)
    write_missing_notes(desk, done, row)
    if day == desk.today:
        _copy(desk, row, company, done)
    elif row.entry.get("copy_to"):
        done.copies[row.key] = f"no copy was sent: the letter went on {day}"


def received(desk: Desk, row: Row, on: date, proof: str = "") -> None:
    """Keep the day on which a letter reached the customer, and what proves it.

    The next step waits as many days from then as the letter gave; nothing printed moves.

    Raises:
        ConfigError: it is no letter that was posted; a day that cannot be.
    """
    if row.channel is not Channel.LETTER or row.state is not ReminderState.SENT:
        raise ConfigError(f"{row.key}: is no letter that was posted: relance letters --posted")
    if on > desk.today or (row.sent_on and on < row.sent_on):
        raise ConfigError(
            f"--on {on}: the letter was posted on {row.sent_on} and today is {desk.today}: give a "
            "day between the two"
        )
    _keep(desk.box, row, received_on=on.isoformat(), **({"proof": proof} if proof else {}))


def _again(desk: Desk, row: Row, company: Company, done: Posting) -> None:
    write_missing_notes(desk, done, row)
    if row.sent_on == desk.today and row.entry.get("copy_to") and not row.entry.get("copy"):
        _copy(desk, row, company, done)
    else:
        raise ConfigError(f"{row.key}: was posted on {row.sent_on}")


def _copy(desk: Desk, row: Row, company: Company, done: Posting) -> None:
    """The same words by e-mail, once: what is kept before the call tells that it was tried."""
    to = tuple(row.entry.get("copy_to", ()))
    if not to:
        return
    route = desk.day.routes.get(Channel.EMAIL)
    if route is None:
        done.copies[row.key] = "no copy was sent: nothing here can carry an e-mail"
        return
    message = replace(row.message, to=to, attachments=())
    files = [pdf_of(row, company)] if route == "smtp" else []
    _keep(desk.box, row, copy="tried")
    try:
        if route == "smtp":
            if desk.mailer is None:
                raise Transient("no mail server is configured: set RELANCE_SMTP_HOST")
            desk.mailer.send(
                message,
                key=row.key,
                now=desk.now,
                attachments=files,
                auto=False,
                earlier=desk.box.earlier(row.key, row.due_lines),
            )
        else:
            desk.provider.email(message, key=row.key)
    except (Transient, AuthRequired, ConfigError) as error:
        _keep(desk.box, row, copy="")
        done.copies[row.key] = f"the copy did not go: {error}: --posted again tries it once more"
    except Rejected as error:
        _keep(desk.box, row, copy="refused")
        done.copies[row.key] = f"the copy was refused: {error}"
    except OutcomeUnknown as error:
        _keep(desk.box, row, copy="unknown")
        done.copies[row.key] = f"nobody knows whether the copy went, it is not repeated: {error}"
    else:
        _keep(desk.box, row, copy="sent")
        done.copies[row.key] = f"copy sent to {', '.join(to)}"


def _keep(box: Outbox, row: Row, **facts: str) -> None:
    """Keep something beside a row's text."""
    with box.engine.begin() as connection:
        entry = connection.execute(select(REMINDER.c.entry).where(REMINDER.c.id == row.id)).scalar()
        connection.execute(
            update(REMINDER).where(REMINDER.c.id == row.id).values(entry={**(entry or {}), **facts})
        )
