"""Distributions that bring providers of their own, beside the one that is tested."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parent.parent


def installed(folder: Path, distribution: str, entries: str, **modules: str) -> None:
    """A distribution as pip leaves it: modules, and a dist-info that names its entry points."""
    info = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[relance.providers]\n{entries}\n")
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(code)


def pip_installed(source: Path, target: Path) -> None:
    """What pip makes of a project, in a folder of its own; nothing is fetched from anywhere."""
    words = ("install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, "--target", str(target), str(source)],
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def path_with(*folders: Path) -> str:
    """PYTHONPATH for a process that is to find these folders, and what is tested."""
    return os.pathsep.join(map(str, (*folders, ROOT)))


ACME = dedent('''
    """CSV files that want a key, and lack what their `mood` says: a product to be set up."""

    from dataclasses import dataclass, replace
    from datetime import UTC, datetime
    from pathlib import Path

    from connector.contract import Finding, ProviderSpec, Setting
    from connector.errors import AuthRequired
    from connector.receivables.capabilities import Limits, Notes, Traces
    from providers.files import SPEC as FILES, Files

    class Acme(Files):
        def __init__(self, settings):
            super().__init__(Path(settings["FOLDER"]), lambda: datetime.now(UTC))
            self.key, self.mood = settings["KEY"], settings.get("MOOD", "")

        def company(self):
            if self.key != "hünter2 #1":
                raise AuthRequired("acme: the server does not accept this key")
            company = replace(super().company(), ledger_id="acme:1")
            return replace(company, timezone="") if "timeless" in self.mood else company

        def probe(self):
            can = replace(super().probe(), custom_email="mails" in self.mood)
            can = replace(can, native_reminders="native" in self.mood)
            if "forgetful" in self.mood:
                can = replace(can, note=Notes.NONE, traces=Traces.NONE)
            return can

        def examine(self):
            yield Finding(what="read the ledger", fine=True)
            mend = "tick Ledger on the page of the user"
            yield Finding(what="read payments", fine="blind" not in self.mood, mend=mend)

    SPEC = replace(
        FILES,
        name="acme",
        title="Acme Books",
        can=replace(FILES.can, custom_email=True, native_reminders=True),
        settings=(
            *FILES.settings,
            Setting(name="KEY", help="the key of the application", secret=True),
            Setting(name="MOOD", help="what it lacks", required=False),
        ),
        check=lambda settings: FILES.check(settings),
        open=lambda settings, tokens, meter: Acme(settings),
        limits=Limits(day=1000),
    )
''')
KEY = "hünter2 #1"
