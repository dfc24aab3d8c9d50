"""The command that says how things stand: the last runs, the outbox, what a person must see to."""

from pathlib import Path

from connector.cli.boxes import each_state, today_of
from connector.cli.show import clean, put, put_json, table
from connector.config import Config
from connector.dunning.alerts import Alert, alerts
from connector.dunning.policy_file import load
from connector.dunning.snapshot import Day
from connector.mirror.snapshot import read
from connector.mirror.state import State
from connector.mirror.store import Mirror
from connector.mirror.tables import ReminderState
from connector.outbox.queue import OPEN, Outbox
from connector.outbox.runs import Runs

TO_SEE_TO = {ReminderState.FAILED, ReminderState.UNKNOWN}


def status(path: Path | None, as_json: bool) -> int:
    """The last runs, what waits, and the alerts; 3 when a reminder failed or is unknown."""

    def work(config: Config, box: Outbox, state: State) -> int:
        runs, rows, found = Runs(state).latest(5), box.rows(*OPEN), _alerts(config, state)
        counts: dict[str, int] = {}
        for row in rows:
            counts[str(row.state)] = counts.get(str(row.state), 0) + 1
        if as_json:
            put_json(
                {
                    "version": 1,
                    "outbox": counts,
                    "runs": [run.to_json() for run in runs],
                    "alerts": [alert.to_json() for alert in found],
                }
            )
        else:
            for run in runs:
                put(clean(run.text()))
            told = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
            put(f"Outbox: {told or 'empty'}.")
            if found:
                put()
                cells = ((a.code, a.customer, a.invoice, a.words) for a in found)
                table(("see to", "customer", "invoice", "because"), cells)
        return 3 if counts.keys() & TO_SEE_TO else 0

    return each_state(path, work)


def _alerts(config: Config, state: State) -> tuple[Alert, ...]:
    """What the mirror of the last run shows; nothing is read from the books."""
    policies = load(config.policy, config.path.absolute().parent if config.path else Path())
    day = Day(routes={}, templates=frozenset(), language=config.language)
    today = today_of(config, state)
    return alerts(read(Mirror(state), day, today), policies, today)
