"""Runs `relance` as processes that can be killed at a point, forked from one that has imported it.

A point is a commit or a call over the network; each has a before and an after. The tests talk to
the parent over its standard input, a line of JSON a run.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[1]
KILLED = -signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended: its exit code (negative: the signal), what it told, its points."""

    code: int
    out: str
    err: str
    points: tuple[str, ...]

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.out))


class Forks:
    """`relance` again and again at the price of a fork."""

    def __enter__(self) -> Self:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.forked"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._parent.communicate()

    def relance(
        self,
        folder: Path,
        environ: dict[str, str],
        *words: str,
        kill: int = 0,
        after: bool = False,
        patience: float = 0,
    ) -> Ended:
        """One run; killed right before or `after` its point number `kill`, counted from 1.

        `patience` replaces the seconds that a read waits for an answer.
        """
        asked = {
            "folder": str(folder),
            "environ": environ,
            "words": words,
            "kill": kill,
            "after": after,
            "patience": patience,
        }
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.write(json.dumps(asked) + "\n")
        self._parent.stdin.flush()
        told = json.loads(self._parent.stdout.readline())
        assert "Traceback" not in told["err"], told["err"]
        return Ended(told["code"], told["out"], told["err"], tuple(told["points"]))


def _serve() -> None:
    """Fork a child for each line asked; nothing of it but its imports is shared."""
    from connector.cli import boxes, commands  # noqa: F401  imported once for all
    from providers import files, tryton  # noqa: F401

    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.TemporaryDirectory() as folder:
            files = {name: Path(folder, name) for name in ("out", "err", "points")}
            for file in files.values():
                file.touch()
            child = os.fork()
            if not child:
                _child(asked, files)
            _, status = os.waitpid(child, 0)
            told = {name: file.read_text(encoding="utf-8") for name, file in files.items()}
        code = os.waitstatus_to_exitcode(status)
        answer = told | {"code": code, "points": told["points"].splitlines()}
        print(json.dumps(answer), flush=True)


def _child(asked: dict[str, Any], files: dict[str, Path]) -> None:
    """Be `relance`, and never return."""
    code = 1
    try:
        for number, name in ((1, "out"), (2, "err")):
            handle = os.open(files[name], os.O_WRONLY | os.O_APPEND)
            os.dup2(handle, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environ"])
        sys.argv = ["relance", *asked["words"]]
        _hook(asked, os.open(files["points"], os.O_WRONLY | os.O_APPEND))
        from connector.cli import main

        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _hook(asked: dict[str, Any], report: int) -> None:
    """Count the points, tell each before it is passed, and die at the one that was asked for."""
    import smtplib

    import requests
    from sqlalchemy.engine.default import DefaultDialect

    import providers.http

    if asked["patience"]:
        providers.http.READ = asked["patience"]
    passed = 0

    def point(name: str, call: Callable[[], Any]) -> Any:
        nonlocal passed
        passed += 1
        here = passed == asked["kill"]
        os.write(report, f"{name}\n".encode())
        if here and not asked["after"]:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call()
        if here:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    commit: Callable[..., None] = DefaultDialect.do_commit
    send = requests.Session.send

    def do_commit(self: Any, connection: Any) -> None:
        point("commit", lambda: commit(self, connection))

    def do_send(self: Any, request: Any, **more: Any) -> Any:
        name = json.loads(request.body)["method"] if request.body else request.method
        return point(name, lambda: send(self, request, **more))

    smtp_send, smtp_reply = smtplib.SMTP.send, smtplib.SMTP.getreply

    def do_smtp_send(self: Any, text: Any) -> None:
        point("smtp.send", lambda: smtp_send(self, text))

    def do_smtp_reply(self: Any) -> Any:
        return point("smtp.getreply", lambda: smtp_reply(self))

    smtplib.SMTP.send = do_smtp_send  # type: ignore[method-assign]
    smtplib.SMTP.getreply = do_smtp_reply  # type: ignore[method-assign]
    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]
    requests.Session.send = do_send  # type: ignore[method-assign]


if __name__ == "__main__":
    _serve()
