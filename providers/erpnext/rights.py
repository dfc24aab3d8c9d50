"""What a user may do on a site, asked without writing: each right and setting by itself."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from connector.contract import Finding
from connector.errors import AuthRequired, Rejected
from connector.receivables.capabilities import Capabilities, Notes, Traces
from providers.erpnext.link import Filter, Forbidden, Link
from providers.erpnext.site import DELETED, ENTRY, INVOICE, JOURNAL, REQUEST, Site
from providers.erpnext.wire import Child, Row, Text

ACCOUNTS = "give the user the role Accounts User"
READS = (
    ("Company", ACCOUNTS, True),
    ("Customer", ACCOUNTS, True),
    (INVOICE, ACCOUNTS, True),
    (ENTRY, ACCOUNTS, True),
    ("Contact", f"{ACCOUNTS}: without, the customer's own address is the only one", False),
    ("Address", f"{ACCOUNTS}: without, letters have no address and customers no country", False),
    (JOURNAL, f"{ACCOUNTS}: without, payments by journal entry are not seen", False),
    (REQUEST, f"{ACCOUNTS}: without, no reminder has a link to pay", False),
    (
        DELETED,
        "in the Role Permission Manager let a role of the user's read Deleted Document: without, "
        "drafts of payments do not count, and a payment deleted right after its cancellation stays",
        False,
    ),
)
SINCE_DUE = ("Days After", "Days Before")


class Notification(Row):
    """A message that the site sends by itself."""

    event: Text = ""
    date_changed: Text = ""


class Receiver(Child):
    """To whom: a field of the document, or the people of a role."""

    receiver_by_document_field: Text = ""


def probe(link: Link) -> Capabilities:
    """What this site lets this user do. Who may read an invoice may comment on it."""
    outgoing = outgoing_account(link)
    return Capabilities(
        custom_email=outgoing is not False and link.allowed(INVOICE, "email"),
        note=Notes.INVOICE,
        traces=Traces.COMPLETE,
        pdf=link.allowed(INVOICE, "print"),
        pay_link=link.readable(REQUEST),
        native_reminders=bool(reminders(link)),
    )


def outgoing_account(link: Link) -> bool | None:
    """Whether the site has a default account to send from; None where this user cannot see it."""
    filters: list[Filter] = [["enable_outgoing", "=", 1], ["default_outgoing", "=", 1]]
    try:
        return bool(link.sheet("Email Account", Row, filters, [], limit=1).rows)
    except Forbidden:
        return None


def reminders(link: Link) -> list[str]:
    """The site's own notifications to customers about due invoices, where this user sees them."""
    filters: list[Filter] = [
        ["enabled", "=", 1],
        ["document_type", "=", INVOICE],
        ["channel", "=", "Email"],
        ["event", "in", list(SINCE_DUE)],
        ["date_changed", "=", "due_date"],
    ]
    with suppress(Forbidden):
        rows = list(link.every("Notification", Notification, filters, ["event", "date_changed"]))
        names = [row.name for row in rows]
        table = ("Notification Recipient", "Notification", "recipients")
        to = link.children(*table, Receiver, names, ["receiver_by_document_field"])
        outward = {row.parent for row in to if row.receiver_by_document_field not in ("", "owner")}
        return [name for name in names if name in outward]
    return []


def examine(link: Link, site: Site) -> Iterator[Finding]:
    """Every right and setting, each with the way to give what is missing."""
    for doctype, mend, needed in READS:
        fine = link.readable(doctype)
        yield Finding(what=f"read {doctype}", fine=fine, mend=mend, needed=needed)
    for right, what in (("email", "send mail about invoices"), ("print", "print invoices")):
        mend = f"in the Role Permission Manager give a role of the user's {right} on {INVOICE}"
        fine = link.allowed(INVOICE, right)
        yield Finding(what=what, fine=fine, mend=mend, needed=False)
    yield _outgoing(link)
    yield _hidden(link, site)
    yield from _own_reminders(link, site)


def _outgoing(link: Link) -> Finding:
    found = outgoing_account(link)
    mend = "in Email Account enable Outgoing on one account and make it the default"
    if found is None:
        mend = (
            "this user cannot see whether there is one: look in Email Account, or give the role "
            "Inbox User"
        )
    return Finding(
        what="a default outgoing Email Account", fine=bool(found), mend=mend, needed=False
    )


def _hidden(link: Link, site: Site) -> Finding:
    """User Permissions shorten lists without saying so."""
    method = "frappe.core.doctype.user_permission.user_permission.get_user_permissions"
    told: dict[str, Any] = {}
    with suppress(Rejected, AuthRequired):
        told = link.call(method, dict[str, Any]) or {}
    limits = sorted(name for name in told if name != "Company")
    return Finding(
        what="see every customer and invoice",
        fine=not limits,
        mend=f"take the User Permissions for {', '.join(limits)} from the user: they hide the rest",
        needed=False,
    )


def _own_reminders(link: Link, site: Site) -> Iterator[Finding]:
    """What the site sends by itself, or somebody by hand, as far as this user sees."""
    named = ", ".join(reminders(link))
    yield Finding(
        what="no Notification of ERPNext's own about overdue invoices",
        fine=not named,
        mend=f"disable the Notification {named}: until then Relance sends nothing",
        needed=False,
    )
    company: Filter = ["company", "=", site.company.name]
    for doctype, filters, what, mend in (
        (
            "Dunning",
            [["docstatus", "=", 1], ["status", "=", "Unresolved"]],
            "no Dunning of ERPNext's own under way",
            "resolve or cancel the open Dunnings: those customers hear from two sides",
        ),
        (
            "Process Statement Of Accounts",
            [["enable_auto_email", "=", 1]],
            "no statements of account sent by themselves",
            "switch Enable Auto Email off, or customers have statements and reminders",
        ),
    ):
        with suppress(Forbidden):
            rows = link.sheet(doctype, Row, [*filters, company], [], limit=1).rows
            yield Finding(what=what, fine=not rows, mend=mend, needed=False)
