"""Waiting periods that a law ties to a reminder, by the name a policy step gives in `legal`."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from connector.dunning.snapshot import Channel
from connector.receivables import calendar


def _be_consumer_first(sent_on: date, channel: Channel) -> date:
    """Fourteen days from the day after an e-mail, or from the third working day after a letter.

    Source: Belgian Code of economic law, art. XIX.2, published example of 18 September 2023.
    Saturdays are not counted as working days: the later date is always safe.
    """
    if channel is Channel.LETTER:
        return calendar.after(sent_on, 3, ("BE",)) + timedelta(days=13)
    return sent_on + timedelta(days=14)


def _nl_fourteen_days(sent_on: date, channel: Channel) -> date:
    """Fourteen days counted from the day after receipt; a letter is taken to need three days.

    Source: Dutch civil code 6:96(6); Supreme Court, 25 November 2016.
    """
    received = calendar.after(sent_on, 3, ("NL",)) if channel is Channel.LETTER else sent_on
    return received + timedelta(days=15)


def _uk_letter_of_claim(sent_on: date, channel: Channel) -> date:
    """Thirty days from the date of the letter, and three more of the post.

    Source: Pre-Action Protocol for Debt Claims (England and Wales), paragraphs 3.2 and 3.4; the
    letter itself is posted on the day of its date or the next.
    """
    return sent_on + timedelta(days=33 if channel is Channel.LETTER else 30)


DUTIES: Mapping[str, Callable[[date, Channel], date]] = {
    "be-consumer-first": _be_consumer_first,
    "nl-14-day-letter": _nl_fourteen_days,
    "uk-letter-of-claim": _uk_letter_of_claim,
}


FROM_RECEIPT = frozenset({"nl-14-day-letter"})
"""Duties whose days are counted from the receipt; the others from the posting, whatever the post
did."""


def wait_until(
    duty: str, sent_on: date, channel: Channel, received_on: date | None = None
) -> date | None:
    """The last day of the legal wait after a reminder, None if the duty asks for none.

    `received_on` is the day on the receipt of a registered letter, where it is known.
    """
    rule = DUTIES.get(duty)
    if rule and received_on and duty in FROM_RECEIPT:
        return rule(received_on, Channel.EMAIL)
    return rule(sent_on, channel) if rule else None
