"""The command that makes a configuration: asked for, tried out, then written whole."""

import os
from pathlib import Path

import typer

from connector import credentials, registry, setup, suggestions
from connector.cli.firms import now
from connector.cli.questions import Questions
from connector.cli.show import put, say
from connector.config import DEFAULT, option
from connector.configfile import PREFIX
from connector.contract import Finding, ProviderSpec
from connector.dunning.policy_file import ready_made, summary
from connector.errors import AuthRequired, ConfigError, ConnectorError
from connector.firm import checked, mailer_of
from connector.outbox.smtp_settings import PORTS
from connector.setup import Connected, Draft

SMTP_ORDER = ("HOST", "SECURITY", "PORT", "USER", "PASSWORD", "FROM")
SMTP_HELP = {
    "HOST": "The mail server of the firm, which is to carry the reminders, as mail.example.com",
    "SECURITY": "How the line to it is private: starttls, tls, or none for one on this machine",
    "PORT": "Its port",
    "USER": "The user of the mailbox, where the server wants one",
    "PASSWORD": "The password of that user",
    "FROM": "Who the reminders come from, as Accounts <accounts@example.com>",
}


def init(
    path: Path | None, provider: str, pairs: list[str], keeper: str, replace: bool, ask: bool
) -> int:
    """Make a configuration: asked for, tried out, then written whole."""
    file, questions = setup.target(path, DEFAULT), Questions(ask)
    if file.exists() and not replace:
        refusal = f"{file} exists: --replace writes a new one and keeps a copy of it"
        if not questions.asking:
            raise ConfigError(refusal)
        if not questions.yes(f"{file} exists. Replace it, keeping a copy?", default=False):
            raise ConfigError(refusal)
    spec = _provider(questions, provider or os.environ.get(PREFIX + "PROVIDER", ""))
    interview = Interview(questions, spec, file)
    interview.values |= setup.environment(spec, os.environ) | setup.options(spec, pairs)
    interview.take_secrets_from_environment()
    return interview.run(keeper)


def _provider(questions: Questions, given: str) -> ProviderSpec:
    if given:
        return setup.spec_of(given)
    found = registry.providers()
    if not questions.asking:
        raise ConfigError(f"--provider is missing: name one of {', '.join(sorted(found))}")
    for problem in registry.broken().values():
        say(problem)
    rows = [(name, spec.title) for name, spec in found.items()]
    return found[questions.choice("Which accounting software holds the invoices?", rows)]


class Interview:
    """The answers so far, by full name; secrets apart, in memory until everything is written."""

    def __init__(self, questions: Questions, spec: ProviderSpec, file: Path) -> None:
        self.questions, self.spec, self.file = questions, spec, file
        self.values: dict[str, str] = {PREFIX + "PROVIDER": spec.name}
        self.secrets: dict[str, str] = {}
        self._fixed: set[str] = set()  # answered by options and environment: not asked

    def take_secrets_from_environment(self) -> None:
        """A secret that the environment gives in plain is kept like a typed one."""
        self._fixed = set(self.values)
        for name, value in list(self.values.items()):
            if setup.is_secret(self.spec, name) and credentials.is_plain(value):
                self.secrets[name] = self.values.pop(name)

    def run(self, keeper: str) -> int:
        """From the first question to the written file; the exit code."""
        connected = self._connect()
        _show(connected, self.spec)
        connected = self._rights(connected)
        self._mail(connected)
        self._choices(connected)
        draft = self._draft()
        checked(draft.config(os.environ), draft.environ(os.environ))
        keeper = self._keeper(keeper)
        if not self.questions.yes(f"Write {self.file}?", default=True):
            raise typer.Abort
        places = {
            name: setup.reference(self.file, name, secret, keeper)
            for name, secret in self.secrets.items()
        }
        backup = setup.set_aside(self.file, now()) if self.file.exists() else None
        setup.write(draft, places)
        put(f"Written: {self.file}, which only you can read.")
        for name, place in places.items():
            put(f"{name} is kept {credentials.place(place)}.")
        if backup:
            put(f"The one before is now {backup}.")
        _next(self.file, mode=self.values.get(PREFIX + "MODE", ""))
        return AuthRequired.exit_code if connected.missing else 0

    def _draft(self) -> Draft:
        values = self.values | dict.fromkeys(self.secrets, "env:…")  # put in by the draft
        return Draft(self.file, setup.text_of(self.spec, values), self.secrets)

    def _connect(self) -> Connected:
        """The connection, its settings asked for until there is one, or the person gives up."""
        again = False
        while True:
            self._ask_provider(again)
            again = True
            try:
                draft = self._draft()
                if problems := setup.problems(draft, os.environ):
                    raise ConfigError(*problems)
                say(f"Connecting to {self.spec.title} ...")
                return setup.tried(draft.config(os.environ), draft.environ(os.environ))
            except ConnectorError as error:
                if not self.questions.asking:
                    raise self._with_advice(error) from None
                _lines(error)
                if not self.questions.yes("Correct the answers?", default=True):
                    raise typer.Abort from None

    def _with_advice(self, error: ConnectorError) -> ConnectorError:
        if not isinstance(error, ConfigError):
            return error
        return ConfigError(
            *error.problems,
            "nothing was written; --set NAME=VALUE gives a setting, and so does a variable "
            f"{PREFIX}…; on a terminal relance init asks for them",
        )

    def _ask_provider(self, again: bool) -> None:
        for setting in self.spec.settings:
            name = option(self.spec.name, setting.name)
            if self._is_settled(name, again):
                continue
            told = setting.help
            if setting.path:
                told += f"; relative to {self.file.absolute().parent}"
            if setting.secret:
                kept = name in self.secrets or name in self.values
                given = self.questions.secret(
                    setting.name, told, kept=kept, required=setting.required
                )
                if given:
                    self.secrets[name] = given
                    self.values.pop(name, None)
                continue
            default = self.values.get(name, setting.default)
            self._answer(
                name,
                self.questions.text(setting.name, told, default=default, required=setting.required),
            )

    def _is_settled(self, name: str, again: bool) -> bool:
        """Answered already, and not to be corrected: the environment wins over every answer."""
        return name in self._fixed and (not again or name in os.environ)

    def _answer(self, name: str, value: str) -> None:
        if value:
            self.values[name] = value
        else:
            self.values.pop(name, None)

    def _rights(self, connected: Connected) -> Connected:
        """The connection again, once the person has given the rights that are missing."""
        ask = "Give them in the accounting software, then look again?"
        while connected.missing and self.questions.asking and self.questions.yes(ask, default=True):
            draft = self._draft()
            try:
                connected = setup.tried(draft.config(os.environ), draft.environ(os.environ))
            except ConnectorError as error:
                _lines(error)
            else:
                _findings(connected)
        return connected

    def _mail(self, connected: Connected) -> None:
        """The mail server, where the product does not carry our words to every address."""
        can, host = connected.can, PREFIX + "SMTP_HOST"
        if can.custom_email and not can.contacts_only and host not in self.values:
            return
        say("")
        if can.custom_email:
            say(f"{self.spec.title} writes to the contacts it knows; others need a mail server.")
        else:
            say(f"{self.spec.title}: our words do not go out by it, but by your own mail server.")
        again = False
        while self._ask_mail(connected, again):
            again = True
            draft = self._draft()
            try:
                if problems := setup.problems(draft, os.environ):
                    raise ConfigError(*problems)
                mailer = mailer_of(draft.config(os.environ), draft.environ(os.environ))
                if mailer:
                    say(f"Signing in to {self.values[host]} ...")
                    mailer.sign_in()
                    say("It takes our mail. Nothing was sent.")
                return
            except ConnectorError as error:
                if not self.questions.asking:
                    raise
                _lines(error)
                if not self.questions.yes("Correct the answers?", default=True):
                    say("Left as it is: relance doctor tries it again.")
                    return
        if not can.custom_email:
            say("Without one, reminders by e-mail stay silent (no_route).")

    def _ask_mail(self, connected: Connected, again: bool) -> bool:
        """Whether there is a mail server to try."""
        for short in SMTP_ORDER:
            name = f"{PREFIX}SMTP_{short}"
            if self._is_settled(name, again):
                continue
            user = self.values.get(PREFIX + "SMTP_USER", "")
            if short == "PASSWORD":
                kept = name in self.secrets or name in self.values
                if user and (
                    given := self.questions.secret(f"SMTP {short}", SMTP_HELP[short], kept=kept)
                ):
                    self.secrets[name] = given
                    self.values.pop(name, None)
                continue
            security = self.values.get(PREFIX + "SMTP_SECURITY", "starttls")
            guess = {
                "SECURITY": security,
                "PORT": str(PORTS.get(security, "")),
                "FROM": connected.company.email,
            }
            # defaults that nobody was asked about need not be written down
            offered = guess.get(short, "") if self.questions.asking else ""
            default = self.values.get(name, offered)
            self._answer(
                name,
                self.questions.text(
                    f"SMTP {short}", SMTP_HELP[short], default=default, required=short == "FROM"
                ),
            )
            if short == "HOST" and not self.values.get(name):
                return False
        return bool(self.values.get(PREFIX + "SMTP_HOST"))

    def _choices(self, connected: Connected) -> None:
        """Policy, language and zone, suggested by the firm's country; then the mode."""
        country = connected.company.country
        policy, language, zone, mode = (
            PREFIX + name for name in ("POLICY", "LANGUAGE", "TIMEZONE", "MODE")
        )
        if policy not in self.values:
            rows = [(name, summary(name)) for name in ready_made()]
            suggested = suggestions.policy(country)
            self.values[policy] = self.questions.choice(
                "Which reminder policy? Any of them can be copied and changed later.",
                rows,
                default=suggested,
                name="Policy",
            )
        if language not in self.values:
            self.values[language] = self.questions.choice(
                "In which language is a customer written to whose own is not known?",
                [(code, suggestions.language_name(code)) for code in suggestions.languages()],
                default=suggestions.language(country),
                name="Language",
            )
        if zone not in self.values and not connected.company.timezone:
            self.values[zone] = self.questions.text(
                "TIMEZONE",
                "The firm's time zone, in which its days begin, as Europe/Paris",
                default=suggestions.zone(country),
                required=True,
            )
            if not self.values[zone]:
                raise ConfigError(
                    "the books name no time zone: --set TIMEZONE=NAME gives it, as Europe/Paris"
                )
        self.values.setdefault(mode, "review")

    def _keeper(self, keeper: str) -> str:
        """Where secrets are to be kept: as told, else the keyring, else files."""
        if keeper or not self.secrets:
            return keeper or "keyring"
        if credentials.keyring_works():
            return "keyring"
        folder = self.file.absolute().with_suffix(".secrets")
        say("")
        say("This machine has no keyring that answers.")
        if not self.questions.yes(f"Keep the secrets in {folder}, for you alone?", default=True):
            raise typer.Abort
        return "file"


def _lines(error: ConnectorError) -> None:
    for line in str(error).splitlines():
        say(line)


def _show(connected: Connected, spec: ProviderSpec) -> None:
    company = connected.company
    about = ", ".join(
        part for part in (company.country, company.currency, company.timezone) if part
    )
    say("")
    say(f"Connected: {company.name} ({about}), ledger {company.ledger_id}")
    _findings(connected)
    if connected.can.native_reminders:
        say(
            f"! {spec.title} is sending its own reminders. Switch them off there, or customers "
            f"hear twice: until then Relance stays silent. See docs/providers/{spec.name}.md."
        )


def _findings(connected: Connected) -> None:
    for finding in connected.findings:
        say(_told(finding))


def _told(finding: Finding) -> str:
    if finding.fine:
        return f"  ok       {finding.what}"
    word = "MISSING" if finding.needed else "without"
    return f"  {word}  {finding.what}: {finding.mend}"


def _next(file: Path, mode: str) -> None:
    more = "" if file == DEFAULT else f" --config {file}"
    put()
    put("Next:")
    rows = [
        ("relance doctor", "whether all is well"),
        ("relance sync --dry-run", "what would go out; changes nothing"),
    ]
    if mode != "auto":
        rows.append(("relance sync", "writes proposals, for relance review"))
    width = max(len(command) for command, _ in rows) + len(more)
    for command, what in rows:
        put(f"  {command + more:{width}}  {what}")
