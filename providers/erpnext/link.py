"""One user's way to one Frappe site: lists, methods and documents, and what a refusal means."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError
from requests import Response

from connector.errors import (
    AuthRequired,
    ConfigError,
    ConnectorError,
    OutcomeUnknown,
    Rejected,
    Transient,
)
from providers.erpnext.wire import TITLE, Child, Row, Sheet, opened, refusal, sheet
from providers.http import Session

R = TypeVar("R", bound=Row)
C = TypeVar("C", bound=Child)
Filter = Sequence[object]

FEW, MANY = 1000, 5000  # rows a call: of documents, and of the short rows of their tables
JUDGED = (400, 401, 403, 404, 405, 409, 413, 414, 415, 417, 500, 501, 508)
STOPPED = "SessionStopped"  # maintenance: Frappe takes no call at all
BUSY = re.compile(r"Query(Timeout|Deadlock)Error|InReadOnlyMode")


class Forbidden(AuthRequired):
    """The user has no right to this; a person must give it, or Relance does without."""


class Link:
    """Calls of one user. Lists go as POST: a filter of many names is too long for an address.

    Raises, from all methods: what `Session` raises; `Forbidden`; `Rejected` with Frappe's words.
    """

    def __init__(self, http: Session) -> None:
        self.http = http
        self._absent: set[tuple[str, str]] = set()
        self._by_document: set[str] = set()

    def call(self, method: str, type_: Any, *, write: bool = False, **arguments: object) -> Any:
        """A whitelisted method's result as `type_`."""
        body = self._ask("POST", f"/api/method/{method}", method, arguments, write=write).content
        try:
            return opened(body, type_)
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            told = f"{TITLE}: {method} gave an answer that does not read: {problem}"
            raise (OutcomeUnknown(told) if write else Rejected(told)) from None

    def make(self, doctype: str, values: Mapping[str, object]) -> Row:
        """A new document."""
        body = self._ask("POST", f"/api/resource/{doctype}", doctype, values, write=True).content
        try:
            made = opened(body, Row)
        except ValidationError:
            made = None
        if not isinstance(made, Row):
            raise OutcomeUnknown(f"{TITLE}: {doctype} was made and its name was not told")
        return made

    def pdf(self, doctype: str, name: str, form: str) -> bytes:
        """A document as its print format draws it; whatever came, the caller judges."""
        asked = {"doctype": doctype, "name": name} | ({"format": form} if form else {})
        answer = self.http.read(
            "GET",
            "/api/method/frappe.utils.print_format.download_pdf",
            params=asked,
            accept=JUDGED,
            document=True,
        )
        return self._judged(answer, f"the PDF of {name}", write=False).content

    def sheet(
        self,
        doctype: str,
        row: type[R],
        filters: Sequence[Filter],
        fields: Sequence[str],
        *,
        any_of: Sequence[Filter] = (),
        optional: Sequence[str] = (),
        order: str = "name asc",
        limit: int = FEW,
        parent: str = "",
    ) -> Sheet[R]:
        """The rows that meet all filters and, where given, one of `any_of`.

        Fields named `optional` are left out from the moment the server says that it has none.
        `parent` names the doctype that a table belongs to: Frappe asks for its rights.
        """
        while True:
            wanted = [name for name in optional if (doctype, name) not in self._absent]
            asked: dict[str, object] = {
                "doctype": doctype,
                "fields": ["name", "modified", *fields, *wanted],
                "filters": list(filters),
                "order_by": order,
                "limit_start": 0,
                "limit_page_length": limit,
            }
            asked |= {"or_filters": list(any_of)} if any_of else {}
            asked |= {"parent": parent} if parent else {}
            try:
                path = "/api/method/frappe.client.get_list"
                body = self._ask("POST", path, doctype, asked, write=False).content
                return sheet(body, row, doctype)
            except ValidationError as error:
                problem = error.errors()[0]["msg"]
                raise Rejected(f"{TITLE}: {doctype}: rows that do not read: {problem}") from None
            except (Rejected, Forbidden) as error:
                # which fields there are differs by version, and each version says it in its way
                named = [name for name in wanted if re.search(rf"\b{name}\b", str(error))]
                if not named:
                    raise
                self._absent.update((doctype, name) for name in named)

    def every(
        self,
        doctype: str,
        row: type[R],
        filters: Sequence[Filter],
        fields: Sequence[str],
        **more: Any,
    ) -> Iterator[R]:
        """All rows that meet the filters, read in pages by name.

        Raises:
            BadRecord: one of them does not read.
        """
        limit, after = more.pop("limit", FEW), ""
        while True:
            further = [["name", ">", after]] if after else []
            found = self.sheet(doctype, row, [*filters, *further], fields, limit=limit, **more)
            yield from found.rows
            for bad in found.bad:
                raise bad
            if len(found.names) < limit:
                return
            after = found.names[-1]

    def children(
        self,
        doctype: str,
        parent: str,
        table: str,
        row: type[C],
        names: Sequence[str],
        fields: Sequence[str],
        optional: Sequence[str] = (),
    ) -> list[C]:
        """The rows of a table of these documents: in one list, or where that is refused one by one.

        `table` is the field of the parent that holds them.
        """
        if names and doctype not in self._by_document:
            filters: list[Filter] = [["parenttype", "=", parent], ["parent", "in", list(names)]]
            more: dict[str, Any] = {"optional": optional, "limit": MANY, "parent": parent}
            try:
                return list(self.every(doctype, row, filters, ["parent", *fields], **more))
            except Forbidden:
                self._by_document.add(doctype)
        holder = dict[str, Any]
        found: list[C] = []
        for name in names:
            document = self.call("frappe.client.get", holder, doctype=parent, name=name) or {}
            found += [row.model_validate(part) for part in document.get(table) or ()]
        return found

    def readable(self, doctype: str, parent: str = "") -> bool:
        """Whether the user may list a doctype."""
        try:
            self.sheet(doctype, Row, [], [], limit=1, parent=parent)
        except Forbidden:
            return False
        return True

    def allowed(self, doctype: str, right: str) -> bool:
        """Whether the user has a right to documents of a doctype in general."""
        method = "frappe.client.has_permission"
        type_ = dict[str, Any]
        try:
            told = self.call(method, type_, doctype=doctype, docname="", perm_type=right) or {}
        except Forbidden:
            return False
        return bool(told.get("has_permission"))

    def close(self) -> None:
        self.http.close()

    def _ask(
        self, verb: str, path: str, what: str, asked: Mapping[str, object], *, write: bool
    ) -> Response:
        if write:
            answer = self.http.write(verb, path, json=asked, accept=(*JUDGED, 503))
        else:
            answer = self.http.read(verb, path, json=asked, accept=JUDGED)
        return self._judged(answer, what, write)

    def _judged(self, answer: Response, what: str, write: bool) -> Response:
        if answer.ok:
            return answer
        found = refusal(answer.content)
        words = self.http.redact(found.words or found.type or f"HTTP {answer.status_code}")
        raise self._meaning(answer.status_code, found.type, words, what, write)

    def _meaning(
        self, status: int, kind: str, words: str, what: str, write: bool
    ) -> ConnectorError:
        """What a refusal means for the caller.

        Source: frappe/exceptions.py, versions 14 to 16. A request that ends in an exception is
        rolled back as a whole; only a 500 leaves open what was done outside the database.
        """
        if status == 401:
            return AuthRequired(
                f"{TITLE}: the site does not accept this API key and secret ({words}): in ERPNext "
                "open the user, API Access, Generate Keys, and correct RELANCE_ERPNEXT_KEY and "
                "RELANCE_ERPNEXT_SECRET"
            )
        if status == 403:
            return Forbidden(f"{TITLE}: the user has no right to {what}: {words}")
        if status == 404 and not kind:
            return ConfigError(
                f"{TITLE}: no ERPNext answers at {self.http.redact(self.http.base_url)}: correct "
                "RELANCE_ERPNEXT_URL (the host's name chooses the site)"
            )
        if kind == "OutgoingEmailError":  # nothing is queued before an account was found
            return Transient(
                f"{TITLE}: ERPNext cannot send mail ({words}): in its Email Account make an "
                "outgoing one the default"
            )
        if status == 503 and kind == STOPPED:
            return Transient(f"{TITLE}: the site is in maintenance")
        if not write and BUSY.search(kind):
            return Transient(f"{TITLE}: the site is busy ({kind})")
        if write and status >= 500:
            return OutcomeUnknown(f"{TITLE}: {what} failed ({words}): it may have been done")
        if status >= 500:
            return Rejected(f"{TITLE}: {what} failed ({words}): ERPNext's Error Log says more")
        return Rejected(f"{TITLE}: {what} refused: {words}")
