"""Writes the message that a person asks for, as a proposal like any other."""

from connector.dunning.by_hand import THANKS, Wish, write
from connector.dunning.plan import Plan
from connector.dunning.snapshot import BY_HAND, STAGE_RANK
from connector.errors import ConfigError
from connector.firm import Firm
from connector.messages.lint import STANDARD
from connector.mirror.lookup import find
from connector.mirror.snapshot import read, settled
from connector.mirror.tables import DEAD, ReminderState
from connector.outbox.deliver import read_again, take_over
from connector.outbox.desk import Desk
from connector.outbox.queue import OPEN
from connector.outbox.rows import Row
from connector.receivables.capabilities import Traces


def propose(firm: Firm, desk: Desk, template: str, about: str) -> list[Row]:
    """The proposals of a text about an invoice or a customer, whose account is read afresh.

    Raises:
        ConfigError: why it cannot be written, and what to do.
        AuthRequired, Transient, Rejected: the books cannot be read.
    """
    known = sorted({name for name, _ in firm.writer.templates})
    if template not in known:
        raise ConfigError(f"{template!r}: no such text: there are {', '.join(known)}")
    if STAGE_RANK[STANDARD.get(template, BY_HAND.stage)] > STAGE_RANK[BY_HAND.stage]:
        raise ConfigError(f"{template}: is the text of a step: the policy sends it")
    target = find(desk.mirror.state, about)
    fresh = read_again(desk, target.customer_id)
    if desk.can.traces is not Traces.NONE:
        take_over(desk, sorted(fresh | ({target.invoice_id} if target.invoice_id else set())))
    snapshot = read(desk.mirror, desk.day, desk.today, customer_id=target.customer_id)
    paid = target.invoice_id and template == THANKS
    wish = Wish(
        template=template,
        name=target.name,
        invoice_id=target.invoice_id,
        sent=_sent(desk, target.customer_id),
        settled=settled(desk.mirror, desk.today, target.invoice_id or "") if paid else (),
    )
    plan = Plan(
        today=desk.today,
        ledger_id=snapshot.ledger_id,
        mode=desk.day.mode,
        sample=desk.day.sample,
        read_at=desk.now,
        payments_read_at=desk.now,
        reminders=tuple(write(snapshot, desk.policies, desk.today, wish)),
        silences=(),
    )
    written = desk.box.reserve(
        firm.writer.write(plan),
        lambda entry, line: firm.note(entry, line, desk.today),
        None,
        desk.now,
        keep_others=True,
    )
    return [desk.box.find(entry.key) for entry in written]


def _sent(desk: Desk, customer_id: str) -> dict[tuple[str, str], int]:
    """How many messages by hand each line has had.

    Raises:
        ConfigError: one to this customer is still on its way.
    """
    sent: dict[tuple[str, str], int] = {}
    for row in desk.box.by_hand(customer_id):
        if row.state in OPEN:
            act = "relance review" if row.state is ReminderState.PROPOSED else "relance outbox"
            raise ConfigError(
                f"{row.customer_name}: {row.step} ({row.key[:8]}) is {row.state}: see {act}"
            )
        if row.state not in DEAD or row.state is ReminderState.BOUNCED:
            for line in row.lines:
                place = (line.invoice_id, line.line_id)
                sent[place] = max(sent.get(place, 0), line.nth)
    return sent
