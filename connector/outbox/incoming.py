"""What a message from outside is: mail of ours that came back, or somebody's answer to it.

Nothing in it is believed but the key of a reminder, which only those can know who had that
reminder. Whatever is not understood is left alone.
"""

import hashlib
import html
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, message_from_string
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parseaddr
from enum import StrEnum

from connector.outbox.mail import one_line

PARTS = 100  # a message of more is read no further than its headers
TEXT = 65536  # characters of each text that are looked at
KEYS = 20  # reminders that one message may name

_BROKEN = (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
_OURS = re.compile(r"<relance\.([0-9a-f]{20})@[^<>\s]{1,255}>", re.IGNORECASE)
_REFERENCE = re.compile(r"\bRef\.[\s>]{1,8}([0-9a-f]{20})(?![0-9a-f])")
_OWN_REFERENCE = re.compile(r"(?m)^[ \t]*Ref\.\s([0-9a-f]{20})(?![0-9a-f])")  # quoted by nobody
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w.-]{1,255}\w")
_FOLLOWS = ("In-Reply-To", "References")
_RETURNED = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/global",
    "message/global-headers",
)
_STATUS = ("message/delivery-status", "message/global-delivery-status")

_DAEMONS = ("mailer-daemon", "postmaster")
_NOBODY = (*_DAEMONS, "no-reply", "noreply", "no_reply", "donotreply", "do-not-reply")
_MACHINES = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-AutoReply-From")
_ABSENT = re.compile(
    r"(?i)\W*(automatic reply|auto(matic)?[ -]?(reply|response)|out of (the )?office"
    r"|r[ée]ponse automatique|absence du bureau|message d'absence|automatische antwort"
    r"|abwesenheits\w*|automatisch antwoord|afwezigheid\w*)\b"
)
_COPY = re.compile(
    r"(?im)^[ \t]*-* ?(below this line is a copy of the message|this is a copy of (the|your) "
    r"message|original message headers|original message follows|original message)\b.*$"
)
_LATER = re.compile(
    r"(?i)\b(delayed|will (keep|continue)( on)? trying|will be (re)?tried|attempts will continue"
    r"|still being (re)?tried|warning message only|no action is required|temporarily deferred)\b"
)
_FINAL = re.compile(
    r"(?i)(?<![\d.])5\.\d{1,3}\.\d{1,3}\b|(?<![\d.])55\d\b|\b(permanent(ly)?|given up|giving up"
    r"|user unknown|unknown user|no such (user|address|mailbox|recipient)|does not exist"
    r"|unrouteable|couldn't be delivered|could not be delivered|address not found)\b"
)


class What(StrEnum):
    """What a message is to us."""

    RETURNED = "returned"  # nobody will try again
    DELAYED = "delayed"
    WRITTEN = "written"  # by a person, as far as can be told


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One recipient who did not get it: the address as we wrote it and as it was forwarded to,
    where the report tells; and why, in the server's words."""

    addresses: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message that may matter. `keys` are the reminders it names, whether or not there are such.

    `id` is the same whenever it is read; `at` is when it arrived, aware. `to` is whom the returned
    message went to, where its headers came back. Texts are one line each.
    """

    what: What
    keys: tuple[str, ...]
    id: str
    sender: str = ""
    subject: str = ""
    at: datetime | None = None
    failures: tuple[Failure, ...] = ()
    to: tuple[str, ...] = ()


def read(data: bytes, own: Collection[str] = (), at: datetime | None = None) -> Incoming | None:
    """What a message is, None if it is nothing to us. `data` may be cut off at its end.

    `own` are the firm's addresses, in lower case: what comes from them is no customer's answer.
    """
    head = data.split(b"\r\n\r\n", 1)[0].split(b"\n\n", 1)[0] + b"\r\n\r\n"
    for text in (head,) if _is_bomb(data) else (data, head):
        try:
            return _read(message_from_bytes(text), head, own, at)
        except _BROKEN:
            continue
    return None


def _is_bomb(data: bytes) -> bool:
    lower = data.lower()
    return lower.count(b"content-type:") > PARTS or lower.count(b"boundary=") > PARTS


def _read(
    message: Message, head: bytes, own: Collection[str], at: datetime | None
) -> Incoming | None:
    if _OURS.search(_header(message, "Message-ID")):
        return None  # a copy of what we sent
    name = _header(message, "Message-ID").encode(errors="replace") or head
    identity = hashlib.sha256(name).hexdigest()[:12]
    sender = parseaddr(_header(message, "From"))[1].lower()
    if message.get_content_type() == "multipart/report":
        kind = str(message.get_param("report-type") or "delivery-status").lower()
        return _report(message, identity, at) if kind == "delivery-status" else None
    if sender.partition("@")[0] in _DAEMONS or message["X-Failed-Recipients"]:
        return _report(message, identity, at) or _plain_report(message, identity, at)
    subject = one_line(_header(message, "Subject"))[:200]
    if not sender or sender in own or _is_automatic(message, sender, subject):
        return None
    keys = _named(message)
    if not keys and any(message[name] for name in ("List-Id", "List-Unsubscribe")):
        return None
    return Incoming(
        what=What.WRITTEN,
        keys=keys,
        id=identity,
        sender=one_line(sender)[:254],
        subject=subject,
        at=at,
    )


def _is_automatic(message: Message, sender: str, subject: str) -> bool:
    """Whether a program wrote it, such as a notice of absence.

    `Precedence: list` alone is no sign: a firm that reads its mail through a group has it on all.
    """
    submitted = _header(message, "Auto-Submitted").partition(";")[0].strip().lower()
    precedence = _header(message, "Precedence").strip().lower()
    return (
        submitted not in ("", "no")
        or precedence in ("bulk", "junk", "auto_reply")
        or any(message[name] for name in _MACHINES)
        or sender.partition("@")[0] in _NOBODY
        or bool(_ABSENT.match(subject))
    )


def _named(message: Message) -> tuple[str, ...]:
    """The reminders that an answer names: in its headers, else quoted in its text."""
    said = " ".join(_header(message, name) for name in _FOLLOWS)
    found = _OURS.findall(said)
    if not found:
        found = [key for text in _texts(message) for key in _REFERENCE.findall(text)]
    return tuple(dict.fromkeys(key.lower() for key in found))[:KEYS]


def _report(message: Message, identity: str, at: datetime | None) -> Incoming | None:
    """A delivery report in the standard's form, None if it is none or tells of no failure.

    `Action` alone decides: `failed` is final, also with a status of 4, for the server has given up.

    Source: RFC 3464, sections 2.3.3 and 2.3.4, read 2026-11-20.
    """
    failed, delayed, seen = [], [], False
    for part in message.walk():
        if part.get_content_type() not in _STATUS:
            continue
        for block in _blocks(part):
            action = _header(block, "Action").strip().lower()
            status = _header(block, "Status").strip()
            seen = seen or bool(action or status)
            if action == "failed" or (not action and status.startswith("5")):
                failed.append(_failure(block, status))
            elif action == "delayed":
                delayed.append(_failure(block, status))
    if not seen:
        return None
    key, to = _returned(message)
    what = What.RETURNED if failed else What.DELAYED
    if not key or not (failed or delayed):
        return None
    return Incoming(
        what=what, keys=(key,), id=identity, at=at, to=to, failures=tuple(failed or delayed)
    )


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields of a delivery status, one a recipient after the first."""
    content = part.get_payload()
    if isinstance(content, list) and part.get_content_type() == _STATUS[0]:
        yield from (block for block in content if isinstance(block, Message))
        return
    text = content if isinstance(content, str) else "".join(str(block) for block in content)
    for group in re.split(r"\r?\n\r?\n", text):
        yield message_from_string(group.strip() + "\n\n")


def _failure(block: Message, status: str) -> Failure:
    names = (_header(block, name) for name in ("Original-Recipient", "Final-Recipient"))
    addresses = (name.rpartition(";")[2].strip(" \t<>") for name in names)
    said = _header(block, "Diagnostic-Code").partition(";")
    words = one_line(f"{status} {said[2] or said[0]}".strip())[:160]
    return Failure(addresses=tuple(dict.fromkeys(filter(None, addresses))), words=words)


def _returned(message: Message) -> tuple[str, tuple[str, ...]]:
    """The reminder that came back, and whom it went to; empty if it was none of ours.

    A person's own mail that quotes a reminder may come back too: it follows something, and names
    the reminder only in what it quotes.
    """
    for part in message.walk():
        if part.get_content_type() in _RETURNED:
            content = part.get_payload()
            if isinstance(content, list):
                inner = content[0]
            else:
                inner = message_from_string(_decoded(part).lstrip())
            return _of_copy(inner) if isinstance(inner, Message) else ("", ())
    text = "\n".join(_texts(message))
    cut = _COPY.search(text)
    return _of_copy(message_from_string(text[cut.end() :].lstrip("- \r\n"))) if cut else ("", ())


def _of_copy(copy: Message) -> tuple[str, tuple[str, ...]]:
    found = _OURS.search(_header(copy, "Message-ID"))
    if not found and not any(copy[name] for name in _FOLLOWS):
        texts = (_OWN_REFERENCE.search(text) for text in _texts(copy))
        found = next((match for match in texts if match), None)
    heads = [_header(copy, name) for name in ("To", "Cc")]
    to = (address for _, address in getaddresses([head[:4000] for head in heads]) if address)
    return (found[1].lower() if found else "", tuple(dict.fromkeys(to)))


def _plain_report(message: Message, identity: str, at: datetime | None) -> Incoming | None:
    """A report in words, as qmail, Exim and some others write it; None if it is not understood.

    What it says of a delay outweighs what it says of the end. Whom it is about is said in a
    header, else by an address in the words above the copy; the caller knows whom we wrote to.
    """
    key, to = _returned(message)
    if not key:
        return None
    words = "\n".join(_texts(message, returned=False))
    cut = _COPY.search(words)
    words = words[: cut.start()] if cut else words
    said = f"{_header(message, 'Subject')}\n{words}"
    if _LATER.search(said):
        return Incoming(what=What.DELAYED, keys=(key,), id=identity, at=at, to=to)
    if not _FINAL.search(said):
        return None
    named = _header(message, "X-Failed-Recipients").split(",")
    addresses = [name.strip() for name in named if "@" in name] or _ADDRESS.findall(words)
    reason = next((line for line in words.splitlines() if _FINAL.search(line)), "")
    failure = Failure(
        addresses=tuple(dict.fromkeys(addresses))[:KEYS], words=one_line(reason)[:160]
    )
    return Incoming(what=What.RETURNED, keys=(key,), id=identity, at=at, to=to, failures=(failure,))


def _texts(message: Message, *, returned: bool = True) -> Iterator[str]:
    """The texts of a message, of HTML the words alone; those of what it returns if asked for."""
    for part in _parts(message, returned):
        if part.get_content_maintype() != "text" or part.get_content_type() in _RETURNED:
            continue
        text = _decoded(part)
        if part.get_content_subtype() == "html":
            text = html.unescape(re.sub(r"<[^<>]{0,500}>", " ", text))
        yield text.replace("\xa0", " ")


def _parts(message: Message, returned: bool) -> Iterator[Message]:
    if not returned and message.get_content_type() in _RETURNED:
        return
    if message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _parts(part, returned)
    else:
        yield message


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        text = content.decode(str(part.get_content_charset("utf-8")), errors="replace")
    except (LookupError, ValueError):  # a charset that nobody knows, or that is no charset
        text = content.decode("latin-1")
    return text[:TEXT]


def _header(message: Message, name: str) -> str:
    """A header's first value as text, however badly it is encoded."""
    value = str(message.get(name, ""))[:4000]
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except _BROKEN:
        return value
