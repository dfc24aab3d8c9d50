"""The firm whose invoices these are: company, accounts, years, terms, users, customers."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.lab.situations import TERMS

CONFIGURATION = Path(__file__).with_name("trytond.conf")
DATABASE = "lab"
ZONE = "Europe/Paris"
SYNC = {"login": "sync", "password": "lab-Sync-pass-1"}


class Firm:
    """The company and all that its invoices need, made through proteus."""

    def __init__(self, today: date) -> None:
        import proteus

        self.today = today
        self.config = proteus.config.set_trytond(config_file=str(CONFIGURATION))
        self.config.skip_warning = True
        self.get: Callable[[str], Any] = proteus.Model.get
        self.wizard: Callable[..., Any] = proteus.Wizard
        self.ids: dict[str, Any] = {"currencies": {}, "terms": {}, "years": {}}
        self.base()
        self.chart()
        self.years()
        self.terms()
        self.users()

    def one(self, model: str, *domain: object) -> Any:
        """Return the first record that the domain finds."""
        return self.get(model).find(list(domain), limit=1)[0]

    def base(self) -> None:
        """Make the country, the currencies and the company."""
        self.france = self.get("country.country")(name="France", code="FR", code3="FRA")
        self.france.save()
        currency: dict[str, Any] = {}
        for code, symbol, rate in [("EUR", "€", "1"), ("USD", "$", "1.08")]:
            record = currency[code] = self.get("currency.currency")(
                name=code, code=code, symbol=symbol, rounding=Decimal("0.01"), digits=2
            )
            record.rates.new(date=date(2000, 1, 1), rate=Decimal(rate))
            record.save()
            self.ids["currencies"][code] = record.id
        party = self.get("party.party")(name="Atelier Démo SARL")
        address = party.addresses[0]
        address.street_unstructured = "12 rue de la Paix"
        address.postal_code, address.city, address.country = "69002", "Lyon", self.france
        party.contact_mechanisms.new(type="email", value="compta@demo.example")
        party.save()
        wizard = self.wizard("company.company.config")
        wizard.execute("company")
        wizard.form.party, wizard.form.currency = party, currency["EUR"]
        wizard.form.timezone = ZONE
        wizard.execute("add")
        self.config._context = self.get("res.user").get_preferences(True, {})
        self.company = self.one("company.company")

    def chart(self) -> None:
        """Make the accounts, the tax and what changes between currencies are booked on."""
        root = self.get("ir.model.data").get_id("account.account_template_root_en", {})
        wizard = self.wizard("account.create_chart")
        wizard.execute("account")
        wizard.form.account_template = self.get("account.account.template")(root)
        wizard.form.company = self.company
        wizard.execute("create_account")
        kinds = ["receivable", "payable", "revenue", "expense"]
        account = {
            kind: self.one("account.account", (f"type.{kind}", "=", True), ("closed", "!=", True))
            for kind in kinds
        }
        wizard.form.account_receivable = account["receivable"]
        wizard.form.account_payable = account["payable"]
        wizard.execute("create_properties")
        cash = self.one("account.account", ("code", "=", "1.1.1"))
        vat = self.one("account.account", ("code", "=", "6.3.6"))
        tax = self.get("account.tax")(name="TVA 20 %", description="TVA 20 %", type="percentage")
        tax.rate, tax.invoice_account, tax.credit_note_account = Decimal("0.20"), vat, vat
        tax.save()
        configuration = self.get("account.configuration")(1)
        configuration.currency_exchange_journal = self.one("account.journal", ("code", "=", "EXC"))
        configuration.currency_exchange_credit_account = account["revenue"]
        configuration.currency_exchange_debit_account = account["expense"]
        configuration.save()
        journal = self.one("account.journal", ("type", "=", "cash"))
        method = self.get("account.invoice.payment.method")(
            name="Virement", company=self.company, journal=journal
        )
        method.credit_account = method.debit_account = cash
        method.save()
        self.ids |= {
            "company": self.company.id,
            "receivable": account["receivable"].id,
            "revenue": account["revenue"].id,
            "cash": cash.id,
            "tax": tax.id,
            "sales_journal": self.one("account.journal", ("type", "=", "revenue")).id,
            "cash_journal": journal.id,
            "payment_method": method.id,
            "report": self.one("ir.action.report", ("report_name", "=", "account.invoice")).id,
        }

    def years(self) -> None:
        """Make fiscal years for two years back and some months ahead."""

        def sequence(kind: str, prefix: str) -> Any:
            type_ = self.one("ir.sequence.type", ("name", "=", kind))
            record = self.get("ir.sequence.strict")(name=prefix, sequence_type=type_)
            record.prefix, record.padding, record.company = prefix, 5, self.company
            record.save()
            return record

        self.ids["numbering"] = self.one("ir.sequence.type", ("name", "=", "Invoice")).id
        last = (self.today + timedelta(days=120)).year
        for year in range(self.today.year - 2, last + 1):
            record = self.get("account.fiscalyear")(name=str(year), company=self.company)
            record.start_date, record.end_date = date(year, 1, 1), date(year, 12, 31)
            record.move_sequence = sequence("Account Move", f"M{year}-")
            line = record.invoice_sequences[0]
            line.out_invoice_sequence = sequence("Invoice", f"F{year}-")
            line.out_credit_note_sequence = sequence("Invoice", f"A{year}-")
            line.in_invoice_sequence = sequence("Invoice", f"S{year}-")
            line.in_credit_note_sequence = line.in_invoice_sequence
            record.save()
            record.click("create_period")
            self.ids["years"][str(year)] = record.invoice_sequences[0].id

    def terms(self) -> None:
        """Make the payment terms."""
        for name, parts in TERMS.items():
            record = self.get("account.invoice.payment_term")(name=name)
            for share, days in parts:
                if share is None:
                    line = record.lines.new(type="remainder")
                else:
                    line = record.lines.new(type="percent", ratio=share)
                line.relativedeltas[0].days = days
            record.save()
            self.ids["terms"][name] = record.id

    def users(self) -> None:
        """Make the user that the daemon signs in as, and its key for the REST routes."""
        user = self.get("res.user")(name="Relances", email="relances@demo.example", **SYNC)
        user.groups.append(self.one("res.group", ("name", "=", "Accounting")))
        user.companies.append(self.company)
        user.company = self.company
        user.save()
        key = self.get("res.user.application")(application="rest", user=user)
        key.save()
        if key.state != "validated":
            key.click("validate_")
        self.rest_key = key.key


def contacts(number: int) -> list[dict[str, object]]:
    """Return how to reach the customer of this number.

    1 in 10 has no e-mail address. 1 in 4 has two; of these, every other one has the second
    flagged as the one for invoices.
    """
    found: list[dict[str, object]] = [
        {"type": "phone", "value": f"04 72 00 {number // 100:02d} {number % 100:02d}"}
    ]
    host = f"client-{number:04d}.example"
    if number % 10:
        found.append({"type": "email", "name": "Comptabilité", "value": f"compta@{host}"})
    if number % 10 and number % 4 == 0:
        flag = number % 8 == 4
        found.append(
            {"type": "email", "name": "Direction", "value": f"direction@{host}", "invoice": flag}
        )
    return found


def customers(firm: Firm, count: int, seed: int) -> list[int]:
    """Make the customers in one call; return their ids."""
    from faker import Faker

    faker = Faker("fr_FR")
    faker.seed_instance(seed)
    french, english = (firm.one("ir.lang", ("code", "=", code)).id for code in ["fr", "en"])
    languages = [french, english, None]

    def address() -> dict[str, object]:
        street, code, city = faker.street_address(), faker.postcode(), faker.city()
        place = {"street_unstructured": street, "postal_code": code, "city": city}
        return place | {"country": firm.france.id}

    values = [
        {
            "name": faker.company(),
            "code": f"C{number:05d}",
            "lang": languages[(number - 1) % 3],
            "customer_payment_term": firm.ids["terms"]["30 days"],
            "addresses": [("create", [address()])],
            "contact_mechanisms": [("create", contacts(number))],
        }
        for number in range(1, count + 1)
    ]
    ids: list[int] = firm.get("party.party")._proxy.create(values, firm.config.context)
    return ids
