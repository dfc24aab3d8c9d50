"""Secrets by reference: each way to keep one, each way it fails, and none of them ever shown."""

import traceback
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked

from connector.credentials import (
    KeyringTokens,
    NamedTokens,
    can_be_rewritten,
    is_plain,
    resolve,
    warning,
)
from connector.errors import ConfigError

SETTING = "config.env:9: RELANCE_TRYTON_PASSWORD"


class Memory(KeyringBackend):
    """A keyring of this process, behind keyring's own interface."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("hunter2")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise KeyringLocked("hunter2")
        self.kept[service, username] = password


@pytest.fixture
def memory() -> Iterator[Memory]:
    before = keyring.get_keyring()
    backend = Memory()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture
def headless() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


def refused(reference: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve(reference, environ or {}, setting=SETTING)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    told = str(caught.value)
    assert told.startswith(f"{SETTING}: ")
    return told


def test_the_keyring(memory: Memory) -> None:
    memory.kept["relance", "tryton"] = "hunter2"
    memory.kept["relance", "firm/tryton"] = "hunter3"
    assert resolve("keyring:relance/tryton", {}, setting=SETTING) == "hunter2"
    assert resolve("keyring:relance/firm/tryton", {}, setting=SETTING) == "hunter3"
    assert "keyring set relance other" in refused("keyring:relance/other")
    assert "expected keyring:service/name" in refused("keyring:hunter2")
    memory.locked = True
    told = refused("keyring:relance/tryton")
    assert "KeyringLocked" in told
    assert "unlock it" in told


def test_a_server_without_keyring_is_told_of_files(headless: None) -> None:
    told = refused("keyring:relance/tryton")
    assert "no keyring on this machine" in told
    assert "file:/run/credentials/" in told
    with pytest.raises(ConfigError, match="file:/run/credentials/"):
        KeyringTokens("xero:firm").write("token", "hunter2")


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    for content in ("hunter2", "hunter2\n", "hunter2\r\n"):
        file.write_text(content, newline="")
        assert resolve(f"file:{file}", {}, setting=SETTING) == "hunter2"
    file.write_text(" pass phrase \n")
    assert resolve(f"file:{file}", {}, setting=SETTING) == " pass phrase "
    assert "No such file" in refused(f"file:{tmp_path / 'none'}")
    assert "give the whole path" in refused("file:hunter2")
    for wrong in (b"", b"\n", b"hunter2\nhunter2\n", b"hunter2\xff"):
        file.write_bytes(wrong)
        assert "expected the secret alone" in refused(f"file:{file}")
    assert "Is a directory" in refused(f"file:{tmp_path}")


def test_a_variable() -> None:
    assert resolve("env:SECRET", {"SECRET": "hunter2"}, setting=SETTING) == "hunter2"
    assert "env:SECRET: no such variable, or empty" in refused("env:SECRET", {"SECRET": ""})
    refused("env:hunter2")  # somebody's idea of where the password goes


@pytest.mark.parametrize("secret", ["hunter2", "a:b", "env", "keyringx:a/b", "https://x", "file"])
def test_a_plain_secret_works_and_is_warned_about(secret: str) -> None:
    assert is_plain(secret)
    assert resolve(secret, {}, setting=SETTING) == secret
    told = warning(secret, setting="RELANCE_TRYTON_PASSWORD")
    assert told.startswith("RELANCE_TRYTON_PASSWORD is written in plain")
    assert "a:b" not in told
    assert "hunter2" not in told


def test_a_file_open_to_everybody_is_warned_about(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter2")
    file.chmod(0o644)
    assert f"chmod 600 {file}" in warning(f"file:{file}", setting=SETTING)
    file.chmod(0o640)
    assert warning(f"file:{file}", setting=SETTING) == ""
    assert warning(f"file:{tmp_path / 'none'}", setting=SETTING) == ""
    assert warning("keyring:relance/tryton", setting=SETTING) == ""


def test_tokens_live_in_the_keyring_by_connection(memory: Memory) -> None:
    ours, theirs = KeyringTokens("xero:ours"), KeyringTokens("xero:theirs")
    assert ours.read("token") is None
    ours.write("token", "one")
    ours.write("token", "two")
    assert (ours.read("token"), theirs.read("token")) == ("two", None)
    assert memory.kept == {("relance", "xero:ours/token"): "two"}
    memory.locked = True
    secret = "hunter" + "2"  # in two, for a traceback shows this line
    with pytest.raises(ConfigError) as caught:
        ours.write("token", secret)
    assert secret not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(ConfigError, match="sign-in xero:ours/token"):
        ours.read("token")


def test_a_token_is_replaced_where_its_setting_points(memory: Memory, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n", encoding="utf-8")
    file.chmod(0o644)
    link = tmp_path / "link"
    link.symlink_to(file)
    memory.kept["relance", "firm/mail"] = "one"
    for reference in ("keyring:relance/firm/mail", f"file:{link}"):
        assert can_be_rewritten(reference)
        tokens = NamedTokens({"refresh": (reference, SETTING)})
        assert tokens.read("refresh") == "one"
        tokens.write("refresh", "two")
        assert tokens.read("refresh") == "two"
    assert memory.kept == {("relance", "firm/mail"): "two"}
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "token"]


@pytest.mark.parametrize("reference", ["env:TOKEN", "hunter2", "", "file"])
def test_a_token_is_not_kept_where_it_cannot_be_replaced(reference: str) -> None:
    assert not can_be_rewritten(reference)
    with pytest.raises(ConfigError, match="could not be kept") as caught:
        NamedTokens({"refresh": (reference, SETTING)}).write("refresh", "new")
    assert "hunter2" not in str(caught.value)


def test_a_token_that_cannot_be_written_says_so(memory: Memory, tmp_path: Path) -> None:
    memory.locked = True
    places = {
        "keyring": ("keyring:relance/mail", SETTING),
        "file": (f"file:{tmp_path}/none/token", SETTING),
    }
    tokens, secret = NamedTokens(places), "hunter" + "2"
    for name, why in (("keyring", "unlock it"), ("file", "then sign in again")):
        with pytest.raises(ConfigError, match=why) as caught:
            tokens.write(name, secret)
        assert str(caught.value).startswith(f"{SETTING}: the server gave a new token")
        assert secret not in "".join(traceback.format_exception(caught.value))
