"""A Dolibarr on loopback that answers as the recorded servers of versions 19 and 23 do.

It keeps books: what is written is there to be read, a payment lowers what is left to pay, and a
row's stamp moves when, and only when, the recorded servers moved it.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from operator import eq, ge, gt, le, lt, ne
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

KEY = "0123456789abcdef0123456789abcdef"
ADMIN = "fedcba9876543210fedcba9876543210"
RIGHTS = frozenset({11, 121, 262, 281, 2401, 2402})
API_OFF = (
    "Le module <b>Api</b> doit &ecirc;tre activ&eacute; pour utiliser cette fonction..<br><br>"
    "Pour activer des modules, aller dans l'espace Configuration (Accueil->Configuration->Modules)."
)
DATABASE_DOWN = (
    "Dolibarr has detected a technical error.<br>\nThis information can be useful for diagnostic "
    "purposes (you can set option $dolibarr_main_prod to '1' to hide sensitive information):<br>"
)
NO_API = "API not found (failed to include API file)"
WARNING = '<br />\n<b>Warning</b>:  Undefined array key "x" in <b>/srv/a[1].php</b> on line <b>7</b><br />\n'
PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n"
CRITERION = re.compile(r"\(([a-zA-Z0-9_.]+):([<>!=a-z]+):([^()]+)\)", re.IGNORECASE)

Row = dict[str, Any]


class Refused(Exception):
    """An answer that is an error; its status and words."""


@dataclass(kw_only=True)
class User:
    id: int
    rights: frozenset[int] = RIGHTS
    admin: bool = False
    login: str = "sync"
    sells_to: frozenset[int] = frozenset()  # whom a user without right 262 sees

    def may(self, right: int) -> bool:
        return self.admin or right in self.rights


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    params: Mapping[str, str]


@dataclass(kw_only=True)
class Document:
    """An invoice as the database has it: amounts in the firm's currency."""

    id: int
    ref: str
    type: int
    status: int
    socid: int
    issued: date
    due: date | None
    total: Decimal
    created: int
    tms: int
    paye: int = 0
    close_code: str | None = None
    source: int | None = None
    currency: str = "EUR"
    foreign: Decimal | None = None
    ref_client: str | None = None
    disputed: int = 0
    note_private: str | None = None
    more: Row = field(default_factory=dict)


class Dolibarr:
    """The books and the server; `calls` are those it was asked, in their order.

    `api_off` and `database_down` make every route answer a page. `lose` names a call, such as
    `POST agendaevents`, that is done and whose answer never comes. `dies_after` counts the calls
    until the module API is switched off.
    """

    def __init__(self, version: int = 23, zone: str = "Europe/Paris") -> None:
        self.version, self.zone = version, ZoneInfo(zone)
        self.now = int(datetime(2026, 11, 1, 8, 30, tzinfo=UTC).timestamp())
        self.users = {KEY: User(id=2), ADMIN: User(id=1, admin=True, login="admin")}
        self.modules = {"facture", "societe", "agenda", "documents"}
        self.told_version = "23.0.0" if version >= 23 else "19.0.2"
        self.api_off = self.database_down = self.warns = False
        self.lose = ""
        self.dies_after: int | None = None
        self.company: Row = {
            "name": "Atelier Démo SARL",
            "country_code": "FR",
            "currency_code": "EUR",
        }
        self.parties: dict[int, Row] = {}
        self.people: dict[int, Row] = {}
        self.documents: dict[int, Document] = {}
        self.payments: list[Row] = []  # the part of one payment set against one invoice
        self.discounts: dict[int, Row] = {}
        self.events: dict[int, Row] = {}
        self.files: dict[str, bytes] = {}
        self.calls: list[Call] = []
        self._lock = Lock()
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

    # --- what people do in Dolibarr --------------------------------------------------------

    def tick(self, seconds: int = 20) -> int:
        self.now += seconds
        return self.now

    def party(self, id_: int, name: str, **fields: object) -> int:
        given = {"code_client": f"C{id_:04d}", "country_code": "FR", "default_lang": "fr_FR"}
        self.parties[id_] = {"name": name, "status": "1", "tms": self.tick(), **given, **fields}
        return id_

    def person(
        self, id_: int, socid: int, email: str, *, bills: bool = True, **fields: object
    ) -> int:
        roles = {"9": {"element": "facture", "source": "external", "code": "BILLING"}}
        row = {"lastname": "Comptabilité", "firstname": "", "statut": "1", "tms": self.tick()}
        self.people[id_] = {
            **row,
            "socid": socid,
            "email": email,
            "roles": roles if bills else [],
            **fields,
        }
        return id_

    def invoice(
        self,
        socid: int,
        total: str,
        on: date,
        due: date | None = None,
        *,
        id_: int = 0,
        type_: int = 0,
        status: int = 1,
        ref: str = "",
        **fields: Any,
    ) -> int:
        """A validated invoice; a credit note (type 2) has a negative total."""
        id_ = id_ or max(self.documents, default=0) + 1
        name = {2: "AV", 3: "AC"}.get(type_, "FA")
        self.documents[id_] = Document(
            id=id_,
            ref=ref or (f"{name}{on:%y%m}-{id_:04d}" if status else f"(PROV{id_})"),
            type=type_,
            status=status,
            socid=socid,
            issued=on,
            due=due,
            total=Decimal(total),
            created=self.tick(),
            tms=self.now,
            **fields,
        )
        return id_

    def pay(self, id_: int, amount: str = "", on: date = date(2026, 10, 5), **fields: Any) -> str:
        """Record a payment, of the whole rest unless told; the invoice is closed when paid."""
        document = self.documents[id_]
        part = Decimal(amount) if amount else self.rest(document)
        ref = fields.pop("ref", f"PAY{on:%y%m}-{len(self.payments) + 1:04d}")
        close = fields.pop("close", True)
        self.payments.append(
            {
                "invoice": id_,
                "amount": part,
                "date": on,
                "ref": ref,
                "type": "VIR",
                "num": "",
                **fields,
            }
        )
        document.tms = self.tick()
        if close and not self.rest(document):
            document.status, document.paye = 2, 1
        return str(ref)

    def unpay(self, ref: str) -> None:
        """Delete a payment: what is left to pay changes, and no stamp moves."""
        self.payments = [one for one in self.payments if one["ref"] != ref]

    def close(self, id_: int, code: str) -> None:
        """Close an invoice with something left: status 2, paye 0."""
        document = self.documents[id_]
        document.status, document.paye, document.close_code = 2, 0, code
        document.tms = self.tick()

    def convert(self, id_: int) -> int:
        """Make a credit note, a paid deposit or an excess available as a discount."""
        document = self.documents[id_]
        amount = abs(document.total if document.type in (2, 3) else self.rest(document))
        rowid = max(self.discounts, default=0) + 1
        self.discounts[rowid] = {"source": id_, "amount": amount, "used_on": None}
        if document.type != 3:  # a deposit that is paid is closed already
            document.status, document.paye, document.tms = 2, 1, self.tick()
        return rowid

    def use(self, rowid: int, id_: int) -> None:
        """Apply a discount to an invoice: no stamp moves."""
        self.discounts[rowid]["used_on"] = id_

    def notes(self, id_: int) -> list[str]:
        """The texts of the events on an invoice."""
        return [str(e["note_private"]) for e in self.events.values() if e["fk_element"] == id_]

    # --- figures ---------------------------------------------------------------------------

    def paid(self, document: Document) -> Decimal:
        parts = (one["amount"] for one in self.payments if one["invoice"] == document.id)
        return sum(parts, Decimal(0))

    def credited(self, document: Document, type_: int) -> Decimal:
        used = (one for one in self.discounts.values() if one["used_on"] == document.id)
        own = (
            one["amount"]
            for one in used
            if (self.documents[one["source"]].type == 2) is (type_ == 2)
        )
        return sum(own, Decimal(0))

    def rest(self, document: Document) -> Decimal:
        credited = self.credited(document, 2) + self.credited(document, 3)
        return document.total - self.paid(document) - credited

    # --- how it answers --------------------------------------------------------------------

    def midnight(self, day: date | None) -> int | str:
        if day is None:
            return ""
        return int(datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp())

    def told(self, document: Document) -> Row:
        """An invoice as the API gives it: numbers, strings and nothing in their recorded mixture."""
        paid, notes = self.paid(document), self.credited(document, 2)
        deposits, foreign = self.credited(document, 3), document.foreign
        rest = self.rest(document)
        more: Row = {}
        if self.version >= 23:
            link = f"{self.url}/public/payment/newpayment.php?source=invoice&ref={document.ref}"
            more = {"online_payment_url": link, "dispute_status": str(document.disputed)}
        return {
            "module": None,
            "id": str(document.id),
            "entity": "1",
            "\u0000*\u0000table_ref_field": "",
            "ref": document.ref,
            "ref_client": document.ref_client,
            "ref_customer": document.ref_client,
            "type": str(document.type),
            "status": str(document.status),
            "statut": str(document.status),
            "paye": str(document.paye),
            "close_code": document.close_code,
            "socid": str(document.socid),
            "date": self.midnight(document.issued),
            "date_lim_reglement": self.midnight(document.due),
            "date_creation": document.created,
            "date_modification": document.tms,
            "datem": document.tms,
            "total_ttc": f"{document.total:.8f}",
            "totalpaid": float(paid) if paid else 0,
            "totalcreditnotes": f"{notes:.8f}" if notes else None,
            "totaldeposits": f"{deposits:.8f}" if deposits else None,
            "remaintopay": f"{rest.normalize():f}",
            "multicurrency_code": document.currency,
            "multicurrency_tx": "1.00000000" if foreign is None else "1.08000000",
            "multicurrency_total_ttc": f"{document.total if foreign is None else foreign:.8f}",
            "fk_facture_source": document.source and str(document.source),
            "last_main_doc": None,
            "note_private": document.note_private,
            "contacts_ids": [],
            "array_options": [],
            "lines": [{"id": "1", "desc": "Prestation", "total_ttc": f"{document.total:.8f}"}],
            "retained_warranty": "0",
            "retained_warranty_date_limit": "",
            **more,
            **document.more,
        }

    def told_party(self, id_: int) -> Row:
        row = dict(self.parties[id_])
        stamp = row.pop("tms")
        modified = "" if self.version >= 23 else stamp
        return {
            "id": str(id_),
            "entity": "1",
            "date_modification": modified,
            "note_private": None,
            **row,
        }

    def told_event(self, id_: int) -> Row:
        row = self.events[id_]
        kept = (
            "label",
            "note_private",
            "datep",
            "elementtype",
            "userownerid",
            "socid",
            "percentage",
        )
        found = {name: row[name] for name in kept}
        element = str(row["fk_element"])
        return {"id": str(id_), "ref": str(id_), **found, "elementid": element, "fk_element": None}

    def denied(self, words: str = "") -> Refused:
        name = "Forbidden" if self.version >= 23 else "Unauthorized"
        return Refused(403 if self.version >= 23 else 401, f"{name}: {words}" if words else name)

    def needs(self, user: User, right: int, words: str = "") -> None:
        if not user.may(right):
            raise self.denied(words)

    def answer(
        self, method: str, path: str, params: Mapping[str, str], body: Any, user: User
    ) -> Any:
        """What a route gives.

        Raises:
            Refused: an error.
        """
        parts = path.strip("/").split("/")
        match method, parts:
            case "GET", ["status"]:
                return self._status()
            case "GET", ["setup", "company"]:
                if not user.admin:
                    raise self.denied("Error API open to admin users only")
                return self.company
            case "GET", ["users", "info"]:
                self.needs(user, 342, "Not allowed")
                return {"id": str(user.id), "login": user.login}
            case _, ["invoices", *rest] if "facture" in self.modules:
                self.needs(user, 11)
                return self._invoices(method, rest, params, user)
            case "GET", ["thirdparties", *rest] if "societe" in self.modules:
                self.needs(user, 121)
                return self._parties(rest, params, user)
            case "GET", ["contacts"] if "societe" in self.modules:
                self.needs(user, 281, "No permission to read contacts")
                rows = {id_: {"id": str(id_), **row} for id_, row in self.people.items()}
                wanted = params.get("thirdparty_ids", "").split(",")
                keep = {
                    i: r for i, r in rows.items() if wanted == [""] or str(r["socid"]) in wanted
                }
                return self._list(
                    keep, params, lambda r: {"t.fk_soc": r["socid"], "t.tms": r["tms"]}
                )
            case _, ["agendaevents"] if "agenda" in self.modules:
                return self._agenda(method, params, body, user)
            case _, ["documents", what] if "documents" in self.modules:
                return self._documents(method, what, params, body)
        raise Refused(501, NO_API)

    def _status(self) -> Row:
        if self.version < 23:
            told = {"code": 200, "dolibarr_version": self.told_version, "access_locked": "0"}
            return {"success": told}
        told = {
            "code": 200,
            "dolibarr_version": self.told_version,
            "timestamp_php_tz": self.zone.key,
        }
        return {"success": told}

    def _seen(self, user: User, socid: int) -> bool:
        return user.may(262) or socid in user.sells_to

    def _invoices(self, method: str, rest: list[str], params: Mapping[str, str], user: User) -> Any:
        if not rest:
            wanted = params.get("thirdparty_ids", "").split(",")
            status = {"draft": 0, "unpaid": 1, "paid": 2, "cancelled": 3}.get(
                params.get("status", "")
            )
            found = {
                document.id: document
                for document in self.documents.values()
                if (wanted == [""] and self._seen(user, document.socid))
                or str(document.socid) in wanted
                if status is None or document.status == status
            }
            return self._list(found, params, _columns, self.told)
        if not rest[0].isdecimal():
            raise Refused(400, "Bad Request: invalid value specified for `id`")
        document = self.documents.get(int(rest[0]))
        if document is None:
            raise Refused(404, "Not Found: Invoice not found")
        if not self._seen(user, document.socid):
            raise self.denied(f"Access not allowed for login {user.login}")
        if rest[1:] == ["payments"]:
            return self._payments_of(document)
        if rest[1:]:
            raise Refused(404, "Not Found")
        told = self.told(document)
        return _cut(told, params) if self.version >= 23 else told

    def _payments_of(self, document: Document) -> list[Row]:
        extra = {"typeline": "payment"} if self.version >= 23 else {}
        found = [
            {
                "amount": f"{one['amount']:.8f}",
                "type": one["type"],
                "date": f"{one['date']} 00:00:00",
                "num": one["num"],
                "ref": one["ref"],
                "ref_ext": "",
                "fk_bank_line": "3",
                **extra,
            }
            for one in self.payments
            if one["invoice"] == document.id
        ]
        for one in self.discounts.values():
            if one["used_on"] == document.id:
                source = self.documents[one["source"]]
                kind = {2: "(CREDIT_NOTE)", 3: "(DEPOSIT)"}.get(source.type, "(EXCESS RECEIVED)")
                day = f"{source.issued} 00:00:00"
                found.append(
                    {
                        "amount": f"{one['amount']:.8f}",
                        "type": kind,
                        "date": day,
                        "num": "0",
                        "ref": source.ref,
                    }
                )
        return found

    def _parties(self, rest: list[str], params: Mapping[str, str], user: User) -> Any:
        if not rest:
            seen = {id_: self.parties[id_] for id_ in self.parties if self._seen(user, id_)}
            told = {id_: {**self.told_party(id_), "t.tms": row["tms"]} for id_, row in seen.items()}
            found = self._list(told, params, lambda r: {"t.tms": r["t.tms"]})
            for row in found:
                row.pop("t.tms", None)
            if not found:
                words = "No third parties found" if self.version >= 23 else "Thirdparties not found"
                raise Refused(404, f"Not Found: {words}")
            return found
        id_ = int(rest[0]) if rest[0].isdecimal() else 0
        if id_ not in self.parties:
            raise Refused(404, "Not Found: Thirdparty not found")
        if not self._seen(user, id_):
            raise self.denied(f"Access not allowed for login {user.login}")
        if rest[1:] == ["fixedamountdiscounts"]:
            return self._discounts(id_, params.get("filter", "none"))
        return self.told_party(id_)

    def _discounts(self, socid: int, which: str) -> list[Row]:
        found = []
        for rowid, one in self.discounts.items():
            source = self.documents[one["source"]]
            free = one["used_on"] is None
            if source.socid == socid and (which == "none" or free is (which == "available")):
                found.append(
                    {
                        "ref": source.ref,
                        "factype": str(source.type),
                        "fk_facture_source": str(source.id),
                        "rowid": str(rowid),
                        "amount_ttc": f"{one['amount']:.8f}",
                        "description": "(CREDIT_NOTE)" if source.type == 2 else "(DEPOSIT)",
                        "fk_facture": one["used_on"] and str(one["used_on"]),
                        "fk_facture_line": None,
                    }
                )
        return found

    def _agenda(self, method: str, params: Mapping[str, str], body: Any, user: User) -> Any:
        if method == "GET":
            self.needs(user, 2401, "Insufficient rights to read events")
            mine = {
                id_: row
                for id_, row in self.events.items()
                if user.may(2411) or row["userownerid"] == str(user.id)
            }
            return self._list(mine, params, _event_columns, lambda row: self.told_event(row["id"]))
        self.needs(user, 2402, "Insufficient rights to create your Agenda Event")
        owner = str(body.get("userownerid", ""))
        if not user.may(2412) and owner != str(user.id):
            words = f"Insufficient rights to create an Agenda Event for owner id {owner} Your id is {user.id}"
            raise self.denied(words)
        if not owner:
            raise Refused(400, "Bad Request: userownerid field missing")
        id_ = max(self.events, default=23) + 1
        note = str(body.get("note_private") or body.get("note") or "")
        kept = {name: value for name, value in body.items() if name not in ("note", "note_private")}
        label = str(body["label"])[:128]
        self.events[id_] = {
            **kept,
            "id": id_,
            "label": label,
            "note_private": note,
            "userownerid": owner,
        }
        return id_

    def _documents(self, method: str, what: str, params: Mapping[str, str], body: Any) -> Row:
        name = params.get("original_file", "") if method == "GET" else body["original_file"]
        if (method, what) == ("PUT", "builddoc"):
            if name.partition("/")[0] not in {one.ref for one in self.documents.values()}:
                raise Refused(404, "Not Found: Invoice not found")
            self.files[name] = PDF
        elif (method, what) != ("GET", "download"):
            raise Refused(404, "Not Found")
        if name not in self.files:
            raise Refused(404, "Not Found: File not found")
        content = base64.b64encode(self.files[name]).decode()
        return {"filename": name.rpartition("/")[2], "content": content, "encoding": "base64"}

    def _list(
        self,
        rows: Mapping[int, Any],
        params: Mapping[str, str],
        columns: Callable[[Any], Row],
        told: Callable[[Any], Row] = dict,
    ) -> list[Row]:
        """The rows that `sqlfilters` finds, sorted and cut into a page as asked."""
        filters = params.get("sqlfilters", "")
        holds = criteria(filters) if filters else None
        found = []
        for id_, row in rows.items():
            values = {"t.rowid": id_, "t.id": id_, **columns(row)}
            if "t.tms" in filters or "t.tms" in params.get("sortfield", ""):
                values["t.tms"] = self._local(values.get("t.tms", 0))
            if holds is None or holds(values):
                found.append((values, row))
        name = params.get("sortfield", "t.rowid")
        if found and name not in found[0][0]:
            raise Refused(
                503, f"Service Unavailable: Error when retrieve list : Unknown column '{name}'"
            )
        found.sort(key=lambda pair: pair[0][name], reverse=params.get("sortorder") == "DESC")
        limit = int(params.get("limit", "100")) or len(found)
        start = limit * int(params.get("page", "0"))
        return [_cut(told(row), params) for _, row in found[start : start + limit]]

    def _local(self, stamp: int) -> str:
        return datetime.fromtimestamp(stamp, self.zone).strftime("%Y-%m-%d %H:%M:%S")


def _columns(document: Document) -> Row:
    return {
        "t.tms": document.tms,
        "t.fk_statut": document.status,
        "t.type": document.type,
        "t.paye": document.paye,
        "t.fk_soc": document.socid,
    }


def _event_columns(row: Row) -> Row:
    return {f"t.{name}": row[name] for name in ("label", "fk_element", "elementtype")}


def _cut(row: Row, params: Mapping[str, str]) -> Row:
    """Only the named properties; in the object's order, as the server does."""
    wanted = [name for name in params.get("properties", "").split(",") if name]
    return {name: row[name] for name in row if name in wanted} if wanted else dict(row)


def criteria(filters: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a row's values satisfy a search string, as a function.

    Raises:
        Refused: it is not in Dolibarr's syntax; from the function: a column is not there.
    """
    tests: list[Callable[[Mapping[str, Any]], bool]] = []

    def kept(match: re.Match[str]) -> str:
        tests.append(_criterion(match[1], match[2].lower(), match[3]))
        return f" {len(tests) - 1} "

    rest = CRITERION.sub(kept, filters)
    if not re.fullmatch(r"[\d\s()]*((and|or)[\d\s()]*)*", rest):
        words = "Error when validating parameter sqlfilters -> Bad syntax of the search string"
        raise Refused(400, f"Bad Request: {words}: ({filters})")
    code = re.sub(r"\d+", lambda m: f"tests[{m[0]}](values)", rest).strip()
    found: Callable[[Mapping[str, Any]], bool] = eval(f"lambda values: {code}", {"tests": tests})
    return found


def _criterion(column: str, operator: str, raw: str) -> Callable[[Mapping[str, Any]], bool]:
    def own(values: Mapping[str, Any]) -> Any:
        if column not in values:
            raise Refused(503, f"Service Unavailable: Unknown column '{column}' in 'WHERE'")
        return values[column]

    if operator == "in":
        listed = frozenset(raw.split(","))
        return lambda values: str(own(values)) in listed
    given: Any = raw.strip("'") if raw.startswith("'") else int(raw)
    if operator == "like":
        pattern = re.compile(".*".join(map(re.escape, given.split("%"))), re.DOTALL)
        return lambda values: pattern.fullmatch(str(own(values))) is not None
    compared: dict[str, Callable[[Any, Any], Any]] = {
        "=": eq,
        "!=": ne,
        "<": lt,
        ">": gt,
        "<=": le,
        ">=": ge,
    }
    compare = compared[operator]
    return lambda values: bool(compare(own(values), given))


def _handler(books: Dolibarr) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            with books._lock:
                answer = self.made(raw)
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            status, body, kind = answer
            content = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PUT = do_GET  # noqa: N815

        def made(self, raw: bytes) -> tuple[int, str, str] | None:
            where = urlsplit(self.path)
            path = unquote(where.path)
            page = "text/html; charset=UTF-8"
            if not path.startswith("/api/index.php/"):
                return 404, "<html><body><h1>Not Found</h1></body></html>", page
            path = path.removeprefix("/api/index.php/")
            params = {name: values[0] for name, values in parse_qs(where.query).items()}
            books.calls.append(Call(self.command, path, params))
            if books.dies_after is not None:
                books.dies_after -= 1
                books.api_off = books.dies_after < 0
            if books.api_off:
                return 200, API_OFF, page
            if books.database_down:
                return 202, DATABASE_DOWN, page
            user = books.users.get(self.headers.get("DOLAPIKEY", ""))
            if user is None:
                return _error(401, "Unauthorized: Error user not valid (not found with api key)")
            try:
                body = json.loads(raw) if raw else {}
                found = books.answer(self.command, path, params, body, user)
            except Refused as refused:
                status, words = refused.args
                return (status, words, page) if status == 501 else _error(status, words)
            if books.lose == f"{self.command} {path}":
                books.lose = ""
                return None
            text = json.dumps(found, ensure_ascii=False)
            return 200, (WARNING if books.warns else "") + text, "application/json; charset=utf-8"

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def _error(status: int, words: str) -> tuple[int, str, str]:
    error = {"error": {"code": status, "message": words}}
    return status, json.dumps(error), "application/json; charset=utf-8"
