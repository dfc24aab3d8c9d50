"""Odoo, versions 16 to 19: one company's customer invoices, and notes and mails on them.

What it cannot tell: a deleted row leaves no trace. A contact taken away shows in `account` and in
the next change of its customer. Posted documents cannot be deleted, and are compared with
`open_items` on every run; money that was set against nothing is looked for by `pages.money`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from connector.contract import (
    Account,
    Company,
    Cursor,
    Finding,
    Kind,
    Meter,
    OpenItem,
    Page,
    ProviderSpec,
    Receipt,
    Setting,
    TokenStore,
    Trace,
)
from connector.errors import BadRecord, Rejected, Unsupported
from connector.receivables.capabilities import Capabilities, Limits, Notes, Traces
from connector.receivables.records import (
    CreditNote,
    DocumentState,
    Invoice,
    Message,
    PaymentState,
)
from providers.http import Session
from providers.odoo import pages
from providers.odoo.firm import bank_line
from providers.odoo.ledger import Ledger
from providers.odoo.links import Link, connected
from providers.odoo.mail import compose, note, partners_of, send, traces
from providers.odoo.paper import document
from providers.odoo.parties import Party
from providers.odoo.rights import capabilities, findings
from providers.odoo.wire import chunks, number_of

PAGE = 500  # rows: a slow server stays under its 60 s

STREAMS = {
    Kind.CUSTOMERS: pages.customers,
    Kind.INVOICES: pages.documents,
    Kind.PAYMENTS: pages.money,
}


class Odoo:
    """One company's books on one database; see `connector.contract.Provider`."""

    def __init__(
        self,
        http: Session,
        connect: Callable[[], Link],
        company: int | None = None,
        page: int = PAGE,
    ) -> None:
        self._http, self._page = http, page
        self._ledger = Ledger(connect, company)

    @property
    def _link(self) -> Link:
        return self._ledger.link

    def company(self) -> Company:
        """The ledger id is of the database's name: its unique id only administrators may read, and
        the same books would bear another id when the user's rights change."""
        ledger, link = self._ledger, self._link
        firm, party = ledger.firm, self._firm_party()
        return Company(
            ledger_id=f"odoo:{link.database}:{ledger.company}",
            name=firm.name,
            country=ledger.country(party),
            timezone=self._timezone() or "UTC",
            currency=firm.currency,
            legal_id=firm.vat or firm.company_registry,
            address=party.postal,
            bank_line=bank_line(link, firm),
            email=firm.email,
            phone=firm.phone,
        )

    def _firm_party(self) -> Party:
        return self._ledger.parties([["id", "=", self._ledger.firm.partner_id]])[0]

    def _timezone(self) -> str:
        return self._firm_party().tz or self._link.who.tz

    def probe(self) -> Capabilities:
        """A user who may read accounting can do all; a PDF needs wkhtmltopdf on the server."""
        return capabilities(self._ledger)

    def examine(self) -> Iterator[Finding]:
        return findings(self._ledger, self._timezone())

    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        """Rows by id, of which the first read takes all and a later one what changed since.

        Raises:
            Unsupported: a kind that Odoo does not have.
        """
        told = STREAMS.get(kind)
        if not told:
            raise Unsupported(f"odoo: no changes of {kind}")
        return told(self._ledger, since, self._page)

    def open_items(self) -> Iterator[OpenItem]:
        """What Odoo says is left to pay, of each posted document.

        A row that does not read is left out: it is then asked for by id, and reported there.
        """
        return self._ledger.owed()

    def invoices(self, ids: Sequence[str]) -> Iterator[Invoice | CreditNote]:
        """These, fresh. One that cannot be read is raised at the end, not passed over as gone."""
        bad: list[BadRecord] = []
        for wanted in chunks((number for id_ in ids if (number := number_of(id_))), self._page):
            found = self._ledger.documents([*self._ledger.posted(), ["id", "in", wanted]])
            bad += found.bad
            yield from found.records
        if bad:
            raise bad[0]

    def account(self, customer_id: str) -> Account:
        """One customer, fresh.

        Raises:
            BadRecord: part of it cannot be read, so that nobody can say what is owed.
            Rejected: there is no such customer; after a merge its documents are another's.
        """
        ledger, number = self._ledger, number_of(customer_id)
        known = ledger.customers([number])
        if not known.ids:
            raise Rejected(f"odoo: there is no customer {customer_id!r}")
        open_ = ledger.documents([*ledger.owing(), ["commercial_partner_id", "=", number]])
        theirs = ["partner_id.commercial_partner_id", "=", number]
        money = ledger.payments([*ledger.received(), theirs, ["reconciled", "=", False]])
        going = [["state", "in", ["draft", "in_process"]]]
        transit = ledger.transits([*ledger.in_transit(), theirs, *going])
        for bad in (*known.bad, *open_.bad, *money.bad, *transit.bad):
            raise bad
        records = [record for record in open_.records if record.state is DocumentState.OPEN]
        return Account(
            customer=known.records[0],
            invoices=tuple(record for record in records if isinstance(record, Invoice)),
            credit_notes=tuple(record for record in records if isinstance(record, CreditNote)),
            payments=tuple(
                payment
                for payment in (*money.records, *transit.records)
                if payment.unallocated or payment.state is PaymentState.PENDING
            ),
        )

    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        """Our notes, and our mails by the reference in subject or text."""
        numbers = [number for id_ in invoice_ids if (number := number_of(id_))]
        if not numbers:
            return iter(())
        return traces(self._link, numbers, ZoneInfo(self._timezone() or "UTC"))

    def pdf(self, invoice_id: str) -> bytes:
        """The invoice's document: the one that Odoo keeps, else the customer's page makes it.

        That page has a key in its address; an invoice that has none yet is given one.

        Raises:
            Rejected: the server makes none.
        """
        return document(self._link, self._http, _number(invoice_id))

    def note(self, invoice_id: str, text: str, *, key: str) -> Receipt:
        return Receipt(id=note(self._link, _number(invoice_id), text))

    def email(self, message: Message, *, key: str) -> Receipt:
        """Sent to the contacts who have these addresses, and kept on the first invoice.

        Raises:
            Rejected: an address or a document that cannot go; nothing was sent.
        """
        if not message.invoice_ids:
            raise Rejected("odoo: a mail goes with an invoice, and this one names none")
        invoice, customer = _number(message.invoice_ids[0]), number_of(message.customer_id)
        family = self._ledger.parties([["commercial_partner_id", "=", customer]])
        partners = partners_of(message, family)
        files = [(file.name, self.pdf(file.invoice_id)) for file in message.attachments]
        composer = compose(self._link, message, invoice, partners, files, key)
        return Receipt(id=send(self._link, composer, invoice, key))

    def close(self) -> None:
        self._http.close()


def _number(invoice_id: str) -> int:
    if number := number_of(invoice_id):
        return number
    raise Rejected(f"odoo: there is no invoice {invoice_id!r}")


def check(settings: Mapping[str, str]) -> list[str]:
    """What is wrong with the settings, all of it."""
    problems = []
    url = settings.get("URL", "")
    where = urlsplit(url)
    if where.scheme not in ("http", "https") or not where.hostname:
        problems.append(
            f"RELANCE_ODOO_URL is {url!r}: expected an address such as https://firm.odoo.com"
        )
    if not settings.get("KEY"):
        problems += [
            f"RELANCE_ODOO_{name} is missing: give user and password, or RELANCE_ODOO_KEY"
            for name in ("USER", "PASSWORD")
            if not settings.get(name)
        ]
    company = settings.get("COMPANY", "")
    if company and not number_of(company):
        problems.append(f"RELANCE_ODOO_COMPANY is {company!r}: expected the company's id, as 1")
    return problems


def connect(
    settings: Mapping[str, str], tokens: TokenStore, meter: Meter, page: int = PAGE
) -> Odoo:
    """The connection; nothing is asked of the server before the first method is called."""
    user, password = settings.get("USER", ""), settings.get("PASSWORD", "")
    key = settings.get("KEY", "")
    database, company = settings["DATABASE"], number_of(settings.get("COMPANY", "")) or None
    # as it stands in the browser's address bar
    url = re.sub(r"/(web|odoo)([/?#].*)?$", "", settings["URL"].rstrip("/"))
    # without this header a server of several databases finds none
    headers = {"X-Odoo-Database": database}
    http = Session("odoo", url, headers=headers, secrets=[password, key], meter=meter)
    return Odoo(http, lambda: connected(http, database, user, password, key), company, page)


SPEC = ProviderSpec(
    name="odoo",
    title="Odoo",
    can=Capabilities(
        custom_email=True,
        note=Notes.INVOICE,
        traces=Traces.COMPLETE,
        pdf=True,
        pay_link=True,
        native_reminders=True,
        contacts_only=True,
    ),
    kinds=tuple(STREAMS),
    settings=(
        Setting(name="URL", help="the server, as https://firm.odoo.com"),
        Setting(name="DATABASE", help="the database's name; at odoo.com the word before .odoo.com"),
        Setting(name="KEY", help="an API key of the user", required=False, secret=True),
        Setting(name="USER", help="login; with a key only before Odoo 19", required=False),
        Setting(name="PASSWORD", help="of that login, without a key", required=False, secret=True),
        Setting(name="COMPANY", help="id, if the user has several", required=False),
    ),
    check=check,
    open=connect,
    limits=Limits(at_once=1),
)
