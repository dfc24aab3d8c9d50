"""One firm, connected: its books, its policy and its words, and the facts of its day."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from connector import registry
from connector.config import Config
from connector.contract import Company, Provider, ProviderSpec
from connector.dunning.plan import Reminder, ReminderLine
from connector.dunning.policy import SIDE
from connector.dunning.policy_file import Policies, load
from connector.dunning.snapshot import Channel, Day
from connector.errors import ConfigError, KeptForSending, Transient
from connector.lock import keep_wait, wait_over
from connector.messages.lint import lint
from connector.messages.write import Writer
from connector.meter import Meter
from connector.outbox import smtp
from connector.outbox.desk import Clock
from connector.outbox.smtp import Smtp
from connector.receivables.capabilities import Capabilities, Notes

NOBODY = Company(ledger_id="", name="", country="", timezone="UTC", currency="EUR")
"""Stands in for the firm while its texts are checked without a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """One firm, connected: its books, policy and words. `zone` is where its days are counted."""

    config: Config
    spec: ProviderSpec
    provider: Provider
    meter: Meter
    company: Company
    can: Capabilities
    policies: Policies
    writer: Writer
    mailer: Smtp | None
    zone: ZoneInfo

    def today(self, now: datetime) -> date:
        """The firm's day: a sample ledger has a fixed one of its own."""
        return self.company.today or now.astimezone(self.zone).date()

    def note(self, entry: Reminder, line: ReminderLine, today: date) -> str:
        """The words of a note, in the firm's language."""
        return self.writer.note(entry, line, today, self.config.language)


def checked(config: Config, environ: Mapping[str, str]) -> Policies:
    """The policies of a configuration that holds: settings, policy and texts, no connection made.

    Raises:
        ConfigError: with everything that is wrong, at once.
    """
    problems = [*config.problems, *registry.check(config, environ), *smtp.problems(config.smtp)]
    folder = config.path.absolute().parent if config.path else Path()
    policies = texts = None
    try:
        texts = {template for template, _ in Writer(NOBODY, config.templates).templates}
    except ConfigError as error:
        problems += error.problems
    try:
        policies = load(config.policy, folder, texts)
    except ConfigError as error:
        problems += error.problems
    if policies and texts is not None:
        problems += lint(config.templates, policies.in_use)
    if problems or policies is None:
        raise ConfigError(*problems)
    return policies


@contextmanager
def opened(
    config: Config, environ: Mapping[str, str], clock: Clock = lambda: datetime.now(UTC)
) -> Iterator[Firm]:
    """The firm of a configuration, connected.

    Raises:
        ConfigError: before any connection, with all that is wrong.
        AuthRequired, Transient: from the first call to the books; also when the server has asked
            for a wait that is not over.
    """
    policies = checked(config, environ)
    if config.path:
        wait_over(config.state, clock())
    spec = registry.providers()[config.provider]
    meter = Meter(spec.limits, config.state, clock=clock)
    provider = registry.open(config, environ, meter)
    try:
        company, can = provider.company(), provider.probe()
        settings = registry.mail_settings(config, environ)
        yield Firm(
            config=config,
            spec=spec,
            provider=provider,
            meter=meter,
            company=company,
            can=can,
            policies=policies,
            writer=Writer(company, config.templates, pdf=can.pdf),
            mailer=Smtp(settings) if settings.get("HOST") else None,
            zone=ZoneInfo(config.timezone or company.timezone),
        )
    except KeptForSending:
        raise
    except Transient as error:
        if config.path and error.retry_at:
            keep_wait(config.state, error.retry_at, str(error))
        raise
    finally:
        provider.close()


def day_of(firm: Firm, now: datetime) -> Day:
    """The facts of the day: what can carry a message, which texts there are, how old the data."""
    can, as_of = firm.can, firm.company.as_of
    aside = "note" if can.note is Notes.INVOICE else "list"
    routes = dict.fromkeys(SIDE, aside)
    routes[Channel.LETTER] = "print"
    by_mail = "smtp" if firm.mailer else ""
    if by_api := "api" if can.custom_email else by_mail:
        routes[Channel.EMAIL] = by_api
    hours = firm.policies.firm.freshness_hours
    stale = ""
    if as_of and now - as_of > timedelta(hours=hours):
        stale = f"the files are of {as_of:%Y-%m-%d %H:%M} UTC, more than {hours} hours ago"
    return Day(
        routes=routes,
        other_addresses=by_mail if can.contacts_only else None,
        templates=firm.writer.templates,
        language=firm.config.language,
        mode=firm.config.mode,
        sample=firm.config.path is None,
        stale=stale,
        read_at=as_of or now,
        payments_read_at=as_of or now,
        native_reminders=can.native_reminders,
        top_share=firm.policies.firm.top_share,
    )
