"""The notes on the invoices of what went: the trace that we read back, then words for people."""

from connector.contract import Trace
from connector.errors import OutcomeUnknown, Rejected, Transient
from connector.outbox.desk import Delivered, Desk
from connector.outbox.rows import Line, Row
from connector.receivables.capabilities import Notes, Traces


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
        installation=desk.box.installation,
    )
    return f"{trace.text()}\n{row.notes.get(line.key, '')}"[: desk.can.note_limit]


def write_missing_notes(desk: Desk, done: Delivered) -> None:
    """The note on each invoice of what went: alone, later, and not twice."""
    if desk.can.note is not Notes.INVOICE:
        return
    for row in desk.box.unnoted():
        lines = [line for line in row.lines if not line.noted_at]
        if any(line.note_tried_at for line in lines) and desk.can.traces is not Traces.NONE:
            ids = sorted({line.invoice_id for line in lines})
            there = {trace.line_key for trace in desk.provider.traces(ids)}
            desk.box.noted([line.id for line in lines if line.key in there], desk.now)
            lines = [line for line in lines if line.key not in there]
        for line in lines:
            _note(desk, row, line, done)


def _note(desk: Desk, row: Row, line: Line, done: Delivered) -> None:
    desk.box.note_tried([line.id], desk.now)
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
