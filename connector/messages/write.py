"""Fills a plan with its messages, and writes the words of the notes beside them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from babel import Locale, UnknownLocaleError

from connector.contract import Company, reference_of
from connector.dunning.plan import Plan, Reminder, ReminderLine
from connector.dunning.policy import MESSAGES
from connector.dunning.snapshot import Channel, Stage
from connector.errors import BadRecord, ConfigError
from connector.messages import copies
from connector.messages.check import Said, faults, unbalanced
from connector.messages.engine import Engine
from connector.messages.formats import language_name, locale_of
from connector.messages.mail import Page, plain_text, subject_line
from connector.messages.texts import Text, Texts
from connector.messages.transfer import transfer_of
from connector.messages.values import clean, file_name, masked, spaced
from connector.messages.view import Facts
from connector.receivables.records import Attachment, Message

_BY_HAND = (Channel.CALL, Channel.VISIT, Channel.TASK)
_ENCLOSE = {
    "uk-letter-of-claim": (
        "enclose with the letter of claim the Information Sheet, the Reply Form and the Standard "
        "Financial Statement of the Pre-Action Protocol for Debt Claims: Relance prints the letter "
        "alone"
    )
}
_NOTE_LANGUAGE = "en"  # of notes, where neither package nor firm has them in the firm's language


class Writer:
    """Writes for one firm: its own templates win over those of the package.

    `pdf` says that the invoices can be attached as documents.

    Raises:
        ConfigError: the firm's folder is missing, or files in it are broken; names all of them.
    """

    def __init__(
        self, company: Company, templates_folder: Path | None = None, *, pdf: bool = False
    ) -> None:
        self.company = company
        self.pdf = pdf
        self._texts = Texts(templates_folder)
        self._plain = Engine(self._texts, html=False)
        self._marked = Engine(self._texts, html=True)
        self._page = Page()
        if problems := self._plain.problems():
            raise ConfigError(*problems)

    @property
    def templates(self) -> frozenset[tuple[str, str]]:
        """(template, language) of every message that can be written."""
        return self._texts.templates

    def write(self, plan: Plan) -> Plan:
        """The plan with a message in every reminder that goes by e-mail or letter.

        Of a letter it is the words, without a recipient's address; its page is made elsewhere.

        Raises:
            ConfigError: templates that cannot be used, each problem named once.
            BadRecord: an invoice has no number.
        """
        written: list[Reminder] = []
        problems: dict[str, None] = {}
        for reminder in plan.reminders:
            if reminder.channel in MESSAGES:
                try:
                    message, unread = self.message(reminder, plan.today), self._unread(reminder)
                    warnings = (*reminder.warnings, *_told(reminder, message, unread))
                    reminder = replace(reminder, message=message, unread=unread, warnings=warnings)
                except ConfigError as error:
                    problems |= dict.fromkeys(error.problems)
            written.append(reminder)
        if problems:
            raise ConfigError(*problems)
        return plan.with_reminders(written)

    def message(self, reminder: Reminder, today: date) -> Message:
        """Subject, text and HTML of one reminder, in its language, with its reference.

        Raises:
            ConfigError: the template is missing, broken, or leaves out what must be said.
            BadRecord: an invoice has no number.
            ValueError: the reminder's figures contradict each other.
        """
        if contradiction := unbalanced(reminder):
            raise ValueError(f"reminder {reminder.key}: {contradiction}")
        for line in reminder.lines:
            if not clean(line.invoice):
                problem = "is empty; a reminder must name the invoice: number it in the product"
                raise BadRecord("invoice", line.invoice_id, "number", problem)
        name = self._name(reminder)
        locale = self._locale(reminder)
        attached, left_out = _attachments(reminder) if self.pdf else ((), ())
        whole = self.pdf and not left_out
        terms = clean(self._texts.terms(reminder.language))
        plain, marked = (
            Facts(self.company, reminder, locale, html=html, terms=terms).context(
                today, attached=whole
            )
            for html in (False, True)
        )
        whole_subject = self._plain.subject(name, plain)
        subject = subject_line(whole_subject)
        foot = self._foot(reminder)
        body = self._plain.render(name, plain)
        text = plain_text(body, foot)
        html = self._page.html(
            self._marked.render(name, marked),
            language=reminder.language,
            subject=subject,
            foot=foot,
        )
        found = faults(reminder, Said(whole_subject, body), self.company, locale, terms)
        if {reference_of(text), reference_of(html)} != {reminder.key}:
            found.append(
                "the text writes `Ref. ` before 20 digits: that is kept for the reference at the "
                "foot of each message. Use another word, such as `Reference`"
            )
        if found:
            path = self._texts.files[name]
            raise ConfigError(*(f"{path}: {problem}." for problem in found))
        message = Message(
            customer_id=reminder.customer_id,
            invoice_ids=tuple(dict.fromkeys(line.invoice_id for line in reminder.lines)),
            to=reminder.to,
            language=reminder.language,
            subject=subject,
            text=text,
            html=html,
            attachments=attached,
            reference=reminder.key,
            transfer=transfer_of(self.company, reminder),
        )
        return copies.without(message, left_out)

    def note(self, reminder: Reminder, line: ReminderLine, today: date, language: str) -> str:
        """The words for people in a note on the invoice of `line`, or the sheet of a call.

        A visit and a task have a sheet too. Plain text in `language`, the firm's own; e-mail
        addresses are masked.

        Raises:
            ConfigError: the firm's own text of the note is broken.
        """
        file = "_sheet.md" if reminder.channel in _BY_HAND else "_note.md"
        if reminder.rung.stage is Stage.HANDOVER:
            file = "_handover.md"
        if f"{language}/{file}" not in self._texts.files:
            language = _NOTE_LANGUAGE
        locale = locale_of(language, (self.company.country,))
        spoken = language_name(reminder.language, locale)
        facts = Facts(self.company, replace(reminder, language=language), locale, html=False)
        context = facts.context(today, attached=self.pdf)
        context |= {
            "customer": replace(context["customer"], language=spoken),
            "line": facts.invoice(line),
            "step": clean(line.step),
            "channel": str(reminder.channel),
            "recipients": ", ".join(masked(address) for address in reminder.to),
            "template": self._used(reminder) if reminder.channel in MESSAGES else "",
        }
        return spaced(self._plain.render(f"{language}/{file}", context)).strip()

    def _name(self, reminder: Reminder) -> str:
        """The file of a reminder's text: its nearest variant.

        Raises:
            ConfigError: there is none in its language. Another language is never taken.
        """
        words = (str(reminder.kind), *reminder.traits)
        name = self._texts.chosen(reminder.language, reminder.template, reminder.legal, words)
        if name is None:
            raise ConfigError(
                f"no text {reminder.language}/{reminder.template}.md for step {reminder.step!r} of "
                f"policy {reminder.policy!r}. Write it in the folder of RELANCE_TEMPLATES, or name "
                f"another template."
            )
        return name

    def _used(self, reminder: Reminder) -> str:
        """Which text it was, and of which wording: kept so that results can be compared."""
        name = self._name(reminder)
        text = Text.of(name)
        variant = f".{text.variant}" if text.variant else ""
        return f"{text.template}{variant} ({text.language}), version {self._texts.version(name)}"

    def _unread(self, reminder: Reminder) -> str:
        """The name of a formal text that is the program's own: the firm has not read it yet."""
        name = self._name(reminder)
        formal = reminder.rung.stage is Stage.NOTICE or reminder.legal
        return name if formal and name not in self._texts.own else ""

    def _locale(self, reminder: Reminder) -> Locale:
        try:
            return locale_of(reminder.language, (reminder.country, self.company.country))
        except (UnknownLocaleError, ValueError):
            raise ConfigError(
                f"customer {reminder.customer_id}: {reminder.language!r} is not a language"
            ) from None

    def _foot(self, reminder: Reminder) -> tuple[str, str]:
        company = self.company
        told = (company.name, company.legal_id, ", ".join(company.address.split("\n")))
        return " – ".join(part for part in map(clean, told) if part), f"Ref. {reminder.key}"


def _told(reminder: Reminder, message: Message, unread: str) -> Iterator[str]:
    """What a person should know of a message before it goes."""
    if enclose := _ENCLOSE.get(reminder.legal):
        yield enclose
    if unread:
        yield (
            f"the formal text {unread} is the program's own and the firm has not reviewed it: have "
            f"it read by a lawyer, then put a copy into the folder of RELANCE_TEMPLATES"
        )
    if message.attachments and len(message.attachments) < len(message.invoice_ids):
        yield (
            f"{clean(reminder.customer_name)}: {len(message.attachments)} of "
            f"{len(message.invoice_ids)} invoice copies are attached, the message names the others"
        )


def _attachments(
    reminder: Reminder,
) -> tuple[tuple[Attachment, ...], tuple[tuple[str, str], ...]]:
    """One document an invoice, each with a name of its own, those due first; no more than go.

    The others are told by number and page. A letter has no files.
    """
    lines = {line.invoice_id: line for line in sorted(reminder.lines, key=lambda line: line.due_on)}
    made: dict[str, str] = {}
    for line in lines.values():
        stem = name = file_name(clean(line.invoice))
        nth = 2
        while name.lower() in made:
            name, nth = f"{stem}-{nth}", nth + 1
        made[name.lower()] = name
    files = tuple(
        Attachment(name=f"{name}.pdf", invoice_id=invoice_id)
        for name, invoice_id in zip(made.values(), lines, strict=True)
    )
    if reminder.channel is not Channel.EMAIL:
        return files, ()
    rest = list(lines.values())[copies.MOST :]
    return files[: copies.MOST], tuple((line.invoice, line.pay_link) for line in rest)
