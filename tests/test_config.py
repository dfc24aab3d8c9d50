"""Configuration: every option read, every mistake told with its place, nothing guessed."""

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from connector import config, registry
from connector.config import Config, clash, find, load, option, sample
from connector.configfile import PREFIX
from connector.errors import ConfigError
from connector.installation import installation

ROOT = Path(__file__).parent.parent
SHIPPED = {
    name: frozenset(setting.name for setting in spec.settings)
    for name, spec in registry.providers().items()
}
PROVIDERS = {
    **SHIPPED,
    "sage": {"URL"},
    "sage_x3": {"URL"},
}


def written(folder: Path, text: str, name: str = "config.env") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def loaded(folder: Path, text: str, **environ: str) -> Config:
    return load(written(folder, text), environ, PROVIDERS)


def test_every_option_is_read(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "mine.toml").touch()
    found = loaded(
        tmp_path,
        """
        # a firm
        RELANCE_PROVIDER=Tryton
        RELANCE_STATE=dupont.db
        RELANCE_POLICY=mine.toml
        RELANCE_TEMPLATES=texts/
        RELANCE_LANGUAGE=NL
        RELANCE_TIMEZONE=Europe/Brussels
        RELANCE_MODE=auto
        RELANCE_INTERVAL_MINUTES=15
        RELANCE_TRYTON_URL="http://127.0.0.1:8000"
        RELANCE_TRYTON_PASSWORD='pa$$ ${HOME} #1'
        RELANCE_FILES_FOLDER=elsewhere
        RELANCE_SMTP_HOST=mail.firm.fr  # ours
        RELANCE_SMTP_PORT=465
        RELANCE_SMTP_FROM=Comptabilité Dupont <c@dupont.fr>
        RELANCE_SMTP_SECURITY=TLS
        RELANCE_SMTP_USER=
        """,
    )
    assert found.problems == ()
    assert found.provider == "tryton"
    assert found.state == tmp_path / "dupont.db"
    assert found.policy == str(tmp_path / "mine.toml")
    assert found.templates == tmp_path / "texts"
    assert (found.language, found.timezone, found.mode) == ("nl", "Europe/Brussels", "auto")
    assert found.interval_minutes == 15
    assert found.provider_settings == {
        "URL": "http://127.0.0.1:8000",
        "PASSWORD": "pa$$ ${HOME} #1",
    }
    assert found.smtp == {
        "HOST": "mail.firm.fr",
        "PORT": "465",
        "FROM": "Comptabilité Dupont <c@dupont.fr>",
        "SECURITY": "tls",
    }
    assert found.lines["RELANCE_PROVIDER"] == 3
    assert found.where("RELANCE_PROVIDER") == f"{tmp_path / 'config.env'}:3"


def test_defaults(tmp_path: Path) -> None:
    found = load(written(tmp_path, "RELANCE_PROVIDER=files\n", "dupont.env"), {}, PROVIDERS)
    assert found.problems == ()
    assert found.state == tmp_path / "dupont.db"
    assert found.installation_file == tmp_path / "dupont.id"
    assert (found.name, found.policy, found.mode) == ("dupont", "standard-b2b", "review")
    assert (found.language, found.timezone, found.templates) == ("fr", "", None)
    assert (found.smtp, found.interval_minutes) == ({}, 30)


def test_the_environment_wins_and_an_empty_value_is_none(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        "RELANCE_PROVIDER=tryton\nRELANCE_MODE=auto\nRELANCE_LANGUAGE=nl\n",
        RELANCE_MODE="review",
        RELANCE_LANGUAGE="",
        RELANCE_TRYTON_URL="http://x",
        HOME="/nowhere",
    )
    assert found.problems == ()
    assert (found.mode, found.language) == ("review", "nl")
    assert found.provider_settings == {"URL": "http://x"}
    assert found.where("RELANCE_MODE") == "environment"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("RELANCE_MODE=automatic", "RELANCE_MODE is 'automatic': expected one of review, auto"),
        ("RELANCE_LANGUAGE=fr_FR", "RELANCE_LANGUAGE is 'fr_fr': expected two letters"),
        ("RELANCE_TIMEZONE=Europe/Pari", "did you mean Europe/Paris?"),
        ("RELANCE_TIMEZONE=../../etc/passwd", "no such time zone"),
        ("RELANCE_TIMEZONE=Europe", "no such time zone"),
        ("RELANCE_SMTP_PORT=smtp", "RELANCE_SMTP_PORT is 'smtp': expected a whole number from 1"),
        ("RELANCE_SMTP_PORT=65536", "from 1 to 65535"),
        ("RELANCE_SMTP_PORT=²", "from 1 to 65535"),
        ("RELANCE_SMTP_SECURITY=ssl", "expected one of starttls, tls, none"),
        ("RELANCE_INTERVAL_MINUTES=0", "from 1 to 1440"),
        ("RELANCE_STATE=no/such/state.db", "no such folder: make it first"),
        ("RELANCE_STATE=.", "expected the database's own file"),
        ("RELANCE_STATE=config.env", "expected the database's own file"),
        ("RELANCE_POLICY=mine.toml", "mine.toml: no such file"),
        ("RELANCE_TEMPLATES=texts", "texts: no such folder"),
        ("RELANCE_MODUS=auto", "RELANCE_MODUS is not an option: did you mean RELANCE_MODE?"),
        ("RELANCE_Mode=auto", "did you mean RELANCE_MODE?"),
        ("relance_mode=auto", "relance_mode is not an option: did you mean RELANCE_MODE?"),
        ("RELANC_MODE=auto", "did you mean RELANCE_MODE?"),
        ("RELANCE_QQQQ=1", "RELANCE_QQQQ is not an option: config.example.env lists them"),
        ("RELANCE_TRYTON_PASWORD=hunter2", "did you mean RELANCE_TRYTON_PASSWORD?"),
        ("RELANCE_XERO_TENANT=x", "RELANCE_XERO_TENANT is not an option"),
        ("RELANCE_MODE", "not understood: write NAME=value"),
        ("RELANCE MODE = auto hunter2", "not understood: write NAME=value"),
        ('RELANCE_TRYTON_PASSWORD="hunter2', "not understood: write NAME=value"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, line: str, expected: str) -> None:
    found = loaded(tmp_path, f"RELANCE_PROVIDER=tryton\n\n# next\n{line}\n")
    (problem,) = found.problems
    assert problem.startswith(f"{tmp_path / 'config.env'}:4: ")
    assert expected in problem
    assert "hunter2" not in problem
    assert found.mode == "review"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = loaded(
        tmp_path, "RELANCE_MODE=x\nRELANCE_MODE=auto\nRELANCE_FOO=1\nRELANCE_SMTP_PORT=x"
    )
    told = "\n".join(found.problems)
    assert len(found.problems) == 5
    assert f"RELANCE_PROVIDER is missing: name one of {', '.join(sorted(PROVIDERS))}" in told
    assert "RELANCE_MODE is given twice, first on line 1" in told
    assert found.mode == "review"


def test_a_mistake_in_the_environment_says_so(tmp_path: Path) -> None:
    found = loaded(tmp_path, "RELANCE_PROVIDER=files", RELANCE_MODUS="auto", RELANCE_MODE="x")
    assert sorted(problem.split(":")[0] for problem in found.problems) == ["environment"] * 2


def test_a_variable_that_holds_a_secret_is_no_unknown_option(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        "RELANCE_PROVIDER=tryton\nRELANCE_TRYTON_PASSWORD=env:RELANCE_SECRET\n",
        RELANCE_SECRET="hunter2",
    )
    assert found.problems == ()
    assert found.provider_settings == {"PASSWORD": "env:RELANCE_SECRET"}


def test_settings_of_another_provider_are_kept_apart(tmp_path: Path) -> None:
    text = "RELANCE_PROVIDER=sage\nRELANCE_SAGE_URL=a\nRELANCE_SAGE_X3_URL=b\n"
    assert loaded(tmp_path, text).provider_settings == {"URL": "a"}
    assert loaded(tmp_path, text, RELANCE_PROVIDER="sage_x3").provider_settings == {"URL": "b"}
    assert option("sage-x3", "URL") == "RELANCE_SAGE_X3_URL"


def test_an_unknown_provider_is_left_to_the_registry(tmp_path: Path) -> None:
    found = loaded(tmp_path, "RELANCE_PROVIDER=acme\nRELANCE_ACME_URL=x\nRELANCE_TRYTON_UR=y\n")
    (problem,) = found.problems
    assert "RELANCE_TRYTON_UR is not" in problem
    assert (found.provider, found.provider_settings) == ("acme", {"URL": "x"})


def test_files_as_editors_leave_them(tmp_path: Path) -> None:
    file = tmp_path / "config.env"
    file.write_bytes(b"\xef\xbb\xbfexport RELANCE_PROVIDER=files\r\nRELANCE_MODE=auto\r\n")
    found = load(file, {}, PROVIDERS)
    assert (found.problems, found.provider, found.mode) == ((), "files", "auto")
    file.write_bytes(b"RELANCE_PROVIDER=files\nRELANCE_SMTP_FROM=Comptabilit\xe9\n")
    problems = load(file, {}, PROVIDERS).problems
    assert problems[0] == f"{file}:2: not UTF-8 text: save the file as UTF-8"
    assert "cannot be read" in load(tmp_path, {}, PROVIDERS).problems[0]


def test_secrets_are_not_in_the_printed_form(tmp_path: Path) -> None:
    text = "RELANCE_PROVIDER=tryton\nRELANCE_TRYTON_PASSWORD=hunter2\nRELANCE_SMTP_PASSWORD=hunter2"
    assert "hunter2" not in repr(loaded(tmp_path, text))


def test_find_a_file_a_folder_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find(None, {}) == []
    with pytest.raises(ConfigError, match="relance init"):
        find(None, {"RELANCE_PROVIDER": "tryton"})
    example = written(tmp_path, "", "config.example.env")
    with pytest.raises(ConfigError, match="never read"):
        find(example, {})
    with pytest.raises(ConfigError, match=r"no \*\.env file"):
        find(tmp_path, {})
    with pytest.raises(ConfigError, match=r"config\.example\.env"):
        find(tmp_path / "nowhere.env", {})
    files = [written(tmp_path, "", name) for name in ("b.env", "a.env", ".env", "a.env~")]
    (tmp_path / "folder.env").mkdir()
    assert find(tmp_path, {}) == sorted(files[:2])
    assert find(files[0], {}) == [files[0]]
    written(tmp_path, "")
    assert find(None, {"RELANCE_PROVIDER": "tryton"}) == [Path("config.env")]


def test_two_firms_with_one_state_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    files = [
        written(tmp_path, "RELANCE_PROVIDER=files\nRELANCE_STATE=b.db\n", "a.env"),
        written(tmp_path, "RELANCE_PROVIDER=files\n", "b.env"),
        written(tmp_path, "RELANCE_PROVIDER=files\nRELANCE_STATE=link/b.db\n", "c.env"),
    ]
    firms = [load(file, {}, PROVIDERS) for file in files]
    assert clash(firms[:1]) == []
    told = clash(firms)
    assert len(told) == 2
    assert str(files[0]) in told[0]
    assert str(files[1]) in told[0]
    assert told[1].startswith(f"{files[2]}:2: ")


def test_the_installation_is_made_once_and_only_when_asked(tmp_path: Path) -> None:
    firm = loaded(tmp_path, "RELANCE_PROVIDER=files\n")
    assert installation(firm, make=False) == ""
    assert not firm.installation_file.exists()
    made = installation(firm, make=True)
    assert re.fullmatch("[0-9a-f]{8}", made)
    assert stat.S_IMODE(firm.installation_file.stat().st_mode) == 0o600
    assert installation(firm, make=True) == installation(firm, make=False) == made
    firm.installation_file.write_text("")
    with pytest.raises(ConfigError, match="--take-over"):
        installation(firm, make=True)


def test_the_sample_has_no_state_and_no_installation() -> None:
    firm = sample(Path("ledger"), "sample")
    assert (firm.path, firm.name, firm.problems) == (None, "sample", ())
    assert firm.provider_settings == {"FOLDER": "ledger"}
    assert installation(firm, make=True) == ""
    assert firm.state.stat().st_size == 0


EXAMPLE = ROOT / "config.example.env"


def test_the_example_has_no_problems(tmp_path: Path) -> None:
    found = load(written(tmp_path, EXAMPLE.read_text(encoding="utf-8")), {}, PROVIDERS)
    assert found.problems == ()
    assert (found.language, found.timezone, found.mode) == ("fr", "Europe/Paris", "review")
    assert set(found.provider_settings) == {"URL", "DATABASE", "USER", "PASSWORD"}


def test_the_example_names_every_option_once_each_with_a_word_for_people(tmp_path: Path) -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    named = [match[1] for line in lines if (match := re.match(r"#?(RELANCE_[A-Z_]+)=", line))]
    assert len(named) == len(set(named))
    core = {PREFIX + name for name in config.NAMES}
    assert core <= set(named)
    ours = {option(owner, name) for owner, names in SHIPPED.items() for name in names}
    assert set(named) == core | ours
    for before, line in zip(["", *lines], lines, strict=False):
        if re.match(r"#?RELANCE_", line):
            assert before.startswith("#"), f"no remark above {line}"
    (tmp_path / "templates").mkdir()
    everything = "\n".join(line.removeprefix("#") for line in lines if re.match("#?RELANCE_", line))
    assert load(written(tmp_path, everything), {}, PROVIDERS).problems == ()


def test_reading_a_configuration_loads_nothing_heavy() -> None:
    code = (
        "import sys, connector.config, connector.credentials; "
        "print({'pydantic', 'sqlalchemy', 'requests', 'keyring'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
