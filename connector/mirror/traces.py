"""Takes over what our own notes in the product say: reminders that went, decisions people made."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from sqlalchemy import or_, select, update

from connector.contract import Trace
from connector.dunning.plan import line_key, reminder_key
from connector.dunning.snapshot import BY_HAND, Channel, Rung
from connector.mirror import tables
from connector.mirror.batch import Batch, Where
from connector.mirror.decisions import endings, said
from connector.mirror.past import Document, documents, insert_reminders
from connector.mirror.statements import Values, listed
from connector.mirror.tables import Origin, ReminderState
from connector.receivables import money
from connector.receivables.records import Mark

_OPEN = frozenset(
    {
        ReminderState.PLANNED,
        ReminderState.PROPOSED,
        ReminderState.SENDING,
        ReminderState.UNKNOWN,
        ReminderState.FAILED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a reading of traces showed.

    `line_keys`: keys of lines whose reminder is not settled here, though a note says it went.
    `reminder_keys`: every reminder key met. `installations`: whose traces these are, each with the
    day of its latest. `steps` and `decisions` count the traces taken over, `unknown` those that
    fit nothing.
    """

    line_keys: frozenset[str] = frozenset()
    reminder_keys: frozenset[str] = frozenset()
    installations: Mapping[str, date] = field(default_factory=dict)
    steps: int = 0
    decisions: int = 0
    unknown: int = 0


def take_over(batch: Batch, traces: Iterable[Trace]) -> Found:
    """Write what the traces tell and the database does not know."""
    traces = sorted(traces, key=lambda trace: (trace.on, trace.invoice_id, trace.line_key))
    known = documents(batch, {trace.invoice_id for trace in traces})
    states = _states(batch, {trace.line_key for trace in traces if trace.line_key})
    sent, unknown = _unheard(batch, traces, known, states)
    _insert(batch, sent, known)
    marked, strange = _decisions(batch, [trace for trace in traces if trace.mark], known)
    return Found(
        line_keys=frozenset(key for key, state in states.items() if state in _OPEN),
        reminder_keys=frozenset(trace.reminder_key for trace in traces if trace.reminder_key),
        # In order of day, so the latest of each stays.
        installations={trace.installation: trace.on for trace in traces if trace.installation},
        steps=len(sent),
        decisions=marked,
        unknown=unknown + strange,
    )


def _states(batch: Batch, keys: Iterable[str]) -> Mapping[str, str]:
    """The state of each line key that is live, or that bounced: its note was true and is over."""
    line, reminder = tables.reminder_line, tables.reminder
    query = (
        select(line.c.key, reminder.c.state)
        .join(reminder, reminder.c.id == line.c.reminder_id)
        .where(line.c.key.in_(listed()))
        .where(or_(line.c.live.is_(True), reminder.c.state == ReminderState.BOUNCED.value))
        .order_by(line.c.live)
    )
    return {row.key: row.state for row in batch.all(query, keys)}


def _unheard(
    batch: Batch,
    traces: Sequence[Trace],
    known: Mapping[str, Document],
    states: Mapping[str, str],
) -> tuple[dict[str, tuple[Trace, str]], int]:
    """Traces of reminders the outbox does not have, by line key with the line; and the misfits."""
    sent: dict[str, tuple[Trace, str]] = {}
    unknown = 0
    for trace in traces:
        if not trace.line_key or trace.line_key in states or trace.line_key in sent:
            continue
        line = _line_of(batch, trace, known.get(trace.invoice_id))
        if line is None:
            unknown += 1
        else:
            sent[trace.line_key] = (trace, line)
    return sent, unknown


def _line_of(batch: Batch, trace: Trace, document: Document | None) -> str | None:
    """The due line a key was made of, None if it fits none of the invoice's."""
    try:
        rung = Rung.parse(trace.stage, trace.n)
    except ValueError:
        return None
    for line in document.lines if document else ():
        key = line_key(batch.ledger_id, trace.invoice_id, line, rung, trace.nth)
        if key == trace.line_key:
            return line
    return None


def _insert(
    batch: Batch, sent: Mapping[str, tuple[Trace, str]], known: Mapping[str, Document]
) -> None:
    messages: dict[str, list[tuple[Trace, str]]] = defaultdict(list)
    for trace, line in sent.values():
        messages[trace.reminder_key or reminder_key([trace.line_key])].append((trace, line))
    new = []
    for key, parts in messages.items():
        rungs = {Rung.parse(trace.stage, trace.n): trace for trace, _ in parts}
        rung = max(rungs)
        trace = rungs[rung]
        document = known[trace.invoice_id]
        values = {
            "key": key,
            "customer_ref": document.customer_ref,
            "customer_name": document.customer_name,
            "currency": document.currency,
            "step": str(rung.stage),
            "stage": str(rung.stage),
            "n": rung.number,
            "channel": _channel(trace, rung),
            "state": str(ReminderState.SENT),
            "planned_on": trace.on,
            "sent_on": trace.on,
            "deadline_on": trace.deadline_on,
            "legal": trace.legal,
            "installation": trace.installation,
            "origin": str(Origin.TRACE),
        }
        new.append((values, [_line(batch, *part, known) for part in parts]))
    insert_reminders(batch, new)


def _channel(trace: Trace, rung: Rung) -> str:
    """How it went; a note that does not say so is of a mail, or of a call."""
    known = {str(channel) for channel in Channel}
    if trace.channel in known:
        return trace.channel
    return str(Channel.CALL if rung.side and rung != BY_HAND else Channel.EMAIL)


def _line(batch: Batch, trace: Trace, line: str, known: Mapping[str, Document]) -> Values:
    document = known[trace.invoice_id]
    return {
        "key": trace.line_key,
        "live": True,
        "invoice_ref": trace.invoice_id,
        "line_ref": line,
        "invoice_number": document.number,
        "step": trace.stage,
        "stage": trace.stage,
        "n": trace.n,
        "nth": trace.nth,
        "due_on": document.lines[line]["due_on"],
        "noted_at": batch.now,  # the note is where this was read
    }


def _decisions(
    batch: Batch, traces: Sequence[Trace], known: Mapping[str, Document]
) -> tuple[int, int]:
    """Take over marks that no decision of the invoice or its customer equals; taken, unknown.

    What people decided since, here or elsewhere, ends what it takes back or replaces: the latest
    word counts, in whatever order the notes are read.
    """
    rows = _decided(batch, known)
    noted = _noted(batch, known)
    before, unknown = len(rows), 0
    for trace in traces:
        document = known.get(trace.invoice_id)
        values = _decision(trace, document) if document else None
        if document is None or values is None:
            unknown += 1
            text = f"{trace.mark} of {trace.on} ({trace.amount or 'whole'}) was not understood"
            if document and (trace.invoice_id, text) not in noted:
                noted.add((trace.invoice_id, text))
                where = Where(document.customer_ref, trace.invoice_id)
                batch.note("unknown_mark", where, text=text)
        elif same := next((row for row in rows if _equal(row, values)), None):
            if trace.invoice_id not in same["noted"]:
                same["noted"] = [*same["noted"], trace.invoice_id]
        else:
            values["traced_at"] = batch.now
            rows.append(values)
    _write_decisions(batch, rows, before)
    return len(rows) - before, unknown


def _write_decisions(batch: Batch, rows: list[Values], before: int) -> None:
    """Insert the rows from `before` on, and write what changed in those that were known."""
    people = [row for row in rows if row["origin"] != Origin.PRODUCT]
    ended = dict(zip(map(id, people), endings(people), strict=True))
    changed = []
    for place, row in enumerate(rows):
        values = {"ended_on": ended.get(id(row), row["ended_on"]), "noted": row.pop("noted")}
        if place >= before:
            row |= values
        elif values != {"ended_on": row["ended_on"], "noted": row.pop("noted_before")}:
            changed.append((row["id"], values))
    decision = tables.decision
    batch.insert(decision, rows[before:])
    for known, values in changed:
        batch.connection.execute(update(decision).where(decision.c.id == known).values(values))


def _decided(batch: Batch, known: Mapping[str, Document]) -> list[Values]:
    """Every decision on these invoices and their customers, those taken back included."""
    decision = tables.decision
    ids = {*known, *(document.customer_ref for document in known.values())}
    query = select(decision).where(
        decision.c.invoice_ref.in_(listed()) | decision.c.customer_ref.in_(listed())
    )
    return [{**row._asdict(), "noted_before": row.noted} for row in batch.all(query, ids)]


def _noted(batch: Batch, known: Mapping[str, Document]) -> set[tuple[str, str]]:
    event = tables.event
    query = select(event.c.invoice_ref, event.c.text).where(
        event.c.invoice_ref.in_(listed()), event.c.what == "unknown_mark"
    )
    return {(row.invoice_ref, row.text) for row in batch.all(query, known)}


def _decision(trace: Trace, document: Document) -> Values | None:
    """The decision a trace tells of, None if its mark or amount does not read."""
    try:
        mark = Mark(trace.mark)
        amount = money.parse(trace.amount, document.currency) if trace.amount else None
    except ValueError:
        return None
    author, because = said(trace.words)
    ending = trace.until is not None and trace.until < trace.on
    return {
        "customer_ref": document.customer_ref,
        "invoice_ref": None if trace.whole else trace.invoice_id,
        "mark": str(mark),
        "since": trace.since or trace.on,
        "until": trace.until,
        "amount": amount,
        "because": because or f"note of {trace.on.isoformat()} on the invoice",
        "author": author or trace.installation,
        "code": trace.code,
        "owner": trace.owner,
        "origin": str(Origin.TRACE),
        "ended_on": trace.on if ending else None,
        "made_at": trace.made_at or datetime.combine(trace.on, time(), UTC),
        "noted": [trace.invoice_id],
    }


def _equal(row: Values, new: Values) -> bool:
    """Whether a known decision is this one, or says the same and was in force on its day.

    The second is for a note that does not tell the instant of its decision: it begins a day.
    """
    if any(row[name] != new[name] for name in ("mark", "until", "amount")):
        return False
    if row["customer_ref"] != new["customer_ref"] and row["invoice_ref"] is None:
        return False
    if row["made_at"] == new["made_at"]:
        return bool(row["invoice_ref"] == new["invoice_ref"])
    ended: date = row["ended_on"] or date.max
    return (
        new["made_at"].time() == time()
        and row["invoice_ref"] in (None, new["invoice_ref"])
        and bool(row["since"] <= new["since"] <= ended)
    )
