"""The providers by name, found through entry points, each checking its own settings.

A provider that cannot be used is known by name and reason, and takes no other down with it.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from connector.config import Config, option
from connector.configfile import PREFIX
from connector.contract import Meter, Provider, ProviderSpec, Setting
from connector.credentials import KeyringTokens, NamedTokens, resolve, warning
from connector.errors import ConfigError
from connector.oauth import PRESETS, REFRESH, AccessTokens, Client

GROUP = "relance.providers"
MAIL_SECRETS = ("PASSWORD", "CLIENT_SECRET")

# What importing somebody else's broken module raises.
_BROKEN = (
    ImportError,
    AttributeError,
    SyntaxError,
    NameError,
    TypeError,
    ValueError,
    LookupError,
    AssertionError,
    OSError,
    RuntimeError,
)


def providers() -> Mapping[str, ProviderSpec]:
    """Every provider that can be used, by name: all of them are imported."""
    found = ((name, spec_of(name)) for name in _entries())
    return {name: spec for name, spec in found if spec}


def broken() -> Mapping[str, str]:
    """Why each of the other installed providers cannot be used, by name."""
    return {name: told for name in _entries() if isinstance(told := _found(name), str)}


def spec_of(name: str) -> ProviderSpec | None:
    """One provider, imported; None where there is none of that name, or it cannot be used."""
    found = _found(name)
    return None if isinstance(found, str) else found


def setting_names(
    files: Sequence[Path], environ: Mapping[str, str], text: str = ""
) -> Mapping[str, frozenset[str]]:
    """The short names of the settings of each provider that the files or RELANCE_ names mention.

    `text` is of a file that is not written yet. The others are named without any: one firm uses
    one, and importing all takes longer than a run.
    """
    given = [f"{name}={value}" for name, value in environ.items() if name.startswith(PREFIX)]
    text = "\n".join([text, *map(_text, files), *given]).casefold()
    names: dict[str, frozenset[str]] = {}
    for name in _entries():
        if name.casefold() not in text and option(name, "").casefold() not in text:
            names[name] = frozenset()
        elif spec := spec_of(name):
            names[name] = frozenset(setting.name for setting in spec.settings)
    return names


def _text(file: Path) -> str:
    """A file's text for a first look; whoever reads it whole tells what is wrong with it."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@cache
def _entries() -> Mapping[str, Sequence[EntryPoint]]:
    entries: dict[str, list[EntryPoint]] = {}
    for entry in sorted(entry_points(group=GROUP)):
        entries.setdefault(entry.name, []).append(entry)
    return entries


@cache
def _found(name: str) -> ProviderSpec | str | None:
    """A provider, why it cannot be used, or None where none is called so."""
    if name not in _entries():
        return None
    try:
        return _load(name, _entries()[name])
    except ConfigError as error:
        return f"provider {name}: {error}"
    except _BROKEN as error:
        return f"provider {name}: {type(error).__name__}: {error}"


def _load(name: str, registered: Sequence[EntryPoint]) -> ProviderSpec:
    """The provider of one name: nobody shadows another."""
    if len(registered) > 1:
        owners = " and ".join(_owner(entry) for entry in registered)
        raise ConfigError(f"registered twice, by {owners}: uninstall one")
    entry = registered[0]
    spec = entry.load()
    if not isinstance(spec, ProviderSpec):
        raise ConfigError(f"{entry.value} in {_owner(entry)} is no ProviderSpec")
    if spec.name != name:
        raise ConfigError(f"misnamed: {entry.value} in {_owner(entry)} calls itself {spec.name}")
    return spec


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value


def check(config: Config, environ: Mapping[str, str]) -> list[str]:
    """Everything wrong with a firm's provider, its settings and its secrets; no connection is made.

    `config.problems` are not repeated: a missing RELANCE_PROVIDER is among those.
    """
    problems = _mail_problems(config, environ)
    if not config.provider:
        return problems
    spec = spec_of(config.provider)
    if spec is None:
        return [*problems, f"{config.where('RELANCE_PROVIDER')}: {_unknown(config.provider)}"]
    settings, missing, unresolved = _settings(spec, config, environ)
    place = f"{config.path}: " if config.path else ""
    return [
        *problems,
        *missing,
        *unresolved,
        *(f"{place}{problem}" for problem in spec.check(settings)),
    ]


def _unknown(name: str) -> str:
    reason = _found(name)
    if isinstance(reason, str):
        return f"{reason}: mend or uninstall it"
    return f"RELANCE_PROVIDER is {name!r}: known are {', '.join(sorted(_entries()))}"


def warnings(config: Config) -> list[str]:
    """What is unwise, and works: secrets in plain or open to everybody on this machine."""
    spec = spec_of(config.provider)
    secrets = {
        option(config.provider, setting.name): config.provider_settings.get(setting.name, "")
        for setting in (spec.settings if spec else ())
        if setting.secret
    }
    for name in (*MAIL_SECRETS, REFRESH):
        secrets[f"RELANCE_SMTP_{name.upper()}"] = config.smtp.get(name.upper(), "")
    secrets["RELANCE_IMAP_PASSWORD"] = config.imap.get("PASSWORD", "")
    told = (
        (name, warning(reference, setting=name)) for name, reference in secrets.items() if reference
    )
    return [f"{config.where(name)}: {text}" for name, text in told if text]


def tokens(config: Config) -> KeyringTokens:
    """Where a firm's sign-in tokens live: by the file's whole path, for two may bear one name."""
    path = config.path.resolve() if config.path else config.name
    return KeyringTokens(f"{config.provider}:{path}")


def open(  # noqa: A001 (registry.open)
    config: Config, environ: Mapping[str, str], meter: Meter
) -> Provider:
    """The connection to a firm's books, its secrets resolved.

    Raises:
        ConfigError: with everything that `check` finds.
    """
    if problems := check(config, environ):
        raise ConfigError(*problems)
    spec = spec_of(config.provider)
    assert spec  # checked above
    settings, _, _ = _settings(spec, config, environ)
    return spec.open(settings, tokens(config), meter)


def mail_settings(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """The firm's SMTP settings by short name with the secrets resolved; empty without any.

    The refresh token is tried and stays a reference: it changes, and is read when it is wanted.

    Raises:
        ConfigError: a secret cannot be had.
    """
    settings = dict(config.smtp)
    problems: list[str] = []
    for name in (*MAIL_SECRETS, REFRESH.upper()):
        if reference := settings.get(name):
            place = _place(config, f"RELANCE_SMTP_{name}")
            try:
                secret = resolve(reference, environ, setting=place)
                settings[name] = secret if name in MAIL_SECRETS else reference
            except ConfigError as error:
                problems += error.problems
    if problems:
        raise ConfigError(*problems)
    return settings


def mailbox_settings(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """The firm's IMAP settings by short name with the password resolved; empty without any.

    Raises:
        ConfigError: the password cannot be had.
    """
    settings = dict(config.imap)
    if reference := settings.get("PASSWORD"):
        place = _place(config, "RELANCE_IMAP_PASSWORD")
        settings["PASSWORD"] = resolve(reference, environ, setting=place)
    return settings


def mail_tokens(
    config: Config, settings: Mapping[str, str], use: str = "smtp"
) -> AccessTokens | None:
    """The tokens that open the firm's mailbox, from its resolved settings; None without OAuth.

    `use` is what they are for, `smtp` or `imap`: a mail provider may name a scope for each.
    """
    reference = settings.get("REFRESH_TOKEN")
    if not reference:
        return None
    url = settings["TOKEN_URL"]
    url, scopes = PRESETS.get(url, (url, {}))
    client = Client(
        token_url=url,
        id=settings["CLIENT_ID"],
        secret=settings.get("CLIENT_SECRET", ""),
        scope=settings.get("SCOPE") or scopes.get(use, ""),
    )
    place = _place(config, "RELANCE_SMTP_REFRESH_TOKEN")
    return AccessTokens(
        f"{use} {settings['HOST']}",
        client,
        NamedTokens({REFRESH: (reference, place)}),
        mend=f"sign in again and put the new refresh token where {place} says",
    )


def _mail_problems(config: Config, environ: Mapping[str, str]) -> list[str]:
    problems: list[str] = []
    for settings in (mail_settings, mailbox_settings):
        try:
            settings(config, environ)
        except ConfigError as error:
            problems += error.problems
    return problems


def _settings(
    spec: ProviderSpec, config: Config, environ: Mapping[str, str]
) -> tuple[dict[str, str], list[str], list[str]]:
    """Settings with defaults, secrets and paths filled in; what is missing; what does not resolve.

    A secret that does not resolve stays a reference, so that it does not count as missing too.
    """
    settings: dict[str, str] = {}
    missing: list[str] = []
    unresolved: list[str] = []
    for setting in spec.settings:
        value = config.provider_settings.get(setting.name) or setting.default
        if not value:
            if setting.required:
                name = option(spec.name, setting.name)
                missing.append(f"{_place(config, name)} is missing: {setting.help}")
            continue
        try:
            settings[setting.name] = _value(spec, setting, value, config, environ)
        except ConfigError as error:
            unresolved += error.problems
            settings[setting.name] = value
    return settings, missing, unresolved


def _value(
    spec: ProviderSpec, setting: Setting, value: str, config: Config, environ: Mapping[str, str]
) -> str:
    if setting.secret:
        place = _place(config, option(spec.name, setting.name))
        return resolve(value, environ, setting=place)
    if setting.path and config.path:
        return str(config.path.absolute().parent / Path(value).expanduser())
    return value


def _place(config: Config, name: str) -> str:
    return f"{config.where(name)}: {name}"
