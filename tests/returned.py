"""Mail that comes back, and answers, as servers and people write them."""

from email.message import EmailMessage
from zlib import crc32

KEY = "0123456789abcdef0123"
TO = "compta@client.example"
US = "compta@dupont.example"

_ORIGINAL = """\
From: Dupont SARL <{us}>
To: {to}
Subject: Facture F-2026-0042
Date: Mon, 02 Nov 2026 09:00:00 +0000
Message-ID: <relance.{key}@dupont.example>
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: text/plain; charset="utf-8"
"""

_POSTFIX = """\
Return-Path: <>
Date: Mon,  2 Nov 2026 09:00:05 +0000 (UTC)
From: MAILER-DAEMON@mx.dupont.example (Mail Delivery System)
Subject: {subject}
To: {us}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4B1.1/mx.dupont.example"
Message-Id: <20261102090005.{number}@mx.dupont.example>

This is a MIME-encapsulated message.

--4B1.1/mx.dupont.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.dupont.example.

{words}

--4B1.1/mx.dupont.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.dupont.example
X-Postfix-Queue-ID: 4B1
Arrival-Date: Mon,  2 Nov 2026 09:00:00 +0000 (UTC)
{recipients}
--4B1.1/mx.dupont.example
Content-Description: {returned}
Content-Type: {kind}

{original}
--4B1.1/mx.dupont.example--
"""

_RECIPIENT = """
Final-Recipient: rfc822; {final}
Original-Recipient: rfc822;{original}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.client.example
Diagnostic-Code: smtp; {said}
"""


def original(key: str = KEY, to: str = TO) -> str:
    """The headers of a reminder."""
    return _ORIGINAL.format(key=key, to=to, us=US)


def postfix(
    key: str = KEY,
    *failed: str,
    to: str = TO,
    action: str = "failed",
    status: str = "5.1.1",
    said: str = "550 5.1.1 <{}>: Recipient address rejected: User unknown",
    whole: bool = False,
    head: str = "",
    number: int = 1,
) -> bytes:
    """A delivery report of Postfix about these recipients, `to` if none; `whole` returns all."""
    recipients = "".join(
        _RECIPIENT.format(
            final=address, original=address, action=action, status=status, said=said.format(address)
        )
        for address in failed or (to,)
    )
    returned = head or original(key, to)
    if whole:
        returned += f"\nBonjour,\n\nRef. {key}\n"
    text = _POSTFIX.format(
        us=US,
        subject="Undelivered Mail Returned to Sender",
        words="I'm sorry to have to inform you that your message could not be delivered.",
        recipients=recipients,
        returned="Undelivered Message" if whole else "Undelivered Message Headers",
        kind="message/rfc822" if whole else "text/rfc822-headers",
        original=returned,
        number=number,
    )
    return text.encode()


def delayed(key: str = KEY) -> bytes:
    """Postfix is still trying."""
    said = "connect to mx.client.example[192.0.2.1]:25: Connection timed out"
    return postfix(key, action="delayed", status="4.4.1", said=said)


def exchange(key: str = KEY, to: str = TO) -> bytes:
    """A report of Exchange Online: HTML words, the returned message whole, names in capitals."""
    report = EmailMessage()
    report["From"] = "postmaster@client.onmicrosoft.example"
    report["To"] = US
    report["Subject"] = "Undeliverable: Facture F-2026-0042"
    report["Message-ID"] = "<4711@AM0PR01MB1.eurprd01.prod.exchangelabs.example>"
    report["Auto-Submitted"] = "auto-replied"
    report["X-MS-Exchange-Message-Is-Ndr"] = ""
    text = report.as_string().rstrip("\n") + (
        "\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n"
        '\tboundary="_64f"\n\n--_64f\nContent-Type: multipart/alternative; boundary="_alt"\n\n'
        "--_alt\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
        "Vm90cmUgbWVzc2FnZSBuJ2EgcGFzIHB1IMOqdHJlIHJlbWlzLg==\n\n--_alt\n"
        "Content-Type: text/html; charset=utf-8\n\n<p>Your message couldn't be delivered</p>\n"
        "--_alt--\n\n--_64f\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns;AM0PR01MB1.eurprd01.prod.exchangelabs.example\n"
        "Received-From-MTA: dns;mx.dupont.example\n\n"
        f"Final-Recipient: rfc822;{to.upper()}\nAction: failed\nStatus: 5.1.10\n"
        "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found\n\n"
        f"--_64f\nContent-Type: message/rfc822\n\n{original(key, to)}\nBonjour\n\n--_64f--\n"
    )
    return text.encode()


def gmail(key: str = KEY, to: str = TO) -> bytes:
    """A report of Gmail: related parts, one header that names the address, 5.1.1."""
    text = (
        "Return-Path: <>\nFrom: Mail Delivery Subsystem <mailer-daemon@googlemail.example>\n"
        f"To: {US}\nAuto-Submitted: auto-replied\nX-Failed-Recipients: {to}\n"
        "Subject: Delivery Status Notification (Failure)\nMessage-ID: <6908.g@mx.google.example>\n"
        "References: <relance.%s@dupont.example>\nIn-Reply-To: <relance.%s@dupont.example>\n"
        'MIME-Version: 1.0\nContent-Type: multipart/report; boundary="0000000000007a";\n'
        " report-type=delivery-status\n\n--0000000000007a\n"
        'Content-Type: multipart/related; boundary="0000000000008f"\n\n--0000000000008f\n'
        'Content-Type: multipart/alternative; boundary="000000000000a1"\n\n--000000000000a1\n'
        'Content-Type: text/plain; charset="UTF-8"\n\n** Address not found **\n\n'
        f"Your message wasn't delivered to {to} because the address couldn't be found.\n\n"
        "--000000000000a1--\n\n--0000000000008f--\n\n--0000000000007a\n"
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; googlemail.example\n"
        "Arrival-Date: Mon, 02 Nov 2026 01:00:05 -0800 (PST)\n\n"
        f"Final-Recipient: rfc822; {to}\nAction: failed\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not\n"
        " exist. 550 5.1.1 https://support.example/?p=NoSuchUser\n"
        "Last-Attempt-Date: Mon, 02 Nov 2026 01:00:06 -0800 (PST)\n\n--0000000000007a\n"
        f"Content-Type: message/rfc822\n\n{original(key, to)}\n----- Message truncated -----\n\n"
        "--0000000000007a--\n"
    )
    return text.replace("%s", key).encode()


def qmail(key: str = KEY, to: str = TO) -> bytes:
    """A failure notice of qmail: words alone, the message below a line."""
    text = (
        "Return-Path: <>\nDate: 2 Nov 2026 09:00:06 -0000\nFrom: MAILER-DAEMON@mx.client.example\n"
        f"To: {US}\nSubject: failure notice\n\n"
        "Hi. This is the qmail-send program at mx.client.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        f"<{to}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        "--- Below this line is a copy of the message.\n\n"
        f"Return-Path: <{US}>\n{original(key, to)}\nBonjour,\n\nRef. {key}\n"
    )
    return text.encode()


def exim(key: str = KEY, to: str = TO, *, warning: bool = False) -> bytes:
    """A report of Exim, or its warning that it is still trying: words alone."""
    failed = "" if warning else f"X-Failed-Recipients: {to}\n"
    words = (
        "This message was created automatically by mail delivery software.\n"
        "A message that you sent has not yet been delivered to one or more of its recipients\n"
        "after more than 24 hours on the queue. No action is required on your part. Delivery\n"
        "attempts will continue for some time.\n"
        if warning
        else "A message that you sent could not be delivered to one or more of its\n"
        f"recipients. This is a permanent error. The following address(es) failed:\n\n  {to}\n"
        "    host mx.client.example [192.0.2.1]\n    550 5.1.1 mailbox unavailable\n"
    )
    text = (
        f"From: Mail Delivery System <Mailer-Daemon@mx.dupont.example>\nTo: {US}\n{failed}"
        "Auto-Submitted: auto-replied\nSubject: Mail delivery failed: returning message\n\n"
        f"{words}\n------ This is a copy of the message, including all the headers. ------\n\n"
        f"{original(key, to)}\nBonjour,\n"
    )
    return text.encode()


def answer(
    key: str = KEY, sender: str = TO, text: str = "Bonjour, c'est payé.", **head: str
) -> bytes:
    """What a person at the customer's writes back."""
    mail = EmailMessage()
    given = {
        "From": f"Compta <{sender}>",
        "To": US,
        "Subject": "Re: Facture F-2026-0042",
        "Message-ID": f"<{crc32(repr((key, sender, text)).encode())}@client.example>",
    }
    if key:
        given["In-Reply-To"] = f"<relance.{key}@dupont.example>"
    for name, value in (given | {n.replace("_", "-"): v for n, v in head.items()}).items():
        if value:
            mail[name] = value
    mail.set_content(text)
    return mail.as_bytes()
