"""The service: when `sync` runs, and how it stops.

The process that waits holds next to nothing: whatever needs the books, a policy or the database
is done in a process of its own, which gives back all of its memory.
"""

import multiprocessing
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from multiprocessing.context import SpawnProcess
from threading import Event
from typing import ParamSpec, TypeVar

from apscheduler.schedulers.background import BackgroundScheduler

from connector.config import Config
from connector.errors import ConfigError, ConnectorError
from connector.lock import one_run

Say = Callable[[str], None]
Clock = Callable[[], datetime]
Given = ParamSpec("Given")
Told = TypeVar("Told")

_SPAWN = multiprocessing.get_context("spawn")  # a fork would copy threads and locks as they are


def apart(work: Callable[Given, Told], *args: Given.args, **more: Given.kwargs) -> Told:
    """What a function of a module gives, run in a process of its own; it raises what that raises.

    Function, arguments and result travel: they must be picklable.
    """
    with ProcessPoolExecutor(max_workers=1, mp_context=_SPAWN) as one:
        return one.submit(work, *args, **more).result()


def serve(
    firms: Sequence[Config], environ: Mapping[str, str], clock: Clock, stop: Event, say: Say
) -> int:
    """Sync every firm now and every so often until `stop` is set; the row in hand is finished.

    `clock` and `say` are functions of a module: each run has them in its own process.

    Raises:
        ConfigError: a configuration does not hold, or a service of one of the firms runs already.
    """
    environ = dict(environ)
    problems, warnings = apart(_examined, list(firms), environ)
    for warning in warnings:
        say(f"warning: {warning}")
    if problems:
        raise ConfigError(*problems)
    with ExitStack() as locks:
        for config in firms:
            locks.enter_context(one_run(str(config.state.absolute()), "service"))
        runs: set[SpawnProcess] = set()
        scheduler = BackgroundScheduler(timezone="UTC")
        for config in firms:
            scheduler.add_job(
                _job,
                "interval",
                args=(config, environ, clock, stop, say, runs),
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
        for run in list(runs):
            run.terminate()
        scheduler.shutdown(wait=True)
        say("relance stopped")
    return 0


def _examined(firms: Sequence[Config], environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """What is wrong with the configurations, and what is unwise."""
    from connector import registry
    from connector.firm import checked

    problems: list[str] = []
    warnings: list[str] = []
    for config in firms:
        warnings += registry.warnings(config)
        try:
            checked(config, environ)
        except ConfigError as error:
            problems += error.problems
    return problems, warnings


def _job(
    config: Config,
    environ: Mapping[str, str],
    clock: Clock,
    stop: Event,
    say: Say,
    runs: set[SpawnProcess],
) -> None:
    """One run of one firm, in a process of its own until it ends."""
    run = _SPAWN.Process(target=_run, args=(config, environ, clock, say), name=config.name)
    if stop.is_set():
        return
    run.start()
    runs.add(run)
    if stop.is_set():  # asked to stop while it was starting
        run.terminate()
    run.join()
    runs.discard(run)
    if run.exitcode and not stop.is_set():
        say(f"{config.name}: the run ended with exit code {run.exitcode}")


def _run(config: Config, environ: Mapping[str, str], clock: Clock, say: Say) -> None:
    """One run; whatever happens is told, and the next run comes all the same."""
    from connector.firm import opened
    from connector.sync import sync

    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with opened(config, environ) as firm:
            report = sync(firm, clock, lambda what, done, total: None, stop.is_set)
    except ConnectorError as error:
        say(f"{config.name}: {error}")
    else:
        told = ", ".join(f"{number} {what}" for what, number in report.counts.items() if number)
        ended = report.unread or report.delivered.ended_by or report.heard.problem
        say(f"{config.name}: {told or 'nothing to do'}{ended and f'; {ended}'}")
