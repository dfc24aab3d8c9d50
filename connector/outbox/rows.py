"""A reminder of the outbox as the rest of the house sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from connector.dunning.decide import Wanted
from connector.dunning.snapshot import Channel, Rung
from connector.mirror.tables import ReminderState
from connector.receivables.records import Attachment, CustomerKind, Message, Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One due line of a reminder in the outbox."""

    id: int
    key: str
    invoice_id: str
    line_id: str
    invoice: str
    step: str
    rung: Rung
    nth: int
    due_on: date | None
    balance: int
    net: int
    noted_at: datetime | None
    note_tried_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One reminder of the outbox with its lines; amounts in minor units, instants UTC."""

    id: int
    key: str
    state: ReminderState
    customer_id: str
    customer_name: str
    policy: str
    step: str
    rung: Rung
    channel: Channel
    route: str
    currency: str
    claim: int
    language: str
    country: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    template: str
    attachments: tuple[Attachment, ...]
    notes: Mapping[str, str]  # words for people, by line key
    deadline_on: date | None
    legal: str
    edited: bool
    approved_by: str
    planned_on: date | None
    sent_on: date | None
    not_before: datetime | None
    receipt: str
    error: str
    tries: int
    origin: str
    lines: tuple[Line, ...]
    entry: Mapping[str, Any]  # whatever else its delivery needs; of a letter its facts

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know before it goes; of a text they wrote, nothing."""
        return () if self.edited else tuple(self.entry.get("warnings", ()))

    @property
    def due_lines(self) -> list[tuple[str, str]]:
        """(invoice id, line id) of each of its lines."""
        return [(line.invoice_id, line.line_id) for line in self.lines]

    @property
    def mailed(self) -> bool:
        """Whether this, or its copy, went as a mail whose Message-ID is ours."""
        mail = self.channel is Channel.EMAIL or self.entry.get("copy") == "sent"
        return mail and self.route != "api"

    @property
    def kind(self) -> CustomerKind:
        """Who the customer is in law."""
        return CustomerKind(self.entry.get("kind") or CustomerKind.BUSINESS)

    @property
    def message(self) -> Message:
        """What goes to the customer."""
        return Message(
            customer_id=self.customer_id,
            invoice_ids=tuple(dict.fromkeys(line.invoice_id for line in self.lines)),
            to=self.to,
            language=self.language,
            subject=self.subject,
            text=self.text,
            html=self.html,
            attachments=self.attachments,
            reference=self.key,
            transfer=self.transfer,
        )

    @property
    def transfer(self) -> Transfer | None:
        """Its transfer; a text that a person wrote says itself how to pay."""
        kept = self.entry.get("transfer")
        return Transfer(**kept) if kept and not self.edited else None

    @property
    def wanted(self) -> Wanted:
        """What must still be true when it goes."""
        return Wanted(
            to=self.to,
            currency=self.currency,
            claim=self.claim,
            lines={(line.invoice_id, line.line_id): (line.rung, line.nth) for line in self.lines},
            address=self.entry.get("letter", {}).get("address", ""),
        )


def row_of(reminder: Any, lines: Sequence[Any]) -> Row:
    """The reminder of a database row and its line rows."""
    return Row(
        id=reminder.id,
        key=reminder.key,
        state=ReminderState(reminder.state),
        customer_id=reminder.customer_ref,
        customer_name=reminder.customer_name,
        policy=reminder.policy,
        step=reminder.step,
        rung=Rung.parse(reminder.stage, reminder.n),
        channel=Channel(reminder.channel),
        route=reminder.route,
        currency=reminder.currency,
        claim=reminder.claim,
        language=reminder.language,
        country=reminder.country,
        to=tuple(reminder.recipients),
        subject=reminder.subject,
        text=reminder.text,
        html=reminder.html,
        template=reminder.template,
        attachments=tuple(Attachment(**item) for item in reminder.entry.get("attachments", ())),
        notes=reminder.entry.get("notes", {}),
        deadline_on=reminder.deadline_on,
        legal=reminder.legal,
        edited=reminder.edited,
        approved_by=reminder.approved_by,
        planned_on=reminder.planned_on,
        sent_on=reminder.sent_on,
        not_before=reminder.not_before,
        receipt=reminder.receipt,
        error=reminder.error,
        tries=reminder.tries,
        origin=reminder.origin,
        entry=reminder.entry,
        lines=tuple(
            Line(
                id=line.id,
                key=line.key,
                invoice_id=line.invoice_ref,
                line_id=line.line_ref,
                invoice=line.invoice_number,
                step=line.step,
                rung=Rung.parse(line.stage, line.n),
                nth=line.nth,
                due_on=line.due_on,
                balance=line.balance,
                net=line.net,
                noted_at=line.noted_at,
                note_tried_at=line.note_tried_at,
            )
            for line in lines
        ),
    )
