"""Which invoice copies a message carries, and its words on those that it does not."""

import textwrap
from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from connector.messages.mail import above_foot, above_reference
from connector.messages.table import WIDTH
from connector.messages.values import clean, web_address
from connector.receivables.records import Message

MOST = 5  # files of one message
EACH, ALL = 5 * 2**20, 10 * 2**20  # bytes: beyond them mail servers refuse

_WORDS = {
    "fr": "Copies non jointes à ce message, que nous vous enverrons volontiers : ",
    "en": "Copies that are not attached, and that we will gladly send: ",
    "de": "Nicht beigefügt, wir senden sie Ihnen gern zu: ",
    "nl": "Niet bijgevoegd, wij sturen ze u graag toe: ",
}


def without(message: Message, left_out: Sequence[tuple[str, str]]) -> Message:
    """The message saying which copies do not go with it: (number, page where it can be seen).

    In a language without words for it the message stays as it is.
    """
    words = _WORDS.get(message.language)
    if not left_out or words is None:
        return message
    known = [(clean(number), web_address(link)) for number, link in left_out]
    plain = words + ", ".join(f"{number} ({link})" if link else number for number, link in known)
    wrapped = textwrap.fill(f"{plain}.", WIDTH, break_long_words=False, break_on_hyphens=False)
    marked = Markup(", ").join(
        Markup('<a href="{}" style="color:#0b5394">{}</a>').format(link, number) if link else number
        for number, link in known
    )
    block = Markup('<p style="margin:0 0 16px">{}{}.</p>\n').format(words, marked)
    return replace(
        message,
        text=above_reference(message.text, message.reference, wrapped),
        html=above_foot(message.html, block),
    )
