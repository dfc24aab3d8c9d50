"""Whose law gives interest, as data: one row a country and kind of debtor.

Rates are percent a year. State of the law: November 2026. Nothing here is legal advice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from connector.receivables import charges
from connector.receivables.charges import FixedSum
from connector.receivables.records import CustomerKind


class Fixing(StrEnum):
    """The day whose rate holds: every day its own, or one day for the whole delay."""

    NONE = "each day"
    FIRST_DAY = "first day of default"
    DUE_DATE = "due date"


class Contract(StrEnum):
    """What a rate named in the contract does."""

    INSTEAD = "instead"  # it replaces the law's
    FLOOR = "floor"  # it replaces the law's, but never below three times the legal rate
    CAP = "cap"  # the lower of the two holds
    CLAUSE = "clause"  # without it nothing is owed; with it, at most the law's
    ONLY = "only"  # there is no other rate
    IGNORED = "ignored"  # the law's holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """How interest runs: `authority` and `margin` make the rate, `called` names it to people.

    `actual`: a year has its own number of days, else always 365. `compound`: after each full year
    its interest bears interest too. `rolls`: a due date on a closed day moves to the next open
    one. `fixed_sum` is owed by law from a business; from a consumer only after what the law asks
    for first (a letter, a clause), and `by_message` says it goes by the sum of all invoices.
    """

    code: str
    country: str = ""  # ISO 3166-1, empty where it is not one country's
    currency: str = "EUR"  # empty: any
    consumer: bool = False
    authority: str = ""
    margin: Decimal = Decimal(0)
    called: str = ""
    fixing: Fixing = Fixing.NONE
    actual: bool = False
    compound: bool = False
    rolls: bool = False
    contract: Contract = Contract.INSTEAD
    fixed_sum: FixedSum = charges.nothing
    by_message: bool = False


_MRO = "ECB_MRO_SEMESTER"  # the rate in force on 1 January and on 1 July
EIGHT, NINE, FIVE, TEN = Decimal(8), Decimal(9), Decimal(5), Decimal(10)


def _directive(code: str, country: str) -> Regime:
    """A country that took over the directive's own figures."""
    return Regime(
        code=code,
        country=country,
        authority=_MRO,
        margin=EIGHT,
        called=f"{code[:2]} ECB main refinancing",
        fixed_sum=charges.forty,
    )


_ALL = (
    # Code de commerce L441-10 and D441-5: the ECB's rate + 10 unless the contract names another,
    # which may not be below three times the legal rate; base including VAT. The default itself is
    # not raised to that floor.
    Regime(
        code="FR_B2B",
        country="FR",
        authority=_MRO,
        margin=TEN,
        called="FR default",
        contract=Contract.FLOOR,
        fixed_sum=charges.forty,
    ),
    # Code de la commande publique L2192-12 to 14 and R2192-31: one rate for the whole delay.
    Regime(
        code="FR_PUBLIC",
        country="FR",
        authority=_MRO,
        margin=EIGHT,
        called="FR public",
        fixing=Fixing.FIRST_DAY,
        contract=Contract.IGNORED,
        fixed_sum=charges.forty,
    ),
    # Code civil 1231-6: legal rate from the formal notice on. The category follows the creditor:
    # a business takes the lower one. Code des procédures civiles d'exécution L111-8: no costs.
    Regime(
        code="FR_B2C",
        country="FR",
        consumer=True,
        authority="FR_LEGAL_PRO",
        called="FR legal",
    ),
    # Law of 2 August 2002, art. 5 and 6: the published rate, business and public bodies alike.
    Regime(
        code="BE_B2B",
        country="BE",
        authority="BE_COMMERCIAL",
        called="BE commercial",
        fixed_sum=charges.forty,
    ),
    # Code of economic law, Book XIX (act of 4 May 2023): only by a clause, at most the above.
    Regime(
        code="BE_B2C",
        country="BE",
        consumer=True,
        authority="BE_COMMERCIAL",
        called="BE commercial",
        contract=Contract.CLAUSE,
        fixed_sum=charges.be_consumer,
    ),
    # BGB sections 247, 288(2) and (5), 289 (no compounding), 193 (closed days).
    Regime(
        code="DE_B2B",
        country="DE",
        authority="DE_BASE",
        margin=NINE,
        called="DE base",
        actual=True,
        rolls=True,
        fixed_sum=charges.forty,
    ),
    # BGB section 288(1): five points, and no fixed sum from a consumer.
    Regime(
        code="DE_B2C",
        country="DE",
        consumer=True,
        authority="DE_BASE",
        margin=FIVE,
        called="DE base",
        actual=True,
        rolls=True,
        contract=Contract.CAP,
    ),
    # BW 6:119a and 6:119(2): compounded yearly; 6:96(4): at least 40 euro, the scale by default.
    Regime(
        code="NL_B2B",
        country="NL",
        authority="NL_TRADE",
        called="NL trade",
        compound=True,
        fixed_sum=charges.wik,
        by_message=True,
    ),
    # BW 6:119 and 6:96(6): the scale only after the fourteen-day letter.
    Regime(
        code="NL_B2C",
        country="NL",
        consumer=True,
        authority="NL_CONSUMER",
        called="NL consumer",
        compound=True,
        contract=Contract.CAP,
        fixed_sum=charges.wik,
        by_message=True,
    ),
    # Late Payment of Commercial Debts (Interest) Act 1998; SI 2002/1675: the Bank Rate of the
    # preceding 30 June or 31 December stays for the whole delay.
    Regime(
        code="UK_B2B",
        country="GB",
        currency="GBP",
        authority="UK_REFERENCE_SEMESTER",
        margin=EIGHT,
        called="UK reference",
        fixing=Fixing.FIRST_DAY,
        fixed_sum=charges.uk,
    ),
    # S.I. No. 580/2012: one rate for a late payment, read as that of the day it was due.
    Regime(
        code="IE_B2B",
        country="IE",
        authority=_MRO,
        margin=EIGHT,
        called="IE ECB main refinancing",
        fixing=Fixing.DUE_DATE,
        fixed_sum=charges.ie,
    ),
    _directive("ES_B2B", "ES"),  # Ley 3/2004, art. 7 and 8
    _directive("IT_B2B", "IT"),  # D.Lgs. 231/2002, art. 5 and 6
    _directive("LU_B2B", "LU"),  # law of 18 April 2004
    # Law of 18 April 2004, art. 12: from the end of the third month after delivery.
    Regime(
        code="LU_B2C",
        country="LU",
        consumer=True,
        authority="LU_CONSUMER",
        called="LU consumer",
        contract=Contract.CAP,
    ),
    _directive("EU_B2B", ""),  # Directive 2011/7/EU, art. 2, 3 and 6
    Regime(code="CONTRACT", currency="", called="contract rate", contract=Contract.ONLY),
    Regime(code="NONE", currency="", contract=Contract.IGNORED),
)

REGIMES: Mapping[str, Regime] = {regime.code: regime for regime in _ALL}
NONE = REGIMES["NONE"]

# Countries with the euro and the directive's own figures. Austria has another margin: left out.
_EURO = frozenset(["BG", "CY", "EE", "FI", "GR", "HR", "LT", "LV", "MT", "PT", "SI", "SK"])
_FAMILY: Mapping[str, str] = {"GB": "UK"} | dict.fromkeys(_EURO, "EU")


def known(code: str) -> str:
    """The code of a regime, or the empty text, unchanged.

    Raises:
        ValueError: there is no such regime.
    """
    if code and code not in REGIMES:
        raise ValueError(f"expected one of {', '.join(sorted(REGIMES))}")
    return code


def regime_of(country: str, kind: CustomerKind, chosen: str = "") -> Regime:
    """The rules for a debtor: those of the law chosen, else of the seller's country.

    The kind of customer picks within that law: a consumer never falls under the rules for
    businesses. `NONE` where no rule is known.

    Raises:
        ValueError: what was chosen is no regime.
    """
    given = REGIMES[known(chosen)] if chosen else None
    if given and (given.code == "NONE" or given.consumer):
        return given
    if given and given.code in ("CONTRACT", "EU_B2B"):
        return NONE if kind is CustomerKind.CONSUMER else given
    family = given.code[:2] if given else _FAMILY.get(country, country)
    if kind is CustomerKind.CONSUMER:
        return REGIMES.get(f"{family}_B2C", NONE)
    if given and kind is CustomerKind.BUSINESS:
        return given
    public = REGIMES.get(f"{family}_PUBLIC") if kind is CustomerKind.PUBLIC else None
    return public or given or REGIMES.get(f"{family}_B2B", NONE)
