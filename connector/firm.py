"""One firm, connected: its books, its policy and its words, and the facts of its day."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from connector.outbox import inbox, smtp
from connector.outbox.desk import Clock
from connector.outbox.inbox import Inbox
from connector.outbox.mail import sender_of
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
    inbox: Inbox | None = None

    def today(self, now: datetime) -> date:
        """The firm's day: a sample ledger has a fixed one of its own."""
        return self.company.today or now.astimezone(self.zone).date()

    def note(self, entry: Reminder, line: ReminderLine, today: date) -> str:
        """The words of a note, in the firm's language."""
        return self.writer.note(entry, line, today, self.config.language)


def settings_problems(config: Config, environ: Mapping[str, str]) -> list[str]:
    """Everything wrong with the settings, secrets included; no connection is made."""
    return [
        *config.problems,
        *registry.check(config, environ),
        *smtp.problems(config.smtp),
        *inbox.problems(config.imap, with_token=_by_token(config)),
    ]


def mailer_of(config: Config, environ: Mapping[str, str]) -> Smtp | None:
    """The firm's mail server, None without one.

    Raises:
        ConfigError: its settings do not hold, or a secret cannot be had.
    """
    settings = registry.mail_settings(config, environ)
    return Smtp(settings, registry.mail_tokens(config, settings)) if settings else None


def checked(config: Config, environ: Mapping[str, str]) -> Policies:
    """The policies of a configuration that holds: settings, policy and texts, no connection made.

    Raises:
        ConfigError: with everything that is wrong, at once.
    """
    problems = settings_problems(config, environ)
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
    spec = registry.spec_of(config.provider)
    assert spec  # checked
    meter = Meter(spec.limits, config.state, clock=clock)
    provider = registry.open(config, environ, meter)
    try:
        company, can = _known(provider.company(), config), provider.probe()
        yield Firm(
            config=config,
            spec=spec,
            provider=provider,
            meter=meter,
            company=company,
            can=can,
            policies=policies,
            writer=Writer(company, config.templates, pdf=can.pdf),
            mailer=mailer_of(config, environ),
            zone=_zone(config, company),
            inbox=inbox_of(config, environ, company),
        )
    except KeptForSending:
        raise
    except Transient as error:
        if config.path and error.retry_at:
            keep_wait(config.state, error.retry_at, str(error))
        raise
    finally:
        provider.close()


def _zone(config: Config, company: Company) -> ZoneInfo:
    """Where the firm's days are counted.

    Raises:
        ConfigError: neither the configuration nor the books name it.
    """
    name = config.timezone or company.timezone
    if not name:
        raise ConfigError(
            f"{config.path}: the accounting software names no time zone for {company.name}: set "
            "RELANCE_TIMEZONE, such as Europe/Paris"
        )
    return ZoneInfo(name)


def inbox_of(config: Config, environ: Mapping[str, str], company: Company) -> Inbox | None:
    """The firm's mailbox, None without one. What the firm itself writes is no answer."""
    settings = registry.mailbox_settings(config, environ)
    if not settings:
        return None
    own = {company.email}
    if sender := config.smtp.get("FROM"):
        own.add(sender_of(sender).addr_spec)
    tokens = None
    if _by_token(config):
        sign_in = registry.mail_settings(config, environ) | {"HOST": settings["HOST"]}
        tokens = registry.mail_tokens(config, sign_in, use="imap")
    return Inbox(settings, own=own, token=tokens.current if tokens else None)


def _by_token(config: Config) -> bool:
    """Whether the mailbox opens with the OAuth sign-in of outgoing mail: it has no password."""
    return "REFRESH_TOKEN" in config.smtp and "PASSWORD" not in config.imap


def _known(company: Company, config: Config) -> Company:
    """The firm as its books tell, and where they are silent as the configuration does."""
    own = config.own.get
    return replace(
        company,
        address=company.address or own("address", ""),
        legal_id=company.legal_id or own("legal_id", ""),
        bank_line=company.bank_line or own("bank_line", ""),
    )


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
