"""The mirror: takes in what a provider tells, one transaction at a time, and says what it knows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from connector.contract import Company, Kind, OpenItem, Page, Trace
from connector.errors import BadRecord, ConfigError
from connector.mirror import tables
from connector.mirror.batch import Batch
from connector.mirror.intake import Refused, forget_unseen, has_waited, remember, write
from connector.mirror.invoices import void_missing
from connector.mirror.opened import (
    all_invoices,
    invoice_balances,
    open_documents,
    open_invoices,
)
from connector.mirror.state import State
from connector.mirror.traces import Found, take_over
from connector.receivables.records import Record


class Mirror:
    """The mirror in one `State`. Each method is one transaction; `now` is aware UTC.

    `run_id` is written with the events. `as_of` is the instant the data speak of where they are an
    export, None while they are live; `bind` sets it.
    """

    def __init__(self, state: State, run_id: int | None = None) -> None:
        self.state = state
        self.run_id = run_id
        self.as_of: datetime | None = None
        with state.reader.connect() as connection:
            known = connection.execute(select(tables.ledger.c.ledger_id)).scalar()
        self.ledger_id: str = known or ""

    def bind(self, company: Company, today: date) -> None:
        """Tie the file to one ledger: the first it meets, installed today.

        Raises:
            ConfigError: it belongs to another ledger.
        """
        if self.ledger_id not in ("", company.ledger_id):
            raise ConfigError(
                f"{self.state.path}: holds the books of {self.ledger_id}, and the connection "
                f"answers for {company.ledger_id}. Name another file as RELANCE_STATE for "
                f"{company.ledger_id}, or correct the connection."
            )
        given = {
            "name": company.name,
            "country": company.country,
            "timezone": company.timezone,
            "currency": company.currency,
        }
        row = {"id": 1, "ledger_id": company.ledger_id, "installed_on": today, **given}
        with self.state.mirror.begin() as connection:
            statement = insert(tables.ledger).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=given))
        self.ledger_id = company.ledger_id
        self.as_of = company.as_of

    def cursor(self, kind: Kind) -> str | None:
        """Where the stream was left, None before its first page."""
        query = select(tables.cursor.c.value).where(tables.cursor.c.kind == str(kind))
        with self.state.reader.connect() as connection:
            return connection.execute(query).scalar() or None

    def store(
        self, kind: Kind, page: Page, *, now: datetime, today: date, complete: bool = False
    ) -> tuple[BadRecord, ...]:
        """Take in a page and its cursor; `complete` says that the read ends with it.

        Returns the page's bad records and those that the database refused: they are set aside.
        """

        def work(batch: Batch, singly: bool) -> tuple[BadRecord, ...]:
            bad = (*page.bad, *write(batch, page.records, singly=singly))
            remember(batch, bad)
            row = {"kind": str(kind), "value": page.cursor}
            if complete:
                row["completed_at"] = now  # type: ignore[assignment]
                if kind is Kind.PAYMENTS:
                    self._stamp(batch.connection, payments_read_at=self.as_of or now)
            batch.upsert(tables.cursor, [row], "kind")
            return bad

        return self._written(work, now, today)

    def has_set_aside(self, before: datetime) -> bool:
        """Whether a record that could not be read was last met before an instant, aware UTC."""
        with self.state.reader.connect() as connection:
            return has_waited(connection, before)

    def all_read(self, now: datetime) -> None:
        """Forget the bad records that a read of everything, begun at `now`, has not met."""
        with self.state.mirror.begin() as connection:
            forget_unseen(connection, now)

    def put(
        self, records: Iterable[Record], *, now: datetime, today: date
    ) -> tuple[BadRecord, ...]:
        """Take in records read apart from any stream; returns those the database refused."""
        told = list(records)

        def work(batch: Batch, singly: bool) -> tuple[BadRecord, ...]:
            bad = write(batch, told, singly=singly)
            remember(batch, bad)
            return tuple(bad)

        return self._written(work, now, today)

    def missing(self, ids: Iterable[str], *, now: datetime, today: date) -> None:
        """Make void the documents that the product no longer knows: nothing is owed on them."""
        with self._writing(now, today) as batch:
            void_missing(batch, list(ids))

    def swept(
        self,
        records: Sequence[Record],
        gone: Sequence[str],
        items: Mapping[str, OpenItem],
        *,
        now: datetime,
        today: date,
    ) -> tuple[BadRecord, ...]:
        """Take in what a sweep of the open set found, and keep the figures that contradict it."""

        def work(batch: Batch, singly: bool) -> tuple[BadRecord, ...]:
            bad = write(batch, records, singly=singly)
            remember(batch, bad)
            void_missing(batch, gone)
            invoice = tables.invoice
            batch.connection.execute(
                update(invoice).where(invoice.c.open_balance.is_not(None)).values(open_balance=None)
            )
            for ref, balance in invoice_balances(batch.connection, items).items():
                if balance != items[ref].balance:  # rare, so one by one
                    contradicted = update(invoice).where(invoice.c.ref == ref)
                    batch.connection.execute(contradicted.values(open_balance=items[ref].balance))
            self._stamp(batch.connection, open_read_at=self.as_of or now)
            return tuple(bad)

        return self._written(work, now, today)

    def pulled(self, *, now: datetime, today: date, payments: bool, open_set: bool) -> bool:
        """Note the end of a complete pull; whether it was the first.

        `payments` and `open_set`: no read of their own told of them, so the pull as a whole did.
        """
        at = self.as_of or now
        with self.state.mirror.begin() as connection:
            first = connection.execute(select(tables.ledger.c.first_pull_on)).scalar() is None
            if first:
                self._stamp(connection, first_pull_on=today)
            self._stamp(connection, pulled_at=at)
            if payments:
                self._stamp(connection, payments_read_at=at)
            if open_set:
                self._stamp(connection, open_read_at=at)
        return first

    def payments_known_at(self) -> datetime | None:
        """The instant up to which payments and open set are known, None if one never was."""
        query = select(tables.ledger.c.payments_read_at, tables.ledger.c.open_read_at)
        with self.state.reader.connect() as connection:
            row = connection.execute(query).first()
        if row is None or None in row:
            return None
        return min(row.payments_read_at, row.open_read_at)  # type: ignore[no-any-return]

    def traced(self, traces: Iterable[Trace], *, today: date, now: datetime) -> Found:
        """Take over what traces read from the product tell and the database does not know."""
        traces = list(traces)  # read before the transaction, which would make others wait
        with self._writing(now, today) as batch:
            return take_over(batch, traces)

    def open_invoices(self, customer_id: str) -> list[str]:
        """The product's ids of a customer's invoices that are open here."""
        with self.state.reader.connect() as connection:
            return open_invoices(connection, customer_id)

    def invoice_ids(self) -> list[str]:
        """The product's ids of every invoice here, the latest first."""
        with self.state.reader.connect() as connection:
            return all_invoices(connection)

    def open_balances(self) -> dict[str, int]:
        """What is open here, by the product's id; a credit note is negative."""
        with self.state.reader.connect() as connection:
            return open_documents(connection)

    def _written(
        self,
        work: Callable[[Batch, bool], tuple[BadRecord, ...]],
        now: datetime,
        today: date,
    ) -> tuple[BadRecord, ...]:
        """Do the work in one transaction; where a record is refused, again and record by record."""
        try:
            with self._writing(now, today) as batch:
                return work(batch, False)
        except Refused:
            with self._writing(now, today) as batch:
                return work(batch, True)

    @contextmanager
    def _writing(self, now: datetime, today: date) -> Iterator[Batch]:
        with self.state.mirror.begin() as connection:
            batch = Batch(connection, self.ledger_id, now, today, self.run_id)
            yield batch
            batch.flush()

    def _stamp(self, connection: Connection, **values: Any) -> None:
        connection.execute(update(tables.ledger).values(**values))
