"""A server of the books over HTTP: two ways of paging, other people's edits, and faults.

    GET /invoices?size=100&after=STAMP&id=ID        keyset: what follows a place
    GET /invoices?size=100&page=3&since=STAMP       page numbers

Both answer `{"total": …, "more": …, "invoices": […]}`, ordered by change stamp, then id.

    GET /customers/ID                               a customer with the open invoices
    POST /mails                                     a mail sent; Idempotency-Key is honoured or not
    GET /mails?invoices=ID,ID                       the mails that went about these invoices
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.benchmarks.data import COLLECTIONS, Books

WEB_PAGE = b"<html><body>Please sign in</body></html>"


@dataclass
class Faults:
    """What goes wrong: shares of the requests, requests by number, edits while somebody reads.

    `rate` calls are taken in `period` seconds. `at` names the fault of the n-th request: `500`,
    `drop`, `cut`, `page` or `hang`, which never answers. `lost` and `after` do what was asked and
    then give no answer or a 500. `only` leaves all requests for other things alone and uncounted.
    """

    p500: float = 0
    drop: float = 0
    cut: float = 0
    lost: float = 0
    after: float = 0
    only: str = ""
    keys: bool = True  # a mail with a key that is known is not sent again
    rate: int = 0
    period: float = 1
    at: dict[str, str] = field(default_factory=dict)
    edit_every: int = 0
    edit_rows: int = 5
    seed: int = 1


class Api:
    """The state of the server: its books, its faults, and what it has counted."""

    def __init__(self, books: Books) -> None:
        self.books, self.lock = books, Lock()
        self.mails: list[dict[str, Any]] = []
        self._known: set[str] = set()
        self.released = Event()
        self.set(Faults())

    def set(self, faults: Faults) -> None:
        """Other faults from now on, and counts from zero."""
        self.faults, self.draw = faults, random.Random(faults.seed)
        self.requests, self.refused, self.edits = 0, 0, 0
        self.faulted: dict[str, int] = {}
        self._window, self._used = 0.0, 0
        self.released.set()
        self.released = Event()

    def get(self, path: str, query: dict[str, str]) -> tuple[str, bytes]:
        """What becomes of a request, `200` if nothing, and the body of its answer."""
        with self.lock:
            name, _, key = path.strip("/").partition("/")
            fault = self._met(name)
            if name == "mails":
                return fault or "200", self._sent(query["invoices"].split(","))
            if name not in COLLECTIONS:
                return "404", b"{}"
            if key:
                return fault or "200", self.books.account(key).encode()
            every = self.faults.edit_every
            if every and name == "invoices" and self.requests % every == 0:
                self.edits += 1
                self.books.edit(self.faults.edit_rows, self.faults.seed * 1_000 + self.edits)
            return fault or "200", self._told(name, query)

    def post(self, path: str, body: bytes, key: str) -> tuple[str, bytes]:
        """What becomes of a call that sends a mail."""
        with self.lock:
            fault = self._met("send")
            if path != "/mails":
                return "404", b"{}"
            if fault in ("", "lost", "after") and not (self.faults.keys and key in self._known):
                self.mails.append(json.loads(body))
                self._known |= {key} - {""}
            status = {"": "200", "lost": "drop", "after": "500"}.get(fault, fault)
            return status, json.dumps({"id": f"m{len(self.mails)}"}).encode()

    def _sent(self, invoices: list[str]) -> bytes:
        found = [mail for mail in self.mails if not set(invoices).isdisjoint(mail["invoices"])]
        return json.dumps({"mails": found}).encode()

    def _met(self, name: str) -> str:
        """Count a request; the fault it meets, empty for none."""
        if self.faults.only not in ("", name):
            return ""
        self.requests += 1
        fault = self._fault()
        if fault:
            self.faulted[fault] = self.faulted.get(fault, 0) + 1
        return fault

    def _told(self, name: str, query: dict[str, str]) -> bytes:
        size = int(query.get("size", "100"))
        if "page" in query:
            number = int(query["page"])
            rows, total = self.books.page(name, query.get("since", ""), number, size)
            more = number * size < total
        else:
            rows, total = self.books.after(name, query.get("after", ""), query.get("id", ""), size)
            more = len(rows) < total
        head = {"total": total, "more": more, "newest": self.books.newest(name)}
        return f'{json.dumps(head)[:-1]},"{name}":[{",".join(rows)}]}}'.encode()

    def _fault(self) -> str:
        faults, share = self.faults, self.draw.random()
        if faults.rate:
            now = time.monotonic()
            if now - self._window >= faults.period:
                self._window, self._used = now, 0
            self._used += 1
            if self._used > faults.rate:
                return "429"
        for name in ("p500", "drop", "cut", "lost", "after"):
            share -= getattr(faults, name)
            if share < 0:
                return name.removeprefix("p")
        return faults.at.get(str(self.requests), "")

    def control(self, path: str, query: dict[str, str], body: bytes) -> dict[str, Any]:
        """What a benchmark asks of the server beside reading: none of it counts as a request."""
        with self.lock:
            if path == "/control/edit":
                return {"edited": len(self.books.edit(int(query["rows"]), int(query["seed"])))}
            if path == "/control/faults":
                self.set(Faults(**json.loads(body or b"{}")))
                return {}
            if path == "/control/truth":
                return dict(self.books.truth())
            return {"requests": self.requests, "faults": self.faulted}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    api: Api

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if url.path.startswith("/control/"):
            self._send(200, json.dumps(self.api.control(url.path, query, body)).encode())
            return
        if self.command == "POST":
            key = self.headers.get("Idempotency-Key", "")
            what, told = self.api.post(url.path, body, key)
        else:
            what, told = self.api.get(url.path, query)
        if what == "hang":
            self.api.released.wait()
        if what in ("drop", "hang"):
            self.close_connection = True
        elif what == "cut":
            self._send(200, told, end=len(told) // 2)
        elif what == "page":
            self._send(200, WEB_PAGE)
        elif what == "429":
            wait = max(1, round(self.api.faults.period))
            self._send(429, b"{}", more=f"Retry-After: {wait}\r\n")
        else:
            self._send(int(what), told if what == "200" else b'{"error":"it went wrong"}')

    do_POST = do_GET  # noqa: N815

    def _send(self, status: int, body: bytes, *, more: str = "", end: int | None = None) -> None:
        kind = "text/html" if body[:1] == b"<" else "application/json"
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        self.wfile.write(f"{head}{more}\r\n".encode() + body[:end])
        self.close_connection = self.close_connection or end is not None

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the counts tell."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours; anything else is."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _server(api: Api, port: int = 0) -> ThreadingHTTPServer:
    return _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"api": api}))


@contextmanager
def serving(books: Books) -> Iterator[tuple[Api, str]]:
    """The server in a thread of this process, with its address."""
    api = Api(books)
    server = _server(api)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield api, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """A process of its own; its first line is the address."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--invoices", type=int, default=100_000)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    server = _server(Api(Books(given.invoices)), given.port)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
