"""Runs jobs in turn, A B A B, and tells medians, spread, and ratios within one round."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent.parent


def job(name: str, **given: object) -> dict[str, Any]:
    """What a job tells, run in a process of its own."""
    words = [sys.executable, "-m", "tests.benchmarks.jobs", name, json.dumps(given)]
    done = subprocess.run(words, cwd=ROOT, env=environ(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


def environ() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RELANCE_")}
    return kept | {"PYTHONPATH": str(ROOT)}


def command(*words: str, cwd: Path | None = None) -> float:
    """CPU seconds of a command."""
    before = os.times()
    subprocess.run(words, env=environ(), cwd=cwd, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


@contextmanager
def server(invoices: int) -> Iterator[str]:
    """The address of a server in a process of its own."""
    words = [sys.executable, "-m", "tests.benchmarks.server", "--invoices", str(invoices)]
    running = subprocess.Popen(words, cwd=ROOT, env=environ(), stdout=subprocess.PIPE, text=True)
    assert running.stdout
    try:
        yield running.stdout.readline().strip()
    finally:
        running.terminate()
        running.wait()
        running.stdout.close()


@contextmanager
def service(folder: Path) -> Iterator[int]:
    """A `relance run` at work, by its process number, once its first sync is over."""
    words = [str(Path(sys.executable).parent / "relance"), "run"]
    with (folder / "log").open("w+", encoding="utf-8") as log:
        running = subprocess.Popen(words, cwd=folder, env=environ(), stderr=log, stdout=log)
        try:
            for _ in range(600):
                time.sleep(0.1)
                if (folder / "log").read_text(encoding="utf-8").count("\n") >= 2:
                    break
            yield running.pid
        finally:
            running.terminate()
            running.wait()


@dataclass(frozen=True)
class Figures:
    """What several rounds gave, in seconds, MiB or counts."""

    values: tuple[float, ...]

    @property
    def middle(self) -> float:
        return median(self.values)

    @property
    def spread(self) -> str:
        """The least and the most."""
        return f"{min(self.values):.2f}–{max(self.values):.2f}"


def ratios(ours: Sequence[float], limit: Sequence[float]) -> Figures:
    """Ours as a multiple of the limit, round by round: the neighbours slow both alike."""
    return Figures(tuple(mine / least for mine, least in zip(ours, limit, strict=True)))


def column(rounds: Sequence[Mapping[str, Any]], name: str) -> tuple[float, ...]:
    """One figure of every round."""
    return tuple(float(told[name]) for told in rounds)
