"""A token server on this machine, as a mail provider or a product has one."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


@dataclass
class Tokens:
    """Hands out access tokens; `good` is the refresh token it takes, `rotates` says it is new then.

    `answer` replaces the next answers: status, body and headers. `asked` are the forms it got, with
    the client's credentials as `basic`.
    """

    good: str = "refresh-0"
    rotates: bool = False
    life: object = 3600
    answer: tuple[int, str, dict[str, str]] | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    @property
    def access(self) -> str:
        """The access token handed out last."""
        return f"access-{len(self.asked)}"

    def reply(self, form: dict[str, str]) -> tuple[int, str, dict[str, str]]:
        self.asked.append(form)
        if self.answer:
            return self.answer
        if form.get("refresh_token") != self.good:
            words = f"Token {form.get('refresh_token')} has been expired or revoked."
            return 400, json.dumps({"error": "invalid_grant", "error_description": words}), {}
        told = {"access_token": self.access, "token_type": "Bearer", "expires_in": self.life}
        if self.rotates:
            self.good = told["refresh_token"] = f"refresh-{len(self.asked)}"
        return 200, json.dumps(told), {}


@contextmanager
def handing_out(tokens: Tokens) -> Iterator[Tokens]:
    """The server, at `tokens.url` while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            form = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode()).items()}
            basic = self.headers.get("Authorization", "").removeprefix("Basic ")
            status, body, headers = tokens.reply(form | {"basic": base64.b64decode(basic).decode()})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    tokens.url = f"http://127.0.0.1:{server.server_address[1]}/token"
    try:
        yield tokens
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
