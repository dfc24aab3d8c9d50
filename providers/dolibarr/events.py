"""Our notes in Dolibarr: events of the agenda on invoices, found again by a mark in their label."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import unescape

from connector.contract import Receipt, Trace, trace_of
from connector.errors import OutcomeUnknown, Rejected
from providers.dolibarr.link import Denied, Link
from providers.dolibarr.wire import TITLE, Row, Text

EVENTS = "agendaevents"
BATCH = 100  # invoices whose events are asked for in one call
PAGE = 500
LABEL = 128  # characters that Dolibarr keeps of a label
MARK = "relance/1"
OURS = re.compile(rf"\[{MARK} (\d+)")
OWNER = re.compile(r"Your id is (\d+)")
NEEDED = "Set RELANCE_DOLIBARR_USER_ID to the id of the user whose key this is"
LINE_END = re.compile(r"(?i)<br\s*/?>|</p>|</div>|\r\n?")
TAGS = re.compile(r"<[^>]*>")


class Event(Row):
    """An event; which invoice it is on has had two names."""

    label: Text = ""
    note_private: Text = ""
    note: Text = ""
    elementid: Text = ""
    fk_element: Text = ""

    @property
    def text(self) -> str:
        """The note as plain text, whatever an editor made of it since."""
        raw = self.note_private or self.note
        return unescape(TAGS.sub("", LINE_END.sub("\n", raw)))

    @property
    def invoice(self) -> str:
        """The invoice's id; else the one in our mark."""
        marked = OURS.search(self.label)
        return self.elementid or self.fk_element or (marked[1] if marked else "")


class User(Row):
    """The user whose key this is."""


def label_of(text: str, invoice_id: str, key: str) -> str:
    """What the agenda shows: our words for people, then the mark by which we find it again."""
    mark = f" [{MARK} {invoice_id} {key[:20]}]"
    words = " ".join(text.partition("\n")[2].split()) or "Relance"
    room = LABEL - len(mark)
    return (words if len(words) <= room else f"{words[: room - 1]}…") + mark


class Agenda:
    """The events of one user; `owner` is that user's id, empty until it is known."""

    def __init__(self, link: Link, owner: str) -> None:
        self._link = link
        self.owner = owner
        self._asked = False

    def know_owner(self) -> str:
        """The user's id, empty where Dolibarr does not tell it to the user."""
        if not (self.owner or self._asked):
            self._asked = True
            try:
                user = self._link.one("users/info", User)
            except (Denied, Rejected):  # most users may not ask
                return ""
            self.owner = user.id if user else ""
        return self.owner

    def write(
        self, invoice_id: str, customer_id: str, text: str, *, key: str, now: datetime
    ) -> Receipt:
        """A done event on the invoice. `now` is aware UTC.

        Raises:
            Rejected: the right is missing, or the user's id is needed and not known.
        """
        event: dict[str, object] = {
            "type_code": "AC_EMAIL",
            "label": label_of(text, invoice_id, key),
            "note_private": text,
            "note": text,  # the name that older versions read
            "datep": int(now.timestamp()),
            "datef": int(now.timestamp()),
            "percentage": -1,  # not applicable: nothing is left to do
            "socid": int(customer_id) if customer_id.isdecimal() else None,
            "elementtype": "invoice",
            "fk_element": int(invoice_id),
        }
        for _ in range(2):
            if owner := self.know_owner():
                event["userownerid"] = int(owner)
            try:
                answer = self._link.post(EVENTS, event)
            except Denied as error:
                told = OWNER.search(error.words)
                if owner or not told:
                    raise Rejected(str(error)) from None
                self.owner = told[1]  # it refuses, and says whose key this is
            except (Rejected, OutcomeUnknown) as error:
                if owner or "owner" not in str(error).lower():
                    raise
                raise Rejected(f"{error}. {NEEDED}") from None
            else:
                id_ = answer.get("id", "") if isinstance(answer, dict) else answer
                return Receipt(id=str(id_))
        raise Rejected(f"{TITLE}: no event without its owner. {NEEDED}")

    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        """Our notes on these invoices."""
        for start in range(0, len(invoice_ids), BATCH):
            batch = invoice_ids[start : start + BATCH]
            where = [
                f"(t.fk_element:in:{','.join(batch)})",
                "(t.elementtype:=:'invoice')",
                f"(t.label:like:'%{MARK}%')",
            ]
            last, after = False, 0
            while not last:
                since = [*where, f"(t.id:>:{after})"]
                found = self._link.rows(
                    EVENTS, Event, where=since, limit=PAGE, sort=("t.id", "ASC")
                )
                for event in found.rows:
                    trace = trace_of(event.text, event.invoice)
                    if trace and event.invoice in batch:
                        yield trace
                last = len(found.ids) < PAGE
                after = 0 if last else found.ids[-1]
