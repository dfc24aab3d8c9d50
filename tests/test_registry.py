"""Providers by name: found where they are installed, refused one by one, settings checked whole."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from connector import registry
from connector.config import load
from connector.errors import ConfigError
from tests.distributions import ROOT, installed, path_with, pip_installed
from tests.policies import policy
from tests.processes import Desk
from tests.providers.folder import ledger_folder

ACME = """
from connector.contract import ProviderSpec, Setting
from connector.receivables.capabilities import Capabilities

def check(settings):
    url = settings.get("URL", "https://")
    return () if url.startswith("https://") else (f"RELANCE_ACME_URL is {url!r}: expected https",)

SPEC = ProviderSpec(
    name="acme", title="Acme Books", can=Capabilities(), kinds=(),
    settings=(
        Setting(name="URL", help="the address of the server"),
        Setting(name="TOKEN", help="the key of the application", secret=True),
        Setting(name="EXPORT", help="a folder", required=False, path=True),
        Setting(name="PAGE", help="records a page", required=False, default="100"),
    ),
    open=lambda settings, tokens, meter: (dict(settings), tokens.prefix),
    check=check,
)
OTHER = object()
"""

PROBE = """
import json, sys
from pathlib import Path
from connector import registry
from connector.config import load
from connector.errors import ConfigError
from connector.meter import Meter
from connector.receivables.capabilities import Limits

environ = {"TOKEN": "hunter2"}
names = registry.setting_names([Path(sys.argv[1])], environ)
config = load(Path(sys.argv[1]), environ, names)
try:
    opened = registry.open(config, environ, Meter(Limits(), config.state))
except ConfigError as error:
    opened = list(error.problems)
print(json.dumps({
    "providers": sorted(registry.providers()),
    "names": sorted(names.get("acme", ())),
    "broken": dict(registry.broken()),
    "config": config.problems,
    "check": registry.check(config, environ),
    "warnings": registry.warnings(config),
    "opened": opened,
}))
"""


def asked(folder: Path, settings: str) -> dict[str, Any]:
    """What a fresh interpreter with that folder on its path knows of a configuration."""
    file = folder / "config.env"
    file.write_text(dedent(settings))
    path = os.pathsep.join([str(folder), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(file)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_an_installed_provider_is_found_and_opened(tmp_path: Path) -> None:
    installed(tmp_path, "relance-acme", "acme = acme_books:SPEC", acme_books=ACME)
    answer = asked(
        tmp_path,
        """
        RELANCE_PROVIDER=acme
        RELANCE_ACME_URL=https://acme.example
        RELANCE_ACME_TOKEN=env:TOKEN
        RELANCE_ACME_EXPORT=out
        """,
    )
    assert "acme" in answer["providers"]
    assert answer["names"] == ["EXPORT", "PAGE", "TOKEN", "URL"]
    assert answer["config"] == answer["check"] == answer["warnings"] == []
    settings, prefix = answer["opened"]
    assert settings == {
        "URL": "https://acme.example",
        "TOKEN": "hunter2",
        "EXPORT": str(tmp_path / "out"),
        "PAGE": "100",
    }
    assert prefix == f"acme:{tmp_path / 'config.env'}"


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    installed(tmp_path, "relance-acme", "acme = acme_books:SPEC", acme_books=ACME)
    answer = asked(
        tmp_path,
        """
        RELANCE_PROVIDER=acme
        RELANCE_ACME_URL=http://acme.example
        RELANCE_ACME_TOKEN=env:NOWHERE
        RELANCE_SMTP_PASSWORD=file:/nowhere/at/all
        """,
    )
    file = tmp_path / "config.env"
    smtp, token, url = answer["check"]
    assert smtp.startswith(f"{file}:5: RELANCE_SMTP_PASSWORD: file:/nowhere/at/all: No such file")
    assert token.startswith(f"{file}:4: RELANCE_ACME_TOKEN: env:NOWHERE: no such variable")
    assert url == f"{file}: RELANCE_ACME_URL is 'http://acme.example': expected https"
    assert answer["opened"] == answer["check"]


def test_what_is_missing_is_told_by_its_full_name_and_the_rest_checked(tmp_path: Path) -> None:
    installed(tmp_path, "relance-acme", "acme = acme_books:SPEC", acme_books=ACME)
    answer = asked(tmp_path, "RELANCE_PROVIDER=acme\nRELANCE_ACME_URL=ftp://x\n")
    file = tmp_path / "config.env"
    assert answer["check"] == [
        f"{file}: RELANCE_ACME_TOKEN is missing: the key of the application",
        f"{file}: RELANCE_ACME_URL is 'ftp://x': expected https",
    ]


def test_plain_secrets_are_warned_about_and_work(tmp_path: Path) -> None:
    installed(tmp_path, "relance-acme", "acme = acme_books:SPEC", acme_books=ACME)
    answer = asked(
        tmp_path,
        """
        RELANCE_PROVIDER=acme
        RELANCE_ACME_URL=https://acme.example
        RELANCE_ACME_TOKEN=hunter3
        RELANCE_SMTP_PASSWORD=hunter4
        """,
    )
    assert answer["check"] == []
    assert answer["opened"][0]["TOKEN"] == "hunter3"
    told = "\n".join(answer["warnings"])
    assert f"{tmp_path / 'config.env'}:4: RELANCE_ACME_TOKEN is written in plain" in told
    assert "RELANCE_SMTP_PASSWORD is written in plain" in told
    assert "hunter" not in told


def test_an_unknown_provider_is_told_with_those_there_are(tmp_path: Path) -> None:
    installed(tmp_path, "relance-acme", "acme = acme_books:SPEC", acme_books=ACME)
    answer = asked(tmp_path, "RELANCE_PROVIDER=acmee\nRELANCE_ACMEE_URL=x\n")
    (problem,) = answer["check"]
    assert problem.startswith(
        f"{tmp_path / 'config.env'}:1: RELANCE_PROVIDER is 'acmee': known are"
    )
    assert "acme" in problem.split("known are")[1]
    assert answer["config"] == []


def test_a_broken_provider_is_named_and_takes_no_other_down(tmp_path: Path) -> None:
    installed(tmp_path, "relance-acme", "acme = acme_books:SPEC", acme_books=ACME)
    installed(
        tmp_path,
        "relance-rubbish",
        "absent = nowhere_at_all:SPEC\nold = old_one:SPEC\nnot_one = acme_books:OTHER\n"
        "shadow = acme_books:SPEC\nattribute = acme_books:MISSING\ntypo = typo_one:SPEC",
        old_one="raise RuntimeError('needs Python 2')",
        typo_one="def",
    )
    answer = asked(tmp_path, "RELANCE_PROVIDER=old\n")
    assert "acme" in answer["providers"]
    broken = answer["broken"]
    assert set(broken) >= {"absent", "old", "not_one", "shadow", "attribute", "typo"}
    assert not set(broken) & set(answer["providers"])
    assert "No module named 'nowhere_at_all'" in broken["absent"]
    assert "is no ProviderSpec" in broken["not_one"]
    assert "relance-rubbish calls itself acme" in broken["shadow"]
    (problem,) = answer["check"]
    assert "provider old: RuntimeError: needs Python 2: mend or uninstall it" in problem


def test_a_name_registered_twice_serves_neither(tmp_path: Path) -> None:
    installed(tmp_path, "relance-acme", "acme = acme_books:SPEC", acme_books=ACME)
    installed(tmp_path, "relance-impostor", "acme = acme_books:SPEC\nother = acme_books:OTHER")
    answer = asked(tmp_path, "RELANCE_PROVIDER=acme\n")
    assert "acme" not in answer["providers"]
    assert "registered twice, by relance-acme and relance-impostor" in answer["broken"]["acme"]
    assert "uninstall one" in answer["check"][0]


MAIL = """
RELANCE_PROVIDER=files
RELANCE_SMTP_HOST=smtp.office365.com
RELANCE_SMTP_FROM=c@firm.example
RELANCE_SMTP_USER=c@firm.example
RELANCE_SMTP_CLIENT_ID=one
RELANCE_SMTP_CLIENT_SECRET=env:SECRET
RELANCE_SMTP_TOKEN_URL=microsoft
"""


def test_the_mailboxs_tokens_are_made_of_its_settings(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2\n", encoding="utf-8")
    file = tmp_path / "config.env"
    file.write_text(f"{MAIL}RELANCE_SMTP_REFRESH_TOKEN=file:{tmp_path}/token\n", encoding="utf-8")
    config = load(file, {}, registry.setting_names([file], {}))
    settings = registry.mail_settings(config, {"SECRET": "hunter3"})
    assert settings["CLIENT_SECRET"] == "hunter3"
    assert settings["REFRESH_TOKEN"] == f"file:{tmp_path}/token"
    for use, scope in (("smtp", "SMTP.Send"), ("imap", "IMAP.AccessAsUser.All")):
        tokens = registry.mail_tokens(config, settings, use)
        assert tokens
        client = tokens.client
        assert client.token_url.startswith("https://login.microsoftonline.com/")
        assert client.scope == f"https://outlook.office.com/{scope} offline_access"
        assert (client.id, client.secret) == ("one", "hunter3")
    other = registry.mail_tokens(config, settings | {"SCOPE": "mine", "TOKEN_URL": "https://t.x/t"})
    assert other
    assert (other.client.scope, other.client.token_url) == ("mine", "https://t.x/t")
    assert registry.mail_tokens(config, {"HOST": "mail.x", "FROM": "c@x.fr"}) is None


def test_secrets_of_the_mailbox_that_cannot_be_had_are_all_told(tmp_path: Path) -> None:
    file = tmp_path / "config.env"
    file.write_text(f"{MAIL}RELANCE_SMTP_REFRESH_TOKEN=file:{tmp_path}/none\n", encoding="utf-8")
    config = load(file, {}, registry.setting_names([file], {}))
    with pytest.raises(ConfigError) as caught:
        registry.mail_settings(config, {})
    client, token = caught.value.problems
    assert f"{file}:7: RELANCE_SMTP_CLIENT_SECRET: env:SECRET" in client
    assert f"{file}:9: RELANCE_SMTP_REFRESH_TOKEN: file:" in token


TINY = """
from providers.files import SPEC as FILES
from dataclasses import replace

SPEC = replace(FILES, name="tiny", title="Tiny Books")
"""
PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "relance-tiny"
version = "1.0"

[project.entry-points."relance.providers"]
tiny = "tiny_books:SPEC"

[tool.setuptools]
py-modules = ["tiny_books"]
"""


def test_what_pip_installed_is_a_provider_of_every_command(tmp_path: Path) -> None:
    source, target, firm = tmp_path / "source", tmp_path / "target", tmp_path / "firm"
    source.mkdir()
    firm.mkdir()
    (source / "tiny_books.py").write_text(TINY)
    (source / "pyproject.toml").write_text(PROJECT)
    pip_installed(source, target)
    books = ledger_folder(tmp_path / "firm")
    (firm / "policy.toml").write_text(policy("always"))
    desk, found = Desk(firm), {"PYTHONPATH": path_with(target)}

    listed = desk.relance("providers", "--json", **found)
    assert listed.json["providers"]["tiny"]["title"] == "Tiny Books"
    given = ("--set", f"FOLDER={books}", "--set", "POLICY=policy.toml")
    made = desk.relance("init", "--provider", "tiny", *given, **found)
    assert made.code == 0, made.err
    dry = desk.relance("sync", "--dry-run", "--json", **found)
    assert dry.code == 0, dry.err
    assert dry.json["sample"] is False
    assert dry.json["data"]["open_lines"] > 5
    without = desk.relance("sync", "--dry-run")
    assert without.code == 2
    assert "RELANCE_PROVIDER is 'tiny': known are" in without.err
