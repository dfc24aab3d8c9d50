"""The session against a real server on loopback: what is retried, what is not, what is said."""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from connector.errors import (
    AuthRequired,
    ConfigError,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Transient,
)
from providers import http
from providers.http import Session
from tests.providers.answering import WEB_PAGE, Answer, Answering

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
GOOD = Answer(body='{"ok": true}')
SECRET = "s3cr3t-key"

Serve = Callable[..., tuple[Answering, Session, list[float]]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server with these answers; return it, a session on it, and the waits it slept."""
    with ExitStack() as stack:

        def start(*answers: Answer) -> tuple[Answering, Session, list[float]]:
            server = stack.enter_context(Answering(*answers))
            waits: list[float] = []
            session = Session(
                "acme",
                server.url,
                headers={"Authorization": f"Bearer {SECRET}"},
                secrets=[SECRET],
                sleep=waits.append,
                clock=lambda: NOW,
            )
            stack.callback(session.close)
            return server, session, waits

        yield start


def nobody() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize(
    "passing",
    [
        Answer(status=500, body="KeyError: 'x'"),
        Answer(status=520),
        Answer(status=502),
        Answer(status=503),
        Answer(status=504),
        Answer(status=429),
        Answer(body='{"ok": tr', missing=4),
        Answer(silent=True),
        WEB_PAGE,
        Answer(body=b"not gzip", headers={"Content-Encoding": "gzip"}),
    ],
)
def test_a_read_is_tried_again_until_it_answers(serve: Serve, passing: Answer) -> None:
    server, session, waits = serve(passing, passing, GOOD)
    assert session.read("GET", "/x").json() == {"ok": True}
    assert len(server.asked) == 3
    assert len(waits) == 2
    assert all(0 < wait < 15 for wait in waits)


def test_a_read_gives_up_after_four_tries(serve: Serve) -> None:
    server, session, _ = serve(Answer(status=503))
    with pytest.raises(Transient, match=r"acme: http://.*/x: HTTP 503"):
        session.read("GET", "/x")
    assert len(server.asked) == 4


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["17", format_datetime(NOW + timedelta(seconds=17), usegmt=True)])
def test_retry_after_is_obeyed_in_both_forms(serve: Serve, status: int, value: str) -> None:
    _, session, waits = serve(Answer(status=status, headers={"Retry-After": value}), GOOD)
    session.read("GET", "/x")
    assert waits == [17.0]


@pytest.mark.parametrize("value", ["3600", format_datetime(NOW + timedelta(hours=1), usegmt=True)])
def test_a_long_wait_is_handed_to_the_caller(serve: Serve, value: str) -> None:
    server, session, waits = serve(Answer(status=429, headers={"Retry-After": value}), GOOD)
    with pytest.raises(Transient) as caught:
        session.read("GET", "/x")
    assert caught.value.retry_at == NOW + timedelta(hours=1)
    assert (len(server.asked), waits) == (1, [])


@pytest.mark.parametrize("value", ["soon", "", "-5", "Sun, 99 Nov 2026 25:00:00 GMT"])
def test_an_unreadable_retry_after_is_no_wait(serve: Serve, value: str) -> None:
    _, session, waits = serve(Answer(status=503, headers={"Retry-After": value}), GOOD)
    session.read("GET", "/x")
    assert 0 < waits[0] < 15


def test_a_retry_after_in_the_past_is_no_wait(serve: Serve) -> None:
    past = format_datetime(NOW - timedelta(hours=1), usegmt=True)
    _, session, waits = serve(Answer(status=503, headers={"Retry-After": past}), GOOD)
    session.read("GET", "/x")
    assert waits == [0.0]


def test_a_web_page_that_stays_is_a_wrong_address(serve: Serve) -> None:
    _, session, _ = serve(WEB_PAGE)
    with pytest.raises(
        ConfigError, match=r"answered a web page, not the API: is RELANCE_[A-Z]+_URL the right"
    ):
        session.read("GET", "/x")
    assert session.read("GET", "/x", document=True).text.startswith("<!doctype")


def test_nobody_there_is_transient_for_both() -> None:
    url = nobody()
    session = Session("acme", url, sleep=lambda wait: None)
    for call in (session.read, session.write):
        with pytest.raises(Transient, match=f"acme: {url}/x: cannot connect .*refused"):
            call("POST", "/x")


@pytest.mark.parametrize(
    "lost",
    [
        Answer(silent=True),
        Answer(body='{"ok": tr', missing=4),
        Answer(status=500),
        Answer(status=502),
        Answer(status=503),
        Answer(status=504),
        Answer(body=b"not gzip", headers={"Content-Encoding": "gzip"}),
        WEB_PAGE,
    ],
)
def test_a_write_that_may_have_happened_is_unknown_and_made_once(
    serve: Serve, lost: Answer
) -> None:
    server, session, waits = serve(lost, GOOD)
    with pytest.raises(OutcomeUnknown, match="acme: http://"):
        session.write("POST", "/x", json={"a": 1})
    assert (len(server.asked), waits) == (1, [])


def test_a_write_that_was_too_many_did_not_happen(serve: Serve) -> None:
    server, session, waits = serve(Answer(status=429, headers={"Retry-After": "5"}), GOOD)
    with pytest.raises(Transient) as caught:
        session.write("POST", "/x")
    assert caught.value.retry_at == NOW + timedelta(seconds=5)
    assert (len(server.asked), waits) == (1, [])


@pytest.mark.parametrize("write", [False, True])
def test_an_answer_that_does_not_come(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, write: bool
) -> None:
    monkeypatch.setattr(http, "READ", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        session = Session("acme", f"http://127.0.0.1:{mute.getsockname()[1]}", sleep=lambda _: None)
        with pytest.raises(OutcomeUnknown if write else Transient):
            (session.write if write else session.read)("POST", "/x")


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    ("status", "error"),
    [(401, AuthRequired), (403, AuthRequired), (400, Rejected), (404, Rejected), (422, Rejected)],
)
def test_refusals(serve: Serve, status: int, error: type[ConnectorError], write: bool) -> None:
    server, session, _ = serve(Answer(status=status, body="no such thing"))
    with pytest.raises(error, match=f"HTTP {status}"):
        (session.write if write else session.read)("POST", "/x")
    assert len(server.asked) == 1


def test_a_question_that_a_server_always_fails_on_is_refused(serve: Serve) -> None:
    server, session, _ = serve(Answer(status=500, body="KeyError: 'x'"))
    with pytest.raises(Rejected, match="KeyError"):
        session.read("GET", "/x")
    assert len(server.asked) == 4


def test_what_a_server_does_not_offer_is_asked_once(serve: Serve) -> None:
    server, session, _ = serve(Answer(status=501))
    with pytest.raises(Rejected, match="HTTP 501"):
        session.read("GET", "/x")
    assert len(server.asked) == 1


def test_accepted_statuses_are_the_callers(serve: Serve) -> None:
    _, session, _ = serve(Answer(status=404))
    assert session.read("GET", "/x", accept=(404,)).status_code == 404
    assert session.write("POST", "/x", accept=(404,)).status_code == 404


def test_redirects_stay_on_the_host(serve: Serve) -> None:
    other, _, _ = serve(GOOD)
    away = Answer(status=302, headers={"Location": f"{other.url}/x"})
    near = Answer(status=302, headers={"Location": "/y"})
    server, session, _ = serve(near, GOOD)
    assert session.read("GET", "/x").json() == {"ok": True}
    assert [asked.path for asked in server.asked] == ["/x", "/y"]
    _, session, _ = serve(away)
    for method, call in (("GET", session.read), ("POST", session.read), ("POST", session.write)):
        with pytest.raises(ConfigError, match=f"redirects to {other.url}/x"):
            call(method, "/x")
    assert other.asked == []


def test_a_circle_of_redirects_ends(serve: Serve) -> None:
    _, session, _ = serve(Answer(status=302, headers={"Location": "/x"}))
    with pytest.raises(ConfigError, match="redirects to /x"):
        session.read("GET", "/x")


def test_a_write_follows_no_redirect(serve: Serve) -> None:
    server, session, _ = serve(Answer(status=308, headers={"Location": "/y"}), GOOD)
    with pytest.raises(ConfigError):
        session.write("POST", "/x")
    assert len(server.asked) == 1


def test_secrets_are_in_no_message(serve: Serve) -> None:
    server, _, _ = serve(Answer(status=400, body=f"the key {SECRET} is no good"))
    url = server.url.replace("//", "//user:pa55@")
    session = Session("acme", url, secrets=[SECRET, ""])
    with pytest.raises(Rejected) as caught:
        session.read("GET", f"/{SECRET}/x", params={"q": SECRET})
    told = str(caught.value)
    assert "***" in told
    assert SECRET not in told
    assert "pa55" not in told


def test_credentials_come_from_us_alone(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: pytest.TempPathFactory
) -> None:
    netrc = tmp_path / "netrc"  # type: ignore[operator]
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server, session, _ = serve(GOOD)
    session.read("GET", "/x")
    session.write("POST", "/x")
    assert {asked.headers["Authorization"] for asked in server.asked} == {f"Bearer {SECRET}"}


def test_calls_go_by_the_proxy_of_this_machine_but_where_it_says_no(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, _, _ = serve(GOOD, GOOD)
    server, _, _ = serve(GOOD)
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    far, near = Session("acme", "http://books.example"), Session("acme", server.url)
    far.read("GET", "/x")
    far.write("POST", "/x")
    near.read("GET", "/x")
    assert [asked.path for asked in proxy.asked] == ["http://books.example/x"] * 2
    assert len(server.asked) == 1


def test_plain_http_to_another_machine_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Session("acme", "http://127.0.0.1:8000")
        Session("acme", "http://localhost:8000")
        Session("acme", "https://books.example")
        assert not caplog.records
        Session("acme", "http://user:pa55@books.example")
    assert "not encrypted" in caplog.text
    assert "pa55" not in caplog.text


def test_an_address_that_is_none_is_the_users_to_mend() -> None:
    for url in ("nonsense", "http://"):
        with pytest.raises(ConfigError, match="not an address"):
            Session("acme", url).read("GET", "/x")
