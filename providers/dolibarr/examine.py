"""What this user may see and do, one right at a time, asked without writing anything."""

from collections.abc import Iterator
from datetime import datetime

from connector.contract import Finding
from connector.errors import AuthRequired, ConfigError, Rejected
from providers.dolibarr.customers import CONTACTS
from providers.dolibarr.documents import Document, Stamped
from providers.dolibarr.events import EVENTS, Agenda, Event
from providers.dolibarr.firm import SINGLE, Named, own
from providers.dolibarr.ledger import INVOICES, PARTIES, Ledger
from providers.dolibarr.link import MODULES, RIGHTS, SEE_ALL, Absent, Denied
from providers.dolibarr.parties import Person

LOOK = 50  # early invoices among whose ids gaps are looked for
GAPS = 3  # of them asked for
NO_FILE = {"modulepart": "facture", "original_file": "relance/none.pdf"}


def examine(ledger: Ledger, agenda: Agenda, named: Named, *, single: bool) -> Iterator[Finding]:
    """The key, then each right, then what else helps. `single`: no entity was chosen."""
    try:
        version = ledger.status.dolibarr_version
    except (ConfigError, AuthRequired) as error:
        yield Finding(what="the API and its key", fine=False, mend=str(error))
        return
    yield Finding(what=f"the API and its key (Dolibarr {version})", fine=True)
    yield _right(ledger, INVOICES, Stamped, "read customer invoices")
    yield _right(ledger, PARTIES, Stamped, "read third parties")
    yield Finding(
        what="see all third parties and their invoices",
        fine=_sees_all(ledger, single),
        mend=f"give {SEE_ALL}. If the firm has no invoice yet, come back when it has",
    )
    yield _right(ledger, CONTACTS, Person, "read contacts", needed=False)
    yield _right(ledger, EVENTS, Event, "read and write events on invoices", needed=False)
    yield Finding(
        what="whose events they are",
        fine=bool(agenda.know_owner()),
        mend="set RELANCE_DOLIBARR_USER_ID to the id in the address of the user's card "
        "(…/user/card.php?id=7): else each run asks Dolibarr for it with its first note",
        needed=False,
    )
    yield Finding(
        what="fetch invoices as PDF",
        fine=has_documents(ledger),
        mend=f"give {RIGHTS['documents']}",
        needed=False,
    )
    yield Finding(
        what="the firm's name",
        fine=bool(named.name or own(ledger)),
        mend="set RELANCE_DOLIBARR_COMPANY, as only an administrator is told it",
    )
    yield Finding(
        what=f"the server counts its days in {ledger.zone.key}",
        fine=_midnights(ledger),
        mend="set RELANCE_DOLIBARR_TIMEZONE to the zone of the server's PHP: changes are asked "
        "for in its local time",
        needed=False,
    )


def _right(
    ledger: Ledger,
    path: str,
    row: type[Stamped | Person | Event],
    what: str,
    *,
    needed: bool = True,
) -> Finding:
    key = "t.id" if path == EVENTS else "t.rowid"
    try:
        ledger.link.rows(path, row, limit=1, sort=(key, "ASC"))
    except Denied as error:
        return Finding(what=what, fine=False, mend=f"give {RIGHTS[path]} ({error})", needed=needed)
    except Absent:
        mend = f"switch on the module {MODULES[path]} under Accueil, Configuration, Modules"
        return Finding(what=what, fine=False, mend=mend, needed=needed)
    return Finding(what=what, fine=True, needed=needed)


def _sees_all(ledger: Ledger, single: bool) -> bool:
    """False when no invoice is to be seen, or one that exists is refused by its id."""
    try:
        seen = ledger.link.rows(INVOICES, Document, limit=LOOK)
    except (Denied, Absent):
        return False
    if not seen.ids:
        return False
    if not single or any(row.entity not in ("", SINGLE) for row in seen.rows):
        return True  # another firm's invoices are refused in the same words
    hidden = sorted(set(range(1, max(seen.ids))) - set(seen.ids))[:GAPS]
    return not any(_refused(ledger, number) for number in hidden)


def _refused(ledger: Ledger, number: int) -> bool:
    try:
        ledger.link.get(f"{INVOICES}/{number}", {}, missing=None)
    except Denied:
        return True
    return False


def has_documents(ledger: Ledger) -> bool:
    """Whether files can be asked for: one that is not there is not found, and not refused."""
    try:
        ledger.link.get("documents/download", NO_FILE, missing=None)
    except (Denied, Rejected):
        return False
    return True


def _midnights(ledger: Ledger) -> bool:
    """Whether the dates of invoices are midnights where they should be."""
    try:
        rows = ledger.link.rows(INVOICES, Document, limit=LOOK).rows
    except (Denied, Absent):
        return True
    instants = [datetime.fromtimestamp(row.date, ledger.zone) for row in rows if row.date]
    return all((at.hour, at.minute) == (0, 0) for at in instants)
