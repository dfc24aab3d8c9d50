"""Access tokens: kept, renewed in time, written back when they rotate, and never shown."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connector.credentials import NamedTokens
from connector.errors import AuthRequired, ConfigError, Transient
from connector.oauth import PRESETS, REFRESH, AccessTokens, Client, fit_for_secrets, xoauth2
from tests.office import Clock, locks
from tests.tokens import Tokens, handing_out


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path) -> Iterator[None]:
    with locks(tmp_path / "locks"):
        yield


@pytest.fixture
def server() -> Iterator[Tokens]:
    with handing_out(Tokens()) as tokens:
        yield tokens


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The file that holds the refresh token."""
    file = tmp_path / "refresh"
    file.write_text("refresh-0\n", encoding="utf-8")
    return file


def signed_in(
    server: Tokens, kept: Path, clock: Clock | None = None, **client: str
) -> AccessTokens:
    given = {"token_url": server.url, "id": "relance", "secret": "cl1ent-s3cret"} | client
    return AccessTokens(
        "smtp mail.firm.example",
        Client(**given),
        NamedTokens({REFRESH: (f"file:{kept}", "RELANCE_SMTP_REFRESH_TOKEN")}),
        mend="sign in again",
        clock=clock or Clock(),
        timeout=5,
    )


def test_a_token_is_kept_until_shortly_before_its_end(server: Tokens, kept: Path) -> None:
    clock = Clock()
    tokens = signed_in(server, kept, clock, scope="mail.send")
    assert tokens.current() == tokens.current() == "access-1"
    clock.pass_(minutes=58)
    assert tokens.current() == "access-1"
    clock.pass_(minutes=1)
    assert tokens.current() == "access-2"
    first, _ = server.asked
    assert first == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-0",
        "scope": "mail.send",
        "basic": "relance:cl1ent-s3cret",
    }
    assert kept.read_text() == "refresh-0\n"


def test_a_public_client_names_itself_and_has_no_secret(server: Tokens, kept: Path) -> None:
    signed_in(server, kept, secret="").current()
    (form,) = server.asked
    assert (form["client_id"], form["basic"]) == ("relance", "")


def test_a_refused_token_is_renewed_once_for_all_who_hold_it(server: Tokens, kept: Path) -> None:
    tokens = signed_in(server, kept)
    refused = tokens.current()
    assert tokens.renewed(refused) == tokens.renewed(refused) == "access-2"
    assert len(server.asked) == 2


def test_a_rotated_token_is_written_back_at_once(server: Tokens, kept: Path) -> None:
    server.rotates = True
    clock = Clock()
    tokens = signed_in(server, kept, clock)
    for number in (1, 2, 3):
        assert tokens.current() == f"access-{number}"
        assert kept.read_text() == f"refresh-{number}\n"
        clock.pass_(hours=1)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [form["refresh_token"] for form in server.asked] == [f"refresh-{n}" for n in range(3)]


def test_many_who_ask_at_once_spend_no_token_twice(server: Tokens, kept: Path) -> None:
    """Each thread stands for a process: an AccessTokens of its own over the one kept token."""
    server.rotates = True
    failed: list[Exception] = []

    def ask() -> None:
        try:
            signed_in(server, kept).current()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(form["refresh_token"] for form in server.asked) == [
        f"refresh-{n}" for n in range(8)
    ]
    assert kept.read_text() == "refresh-8\n"


def test_a_token_that_cannot_be_kept_is_an_error(server: Tokens, tmp_path: Path) -> None:
    server.rotates = True
    tokens = AccessTokens(
        "smtp mail.firm.example",
        Client(token_url=server.url, id="relance"),
        NamedTokens({REFRESH: ("refresh-0", "RELANCE_SMTP_REFRESH_TOKEN")}),
        mend="sign in again",
    )
    with pytest.raises(ConfigError, match="could not be kept") as caught:
        tokens.current()
    assert "refresh-" not in str(caught.value)


@pytest.mark.parametrize("life", [None, -5, 10**30, 0])
def test_a_life_that_cannot_be_is_a_short_one(server: Tokens, kept: Path, life: object) -> None:
    server.life = life
    clock = Clock()
    tokens = signed_in(server, kept, clock)
    tokens.current()
    clock.pass_(minutes=3)
    assert tokens.current() == "access-1"
    clock.pass_(minutes=2)
    assert tokens.current() == "access-2"


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ((400, '{"error": "invalid_grant"}', {}), AuthRequired, "invalid_grant: sign in again"),
        ((401, '{"error": "invalid_client"}', {}), AuthRequired, "invalid_client"),
        ((400, '{"error": "invalid_scope"}', {}), AuthRequired, "invalid_scope"),
        ((429, "slow down", {"Retry-After": "90"}), Transient, "HTTP 429"),
        ((503, "", {}), Transient, "HTTP 503"),
        ((302, "", {"Location": "http://127.0.0.1:1/steal"}), ConfigError, "HTTP 302"),
        ((307, "", {"Location": "http://127.0.0.1:1/steal"}), ConfigError, "HTTP 307"),
        ((404, "no such page", {}), ConfigError, "HTTP 404"),
        ((200, "<html>welcome</html>", {}), ConfigError, "hands out tokens"),
        ((200, "[1]", {}), ConfigError, "hands out tokens"),
        ((200, '"yes"', {}), ConfigError, "hands out tokens"),
        ((200, "{}", {}), ConfigError, "hands out tokens"),
        ((200, '{"access_token": 7}', {}), ConfigError, "hands out tokens"),
    ],
)
def test_each_answer_has_one_meaning(
    server: Tokens, kept: Path, answer: tuple[int, str, dict[str, str]], error: type, said: str
) -> None:
    server.answer = answer
    clock = Clock()
    tokens = signed_in(server, kept, clock)
    with pytest.raises(error, match=said) as caught:
        tokens.current()
    assert type(caught.value) is error
    assert str(caught.value).startswith("smtp mail.firm.example: ")
    if isinstance(caught.value, Transient) and "429" in said:
        assert caught.value.retry_at == clock() + timedelta(seconds=90)
    server.answer = None
    assert tokens.current() == "access-2"


def test_what_the_server_repeats_of_our_secrets_is_not_told(server: Tokens, kept: Path) -> None:
    kept.write_text("0ld-token", encoding="utf-8")
    with pytest.raises(AuthRequired, match=r"Token \*\*\* has been expired") as caught:
        signed_in(server, kept).current()
    assert "0ld-token" not in str(caught.value)
    server.answer = (400, '{"error": "x", "error_description": "cl1ent-s3cret\\nis wrong"}', {})
    with pytest.raises(AuthRequired, match=r"x, \*\*\* is wrong") as caught:
        signed_in(server, kept).current()
    assert caught.value.exit_code == 4


def test_a_server_that_is_down_is_asked_later(server: Tokens, kept: Path) -> None:
    tokens = signed_in(server, kept, token_url="http://127.0.0.1:1/token")
    with pytest.raises(Transient, match="ConnectionError"):
        tokens.current()


def test_a_secret_is_in_no_printed_form() -> None:
    assert "cl1ent" not in repr(Client(token_url="https://t.example", id="r", secret="cl1ent"))


def test_the_presets_are_fit_for_secrets() -> None:
    assert all(fit_for_secrets(url) for url, _ in PRESETS.values())
    assert fit_for_secrets("http://127.0.0.1:8080/token")
    for url in (
        "http://tokens.example",
        "ftp://tokens.example",
        "tokens",
        "https://",
        "http://127.0.0.1.x.fr",
    ):
        assert not fit_for_secrets(url)


def test_the_words_of_the_sign_in() -> None:
    assert xoauth2("a@b.fr", "t") == "user=a@b.fr\x01auth=Bearer t\x01\x01"
