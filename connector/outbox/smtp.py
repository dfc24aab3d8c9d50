"""Messages over the firm's own mail server: what became of each is certain, or said not to be.

The dialogue is driven step by step: a connection that is lost before the text goes out has sent
nothing, one that is lost after it may have.
"""

import re
import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from email.headerregistry import Address

from connector.contract import Receipt
from connector.errors import AuthRequired, ConfigError, OutcomeUnknown, Rejected, Transient
from connector.oauth import AccessTokens, xoauth2
from connector.outbox.mail import message_bytes, message_id, one_line, recipient_of, sender_of
from connector.outbox.smtp_settings import PORTS, problems
from connector.receivables.records import Message

__all__ = ["Smtp", "message_bytes", "problems"]

TIMEOUT = 60.0
PATIENCE = 600.0
"""Seconds for the text and its answer: giving up sooner makes unknown outcomes of slow ones.

Source: RFC 5321, section 4.5.3.2.6, read 2026-11-20.
"""

_SIGN_IN = frozenset({530, 534, 535, 538})  # RFC 4954, section 6


class Deferred(Transient):
    """This recipient is refused for now; the next message may go all the same."""


class Smtp:
    """The firm's mail server. One connection a message; a message is offered once.

    With `tokens` it signs in by OAuth 2, else with USER and PASSWORD where there are such.

    Raises:
        ConfigError: what `problems` says of the settings; PASSWORD is the password itself.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        tokens: AccessTokens | None = None,
        *,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
        context: ssl.SSLContext | None = None,
    ) -> None:
        if found := problems(settings) or ([] if settings else ["RELANCE_SMTP_HOST is missing"]):
            raise ConfigError(*found)
        self._settings, self._tokens = settings, tokens
        self._host = settings["HOST"]
        self._security = settings.get("SECURITY", "starttls")
        self._port = int(settings.get("PORT") or PORTS[self._security])
        self._timeout, self._patience, self._context = timeout, patience, context

    def sign_in(self) -> None:
        """Greet the server and sign in; nothing is sent.

        Raises:
            Transient: there is no connection, or the server wants none now.
            AuthRequired: the server wants another user or password.
        """
        if self._tokens:
            self._tokens.current()  # before the line is open: its server is another one
        with self._nothing_sent(), self._dial(sender_of(self._settings["FROM"])) as smtp:
            self._greet(smtp)

    def send(
        self,
        message: Message,
        *,
        key: str,
        now: datetime,
        attachments: Sequence[tuple[str, bytes]] = (),
        auto: bool = True,
        earlier: Sequence[str] = (),
    ) -> Receipt:
        """Hand one message over; the receipt is its Message-ID. All recipients get it, or none.

        They are those of the message, and the firm's own blind copy.

        Raises:
            Transient: nothing was sent, and another time it may go; `Deferred` if the server goes
                on taking others.
            Rejected: nothing was sent, and nothing will be as things are.
            AuthRequired: nothing was sent: the server wants another user or password.
            ConfigError: nothing was sent: the blind copy is refused for good.
            OutcomeUnknown: the text went out and no answer came back.
        """
        data = self.written(
            message, key=key, now=now, attachments=attachments, auto=auto, earlier=earlier
        )
        origin = sender_of(self._settings["FROM"])
        copy = [self.blind_copy] if self.blind_copy else []
        recipients = [recipient_of(to).addr_spec for to in (*message.to, *message.cc, *copy)]
        if self._tokens:
            self._tokens.current()  # before the line is open: its server is another one
        with ExitStack() as closing:
            with self._nothing_sent():
                smtp = closing.enter_context(self._dial(origin))
                self._greet(smtp)
                self._envelope(smtp, origin.addr_spec, list(dict.fromkeys(recipients)), len(data))
                self._expect(smtp.docmd("DATA"), "the message", 354)
            self._content(smtp, data)
        return Receipt(id=message_id(key, origin))

    @property
    def blind_copy(self) -> str:
        """The firm's own mailbox that has a copy of each message, empty for none."""
        return self._settings.get("BLIND_COPY", "")

    def written(
        self,
        message: Message,
        *,
        key: str,
        now: datetime,
        attachments: Sequence[tuple[str, bytes]] = (),
        auto: bool = True,
        earlier: Sequence[str] = (),
    ) -> bytes:
        """The very bytes that `send` hands over.

        Raises:
            Rejected: an address that cannot be written to, or none.
        """
        return message_bytes(
            message,
            sender=self._settings["FROM"],
            key=key,
            now=now,
            attachments=attachments,
            auto=auto,
            reply_to=self._settings.get("REPLY_TO", ""),
            earlier=earlier,
        )

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
        if not self._settings.get("USER"):
            return
        try:
            self._sign_in(smtp, self._settings["USER"])
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
                f"smtp {self._host}: sign-in refused: {self._redact(_said(error))}: {self._check}"
            ) from None

    def _sign_in(self, smtp: smtplib.SMTP, user: str) -> None:
        if self._tokens is None:
            smtp.login(user, self._settings["PASSWORD"])
            return
        if "XOAUTH2" not in smtp.esmtp_features.get("auth", "").upper().split():
            raise smtplib.SMTPNotSupportedError("the server does not offer XOAUTH2")
        token = self._tokens.current()
        try:
            _by_token(smtp, user, token)
        except smtplib.SMTPAuthenticationError as error:
            if error.smtp_code < 500:
                raise
            _by_token(smtp, user, self._tokens.renewed(token))  # it may have been taken back

    @property
    def _check(self) -> str:
        if self._tokens:
            return "check RELANCE_SMTP_USER, and that its owner allowed this client to send mail"
        return "check RELANCE_SMTP_USER and RELANCE_SMTP_PASSWORD"

    def _redact(self, text: str) -> str:
        password = self._settings.get("PASSWORD")
        text = text.replace(password, "***") if password else text
        return self._tokens.redact(text) if self._tokens else text

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
            except (Transient, Rejected) as error:
                if self._is_copy(address):  # of every message: not this recipient's fault
                    raise _of_the_copy(error) from None
                if isinstance(error, Transient):
                    raise Deferred(str(error)) from None
                raise

    def _is_copy(self, address: str) -> bool:
        return bool(self.blind_copy) and address == recipient_of(self.blind_copy).addr_spec

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
        said = self._redact(f"smtp {self._host}: {what} refused: {code} {_plain(text)}")
        if code in _SIGN_IN:
            return AuthRequired(f"{said}: {self._check}")
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


def _of_the_copy(error: Transient | Rejected) -> Transient | ConfigError:
    if isinstance(error, Transient):
        return error
    return ConfigError(
        f"{error}: nothing is sent that the firm has no copy of: correct RELANCE_SMTP_BLIND_COPY"
    )


def _by_token(smtp: smtplib.SMTP, user: str, token: str) -> None:
    """Sign in with AUTH XOAUTH2; a refusal holds what the server's challenge says of it.

    Raises:
        smtplib.SMTPAuthenticationError: refused.
    """
    told: list[bytes] = []

    def answer(challenge: bytes | None = None) -> str:
        if not challenge:
            return xoauth2(user, token)
        told.append(challenge)
        return ""  # a refusal comes as a challenge first, and waits for an empty answer

    # A command has 512 octets at most (RFC 4954, section 4): a long token is sent on its own.
    short = len(xoauth2(user, token)) * 4 / 3 < 480
    try:
        smtp.auth("XOAUTH2", answer, initial_response_ok=short)
    except smtplib.SMTPAuthenticationError as error:
        words = b" ".join([error.smtp_error, *told])  # type: ignore[list-item]
        raise smtplib.SMTPAuthenticationError(error.smtp_code, words) from None


def _said(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_plain(error.smtp_error)}"
    return _plain(str(error)) or type(error).__name__


def _plain(text: bytes | str) -> str:
    """A server's words, short and harmless to a terminal."""
    return one_line(text.decode(errors="replace") if isinstance(text, bytes) else text)[:200]
