"""Messages over the firm's own mail server: what became of each is certain, or said not to be.

The dialogue is driven step by step: a connection that is lost before the text goes out has sent
nothing, one that is lost after it may have.
"""

import ipaddress
import re
import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from email.headerregistry import Address

from connector.contract import Receipt
from connector.errors import AuthRequired, ConfigError, OutcomeUnknown, Rejected, Transient
from connector.outbox.mail import message_bytes, message_id, one_line, recipient_of, sender_of
from connector.receivables.records import Message

__all__ = ["Smtp", "message_bytes", "problems"]

PORTS = {"starttls": 587, "tls": 465, "none": 25}
TIMEOUT = 60.0
PATIENCE = 600.0
"""Seconds for the text and its answer: giving up sooner makes unknown outcomes of slow ones.

Source: RFC 5321, section 4.5.3.2.6, read 2026-11-20.
"""

_SIGN_IN = frozenset({530, 534, 535, 538})  # RFC 4954, section 6


def problems(settings: Mapping[str, str]) -> list[str]:
    """Everything wrong with the SMTP settings by short name; none where there are none at all."""
    if not settings:
        return []
    found = [
        f"RELANCE_SMTP_{name} is missing: {what}"
        for name, what in (("HOST", "the mail server"), ("FROM", "the address to write from"))
        if not settings.get(name)
    ]
    host, security = settings.get("HOST", ""), settings.get("SECURITY", "starttls")
    if host and not re.fullmatch(r"[A-Za-z0-9.:_-]+", host):
        found.append(f"RELANCE_SMTP_HOST is {host!r}: expected a bare name such as mail.firm.fr")
    if security not in PORTS:
        found.append(f"RELANCE_SMTP_SECURITY is {security!r}: expected {', '.join(PORTS)}")
    if security == "none" and not is_loopback(host):
        found.append(
            f"RELANCE_SMTP_SECURITY=none would send letters and password to {host} in the open: "
            "use starttls or tls; none is for a server on this machine"
        )
    if not settings.get("PORT", "25").isdecimal():
        found.append(f"RELANCE_SMTP_PORT is {settings['PORT']!r}: expected a number")
    if settings.get("FROM"):
        try:
            sender_of(settings["FROM"])
        except ValueError as error:
            found.append(f"RELANCE_SMTP_FROM: {error}")
    if bool(settings.get("USER")) != bool(settings.get("PASSWORD")):
        lacking = "PASSWORD" if settings.get("USER") else "USER"
        found.append(f"RELANCE_SMTP_{lacking} is missing: user and password go together")
    return found


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in ("localhost", "localhost.localdomain")


class Deferred(Transient):
    """This recipient is refused for now; the next message may go all the same."""


class Smtp:
    """The firm's mail server. One connection a message; a message is offered once.

    Raises:
        ConfigError: what `problems` says of the settings; PASSWORD is the password itself.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
        context: ssl.SSLContext | None = None,
    ) -> None:
        if found := problems(settings) or ([] if settings else ["RELANCE_SMTP_HOST is missing"]):
            raise ConfigError(*found)
        self._settings = settings
        self._host = settings["HOST"]
        self._security = settings.get("SECURITY", "starttls")
        self._port = int(settings.get("PORT") or PORTS[self._security])
        self._timeout, self._patience, self._context = timeout, patience, context

    def send(
        self,
        message: Message,
        *,
        key: str,
        now: datetime,
        attachments: Sequence[tuple[str, bytes]] = (),
        auto: bool = True,
    ) -> Receipt:
        """Hand one message over; the receipt is its Message-ID. All recipients get it, or none.

        Raises:
            Transient: nothing was sent, and another time it may go; `Deferred` if the server goes
                on taking others.
            Rejected: nothing was sent, and nothing will be as things are.
            AuthRequired: nothing was sent: the server wants another user or password.
            OutcomeUnknown: the text went out and no answer came back.
        """
        sender = self._settings["FROM"]
        data = message_bytes(
            message, sender=sender, key=key, now=now, attachments=attachments, auto=auto
        )
        origin = sender_of(sender)
        recipients = [recipient_of(to).addr_spec for to in (*message.to, *message.cc)]
        with ExitStack() as closing:
            with self._nothing_sent():
                smtp = closing.enter_context(self._dial(origin))
                self._greet(smtp)
                self._envelope(smtp, origin.addr_spec, list(dict.fromkeys(recipients)), len(data))
                self._expect(smtp.docmd("DATA"), "the message", 354)
            self._content(smtp, data)
        return Receipt(id=message_id(key, origin))

    @contextmanager
    def _dial(self, origin: Address) -> Iterator[smtplib.SMTP]:
        # The name is given, for smtplib would ask the network for this machine's and tell it.
        name = origin.domain
        if self._security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, name, timeout=self._timeout, context=self._tls()
            )
        else:
            smtp = smtplib.SMTP(self._host, self._port, name, timeout=self._timeout)
        try:
            yield smtp
        finally:
            with suppress(OSError):  # the outcome is known: no farewell changes it
                smtp.quit()
            smtp.close()

    def _tls(self) -> ssl.SSLContext:
        return self._context or ssl.create_default_context()

    def _greet(self, smtp: smtplib.SMTP) -> None:
        if self._security == "starttls":
            smtp.starttls(context=self._tls())
        smtp.ehlo_or_helo_if_needed()
        user, password = self._settings.get("USER", ""), self._settings.get("PASSWORD", "")
        if not user:
            return
        try:
            smtp.login(user, password)
        except UnicodeError:  # it holds the password: nothing of it goes further
            raise AuthRequired(
                f"smtp {self._host}: user or password has letters outside ASCII, which the sign-in "
                "cannot carry: choose another"
            ) from None
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException as error:
            if 400 <= getattr(error, "smtp_code", 0) < 500:
                raise
            raise AuthRequired(
                f"smtp {self._host}: sign-in refused: {_said(error)}: check RELANCE_SMTP_USER and "
                "RELANCE_SMTP_PASSWORD"
            ) from error

    def _envelope(
        self, smtp: smtplib.SMTP, sender: str, recipients: Sequence[str], size: int
    ) -> None:
        options = [f"size={size}"] if smtp.has_extn("size") else []
        self._expect(smtp.mail(sender, options), f"sender {sender}", 250)
        answers = {address: smtp.rcpt(address) for address in recipients}
        if any(code not in (250, 251, 252) for code, _ in answers.values()):
            with suppress(OSError):
                smtp.rset()  # half a reminder is none
        # Refused for good outweighs refused for now.
        for address, answer in sorted(answers.items(), key=lambda item: -item[1][0]):
            try:
                self._expect(answer, address, 250, 251, 252)
            except Transient as error:
                raise Deferred(str(error)) from None

    def _content(self, smtp: smtplib.SMTP, data: bytes) -> None:
        """Send the text; from its first byte on, silence means that it may have arrived."""
        try:
            if smtp.sock:
                smtp.sock.settimeout(self._patience)
            smtp.send(re.sub(rb"(?m)^\.", b"..", data) + b".\r\n")
            code, text = smtp.getreply()
            if smtp.sock:
                smtp.sock.settimeout(self._timeout)
        except OSError as error:
            raise OutcomeUnknown(
                f"smtp {self._host}: the message went out and no answer came back: {_said(error)}: "
                "ask the recipient or the server's log, then `relance outbox resolve`"
            ) from error
        if 400 <= code < 600:
            raise self._refusal(code, text, "the message")
        if not 200 <= code < 300:
            raise OutcomeUnknown(
                f"smtp {self._host}: the answer to the message is not understood: {code} "
                f"{_plain(text)}: see the server's log, then `relance outbox resolve`"
            )

    def _expect(self, answer: tuple[int, bytes], what: str, *wanted: int) -> None:
        code, text = answer
        if code not in wanted:
            raise self._refusal(code, text, what)

    def _refusal(
        self, code: int, text: bytes | str, what: str
    ) -> AuthRequired | Transient | Rejected:
        said = f"smtp {self._host}: {what} refused: {code} {_plain(text)}"
        if code in _SIGN_IN:
            return AuthRequired(f"{said}: check RELANCE_SMTP_USER and RELANCE_SMTP_PASSWORD")
        if 500 <= code < 600:
            return Rejected(f"{said}: mend what the server names, or hold the customer")
        return Transient(f"{said}: it is tried again later")

    @contextmanager
    def _nothing_sent(self) -> Iterator[None]:
        """Before the text goes out, whatever breaks has sent nothing."""
        try:
            yield
        except smtplib.SMTPResponseException as error:
            # Greeting, EHLO, STARTTLS: about the server, so no verdict on the message.
            said = f"{error.smtp_code} {_plain(error.smtp_error)}"
            raise Transient(
                f"smtp {self._host}: not now: {said}: it is tried again later"
            ) from error
        except OSError as error:
            raise Transient(
                f"smtp {self._host}: no connection on port {self._port} "
                f"({self._security}): {_said(error)}: see that the server is up and that "
                "RELANCE_SMTP_HOST, PORT and SECURITY are its own"
            ) from error


def _said(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_plain(error.smtp_error)}"
    return _plain(str(error)) or type(error).__name__


def _plain(text: bytes | str) -> str:
    """A server's words, short and harmless to a terminal."""
    return one_line(text.decode(errors="replace") if isinstance(text, bytes) else text)[:200]
