"""A real IMAP server on loopback: Dovecot, run by nobody in particular, in a folder of its own."""

import grp
import imaplib
import os
import pwd
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from imap_tools.utils import encode_folder

DOVECOT = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PASSWORD = "s3cret-mailbox"
NOBODY = 65534  # Dovecot serves no mail to root

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.pem
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
namespace inbox {{
  inbox = yes
}}
"""


@dataclass(frozen=True)
class Box:
    """One user's mailbox on the server."""

    user: str
    port: int
    tls: int
    certificate: Path

    def settings(self, **more: str) -> dict[str, str]:
        """How to reach it in the open, by the short names of the settings."""
        given = {"HOST": "127.0.0.1", "PORT": str(self.port), "SECURITY": "none"}
        return given | {"USER": self.user, "PASSWORD": PASSWORD} | more

    def deliver(self, mail: bytes, at: datetime | None = None, folder: str = "INBOX") -> None:
        """Put a mail there; `at` is when it came, now if not given."""
        when = f'"{at:%d-%b-%Y %H:%M:%S %z}"' if at else ""
        with self.signed_in() as client:
            client.create(encode_folder(folder))  # type: ignore[arg-type]
            told, said = client.append(
                encode_folder(folder),
                "",
                when,
                mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
            )
            assert told == "OK", said

    def flags(self, folder: str = "INBOX") -> list[str]:
        """The flags of each message, as they stand."""
        with self.signed_in() as client:
            client.select(folder, readonly=True)
            _, found = client.fetch("1:*", "(FLAGS)")
        return [
            re.sub(rb".*FLAGS \((.*?)\).*", rb"\1", line).decode()
            for line in found
            if isinstance(line, bytes)
        ]

    def forget(self, folder: str = "INBOX") -> None:
        """The folder is made anew: its numbers begin again, under another UIDVALIDITY."""
        with self.signed_in() as client:
            client.select(folder)
            _, found = client.fetch("1:*", "(BODY.PEEK[] INTERNALDATE)")
            mails = [(item[0], item[1]) for item in found if isinstance(item, tuple)]
            client.close()
            client.rename(folder, f"old-{time.monotonic_ns()}")
            client.create(folder)
            for told, content in mails:
                date = re.search(rb'INTERNALDATE ("[^"]+")', told)
                assert date
                client.append(folder, "", date[1].decode(), content)

    @contextmanager
    def signed_in(self) -> Iterator[imaplib.IMAP4]:
        client = imaplib.IMAP4("127.0.0.1", self.port)
        try:
            client.login(self.user, PASSWORD)
            yield client
        finally:
            client.logout()


class Dovecot:
    """A running server; every user name is one, with an empty mailbox of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plain, self.tls = _free_port(), _free_port()
        self.users = 0
        root = os.getuid() == 0
        uid, gid = (NOBODY, NOBODY) if root else (os.getuid(), os.getgid())
        folder.chmod(0o755)
        certify(folder / "server.pem")
        (folder / "mail").mkdir()
        config = folder / "dovecot.conf"
        config.write_text(
            CONFIG.format(
                folder=folder,
                user=pwd.getpwuid(uid).pw_name,
                group=grp.getgrgid(gid).gr_name,
                uid=uid,
                gid=gid,
                plain=self.plain,
                tls=self.tls,
                password=PASSWORD,
            ),
            encoding="utf-8",
        )
        if root:
            for path in (folder, *folder.iterdir()):
                os.chown(path, uid, gid)
        assert DOVECOT
        more = {"user": uid, "group": gid, "extra_groups": []} if root else {}
        self.process = subprocess.Popen(
            [DOVECOT, "-F", "-c", str(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **more,  # type: ignore[call-overload]
        )
        self._wait()

    def box(self) -> Box:
        """A mailbox that nobody has used."""
        self.users += 1
        user = f"compta{self.users}@dupont.example"
        return Box(user, self.plain, self.tls, self.folder / "server.pem")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout
        self.process.stdout.close()

    def _wait(self) -> None:
        for _ in range(200):
            if self.process.poll() is not None:
                assert self.process.stdout
                raise AssertionError(self.process.stdout.read())
            try:
                socket.create_connection(("127.0.0.1", self.plain), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text(encoding="utf-8"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certify(file: Path) -> None:
    """A key and a certificate of its own for 127.0.0.1, in one file."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(here, False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))


def trusting(box: Box) -> ssl.SSLContext:
    """A context that knows the server's certificate."""
    return ssl.create_default_context(cafile=str(box.certificate))


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """The server, where Debian's dovecot-imapd 2.3 is installed."""
    if DOVECOT is None:
        pytest.skip("dovecot is not there: apt-get install dovecot-imapd")
    version = subprocess.run([DOVECOT, "--version"], capture_output=True, text=True).stdout
    if not version.startswith("2.3"):
        pytest.skip(f"dovecot {version.split()[0]} reads another configuration than 2.3")
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))  # short: sockets have short names
    server = Dovecot(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def box(dovecot: Dovecot) -> Box:
    """An empty mailbox."""
    return dovecot.box()
