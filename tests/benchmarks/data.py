"""The books of the benchmarks: as many invoices as wanted, the same ones on every machine."""

import json
import random
from bisect import bisect_left, bisect_right, insort
from datetime import UTC, date, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)
TODAY = date(2026, 11, 20)
COLLECTIONS = ("customers", "invoices")
_TIES = 3  # rows that share one stamp, as those of one transaction do
_NOTE = "Delivered and accepted as agreed in the framework contract; all prices without tax. "


def stamp(number: int) -> str:
    """The n-th instant at which something changed, as text that sorts as time does."""
    return f"{START + timedelta(seconds=number):%Y-%m-%dT%H:%M:%S}.000Z"


class Books:
    """Customers and open invoices, in order of their last change; `edit` changes some of them.

    An invoice is 1.5 KB of JSON, of which a reminder needs a fifth. Amounts are minor units here
    and decimals on the wire. `late` are the least and the most days that one is past due.
    """

    def __init__(
        self,
        invoices: int,
        seed: int = 7,
        *,
        customers: int | None = None,
        late: tuple[int, int] = (-30, 90),
    ) -> None:
        draw = random.Random(seed)
        self.totals = [draw.randint(1_000, 900_000) for _ in range(invoices)]
        self.balances = list(self.totals)
        self.customers = customers or max(1, invoices // 20)
        self._late = [draw.randint(*late) for _ in range(invoices)]
        self._clock = invoices
        rows = {"customers": self.customers, "invoices": invoices}
        self._row = {name: {self.id(name, row): row for row in range(rows[name])} for name in rows}
        self._stamps = {name: [row // _TIES for row in range(rows[name])] for name in rows}
        self._order = {
            name: sorted((row // _TIES, key) for key, row in self._row[name].items())
            for name in rows
        }

    def id(self, collection: str, row: int) -> str:
        """The id of a row; those of invoices are in no order, as UUIDs are."""
        if collection == "customers":
            return f"c{row:06d}"
        return f"{row * 2654435761 % 2**32:08x}-{row % 65536:04x}-4000-8000-{row:012x}"

    def after(self, collection: str, at: str, last: str, size: int) -> tuple[list[str], int]:
        """Rows that follow the place (stamp, id), that of the stamp included where no id is named;
        and how many there are from it on."""
        order = self._order[collection]
        find = bisect_right if last else bisect_left
        first = find(order, (_number(at), last)) if at else 0
        return self._told(collection, first, first + size), len(order) - first

    def page(self, collection: str, since: str, number: int, size: int) -> tuple[list[str], int]:
        """The n-th page of the rows changed since, that stamp included; and how many there are."""
        order = self._order[collection]
        first = bisect_left(order, (_number(since), "")) if since else 0
        start = first + (number - 1) * size
        return self._told(collection, start, start + size), len(order) - first

    def _told(self, collection: str, start: int, end: int) -> list[str]:
        rows = self._row[collection]
        return [self.json(collection, rows[key]) for _, key in self._order[collection][start:end]]

    def newest(self, collection: str) -> str:
        """The stamp of the row changed last."""
        return stamp(self._order[collection][-1][0])

    def json(self, collection: str, row: int) -> str:
        """A row as the server tells it."""
        updated = stamp(self._stamps[collection][row])
        if collection == "customers":
            return (
                f'{{"id":"{self.id("customers", row)}","name":"Customer {row:06d} Ltd",'
                f'"email":"ap{row}@customer.example","country":"FR","updated":"{updated}"}}'
            )
        total, balance = self.totals[row], self.balances[row]
        due_on = TODAY - timedelta(days=self._late[row])
        customer = self._customer(row)
        return (
            f'{{"id":"{self.id("invoices", row)}","number":"INV-{row:07d}","type":"sale",'
            f'"customer":{{"id":"c{customer:06d}","name":"Customer {customer:06d} Ltd",'
            f'"addresses":[{{"kind":"street","line1":"{row % 200} High Street","city":"Lyon",'
            f'"postcode":"69{row % 1000:03d}","country":"FR"}}]}},'
            f'"status":"{"open" if balance else "paid"}","currency":"EUR",'
            f'"issued_on":"{due_on - timedelta(days=30)}","due_on":"{due_on}",'
            f'"net":{total // 1.2 / 100},"tax":{(total - total // 1.2) / 100:.2f},'
            f'"total":{total / 100},"due":{balance / 100},"paid":{(total - balance) / 100},'
            f'"reference":"PO-{row:06d}","lines":[{_LINES}],"updated":"{updated}"}}'
        )

    def account(self, key: str) -> str:
        """A customer with the open invoices."""
        customer = self._row["customers"][key]
        rows = range(len(self.totals))
        open_ = [row for row in rows if self._customer(row) == customer and self.balances[row]]
        told = ",".join(self.json("invoices", row) for row in open_)
        return f'{{"customer":{self.json("customers", customer)},"invoices":[{told}]}}'

    def _customer(self, row: int) -> int:
        return row * 7919 % self.customers

    def edit(self, count: int, seed: int) -> list[int]:
        """Other people change so many invoices: partly paid or paid, and last in the list."""
        draw = random.Random(seed)
        rows = draw.sample(range(len(self.totals)), min(count, len(self.totals)))
        order = self._order["invoices"]
        for place, row in enumerate(rows):
            key = self.id("invoices", row)
            del order[bisect_left(order, (self._stamps["invoices"][row], key))]
            self._clock += place % _TIES == 0
            self._stamps["invoices"][row] = self._clock
            self.balances[row] = draw.choice((0, self.balances[row] // 2))
            insort(order, (self._clock, key))
        return rows

    def truth(self) -> dict[str, int]:
        """What a mirror must hold at the end: the balance of each invoice."""
        return {key: self.balances[row] for key, row in self._row["invoices"].items()}


def _number(at: str) -> int:
    instant = datetime.fromisoformat(at)
    return int((instant - START).total_seconds())


_LINES = ",".join(
    json.dumps(
        {
            "item": f"CONS-{number}",
            "description": _NOTE[: 60 + 5 * number],
            "quantity": 1.0,
            "price": 150.0,
            "account": "706000",
            "tax_code": "FR20",
            "tracking": [{"name": "Region", "option": "South"}],
        },
        separators=(",", ":"),
    )
    for number in range(5)
)
