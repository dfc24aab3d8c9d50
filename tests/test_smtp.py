"""The mail route against real servers: what arrives, and what is known when something breaks."""

import base64
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from connector.credentials import NamedTokens
from connector.errors import AuthRequired, ConfigError, OutcomeUnknown, Rejected, Transient
from connector.oauth import REFRESH, AccessTokens, Client
from connector.outbox.smtp import Smtp, message_bytes, problems
from connector.receivables.records import Message
from tests.office import locks
from tests.tokens import Tokens, handing_out

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
KEY = "0123456789abcdef0123"
MESSAGE = Message(
    customer_id="7",
    invoice_ids=("42",),
    to=("compta@client.fr",),
    cc=("chef@client.fr",),
    language="fr",
    subject="Facture F-2026-0042 échue",
    text="Bonjour,\n.\n..deux points\nRef. " + KEY + "\n",
    html="<p>Échue</p>",
    reference=KEY,
)


class Mailbox:
    """A handler for aiosmtpd that keeps what it takes; `refuse` answers for an address or DATA."""

    def __init__(self, **refuse: str) -> None:
        self.refuse = {name.replace("_at_", "@"): answer for name, answer in refuse.items()}
        self.mails: list[tuple[Envelope, bool]] = []

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.refuse.get(address.replace(".", "_"))
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.refuse.get("DATA", "250 2.0.0 queued as 4711")
        if answer == "drop":
            self.mails.append((envelope, session.ssl is not None))
            server.transport.abort()  # type: ignore[union-attr]
        if answer.startswith("250"):
            self.mails.append((envelope, session.ssl is not None))
        return answer

    def only(self) -> EmailMessage:
        assert len(self.mails) == 1
        content = self.mails[0][0].original_content
        assert content
        parsed = message_from_bytes(content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@contextmanager
def serving(box: Mailbox, **options: Any) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@contextmanager
def scripted(answers: dict[str, str | None], log: list[str]) -> Iterator[int]:
    """A server that answers by verb; None drops the connection there, "" says nothing at all."""
    usual = {"": "220 hi", "EHLO": "250 hi", "DATA": "354 go", ".": "250 taken", "QUIT": "221 bye"}
    told: dict[str, str | None] = {**usual, **answers}
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            verb, content = "", False
            while True:
                log.append(verb)
                answer = told.get(verb.split(" ")[0], told.get(verb, "250 fine"))
                if answer is None:
                    return
                if answer == "":
                    over.wait(5)
                    return
                connection.sendall(answer.encode() + b"\r\n")
                content = answer.startswith("354")
                line = lines.readline()
                while content and line and line != b".\r\n":
                    line = lines.readline()
                if not line:
                    return
                verb = line.decode().strip()
                verb = verb if verb == "." else verb.upper().split(":")[0]

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.close()
        thread.join(5)


def client(port: int, **settings: str) -> Smtp:
    given = {"HOST": "127.0.0.1", "PORT": str(port), "SECURITY": "none", "FROM": "c@dupont.fr"}
    return Smtp(given | settings, timeout=2, patience=0.5)


def test_a_message_arrives_whole_and_once() -> None:
    box = Mailbox()
    with serving(box) as port:
        receipt = client(port, FROM="Société Dupont, Paris <compta@dupont.fr>").send(
            MESSAGE, key=KEY, now=NOW, attachments=[("F/2026-0042.pdf", b"%PDF-1.7\n.\n")]
        )
    mail = box.only()
    assert receipt.id == mail["Message-ID"] == f"<relance.{KEY}@dupont.fr>"
    assert box.mails[0][0].rcpt_tos == ["compta@client.fr", "chef@client.fr"]
    assert mail["From"].addresses[0].display_name == "Société Dupont, Paris"
    assert mail["From"].addresses[0].addr_spec == "compta@dupont.fr"
    assert (mail["To"], mail["Cc"]) == ("compta@client.fr", "chef@client.fr")
    assert mail["Subject"] == MESSAGE.subject
    assert mail["Date"].datetime == NOW
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == MESSAGE.text
    assert html.get_content().strip() == MESSAGE.html
    assert [part.get_content_type() for part in mail.iter_parts()] == [
        "multipart/alternative",
        "application/pdf",
    ]
    (pdf,) = mail.iter_attachments()
    assert pdf.get_filename() == "F-2026-0042.pdf"
    assert pdf.get_content() == b"%PDF-1.7\n.\n"


def test_the_preview_shows_the_very_bytes_that_arrive() -> None:
    shown = message_bytes(MESSAGE, sender="c@dupont.fr", key=KEY, now=NOW)
    box = Mailbox()
    with serving(box) as port:
        client(port).send(MESSAGE, key=KEY, now=NOW)
    assert box.mails[0][0].original_content == shown


def test_a_letter_a_person_wrote_is_not_marked_as_automatic() -> None:
    assert b"Auto-Submitted" not in message_bytes(
        MESSAGE, sender="c@d.fr", key=KEY, now=NOW, auto=False
    )


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        ({"compta_at_client_fr": "450 greylisted"}, Transient),
        ({"compta_at_client_fr": "550 no such user"}, Rejected),
        ({"chef_at_client_fr": "550 no such user"}, Rejected),
        ({"chef_at_client_fr": "451 later"}, Transient),
        ({"compta_at_client_fr": "450 later", "chef_at_client_fr": "550 no"}, Rejected),
        ({"compta_at_client_fr": "530 authenticate first"}, AuthRequired),
        ({"DATA": "451 disk is full"}, Transient),
        ({"DATA": "554 looks like spam"}, Rejected),
    ],
)
def test_a_refusal_sends_nothing_to_anybody(refused: dict[str, str], error: type) -> None:
    box = Mailbox(**refused)
    with serving(box) as port, pytest.raises(error) as caught:
        client(port).send(MESSAGE, key=KEY, now=NOW)
    assert box.mails == []
    assert next(iter(refused.values())).split()[0] in str(caught.value) or len(refused) > 1


def test_the_refused_recipient_is_named_with_the_servers_words() -> None:
    with (
        serving(Mailbox(chef_at_client_fr="550 no such user")) as port,
        pytest.raises(Rejected, match=r"chef@client\.fr refused: 550 no such user"),
    ):
        client(port).send(MESSAGE, key=KEY, now=NOW)


def test_a_connection_lost_after_the_text_leaves_the_outcome_unknown() -> None:
    box = Mailbox(DATA="drop")
    with serving(box) as port, pytest.raises(OutcomeUnknown, match="outbox resolve"):
        client(port).send(MESSAGE, key=KEY, now=NOW)
    assert len(box.mails) == 1  # it did arrive: sending it again would be the second time


@pytest.mark.parametrize("verb", ["", "EHLO", "MAIL FROM", "RCPT TO", "DATA"])
def test_a_connection_lost_before_the_text_has_sent_nothing(verb: str) -> None:
    log: list[str] = []
    answers: dict[str, str | None] = {verb: None}
    if verb == "EHLO":
        answers["HELO"] = None
    with scripted(answers, log) as port, pytest.raises(Transient):
        client(port).send(MESSAGE, key=KEY, now=NOW)
    assert "." not in log


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"": "554 no service"}, Transient),
        ({"": "421 too busy"}, Transient),
        ({"MAIL": "452 full"}, Transient),
        ({"MAIL": "553 not your address"}, Rejected),
        ({"DATA": "451 later"}, Transient),
        ({"DATA": "554 no valid recipients"}, Rejected),
        ({".": "421 closing"}, Transient),
        ({".": "550 refused"}, Rejected),
        ({".": "hello?"}, OutcomeUnknown),
        ({".": None}, OutcomeUnknown),
        ({".": ""}, OutcomeUnknown),  # a server that never answers
    ],
)
def test_each_answer_has_one_meaning(answers: dict[str, str | None], error: type) -> None:
    with scripted(answers, []) as port, pytest.raises(error) as caught:
        client(port).send(MESSAGE, key=KEY, now=NOW)
    assert type(caught.value) is error


@pytest.mark.parametrize("farewell", [None, "500 what?", "421 gone"])
def test_a_rude_farewell_does_not_undo_a_message_taken(farewell: str | None) -> None:
    with scripted({"QUIT": farewell}, []) as port:
        assert client(port).send(MESSAGE, key=KEY, now=NOW).id


def test_a_server_that_is_down_is_tried_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Transient, match=f"port {port}"):
        client(port).send(MESSAGE, key=KEY, now=NOW)


def _door(password: str) -> Callable[..., AuthResult]:
    def authenticate(*args: Any) -> AuthResult:
        given: LoginPassword = args[-1]
        return AuthResult(success=given.password == password.encode(), handled=False)

    return authenticate


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_sign_in() -> None:
    box = Mailbox()
    door = {"authenticator": _door("s3cret"), "auth_required": True, "auth_require_tls": False}
    with serving(box, **door) as port:
        client(port, USER="compta", PASSWORD="s3cret").send(MESSAGE, key=KEY, now=NOW)
        for given in ({"USER": "compta", "PASSWORD": "wr0ng-one"}, {}):
            with pytest.raises(AuthRequired) as caught:
                client(port, **given).send(MESSAGE, key=KEY, now=NOW)
            assert "wr0ng-one" not in str(caught.value)
        with pytest.raises(AuthRequired, match="ASCII") as caught:
            client(port, USER="compta", PASSWORD="motdépasse").send(MESSAGE, key=KEY, now=NOW)
        assert caught.value.__suppress_context__
    assert len(box.mails) == 1


def test_a_server_without_sign_in_is_a_matter_for_a_person() -> None:
    with serving(Mailbox()) as port, pytest.raises(AuthRequired):
        client(port, USER="compta", PASSWORD="x").send(MESSAGE, key=KEY, now=NOW)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of its own for 127.0.0.1, in one file."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_line_is_encrypted_and_the_server_is_who_it_says(
    certificate: Path, security: str
) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    options = {"tls_context": server, "require_starttls": True}
    if security == "tls":
        options = {"ssl_context": server}
    box = Mailbox()
    trusting = ssl.create_default_context(cafile=str(certificate))
    with serving(box, **options) as port:
        settings = {"HOST": "127.0.0.1", "PORT": str(port), "FROM": "c@d.fr", "SECURITY": security}
        Smtp(settings, timeout=2, context=trusting).send(MESSAGE, key=KEY, now=NOW)
        with pytest.raises(Transient, match=r"(?i)certificate"):
            Smtp(settings, timeout=2).send(MESSAGE, key=KEY, now=NOW)
    assert len(box.mails) == 1
    assert security == "tls" or box.mails[0][1]


def test_a_server_without_starttls_gets_nothing_in_the_open() -> None:
    box = Mailbox()
    with serving(box) as port, pytest.raises(Transient, match="STARTTLS"):
        client(port, SECURITY="starttls").send(MESSAGE, key=KEY, now=NOW)
    assert box.mails == []


@pytest.mark.parametrize(
    "hostile",
    [
        "Rappel\r\nBcc: evil@x.fr",
        "Rappel\nBcc: evil@x.fr\n\nbody",
        "Rappel\rBcc: evil@x.fr",
        "Rappel\u2028Bcc: evil@x.fr\x0b\x85Bcc: evil@x.fr",
        "Rappel \ud800 \x00 \u202e",
        "=?utf-8?q?a=0D=0ABcc:_evil@x.fr?=",
        "=\x00?utf-8?b?YQ0KQmNjOiBldmlsQHguZnI=?= é",
        "é" * 300 + "\r\nBcc: evil@x.fr",
    ],
)
def test_text_from_outside_cannot_become_a_header(hostile: str) -> None:
    message = replace(MESSAGE, subject=hostile, text=hostile, html=hostile)
    data = message_bytes(
        message, sender="c@dupont.fr", key=KEY, now=NOW, attachments=[(hostile + ".pdf", b"x")]
    )
    head = data.split(b"\r\n\r\n")[0]
    names = re.findall(rb"(?m)^([A-Za-z-]+):", head)
    assert sorted(names) == sorted(
        b"From To Cc Subject Date Message-ID Auto-Submitted MIME-Version Content-Type".split()
    )
    data.decode("ascii")
    assert b"\n" not in data.replace(b"\r\n", b"")
    mail = message_from_bytes(data, policy=policy.default)
    assert len(list(mail.walk())) == 5


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b@c.fr",
        "a@x.fr,b@y.fr",
        "a@x.fr>\r\nRCPT TO:<b@y.fr",
        "a b@x.fr",
        "é@x.fr",
        "Bob <a@x.fr>",
        "a@x..fr",
        "a@-\u202e.fr",
        "@x.fr",
        "a@",
    ],
)
def test_an_address_that_is_none_is_rejected_before_any_connection(address: str) -> None:
    for message in (replace(MESSAGE, to=(address,)), replace(MESSAGE, cc=(address,))):
        with pytest.raises(Rejected) as caught:
            client(1).send(message, key=KEY, now=NOW)
        assert "\n" not in str(caught.value)
        assert "\u202e" not in str(caught.value)


def test_a_message_to_nobody_is_rejected() -> None:
    with pytest.raises(Rejected, match="no recipient"):
        client(1).send(replace(MESSAGE, to=()), key=KEY, now=NOW)


def test_a_domain_of_any_script_is_reached_once() -> None:
    box = Mailbox()
    with serving(box) as port:
        message = replace(MESSAGE, to=("a@société.fr", "a@xn--socit-esab.fr"), cc=())
        client(port).send(message, key=KEY, now=NOW)
    assert box.mails[0][0].rcpt_tos == ["a@xn--socit-esab.fr"]


def test_the_firms_name_cannot_become_a_header() -> None:
    sender = "=?utf-8?q?a=0D=0ABcc:_evil@x.fr?= <c@dupont.fr>"
    data = message_bytes(MESSAGE, sender=sender, key=KEY, now=NOW)
    assert not re.search(rb"(?mi)^bcc", data.split(b"\r\n\r\n")[0])


@pytest.mark.parametrize(
    "name", ["Société Dupont Paris, SARL", "Dupont, Inc.", "Été " * 30 + ", x; y", "Dupont"]
)
def test_the_firms_name_survives_whatever_it_holds(name: str) -> None:
    data = message_bytes(MESSAGE, sender=f"{name} <c@dupont.fr>", key=KEY, now=NOW)
    found = message_from_bytes(data, policy=policy.default)["From"].addresses
    assert [address.addr_spec for address in found] == ["c@dupont.fr"]
    # Python's parser, unlike a mail program, puts blanks where a long name was folded.
    assert "".join(found[0].display_name.split()) == "".join(name.split())


def test_problems_are_told_all_at_once() -> None:
    assert problems({}) == []
    good = {"HOST": "mail.firm.fr", "FROM": "Dupont SARL <c@d.fr>", "USER": "u", "PASSWORD": "p"}
    assert problems(good) == []
    assert problems(good | {"SECURITY": "tls", "PORT": "465"}) == []
    bad = {"HOST": "smtp://x", "FROM": "nobody", "SECURITY": "ssl", "USER": "u", "PORT": "x"}
    told = "\n".join(problems(bad))
    for name in ("HOST", "FROM", "SECURITY", "PASSWORD", "PORT"):
        assert f"RELANCE_SMTP_{name}" in told
    assert len(problems({"USER": "u"})) == 3
    with pytest.raises(ConfigError) as caught:
        Smtp(bad)
    assert caught.value.problems == tuple(problems(bad))


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("mail.firm.fr", False),
        ("192.168.1.4", False),
        ("localhost.evil.fr", False),
    ],
)
def test_only_this_machine_is_spoken_to_in_the_open(host: str, allowed: bool) -> None:
    told = problems({"HOST": host, "FROM": "c@d.fr", "SECURITY": "none"})
    assert (told == []) is allowed


# ---- a mailbox opened with OAuth 2 tokens


class Guarded(Mailbox):
    """A mailbox opened by AUTH XOAUTH2 alone, as Google's and Microsoft's are; `tried` are tokens."""

    def __init__(self, opens: Callable[[], str], user: str = "compta@dupont.fr") -> None:
        super().__init__()
        self.opens, self.user = opens, user
        self.tried: list[str] = []
        self.initial: list[bool] = []
        self.answered: list[bytes] = []
        self.refusal = "535 5.7.8 Username and Password not accepted"

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        self.initial.append(len(args) == 2)
        given = args[1] if len(args) == 2 else await server.challenge_auth("")
        words = base64.b64decode(given) if isinstance(given, str) else bytes(given)  # type: ignore[arg-type]
        user, bearer, *_ = words.decode().split("\x01")
        token = bearer.removeprefix("auth=Bearer ")
        self.tried.append(token)
        if (user, token) == (f"user={self.user}", self.opens()):
            return AuthResult(success=True)
        why = json.dumps({"status": "400", "schemes": "bearer", "echo": token})
        answer = await server.challenge_auth(why)
        self.answered.append(bytes(answer))  # type: ignore[arg-type]
        return AuthResult(success=False, handled=False, message=self.refusal)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    """The file that holds the refresh token."""
    file = tmp_path / "refresh"
    file.write_text("refresh-0\n", encoding="utf-8")
    with locks(tmp_path / "locks"):
        yield file


@contextmanager
def guarded(certificate: Path, box: Guarded) -> Iterator[int]:
    """The mailbox over STARTTLS, which it insists on."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    with serving(
        box,
        tls_context=server,
        require_starttls=True,
        auth_required=True,
        auth_exclude_mechanism=["LOGIN", "PLAIN"],
    ) as port:
        yield port


def by_token(port: int, certificate: Path, tokens: Tokens, kept: Path) -> Smtp:
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "FROM": "compta@dupont.fr"}
    settings |= {"USER": "compta@dupont.fr", "CLIENT_ID": "relance", "TOKEN_URL": tokens.url}
    settings |= {"REFRESH_TOKEN": f"file:{kept}"}
    access = AccessTokens(
        "smtp 127.0.0.1",
        Client(token_url=tokens.url, id="relance"),
        NamedTokens({REFRESH: (f"file:{kept}", "RELANCE_SMTP_REFRESH_TOKEN")}),
        mend="sign in again",
    )
    trusting = ssl.create_default_context(cafile=str(certificate))
    return Smtp(settings, access, timeout=5, context=trusting)


def test_a_mailbox_opens_with_a_token_which_is_kept(certificate: Path, kept: Path) -> None:
    with handing_out(Tokens()) as tokens:
        box = Guarded(lambda: tokens.access)
        with guarded(certificate, box) as port:
            smtp = by_token(port, certificate, tokens, kept)
            for key in (KEY, KEY[::-1]):
                smtp.send(MESSAGE, key=key, now=NOW)
    assert box.tried == ["access-1", "access-1"]
    assert box.initial == [True, True]
    assert len(tokens.asked) == 1
    assert [secure for _, secure in box.mails] == [True, True]


def test_a_token_that_was_taken_back_is_renewed_once(certificate: Path, kept: Path) -> None:
    """The first is refused; the challenge is answered; the next one opens, and is written back."""
    with handing_out(Tokens(rotates=True)) as tokens:
        box = Guarded(lambda: "access-2")
        with guarded(certificate, box) as port:
            by_token(port, certificate, tokens, kept).send(MESSAGE, key=KEY, now=NOW)
    assert box.tried == ["access-1", "access-2"]
    assert box.answered == [b""]
    assert kept.read_text() == "refresh-2\n"
    assert len(box.mails) == 1


def test_a_mailbox_that_stays_closed_is_for_a_person(certificate: Path, kept: Path) -> None:
    with handing_out(Tokens()) as tokens:
        box = Guarded(lambda: "none of ours")
        with guarded(certificate, box) as port, pytest.raises(AuthRequired) as caught:
            by_token(port, certificate, tokens, kept).send(MESSAGE, key=KEY, now=NOW)
    told = str(caught.value)
    assert box.tried == ["access-1", "access-2"]
    assert "535 5.7.8" in told
    assert '"status": "400"' in told
    assert "RELANCE_SMTP_USER" in told
    assert not any(secret in told for secret in ("access-", "refresh-"))
    assert box.mails == []


def test_a_sign_in_refused_for_now_is_tried_later(certificate: Path, kept: Path) -> None:
    with handing_out(Tokens()) as tokens:
        box = Guarded(lambda: "none of ours")
        box.refusal = "454 4.7.0 Temporary authentication failure"
        with guarded(certificate, box) as port, pytest.raises(Transient, match=r"454 4\.7\.0"):
            by_token(port, certificate, tokens, kept).send(MESSAGE, key=KEY, now=NOW)
    assert len(box.tried) == 1


def test_a_revoked_sign_in_asks_no_mail_server(certificate: Path, kept: Path) -> None:
    with handing_out(Tokens(good="another")) as tokens:
        box = Guarded(lambda: tokens.access)
        with guarded(certificate, box) as port, pytest.raises(AuthRequired, match="invalid_grant"):
            by_token(port, certificate, tokens, kept).send(MESSAGE, key=KEY, now=NOW)
    assert box.tried == []


def test_a_long_token_is_sent_after_the_command(certificate: Path, kept: Path) -> None:
    long = "x" * 400
    with handing_out(Tokens()) as tokens:
        tokens.answer = (200, json.dumps({"access_token": long, "expires_in": 3600}), {})
        box = Guarded(lambda: long)
        with guarded(certificate, box) as port:
            by_token(port, certificate, tokens, kept).send(MESSAGE, key=KEY, now=NOW)
    assert box.initial == [False]
    assert len(box.mails) == 1


def test_a_server_that_knows_no_tokens_gets_none(certificate: Path, kept: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    with (
        handing_out(Tokens()) as tokens,
        serving(Mailbox(), tls_context=server, require_starttls=True) as port,
        pytest.raises(AuthRequired, match="does not offer XOAUTH2"),
    ):
        by_token(port, certificate, tokens, kept).send(MESSAGE, key=KEY, now=NOW)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ()),
        ({"TOKEN_URL": "microsoft", "CLIENT_SECRET": "keyring:relance/s", "SCOPE": "x"}, ()),
        ({"TOKEN_URL": "https://login.example/token"}, ()),
        ({"TOKEN_URL": "http://127.0.0.1:8080/token"}, ()),
        ({"TOKEN_URL": "http://login.example/token"}, ("TOKEN_URL is",)),
        ({"TOKEN_URL": "yahoo"}, ("TOKEN_URL is",)),
        ({"PASSWORD": "keyring:relance/p"}, ("PASSWORD is one way to sign in",)),
        ({"USER": ""}, ("USER is missing",)),
        (
            {"CLIENT_ID": "", "REFRESH_TOKEN": ""},
            ("CLIENT_ID is missing", "REFRESH_TOKEN is missing"),
        ),
        ({"REFRESH_TOKEN": "env:TOKEN"}, ("REFRESH_TOKEN: its server may replace it",)),
        ({"REFRESH_TOKEN": "1//0abc"}, ("REFRESH_TOKEN: its server may replace it",)),
        ({"REPLY_TO": "Claire <c@d.fr>", "BLIND_COPY": "copies@d.fr"}, ()),
        ({"REPLY_TO": "nobody"}, ("REPLY_TO: ",)),
        ({"BLIND_COPY": "nobody"}, ("BLIND_COPY: ",)),
        ({"BLIND_COPY": "Copies <copies@d.fr>"}, ("BLIND_COPY is",)),
    ],
)
def test_the_two_ways_to_sign_in_are_not_mixed(
    changed: dict[str, str], told: tuple[str, ...]
) -> None:
    good = {"HOST": "smtp.gmail.com", "FROM": "c@d.fr", "USER": "c@d.fr", "TOKEN_URL": "google"}
    good |= {"CLIENT_ID": "1.apps", "REFRESH_TOKEN": "keyring:relance/mail"}
    given = {name: value for name, value in (good | changed).items() if value}
    found = problems(given)
    assert len(found) == len(told)
    for problem, words in zip(found, told, strict=True):
        assert problem.startswith(f"RELANCE_SMTP_{words}")
        assert "1//0abc" not in problem
