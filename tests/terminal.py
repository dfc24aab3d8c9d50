"""`relance` on a terminal of 80 columns, answered as a person would answer it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.processes import RELANCE

COLUMNS, LINES = 80, 60
PATIENCE = 60  # seconds until a prompt that does not come is a failure
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x07")


class Terminal:
    """A command on a terminal; `screen` is all it showed, colours left out."""

    def __init__(self, *words: str, folder: Path, environ: Mapping[str, str]) -> None:
        self._mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            [RELANCE, *words],
            cwd=folder,
            env={**environ, "TERM": "xterm", "COLUMNS": str(COLUMNS)},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self.screen = ""
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._mine)

    def meets(self, text: str) -> str:
        """What was shown up to and with this text, which comes after all that was met before."""
        deadline = time.monotonic() + PATIENCE
        while (at := self.screen.find(text, self._seen)) < 0:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} did not come after:\n{self.screen}")
        shown, self._seen = self.screen[self._seen : at + len(text)], at + len(text)
        return shown

    def types(self, text: str) -> None:
        """A line and Enter."""
        os.write(self._mine, text.encode() + b"\r")

    def answers(self, **answers: str) -> None:
        """Each answer to its prompt, in order."""
        for prompt, answer in answers.items():
            self.meets(prompt.replace("_", " "))
            self.types(answer)

    def interrupts(self) -> None:
        """Ctrl-C."""
        os.write(self._mine, b"\x03")

    def ends(self) -> int:
        """The exit code, once it has come to its end."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            continue
        return self._process.wait(timeout=PATIENCE)

    def _read(self, deadline: float) -> bool:
        """Whether more came; false at the end."""
        ready, _, _ = select.select([self._mine], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise AssertionError(f"nothing more came after:\n{self.screen}")
        try:
            data = os.read(self._mine, 65536)
        except OSError:  # Linux says so where the other end is closed
            return False
        self.screen += _CODES.sub("", data.decode(errors="replace")).replace("\r", "")
        return bool(data)
