"""Folders to set Relance up in: books of a product that wants a key, a keyring, a mail server."""

import io
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import keyring
import pytest

from connector import registry
from connector.cli import main
from tests.distributions import ACME, KEY, installed, path_with
from tests.keyrings import FILE
from tests.lab.mail import MailSink
from tests.policies import policy
from tests.processes import Desk, Done
from tests.providers.folder import ledger_folder
from tests.terminal import Terminal

BACKEND = "PYTHON_KEYRING_BACKEND"
NO_KEYRING = {BACKEND: "keyring.backends.fail.Keyring"}
ANSWERED = {"RELANCE_ACME_KEY": KEY}


def inside(desk: Desk, *words: str, **environ: str) -> Done:
    """A command run within this process, as quick as a call; without a terminal."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as here,
        patch.dict("os.environ", desk.environ() | environ, clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        here.chdir(desk.folder)
        here.setattr(sys, "argv", ["relance", *words])
        here.setattr(sys, "stdin", io.StringIO())
        keyring.core.init_backend()
        try:
            main()
        except SystemExit as end:
            code = end.code
        else:
            code = 0
    assert isinstance(code, int)
    return Done(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class SetUp:
    """A firm's empty folder, with Acme Books installed and its ledger exported to `books`."""

    work: Path

    @property
    def desk(self) -> Desk:
        return Desk(self.work / "firm")

    @property
    def file(self) -> Path:
        return self.desk.folder / "config.env"

    @property
    def books(self) -> Path:
        return self.work / "books"

    @property
    def keyring(self) -> Path:
        return self.work / "keyring.json"

    @property
    def environ(self) -> dict[str, str]:
        """For processes: a keyring of the test's own, and the product's distribution."""
        return {
            "PYTHONPATH": path_with(self.work / "site"),
            BACKEND: "tests.keyrings.InFile",
            FILE: str(self.keyring),
        }

    def relance(self, *words: str, **environ: str) -> Done:
        return inside(self.desk, *words, **(self.environ | environ))

    def on_terminal(self, *words: str, **environ: str) -> Terminal:
        whole = self.desk.environ() | self.environ | environ
        return Terminal(*words, folder=self.desk.folder, environ=whole)

    def init(self, *words: str, **environ: str) -> Done:
        """A configuration of Acme Books by options, the key in the environment."""
        given = (f"FOLDER={self.books}", "POLICY=policy.toml", "MODE=auto")
        options = [part for pair in given for part in ("--set", pair)]
        whole = ANSWERED | environ
        return self.relance("init", "--provider", "acme", *options, *words, **whole)

    def left(self) -> list[str]:
        """What lies in the firm's folder, locks and policy aside."""
        return sorted({path.name for path in self.desk.folder.iterdir()} - {"locks", "policy.toml"})


@contextmanager
def set_up(work: Path) -> Iterator[SetUp]:
    """A firm's folder; while the block runs its product is installed for this process too."""
    found = SetUp(work)
    for folder in (found.desk.folder, found.books):
        folder.mkdir()
    ledger_folder(found.books)
    installed(work / "site", "relance-acme", "acme = acme_books:SPEC", acme_books=ACME)
    (found.desk.folder / "policy.toml").write_text(policy("always"))
    before = keyring.get_keyring()
    with pytest.MonkeyPatch.context() as here:
        here.syspath_prepend(str(work / "site"))
        _forget()
        yield found
    _forget()
    sys.modules.pop("acme_books", None)
    keyring.set_keyring(before)


def _forget() -> None:
    """What was known of the providers that are installed."""
    registry._entries.cache_clear()
    registry._found.cache_clear()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def mail(work: Path) -> Iterator[tuple[MailSink, list[str]]]:
    """A mail server, and the options of `init` that name it."""
    sink = MailSink(work / "mails")
    sink.start()
    try:
        pairs = (
            "SMTP_HOST=127.0.0.1",
            f"SMTP_PORT={sink.port}",
            "SMTP_SECURITY=none",
            "SMTP_FROM=Compta <compta@demo.example>",
        )
        yield sink, [part for pair in pairs for part in ("--set", pair)]
    finally:
        sink.stop()
