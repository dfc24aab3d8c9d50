"""A site that answers as ERPNext 14, 15 and 16 do, over HTTP on loopback, and keeps what it is told.

It knows the doctypes that a reminder needs, with the rights of their roles, and the ways of the
real one that bite: 20 rows and `name` alone unless asked, lists that hide mails, a nightly job
that writes a status and no stamp, addresses that are too long, refusals in JSON in JSON in JSON.
"""

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from operator import eq, ge, gt, le, lt, ne
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

Doc = dict[str, Any]
LONGEST = 8190  # characters of a request line, as gunicorn and nginx take them

STANDARD = "name owner creation modified modified_by docstatus idx _user_tags _comments"
CHILD = "parent parenttype parentfield"
FIELDS: dict[str, str] = {
    "Company": "company_name abbr country default_currency tax_id email phone_no",
    "Country": "country_name code",
    "Customer": "customer_name customer_type customer_group tax_id language account_manager "
    "customer_primary_address email_id mobile_no disabled is_frozen default_currency",
    "Customer Credit Limit": "company credit_limit",
    "Contact": "first_name last_name email_id phone mobile_no is_primary_contact "
    "is_billing_contact",
    "Address": "address_type address_line1 address_line2 pincode city country is_primary_address "
    "disabled",
    "Dynamic Link": "link_doctype link_name",
    "Sales Invoice": "customer customer_name company posting_date due_date currency "
    "conversion_rate party_account_currency grand_total rounded_total base_grand_total "
    "base_rounded_total outstanding_amount status is_return return_against contact_email po_no",
    "Payment Schedule": "due_date payment_amount base_payment_amount paid_amount outstanding "
    "payment_term discount_date discount_type discount",
    "Payment Entry": "payment_type party_type party posting_date company paid_amount "
    "received_amount unallocated_amount total_allocated_amount paid_from_account_currency "
    "reference_no",
    "Payment Entry Reference": "reference_doctype reference_name allocated_amount payment_term",
    "Journal Entry": "voucher_type posting_date company cheque_no user_remark",
    "Journal Entry Account": "party_type party account account_currency "
    "credit_in_account_currency debit_in_account_currency reference_type reference_name",
    "Payment Request": "reference_doctype reference_name status payment_url",
    "Comment": "comment_type reference_doctype reference_name content comment_email comment_by",
    "Communication": "communication_type communication_medium reference_doctype reference_name "
    "subject content sender recipients cc delivery_status sent_or_received",
    "Email Queue": "communication status error",
    "Email Account": "enable_outgoing default_outgoing email_id",
    "Notification": "enabled document_type channel event date_changed",
    "Notification Recipient": "receiver_by_document_field receiver_by_role",
    "Deleted Document": "deleted_doctype deleted_name data restored",
    "Dunning": "status company",
    "Process Statement Of Accounts": "enable_auto_email company",
    "Bank Account": "is_company_account company is_default bank iban",
    "File": "file_name content is_private attached_to_doctype attached_to_name",
}
SINCE_15 = {"Sales Invoice": "update_outstanding_for_self"}
TABLES = {
    "Payment Schedule": {"Sales Invoice": "payment_schedule"},
    "Payment Entry Reference": {"Payment Entry": "references"},
    "Journal Entry Account": {"Journal Entry": "accounts"},
    "Dynamic Link": {"Contact": "links", "Address": "links"},
    "Customer Credit Limit": {"Customer": "credit_limits"},
    "Notification Recipient": {"Notification": "recipients"},
}
READS: dict[str, set[str]] = {
    "All": {"Country", "File"},
    "Accounts User": {
        "Company", "Customer", "Contact", "Address", "Sales Invoice", "Payment Entry",
        "Journal Entry", "Payment Request", "Dunning", "Process Statement Of Accounts",
        "Bank Account",
    },
    "System Manager": {
        "Company", "Contact", "Address", "Comment", "Communication", "Email Queue", "Email Account",
        "Notification", "Deleted Document", "Dunning",
    },
    "Inbox User": {"Communication", "Email Account"},
    "Helpdesk": {"Comment", "Communication"},  # reads lists, in which mails are left out
    "Deletions": {"Deleted Document"},  # a role that a firm made for it
}  # fmt: skip
STATUS = {
    "AuthenticationError": 401,
    "PermissionError": 403,
    "DoesNotExistError": 404,
    "DuplicateEntryError": 409,
    "ValidationError": 417,
    "DataError": 417,
    "InvalidEmailAddressError": 417,
    "OutgoingEmailError": 501,
    "SessionStopped": 503,
    "QueryDeadlockError": 508,
}


class FrappeError(Exception):
    """What Frappe raises: the exception's name, and words for people, in HTML."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind, self.words = kind, words


@dataclass(kw_only=True)
class Fault:
    """What becomes of the next calls whose address holds `path` (and their body `holding`).

    `lost`: the call is done and its answer is not given.
    """

    path: str
    holding: str = ""
    times: int = 1
    status: int = 500
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call as it came."""

    verb: str
    path: str
    asked: Mapping[str, Any]
    user: str


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail that the site's queue would send."""

    recipients: tuple[str, ...]
    subject: str
    content: str
    sender: str
    reference: str
    print_format: str
    files: tuple[str, ...]


class ErpNextSite:
    """One site. `now` is its own local time, without a zone; each save moves it a little."""

    def __init__(self, version: int = 15, zone: str = "Europe/Paris") -> None:
        self.version, self.zone = version, zone
        self.now = datetime.fromisoformat("2026-11-02 09:00")
        self.tables: dict[str, dict[str, Doc]] = {name: {} for name in FIELDS if name not in TABLES}
        self.fields = {name: set(f"{STANDARD} {more}".split()) for name, more in FIELDS.items()}
        for name in TABLES:
            self.fields[name] |= set(CHILD.split())
        if version >= 15:
            for name, more in SINCE_15.items():
                self.fields[name] |= set(more.split())
        self.users: dict[str, tuple[str, set[str]]] = {}
        self.user_permissions: dict[str, list[Doc]] = {}
        self.forbidden: set[str] = set()  # doctypes nobody may list, whatever the role
        self.rights = {"email", "print"}  # on invoices, beside read
        self.unsubscribed: set[str] = set()
        self.left_out: set[str] = set()
        self.draws_pdf = True
        self.default_format = ""
        self.traceback = version < 16
        self.calls: list[Call] = []
        self.mails: list[Mail] = []
        self.faults: list[Fault] = []
        self.lock = Lock()
        self.url = ""

    # --- what a test does to the books ------------------------------------------------------

    def user(self, *roles: str, name: str = "daemon@firm.example", secret: str = "s3cret") -> None:
        """A user with an API key that is its name's first letters."""
        self.users[f"key-{name.partition('@')[0]}:{secret}"] = (name, {"All", *roles})

    def put(
        self, doctype: str, name: str, *, modified: datetime | None = None, **values: Any
    ) -> Doc:
        """A document as a form saves it: it and the rows of its tables bear the same stamp."""
        self.now += timedelta(milliseconds=10)
        stamp = modified or self.now
        known = self.tables[doctype].get(name, {})
        document = {"docstatus": 0, "creation": stamp} | known | values | {
            "doctype": doctype, "name": name, "modified": stamp,
        }  # fmt: skip
        for table, parents in TABLES.items():
            if doctype in parents:
                rows = document.setdefault(parents[doctype], [])
                for number, row in enumerate(rows, start=1):
                    row.setdefault("name", f"{name}-{table}-{number}")
                    row |= {"parent": name, "parenttype": doctype, "parentfield": parents[doctype],
                            "idx": number, "docstatus": document["docstatus"],
                            "modified": stamp, "doctype": table}  # fmt: skip
        self.tables[doctype][name] = document
        return document

    def write(self, doctype: str, name: str, *, silently: bool = False, **values: Any) -> None:
        """Values written past the form; `silently` leaves the stamp as it was."""
        document = self.tables[doctype][name]
        document |= values
        if not silently:
            self.now += timedelta(milliseconds=10)
            document["modified"] = self.now

    def night(self) -> None:
        """The nightly job: what is past its day is called overdue, and no stamp moves."""
        for bill in self.tables["Sales Invoice"].values():
            late = str(bill["due_date"]) < self.now.date().isoformat()
            if bill["docstatus"] == 1 and bill["outstanding_amount"] > 0 and late:
                self.write("Sales Invoice", bill["name"], silently=True, status="Overdue")

    def pay(self, invoice: str, amount: float, *, term: str = "", **more: Any) -> str:
        """A payment entry against an invoice, submitted: what is outstanding falls with it."""
        bill = self.tables["Sales Invoice"][invoice]
        name = f"ACC-PAY-{len(self.tables['Payment Entry']) + 1:05d}"
        rest = round(bill["outstanding_amount"] - amount, 2)
        part = {"reference_doctype": "Sales Invoice", "reference_name": invoice,
                "allocated_amount": amount, "payment_term": term or None}  # fmt: skip
        given: Doc = {
            "docstatus": 1,
            "payment_type": "Receive",
            "party_type": "Customer",
            "party": bill["customer"],
            "company": bill["company"],
            "posting_date": self.now.date().isoformat(),
            "paid_amount": amount,
            "unallocated_amount": 0,
            "paid_from_account_currency": bill["party_account_currency"],
            "reference_no": "VIR",
            "references": [part],
        }
        self.put("Payment Entry", name, **(given | more))
        for row in bill["payment_schedule"]:
            if term and row["payment_term"] == term:
                row["outstanding"] = round(row["outstanding"] - amount, 2)
        status = "Paid" if not rest else "Partly Paid"
        self.write("Sales Invoice", invoice, outstanding_amount=rest, status=status)
        return name

    def delete(self, doctype: str, name: str) -> None:
        """A document deleted: its remains go where a System Manager can see them."""
        gone = self.tables[doctype].pop(name)
        self.put(
            "Deleted Document",
            secrets.token_hex(5),
            deleted_doctype=doctype,
            deleted_name=name,
            data=json.dumps(gone, default=_wire),
            restored=0,
        )

    # --- what it answers --------------------------------------------------------------------

    def answer(self, call: Call, roles: set[str]) -> tuple[str, Any]:
        """The key of the answer and what stands there.

        Raises:
            FrappeError: it is refused.
        """
        path = urlsplit(call.path).path
        if path.startswith("/api/resource/"):
            doctype, _, name = unquote(path.removeprefix("/api/resource/")).partition("/")
            return "data", self._resource(call, roles, doctype, name)
        method = path.removeprefix("/api/method/")
        if method not in METHODS:
            raise FrappeError("ValidationError", f"Failed to get method for command {method}")
        key, function = METHODS[method]
        return key, function(self, call, roles)

    def reads(self, roles: set[str], doctype: str) -> bool:
        return doctype not in self.forbidden and any(
            doctype in READS.get(role, ()) for role in roles
        )

    def must_read(self, roles: set[str], doctype: str) -> None:
        if not self.reads(roles, doctype):
            told = f"User <strong>daemon</strong> does not have doctype access to <b>{doctype}</b>"
            raise FrappeError("PermissionError", told)

    def document(self, roles: set[str], doctype: str, name: str) -> Doc:
        self.must_read(roles, doctype)
        if name not in self.tables[doctype]:
            raise FrappeError("DoesNotExistError", f"{doctype} <b>{name}</b> not found")
        return self.tables[doctype][name]

    def _resource(self, call: Call, roles: set[str], doctype: str, name: str) -> Any:
        if call.verb == "POST" and doctype == "File":
            made = secrets.token_hex(5)
            return self.put("File", made, **dict(call.asked))
        if call.verb == "POST":
            raise FrappeError("PermissionError", f"No permission to create {doctype}")
        if name:
            return self.document(roles, doctype, name)
        return self.listed(call, roles, {**call.asked, "doctype": doctype})

    def listed(self, call: Call, roles: set[str], asked: Mapping[str, Any]) -> list[Doc]:
        """`frappe.client.get_list`: 20 rows and the name alone unless more is asked for."""
        given = {key: _decoded(value) for key, value in asked.items()}
        doctype, parent = str(given["doctype"]), str(given.get("parent") or "")
        if doctype not in self.fields:
            raise FrappeError("DoesNotExistError", f"DocType {doctype} not found")
        if doctype in TABLES:
            if parent not in TABLES[doctype] or doctype in self.forbidden:
                raise FrappeError("PermissionError", "")
            self.must_read(roles, parent)
        else:
            self.must_read(roles, doctype)
        fields = given.get("fields") or ["name"]
        filters, any_of = given.get("filters") or [], given.get("or_filters") or []
        for name in [*fields, *(f[-3] for f in [*filters, *any_of])]:
            self._known(doctype, name, filters)
        every, any_ = [[self._test(one) for one in part] for part in (filters, any_of)]
        rows = [
            row
            for row in self._rows(doctype)
            if self._visible(row, doctype, roles, call.user)
            and all(test(row) for test in every)
            and (not any_ or any(test(row) for test in any_))
        ]
        for part in reversed(str(given.get("order_by") or "modified desc").split(",")):
            name, _, way = part.strip().partition(" ")
            rows.sort(key=lambda row: _key(row.get(name)), reverse=way == "desc")
        start, length = int(given.get("limit_start") or 0), given.get("limit_page_length", 20)
        chosen = rows[start : start + int(length)] if int(length) else rows[start:]
        return [{name: row.get(name) for name in fields} for row in chosen]

    def _known(self, doctype: str, name: str, filters: Sequence[Any]) -> None:
        others = {one[0] for one in filters if len(one) == 4}
        known = set().union(*(self.fields[other] for other in {doctype, *others}))
        if name in known:
            return
        if self.version >= 16:
            told = f"You do not have permission to access field: <b>{doctype}.{name}</b>"
            raise FrappeError("PermissionError", told)
        raise FrappeError("DataError", f"Field not permitted in query: {name}")

    def _rows(self, doctype: str) -> Iterator[Doc]:
        for parent, table in TABLES.get(doctype, {}).items():
            for document in self.tables[parent].values():
                yield from document[table]
        yield from self.tables.get(doctype, {}).values()

    def _visible(self, row: Doc, doctype: str, roles: set[str], user: str) -> bool:
        """What a list leaves out without a word."""
        if doctype == "Communication" and not {"System Manager", "Super Email User"} & roles:
            return bool(row["communication_medium"] != "Email")
        hidden = self.user_permissions.get("Customer")
        return not (hidden and doctype == "Customer") or row["name"] in {
            p["doc"] for p in hidden or ()
        }

    def _test(self, condition: Sequence[Any]) -> Callable[[Doc], bool]:
        """Whether a row meets a condition."""
        if len(condition) == 4 and condition[0] in TABLES:
            tables, inner = TABLES[condition[0]], self._test(condition[1:])
            return lambda row: any(map(inner, row.get(tables.get(row["doctype"], ""), ())))
        name, operator, value = condition[-3:]
        if operator == "is":
            return lambda row: (row.get(name) in (None, "")) == (value == "not set")
        if operator == "in":
            known = {_key(one) for one in value}
            return lambda row: _key(row.get(name)) in known
        if operator == "like":
            pattern = re.compile(re.escape(str(value)).replace("%", ".*"), re.I | re.S)
            return lambda row: pattern.fullmatch(str(row.get(name) or "")) is not None
        other = _key(value)
        compare = {">": gt, ">=": ge, "<": lt, "<=": le, "=": eq, "!=": ne}[operator]
        void = operator in ("=", "!=")  # nothing is neither more nor less
        return lambda row: (
            (void or row.get(name) is not None) and compare(_key(row.get(name)), other)
        )

    # --- the server -------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
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


def _wire(value: object) -> str:
    """How Frappe writes an instant: in the site's time, and without saying so."""
    assert isinstance(value, datetime)
    return value.isoformat(sep=" ", timespec="microseconds")


def _decoded(value: Any) -> Any:
    """Arguments of an address are JSON in text; those of a body are as they are."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        return json.loads(value)
    return value


def _key(value: Any) -> Any:
    """By what the database compares: letters of either case alike, nothing before all."""
    if isinstance(value, datetime):
        value = _wire(value)
    if isinstance(value, bool | int | float):
        return (1, float(value), "")
    return (0, 0.0, "") if value is None else (2, 0.0, str(value).lower())


# --- the methods ----------------------------------------------------------------------------


def _time_zone(site: ErpNextSite, call: Call, roles: set[str]) -> Doc:
    return {"time_zone": site.zone}


def _logged_user(site: ErpNextSite, call: Call, roles: set[str]) -> str:
    return call.user


def _roles(site: ErpNextSite, call: Call, roles: set[str]) -> list[str]:
    return sorted(roles)


def _count(site: ErpNextSite, call: Call, roles: set[str]) -> int:
    every = {**call.asked, "limit_page_length": 0, "fields": ["name"]}
    return len(site.listed(call, roles, every))


def _get(site: ErpNextSite, call: Call, roles: set[str]) -> Doc:
    return site.document(roles, call.asked["doctype"], call.asked["name"])


def _has_permission(site: ErpNextSite, call: Call, roles: set[str]) -> Doc:
    doctype, right = call.asked["doctype"], call.asked["perm_type"]
    extra = right == "read" or right in site.rights
    return {"has_permission": site.reads(roles, doctype) and extra}


def _user_permissions(site: ErpNextSite, call: Call, roles: set[str]) -> Doc:
    return dict(site.user_permissions)


def _add_comment(site: ErpNextSite, call: Call, roles: set[str]) -> Doc:
    asked = dict(call.asked)
    site.document(roles, asked["reference_doctype"], asked["reference_name"])
    for name in ("content", "comment_email", "comment_by"):
        if name not in asked:
            raise FrappeError("ValidationError", f"add_comment() missing argument: {name}")
    return site.put("Comment", secrets.token_hex(5), comment_type="Comment", **asked)


def _make(site: ErpNextSite, call: Call, roles: set[str]) -> Doc:
    asked = dict(call.asked)
    site.document(roles, asked["doctype"], asked["name"])
    if "email" not in site.rights:
        told = f"You are not allowed to send emails related to: {asked['doctype']} {asked['name']}"
        raise FrappeError("PermissionError", told)
    addresses = [one.strip() for one in asked["recipients"].split(",") if one.strip()]
    for address in addresses:
        if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+", address):
            told = f"<b>{address}</b> is not a valid Email Address"
            raise FrappeError("InvalidEmailAddressError", told)
    sends = int(asked.get("send_email") or 0)
    accounts = site.tables["Email Account"].values()
    if sends and not any(one["default_outgoing"] for one in accounts):
        told = "Unable to send mail because of a missing email account. Please setup default <a>Email Account</a>"
        raise FrappeError("OutgoingEmailError", told)
    name = secrets.token_hex(5)
    sender = asked.get("sender") or call.user
    site.put(
        "Communication",
        name,
        communication_type="Communication",
        communication_medium="Email",
        sent_or_received="Sent",
        reference_doctype=asked["doctype"],
        reference_name=asked["name"],
        subject=asked["subject"],
        content=asked["content"],
        sender=sender,
        recipients=asked["recipients"],
        cc=asked.get("cc") or None,
        delivery_status="",
        creation=site.now,
    )
    written = [one for one in addresses if one not in site.unsubscribed | site.left_out]
    if sends and written:
        site.put("Email Queue", f"q-{name}", communication=name, status="Not Sent", error=None)
        site.mails.append(
            Mail(
                recipients=tuple(written),
                subject=asked["subject"],
                content=asked["content"],
                sender=sender,
                reference=asked["name"],
                print_format=asked.get("print_format") or "",
                files=tuple(
                    site.tables["File"][one]["file_name"] for one in asked.get("attachments") or ()
                ),
            )
        )
    missed = [one for one in addresses if one in site.left_out]
    return {"name": name, "emails_not_sent_to": ", ".join(missed)}


def _talk(site: ErpNextSite, name: str) -> list[Doc]:
    rows = [one for one in site.tables["Communication"].values() if one["reference_name"] == name]
    return sorted(rows, key=lambda row: row["creation"], reverse=True)


def _docinfo(site: ErpNextSite, call: Call, roles: set[str]) -> Doc:
    name = call.asked["name"]
    site.document(roles, call.asked["doctype"], name)
    comments = [
        {
            key: row[key]
            for key in ("name", "creation", "content", "owner", "comment_type")
            if key in row
        }
        for row in site.tables["Comment"].values()
        if row["reference_name"] == name
    ]
    return {"comments": comments, "communications": _talk(site, name)[:20], "versions": []}


def _communications(site: ErpNextSite, call: Call, roles: set[str]) -> list[Doc]:
    name, start, limit = (call.asked[key] for key in ("name", "start", "limit"))
    if not isinstance(limit, int):
        raise FrappeError("ProgrammingError", "You have an error in your SQL syntax near ''20''")
    site.document(roles, call.asked["doctype"], name)
    return _talk(site, name)[start : start + limit]


def _doctype(site: ErpNextSite, call: Call, roles: set[str]) -> list[Doc]:
    name = call.asked["doctype"]
    form = site.default_format or None
    return [{"name": name, "default_print_format": form}, {"name": "Payment Schedule"}]


METHODS: dict[str, tuple[str, Callable[[ErpNextSite, Call, set[str]], Any]]] = {
    "frappe.auth.get_logged_user": ("message", _logged_user),
    "frappe.client.get_time_zone": ("message", _time_zone),
    "frappe.client.get_list": ("message", lambda site, call, roles: site.listed(call, roles, call.asked)),
    "frappe.client.get_count": ("message", _count),
    "frappe.client.get": ("message", _get),
    "frappe.client.has_permission": ("message", _has_permission),
    "frappe.core.doctype.user.user.get_roles": ("message", _roles),
    "frappe.core.doctype.user_permission.user_permission.get_user_permissions": (
        "message",
        _user_permissions,
    ),
    "frappe.desk.form.utils.add_comment": ("message", _add_comment),
    "frappe.core.doctype.communication.email.make": ("message", _make),
    "frappe.desk.form.load.get_docinfo": ("docinfo", _docinfo),
    "frappe.desk.form.load.get_communications": ("message", _communications),
    "frappe.desk.form.load.getdoctype": ("docs", _doctype),
}  # fmt: skip
PDF = "/api/method/frappe.utils.print_format.download_pdf"


def refused(kind: str, words: str, *, traceback: bool = True) -> bytes:
    """The body of a refusal in the first version of the API."""
    inner = json.dumps({"message": words, "title": "Message", "raise_exception": 1})
    body: Doc = {"exc_type": kind}
    body |= {"_server_messages": json.dumps([inner])} if words else {}
    if traceback:
        body |= {"exception": f"frappe.exceptions.{kind}: {words}", "exc": '["Traceback …"]'}
    return json.dumps(body).encode()


def _handler(site: ErpNextSite) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if len(self.path) > LONGEST:
                self.give(414, b"<html><h1>414 Request-URI Too Large</h1></html>", "text/html")
                return
            query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
            asked = {**query, **(json.loads(body) if body else {})}
            with site.lock:
                self.handle_call(asked, body.decode())

        do_POST = do_GET  # noqa: N815

        def handle_call(self, asked: Doc, body: str) -> None:
            token = self.headers.get("Authorization", "").removeprefix("token ")
            user, roles = site.users.get(token, ("", set()))
            call = Call(verb=self.command, path=self.path, asked=asked, user=user)
            site.calls.append(call)
            fault = self.fault(body)
            if fault and not fault.lost:
                self.give(fault.status, fault.body, "application/json", fault.headers)
                return
            try:
                if not user:
                    raise FrappeError("AuthenticationError", "")
                if urlsplit(self.path).path == PDF:
                    self.draw(call, roles)
                    return
                key, told = site.answer(call, roles)
            except FrappeError as error:
                told_so = refused(error.kind, error.words, traceback=site.traceback)
                self.give(STATUS.get(error.kind, 500), told_so)
                return
            if fault:
                self.close_connection = True
                self.connection.close()
                return
            self.give(200, json.dumps({key: told}, default=_wire).encode())

        def fault(self, body: str) -> Fault | None:
            for fault in site.faults:
                if fault.times and fault.path in self.path and fault.holding in body:
                    fault.times -= 1
                    return fault
            return None

        def draw(self, call: Call, roles: set[str]) -> None:
            site.document(roles, call.asked["doctype"], call.asked["name"])
            if "print" not in site.rights:
                raise FrappeError("PermissionError", "No permission to print")
            form = call.asked.get("format") or site.default_format or "Standard"
            drawn = f"%PDF-1.4 {call.asked['name']} {form}".encode()
            if site.draws_pdf:
                self.give(200, drawn, "application/pdf")
            else:
                self.give(200, b"<html>wkhtmltopdf failed</html>", "text/html")

        def give(
            self,
            status: int,
            body: bytes,
            kind: str = "application/json",
            headers: Mapping[str, str] | None = None,
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
