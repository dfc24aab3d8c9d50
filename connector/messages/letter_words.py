"""The words of a letter's frame, by language, and where its address stands, by country."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_LANGUAGES = ("fr", "en", "de", "nl")
_WORDS = {
    "subject": ("Objet : ", "Subject: ", "Betreff: ", "Betreft: "),
    "dated": ("{place}, le {date}", "{place}, {date}", "{place}, {date}", "{place}, {date}"),
    "invoice": ("Facture", "Invoice", "Rechnung", "Factuur"),
    "issued": ("Date", "Issued", "Datum", "Datum"),
    "due": ("Échéance", "Due", "Fällig am", "Vervaldatum"),
    "late": ("Retard (jours)", "Days late", "Tage Verzug", "Dagen te laat"),
    "amount": ("Reste dû", "Still due", "Offen", "Nog te betalen"),
    "credit": ("À déduire :", "Less:", "Abzüglich:", "Min:"),
    "part": ("échéance", "part", "Rate", "termijn"),
    "principal": (
        "Total restant dû",
        "Total still due",
        "Offener Gesamtbetrag",
        "Totaal nog te betalen",
    ),
    "interest": (
        "Intérêts de retard",
        "Interest for late payment",
        "Verzugszinsen",
        "Rente wegens te late betaling",
    ),
    "total": ("Total à payer", "Total to pay", "Zu zahlen insgesamt", "Te betalen bedrag"),
    "pay_by": (
        "À payer au plus tard le",
        "To be paid by",
        "Zu zahlen bis",
        "Te betalen uiterlijk op",
    ),
    "schedule": (
        "Calcul des intérêts de retard",
        "How the interest is worked out",
        "Berechnung der Verzugszinsen",
        "Berekening van de rente",
    ),
    "period": ("Période", "Period", "Zeitraum", "Periode"),
    "base": ("Base × taux", "Base × rate", "Betrag × Zinssatz", "Bedrag × rente"),
    "days": ("Jours", "Days", "Tage", "Dagen"),
    "sum": ("Intérêts", "Interest", "Zinsen", "Rente"),
    "page": ("Page", "Page", "Seite", "Pagina"),
}
WORDS: Mapping[str, Mapping[str, str]] = {
    language: {name: said[place] for name, said in _WORDS.items()}
    for place, language in enumerate(_LANGUAGES)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where the address of a letter stands, in millimetres from the top left of the sheet.

    `back`: a line with the sender above it; `folds`: marks where the sheet is folded; `beside` and
    `room`: where the sender's own block stands, and how wide it may be.
    """

    x: float
    y: float
    width: float
    height: float
    side: str
    back: bool = False
    folds: bool = False
    beside: float = 125.0
    room: float = 65.0


# FR: the window of NF Z 10-011 envelopes, 20 mm from the right edge. DE, AT: DIN 5008, form B,
# whose address field begins at 45 mm with 17.7 mm for the sender and notes. GB, IE: BS 4264.
# NL: NEN 1026 left; BE: NBN Z 01-002 right. US: number 10 envelopes. The others by custom.
_RIGHT = Window(x=110, y=50, width=82, height=34, side="right")
_LEFT = Window(x=22, y=52, width=82, height=30, side="left")
_DIN = Window(x=25, y=62.7, width=80, height=27.3, side="left", back=True, folds=True)
_WINDOWS = {
    **dict.fromkeys(("FR", "BE", "LU", "IT", "ES", "PT", "CH", "MC"), _RIGHT),
    **dict.fromkeys(("DE", "AT"), _DIN),
    "US": Window(x=24, y=54, width=95, height=26, side="left", beside=130.0),
}


def window_of(country: str) -> Window:
    """The window of the envelopes that a firm of this country uses; left where none is known."""
    return _WINDOWS.get(country, _LEFT)


def shape(country: str) -> Mapping[str, Any]:
    """Paper and window as data."""
    paper = "us-letter" if country in ("US", "CA") else "a4"
    return {"paper": paper, "window": asdict(window_of(country))}


_CODES = (
    re.compile(r"^(?:[A-Z]{1,2}-)?\d{4,5}(?: [A-Z]{2})?\s+"),  # 69007, D-79098, 1012 AB
    re.compile(r"\s+[A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2}$"),  # LS1 4AP
    re.compile(r",?\s+[A-Z]{2}\s+\d{5}(?:-\d{4})?$"),  # OR 97201
)


def place_of(address: str) -> str:
    """The town of a postal address: its last line that has one, without its code; may be empty."""
    for line in reversed(address.split("\n")):
        bare = line.strip()
        for code in _CODES:
            town = code.sub("", bare).strip(" ,")
            if town != bare and town:
                return re.sub(r"\s+CEDEX\b.*", "", town, flags=re.IGNORECASE)
    return ""
