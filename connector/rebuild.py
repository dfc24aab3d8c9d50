"""Brings back at once what a lost or restored `state.db` no longer knows of our own doings."""

from collections.abc import Callable
from dataclasses import dataclass

from connector.errors import BadRecord, ConfigError, Rejected
from connector.firm import Firm
from connector.mirror.pull import BATCH, Progress, Pulled
from connector.outbox.deliver import take_over
from connector.outbox.desk import Clock
from connector.outbox.runs import Runs
from connector.receivables.capabilities import Traces
from connector.sync import at_desk, read_books


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What the traces brought back: steps of reminders and decisions that were not known here.

    `read` invoices were asked about. `strange` are traces that fit no line of their invoice,
    `refused` why traces could not be read, by the first invoice of a batch.
    """

    pulled: Pulled
    read: int
    steps: int
    decisions: int
    strange: int
    refused: dict[str, str]


def rebuild(firm: Firm, clock: Clock, progress: Progress, stopped: Callable[[], bool]) -> Rebuilt:
    """Pull, then read our traces on every invoice of the mirror; nothing is planned or sent.

    Raises:
        ConfigError: the product keeps no traces of ours; another installation is at work.
        AuthRequired, Transient, StaleMirror: what was read until then is kept.
    """
    if firm.can.traces is Traces.NONE:
        raise ConfigError(
            f"{firm.spec.title} keeps nothing of ours that could be read back: restore a backup of "
            f"{firm.config.state}"
        )
    steps = decisions = strange = read = 0
    refused: dict[str, str] = {}
    with at_desk(firm, clock) as desk:
        runs = Runs(desk.mirror.state)
        run_id = runs.begin("rebuild", clock())
        pulled = read_books(firm, desk.mirror, clock(), firm.today(clock()), progress)
        ids = desk.mirror.invoice_ids()
        for start in range(0, len(ids), BATCH):
            if stopped():
                break
            batch = ids[start : start + BATCH]
            try:
                found = take_over(desk, batch)
            except (Rejected, BadRecord) as error:
                refused[batch[0]] = str(error)
                continue
            read += len(batch)
            steps += found.steps
            decisions += found.decisions
            strange += found.unknown
            progress("traces", read, len(ids))
        counts = {"steps": steps, "decisions": decisions, "bad_records": len(pulled.bad)}
        runs.end(run_id, clock(), "done", counts)
    return Rebuilt(pulled, read, steps, decisions, strange, refused)
