"""The notes on the invoices of what went: the trace that we read back, then words for people."""

from datetime import datetime, timedelta

from connector.contract import Trace
from connector.dunning.snapshot import Channel
from connector.errors import BadRecord, OutcomeUnknown, Rejected, Transient
from connector.outbox.decision_notes import write_traces
from connector.outbox.decisions import Decisions
from connector.outbox.desk import Delivered, Desk
from connector.outbox.mail import one_line
from connector.outbox.rows import Line, Row
from connector.receivables.capabilities import Notes, Traces

PATIENCE = timedelta(minutes=10)  # before a trace that is not there counts as never written


def note_text(desk: Desk, row: Row, line: Line) -> str:
    """A note: the trace that we read back, then words for people."""
    trace = Trace(
        invoice_id=line.invoice_id,
        on=row.sent_on or desk.today,
        line_key=line.key,
        reminder_key=row.key,
        stage=line.rung.stage,
        n=line.rung.number,
        nth=line.nth,
        deadline_on=row.deadline_on,
        legal=row.legal,
        channel="" if row.channel is Channel.EMAIL else str(row.channel),
        installation=desk.box.installation,
    )
    words = [trace.text(), row.notes.get(line.key, "").rstrip("\n")]
    if row.subject:  # as it went, after whatever a person changed
        words.append(f"« {one_line(row.subject)} »")
    return "\n".join(words)[: desk.can.note_limit]


def write_missing_notes(desk: Desk, done: Delivered, only: Row | None = None) -> None:
    """The note on each invoice of what went: alone, later, and not twice; of all, or `only` one."""
    if desk.can.note is not Notes.INVOICE:
        return
    for row in desk.box.unnoted(only):
        try:
            lines = _unwritten(desk, row)
        except (Rejected, BadRecord) as error:
            done.note_errors[row.lines[0].invoice] = str(error)
            continue
        for line in lines:
            _note(desk, row, line, done)


def _unwritten(desk: Desk, row: Row) -> list[Line]:
    """The lines whose note is certainly not on their invoice.

    One that was tried may have been written, or be on its way: it is looked for, and written again
    only when traces are complete and time has passed.
    """
    lines = [line for line in row.lines if not line.noted_at]
    tried = [line for line in lines if line.note_tried_at or row.route == "note"]
    if tried and desk.can.traces is not Traces.NONE:
        ids = sorted({line.invoice_id for line in lines})
        there = {trace.line_key for trace in desk.provider.traces(ids)}
        desk.box.noted([line.id for line in lines if line.key in there], desk.now)
        lines = [line for line in lines if line.key not in there]
    return [line for line in lines if not line.note_tried_at or _long_ago(desk, line.note_tried_at)]


def _long_ago(desk: Desk, tried: datetime) -> bool:
    return desk.can.traces is Traces.COMPLETE and desk.now - tried >= PATIENCE


def write_decision_notes(desk: Desk, done: Delivered) -> None:
    """The notes of what people decided and that could not be written at once."""
    noted = write_traces(
        Decisions(desk.mirror.state),
        desk.provider,
        desk.can,
        installation=desk.box.installation,
        zone=desk.zone,
        now=desk.now,
    )
    done.notes += noted.written
    done.note_errors |= noted.errors


def _note(desk: Desk, row: Row, line: Line, done: Delivered) -> None:
    if not desk.box.claim_note(line, desk.now):
        return
    try:
        desk.provider.note(line.invoice_id, note_text(desk, row, line), key=line.key)
    except Transient as error:
        desk.box.note_failed(line.id, str(error), certain=True)
        raise
    except Rejected as error:
        desk.box.note_failed(line.id, str(error), certain=True)
        done.note_errors[line.invoice] = str(error)
    except OutcomeUnknown as error:
        desk.box.note_failed(line.id, str(error), certain=False)
        done.note_errors[line.invoice] = str(error)
    else:
        desk.box.noted([line.id], desk.now)
        done.notes += 1
