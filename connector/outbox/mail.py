"""A message as the mail that goes over the wire; text from outside stays text.

Everything in it is ASCII, so a server needs no extension to carry it.
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy

from connector.errors import Rejected
from connector.messages.transfer import picture, shown
from connector.receivables.records import Message

_NAMED = re.compile(r'"?(?P<name>[^<>"]*?)"?\s*<(?P<address>[^<>]+)>')
_ADDRESS = re.compile(r"([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+)@((?:[A-Za-z0-9-]+\.)*[A-Za-z0-9-]+)")
_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
THREAD = 20  # earlier mails that a mail names beside the first: RFC 5322, section 3.6.4


class _Ids(UnstructuredHeader):
    """Message-IDs, one a line: Python would encode a long one, and no program would know it."""

    max_count = 1

    def fold(self, *, policy: Policy) -> str:
        ids = f"{policy.linesep} ".join(str(self).split())
        return f"{self.name}: {ids}{policy.linesep}"  # type: ignore[attr-defined]


_HEADERS = HeaderRegistry()
for _name in ("in-reply-to", "references"):
    _HEADERS.map_to_type(_name, _Ids)  # type: ignore[arg-type]
_POLICY = SMTP.clone(cte_type="7bit", header_factory=_HEADERS)


def message_bytes(
    message: Message,
    *,
    sender: str,
    key: str,
    now: datetime,
    attachments: Sequence[tuple[str, bytes]] = (),
    auto: bool = True,
    reply_to: str = "",
    earlier: Sequence[str] = (),
) -> bytes:
    """The mail exactly as it goes over the wire, ASCII with CRLF; equal arguments, equal bytes.

    `sender` and `reply_to` are an address or `Name <address>`; `now` is aware. `auto` says that a
    program wrote it, so that absence notices do not answer. `earlier` are the keys of the mails
    before it about the same debt, oldest first: they make one thread.

    Raises:
        Rejected: an address that cannot be written to, or none.
    """
    if not message.to:
        raise Rejected(f"smtp: reminder {key} has no recipient: add an e-mail to the customer")
    mail = EmailMessage(policy=_POLICY)
    origin = sender_of(sender)
    mail["From"] = origin
    if reply_to:
        mail["Reply-To"] = sender_of(reply_to)
    mail["To"] = [recipient_of(address) for address in message.to]
    if message.cc:
        mail["Cc"] = [recipient_of(address) for address in message.cc]
    mail["Subject"] = one_line(message.subject)
    mail["Date"] = now
    mail["Message-ID"] = message_id(key, origin)
    if earlier:
        thread = [message_id(each, origin) for each in earlier]
        mail["In-Reply-To"] = thread[-1]
        mail["References"] = " ".join([*thread[:1], *thread[1:][-THREAD:]])
    if auto:
        mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(_encodable(message.text))
    if message.html:
        _add_page(mail, message, f"transfer.{key}@{origin.domain}")
    for name, content in attachments:
        kind = "pdf" if name.lower().endswith(".pdf") else "octet-stream"
        mail.add_attachment(
            content, maintype="application", subtype=kind, filename=_file_name(name)
        )
    _mark_parts(mail, "\x1f".join((key, message.text, message.html)))
    return mail.as_bytes()


def _add_page(mail: EmailMessage, message: Message, name: str) -> None:
    """The HTML, the picture of its transfer inside the mail: nothing is loaded from outside."""
    html, transfer = message.html, message.transfer
    if transfer:
        html = shown(html, transfer, message.language, f"cid:{name}")
    mail.add_alternative(_encodable(html), subtype="html")
    if transfer:
        *_, page = mail.iter_parts()
        assert isinstance(page, EmailMessage)
        page.add_related(
            picture(transfer.code),
            maintype="image",
            subtype="png",
            cid=f"<{name}>",
            disposition="inline",
            filename="transfer.png",
        )


def _mark_parts(mail: EmailMessage, content: str) -> None:
    """Give the parts boundaries that the content determines, and so cannot contain."""
    digest = hashlib.sha256(content.encode(errors="replace")).hexdigest()[:32]
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"relance-{number}-{digest}")


def message_id(key: str, origin: Address) -> str:
    """The Message-ID of a reminder, the same however often it is worked out."""
    return f"<relance.{key}@{origin.domain}>"


def one_line(text: str) -> str:
    """Text from outside as one header line: nothing in it can end the line or turn it around."""
    kept = (
        " " if c in _DIRECTIONS or unicodedata.category(c) in ("Cc", "Zl", "Zp") else c
        for c in _encodable(text)
    )
    # Python decodes an encoded word in what it is given, line breaks and all: there may be none.
    return " ".join("".join(kept).split()).replace("=?", "= ?")


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _file_name(name: str) -> str:
    return re.sub(r"[/\\:]", "-", one_line(name)) or "attachment"


def _address(text: str, name: str = "") -> Address:
    """The address with its domain in ASCII.

    Raises:
        ValueError: it is none that every server can carry.
    """
    local, _, domain = text.strip().rpartition("@")
    try:
        match = _ADDRESS.fullmatch(f"{local}@{domain.encode('idna').decode()}")
    except UnicodeError:
        match = None
    if not match:
        raise ValueError(f"{one_line(text)!r} is not an address such as name@firm.fr")
    return Address(name, match[1], match[2])


def sender_of(text: str) -> Address:
    """The address of `Name <address>` or of a bare address, with its name.

    Raises:
        ValueError: it is none that every server can carry.
    """
    match = _NAMED.fullmatch(text.strip())
    return _address(match["address"], one_line(match["name"])) if match else _address(text)


def recipient_of(text: str) -> Address:
    """The address of a customer, which must be a bare one.

    Raises:
        Rejected: it cannot be written to.
    """
    try:
        return _address(text)
    except ValueError as error:
        raise Rejected(f"smtp: {error}: correct it with the customer") from None
