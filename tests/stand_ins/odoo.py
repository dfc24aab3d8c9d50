"""A stand-in for Odoo on loopback: it keeps what is written, and answers as the recorded servers.

Version 17 speaks JSON-RPC, version 19 also JSON-2. What it does not know it refuses with the errors
of the real ones: an unknown field fails the whole call, a missing right is told by name.
"""

import html
import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import RLock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.stand_ins.odoo_model import MODELS, Row, condition, empty, fields_of

PDF = b"%PDF-1.4 the invoice as wkhtmltopdf makes it"
PAGE = "<!DOCTYPE html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
CLOSE = {"type": "ir.actions.act_window_close"}
NOTE, COMMENT = 2, 1  # subtypes


class Fault(Exception):
    """An exception of the server's, by its name; `status` is that of JSON-2."""

    def __init__(self, name: str, message: str, status: int) -> None:
        super().__init__(message)
        self.name, self.message, self.status = name, message, status


def refused(message: str) -> Fault:
    return Fault("odoo.exceptions.AccessError", message, 403)


class OdooServer:
    """One database of one server. `fail` makes the next calls of a method go wrong:

    `cut`: done, the answer breaks off; `lost`: done, no answer; `never`: closed before it is done.
    """

    def __init__(
        self, version: int = 19, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.version, self.clock = version, clock
        self.database, self.user, self.password, self.key = "mirabelle", "sync", "secret", "k" * 40
        self.uid = 5
        self.tables: dict[str, dict[int, Row]] = {model: {} for model in MODELS}
        self.installed = set(MODELS)
        self.unreadable: set[str] = set()  # models that the user has no right to
        self.calls: Counter[tuple[str, str]] = Counter()
        self.fail: dict[str, list[str]] = {}
        self.sent: list[Row] = []
        self.dead: set[str] = set()  # addresses that the mail server refuses
        self.blacklist: set[str] = set()
        self.smtp, self.database_up, self.wkhtmltopdf = True, True, True
        self.rpc_failures: list[object] = []
        self._lock = RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    # --- the records, as a bookkeeper makes them -------------------------------------------------

    def now(self) -> str:
        return self.clock().strftime("%Y-%m-%d %H:%M:%S")

    def add(self, model: str, /, **values: Any) -> int:
        """A new record; stamps are the clock's unless they are given."""
        table = self.tables[model]
        number = int(values.pop("id", 0)) or next(reversed(table), 0) + 1
        stamps = {"create_date": self.now(), "write_date": self.now()}
        table[number] = {"id": number, **stamps, **values}
        return number

    def change(self, model: str, number: int, /, **values: Any) -> None:
        """A record written anew, with its stamp."""
        self.tables[model][number].update({"write_date": self.now(), **values})

    def get(self, model: str, number: int) -> Row:
        return self.tables[model][number]

    # --- the methods that can be called ----------------------------------------------------------

    def execute(self, model: str, method: str, given: dict[str, Any]) -> object:
        """The result of a method whose arguments all have names."""
        self.calls[model, method] += 1
        context = given.pop("context", None) or {}
        self._check(model, method, context)
        public = getattr(self, f"_do_{method}", None)
        if not public:
            name = "werkzeug.exceptions.NotFound"
            raise Fault(name, f"The method '{model}.{method}' does not exist", 404)
        return public(model, context, **given)

    def _check(self, model: str, method: str, context: Row) -> None:
        if model not in self.installed:
            text = f"Object {model} doesn't exist"
            raise Fault("odoo.exceptions.UserError", text, 404)
        if method.startswith("_"):
            raise refused(
                f"Private methods (such as '{model}.{method}') cannot be called remotely."
            )
        reading = method in ("search_read", "read", "search", "search_count", "create")
        if reading and model in self.unreadable:
            raise refused(f"Vous n'êtes pas autorisé à accéder aux enregistrements ({model}).")
        asked = set(context.get("allowed_company_ids", ()))
        if not asked <= set(self.get("res.users", self.uid)["company_ids"]):
            raise refused("Access to unauthorized or invalid companies.")

    def _found(self, model: str, domain: list[Any], context: Row) -> list[Row]:
        known = fields_of(model, self.version)
        for term in domain:
            if isinstance(term, list) and term[0].partition(".")[0] not in known:
                text = f"Invalid field {model}.{term[0]} in condition {tuple(term)}"
                raise Fault("builtins.ValueError", text, 500)
        rows = list(self.tables[model].values())
        if "active" in known and context.get("active_test", True):
            rows = [row for row in rows if row.get("active", True)]
        if "company_id" in known and (allowed := context.get("allowed_company_ids")):
            rows = [row for row in rows if row.get("company_id") in (*allowed, False, None)]
        return list(filter(condition(self.tables, model, domain), rows))

    def _shown(self, model: str, rows: list[Row], fields: list[str]) -> list[Row]:
        known = fields_of(model, self.version)
        for name in fields:
            if name not in known:
                text = f"Invalid field '{name}' on '{model}'"
                raise Fault("builtins.ValueError", text, 500)
        kinds = [(name, known[name]) for name in fields]
        return [
            {"id": row["id"], **{name: self._value(row, name, kind) for name, kind in kinds}}
            for row in rows
        ]

    def _value(self, row: Row, name: str, kind: str) -> object:
        value = row.get(name, empty(kind))
        if name == "is_blacklisted":
            return row.get("email") in self.blacklist
        if value and kind in MODELS:
            return [value, self.tables[kind][value].get("name") or f"{kind},{value}"]
        return float(value) if kind == "monetary" else value

    def _do_search(self, model: str, context: Row, **asked: Any) -> list[int]:
        asked.setdefault("fields", ["id"])
        return [row["id"] for row in self._do_search_read(model, context, **asked)]

    def _do_search_count(self, model: str, context: Row, domain: list[Any]) -> int:
        return len(self._found(model, domain, context))

    def _do_search_read(
        self,
        model: str,
        context: Row,
        domain: list[Any],
        fields: list[str],
        order: str = "id",
        limit: int | None = None,
    ) -> list[Row]:
        self._shown(model, [], fields)
        rows = self._found(model, domain, context)
        name, _, way = order.partition(" ")
        rows.sort(key=lambda row: (row.get(name) or "", row["id"]) if name != "id" else row["id"])
        if way == "desc":
            rows.reverse()
        return self._shown(model, rows[:limit], fields)

    def _do_read(self, model: str, context: Row, ids: list[int], fields: list[str]) -> list[Row]:
        table = self.tables[model]
        return self._shown(model, [table[n] for n in ids if n in table], fields)

    def _do_fields_get(
        self, model: str, context: Row, allfields: list[str], attributes: list[str]
    ) -> Row:
        known = fields_of(model, self.version)
        return {name: {"type": known[name]} for name in allfields if name in known}

    def _do_context_get(self, model: str, context: Row) -> Row:
        user = self.get("res.users", self.uid)
        return {"lang": user.get("lang", False), "tz": user.get("tz", False), "uid": self.uid}

    def _do_has_access(self, model: str, context: Row, ids: list[int], operation: str) -> bool:
        if self.version < 18:
            raise Fault("builtins.AttributeError", "has_access", 404)
        return model not in self.unreadable

    def _do_check_access_rights(
        self, model: str, context: Row, operation: str, raise_exception: bool
    ) -> bool:
        if self.version > 18:
            raise Fault("builtins.AttributeError", "check_access_rights", 404)
        return model not in self.unreadable

    def _do_get_base_url(self, model: str, context: Row, ids: list[int]) -> str:
        return "https://portal.mirabelle.example"

    def _do_get_wkhtmltopdf_state(self, model: str, context: Row) -> str:
        return "ok" if self.wkhtmltopdf else "install"

    def _do_create(self, model: str, context: Row, vals_list: list[Row]) -> list[int]:
        known = fields_of(model, self.version)
        made = []
        for values in vals_list:
            if strange := values.keys() - known:
                text = f"Invalid field {strange} on model {model}"
                raise Fault("builtins.ValueError", text, 500)
            kept = {k: v[0][2] if known[k].startswith("[") else v for k, v in values.items()}
            made.append(self.add(model, **kept))
        return made

    def _do_get_portal_url(
        self, model: str, context: Row, ids: list[int], report_type: str, download: bool
    ) -> str:
        (number,) = ids
        if not self.get(model, number).get("access_token"):  # a write: the stamp moves
            self.change(model, number, access_token=f"token-{number}")
        token = self.get(model, number)["access_token"]
        return f"/my/invoices/{number}?access_token={token}&report_type={report_type}&download=true"

    def _do_message_post(
        self,
        model: str,
        context: Row,
        ids: list[int],
        body: str,
        message_type: str,
        subtype_xmlid: str,
        body_is_html: bool = False,
    ) -> object:
        (number,) = ids
        if number not in self.tables[model]:
            raise Fault("odoo.exceptions.MissingError", "L'enregistrement n'existe pas", 404)
        kept = sanitised(body) if body_is_html else f"<p>{html.escape(body)}</p>"
        subtype = NOTE if subtype_xmlid == "mail.mt_note" else COMMENT
        made = self.post(number, kept, subtype=subtype, message_type=message_type)
        return [made] if self.version >= 19 else made

    def post(self, number: int, body: str, *, subject: object = False, **values: Any) -> int:
        """A message on an invoice."""
        subtype = values.pop("subtype", COMMENT)
        return self.add(
            "mail.message",
            model="account.move",
            res_id=number,
            subject=subject,
            body=body,
            date=self.now(),
            subtype_id=subtype,
            **values,
        )

    def _do_action_send_mail(self, model: str, context: Row, ids: list[int]) -> Row:
        composer = self.get(model, ids[0])
        if "{{" in composer["subject"] + composer["body"] or re.search(
            r"<t[\s>]|\st-\w+=", composer["body"]
        ):
            raise refused("Only members of the group Mail Template Editor may use expressions.")
        for attachment in composer["attachment_ids"]:
            if self.get("ir.attachment", attachment)["res_model"] == "account.move":
                raise refused(
                    "Vous n'êtes pas autorisé à accéder aux enregistrements (ir.attachment)."
                )
        (number,) = json.loads(composer["res_ids"])
        message = self.post(
            number,
            sanitised(composer["body"]),
            subject=composer["subject"],
            message_type="email_outgoing",
        )
        for partner in composer["partner_ids"]:
            self._mail(composer, number, message, partner)
        return CLOSE

    def _mail(self, composer: Row, invoice: int, message: int, partner: int) -> None:
        address = self.get("res.partner", partner).get("email")
        status, failure, reason = "sent", "", ""
        if not address:
            status, failure = "exception", "mail_email_missing"
        elif address in self.blacklist and composer.get("use_exclusion_list", True):
            status, failure = "canceled", "mail_bl"
        elif not self.smtp:
            status, failure, reason = "exception", "mail_smtp", "Connection refused"
        elif address in self.dead:
            reason = f"Échec d'envoi de l'e-mail\nSMTPDataError: (550, {address!r} no such mailbox)"
            status, failure = "exception", "unknown"
        else:
            files = [self.get("ir.attachment", n) for n in composer["attachment_ids"]]
            self.sent.append(
                {
                    "to": address,
                    "subject": composer["subject"],
                    "body": html.unescape(composer["body"]),
                    "invoice": invoice,
                    "files": [(file["name"], file["datas"]) for file in files],
                }
            )
        self.add(
            "mail.notification",
            mail_message_id=message,
            res_partner_id=partner,
            notification_type="email",
            notification_status=status,
            failure_type=failure or False,
            failure_reason=reason,
        )

    # --- HTTP ------------------------------------------------------------------------------------

    def rpc(self, body: Row) -> Row:
        """The answer of /jsonrpc: HTTP 200 in any case."""
        params = body["params"]
        answer: Row = {"jsonrpc": "2.0", "id": body["id"]}
        try:
            result = self._service(params["service"], params["method"], params["args"])
        except Fault as fault:
            data = {"name": fault.name, "message": fault.message, "debug": "Traceback"}
            code = 0 if self.version >= 19 else 200
            return answer | {"error": {"code": code, "message": "Odoo Server Error", "data": data}}
        return answer if result is None else answer | {"result": result}

    def _service(self, service: str, method: str, args: list[Any]) -> object:
        if (service, method) == ("common", "version"):
            return {
                "server_version": f"{self.version}.0",
                "server_version_info": [self.version, 0, 0, "final", 0, ""],
                "server_serie": f"{self.version}.0",
                "protocol_version": 1,
            }
        database = args[0]
        why = "does not exist" if database != self.database else ""
        why = why or ("" if self.database_up else "is not currently accepting connections")
        if why:
            text = f'connection to server failed: FATAL:  database "{database}" {why}\n'
            raise Fault("psycopg2.OperationalError", text, 404)
        if method == "authenticate":
            right = args[1] == self.user and args[2] in (self.password, self.key)
            return self.uid if right else False
        _, uid, secret, model, called, placed, named = args
        if uid != self.uid or secret not in (self.password, self.key):
            raise Fault("odoo.exceptions.AccessDenied", "Access Denied", 403)
        if called == "create":
            named["vals_list"] = placed[0]
        else:
            first = {"fields_get": "allfields", "search_read": "domain", "search": "domain"}
            first["search_count"] = "domain"
            names = [first.get(called, "ids")]
            named |= dict(zip(names, placed, strict=False))
        return self.execute(model, called, named)

    def json2(self, path: str, headers: Any, body: Row) -> tuple[int, object]:
        """Status and answer of /json/2/<model>/<method>; a text is a web page."""
        if self.version < 19 or headers.get("X-Odoo-Database") != self.database:
            return 404, PAGE
        if not self.database_up:
            return 404, PAGE
        if headers.get("Authorization") != f"bearer {self.key}":
            return 401, {"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey"}
        model, method = path.split("/")[3:5]
        if "ids" in body and method in ("search_read", "search", "create", "search_count"):
            return 422, {"name": "odoo.exceptions.UserError", "message": "no ids"}
        try:
            return 200, self.execute(model, method, body)
        except Fault as fault:
            return fault.status, {
                "name": fault.name,
                "message": fault.message,
                "debug": "Traceback",
            }

    def page(self, path: str) -> tuple[int, bytes | str]:
        """What a browser gets."""
        where = urlsplit(path)
        if where.path == "/web/version" and self.version >= 18:
            return 200, json.dumps({"version": f"{self.version}.0"})
        match = re.fullmatch(r"/my/invoices/(\d+)", where.path)
        if not match:
            return 404, PAGE
        row = self.tables["account.move"].get(int(match[1]), {})
        if parse_qs(where.query).get("access_token") != [row.get("access_token")]:
            return 303, ""
        return (200, PDF) if self.wkhtmltopdf else (422, PAGE)


def sanitised(body: str) -> str:
    """HTML as Odoo keeps it: comments and classes stay, data attributes and scripts go."""
    body = re.sub(r"<script.*?</script>", "", body, flags=re.DOTALL)
    return re.sub(r"""\sdata-[\w-]+="[^"]*\"""", "", body)


def _handler(odoo: OdooServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: else each call waits for a delayed ACK
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            method = self.path.rpartition("/")[2]
            if self.path == "/jsonrpc":
                args = body["params"]["args"]
                method = args[4] if len(args) > 4 else body["params"]["method"]
            with odoo._lock:
                faults = odoo.fail.get(method, [])
                fault = faults.pop(0) if faults else ""
                if fault == "never":
                    self.close_connection = True
                    return
                if self.path == "/jsonrpc":
                    status, answer = 200, odoo.rpc(body)
                elif self.path.startswith("/json/2/"):
                    status, answer = odoo.json2(self.path, self.headers, body)  # type: ignore[assignment]
                else:
                    status, answer = 404, PAGE  # type: ignore[assignment]
            if fault == "lost":
                self.close_connection = True
                return
            page = isinstance(answer, str) and status == 404
            content = answer if page else json.dumps(answer)
            kind = "text/html" if page else "application/json"
            self.give(status, str(content).encode(), kind, cut=fault == "cut")

        def do_GET(self) -> None:
            status, answer = odoo.page(self.path)
            content = answer.encode() if isinstance(answer, str) else answer
            self.give(
                status, content, "text/html" if isinstance(answer, str) else "application/pdf"
            )

        def give(self, status: int, content: bytes, kind: str, *, cut: bool = False) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            if status == 303:
                self.send_header("Location", "/my")
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if cut else content)
            self.close_connection = cut

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
