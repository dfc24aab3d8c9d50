"""The notes of what people decide: a trace that we read back, then words for people."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from connector.contract import Provider, Trace
from connector.errors import BadRecord, OutcomeUnknown, Rejected
from connector.mirror.decisions import is_ending, words
from connector.outbox.decisions import Decisions, Values
from connector.receivables import money
from connector.receivables.capabilities import Capabilities, Notes, Traces


@dataclass(slots=True)
class Noted:
    """Notes written on one occasion, and why others were not, by invoice."""

    written: int = 0
    errors: dict[str, str] = field(default_factory=dict)


def write_traces(
    decisions: Decisions,
    provider: Provider,
    can: Capabilities,
    *,
    installation: str,
    zone: ZoneInfo,
    now: datetime,
) -> Noted:
    """Write the missing notes of decisions, none twice: the product is asked first.

    Raises:
        Transient, AuthRequired: the server cannot be reached; what is missing is written later.
    """
    done = Noted()
    missing = decisions.unnoted(now.astimezone(zone).date())
    if can.note is not Notes.INVOICE or not missing:
        return done
    there = set()
    if can.traces is not Traces.NONE:
        ids = sorted({ref for _, refs in missing for ref in refs})
        try:
            traces = list(provider.traces(ids))
        except (Rejected, BadRecord) as refusal:  # none is written unseen
            done.errors |= dict.fromkeys(ids, str(refusal))
            return done
        there = {(trace.invoice_id, trace.mark, trace.made_at) for trace in traces}
    for row, refs in missing:
        currency = decisions.currency(row)
        for ref in refs:
            if (ref, row["mark"], row["made_at"]) not in there:
                text = note_text(row, currency, ref, installation, zone)[: can.note_limit]
                error = _note(provider, ref, text, row)
                if error:
                    done.errors[ref] = error
                    continue
                done.written += 1
            decisions.noted(row["id"], ref, now)
    return done


def _note(provider: Provider, ref: str, text: str, row: Values) -> str:
    """Write one note; why not, or empty. A lost answer is looked for when it is tried again."""
    parts = (ref, row["mark"], row["made_at"].isoformat(), str(row["until"]), str(row["amount"]))
    key = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:20]
    try:
        provider.note(ref, text, key=key)
    except (Rejected, OutcomeUnknown) as error:
        return str(error)
    return ""


def note_text(row: Values, currency: str, ref: str, installation: str, zone: ZoneInfo) -> str:
    """A note: the trace that we read back, then words for people."""
    amount = money.text(row["amount"], currency) if row["amount"] is not None else ""
    on = row["since"] if is_ending(row) else row["made_at"].astimezone(zone).date()
    trace = Trace(
        invoice_id=ref,
        on=on,
        mark=row["mark"],
        until=row["until"],
        amount=amount,
        since=row["since"],
        code=row["code"],
        owner=row["owner"],
        whole=row["invoice_ref"] is None,
        made_at=row["made_at"],
        installation=installation,
    )
    return f"{trace.text()}\n{words(row, f'{amount} {currency}' if amount else '')}"
