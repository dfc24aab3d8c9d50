"""Delivery: look again at one customer, claim the row, call once, settle, then the notes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

from connector.contract import Receipt
from connector.dunning.decide import look
from connector.dunning.plan import Reason
from connector.dunning.snapshot import BY_HAND, Channel
from connector.errors import (
    AuthRequired,
    BadRecord,
    ConfigError,
    OutcomeUnknown,
    Rejected,
    Transient,
)
from connector.mirror.snapshot import read
from connector.mirror.tables import ReminderState
from connector.mirror.traces import Found
from connector.outbox.desk import Delivered, Desk
from connector.outbox.notes import (
    PATIENCE,
    note_text,
    write_decision_notes,
    write_missing_notes,
)
from connector.outbox.packing import Packed, packed
from connector.outbox.rows import Row
from connector.outbox.smtp import Deferred
from connector.receivables.calendar import next_opening
from connector.receivables.capabilities import Traces
from connector.receivables.records import Record

RETRY = timedelta(minutes=15)  # after the first try that failed; doubled after each
LONGEST = timedelta(days=1)
TRIES = 10  # that many in vain, over three days, and a person must act
STRANGER = timedelta(days=30)
POSTED_LATER = frozenset({Reason.GAP, Reason.STALE_DATA, Reason.NATIVE_REMINDERS})


def deliver(desk: Desk, done: Delivered, only: Collection[str] | None = None) -> None:
    """Send what is planned and due; each row ends settled, or planned for later.

    `only` restricts it to the reminders of these keys.
    """
    try:
        # what failed before goes last: a call that always fails keeps nobody waiting
        for row in sorted(desk.box.rows(ReminderState.PLANNED), key=lambda row: row.tries):
            if only is not None and row.key not in only:
                continue
            if desk.stopped():
                done.ended_by = "asked to stop"
                break
            if row.channel is not Channel.LETTER and not _later(desk, row, done):
                _one(desk, row, done)
        else:
            write_missing_notes(desk, done)
            write_decision_notes(desk, done)
    except Transient as error:
        done.ended_by, done.retry_at = str(error), error.retry_at


def _later(desk: Desk, row: Row, done: Delivered) -> bool:
    """Whether a row must wait: for its own time, or for the firm's sending window."""
    now = desk.now
    if row.not_before and row.not_before > now:
        done.waiting[row.key] = row.error or f"not before {row.not_before:%Y-%m-%d %H:%M} UTC"
        return True
    policy = desk.policies.named.get(row.policy, desk.policies.firm)
    local = now.astimezone(desk.zone)
    hours = policy.hours_for(row.kind)
    if policy.hours and not hours:
        done.waiting[row.key] = f"the windows of {policy.name} leave no hour for consumers"
        return True
    opens = next_opening(hours, local)
    if opens <= local:
        return False
    done.opens_at = min(opens, done.opens_at or opens)
    done.waiting[row.key] = f"the sending window opens {opens:%Y-%m-%d %H:%M}"
    return True


def _one(desk: Desk, row: Row, done: Delivered) -> None:
    """Look, claim, call, settle. A `Transient` from the looking ends the provider's turn.

    A customer who cannot be read is put off for a day: one bad row never blocks the queue.
    """
    try:
        if not still_true(desk, row, done):
            return
    except (Rejected, BadRecord) as error:
        desk.box.postpone(row, desk.now + timedelta(days=1), str(error))
        done.unread[row.key] = str(error)
        return
    problem: Transient | Rejected | None = None
    parcel = Packed(row.message)
    try:  # before the claim: whoever is killed at a read leaves nothing unknown
        parcel = _packed(desk, row)
    except (Transient, Rejected) as error:
        problem = error
    if not desk.box.claim(row, desk.now):
        return
    try:
        if problem:
            raise problem
        receipt = _call(desk, row, parcel)
    except Deferred as error:
        _again(desk, row, error, done)
    except Transient as error:
        _again(desk, row, error, done)
        raise
    except (AuthRequired, ConfigError) as error:  # neither is raised once the message is out
        desk.box.release(row, desk.now, str(error), None)
        done.waiting[row.key] = str(error)
        raise
    except Rejected as error:
        desk.box.failed(row, desk.now, str(error))
        done.failed[row.key] = str(error)
    except OutcomeUnknown as error:
        desk.box.unknown(row, desk.now, str(error))
        done.unknown[row.key] = str(error)
    else:
        desk.box.sent(row, desk.now, desk.today, receipt.id)
        if row.channel not in (Channel.EMAIL, Channel.LETTER) and row.route == "note":
            desk.box.noted([row.lines[0].id], desk.now)
        done.sent.append(row.key)
        if parcel.left_out:
            done.left_out[row.key] = "; ".join(parcel.left_out)
        write_missing_notes(desk, done, row)


def _again(desk: Desk, row: Row, error: Transient, done: Delivered) -> None:
    """Try a row again, later each time; after the last try it is a person's."""
    if row.tries + 1 >= TRIES:
        told = f"{error} (tried {TRIES} times: see to it, then relance outbox resolve)"
        desk.box.failed(row, desk.now, told)
        done.failed[row.key] = told
        return
    wait = min(RETRY * 2**row.tries, LONGEST)
    desk.box.retry(row, desk.now, str(error), error.retry_at or desk.now + wait)
    done.waiting[row.key] = str(error)


def _call(desk: Desk, row: Row, parcel: Packed) -> Receipt:
    """The one call that cannot be taken back."""
    if row.channel is not Channel.EMAIL:
        if row.route != "note":
            return Receipt(id="")  # a task that lives in our own list alone
        first = row.lines[0]
        return desk.provider.note(first.invoice_id, note_text(desk, row, first), key=first.key)
    if row.route == "api":
        return desk.provider.email(parcel.message, key=row.key)
    if desk.mailer is None:
        raise Transient("no mail server is configured: set RELANCE_SMTP_HOST")
    return desk.mailer.send(
        parcel.message,
        key=row.key,
        now=desk.now,
        attachments=parcel.files,
        auto=not row.approved_by,
        earlier=desk.box.earlier(row.key, row.due_lines),
    )


def _packed(desk: Desk, row: Row) -> Packed:
    """What goes, its copies fetched; of what is no message nothing has to be."""
    if row.channel is not Channel.EMAIL:
        return Packed(row.message)
    policy = desk.policies.named.get(row.policy, desk.policies.firm)
    numbers = {line.invoice_id: line.invoice for line in row.lines}
    links = row.entry.get("links", {})
    return packed(desk.provider, row.message, numbers, links, missing=policy.missing_copy)


def still_true(desk: Desk, row: Row, done: Delivered) -> bool:
    """The look: one customer read afresh, our traces on their open invoices, then the decision."""
    fresh = read_again(desk, row.customer_id)
    now, today = desk.now, desk.today
    if desk.can.traces is not Traces.NONE:
        found = take_over(desk, sorted(fresh | {line.invoice_id for line in row.lines}))
        if _was_sent(row, found):
            desk.box.sent(row, now, today, "found in the accounting software")
            _notes_found(desk, row, found)
            done.withdrawn[row.key] = "it had gone already: found in the accounting software"
            return False
        if found.line_keys & {line.key for line in row.lines}:
            because = "one of its invoices was already written about"
            desk.box.supersede(row, now, because)
            take_over(desk, sorted(fresh))
            done.withdrawn[row.key] = because
            return False
    snapshot = read(desk.mirror, desk.day, today, customer_id=row.customer_id, without=row.id)
    seen = look(snapshot, desk.policies, today, row.wanted)
    if seen.withdraw:
        desk.box.supersede(row, now, seen.withdraw)
        done.withdrawn[row.key] = seen.withdraw
        return False
    # what only the day forbids keeps no letter from the post box that a person stands before
    wait = [q for q in seen.wait if row.channel is not Channel.LETTER or q.reason in POSTED_LATER]
    if wait:
        done.waiting[row.key] = "; ".join(quiet.because for quiet in wait)
        return False
    return True


def read_again(desk: Desk, customer_id: str) -> set[str]:
    """One customer read afresh into the mirror; the ids of the open invoices."""
    account = desk.provider.account(customer_id)
    now, today = desk.now, desk.today
    records: list[Record] = [account.customer, *account.invoices]
    records += [*account.credit_notes, *account.payments]
    desk.mirror.put(records, now=now, today=today)
    fresh = {invoice.id for invoice in account.invoices}
    gone = [ref for ref in desk.mirror.open_invoices(customer_id) if ref not in fresh]
    if gone:
        again = list(desk.provider.invoices(gone))
        desk.mirror.put(again, now=now, today=today)
        desk.mirror.missing(set(gone) - {record.id for record in again}, now=now, today=today)
    return fresh


def take_over(desk: Desk, invoice_ids: Sequence[str]) -> Found:
    """Read our own traces on these invoices into the mirror; what of the outbox they settle.

    Raises:
        ConfigError: another installation is reminding the same customers.
    """
    found = desk.mirror.traced(desk.provider.traces(invoice_ids), today=desk.today, now=desk.now)
    others = strangers(found.installations, desk.box.installation, desk.taken_over, desk.today)
    if others:
        raise ConfigError(*(_stranger(name, last, desk) for name, last in others.items()))
    return found


def strangers(
    met: Mapping[str, date], own: str, taken_over: Mapping[str, date], today: date
) -> dict[str, date]:
    """Other installations that have written of late, each with its last day.

    One whose place was taken is none, unless it wrote after the day on which it was taken.
    """
    return {
        name: last
        for name, last in sorted(met.items())
        if name != own and today - last < STRANGER and last > taken_over.get(name, date.min)
    }


def _stranger(name: str, last: date, desk: Desk) -> str:
    own = desk.box.installation
    if name in desk.taken_over:
        return (
            f"installation {name} wrote on {last}, and this one ({own}) took its place on "
            f"{desk.taken_over[name]}: two would remind twice. Stop that one; then "
            "`relance init --take-over` lets this one go on"
        )
    return (
        f"another installation ({name}, last on {last}) writes reminders for this firm, and so "
        f"would this one ({own}): two would remind twice. If this one is the former, stop it here; "
        "if the other is gone for good, `relance init --take-over` puts this one in its place"
    )


def _was_sent(row: Row, found: Found) -> bool:
    return row.key in found.reminder_keys or {line.key for line in row.lines} <= found.line_keys


def _notes_found(desk: Desk, row: Row, found: Found) -> None:
    found_ids = [line.id for line in row.lines if line.key in found.line_keys]
    desk.box.noted(found_ids, desk.now)


def withdraw_outdated(desk: Desk, done: Delivered) -> None:
    """Proposals edited or asked for by hand whose lines, recipient or holds have changed since.

    Edited ones are planned anew; what the person wrote is kept, and offered when the new one is
    edited.
    """
    for row in desk.box.rows(ReminderState.PROPOSED):
        if not row.edited and row.rung != BY_HAND:
            continue
        facts = read(desk.mirror, desk.day, desk.today, customer_id=row.customer_id, without=row.id)
        because = look(facts, desk.policies, desk.today, row.wanted).withdraw
        if because:
            because = f"changed since it was {'edited' if row.edited else 'written'}: {because}"
            desk.box.supersede(row, desk.now, because)
            done.withdrawn[row.key] = because


def settle_unknown(desk: Desk, done: Delivered) -> None:
    """Ask the product what became of rows whose outcome nobody knows.

    Found: sent. Not found where traces are complete and ten minutes have passed: planned again.
    Else it stays for a person. A mail that went by SMTP leaves no trace to ask for.
    """
    for row in desk.box.rows(ReminderState.UNKNOWN):
        done.unknown[row.key] = row.error
        if desk.can.traces is Traces.NONE or row.route == "smtp":
            continue
        try:
            found = take_over(desk, sorted({line.invoice_id for line in row.lines}))
        except (Rejected, BadRecord) as error:
            done.unknown[row.key] = str(error)
            continue
        tried = desk.box.tried_at(row)
        if _was_sent(row, found) or (row.rung.side and found.line_keys & {row.lines[0].key}):
            day = (tried or desk.now).astimezone(desk.zone).date()
            desk.box.sent(row, desk.now, day, "found in the accounting software")
            _notes_found(desk, row, found)
            done.sent.append(row.key)
            del done.unknown[row.key]
        elif desk.can.traces is Traces.COMPLETE and tried and desk.now - tried >= PATIENCE:
            desk.box.release(row, desk.now, "it had not gone", None)
            del done.unknown[row.key]
