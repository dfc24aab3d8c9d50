"""Whether everything a firm needs is in order, look by look; nothing is changed anywhere."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector import credentials, registry, safefile, setup
from connector.config import Config
from connector.dunning.policy_file import Policies
from connector.dunning.snapshot import Channel
from connector.errors import AuthRequired, ConfigError, ConnectorError, Transient
from connector.firm import checked, inbox_of, mailer_of, settings_problems
from connector.installation import installation, taken_over
from connector.lock import holder, kept_wait
from connector.meter import Meter
from connector.mirror.health import Health, examined
from connector.receivables.capabilities import Capabilities, Notes, Traces
from connector.setup import Connected

ROOM = 100_000_000  # bytes of disk that must be left beside a second copy of the database
AHEAD = timedelta(minutes=5)  # a clock that is further behind the last run is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One look: at what, what was seen, what to do. `code` is 0 unless it must be mended.

    A `mind` is worth knowing and stops nothing.
    """

    what: str
    seen: str
    mend: str = ""
    mind: bool = False
    code: int = 0

    @property
    def word(self) -> str:
        """ok, mind or wrong."""
        return "wrong" if self.code else "mind" if self.mind else "ok"


class Examination:
    """The looks at one firm, kept in `checks` as they are made; `now` is aware UTC."""

    def __init__(self, config: Config, environ: Mapping[str, str], now: datetime) -> None:
        self.config, self.environ, self.now = config, environ, now
        self.checks: list[Check] = []

    def whole(self) -> None:
        """Look at everything; without a connection at what can be seen without one."""
        sound = self._settings()
        policies = self._policy()
        health = self._state()
        self._installation()
        connected = self._connection() if sound else None
        if connected:
            self._books(connected, health)
            self._rights(connected)
            self._abilities(connected.can)
            self._mailbox(connected)
        if sound:
            self._mail(connected, policies)
        self._at_work(connected.company.ledger_id if connected else health.ledger_id)

    def _ok(self, what: str, seen: str) -> None:
        self.checks.append(Check(what=what, seen=seen))

    def _mind(self, what: str, seen: str, mend: str = "") -> None:
        self.checks.append(Check(what=what, seen=seen, mend=mend, mind=True))

    def _wrong(self, what: str, error: ConnectorError | str, mend: str = "", code: int = 2) -> None:
        """Something that must be mended; an error brings its own code and advice."""
        if isinstance(error, str):
            self.checks.append(Check(what=what, seen=error, mend=mend, code=code))
            return
        for line in str(error).splitlines():
            self.checks.append(Check(what=what, seen=line, code=error.exit_code))

    def _settings(self) -> bool:
        """Whether the settings hold, secrets included, so that a connection can be tried."""
        config = self.config
        told = settings_problems(config, self.environ)
        for problem in told:
            self._wrong("settings", problem)
        if not told:
            self._ok("settings", f"{config.path or 'the sample'}: every option holds")
        if config.path and safefile.is_open_to_others(config.path):
            self._mind(
                "settings", f"{config.path} is open to everybody here", f"chmod o= {config.path}"
            )
        known = registry.spec_of(config.provider)
        for secret in setup.secrets_of(config) if known else ():
            if secret.reference:
                self._secret(secret)
        return not told

    def _secret(self, secret: setup.Secret) -> None:
        seen = f"{secret.name} is {credentials.place(secret.reference)}"
        if warning := credentials.warning(secret.reference, setting=secret.name):
            self._mind("secret", seen, warning.removeprefix(f"{secret.name}: "))
        else:
            self._ok("secret", seen)

    def _policy(self) -> Policies | None:
        """The policy with its texts; what is wrong with the settings is told already."""
        told = {check.seen for check in self.checks}
        try:
            policies = checked(self.config, self.environ)
        except ConfigError as error:
            fresh = [problem for problem in error.problems if problem not in told]
            for problem in fresh:
                self._wrong("policy, texts", problem)
            if not fresh:
                self._ok("policy, texts", f"{self.config.policy}: sound")
            return None
        used = ", ".join(policy.name for policy in policies.in_use)
        self._ok("policy, texts", f"{used}: sound; mode {self.config.mode}")
        return policies

    def _state(self) -> Health:
        """The database, the room beside it, and the clock against its last run."""
        state = self.config.state
        if self.config.path is None or not state.exists():
            if self.config.path:
                self._ok("state", f"{state}: none yet; the first sync makes it")
            return Health()
        try:
            health = examined(state)
        except ConfigError as error:
            self._wrong("state", error)
            return Health()
        for damage in health.damage:
            advice = "put a backup in its place, or move it away: the next sync makes another"
            self._wrong("state", f"{state}: damaged: {damage}", advice)
        size = state.stat().st_size
        if not health.damage:
            newer = health.revision > health.newest
            older = health.revision < health.newest
            schema = f"schema {health.revision}" + (
                f", brought to {health.newest} by the next run" if older else ""
            )
            if newer:
                self._wrong("state", f"{state}: {schema} is of a newer Relance", "install that one")
            else:
                self._ok("state", f"{state}: sound, {_size(size)}, {schema}")
        if safefile.is_open_to_others(state):
            self._mind("state", f"{state} is open to everybody here", f"chmod 600 {state}")
        free = shutil.disk_usage(state.parent).free
        if free < 2 * size + ROOM:
            self._wrong("disk", f"{_size(free)} free in {state.parent}", "make room", code=3)
        else:
            self._ok("disk", f"{_size(free)} free")
        if health.last_run and health.last_run > self.now + AHEAD:
            self._wrong(
                "clock",
                f"the last run was at {health.last_run:%Y-%m-%d %H:%M} UTC, which is yet to come",
                "set this machine's clock",
            )
        return health

    def _installation(self) -> None:
        config = self.config
        if config.path is None:
            return
        try:
            own, taken = installation(config, make=False), taken_over(config)
        except ConfigError as error:
            self._wrong("installation", error)
            return
        places = ", ".join(f"{name} ({day})" for name, day in taken.items())
        place = f", in the place of {places}" if places else ""
        kept = f"{own}{place}, kept in {config.installation_file}"
        self._ok("installation", kept if own else "no id yet; the first sync makes it")

    def _connection(self) -> Connected | None:
        """What the connection shows; none where it fails, or the server wants none yet."""
        until, _, because = kept_wait(self.config.state).partition(" ")
        if until and self.now < datetime.fromisoformat(until):
            seen = f"not tried: {because}: no call before {until}"
            self._wrong("connection", seen, code=Transient.exit_code)
            return None
        try:
            connected = setup.tried(self.config, self.environ)
        except AuthRequired as error:
            self._wrong("connection", str(error), "relance connect", AuthRequired.exit_code)
            return None
        except ConnectorError as error:
            self._wrong("connection", error)
            return None
        return connected

    def _books(self, connected: Connected, health: Health) -> None:
        company, config = connected.company, self.config
        zone = config.timezone or company.timezone
        parts = (company.name, company.ledger_id, company.country, company.currency, zone)
        self._ok("connection", ", ".join(part for part in parts if part))
        if health.ledger_id and health.ledger_id != company.ledger_id:
            self._wrong(
                "connection",
                f"{config.state} is of {health.ledger_id}",
                "name another file as RELANCE_STATE, or mend the address",
            )
        if not zone:
            mend = "set RELANCE_TIMEZONE, such as Europe/Paris"
            self._wrong("connection", "the books name no time zone", mend)
        limits = setup.spec_of(config.provider).limits
        if limits.day:
            made = Meter(limits, config.state).made()
            self._ok("limits", f"{made} of {limits.day} calls of the last 24 hours are used")

    def _rights(self, connected: Connected) -> None:
        for finding in connected.findings:
            if finding.fine:
                self._ok("right", finding.what)
            elif finding.needed:
                self._wrong("right", finding.what, finding.mend, AuthRequired.exit_code)
            else:
                self._mind("right", finding.what, finding.mend)

    def _abilities(self, can: Capabilities) -> None:
        """What this connection cannot do, and what that means."""
        title = setup.spec_of(self.config.provider).title
        if can.native_reminders:
            self._wrong(
                "reminders",
                f"{title} is sending its own: Relance sends none meanwhile (native_reminders)",
                f"switch them off there: docs/providers/{self.config.provider}.md",
            )
        for lacking, seen in (
            (can.note is Notes.NONE, "no notes: what was sent is not shown on the invoices"),
            (
                can.traces is Traces.NONE,
                "no traces: if state.db is lost, a reminder can go out again: keep backups",
            ),
            (
                can.traces is Traces.SOME,
                "some traces only: if state.db is lost, a reminder can go out again: keep backups",
            ),
            (not can.pdf, "no PDF: messages go without a copy of the invoice"),
            (
                not can.customer_balance,
                "no figure of what a customer owes in all: it is not compared with ours",
            ),
        ):
            if lacking:
                self._mind("ability", seen)

    def _mail(self, connected: Connected | None, policies: Policies | None) -> None:
        """Whether a message has a way to go, and the mail server takes it."""
        config = self.config
        if config.path is None:
            return  # the sample's route is never opened
        if config.smtp:
            try:
                if mailer := mailer_of(config, self.environ):
                    mailer.sign_in()
                    self._ok("mail", f"{config.smtp['HOST']} takes our mail; nothing was sent")
            except ConnectorError as error:
                self._wrong("mail", error)
            return
        if connected is None or connected.can.custom_email:
            if connected and connected.can.contacts_only:
                seen = "only addresses of a customer's contacts can be written to"
                self._mind("mail", seen, "set RELANCE_SMTP_HOST for the others")
            return
        steps = [step for policy in policies.in_use for step in policy.steps] if policies else []
        if any(step.channel is Channel.EMAIL for step in steps):
            seen = "nothing can carry an e-mail: the policy's e-mails stay silent (no_route)"
            self._wrong("mail", seen, "set RELANCE_SMTP_HOST")

    def _mailbox(self, connected: Connected) -> None:
        try:
            mailbox = inbox_of(self.config, self.environ, connected.company)
            if mailbox:
                held = mailbox.examine()
                self._ok("mailbox", f"{self.config.imap['HOST']}: {held} messages can be read")
        except ConnectorError as error:
            self._wrong("mailbox", error)

    def _at_work(self, ledger_id: str) -> None:
        """Whether a run or the service is at work now: nothing wrong with that."""
        if self.config.path is None:
            return
        state = str(self.config.state.absolute())
        for what, found in (
            ("a run", holder(ledger_id) if ledger_id else ""),
            ("the service", holder(state, "service")),
        ):
            if found:
                self._ok("at work", f"{what}: {found}")


def _size(bytes_: int) -> str:
    number = float(bytes_)
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.0f} TB"
