"""`relance init` and `relance connect`: asked on a terminal or told by options, tried, written."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector import setup, suggestions
from connector.config import load
from connector.configfile import rewritten, statement
from connector.errors import ConfigError
from connector.setup import Draft
from providers.files import SPEC as FILES
from tests.distributions import KEY
from tests.keyrings import FILE, InFile
from tests.lab.server import TrytonLab
from tests.processes import Desk
from tests.setups import ANSWERED, NO_KEYRING, SetUp, mail, mode_of, set_up
from tests.terminal import Terminal

NAMES = {"files": {"FOLDER"}}
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(
    str.strip
)


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[SetUp]:
    with set_up(tmp_path) as found:
        yield found


# What is written reads back.


@given(st.lists(VALUES, min_size=3, max_size=3), VALUES)
def test_any_value_survives_the_file(values: list[str], other: str) -> None:
    names = ("RELANCE_FILES_FOLDER", "RELANCE_POLICY", "RELANCE_SMTP_FROM")
    text = "# Umlauts: äöü\n" + "\n".join(map(statement, names, values)) + "\n"
    found = load(Path("x.env"), {}, NAMES, text)
    assert found.provider_settings.get("FOLDER", "") == ""  # no provider is named
    assert _read(text) == dict(zip(names, (value.strip() for value in values), strict=True))
    again = rewritten(text, {names[1]: other, "RELANCE_PROVIDER": "files"})
    assert _read(again) == {
        names[0]: values[0].strip(),
        names[1]: other.strip(),
        names[2]: values[2].strip(),
        "RELANCE_PROVIDER": "files",
    }
    assert again.startswith("# Umlauts: äöü\n")
    assert load(Path("x.env"), {}, NAMES, again).provider_settings["FOLDER"] == values[0].strip()


def _read(text: str) -> dict[str, str]:
    from connector.configfile import Values

    return Values(Path("x.env"), {}, (), text).given


def test_a_file_keeps_its_remarks_when_one_value_changes() -> None:
    text = "# first\nexport A=1\n\n# second\nRELANCE_X='old' # why\nnot understood\nB=2"
    assert rewritten(text, {"RELANCE_X": "new one"}) == (
        '# first\nexport A=1\n\n# second\nRELANCE_X="new one"\nnot understood\nB=2\n'
    )


# By options alone.


def test_options_and_environment_make_a_configuration(firm: SetUp) -> None:
    with mail(firm.work) as (sink, words):
        done = firm.init(*words)
        assert done.code == 0, done.err
        assert not sink.mails
    assert "Connected: Atelier Démo SARL (FR, EUR, Europe/Paris), ledger acme:1" in done.err
    assert "ok       read payments" in done.err
    assert "relance sync --dry-run" in done.out
    assert KEY not in done.out + done.err + firm.file.read_text()
    assert mode_of(firm.file) == 0o600
    assert json.loads(firm.keyring.read_text()) == {"relance/config-acme-key": KEY}
    text = firm.file.read_text()
    assert (
        "# the key of the application\nRELANCE_ACME_KEY=keyring:relance/config-acme-key\n" in text
    )
    dry = firm.relance("sync", "--dry-run", "--json")
    assert dry.code == 0, dry.err
    assert dry.json["ledger"] == "acme:1"
    assert firm.left() == ["config.env"]


def test_without_a_terminal_everything_missing_is_told_at_once(firm: SetUp) -> None:
    assert "--provider is missing: name one of acme, " in firm.relance("init").err
    done = firm.relance("init", "--provider", "acme")
    assert done.code == 2
    for told in (
        "RELANCE_ACME_FOLDER is missing: the folder that holds the CSV files",
        "RELANCE_ACME_KEY is missing: the key of the application",
        "--set NAME=VALUE",
    ):
        assert told in done.err
    assert firm.left() == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--set", "KEY=hunter2"), "a secret is no argument"),
        (("--set", "RELANCE_SMTP_PASSWORD=hunter2"), "a secret is no argument"),
        (("--set", "FOLDRE=x"), "did you mean FOLDER?"),
        (("--set", "FOLDER"), "expected NAME=VALUE"),
        (("--config", "config.example.env"), "expected a name such as firm.env"),
        (("--config", "nowhere/firm.env"), "no such folder"),
        (("--config", "."), "is a folder: name the firm's file in it"),
        (("--provider", "acmee"), "known are acme, "),
        (("--set", "POLICY=nowhere"), "ready-made policies"),
        (("--set", "MODE=fast"), "RELANCE_MODE is 'fast': expected one of review, auto"),
    ],
)
def test_a_mistake_is_told_and_nothing_written(
    firm: SetUp, words: tuple[str, ...], told: str
) -> None:
    done = firm.init(*words)
    assert done.code == 2
    assert told in done.err
    assert "hunter2" not in done.err
    assert firm.left() == []
    assert not firm.keyring.exists()


def test_a_sign_in_that_fails_writes_nothing(firm: SetUp) -> None:
    done = firm.init(RELANCE_ACME_KEY="wrong")
    assert done.code == 4
    assert "acme: the server does not accept this key" in done.err
    assert firm.left() == []
    assert not firm.keyring.exists()


def test_a_file_that_is_there_is_replaced_only_when_told_and_kept(firm: SetUp) -> None:
    firm.file.write_text("RELANCE_PROVIDER=files\n")
    refused = firm.init()
    assert refused.code == 2
    assert "config.env exists: --replace writes a new one and keeps a copy" in refused.err
    assert firm.file.read_text() == "RELANCE_PROVIDER=files\n"
    assert firm.init("--replace").code == 0
    (backup,) = firm.desk.folder.glob("config.env.*.bak")
    assert backup.read_text() == "RELANCE_PROVIDER=files\n"
    assert mode_of(backup) == 0o600
    assert "RELANCE_PROVIDER=acme" in firm.file.read_text()


def test_a_secret_goes_where_it_is_told_to(firm: SetUp) -> None:
    """Where no keyring answers, or files are wanted: one that only its owner reads."""
    for words, environ in (((), NO_KEYRING), (("--secrets", "file", "--replace"), {})):
        assert firm.init(*words, **environ).code == 0
        secret = firm.desk.folder / "config.secrets" / "acme-key"
        assert secret.read_text() == KEY + "\n"
        assert (mode_of(secret), mode_of(secret.parent)) == (0o600, 0o700)
        assert f"RELANCE_ACME_KEY=file:{secret}\n" in firm.file.read_text()
        assert firm.relance("sync", "--dry-run", "--json", **environ).code == 0


def test_a_reference_is_written_as_it_is(firm: SetUp) -> None:
    done = firm.init("--set", "KEY=env:ACME", RELANCE_ACME_KEY="", ACME=KEY)
    assert done.code == 0, done.err
    assert "RELANCE_ACME_KEY=env:ACME\n" in firm.file.read_text()
    assert not firm.keyring.exists()


def test_two_firms_of_one_name_keep_their_secrets_apart(firm: SetUp) -> None:
    firm.keyring.write_text(json.dumps({"relance/config-acme-key": "of another firm"}))
    assert firm.init().code == 0
    assert json.loads(firm.keyring.read_text()) == {
        "relance/config-acme-key": "of another firm",
        "relance/config-acme-key-2": KEY,
    }
    assert "keyring:relance/config-acme-key-2\n" in firm.file.read_text()
    firm.init("--replace")
    assert len(json.loads(firm.keyring.read_text())) == 2


def test_what_the_books_lack_is_told_with_what_to_do(firm: SetUp) -> None:
    done = firm.init("--set", "MOOD=blind native timeless", "--set", "TIMEZONE=Europe/Brussels")
    assert done.code == 4
    assert "MISSING  read payments: tick Ledger on the page of the user" in done.err
    assert "Acme Books is sending its own reminders. Switch them off there" in done.err
    assert "RELANCE_TIMEZONE=Europe/Brussels" in firm.file.read_text()
    assert firm.relance("sync", "--dry-run", "--json").code == 0


def test_books_without_a_time_zone_get_that_of_their_country(firm: SetUp) -> None:
    assert firm.init("--set", "MOOD=timeless").code == 0
    assert "RELANCE_TIMEZONE=Europe/Paris\n" in firm.file.read_text()


@pytest.mark.parametrize(
    ("country", "policy", "language", "zone"),
    [
        ("FR", "standard-b2b", "fr", "Europe/Paris"),
        ("DE", "de-b2b", "de", "Europe/Berlin"),
        ("GB", "uk-b2b", "en", "Europe/London"),
        ("NL", "standard-b2b", "nl", "Europe/Amsterdam"),
        ("JP", "standard-b2b", "en", "Asia/Tokyo"),
    ],
)
def test_a_country_suggests(country: str, policy: str, language: str, zone: str) -> None:
    assert suggestions.policy(country) == policy
    assert suggestions.language(country) == language
    assert suggestions.zone(country) == zone


def test_what_cannot_be_written_leaves_the_keyring_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FILE, str(tmp_path / "keyring.json"))
    before = keyring.get_keyring()
    keyring.set_keyring(InFile())  # type: ignore[no-untyped-call]
    try:
        keyring.set_password("relance", "old", "one")
        (tmp_path / "firm.env").mkdir()
        draft = Draft(tmp_path / "firm.env", "RELANCE_X=1\n", {"A": "new", "B": "two"})
        with pytest.raises(ConfigError, match="cannot be written"):
            setup.write(draft, {"A": "keyring:relance/old", "B": "keyring:relance/b"})
        assert json.loads((tmp_path / "keyring.json").read_text()) == {"relance/old": "one"}
    finally:
        keyring.set_keyring(before)


def test_what_is_no_text_is_never_a_draft() -> None:
    spec = replace(FILES, name="sage-x3")
    assert setup.full_name(spec, "folder") == "RELANCE_SAGE_X3_FOLDER"
    assert setup.full_name(spec, "RELANCE_MODE") == "RELANCE_MODE"
    with pytest.raises(ConfigError, match="FOLDR is not an option of sage-x3: did you mean FOLDER"):
        setup.full_name(spec, "FOLDR")


# On a terminal.


def test_a_person_is_asked_corrects_and_is_connected(
    tryton_shared: TrytonLab, tmp_path: Path
) -> None:
    """A wrong password is told, the answers stay, and another try signs in to a real server."""
    lab, folder = tryton_shared, tmp_path / "firm"
    folder.mkdir()
    desk = Desk(folder)
    environ = desk.environ() | {
        "PYTHON_KEYRING_BACKEND": "tests.keyrings.InFile",
        FILE: str(tmp_path / "keyring.json"),
        "PYTHONPATH": str(Path(__file__).parent.parent),
    }
    with Terminal("init", folder=folder, environ=environ) as screen:
        screen.meets("Which accounting software holds the invoices?")
        screen.meets("Choice")
        screen.types("tryton")
        answers = {"URL": lab.url, "DATABASE": lab.database, "KEY": "", "USER": lab.user}
        for name, answer in {**answers, "PASSWORD": "wrong", "COMPANY": ""}.items():
            screen.meets(f"\n{name}: ")
            screen.types(answer)
        screen.meets("does not accept user")
        screen.meets("Correct the answers? [Y/n]")
        screen.types("")
        for name, answer in answers.items():
            screen.meets(f"\n{name} [{answer}]: " if answer else f"\n{name}: ")
            screen.types("")
        screen.meets("Enter to keep the present one")
        screen.meets("\nPASSWORD: ")
        screen.types(lab.password)
        screen.meets("\nCOMPANY: ")
        screen.types("")
        screen.meets("ledger tryton:lab:1")
        screen.meets("ok       write notes")
        screen.meets("Policy [standard-b2b]:")
        screen.types("5")
        screen.meets("Language [fr]:")
        screen.types("")
        screen.meets("Write config.env? [Y/n]")
        screen.types("")
        assert screen.ends() == 0
        assert lab.password not in screen.screen
        assert all(len(line) <= 80 for line in _drawn(screen.screen))
    text = (folder / "config.env").read_text()
    assert "RELANCE_POLICY=gentle\n" in text
    assert "RELANCE_MODE=review\n" in text
    assert "keyring:relance/config-tryton-password\n" in text
    dry = desk.relance("sync", "--dry-run", "--json", **environ)
    assert dry.code == 0, dry.err
    assert dry.json["ledger"] == "tryton:lab:1"


def _drawn(screen: str) -> list[str]:
    """The lines that Relance laid out: tables and lists, not sentences that the terminal folds."""
    return [line for line in screen.splitlines() if re.match(r" +\d+  ", line)]


@pytest.mark.parametrize("at", ["KEY: ", "SMTP PASSWORD: ", "Policy", "Write config.env"])
def test_ctrl_c_at_a_question_leaves_nothing(firm: SetUp, at: str) -> None:
    with mail(firm.work) as (sink, _), firm.on_terminal("init") as screen:
        for prompt, answer in {
            "Choice": "acme",
            "FOLDER:": str(firm.books),
            "KEY: ": KEY,
            "MOOD:": "",
            "SMTP HOST": "127.0.0.1",
            "SMTP SECURITY": "none",
            "SMTP PORT": str(sink.port),
            "SMTP USER": "compta" if at == "SMTP PASSWORD: " else "",
            **({"SMTP PASSWORD: ": ""} if at == "SMTP PASSWORD: " else {}),
            "SMTP FROM": "compta@demo.example",
            "Policy": "",
            "Language": "",
            "Write config.env": "",
        }.items():
            screen.meets(f"\n{prompt}")
            if prompt == at:
                screen.interrupts()
                break
            screen.types(answer)
        assert screen.ends() == 130
        assert "Stopped. Nothing was written." in screen.screen
    assert firm.left() == []
    assert not firm.keyring.exists()


def test_a_mail_server_that_refuses_can_be_corrected(firm: SetUp) -> None:
    with mail(firm.work) as (sink, _), firm.on_terminal("init", **ANSWERED) as screen:
        for prompt, answer in (
            ("Choice", "1"),
            ("FOLDER:", str(firm.books)),
            ("MOOD:", ""),
            ("SMTP HOST", "127.0.0.1"),
            ("SMTP SECURITY", "none"),
            ("SMTP PORT [25]", "1"),
            ("SMTP USER", ""),
            ("SMTP FROM", "compta@demo.example"),
            ("Correct the answers?", ""),
            ("SMTP HOST [127.0.0.1]", ""),
            ("SMTP SECURITY [none]", ""),
            ("SMTP PORT [1]", str(sink.port)),
            ("SMTP USER", ""),
            ("SMTP FROM [compta@demo.example]", ""),
            ("It takes our mail. Nothing was sent.", ""),
        ):
            screen.meets(f"\n{prompt}")
            if answer or "[" in prompt or prompt.endswith(("USER", "MOOD:", "?")):
                screen.types(answer)
        for prompt in ("Policy", "Language", "Write config.env"):
            screen.meets(f"\n{prompt}")
            screen.types("")
        assert screen.ends() == 0
        assert not sink.mails
    assert f"RELANCE_SMTP_PORT={sink.port}\n" in firm.file.read_text()


# Signing in again.


def test_connect_renews_a_secret_that_no_longer_holds(firm: SetUp) -> None:
    assert firm.init().code == 0
    firm.keyring.write_text(json.dumps({"relance/config-acme-key": "taken back"}))
    assert firm.relance("sync", "--dry-run").code == 4
    before = firm.file.read_text()
    with firm.on_terminal("connect") as screen:
        for answer in ("wrong again", KEY):
            screen.meets("\nRELANCE_ACME_KEY: ")
            screen.types(answer)
            if answer != KEY:
                screen.meets("does not accept this key")
                screen.meets("Try again? [Y/n]")
                screen.types("")
        screen.meets("RELANCE_ACME_KEY is kept in the keyring, as relance/config-acme-key.")
        assert screen.ends() == 0
        assert KEY not in screen.screen
    assert json.loads(firm.keyring.read_text()) == {"relance/config-acme-key": KEY}
    assert firm.file.read_text() == before
    assert firm.relance("sync", "--dry-run").code == 0


def test_connect_moves_a_secret_out_of_the_file(firm: SetUp) -> None:
    assert firm.init().code == 0
    plain = firm.file.read_text().replace("keyring:relance/config-acme-key", '"old #1"')
    firm.file.write_text("# mine\n" + plain)
    with firm.on_terminal("connect") as screen:
        screen.meets("\nRELANCE_ACME_KEY: ")
        screen.types(KEY)
        assert screen.ends() == 0
    text = firm.file.read_text()
    assert text.startswith("# mine\n")
    assert "old #1" not in text
    assert "RELANCE_ACME_KEY=keyring:relance/config-acme-key\n" in text


def test_connect_without_a_terminal_takes_references_alone(firm: SetUp) -> None:
    assert firm.relance("connect").code == 2
    assert "`relance init` makes one" in firm.relance("connect").err
    assert firm.init().code == 0
    assert "on a terminal" in firm.relance("connect").err
    refused = firm.relance("connect", "--set", "FOLDER=x")
    assert (refused.code, "is no secret" in refused.err) == (2, True)
    done = firm.relance("connect", "--set", "KEY=env:ACME", ACME="wrong")
    assert done.code == 4
    assert "env:ACME" not in firm.file.read_text()
    assert firm.relance("connect", "--set", "KEY=env:ACME", ACME=KEY).code == 0
    assert "RELANCE_ACME_KEY=env:ACME\n" in firm.file.read_text()
