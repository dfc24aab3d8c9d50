"""`relance doctor`: each thing that can be wrong is seen, says what to do, and changes nothing."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.lock import keep_wait, one_run
from tests.distributions import KEY
from tests.processes import Done
from tests.setups import SetUp, mail, mode_of, set_up


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SetUp]:
    """A firm that is set up and has run once."""
    work = tmp_path_factory.mktemp("made")
    with set_up(work) as found, mail(work / "mails") as (sink, words):
        found.init(*words)
        found.relance("sync", "--quiet")
        assert sink.mails
        yield found


@pytest.fixture
def firm(made: SetUp, tmp_path: Path) -> Iterator[SetUp]:
    """That firm, as it was before whatever a test does to it."""
    shutil.copytree(made.work, tmp_path / "as it was", ignore=shutil.ignore_patterns("mails"))
    yield made
    for path in (tmp_path / "as it was").iterdir():
        shutil.rmtree(made.work / path.name, ignore_errors=True)
        if path.is_dir():
            shutil.copytree(path, made.work / path.name)
        else:
            shutil.copy(path, made.work / path.name)


def looks(done: Done) -> list[tuple[str, str, str]]:
    """State, subject and words of each look."""
    return [
        (check["state"], check["what"], f"{check['seen']} {check['mend']}")
        for check in done.json["checks"]
    ]


def wrong(done: Done) -> list[str]:
    return [f"{what}: {words}" for state, what, words in looks(done) if state == "wrong"]


def test_without_a_configuration_the_sample_is_looked_at(tmp_path: Path) -> None:
    with set_up(tmp_path) as firm:
        done = firm.relance("doctor")
        assert done.code == 0, done.out
        assert done.out.startswith("No configuration here: `relance init` makes one.")
        assert "Atelier Bellerive SARL" in done.out
        assert firm.relance("doctor", "--json").json["sample"] is True


def test_a_healthy_firm_has_nothing_to_mend_and_nothing_changes(firm: SetUp) -> None:
    before = firm.desk.digests(), firm.left(), (firm.books / "relance-log.csv").read_bytes()
    done = firm.relance("doctor", "--json")
    assert done.code == 0, wrong(done)
    after = firm.desk.digests(), firm.left(), (firm.books / "relance-log.csv").read_bytes()
    assert before == after
    seen = {what: words for state, what, words in looks(done) if state == "ok"}
    assert seen["secret"].startswith("RELANCE_ACME_KEY is in the keyring, as relance/config-acme")
    assert seen["connection"].startswith("Atelier Démo SARL, acme:1, FR, EUR, Europe/Paris")
    assert "config.db: sound" in seen["state"]
    assert "of 1000 calls of the last 24 hours" in seen["limits"]
    assert seen["mail"].startswith("127.0.0.1 takes our mail; nothing was sent")
    assert (firm.desk.folder / "config.id").read_text().strip() in seen["installation"]
    assert KEY not in done.out + done.err
    told = firm.relance("doctor")
    assert "All that is needed is in order." in told.out


def test_what_a_product_cannot_is_worth_knowing(firm: SetUp) -> None:
    edit(firm, lambda text: text + "RELANCE_ACME_MOOD=forgetful\n")
    done = firm.relance("doctor", "--json")
    assert done.code == 0, wrong(done)
    minds = [words for state, _, words in looks(done) if state == "mind"]
    assert any("if state.db is lost, a reminder can go out again" in words for words in minds)
    assert any("what a customer owes in all" in words for words in minds)


def edit(firm: SetUp, change: Callable[[str], str]) -> None:
    firm.file.write_text(change(firm.file.read_text()))


def mood(word: str) -> Callable[[SetUp], None]:
    return lambda firm: edit(firm, lambda text: text + f"RELANCE_ACME_MOOD={word}\n")


def line(text: str) -> Callable[[SetUp], None]:
    return lambda firm: edit(firm, lambda before: before + text + "\n")


def forgotten_key(firm: SetUp) -> None:
    firm.keyring.write_text("{}")


def wrong_key(firm: SetUp) -> None:
    firm.keyring.write_text(json.dumps({"relance/config-acme-key": "old"}))


def no_mail_server(firm: SetUp) -> None:
    edit(firm, lambda text: text[: text.index("RELANCE_SMTP")])


def dead_mail_server(firm: SetUp) -> None:
    edit(firm, lambda text: text.replace("RELANCE_SMTP_PORT=", "RELANCE_SMTP_PORT=1 #"))


def dead_mailbox(firm: SetUp) -> None:
    values = {"HOST": "127.0.0.1", "PORT": "1", "SECURITY": "none", "USER": "u", "PASSWORD": "p"}
    lines = "".join(f"RELANCE_IMAP_{name}={value}\n" for name, value in values.items())
    edit(firm, lambda text: text + lines)


def damaged(firm: SetUp) -> None:
    """A page in the middle is overwritten, as a failing disk does."""
    fold(firm)
    with firm.desk.state.open("r+b") as stream:
        stream.seek(4096 * 6)
        stream.write(b"\xff" * 4096 * 3)


def fold(firm: SetUp) -> None:
    with closing(sqlite3.connect(firm.desk.state)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def changed(statement: str) -> Callable[[SetUp], None]:
    def work(firm: SetUp) -> None:
        with closing(sqlite3.connect(firm.desk.state)) as connection, connection:
            connection.execute(statement)

    return work


def no_database(firm: SetUp) -> None:
    fold(firm)
    firm.desk.state.write_text("my notes")


def bad_policy(firm: SetUp) -> None:
    (firm.desk.folder / "policy.toml").write_text("name = 'x'\n")


def bad_id(firm: SetUp) -> None:
    (firm.desk.folder / "config.id").write_text("??\n")


def files_gone(firm: SetUp) -> None:
    shutil.rmtree(firm.books)


@pytest.mark.parametrize(
    ("breaks", "code", "told"),
    [
        (line("RELANCE_MOED=auto"), 2, "settings: config.env:19: RELANCE_MOED is not an option"),
        (forgotten_key, 2, "nothing is kept under this name: keyring set relance"),
        (wrong_key, 4, "connection: acme: the server does not accept this key relance connect"),
        (files_gone, 2, "settings: config.env: RELANCE_FILES_FOLDER"),
        (mood("blind"), 4, "right: read payments tick Ledger on the page of the user"),
        (mood("native"), 2, "reminders: Acme Books is sending its own"),
        (mood("timeless"), 2, "connection: the books name no time zone set RELANCE_TIMEZONE"),
        (no_mail_server, 2, "mail: nothing can carry an e-mail"),
        (dead_mail_server, 3, "mail: smtp 127.0.0.1: no connection on port 1"),
        (dead_mailbox, 3, "mailbox: imap 127.0.0.1: "),
        (damaged, 2, "config.db: damaged: "),
        (no_database, 2, "config.db: not a database of Relance"),
        (changed("UPDATE ledger SET ledger_id = 'acme:2'"), 2, "config.db is of acme:2"),
        (changed("UPDATE alembic_version SET version_num = '9999'"), 2, "of a newer Relance"),
        (changed("UPDATE run SET started_at = '2999-01-01T00:00:00.000000+00:00'"), 2, "clock: "),
        (bad_policy, 2, "policy, texts: "),
        (bad_id, 2, "installation: "),
    ],
)
def test_what_is_wrong_is_seen(
    firm: SetUp, breaks: Callable[[SetUp], None], code: int, told: str
) -> None:
    breaks(firm)
    done = firm.relance("doctor", "--json")
    found = wrong(done)
    assert any(told in words for words in found), found
    assert done.code == code, found


def test_a_wait_that_is_not_over_keeps_us_from_calling(
    firm: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(firm.desk.folder / "locks"))
    keep_wait(firm.desk.state, datetime.now(UTC) + timedelta(hours=1), "acme: too many calls")
    done = firm.relance("doctor", "--json")
    assert done.code == 3
    (told,) = wrong(done)
    assert told.startswith("connection: not tried: acme: too many calls: no call before")


def test_who_is_at_work_is_named(firm: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(firm.desk.folder / "locks"))
    with one_run("acme:1"):
        done = firm.relance("doctor", "--json")
        refused = firm.relance("sync")
    assert ("ok", "at work", f"a run: process {os.getpid()} ") in looks(done)
    assert refused.code == 2
    assert f"another relance run is at work (process {os.getpid()})" in refused.err
    assert "at work" not in {what for _, what, _ in looks(firm.relance("doctor", "--json"))}


def test_what_is_open_to_everybody_is_told(firm: SetUp) -> None:
    for path in (firm.file, firm.desk.state):
        path.chmod(0o644)
    done = firm.relance("doctor", "--json")
    minds = [words for state, _, words in looks(done) if state == "mind"]
    assert sum("open to everybody here" in words for words in minds) == 2
    assert mode_of(firm.file) == 0o644


def test_several_firms_are_told_apart_and_the_worst_counts(firm: SetUp) -> None:
    folder = firm.desk.folder
    shutil.copy(firm.file, folder / "second.env")
    (folder / "second.env").open("a").write("RELANCE_ACME_MOOD=blind\n")
    done = firm.relance("doctor", "--json", "--config", ".")
    assert done.code == 4
    assert [(one["firm"], len(one["checks"]) > 9) for one in done.json["firms"]] == [
        ("config", True),
        ("second", True),
    ]


def test_on_a_terminal_it_fits_eighty_columns(firm: SetUp) -> None:
    with firm.on_terminal("doctor") as screen:
        assert screen.ends() == 0
        lines = screen.screen.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(" ok " in text and "connection" in text for text in lines)
