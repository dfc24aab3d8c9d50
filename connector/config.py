"""The configuration of each firm as names and values, checked whole, secrets still references.

Every problem of a file is kept, with its line, and none is raised: all are told at once.
"""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from connector.configfile import PREFIX, Values, nearest, where
from connector.errors import ConfigError

DEFAULT = Path("config.env")
EXAMPLE = ".example.env"

MODES = ("review", "auto")
SECURITY = ("starttls", "tls", "none")
SMTP_NAMES = (
    *("HOST", "PORT", "SECURITY", "USER", "PASSWORD", "FROM", "REPLY_TO", "BLIND_COPY"),
    *("TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "SCOPE"),
)
IMAP_NAMES = ("HOST", "PORT", "USER", "PASSWORD", "FOLDER", "SECURITY")
OWN_NAMES = ("ADDRESS", "LEGAL_ID", "BANK_LINE")
NAMES = (
    "PROVIDER",
    "STATE",
    "POLICY",
    "TEMPLATES",
    "LANGUAGE",
    "TIMEZONE",
    "MODE",
    "INTERVAL_MINUTES",
    *(f"OWN_{name}" for name in OWN_NAMES),
    *(f"SMTP_{name}" for name in SMTP_NAMES),
    *(f"IMAP_{name}" for name in IMAP_NAMES),
)
"""What the core reads, without the prefix; each provider has its own names beside these."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """One firm's settings. `path` is None where there is no configuration: the sample.

    `policy` is a ready-made name or an absolute path. `timezone` is empty for the ledger's own.
    `smtp`, `imap` and `provider_settings` go by short name; secrets are as written, so none is in
    the printed form. `lines` gives the line of each full name, 0 for one from the environment.
    """

    path: Path | None
    provider: str
    state: Path
    policy: str = "standard-b2b"
    templates: Path | None = None
    language: str = "fr"
    timezone: str = ""
    mode: str = "review"
    smtp: Mapping[str, str] = field(default_factory=dict, repr=False)
    imap: Mapping[str, str] = field(default_factory=dict, repr=False)
    provider_settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    interval_minutes: int = 30
    own: Mapping[str, str] = field(default_factory=dict)  # of the firm, where the books are silent
    problems: tuple[str, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """What the firm is called in output: the file's stem."""
        return self.path.stem if self.path else "sample"

    @property
    def installation_file(self) -> Path:
        """Where the installation's id is kept: beside the configuration, never in the database."""
        return self.path.with_suffix(".id") if self.path else Path(os.devnull)

    def where(self, full_name: str) -> str:
        """The place to mend an option: `config.env:3`, `environment`, or the file alone."""
        return where(self.path, self.lines, full_name)


def option(provider: str, name: str) -> str:
    """The full name of a provider's setting: tryton and URL give RELANCE_TRYTON_URL."""
    return f"{PREFIX}{re.sub('[^A-Z0-9]', '_', provider.upper())}_{name}"


def sample(folder: Path, policy: str) -> Config:
    """The configuration when there is none: the ledger in `folder`, an SMTP route never opened.

    Its state is always empty and cannot be written.
    """
    return Config(
        path=None,
        provider="files",
        state=Path(os.devnull),
        policy=policy,
        smtp={"HOST": "mail.sample.invalid", "FROM": "compta@sample.invalid"},
        provider_settings={"FOLDER": str(folder)},
    )


def find(path: Path | None, environ: Mapping[str, str]) -> list[Path]:
    """The configuration files to read, sorted; none means the sample.

    `path` is a file, or a folder with one `*.env` a firm; None looks for `./config.env`.

    Raises:
        ConfigError: nothing to read at the path; or no file at all while the environment names a
            provider, so that the sample cannot be what was meant.
    """
    make = "run `relance init` to make one, or copy config.example.env and fill it in"
    if path is None:
        if DEFAULT.exists():
            return [DEFAULT]
        if environ.get(PREFIX + "PROVIDER", "").strip():
            named = f"environment: {PREFIX}PROVIDER is set, and there is no ./{DEFAULT} beside it"
            raise ConfigError(f"{named}: {make}")
        return []
    if path.is_dir():
        files = sorted(file for file in path.glob("*.env") if _is_firm(file))
        if not files:
            raise ConfigError(f"{path}: no *.env file in this folder: {make}")
        return files
    if not path.exists():
        raise ConfigError(f"{path}: no such file or folder: {make}")
    if path.name.endswith(EXAMPLE):
        raise ConfigError(f"{path}: an example is never read: copy it to {DEFAULT} and fill it in")
    return [path]


def _is_firm(file: Path) -> bool:
    return file.is_file() and not file.name.startswith(".") and not file.name.endswith(EXAMPLE)


def clash(configs: Sequence[Config]) -> list[str]:
    """Problems between firms: two files that name one state."""
    owners: dict[Path, Config] = {}
    problems = []
    for config in configs:
        owner = owners.setdefault(config.state.resolve(), config)
        if owner is not config:
            problems.append(
                f"{config.where(PREFIX + 'STATE')}: {config.state} is also the state of "
                f"{owner.path}: give each firm its own {PREFIX}STATE"
            )
    return problems


def load(
    path: Path,
    environ: Mapping[str, str],
    provider_names: Mapping[str, Collection[str]],
    text: str | None = None,
) -> Config:
    """The settings of one file, RELANCE_ names of the environment first.

    `provider_names` gives the setting names of each known provider. A value that is wrong is a
    problem and leaves the default in place. Paths are relative to the file. `text` stands for
    what the file holds, before it is written.
    """
    owners = {
        option(owner, name): owner for owner, names in provider_names.items() for name in names
    }
    known = {PREFIX + name for name in NAMES} | owners.keys()
    values = Values(path, environ, known, text)
    provider = values.text("PROVIDER").lower()
    prefix = option(provider, "") if provider else ""
    # An unknown provider is one problem, told by the registry, not one for each of its settings.
    values.refuse_unknown(known, "" if provider in provider_names else prefix)
    if not provider:
        values.problem("PROVIDER", f"is missing: name one of {', '.join(sorted(provider_names))}")
    return Config(
        path=path,
        provider=provider,
        state=_state(values),
        policy=_policy(values) or "standard-b2b",
        templates=_templates(values),
        language=values.matching("LANGUAGE", "[a-z]{2}", "two letters, such as fr") or "fr",
        timezone=_timezone(values),
        mode=values.choice("MODE", MODES) or "review",
        smtp=_mail(values, "SMTP", SMTP_NAMES),
        imap=_mail(values, "IMAP", IMAP_NAMES),
        provider_settings={
            name.removeprefix(prefix): value
            for name, value in values.given.items()
            if prefix and name.startswith(prefix) and owners.get(name, provider) == provider
        },
        interval_minutes=values.number("INTERVAL_MINUTES", 1, 1440) or 30,
        own={
            name.lower(): "\n".join(part.strip() for part in told.split(";"))
            for name in OWN_NAMES
            if (told := values.text(f"OWN_{name}"))
        },
        problems=tuple(values.problems),
        lines=values.lines,
    )


def _state(values: Values) -> Path:
    default = values.path.absolute().with_suffix(".db")
    state = values.place("STATE") or default
    if state.is_dir() or state == values.path.absolute():
        values.problem("STATE", f"is {state}: expected the database's own file, such as state.db")
        return default
    if not state.parent.is_dir():
        values.problem("STATE", f"is in {state.parent}: no such folder: make it first")
    return state


def _policy(values: Values) -> str:
    """A ready-made name as it is (not looked up), a file as an absolute path."""
    value = values.text("POLICY")
    if not value.endswith(".toml") and not set("/\\") & set(value):
        return value
    file = values.place("POLICY")
    if file and not file.is_file():
        values.problem("POLICY", f"is {file}: no such file: `relance policy show` prints one")
    return str(file)


def _templates(values: Values) -> Path | None:
    folder = values.place("TEMPLATES")
    if folder and not folder.is_dir():
        values.problem(
            "TEMPLATES", f"is {folder}: no such folder: make it, or leave the option out"
        )
    return folder


def _timezone(values: Values) -> str:
    name = values.text("TIMEZONE")
    try:
        return ZoneInfo(name).key if name else ""
    except (KeyError, ValueError, OSError):
        meant = nearest(name, available_timezones())
        hint = f"did you mean {meant}?" if meant else "expected a name such as Europe/Paris"
        values.problem("TIMEZONE", f"is {name!r}: no such time zone: {hint}")
        return ""


def _mail(values: Values, kind: str, names: Sequence[str]) -> dict[str, str]:
    checked = {
        "PORT": values.number(f"{kind}_PORT", 1, 65535),
        "SECURITY": values.choice(f"{kind}_SECURITY", SECURITY),
    }
    found = {name: checked.get(name, values.text(f"{kind}_{name}")) for name in names}
    return {name: str(value) for name, value in found.items() if value}
