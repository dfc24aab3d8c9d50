"""CSV files in a folder as an accounting product: read whole, checked whole, notes in a log."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

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
    trace_of,
)
from connector.errors import ConfigError, Rejected, Transient, Unsupported
from connector.receivables.capabilities import Capabilities, Notes, Traces
from connector.receivables.records import (
    CreditNote,
    DocumentState,
    Invoice,
    Message,
    Payment,
    PaymentState,
)
from providers.files.ledger import TABLES, Ledger, read_ledger
from providers.files.log import Entry, Log

NEEDED = ("customers.csv", "invoices.csv", "payments.csv")
PAGE = 1000
TRIES = 3  # reads of a folder that is being written to, before it is left for later

_Stamp = tuple[tuple[int, int, int] | None, ...]


class Files:
    """One folder of exports, parsed again whenever a file of it has changed.

    `clock` gives the aware UTC instant that a note bears.
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._folder, self._clock = folder, clock
        self._log = Log(folder)
        self._stamp: _Stamp | None = None
        self._parsed: Ledger | None = None

    def company(self) -> Company:
        """The firm of company.csv; its data are as old as the older of invoices and payments."""
        return self._ledger().company

    def probe(self) -> Capabilities:
        """Notes if the folder can be written to; customer balances if the files give any."""
        writable = self._log.is_writable
        some = Traces.SOME if self._log.exists else Traces.NONE
        return Capabilities(
            note=Notes.INVOICE if writable else Notes.NONE,
            traces=Traces.COMPLETE if writable else some,
            idempotency=writable,
            pay_link=True,
            customer_balance=any(
                customer.balances is not None for customer in self._ledger().customers.values()
            ),
        )

    def examine(self) -> Iterator[Finding]:
        """Whether each file is there, whether all of them read, and whether the log can be kept."""
        for table in TABLES:
            there = (self._folder / table.file).is_file()
            if there or table.file in NEEDED:
                missing = f"export it into {self._folder}"
                yield Finding(what=f"{table.file} is there", fine=there, mend=missing)
        try:
            self._ledger()
        except ConfigError as error:
            for problem in error.problems:
                yield Finding(what="the files can be read", fine=False, mend=problem)
        else:
            yield Finding(what="the files can be read", fine=True)
        mend = f"make {self._folder} writable: a lost database may else repeat reminders"
        yield Finding(what="notes can be kept", fine=self._log.is_writable, mend=mend, needed=False)

    def changes(self, kind: Kind, since: Cursor | None) -> Iterator[Page]:
        """All records of a kind if its files differ from what the cursor has seen, else none.

        The cursor is the digest of the files and the number of records told: a read that was cut
        off goes on there, unless the files have changed since.
        """
        ledger = self._ledger()
        records, digest = ledger.of(kind), ledger.digests[kind]
        start = _told(since, digest)
        for at in range(start, max(len(records), start + 1), PAGE):
            page = tuple(records[at : at + PAGE])
            told = min(at + PAGE, len(records))
            yield Page(records=page, cursor=f"{digest}:{told}", total=len(records))

    def open_items(self) -> Iterator[OpenItem]:
        """What is open in the files now."""
        ledger = self._ledger()
        for invoice in ledger.invoices.values():
            if invoice.state == DocumentState.OPEN:
                given = invoice.balance
                balance = sum(line.balance for line in invoice.lines) if given is None else given
                yield OpenItem(id=invoice.id, balance=balance, currency=invoice.currency)
        for note in ledger.credit_notes.values():
            if note.state == DocumentState.OPEN:
                yield OpenItem(id=note.id, balance=-note.balance, currency=note.currency)

    def invoices(self, ids: Sequence[str]) -> Iterator[Invoice | CreditNote]:
        """These documents as the files have them; one that is in none is left out."""
        ledger = self._ledger()
        for document_id in ids:
            document = ledger.invoices.get(document_id) or ledger.credit_notes.get(document_id)
            if document:
                yield document

    def account(self, customer_id: str) -> Account:
        """One customer, out of files looked at in this moment.

        Raises:
            Rejected: the files know no such customer.
        """
        ledger = self._ledger()
        customer = ledger.customers.get(customer_id)
        if customer is None:
            raise Rejected(f"files: customer {customer_id} is no longer in customers.csv")
        return Account(
            customer=customer,
            invoices=tuple(
                invoice
                for invoice in ledger.invoices.values()
                if invoice.customer_id == customer_id and invoice.state == DocumentState.OPEN
            ),
            credit_notes=tuple(
                note
                for note in ledger.credit_notes.values()
                if note.customer_id == customer_id and note.state == DocumentState.OPEN
            ),
            payments=tuple(
                payment
                for payment in ledger.payments.values()
                if payment.customer_id == customer_id and _matters(payment)
            ),
        )

    def pdf(self, invoice_id: str) -> bytes:
        """Raises: Unsupported: a CSV export holds no documents."""
        raise Unsupported("files: invoices have no PDF here")

    def note(self, invoice_id: str, text: str, *, key: str) -> Receipt:
        """One row in relance-log.csv; a key that is there already for this invoice adds none."""
        self._log.append(self._clock(), Entry(invoice_id, "note", key, text))
        return Receipt(id=key)

    def email(self, message: Message, *, key: str) -> Receipt:
        """Raises: Unsupported: files send no mail, the firm's SMTP server does."""
        raise Unsupported("files: no e-mail is sent through CSV files")

    def traces(self, invoice_ids: Sequence[str]) -> Iterator[Trace]:
        """The notes of relance-log.csv on these invoices, the oldest first."""
        wanted = frozenset(invoice_ids)
        for entry in self._log.entries():
            trace = trace_of(entry.text, entry.invoice_id) if entry.invoice_id in wanted else None
            if trace:
                yield trace

    def close(self) -> None:
        """Nothing is held open."""

    def _ledger(self) -> Ledger:
        """The folder as it is now.

        Raises:
            ConfigError: every problem of its files.
            Transient: its files keep changing while they are read.
        """
        for _ in range(TRIES):
            stamp = self._stat()
            if self._parsed is not None and stamp == self._stamp:
                return self._parsed
            try:
                ledger = read_ledger(self._folder)
            except ConfigError:
                if stamp == self._stat():
                    raise
                continue  # an export was half written: what it says now is another matter
            if stamp == self._stat():
                self._parsed, self._stamp = ledger, stamp
        raise Transient(f"files: the files in {self._folder} are being written; try again later")

    def _stat(self) -> _Stamp:
        """When and how large each file is: what tells that one has changed."""

        def stamp(path: Path) -> tuple[int, int, int] | None:
            try:
                stat = path.stat()
            except OSError:
                return None
            return stat.st_mtime_ns, stat.st_size, stat.st_ino

        return tuple(stamp(self._folder / table.file) for table in TABLES)


def _told(since: Cursor | None, digest: str) -> int:
    """How many records of files with this digest were told already."""
    seen, _, told = (since or "").partition(":")
    return int(told) if seen == digest and told.isascii() and told.isdigit() else 0


def _matters(payment: Payment) -> bool:
    """On its way, or with a rest that is set against nothing."""
    if payment.state == PaymentState.PENDING:
        return True
    return payment.state == PaymentState.BOOKED and payment.unallocated > 0


def _open(settings: Mapping[str, str], tokens: TokenStore, meter: Meter) -> Files:
    return Files(Path(settings["FOLDER"]), lambda: datetime.now(UTC))


def _check(settings: Mapping[str, str]) -> Sequence[str]:
    folder = Path(settings.get("FOLDER", ""))
    if not settings.get("FOLDER") or folder.is_dir():
        return ()  # that it is missing is told by whoever reads the settings
    return (f"RELANCE_FILES_FOLDER: {str(folder)!r} is not a folder (expected one of CSV files)",)


SPEC = ProviderSpec(
    name="files",
    title="CSV files",
    can=Capabilities(
        note=Notes.INVOICE,
        traces=Traces.COMPLETE,
        idempotency=True,
        pay_link=True,
        customer_balance=True,
    ),
    kinds=(Kind.CUSTOMERS, Kind.INVOICES, Kind.CREDIT_NOTES, Kind.PAYMENTS, Kind.HISTORY),
    settings=(Setting(name="FOLDER", help="the folder that holds the CSV files", path=True),),
    open=_open,
    check=_check,
)
