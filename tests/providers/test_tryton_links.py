"""How Tryton is reached: signing in, sessions that end, servers that are down, old or no Tryton."""

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import responses

from connector.contract import Kind, Trace
from connector.errors import (
    AuthRequired,
    ConfigError,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Transient,
)
from providers.http import Session
from providers.tryton import SPEC, Tryton, check, connect
from providers.tryton.links import Rpc
from providers.tryton.wire import encode, plain
from tests.lab.server import TrytonLab
from tests.providers.alone import FREE, NoTokens
from tests.providers.answering import WEB_PAGE, Answer, Answering
from tests.providers.tryton_lab import mail, mine, opened

__all__ = ["mine"]


def test_a_wrong_password_is_told_once_and_not_tried_again(tryton: TrytonLab) -> None:
    provider = opened(tryton, PASSWORD="wrong")
    with pytest.raises(AuthRequired, match="RELANCE_TRYTON_USER or RELANCE_TRYTON_PASSWORD"):
        provider.company()
    tryton.stop()  # who asked again would find nobody
    with pytest.raises(AuthRequired):
        provider.company()
    provider.close()


def test_a_wrong_key(tryton_shared: TrytonLab) -> None:
    with pytest.raises(AuthRequired, match="RELANCE_TRYTON_KEY") as caught:
        opened(tryton_shared, key=True, KEY="f00dfeed").company()
    assert "f00dfeed" not in str(caught.value)


def test_an_unknown_database(tryton_shared: TrytonLab) -> None:
    for key in (False, True):
        with pytest.raises(
            ConfigError, match="no database 'other': correct RELANCE_TRYTON_DATABASE"
        ):
            opened(tryton_shared, key=key, DATABASE="other").company()


def test_a_company_that_is_not_the_users(tryton: TrytonLab) -> None:
    """The server would remember the wrong one and show this user nothing from then on."""
    for key in (False, True):
        with pytest.raises(ConfigError, match="RELANCE_TRYTON_COMPANY"):
            opened(tryton, key=key, COMPANY="99").company()
        with pytest.raises(ConfigError, match="RELANCE_TRYTON_COMPANY"):
            list(opened(tryton, key=key, COMPANY="99").open_items())
        provider = opened(tryton, key=key, COMPANY=str(tryton.company_id))
        assert len(list(provider.open_items())) > 10


def test_a_server_that_is_down_and_comes_back(
    tryton: TrytonLab, mine: Tryton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mine._ledger._link.http, "_sleep", lambda wait: None)
    company = mine.company()
    tryton.stop()
    with pytest.raises(Transient, match=tryton.url):
        mine.company()
    with pytest.raises(Transient, match=tryton.url):
        mine.note("1", "text", key="k")
    tryton.start()
    assert mine.company() == company


def test_a_session_that_ends_in_the_middle_of_a_read_is_renewed(tryton_shared: TrytonLab) -> None:
    provider = opened(tryton_shared)
    whole = list(provider.changes(Kind.INVOICES, None))
    pages = provider.changes(Kind.INVOICES, None)
    told = [next(pages)]
    link = provider._ledger.link
    assert isinstance(link, Rpc)
    token = link._session
    link._send("common.db.logout", [], write=False)
    assert [*told, *pages] == whole
    assert link._session != token
    # a write that met the dead session was refused before it was begun
    number = str(tryton_shared.situations["overdue_20"].id)
    link._send("common.db.logout", [], write=False)
    provider.note(
        number, Trace(invoice_id=number, on=tryton_shared.today, line_key="m1").text(), key=""
    )
    assert [trace.line_key for trace in provider.traces([number])].count("m1") == 1


def test_a_password_changed_in_the_middle_of_a_read(tryton: TrytonLab) -> None:
    provider = opened(tryton)
    pages = provider.changes(Kind.INVOICES, None)
    next(pages)
    (user,) = tryton.rpc("model.res.user.search", [["login", "=", tryton.user]], 0, 1, None)
    tryton.rpc("model.res.user.write", [user], {"password": "another-Pass-1"})
    with pytest.raises(AuthRequired, match="RELANCE_TRYTON_PASSWORD"):
        list(pages)


def test_large_answers_are_labelled_gzip_and_read(tryton_shared: TrytonLab) -> None:
    http = Session("tryton", tryton_shared.url, headers={"Accept-Encoding": "gzip"})
    link = Rpc(http, tryton_shared.database, tryton_shared.user, tryton_shared.password)
    assert len(link.call("party.party", "fields_get", dict[str, object], fields_names=None)) > 20
    answer = link._send("model.party.party.fields_get", [None, {}], write=False)
    assert answer.headers["Content-Encoding"] == "gzip"


def test_closing_ends_the_session_on_the_server(tryton_shared: TrytonLab) -> None:
    provider = opened(tryton_shared)
    provider.company()
    link = provider._ledger.link
    assert isinstance(link, Rpc)
    token = link._session
    provider.close()
    link._session = token
    assert (
        link._send("model.party.party.search", [[], 0, 1, None, {}], write=False).status_code == 401
    )


# --- answers that a lab cannot give ---------------------------------------------------------


def rpc(url: str) -> Tryton:
    given = {"URL": url, "DATABASE": "lab", "USER": "sync", "PASSWORD": "pa55word"}
    return patient(connect(given, NoTokens(), FREE))


def rest(url: str) -> Tryton:
    return patient(connect({"URL": url, "DATABASE": "lab", "KEY": "f00d"}, NoTokens(), FREE))


def patient(provider: Tryton) -> Tryton:
    """The same, which does not wait between two tries."""
    provider._ledger._link.http._sleep = lambda wait: None
    return provider


def result(value: object) -> Answer:
    return Answer(body=json.dumps({"id": 1, "result": value}))


WRITES: dict[str, Callable[[Tryton], object]] = {
    "note": lambda provider: provider.note("20", "text", key="k"),
    "email": lambda provider: provider.email(mail("20", "a@client.example"), key="k"),
}
LOGIN = [result("8.2"), result([2, "5e551011", None])]
READY = [*LOGIN, result({"company": 1})]


def test_a_web_page_is_no_tryton() -> None:
    with Answering(WEB_PAGE) as server:
        for open_ in (rpc, rest):
            with pytest.raises(ConfigError, match="answered a web page, not the API"):
                open_(server.url).company()


def test_another_server_is_no_tryton() -> None:
    with (
        Answering(Answer(status=404)) as server,
        pytest.raises(ConfigError, match=r"no Tryton answers .* correct RELANCE_TRYTON_URL"),
    ):
        rpc(server.url).company()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(status=500), OutcomeUnknown),
        (Answer(status=502), OutcomeUnknown),
        (Answer(status=503), OutcomeUnknown),
        (Answer(status=504), OutcomeUnknown),
        (Answer(silent=True), OutcomeUnknown),
        (Answer(body='{"id":1,"resu', missing=9), OutcomeUnknown),
        (Answer(body='{"id":1,"result":"what"}'), OutcomeUnknown),
        (Answer(body="not JSON"), OutcomeUnknown),
        (WEB_PAGE, OutcomeUnknown),
        (Answer(body='{"id":1,"error":["KeyError",""]}'), OutcomeUnknown),
        (Answer(body='{"id":1,"error":["[Errno 111] Connection refused",""]}'), Transient),
        (Answer(body='{"id":1,"error":["UserError",["No.","",null]]}'), Rejected),
        (Answer(body='{"id":1,"error":["UserWarning",["w","Sure?",""]]}'), Rejected),
        (Answer(status=429), Transient),
        (Answer(status=413), Rejected),
        (Answer(status=403), AuthRequired),
        (Answer(status=404), ConfigError),
    ],
)
def test_what_a_write_by_session_makes_of_answers(
    answer: Answer, error: type[ConnectorError]
) -> None:
    for write in WRITES:
        with Answering(*READY, answer) as server:
            provider = rpc(server.url)
            with pytest.raises(error):
                WRITES[write](provider)
            assert len(server.asked) == len(READY) + 1  # once, whatever came of it


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(status=500, body="<title>500</title><p>KeyError</p>"), OutcomeUnknown),
        (Answer(status=500, body="<p>[Errno 111] Connection refused</p>"), Transient),
        (Answer(status=503), OutcomeUnknown),
        (Answer(silent=True), OutcomeUnknown),
        (Answer(status=204, body=""), OutcomeUnknown),
        (Answer(status=400, body='{"status":400,"message":"No.","description":""}'), Rejected),
        (Answer(status=400, body="?"), Rejected),
        (Answer(status=403), Rejected),
        (Answer(status=401), AuthRequired),
        (Answer(status=404), ConfigError),
        (Answer(status=429), Transient),
    ],
)
def test_what_a_write_by_key_makes_of_answers(answer: Answer, error: type[ConnectorError]) -> None:
    with Answering(Answer(body='{"company": 1}'), answer) as server:
        with pytest.raises(error):
            rest(server.url).note("20", "text", key="k")
        assert len(server.asked) == 2


def test_a_read_waits_for_a_server_that_is_busy() -> None:
    busy = Answer(status=504)
    with Answering(*READY[:2], busy, busy, result({"company": 1}), result([])) as server:
        provider = rpc(server.url)
        provider._ledger._party_fields = ("name",)
        with pytest.raises(Rejected, match="no customer"):
            provider.account("7")
        assert len(server.asked) == 6


def test_a_login_is_asked_once_even_when_there_were_too_many() -> None:
    with Answering(result("8.2"), Answer(status=429)) as server:
        with pytest.raises(Transient):
            rpc(server.url).company()
        assert len(server.asked) == 2


def test_a_second_factor_needs_a_key() -> None:
    asks = Answer(body='{"id":0,"error":["LoginException",["sms","Code","char"]]}')
    with Answering(result("8.2"), asks) as server:
        provider = rpc(server.url)
        for _ in range(2):
            with pytest.raises(AuthRequired, match="RELANCE_TRYTON_KEY"):
                provider.company()
        assert len(server.asked) == 2


def test_a_session_that_dies_at_once_is_not_renewed_for_ever() -> None:
    with Answering(*LOGIN, Answer(status=401)) as server:
        with pytest.raises(AuthRequired, match="ends the session"):
            rpc(server.url).company()
        assert len(server.asked) == 3


def test_no_secret_is_told() -> None:
    body = '{"id":1,"error":["pa55word 5e551011",""]}'
    with Answering(*READY, Answer(status=400, body="pa55word 5e551011")) as server:
        with pytest.raises(Rejected) as caught:
            rpc(server.url).note("20", "x", key="k")
        assert "pa55word" not in str(caught.value)
        assert "5e551011" not in str(caught.value)
    assert body


def old(request: Any) -> tuple[int, dict[str, str], str]:
    """Tryton 7.0 as its sources and a server of that series had it."""
    question = json.loads(request.body)
    if request.url.endswith(":8000/rpc/"):
        return 401, {}, "<html>"
    assert request.url.endswith(":8000/") or request.url.endswith(":8000/lab/")
    row: dict[str, Any] = {"id": 1, "name": "Dupont", "active": 1, "party": 1}
    row |= {"currency.": {"id": 1, "code": "EUR"}, "timezone": "Europe/Paris"}
    found: dict[str, Any] = {
        "common.server.version": "7.0.59",
        "common.db.login": [2, "5e551011"],
        "common.db.logout": None,
        "model.res.user.get_preferences": {"company": 1},
        "model.party.party.fields_get": {},
        "model.party.contact_mechanism.fields_get": {},
        "model.company.company.search_read": [row],
        "model.party.party.search_read": [row],
        "model.ir.note.create": [9],
    }
    return 200, {}, json.dumps({"id": question["id"], "result": found[question["method"]]})


@responses.activate
def test_series_7_has_its_own_addresses() -> None:
    for path in ("rpc/", "", "lab/"):
        responses.add_callback("POST", f"https://books.example:8000/{path}", callback=old)
    provider = rpc("https://books.example:8000/")
    company = provider.company()
    assert (company.ledger_id, company.name) == ("tryton:lab:1", "Dupont")
    assert provider.note("20", "text", key="k").id == "9"
    provider.close()
    asked = [(call.request.url, json.loads(call.request.body)) for call in responses.calls]
    assert [url for url, _ in asked][:3] == [
        "https://books.example:8000/rpc/",
        "https://books.example:8000/",
        "https://books.example:8000/lab/",
    ]
    assert asked[-1][1]["method"] == "common.db.logout"
    for _, question in asked:
        assert question.keys() == {"id", "method", "params"}
        if question["method"].startswith("model."):
            assert question["params"][-1]["language"] == "en"  # the context comes last


def test_settings_are_checked_all_at_once() -> None:
    problems = check({"URL": "tryton.example", "DATABASE": "lab", "COMPANY": "one"})
    assert [problem.split()[0] for problem in problems] == [
        "RELANCE_TRYTON_URL",
        "RELANCE_TRYTON_USER",
        "RELANCE_TRYTON_PASSWORD",
        "RELANCE_TRYTON_COMPANY",
    ]
    assert check({"URL": "https://tryton.example", "DATABASE": "lab", "KEY": "f00d"}) == []
    secret = {setting.name for setting in SPEC.settings if setting.secret}
    assert secret == {"KEY", "PASSWORD"}


def test_values_survive_the_wire() -> None:
    for value in (date(2026, 11, 20), Decimal("1.10"), b"abc"):
        known = plain(encode(value))
        assert (Decimal(str(known)) if isinstance(value, Decimal) else known) == value
    instant = datetime.fromisoformat("2026-11-20T10:00:00.000123+01:00")
    assert plain(encode(instant)) == instant
