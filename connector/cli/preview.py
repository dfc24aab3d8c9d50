"""The message that speaks of an invoice today: on the terminal, and in files as it would go."""

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connector.cli.bar import progress
from connector.cli.firms import configs, each, now
from connector.cli.show import clean, mind, put, say
from connector.config import Config
from connector.dunning.plan import Plan, Reminder
from connector.dunning.snapshot import Channel
from connector.errors import ConfigError
from connector.firm import Firm, opened
from connector.messages.letter import letter_of, letter_pdf
from connector.messages.transfer import caption, picture, shown
from connector.mirror.lookup import look_up
from connector.mirror.store import Mirror
from connector.outbox.packing import Packed, packed
from connector.outbox.queue import Outbox
from connector.receivables.records import Message
from connector.sync import dry_run

ROUTES = {
    "smtp": "by your own mail server",
    "api": "by the accounting software",
    "print": "to be printed and posted",
    "note": "as a note in the accounting software",
    "list": "in the list of relance status alone",
}


@dataclass(frozen=True, slots=True)
class Files:
    """Where to write what would go, as far as somebody wants it."""

    html: Path | None = None
    eml: Path | None = None
    pdf: Path | None = None

    @property
    def any(self) -> bool:
        return any((self.html, self.eml, self.pdf))


def preview(path: Path | None, invoice: str, files: Files, quiet: bool) -> int:
    """The messages about an invoice, or a customer's, as they would go today."""

    def work(config: Config) -> int:
        with (
            opened(config, os.environ) as firm,
            progress(quiet, firm.spec.limits) as bar,
            dry_run(firm, now(), bar) as (study, mirror),
        ):
            say_sample(study.plan)
            known = look_up(mirror, invoice).invoice_ids
            found = [
                entry
                for entry in study.plan.reminders
                if any(line.invoice_id in known for line in entry.lines)
            ]
            if files.any and len(found) > 1:
                raise ConfigError(
                    f"{invoice}: {len(found)} messages speak of it: a file holds one, so give the "
                    "number of one invoice"
                )
            if not found:
                put(f"{clean(invoice)}: no message today. relance why {clean(invoice)} says why.")
            for entry in found:
                _one(firm, mirror, study.plan, entry, files)
        return 0

    return each(configs(path, needs_one=False), work)


def say_sample(made: Plan) -> None:
    """Say that this is the sample, where it is."""
    if made.sample:
        say(f"No configuration: this is the sample ledger, on {made.today:%A} {made.today}.")


def _one(firm: Firm, mirror: Mirror, made: Plan, entry: Reminder, files: Files) -> None:
    put(f"{entry.step} by {entry.channel}, {entry.route}, reminder {entry.key}")
    put(f"Route: {ROUTES.get(entry.route, entry.route)}")
    if entry.message is None:
        put("No message goes to the customer: a task for a person.")
        return
    earlier = _earlier(mirror, entry)
    for line in _head(firm, entry, entry.message, earlier):
        put(clean(line))
    mind(entry.warnings)
    put()
    put("\n".join(clean(line) for line in entry.message.text.splitlines()))
    if files.html:
        _save(files.html, _page(entry, entry.message).encode(), "HTML")
    if files.eml:
        _save(files.eml, _mail(firm, entry, entry.message, earlier), "The mail")
    if files.pdf:
        _save(files.pdf, _letter(firm, made, entry, entry.message), "The letter")


def _head(firm: Firm, entry: Reminder, message: Message, earlier: list[str]) -> Iterator[str]:
    """Who has it, what goes with it, a line each."""
    smtp = firm.config.smtp if entry.route == "smtp" else {}
    yield from (f"{name}: {value}" for name, value in _of_the_firm(smtp) if value)
    yield f"To: {', '.join(message.to or entry.address.splitlines())}"
    if entry.copy_to:
        yield f"Copy by e-mail, once posted: {', '.join(entry.copy_to)}"
    yield f"Subject: {message.subject}"
    if message.attachments and entry.channel is Channel.EMAIL:
        yield f"Attached: {', '.join(file.name for file in message.attachments)}"
    if message.transfer and entry.route in ("smtp", "print"):
        yield f"QR code: {', '.join(caption(message.transfer, message.language)[1:])}"
    if earlier and smtp:
        yield f"Thread: after {len(earlier)} earlier about the same debt"


def _of_the_firm(smtp: object) -> Iterator[tuple[str, str]]:
    assert isinstance(smtp, dict)
    for name, option in (
        ("From", "FROM"),
        ("Replies to", "REPLY_TO"),
        ("Blind copy", "BLIND_COPY"),
    ):
        yield name, smtp.get(option, "")


def _earlier(mirror: Mirror, entry: Reminder) -> list[str]:
    lines = [(line.invoice_id, line.line_id) for line in entry.lines]
    return Outbox(mirror.state, "").earlier(entry.key, lines)


def _page(entry: Reminder, message: Message) -> str:
    """The HTML for a browser, which knows no pictures inside a mail."""
    if not message.transfer or entry.route != "smtp":
        return message.html
    inside = base64.b64encode(picture(message.transfer.code)).decode()
    source = f"data:image/png;base64,{inside}"
    return shown(message.html, message.transfer, message.language, source)


def _mail(firm: Firm, entry: Reminder, message: Message, earlier: list[str]) -> bytes:
    """The bytes that would go, apart from their date."""
    if entry.route != "smtp" or firm.mailer is None:
        raise ConfigError(
            f"--eml: this goes {ROUTES.get(entry.route, entry.route)}, and is no mail of ours"
        )
    parcel = _packed(firm, entry, message)
    for problem in parcel.left_out:
        say(f"not attached: {problem}")
    return firm.mailer.written(
        parcel.message,
        key=entry.key,
        now=now(),
        attachments=parcel.files,
        auto=not entry.needs_approval,
        earlier=earlier,
    )


def _packed(firm: Firm, entry: Reminder, message: Message) -> Packed:
    policy = firm.policies.named.get(entry.policy, firm.policies.firm)
    numbers = {line.invoice_id: line.invoice for line in entry.lines}
    links = {line.invoice_id: line.pay_link for line in entry.lines}
    return packed(firm.provider, message, numbers, links, missing=policy.missing_copy)


def _letter(firm: Firm, made: Plan, entry: Reminder, message: Message) -> bytes:
    if entry.channel is not Channel.LETTER:
        raise ConfigError(f"--pdf: this goes by {entry.channel}: only a letter is printed")
    letter = letter_of(entry, made.today)
    return letter_pdf(letter, firm.company, message.subject, message.text)


def _save(file: Path, content: bytes, what: str) -> None:
    """Write a file that its owner alone may read: it names a customer and a debt."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror}") from None
    say(f"{what} is in {file}")
