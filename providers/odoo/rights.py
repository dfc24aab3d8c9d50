"""What this server lets this user do, asked without writing anything."""

from collections.abc import Iterator

from connector.contract import Finding
from connector.errors import Rejected
from connector.receivables.capabilities import Capabilities, Notes, Traces
from providers.odoo.documents import LINE, MOVE
from providers.odoo.firm import user_of
from providers.odoo.ledger import Ledger
from providers.odoo.links import Link
from providers.odoo.mail import ATTACHMENT, COMPOSER, MESSAGE
from providers.odoo.parties import PARTNER
from providers.odoo.payments import PARTIAL, PAYMENT
from providers.odoo.wire import NoRight, Row

ASKED_OF_RECORDS = 18  # the version from which rights are a record's to tell
PDF_STATES = ("ok", "workers", "upgrade")
FOLLOW_UP = "account_followup.followup.line"  # Enterprise's own reminders
READER = "give the user the right Accounting: Read-only or Invoicing (Settings, Users)"
READ = {
    PARTNER: ("read contacts", True),
    MOVE: ("read invoices", True),
    LINE: ("read journal items", True),
    PARTIAL: ("read what payments are set against", True),
    PAYMENT: ("read payments that are not booked yet", False),
}
WRITE = {
    MESSAGE: "leave notes on invoices",
    COMPOSER: "send e-mails",
    ATTACHMENT: "attach documents to e-mails",
}


def may_read(link: Link, model: str) -> bool:
    """Whether the user may read this."""
    try:
        link.sheet(model, Row, [], ["id"], limit=1)
    except (NoRight, Rejected):
        return False
    return True


def may_create(link: Link, model: str) -> bool:
    """Whether the user may make such a record; yes where this cannot be asked."""
    try:
        if link.major >= ASKED_OF_RECORDS:
            may = link.call(model, "has_access", bool, ids=[], operation="create")
        else:
            may = link.call(
                model, "check_access_rights", bool, operation="create", raise_exception=False
            )
    except (NoRight, Rejected):
        return link.has(model)
    return bool(may)


def makes_pdf(link: Link) -> bool:
    """Whether the server can make a PDF; yes where this cannot be asked."""
    try:
        state = link.call("ir.actions.report", "get_wkhtmltopdf_state", object)
    except (NoRight, Rejected):
        return True
    return state in PDF_STATES or not isinstance(state, str)


def reminds(link: Link) -> bool:
    """Whether Enterprise's follow-up sends reminders by itself."""
    if not link.has(FOLLOW_UP):
        return False
    levels: list[object] = []
    if link.has(FOLLOW_UP, "auto_execute"):
        levels.append(["auto_execute", "=", True])
    try:
        return bool(link.call(FOLLOW_UP, "search_count", int, domain=levels))
    except (NoRight, Rejected):
        return False


def capabilities(ledger: Ledger) -> Capabilities:
    """What this server and user can do. A user who reads accounting may do all of it."""
    link = ledger.link
    return Capabilities(
        custom_email=may_create(link, COMPOSER),
        note=Notes.INVOICE if may_create(link, MESSAGE) else Notes.NONE,
        traces=Traces.COMPLETE,
        pdf=makes_pdf(link),
        pay_link=bool(ledger.shop),
        native_reminders=reminds(link),
        contacts_only=True,
    )


def findings(ledger: Ledger, timezone: str) -> Iterator[Finding]:
    """Every right and setting that matters, one by one."""
    link = ledger.link
    for model, (what, needed) in READ.items():
        yield Finding(what=what, fine=may_read(link, model), mend=READER, needed=needed)
    for model, what in WRITE.items():
        mend = "make the user an internal user (Settings, Users, User Type)"
        yield Finding(what=what, fine=may_create(link, model), mend=mend, needed=False)
    yield Finding(
        what="have an address to send from",
        fine=bool(user_of(link).email),
        mend="enter an e-mail address for the user: mails go out in its name",
        needed=False,
    )
    yield Finding(
        what="make invoices as PDF",
        fine=makes_pdf(link),
        mend="install wkhtmltopdf on Odoo's server",
        needed=False,
    )
    yield Finding(
        what="know the firm's time zone",
        fine=bool(timezone),
        mend="choose a time zone in the user's preferences, or set RELANCE_TIMEZONE",
        needed=False,
    )
    yield Finding(
        what="be the only one who reminds",
        fine=not reminds(link),
        mend="switch Automatic off in each of Odoo's follow-up levels, or customers hear twice",
        needed=False,
    )
