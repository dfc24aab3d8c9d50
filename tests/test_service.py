"""The service: it waits with little in memory, and stops when it is asked to."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from connector.errors import ConfigError
from connector.service import apart
from tests.benchmarks.goals import resting
from tests.benchmarks.measure import service
from tests.processes import RELANCE


def sample(folder: Path, **more: str) -> None:
    values = {
        "PROVIDER": "files",
        "FILES_FOLDER": str(Path(__file__).parent.parent / "providers" / "sample"),
        "POLICY": "standard-b2b",
        "LANGUAGE": "fr",
    } | more
    text = "".join(f"RELANCE_{name}={value}\n" for name, value in values.items())
    (folder / "config.env").write_text(text, encoding="utf-8")


def test_at_rest_it_holds_little_and_does_nothing(tmp_path: Path) -> None:
    sample(tmp_path)
    with service(tmp_path) as number:
        memory, seconds = resting(number, 1)
        assert memory <= 75  # MiB
        assert seconds <= 0.01
        os.kill(number, signal.SIGTERM)
        assert os.waitpid(number, 0)[1] == 0
    told = (tmp_path / "log").read_text(encoding="utf-8")
    assert "relance runs for config" in told
    assert told.endswith("relance stopped\n")
    assert (tmp_path / "config.db").exists()


def test_all_that_is_wrong_is_told_before_it_begins(tmp_path: Path) -> None:
    sample(tmp_path, POLICY="none.toml", FILES_FOLDER="nowhere")
    done = subprocess.run(
        [RELANCE, "run"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "none.toml" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "config.db").exists()


def test_what_is_done_apart_tells_and_raises_as_if_it_were_here() -> None:
    assert apart(sorted, [2, 1]) == [1, 2]
    with pytest.raises(ConfigError) as caught:
        apart(_wrong)
    assert str(caught.value) == "one\ntwo"


def _wrong() -> None:
    raise ConfigError("one", "two")
