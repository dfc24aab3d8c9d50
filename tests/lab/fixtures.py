"""Fixtures for tests that need a real Tryton; a conftest imports them by name."""

import getpass
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, datetime
from importlib.metadata import distributions
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from filelock import FileLock

from tests.lab.server import ROOT, TrytonLab

HERE = Path(__file__).parent
SOURCES = ("build.py", "firm.py", "situations.py", "trytond.conf")
KEEP = 3 * 86400  # seconds that a ledger nobody asked for stays


@pytest.fixture(scope="session")
def tryton_built(request: pytest.FixtureRequest) -> Path:
    """Return a folder with a ledger built for today; built at most once a day and machine."""
    today = datetime.now(ZoneInfo("Europe/Paris")).date()
    return ledger(cache_folder(request.config), today)


@pytest.fixture
def tryton(tryton_built: Path, tmp_path: Path) -> Iterator[TrytonLab]:
    """Return a server over a fresh copy of the ledger: the test may do anything to it."""
    with TrytonLab(tryton_built, tmp_path / "tryton") as lab:
        yield lab


@pytest.fixture(scope="module")
def tryton_shared(
    tryton_built: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TrytonLab]:
    """Return a server for all tests of a module, which only read."""
    with TrytonLab(tryton_built, tmp_path_factory.mktemp("tryton-shared")) as lab:
        yield lab


def cache_folder(config: pytest.Config) -> Path:
    """Return where ledgers are kept: in pytest's cache, or in the temporary folder without it."""
    cache: pytest.Cache | None = getattr(config, "cache", None)
    if cache is not None:
        return cache.mkdir("tryton-lab")
    folder = Path(tempfile.gettempdir()) / f"relance-tryton-lab-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def ledger(cache: Path, today: date) -> Path:
    """Return the folder of the ledger for this day, built if it is not there yet.

    Of two processes one builds and the other waits.
    """
    key = hashlib.sha256()
    for part in [*(HERE.joinpath(name).read_bytes() for name in SOURCES), *versions()]:
        key.update(hashlib.sha256(part).digest())
    folder = cache / f"{today}-{key.hexdigest()[:16]}"
    with FileLock(cache / "lock"):
        if not folder.exists():
            build(folder, today)
        (folder / "lab.json").touch()
        for old in cache.glob("*/lab.json"):
            if time.time() - old.stat().st_mtime > KEEP:
                shutil.rmtree(old.parent, ignore_errors=True)
    return folder


def build(folder: Path, today: date) -> None:
    """Build aside, then rename: a folder with its final name is whole."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        command = [sys.executable, "-m", "tests.lab.build", "--dir", f"{aside}/ledger"]
        done = subprocess.run(
            [*command, "--today", today.isoformat()], cwd=ROOT, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"the ledger could not be built:\n{done.stderr[-4000:]}")
        Path(aside, "ledger").rename(folder)


def versions() -> list[bytes]:
    """Return what the ledger depends on: Python, Tryton and its modules, the maker of names."""
    names = ("trytond", "proteus", "faker")
    found = {
        f"{dist.name.lower()} {dist.version}"
        for dist in distributions()
        if (dist.name or "").lower().startswith(names)
    }
    return [item.encode() for item in (sys.version, *sorted(found))]
