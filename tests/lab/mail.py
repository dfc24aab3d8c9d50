"""A mail server that keeps what it receives and delivers nothing."""

import email
import email.policy
import itertools
import socket
from asyncio import AbstractServer
from collections.abc import Awaitable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

REFUSED = {"bounce": "550 5.1.1 no such mailbox", "greylist": "451 4.7.1 try again later"}


class MailSink(Controller):
    """Receives mail on a free port of 127.0.0.1; `mails` holds it, oldest first.

    The envelope is in the headers X-Envelope-From and X-Envelope-To. Each mail is also a file
    in `folder`. The local part "bounce" is refused for good, "greylist" for now.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.mails: list[EmailMessage] = []
        self.numbers = itertools.count(1)
        self.socket = socket.create_server(("127.0.0.1", 0))
        port = self.socket.getsockname()[1]
        # its own name, so that none is looked up for each connection
        super().__init__(self, hostname="127.0.0.1", port=port, server_hostname="localhost")

    def _create_server(self) -> Awaitable[AbstractServer]:
        # a port of 0 would not do: the controller connects to its own `port` to see it run
        return self.loop.create_server(self._factory_invoker, sock=self.socket)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[Any]
    ) -> str:
        """Accept the recipient, or refuse it by its local part."""
        refusal = REFUSED.get(address.partition("@")[0])
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep the mail, in memory and as a file."""
        content = envelope.original_content or b""
        message = email.message_from_bytes(content, policy=email.policy.default)
        head = {"From": envelope.mail_from or "", "To": ", ".join(envelope.rcpt_tos)}
        for name, value in head.items():
            message[f"X-Envelope-{name}"] = value
        lines = "".join(f"X-Envelope-{name}: {value}\r\n" for name, value in head.items())
        path = self.folder / f"{next(self.numbers):06d}.eml"
        path.write_bytes(lines.encode() + content)
        self.mails.append(message)
        return "250 OK"
