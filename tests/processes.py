"""Runs `relance` as users do: as a process, in a folder with a config.env."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.server import TrytonLab
from tests.policies import policy, step

RELANCE = Path(sys.executable).parent / "relance"

ALWAYS = policy(
    "always",
    step("friendly", 3),
    step("call", 8, stage="friendly", channel="call"),
    step("firm", 15, more='interest = "mention"'),
)


@dataclass(frozen=True)
class Done:
    """A finished process."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        loaded = json.loads(self.out)
        assert isinstance(loaded, dict)
        return loaded


@dataclass(frozen=True)
class Desk:
    """A folder with a configuration, as a firm has one."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "config.db"

    def environ(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RELANCE_")}
        return kept | {"XDG_STATE_HOME": str(self.folder / "locks"), "LAB_PASSWORD": "lab-sync"}

    def relance(self, *words: str, **environ: str) -> Done:
        done = subprocess.run(
            [RELANCE, *words],
            cwd=self.folder,
            env=self.environ() | environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [RELANCE, *words],
            cwd=self.folder,
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def digests(self) -> dict[str, str]:
        """Every file of the state, by content."""
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.folder.glob("config.db*"))
        }


def configured(folder: Path, lab: TrytonLab, **more: str) -> Desk:
    """A folder whose config.env reaches the lab's server with login and password."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.toml").write_text(ALWAYS, encoding="utf-8")
    secret = folder / "password"
    secret.write_text(lab.password, encoding="utf-8")
    secret.chmod(0o600)
    values = {
        "PROVIDER": "tryton",
        "POLICY": "policy.toml",
        "LANGUAGE": "fr",
        "MODE": "auto",
        "TRYTON_URL": lab.url,
        "TRYTON_DATABASE": lab.database,
        "TRYTON_USER": lab.user,
        "TRYTON_PASSWORD": f"file:{secret}",
    } | more
    lines = [f"RELANCE_{name}={value}" for name, value in values.items() if value]
    (folder / "config.env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Desk(folder)
