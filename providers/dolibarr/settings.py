"""What a firm says of its Dolibarr, and what is wrong with it."""

from collections.abc import Mapping
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from connector.contract import Setting
from connector.receivables.money import digits

API = "/api/index.php"
SETTINGS = (
    Setting(name="URL", help="the address of Dolibarr, as https://dolibarr.example"),
    Setting(name="KEY", help="the API key on the user's card", secret=True),
    Setting(name="ENTITY", help="the firm's number with Multicompany", required=False),
    Setting(name="USER_ID", help="the id of the key's user, for its events", required=False),
    Setting(name="COMPANY", help="the firm's name, if no administrator's key", required=False),
    Setting(name="COUNTRY", help="the firm's country, as FR", required=False),
    Setting(name="CURRENCY", help="the firm's currency, as EUR", required=False),
    Setting(name="TIMEZONE", help="the server's, if it tells none", required=False),
    Setting(name="BANK", help="how to pay: IBAN and BIC", required=False),
    Setting(name="PAY_LINK", help="yes, where online payment is set up", required=False),
)


def check(settings: Mapping[str, str]) -> list[str]:
    """What is wrong with the settings, all of it."""
    problems = []

    def told(name: str, expected: str) -> None:
        problems.append(f"RELANCE_DOLIBARR_{name} is {settings[name]!r}: expected {expected}")

    where = urlsplit(settings.get("URL", ""))
    if "URL" in settings and (where.scheme not in ("http", "https") or not where.hostname):
        told("URL", "an address such as https://dolibarr.example")
    for name in ("ENTITY", "USER_ID"):
        if settings.get(name) and not settings[name].isdecimal():
            told(name, "a number, as 1")
    country = settings.get("COUNTRY", "")
    if country and not (len(country) == 2 and country.isalpha() and country.isupper()):
        told("COUNTRY", "two capital letters, as FR")
    if settings.get("PAY_LINK", "no") not in ("yes", "no"):
        told("PAY_LINK", "yes or no")
    try:
        ZoneInfo(settings.get("TIMEZONE") or "UTC")
    except (KeyError, ValueError):
        told("TIMEZONE", "a zone such as Europe/Paris")
    try:
        digits(settings.get("CURRENCY") or "EUR")
    except ValueError:
        told("CURRENCY", "a currency code such as EUR")
    return problems


def base_of(url: str) -> str:
    """The API's address, from that of the program or of the API itself."""
    return url.rstrip("/").removesuffix(API) + API
