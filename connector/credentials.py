"""Secrets by reference: `keyring:service/name`, `file:/path`, `env:NAME`; never shown, never kept.

No message of this module holds a secret, nor the text of a reference that is badly written, for
that may be the secret itself.
"""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from connector import safefile
from connector.errors import ConfigError

SCHEMES = ("keyring", "file", "env")
SERVICE = "relance"

_HEADLESS = (
    "on a server without one, write file:/path instead, such as a systemd credential "
    "(LoadCredential= gives file:/run/credentials/relance.service/NAME)"
)


def is_plain(reference: str) -> bool:
    """Whether this is the secret itself: it works, and deserves a warning."""
    return reference.partition(":")[0] not in SCHEMES or ":" not in reference


def warning(reference: str, *, setting: str) -> str:
    """What is unwise about where this secret lives, empty if nothing."""
    scheme, _, target = reference.partition(":")
    if is_plain(reference):
        return (
            f"{setting} is written in plain: keep it in the keyring "
            f"(`keyring set {SERVICE} NAME`) and write keyring:{SERVICE}/NAME"
        )
    if scheme == "file":
        path = Path(target).expanduser()
        try:
            open_to_others = path.stat().st_mode & stat.S_IROTH
        except OSError:
            return ""
        if open_to_others:
            return f"{setting}: {path} can be read by everybody here: chmod 600 {path}"
    return ""


def place(reference: str) -> str:
    """Where a secret lives, for people: `in ...`; never the secret."""
    scheme, _, target = reference.partition(":")
    if is_plain(reference):
        return "in plain where it is used"
    where = {"keyring": "the keyring, as ", "file": "the file ", "env": "the variable "}
    return f"in {where[scheme]}{target}"


def keyring_works() -> bool:
    """Whether this machine has a keyring that answers."""
    import keyring
    from keyring.backends import fail, null
    from keyring.errors import KeyringError

    if isinstance(keyring.get_keyring(), fail.Keyring | null.Keyring):
        return False
    try:
        keyring.get_password(SERVICE, "relance")
    except (KeyringError, OSError, RuntimeError):
        return False
    return True


def known(reference: str) -> str | None:
    """The secret now kept under a keyring: or file: reference, None if there is none.

    Raises:
        ConfigError: the keyring is locked.
    """
    scheme, _, target = reference.partition(":")
    if scheme == "keyring":
        service, _, name = target.partition("/")
        return _read(service, name, place(reference))
    try:
        return Path(target).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError):
        return None


def keep(reference: str, secret: str | None) -> None:
    """Put a secret where a keyring: or file: reference points, None to forget it there.

    Raises:
        ConfigError: it cannot be kept there; what was kept before still is.
    """
    scheme, _, target = reference.partition(":")
    if scheme == "keyring":
        _to_keyring(target, secret)
    elif scheme == "file":
        _to_file(Path(target).expanduser(), secret)
    else:
        raise ConfigError(f"{place(reference)}: not a place where Relance can keep a secret")


def _to_keyring(target: str, secret: str | None) -> None:
    import keyring
    from keyring.errors import KeyringError, NoKeyringError, PasswordDeleteError

    service, _, name = target.partition("/")
    what = f"keyring:{target} could not be kept"
    try:
        if secret is None:
            keyring.delete_password(service, name)
        else:
            keyring.set_password(service, name, secret)
    except PasswordDeleteError:
        return
    except NoKeyringError:
        raise ConfigError(f"{what}: no keyring on this machine: {_HEADLESS}") from None
    except KeyringError as error:
        raise ConfigError(f"{what}: {_locked(error)}") from None
    if secret is not None and _read(service, name, what) != secret:
        raise ConfigError(f"{what}: the keyring does not give it back: {_HEADLESS}")


def _to_file(path: Path, secret: str | None) -> None:
    if secret and "\n" in secret:
        raise ConfigError(f"file:{path}: a secret of several lines is not kept in a file")
    try:
        if secret is None:
            path.unlink(missing_ok=True)
            return
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700)
        safefile.write(path, secret + "\n")
    except OSError as error:
        raise ConfigError(
            f"file:{path} could not be kept: {error.strerror}: mend the rights of the folder, or "
            "change the secret where it is made"
        ) from None


def resolve(reference: str, environ: Mapping[str, str], *, setting: str) -> str:
    """The secret that a setting refers to; a plain value is the secret itself.

    Raises:
        ConfigError: it cannot be had; names the setting, the place, and what to do.
    """
    if is_plain(reference):
        return reference
    scheme, _, target = reference.partition(":")
    target = target.strip()
    if scheme == "keyring":
        return _from_keyring(target, setting)
    if scheme == "file":
        return _from_file(target, setting)
    value = environ.get(target, "")
    if not value:
        place = f"env:{target}" if re.fullmatch("[A-Z][A-Z0-9_]*", target) else "env:…"
        _refuse(setting, place, "no such variable, or empty: set it before the start")
    return value


def _refuse(setting: str, place: str, problem: str) -> NoReturn:
    raise ConfigError(f"{setting}: {place}: {problem}")


def _from_file(target: str, setting: str) -> str:
    """The file's text without its last line break."""
    path, place = Path(target).expanduser(), f"file:{target}"
    if not path.is_absolute():
        _refuse(setting, "file:…", "give the whole path, from /")
    try:
        secret = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        secret = ""
    except OSError as error:
        _refuse(setting, place, f"{error.strerror}: make it readable for the user Relance runs as")
    if not secret or "\n" in secret:
        _refuse(setting, place, "expected the secret alone, as one line of UTF-8 text")
    return secret


def _from_keyring(target: str, setting: str) -> str:
    service, _, name = target.partition("/")
    if not service or not name:
        _refuse(
            setting, "keyring:…", f"expected keyring:service/name, such as keyring:{SERVICE}/tryton"
        )
    place = f"keyring:{target}"
    secret = _read(service, name, f"{setting}: {place}")
    if not secret:
        _refuse(setting, place, f"nothing is kept under this name: keyring set {service} {name}")
    return secret


def _read(service: str, name: str, what: str) -> str | None:
    import keyring  # imported late: looking for the desktop's keyring takes its time
    from keyring.errors import KeyringError, NoKeyringError

    try:
        return keyring.get_password(service, name)
    except NoKeyringError:
        raise ConfigError(f"{what}: no keyring on this machine: {_HEADLESS}") from None
    except KeyringError as error:
        raise ConfigError(f"{what}: {_locked(error)}") from None


def _locked(error: Exception) -> str:
    return f"the keyring refused ({type(error).__name__}): unlock it; {_HEADLESS}"


class NamedTokens:
    """Sign-in tokens at the places that settings name, `keyring:` or `file:`, by name.

    Each is given as (reference, setting): the setting names it in errors.
    """

    def __init__(self, places: Mapping[str, tuple[str, str]]) -> None:
        self.places = places

    def read(self, name: str) -> str | None:
        """The token kept there.

        Raises:
            ConfigError: it cannot be had.
        """
        reference, setting = self.places[name]
        return resolve(reference, {}, setting=setting)

    def write(self, name: str, value: str) -> None:
        """Keep a token in place of the one before.

        Raises:
            ConfigError: it cannot be written there: the token is lost.
        """
        reference, setting = self.places[name]
        scheme, _, target = reference.partition(":")
        what = f"{setting}: the server gave a new token, which could not be kept"
        if scheme == "keyring":
            service, _, entry = target.strip().partition("/")
            _write(service, entry, value, what)
        elif scheme == "file":
            _into_file(Path(target.strip()).expanduser(), value, what)
        else:
            raise ConfigError(f"{what}: write keyring:{SERVICE}/NAME or file:/path")


def can_be_rewritten(reference: str) -> bool:
    """Whether a token that its server replaces can be kept where this reference points."""
    return reference.partition(":")[0] in ("keyring", "file") and ":" in reference


def _into_file(path: Path, value: str, what: str) -> None:
    """Replace a file's content, whole or not at all; its owner alone may read it."""
    path = path.resolve()
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.unlink(missing_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(value + "\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise ConfigError(
            f"{what}: {path}: {error.strerror}: give Relance the right to write in {path.parent}, "
            "then sign in again"
        ) from None


def _write(service: str, entry: str, value: str, what: str) -> None:
    import keyring
    from keyring.errors import KeyringError, NoKeyringError

    try:
        keyring.set_password(service, entry, value)
    except NoKeyringError:
        raise ConfigError(f"{what}: no keyring on this machine: {_HEADLESS}") from None
    except KeyringError as error:
        raise ConfigError(f"{what}: {_locked(error)}") from None


class KeyringTokens:
    """Sign-in tokens in the keyring, each connection's under its own prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def read(self, name: str) -> str | None:
        """The token last written, None if there is none.

        Raises:
            ConfigError: there is no keyring, or it is locked.
        """
        return _read(SERVICE, self._entry(name), f"sign-in {self._entry(name)}")

    def write(self, name: str, value: str) -> None:
        """Keep a token, replacing the one before.

        Raises:
            ConfigError: there is no keyring, or it is locked: the token is lost.
        """
        what = f"sign-in {self._entry(name)} could not be kept"
        _write(SERVICE, self._entry(name), value, what)

    def _entry(self, name: str) -> str:
        return f"{self.prefix}/{name}"
