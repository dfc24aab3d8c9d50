"""The service: when `sync` runs, and how it stops."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from threading import Event

from apscheduler.schedulers.background import BackgroundScheduler

from connector.config import Config
from connector.errors import ConfigError, ConnectorError
from connector.firm import checked, opened
from connector.lock import one_run
from connector.outbox.desk import Clock
from connector.sync import sync

Say = Callable[[str], None]


def serve(
    firms: Sequence[Config], environ: Mapping[str, str], clock: Clock, stop: Event, say: Say
) -> int:
    """Sync every firm now and every so often until `stop` is set; the row in hand is finished.

    Raises:
        ConfigError: a configuration does not hold, or a service of one of the firms runs already.
    """
    problems: list[str] = []
    for config in firms:
        try:
            checked(config, environ)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)
    with ExitStack() as locks:
        for config in firms:
            locks.enter_context(one_run(str(config.state.absolute()), "service"))
        scheduler = BackgroundScheduler(timezone="UTC")
        for config in firms:
            scheduler.add_job(
                _job,
                "interval",
                args=(config, environ, clock, stop, say),
                minutes=config.interval_minutes,
                next_run_time=clock(),
                max_instances=1,
                coalesce=True,
                # The default grace of one second would make a laptop that slept skip its day.
                misfire_grace_time=None,
            )
        scheduler.start()
        say(f"relance runs for {', '.join(config.name for config in firms)}")
        while not stop.wait(timeout=3600):
            continue
        scheduler.shutdown(wait=True)
        say("relance stopped")
    return 0


def _job(config: Config, environ: Mapping[str, str], clock: Clock, stop: Event, say: Say) -> None:
    """One run of one firm; whatever happens is told, and the next run comes all the same."""
    if stop.is_set():
        return
    try:
        with opened(config, environ) as firm:
            report = sync(firm, clock, lambda what, done, total: None, stop.is_set)
    except ConnectorError as error:
        say(f"{config.name}: {error}")
    else:
        told = ", ".join(f"{number} {what}" for what, number in report.counts.items() if number)
        ended = report.unread or report.delivered.ended_by or report.heard.problem
        say(f"{config.name}: {told or 'nothing to do'}{ended and f'; {ended}'}")
