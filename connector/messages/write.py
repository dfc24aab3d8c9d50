"""Fills a plan with its messages, and writes the words of the notes beside them."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from babel import Locale, UnknownLocaleError

from connector.contract import Company, reference_of
from connector.dunning.plan import Plan, Reminder, ReminderLine
from connector.dunning.snapshot import Channel
from connector.errors import BadRecord, ConfigError
from connector.messages.check import missing, unbalanced
from connector.messages.engine import Engine
from connector.messages.formats import locale_of
from connector.messages.mail import Page, plain_text, subject_line
from connector.messages.texts import Texts
from connector.messages.values import clean, file_name, masked, spaced
from connector.messages.view import Facts
from connector.receivables.records import Attachment, Message

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
        """The plan with a message in every reminder that goes by e-mail.

        Raises:
            ConfigError: templates that cannot be used, each problem named once.
            BadRecord: an invoice has no number.
        """
        written: list[Reminder] = []
        problems: dict[str, None] = {}
        for reminder in plan.reminders:
            if reminder.channel is Channel.EMAIL:
                try:
                    reminder = replace(reminder, message=self.message(reminder, plan.today))
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
        name = f"{reminder.language}/{reminder.template}.md"
        if (reminder.template, reminder.language) not in self.templates:
            raise ConfigError(
                f"no text {name} for step {reminder.step!r} of policy {reminder.policy!r}. "
                f"Write it in the folder of RELANCE_TEMPLATES, or name another template."
            )
        locale = self._locale(reminder)
        plain = Facts(self.company, reminder, locale, html=False).context(today, attached=self.pdf)
        marked = Facts(self.company, reminder, locale, html=True).context(today, attached=self.pdf)
        subject = subject_line(self._plain.subject(name, plain))
        foot = self._foot(reminder)
        text = plain_text(self._plain.render(name, plain), foot)
        html = self._page.html(
            self._marked.render(name, marked),
            language=reminder.language,
            subject=subject,
            foot=foot,
        )
        self._refuse(name, reminder, text, html, locale)
        return Message(
            customer_id=reminder.customer_id,
            invoice_ids=tuple(dict.fromkeys(line.invoice_id for line in reminder.lines)),
            to=reminder.to,
            language=reminder.language,
            subject=subject,
            text=text,
            html=html,
            attachments=_attachments(reminder) if self.pdf else (),
            reference=reminder.key,
        )

    def note(self, reminder: Reminder, line: ReminderLine, today: date, language: str) -> str:
        """The words for people in a note on the invoice of `line`; of a call or task, its sheet.

        Plain text in `language`, the firm's own; e-mail addresses are masked.

        Raises:
            ConfigError: the firm's own text of the note is broken.
        """
        sheet = reminder.channel in (Channel.CALL, Channel.TASK)
        file = "_sheet.md" if sheet else "_note.md"
        if f"{language}/{file}" not in self._texts.files:
            language = _NOTE_LANGUAGE
        locale = locale_of(language, (self.company.country,))
        facts = Facts(self.company, replace(reminder, language=language), locale, html=False)
        context = facts.context(today, attached=self.pdf) | {
            "line": facts.invoice(line),
            "step": clean(line.step),
            "channel": str(reminder.channel),
            "recipients": ", ".join(masked(address) for address in reminder.to),
            "template": f"{reminder.template} ({reminder.language})",
        }
        return spaced(self._plain.render(f"{language}/{file}", context)).strip()

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

    def _refuse(self, name: str, reminder: Reminder, text: str, html: str, locale: Locale) -> None:
        path = self._texts.files[name]
        problems = [f"{path}: {problem}." for problem in missing(reminder, text, locale)]
        if {reference_of(text), reference_of(html)} != {reminder.key}:
            problems.append(
                f"{path}: the text writes `Ref. ` before 20 digits: that is kept for the reference "
                f"at the foot of each message. Use another word, such as `Reference`."
            )
        if problems:
            raise ConfigError(*problems)


def _attachments(reminder: Reminder) -> tuple[Attachment, ...]:
    """One document an invoice, each with a name of its own."""
    numbers = {line.invoice_id: clean(line.invoice) for line in reminder.lines}
    made: dict[str, str] = {}
    for invoice_id, number in numbers.items():
        stem = name = file_name(number)
        nth = 2
        while name.lower() in made:
            name, nth = f"{stem}-{nth}", nth + 1
        made[name.lower()] = invoice_id
        numbers[invoice_id] = name
    return tuple(
        Attachment(name=f"{name}.pdf", invoice_id=invoice_id)
        for invoice_id, name in numbers.items()
    )
