"""The customers of one firm with their contacts, which are a list of their own."""

from collections.abc import Mapping, Sequence

from connector.errors import BadRecord, Rejected
from connector.receivables.records import Customer
from providers.dolibarr.ledger import NAMED, PARTIES, Found, Ledger
from providers.dolibarr.link import Absent, Denied
from providers.dolibarr.parties import Party, Person, to_customer
from providers.dolibarr.wire import TITLE, Sheet, sheet

CONTACTS = "contacts"


class Customers:
    """Third parties and the people there; without the right to read those, third parties alone."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._no_contacts = False

    def of(self, found: Sheet[Party]) -> Found[Customer]:
        """The third parties of a page with their contacts."""
        people = self._people(found.ids)
        records: Found[Customer] = Found([], list(found.bad), found.ids)
        for row in found.rows:
            try:
                records.records.append(to_customer(row, people.get(row.id, ()), self._ledger.home))
            except ValueError as error:
                records.bad.append(BadRecord("customer", row.id, row.name, str(error)))
        return records

    def one(self, customer_id: str) -> Customer:
        """One of them, fresh.

        Raises:
            Rejected: there is no such third party, or it does not read.
        """
        raw = self._ledger.link.get(f"{PARTIES}/{customer_id}", {}, missing=None)
        if raw is None:
            raise Rejected(f"{TITLE}: there is no customer {customer_id}")
        mapped = self.of(sheet([raw], Party, "customer"))
        for bad in mapped.bad:
            raise bad
        return mapped.records[0]

    def moved(self, since: str) -> list[str]:
        """The customers of contacts that changed: nothing stamps the customer then."""
        if self._no_contacts:
            return []
        found = self._contacts([f"(t.tms:>=:'{since}')"])
        return sorted({person.firm for person in found if person.firm.isdecimal()}, key=int)

    def _people(self, firms: Sequence[int]) -> Mapping[str, list[Person]]:
        """The contacts of these customers, and of others whose ids lie between."""
        by_firm: dict[str, list[Person]] = {}
        if not firms or self._no_contacts:
            return by_firm
        if len(firms) > NAMED:
            where = (f"(t.fk_soc:>=:{min(firms)})", f"(t.fk_soc:<=:{max(firms)})")
            found = self._contacts(where)
        else:
            found = self._contacts((), {"thirdparty_ids": ",".join(map(str, firms))})
        for person in found:
            by_firm.setdefault(person.firm, []).append(person)
        return by_firm

    def _contacts(
        self, where: Sequence[str], more: Mapping[str, str] | None = None
    ) -> list[Person]:
        try:
            roles = {"includeroles": "1", **(more or {})}
            sheets = self._ledger.pages(CONTACTS, Person, where, more=roles)
            return [person for found in sheets for person in found.rows]
        except (Denied, Absent):
            # the addresses of the customers themselves will do, and `examine` says what is missing
            self._no_contacts = True
            return []
