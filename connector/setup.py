"""A configuration in the making: the answers, the connection they give, the file they become.

Nothing is written before `write`, and `write` leaves all of it or nothing.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from connector import credentials, registry, safefile
from connector.config import EXAMPLE, NAMES, Config, load, option
from connector.configfile import PREFIX, nearest, rewritten, statement
from connector.contract import Company, Finding, ProviderSpec
from connector.errors import ConfigError
from connector.firm import Firm, settings_problems
from connector.meter import Meter
from connector.mirror.pull import BATCH
from connector.mirror.state import scratch
from connector.mirror.store import Mirror
from connector.outbox.deliver import strangers
from connector.receivables.capabilities import Capabilities, Traces

_SECRET = ("_PASSWORD", "_CLIENT_SECRET", "_REFRESH_TOKEN")  # how the core's own secrets end
_HOLDS = "SECRET_OF_"  # the variable, of this process alone, that stands for a secret not kept yet


@dataclass
class Draft:
    """A file not written yet: its text, and the secrets it will refer to, in memory alone.

    `secrets` go by full name.
    """

    path: Path
    text: str
    secrets: dict[str, str] = field(default_factory=dict)

    def environ(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """The environment in which `config` is to be used."""
        return {**environ, **{_HOLDS + name: secret for name, secret in self.secrets.items()}}

    def config(self, environ: Mapping[str, str]) -> Config:
        """The configuration as the file will give it."""
        text = rewritten(self.text, {name: f"env:{_HOLDS}{name}" for name in self.secrets})
        return load(self.path, environ, registry.setting_names([], environ, text), text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What a connection shows: whose books these are, what it can do, which rights it has."""

    company: Company
    can: Capabilities
    findings: tuple[Finding, ...]

    @property
    def missing(self) -> tuple[Finding, ...]:
        """The rights without which Relance cannot work."""
        return tuple(finding for finding in self.findings if finding.needed and not finding.fine)


def target(path: Path | None, default: Path) -> Path:
    """The file to write a configuration to.

    Raises:
        ConfigError: no such file can be written, or it would never be read.
    """
    file = path or default
    if file.is_dir():
        raise ConfigError(f"{file} is a folder: name the firm's file in it, as {file / 'firm.env'}")
    if file.name.endswith(EXAMPLE) or file.suffix != ".env" or file.name.startswith("."):
        raise ConfigError(f"{file}: expected a name such as firm.env")
    if not file.absolute().parent.is_dir():
        raise ConfigError(f"{file.absolute().parent}: no such folder: make it first")
    if not os.access(file.absolute().parent, os.W_OK):
        raise ConfigError(f"{file.absolute().parent}: cannot be written to: mend its rights")
    return file


def spec_of(name: str) -> ProviderSpec:
    """The provider of a name.

    Raises:
        ConfigError: there is none, or it cannot be used.
    """
    if spec := registry.spec_of(name.lower()):
        return spec
    if reason := registry.broken().get(name.lower()):
        raise ConfigError(f"{reason}: mend or uninstall it")
    raise ConfigError(f"{name!r}: known are {', '.join(sorted(registry.providers()))}")


def full_name(spec: ProviderSpec, name: str) -> str:
    """The option that a short or full name means: the provider's own first, then Relance's.

    Raises:
        ConfigError: there is no such option.
    """
    own = {setting.name: option(spec.name, setting.name) for setting in spec.settings}
    core = {short: PREFIX + short for short in NAMES}
    name = name.strip().upper()
    known = {**core, **own}
    if name in known:
        return known[name]
    if name in known.values():
        return name
    meant = nearest(name.removeprefix(PREFIX), known)
    raise ConfigError(
        f"{name} is not an option of {spec.name}: "
        + (f"did you mean {meant}?" if meant else f"there are {', '.join(known)}")
    )


def is_secret(spec: ProviderSpec, name: str) -> bool:
    """Whether the option of this full name holds a secret."""
    secret = {option(spec.name, setting.name) for setting in spec.settings if setting.secret}
    return name in secret or (name in _core() and name.endswith(_SECRET))


def _core() -> set[str]:
    return {PREFIX + name for name in NAMES}


def options(spec: ProviderSpec, pairs: Sequence[str]) -> dict[str, str]:
    """What `--set NAME=VALUE` gives, by full name.

    Raises:
        ConfigError: with all that is wrong: unknown names, secrets that stand there in plain.
    """
    found: dict[str, str] = {}
    wrong: list[str] = []
    for pair in pairs:
        name, equal, value = pair.partition("=")
        try:
            name = full_name(spec, name)
        except ConfigError as error:
            wrong += error.problems
            continue
        if not equal:
            wrong.append(f"--set {name}: expected NAME=VALUE")
        elif is_secret(spec, name) and credentials.is_plain(value):
            wrong.append(
                f"--set {name}: a secret is no argument, for everybody here can see those: name "
                "where it is kept (keyring:service/name, file:/path, env:VARIABLE), or leave it "
                "out and be asked"
            )
        else:
            found[name] = value.strip()
    if wrong:
        raise ConfigError(*wrong)
    return found


def environment(spec: ProviderSpec, environ: Mapping[str, str]) -> dict[str, str]:
    """What variables of the environment give, by full name."""
    known = _core() | {option(spec.name, setting.name) for setting in spec.settings}
    return {name: environ[name].strip() for name in sorted(known) if environ.get(name, "").strip()}


def text_of(spec: ProviderSpec, values: Mapping[str, str]) -> str:
    """The file that gives these values, by full name, each setting with its word for people."""
    helps = {option(spec.name, setting.name): setting.help for setting in spec.settings}
    order = [PREFIX + "PROVIDER", *helps, *(PREFIX + name for name in NAMES)]
    lines = ["# Relance: the settings of one firm. config.example.env explains every option."]
    for name in dict.fromkeys(order):
        if not values.get(name):
            continue
        if name in helps:
            lines += ["", f"# {' '.join(helps[name].split())}"]
        elif name in (PREFIX + "PROVIDER", PREFIX + "POLICY", PREFIX + "SMTP_HOST"):
            lines.append("")
        lines.append(statement(name, values[name]))
    return "\n".join(lines) + "\n"


def problems(draft: Draft, environ: Mapping[str, str]) -> list[str]:
    """Everything wrong with the settings so far, no connection made; the file not being there yet,
    its lines are not named."""
    found = settings_problems(draft.config(environ), draft.environ(environ))
    place = re.compile(rf"^{re.escape(str(draft.path))}(:\d+)?: ")
    return [place.sub("", problem) for problem in found]


def tried(config: Config, environ: Mapping[str, str]) -> Connected:
    """What the connection of a configuration shows; nothing is written there.

    Raises:
        ConfigError, AuthRequired, Transient, Rejected: there is none.
    """
    limits = spec_of(config.provider).limits
    provider = registry.open(config, environ, Meter(limits, config.state))
    try:
        return Connected(
            company=provider.company(), can=provider.probe(), findings=tuple(provider.examine())
        )
    finally:
        provider.close()


def reference(path: Path, name: str, secret: str, keeper: str) -> str:
    """Where the secret of this full name is to be kept: a place of its own, or that it had."""
    tail = name.removeprefix(PREFIX).lower().replace("_", "-")
    if keeper == "file":
        return f"file:{path.absolute().with_suffix('.secrets') / tail}"
    # Two firms may both have a config.env: neither may take the other's password away.
    used = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    number = 1
    while True:
        more = f"-{number}" if number > 1 else ""
        found = f"keyring:{credentials.SERVICE}/{path.stem}-{tail}{more}"
        if found in used or credentials.known(found) in (None, secret):
            return found
        number += 1


def write(
    draft: Draft, references: Mapping[str, str], trial: Callable[[Config], None] | None = None
) -> None:
    """Keep the secrets where `references` say, and write the file.

    `trial` has the configuration tried with the secrets at their places, before the file is
    written: what it raises puts everything back.

    Raises:
        ConfigError: something cannot be written; then nothing was.
    """
    with _kept(draft, references):
        if trial:
            trial(Draft(draft.path, rewritten(draft.text, references)).config(os.environ))
        try:
            safefile.write(draft.path, rewritten(draft.text, references))
        except OSError as error:
            raise ConfigError(f"{draft.path} cannot be written: {error.strerror}") from None


def set_aside(path: Path, now: datetime) -> Path:
    """A copy of a configuration that is about to be replaced; only its owner can read it.

    Raises:
        ConfigError: it cannot be made.
    """
    copy = path.with_name(f"{path.name}.{now:%Y%m%dT%H%M%S}.bak")
    try:
        copy.touch(mode=0o600, exist_ok=False)
        copy.write_bytes(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be copied to {copy}: {error.strerror}") from None
    return copy


@contextmanager
def _kept(draft: Draft, references: Mapping[str, str]) -> Iterator[None]:
    """The secrets are kept, unless the block fails: then each place is as it was."""
    before: dict[str, str | None] = {}
    try:
        for name, place in references.items():
            before[place] = credentials.known(place)
            credentials.keep(place, draft.secrets[name])
        yield
    except BaseException:
        for place, secret in before.items():
            with suppress(ConfigError):
                credentials.keep(place, secret)
        raise


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that a configuration uses: full name, word for people, reference as written.

    `elsewhere` says whose it is to change, where it is not Relance's.
    """

    name: str
    help: str
    reference: str
    elsewhere: str = ""


def secrets_of(config: Config) -> list[Secret]:
    """The secrets that a configuration refers to; where it names none, all it could have."""
    spec = spec_of(config.provider)
    found = [
        _secret(config, option(spec.name, setting.name), setting.help, value)
        for setting in spec.settings
        if setting.secret
        for value in [config.provider_settings.get(setting.name, "")]
    ]
    found = [secret for secret in found if secret.reference] or found
    for kind, title, settings in (
        ("SMTP", "outgoing mail", config.smtp),
        ("IMAP", "the mailbox", config.imap),
    ):
        for tail in _SECRET:
            if value := settings.get(tail[1:], ""):
                told = f"the {tail[1:].lower().replace('_', ' ')} of {title}"
                found.append(_secret(config, f"{PREFIX}{kind}{tail}", told, value))
    return found


def _secret(config: Config, name: str, help: str, value: str) -> Secret:
    elsewhere = ""
    if value and config.lines.get(name) == 0:
        elsewhere = f"the environment gives {name}: change it where Relance is started"
    elif value.startswith("env:"):
        elsewhere = f"{name} is {value}: change that variable where Relance is started"
    return Secret(name, help, value, elsewhere)


def others(firm: Firm, own: str, taken: Mapping[str, date], today: date) -> dict[str, date]:
    """The other installations that have written to these books of late, each with its last day.

    Asked about is what is open and what the mirror knows: that is what a run can meet.
    """
    if firm.can.traces is Traces.NONE:
        return {}
    ids = {item.id for item in firm.provider.open_items() if item.balance > 0}
    with scratch(firm.config.state) as state:
        ids.update(Mirror(state).invoice_ids())
    met: dict[str, date] = {}
    asked = sorted(ids)
    for start in range(0, len(asked), BATCH):
        for trace in firm.provider.traces(asked[start : start + BATCH]):
            if name := trace.installation:
                met[name] = max(trace.on, met.get(name, trace.on))
    return strangers(met, own, taken, today)
