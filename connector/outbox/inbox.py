"""The firm's mailbox over IMAP: what came in since it was last read, and nothing changed in it.

The folder is opened for reading only. No message is moved, deleted or marked as seen.
"""

import re
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from imaplib import IMAP4, Internaldate2tuple
from typing import TYPE_CHECKING

from connector.errors import AuthRequired, ConfigError, Transient
from connector.outbox import incoming
from connector.outbox.incoming import Incoming
from connector.outbox.mail import one_line
from connector.outbox.smtp_settings import is_loopback

if TYPE_CHECKING:
    from imap_tools import BaseMailBox

PORTS = {"tls": 993, "starttls": 143, "none": 143}
TIMEOUT = 60.0
HEAD = 131072  # bytes of a message that are fetched: headers, words, report, returned headers
BATCH = 16
MOST = 2000  # messages of one run; the next goes on
NEEDED = (
    ("HOST", "the mail server"),
    ("USER", "the user of the mailbox"),
    ("PASSWORD", "the password of the mailbox"),
)

_UID = re.compile(rb"\bUID (\d{1,10})\b")
Token = Callable[[], str]


def problems(settings: Mapping[str, str], *, with_token: bool = False) -> list[str]:
    """Everything wrong with the IMAP settings by short name; none where there are none at all.

    `with_token`: an access token takes the place of the password.
    """
    if not settings:
        return []
    found = [
        f"RELANCE_IMAP_{name} is missing: {what}"
        for name, what in NEEDED
        if not settings.get(name) and not (with_token and name == "PASSWORD")
    ]
    host, security = settings.get("HOST", ""), settings.get("SECURITY", "tls")
    if host and not re.fullmatch(r"[A-Za-z0-9.:_-]+", host):
        found.append(f"RELANCE_IMAP_HOST is {host!r}: expected a bare name such as mail.firm.fr")
    if security not in PORTS:
        found.append(f"RELANCE_IMAP_SECURITY is {security!r}: expected {', '.join(PORTS)}")
    if security == "none" and not is_loopback(host):
        found.append(
            f"RELANCE_IMAP_SECURITY=none would send the password to {host} in the open: use tls or "
            "starttls; none is for a server on this machine"
        )
    if not settings.get("PORT", "993").isdecimal():
        found.append(f"RELANCE_IMAP_PORT is {settings['PORT']!r}: expected a number")
    if security == "starttls" and settings.get("PORT") == "993":
        found.append("RELANCE_IMAP_PORT is 993, where the line is private from the start: use tls")
    return found


def name_of(settings: Mapping[str, str]) -> str:
    """A folder, its user and server: by this the state remembers how far it was read."""
    folder = settings.get("FOLDER") or "INBOX"
    return f"{folder} of {settings.get('USER', '')} at {settings.get('HOST', '')}"


@dataclass(frozen=True, slots=True)
class Place:
    """How far a folder was read: its UIDVALIDITY and the last UID; both 0 before the first time."""

    validity: int = 0
    uid: int = 0


@dataclass(slots=True)
class Reading:
    """What came in, oldest first with its UID; `problem` says why not all of it could be read."""

    place: Place
    messages: list[tuple[int, Incoming]] = field(default_factory=list)
    problem: str = ""


class Inbox:
    """One folder of the firm's mailbox.

    `own` are the firm's addresses. With `token`, which gives a fresh access token, it signs in by
    XOAUTH2.

    Raises:
        ConfigError: what `problems` says of the settings; PASSWORD is the password itself.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        own: Collection[str] = (),
        token: Token | None = None,
        timeout: float = TIMEOUT,
        context: ssl.SSLContext | None = None,
    ) -> None:
        if found := problems(settings, with_token=token is not None):
            raise ConfigError(*found)
        self.name = name_of(settings)
        self._host, self._user = settings["HOST"], settings["USER"]
        self._password, self._token = settings.get("PASSWORD", ""), token
        self._security = settings.get("SECURITY", "tls")
        self._port = int(settings.get("PORT") or PORTS[self._security])
        self._folder = settings.get("FOLDER") or "INBOX"
        self._timeout, self._context = timeout, context
        self._own = {address.lower() for address in (*own, self._user) if "@" in address}

    def read(self, place: Place, since: date) -> Reading:
        """What came in after `place`; since a day where the folder was not read before.

        Whatever fails ends the reading and is told in it; what was read until then is not lost.
        """
        reading = Reading(place)
        try:
            with self._opened() as (mailbox, validity, uid_next):
                if validity != reading.place.validity:
                    reading.place = Place(validity)
                found = self._new(mailbox, reading.place, since)
                for start in range(0, min(len(found), MOST), BATCH):
                    batch = found[start : min(start + BATCH, MOST)]
                    reading.messages += self._fetched(mailbox, batch)
                    reading.place = Place(validity, batch[-1])
                if len(found) <= MOST:
                    last = max(reading.place.uid, uid_next - 1)
                    reading.place = Place(validity, last)
        except (Transient, AuthRequired, ConfigError) as error:
            reading.problem = str(error)
        return reading

    def examine(self) -> int:
        """How many messages the folder holds, found without changing anything.

        Raises:
            Transient, AuthRequired, ConfigError: it cannot be read, and what to do.
        """
        with self._opened() as (mailbox, _, _):
            return int(mailbox.folder.status(self._folder, ["MESSAGES"])["MESSAGES"])

    def _new(self, mailbox: "BaseMailBox", place: Place, since: date) -> list[int]:
        from imap_tools import AND, U

        sought = AND(uid=U(str(place.uid + 1), "*")) if place.uid else AND(date_gte=since)
        # `n:*` always names the last message, however low its number
        return sorted(uid for uid in map(int, mailbox.uids(sought, None)) if uid > place.uid)

    def _fetched(
        self, mailbox: "BaseMailBox", uids: Sequence[int]
    ) -> Iterator[tuple[int, Incoming]]:
        what = f"(UID INTERNALDATE BODY.PEEK[]<0.{HEAD}>)"
        told, items = mailbox.client.uid("FETCH", ",".join(map(str, uids)), what)
        if told != "OK":
            raise IMAP4.error(str(items[0]) if items else told)
        for head, content in _messages(items):
            number, found = _UID.search(head), incoming.read(content, self._own, _arrived(head))
            if number and found:
                yield int(number[1]), found

    @contextmanager
    def _opened(self) -> Iterator[tuple["BaseMailBox", int, int]]:
        """The mailbox with its folder opened for reading, UIDVALIDITY and UIDNEXT."""
        from imap_tools import ImapToolsError

        with ExitStack() as closing, self._explained():
            mailbox = self._dial()
            closing.callback(_leave, mailbox)
            try:
                self._sign_in(mailbox)
            except (ImapToolsError, IMAP4.error, UnicodeError) as error:
                if isinstance(error, IMAP4.abort):
                    raise
                said = "" if isinstance(error, UnicodeError) else f": {_said(error)}"
                raise AuthRequired(
                    f"imap {self._host}: sign-in refused{said}: check RELANCE_IMAP_USER and "
                    "RELANCE_IMAP_PASSWORD"
                ) from None
            try:
                status = mailbox.folder.status(self._folder, ["UIDVALIDITY", "UIDNEXT"])
                mailbox.folder.set(self._folder, readonly=True)
            except (ImapToolsError, IMAP4.error) as error:
                if isinstance(error, IMAP4.abort):
                    raise
                raise ConfigError(
                    f"imap {self._host}: the folder {self._folder!r} cannot be read: "
                    f"{_said(error)}: check RELANCE_IMAP_FOLDER{_others(mailbox)}"
                ) from None
            yield mailbox, status.get("UIDVALIDITY", 0), status.get("UIDNEXT", 0)

    def _dial(self) -> "BaseMailBox":
        from imap_tools import MailBox, MailBoxStartTls, MailBoxUnencrypted

        where = (self._host, self._port, self._timeout)
        if self._security == "none":
            return MailBoxUnencrypted(*where)
        context = self._context or ssl.create_default_context()
        if self._security == "starttls":
            return MailBoxStartTls(*where, ssl_context=context)
        return MailBox(*where, ssl_context=context)

    def _sign_in(self, mailbox: "BaseMailBox") -> None:
        if self._token:
            mailbox.xoauth2(self._user, self._token(), initial_folder=None)
        elif (self._user + self._password).isascii():
            mailbox.login(self._user, self._password, initial_folder=None)
        else:
            mailbox.login_utf8(self._user, self._password, initial_folder=None)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What breaks on the way, in one line each."""
        from imap_tools import ImapToolsError

        try:
            yield
        except (OSError, IMAP4.abort) as error:
            raise Transient(
                f"imap {self._host}: no connection on port {self._port} ({self._security}): "
                f"{_said(error)}: see that the server is up and that RELANCE_IMAP_HOST, PORT and "
                "SECURITY are its own"
            ) from error
        except (ImapToolsError, IMAP4.error) as error:
            raise Transient(
                f"imap {self._host}: not now: {_said(error)}: it is tried again with the next run"
            ) from error


def _messages(items: Sequence[object]) -> Iterator[tuple[bytes, bytes]]:
    """What was told of each message beside its content, and its content."""
    head = content = b""
    for item in items:
        if isinstance(item, tuple):
            if content:
                yield head, content
            head, content = item[0], item[1]
        elif isinstance(item, bytes):
            head += b" " + item  # a server may tell the rest after the content
    if content:
        yield head, content


def _arrived(head: bytes) -> datetime | None:
    """When the server took a message in, aware UTC; None if it does not tell."""
    try:
        told = Internaldate2tuple(head)
        return datetime.fromtimestamp(time.mktime(told), UTC) if told else None
    except (ValueError, OverflowError, OSError):
        return None


def _others(mailbox: "BaseMailBox") -> str:
    """The folders that there are, as far as a line has room."""
    from imap_tools import ImapToolsError

    try:
        names = [one_line(folder.name)[:40] for folder in mailbox.folder.list()]
    except (OSError, IMAP4.error, ImapToolsError, ValueError):
        return ""
    return f": there are {', '.join(names[:8])}" if names else ""


def _leave(mailbox: "BaseMailBox") -> None:
    """Say goodbye: no answer to that changes anything."""
    from imap_tools import ImapToolsError

    with suppress(OSError, IMAP4.error, ImapToolsError):
        mailbox.logout()


def _said(error: Exception) -> str:
    """A server's words, short and harmless to a terminal."""
    result = getattr(error, "command_result", None)
    told = result[1] if result else [*error.args[-1:]]
    parts = told if isinstance(told, list | tuple) else [told]
    words = " ".join(
        part.decode(errors="replace") if isinstance(part, bytes) else str(part) for part in parts
    )
    return one_line(words)[:200] or type(error).__name__
