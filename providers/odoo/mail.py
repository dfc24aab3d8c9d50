"""Mails as Odoo's composer sends them, and what Odoo kept of ours: notes and mails on invoices."""

import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parseaddr
from html import escape, unescape
from zoneinfo import ZoneInfo

from connector.contract import Trace, reference_of, trace_of
from connector.errors import ConnectorError, OutcomeUnknown, Rejected, Transient
from connector.receivables.records import Message
from providers.odoo.documents import MOVE
from providers.odoo.links import Link
from providers.odoo.parties import Party
from providers.odoo.wire import Instant, NoRight, Ref, Row, Text, chunks

COMPOSER = "mail.compose.message"
ATTACHMENT = "ir.attachment"
MESSAGE = "mail.message"
NOTIFICATION = "mail.notification"
HTML_NOTES = 17  # the version from which a note must say that it is HTML
BATCH = 100  # invoices whose notes and mails are asked for in one call
# why Odoo did not even try; of other failures nobody knows how far they came
NEVER_TRIED = (
    "mail_bl",
    "mail_dup",
    "mail_email_invalid",
    "mail_email_missing",
    "mail_from_invalid",
    "mail_from_missing",
    "mail_optout",
)
NO_SERVER = "mail_smtp"
LOST = ("bounce", "exception", "canceled")
_TAG = re.compile(r"""<(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r"""\s+([^\s=>/"']+)(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"']+))?""")


class Kept(Row):
    """A message on an invoice."""

    res_id: int
    body: Text = ""
    subject: Text = ""
    date: Instant = None


class Notified(Row):
    """What became of a mail at one of its recipients."""

    mail_message_id: Ref
    notification_status: Text = ""
    failure_type: Text = ""
    failure_reason: Text = ""

    @property
    def never_tried(self) -> bool:
        """Whether it is certain that nothing went there."""
        return self.notification_status in LOST and self.failure_type in (*NEVER_TRIED, NO_SERVER)

    @property
    def why(self) -> str:
        """What went wrong, in Odoo's words."""
        words = self.failure_reason or self.failure_type or self.notification_status
        return " ".join(words.split())[:300]


def one_line(subject: str) -> str:
    """The subject on one line, its double braces apart: within them Odoo would calculate."""
    return " ".join(subject.split()).replace("{{", "{ {").replace("}}", "} }")


def body_of(html: str, key: str) -> str:
    """What stands inside a page's `body`, as text that Odoo's template engine leaves alone.

    It carries `Ref. <key>`, by which the mail is found again. Style sheets are left out, for Odoo
    drops them.
    """
    inside = re.search(r"<body[^>]*>(.*)</body>", html, re.DOTALL | re.IGNORECASE)
    body = re.sub(r"<style.*?</style>", "", inside[1] if inside else html, flags=re.DOTALL | re.I)
    if reference_of(body) != key:
        body = f"{body}<p>Ref. {key}</p>"
    body = _TAG.sub(_plain_tag, body)
    return body.replace("{", "&#123;").replace("}", "&#125;")


def _plain_tag(found: re.Match[str]) -> str:
    """A tag without template directives; nothing in place of one that is a directive."""
    if re.match(r"</?t[\s/>]", found[0], re.IGNORECASE):
        return ""
    return _ATTRIBUTE.sub(lambda a: "" if a[1].lower().startswith("t-") else a[0], found[0])


def note_html(text: str) -> str:
    """A note's lines as HTML."""
    return "<p>{}</p>".format("<br/>".join(escape(line) for line in text.split("\n")))


def plain(html: str) -> str:
    """The lines of what Odoo kept: it rewrites the HTML that it is given."""
    lined = re.sub(r"<br\s*/?>|</p>|</div>", "\n", html, flags=re.IGNORECASE)
    return unescape(re.sub(r"<[^>]*>", "", lined)).replace("\xa0", " ").strip()


def partners_of(message: Message, family: Sequence[Party]) -> list[int]:
    """The partners who have the recipients' addresses, each once.

    Raises:
        Rejected: an address that no contact has, that is on Odoo's exclusion list, or whose
            contact has others beside it; nothing was sent.
    """
    wanted = {parseaddr(recipient)[1].lower(): recipient for recipient in message.to + message.cc}
    if not wanted:
        raise Rejected("odoo: the message has no recipient")
    found = []
    # a person who is still there before one that is archived, an invoice address before others
    ordered = sorted(family, key=lambda p: (not p.active, p.type != "invoice", p.id))
    for address, recipient in wanted.items():
        having = [p for p in ordered if address in map(str.lower, p.addresses)]
        alone = [p for p in having if {a.lower() for a in p.addresses} <= wanted.keys()]
        if not having:
            raise Rejected(
                f"odoo: {recipient!r} is no contact's address of customer {message.customer_id}: "
                "Odoo writes to contacts alone. Add it there as a contact"
            )
        if not alone:
            raise Rejected(
                f"odoo: the contact {having[0].name!r} has several addresses, and Odoo would write "
                f"to all of them, not to {recipient!r} alone: give each a contact of its own"
            )
        if alone[0].is_blacklisted:
            raise Rejected(
                f"odoo: {recipient!r} is on Odoo's list of blacklisted addresses: ask them, "
                "then take it off that list or enter another address"
            )
        found.append(alone[0].id)
    return list(dict.fromkeys(found))


def compose(
    link: Link,
    message: Message,
    invoice: int,
    partners: Sequence[int],
    files: Sequence[tuple[str, bytes]],
    key: str,
) -> int:
    """The id of a mail that is ready in Odoo's composer; nothing has been sent.

    Raises:
        Transient: an answer was lost, of which nothing came but something left lying about.
    """
    known = link.fields(
        COMPOSER,
        ("composition_mode", "model", "subject", "body", "partner_ids", "attachment_ids"),
        (
            "res_ids",
            "res_id",  # until 16
            "auto_delete",
            "auto_delete_message",  # until 16
            "auto_delete_keep_log",
            "force_send",
            "use_exclusion_list",
        ),
    )
    try:
        attached = [
            link.create(
                ATTACHMENT,
                {
                    "name": name,
                    "datas": b64encode(content).decode(),
                    "mimetype": "application/pdf",
                    "res_model": COMPOSER,
                    "res_id": 0,
                },
            )
            for name, content in files
        ]
        values = {
            "composition_mode": "mass_mail",  # no layout, no followers: this to these alone
            "model": MOVE,
            "res_ids": f"[{invoice}]",
            "res_id": invoice,
            "subject": one_line(message.subject),
            "body": body_of(message.html, key),
            "partner_ids": [[6, 0, list(partners)]],
            "attachment_ids": [[6, 0, attached]],
            "auto_delete": False,
            "auto_delete_message": False,
            "auto_delete_keep_log": True,
            "force_send": True,  # now, so that what becomes of it can be read
            "use_exclusion_list": False,  # it was looked up; here it would be silent
        }
        if "res_ids" in known:
            del values["res_id"]
        return link.create(COMPOSER, {name: values[name] for name in values if name in known})
    except OutcomeUnknown as error:
        raise Transient(f"{error}; no mail was sent by it") from error


def send(link: Link, composer: int, invoice: int, key: str) -> str:
    """The id of the message that was sent; empty where Odoo does not show it.

    Raises:
        Rejected, Transient: it is certain that it went to nobody.
        OutcomeUnknown: the answer was lost.
    """
    link.call(COMPOSER, "action_send_mail", object, write=True, ids=[composer])
    try:
        kept = mails(link, [invoice], f"Ref. {key}")
        told = notified(link, [mail.id for mail in kept]) if kept else {}
    except ConnectorError:
        return ""  # it was handed over: that nobody can see it now changes nothing
    if not kept:
        return ""
    latest = kept[-1]
    fates = told.get(latest.id, [])
    if fates and all(fate.never_tried for fate in fates):
        if any(fate.failure_type == NO_SERVER for fate in fates):
            raise Transient(f"odoo: the server cannot reach its mail server: {fates[0].why}")
        raise Rejected(
            f"odoo: the mail was not sent ({fates[0].why}): correct the address of the contact, or "
            "of the user that sends, in Odoo"
        )
    return str(latest.id)


def note(link: Link, invoice: int, text: str) -> str:
    """The id of a new internal note: nobody is written to, nor does the user follow the invoice."""
    values: dict[str, object] = {"body_is_html": True} if link.major >= HTML_NOTES else {}
    made = link.call(
        MOVE,
        "message_post",
        object,
        write=True,
        context={"mail_create_nosubscribe": True},
        ids=[invoice],
        body=note_html(text),
        message_type="comment",
        subtype_xmlid="mail.mt_note",
        **values,
    )
    number = made[0] if isinstance(made, list) and made else made
    return str(number or "")


def mails(link: Link, invoices: Sequence[int], words: str) -> list[Kept]:
    """Messages on these invoices with these words in them, oldest first."""
    domain = [
        ["model", "=", MOVE],
        ["res_id", "in", list(invoices)],
        "|",
        ["subject", "ilike", words],
        ["body", "ilike", words],
    ]
    return link.sheet(MESSAGE, Kept, domain, ["res_id", "body", "subject", "date"]).rows


def notified(link: Link, messages: Sequence[int]) -> Mapping[int, list[Notified]]:
    """What became of these messages at each recipient; until 16 Odoo does not tell."""
    found: dict[int, list[Notified]] = defaultdict(list)
    needed = ("mail_message_id", "notification_status", "failure_type")
    try:
        fields = link.fields(NOTIFICATION, needed, ("failure_reason",))
        rows = link.sheet(
            NOTIFICATION, Notified, [["mail_message_id", "in", list(messages)]], fields
        )
    except NoRight:
        return {}
    for row in rows.rows:
        found[row.mail_message_id or 0].append(row)
    return found


def traces(link: Link, numbers: Sequence[int], zone: ZoneInfo) -> Iterator[Trace]:
    """Our notes and mails on these invoices; days are those of the firm's zone.

    Only an internal note is one of ours: what a customer writes on an invoice never is internal.
    A mail of which it is certain that it went to nobody is not told.
    """
    for batch in chunks(numbers, BATCH):
        domain = [
            ["model", "=", MOVE],
            ["res_id", "in", batch],
            ["body", "ilike", "relance/1 "],
            ["subtype_id.internal", "=", True],
        ]
        for note in link.sheet(MESSAGE, Kept, domain, ["res_id", "body"]).rows:
            if trace := trace_of(plain(note.body), str(note.res_id)):
                yield trace
        ours = [
            (mail, key)
            for mail in mails(link, batch, "Ref. ")
            if (key := reference_of(f"{mail.subject} {plain(mail.body)}"))
        ]
        fates = notified(link, [mail.id for mail, _ in ours]) if ours else {}
        for mail, key in ours:
            told = fates.get(mail.id, [])
            if mail.date and not (told and all(fate.never_tried for fate in told)):
                lost = [fate for fate in told if fate.notification_status in LOST]
                yield Trace(
                    invoice_id=str(mail.res_id),
                    on=mail.date.astimezone(zone).date(),
                    reminder_key=key,
                    undelivered=lost[0].why if lost and len(lost) == len(told) else "",
                )
