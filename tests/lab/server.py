"""A running Tryton over a copy of a built ledger, with its mail caught."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from email.message import EmailMessage
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.lab.bookkeeper import Bookkeeper
from tests.lab.mail import MailSink
from tests.lab.rpc import Rpc, RpcError

CONFIGURATION = Path(__file__).with_name("trytond.conf")
ROOT = Path(__file__).parents[2]
PATIENCE = 60  # seconds a server may take to start; it needs about one


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """An invoice of the built ledger and its customer, with Tryton's own figures at that time."""

    id: int
    number: str | None
    party: int
    total: Decimal
    open: Decimal


class TrytonLab(Bookkeeper):
    """Tryton on a free port of 127.0.0.1, its mail caught; everything ends with the `with` block.

    `built` is a folder made by `tests.lab.build`, which stays as it is; `work` receives the copy,
    the mails (`mails/*.eml`) and the server's log. `user` and `password` are those of a user with
    the rights of Accounting; the methods act as the administrator. Amounts are in major units of
    the invoice's currency.
    """

    url: str
    port: int
    smtp_port: int
    mails: list[EmailMessage]

    def __init__(self, built: Path, work: Path) -> None:
        self.built = built
        self.work = work
        lab = json.loads((built / "lab.json").read_text())
        self.database: str = lab["database"]
        self.user: str = lab["sync"]["login"]
        self.password: str = lab["sync"]["password"]
        self.rest_key: str = lab["rest_key"]
        super().__init__(lab["ids"], date.fromisoformat(lab["today"]))
        self.situations = {
            name: Situation(**raw | {key: Decimal(raw[key]) for key in ("total", "open")})
            for name, raw in lab["situations"].items()
        }
        self._admin: dict[str, str] = lab["admin"]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.work.mkdir(parents=True, exist_ok=True)
            shutil.copytree(self.built / "db", self.work / "db")
            self._sink = MailSink(self.work / "mails")
            stack.callback(self._sink.socket.close)
            self._sink.start()
            stack.callback(self._sink.stop)
            self.mails, self.smtp_port = self._sink.mails, self._sink.port
            self.port = self._reserve_port(stack)
            self.url = f"http://127.0.0.1:{self.port}"
            self._rpc = Rpc(self.port, self.database, **self._admin)
            stack.callback(self.stop)
            self.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _reserve_port(self, stack: ExitStack) -> int:
        """Return a free port, and on Linux keep others off it even while the server is down."""
        holder = stack.enter_context(socket.socket())
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        if not sys.platform.startswith("linux"):  # elsewhere the server could not bind beside it
            holder.close()
        return port

    def start(self) -> None:
        """Start the server and return when it answers; on the same port as before a `stop`.

        Raises: RuntimeError with the end of the server's log when it does not come up.
        """
        if self._process is not None:
            return
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TRYTOND_")} | {
            "TRYTOND_DATABASE__URI": "sqlite://",
            "TRYTOND_DATABASE__PATH": str(self.work.resolve() / "db"),
            "TRYTOND_WEB__LISTEN": f"127.0.0.1:{self.port}",
            "TRYTOND_EMAIL__URI": f"smtp://127.0.0.1:{self.smtp_port}",
        }
        command = [sys.executable, "-m", "tests.lab.serve"]
        with (self.work / "trytond.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-c", str(CONFIGURATION), "-d", self.database],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                self._rpc.version()
                return
            except (OSError, HTTPException, RpcError):
                time.sleep(0.05)
        log = (self.work / "trytond.log").read_text(errors="replace")
        raise RuntimeError(f"trytond did not start:\n{log[-2000:]}")

    def stop(self) -> None:
        """Take the server away, as if unplugged; the mail sink stays. Harmless when stopped."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.terminate()
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            if process.stdin:
                process.stdin.close()

    def rpc(self, method: str, *params: object, **context: object) -> Any:
        """Call a method as the administrator; keywords go into its context.

        Decimals, dates, instants and bytes pass in both directions as Python's own.

        Raises: RpcError when the server refuses.
        """
        return self._rpc.call(method, *params, context={"company": self.company_id, **context})
