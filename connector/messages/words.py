"""The words that a step of each stage may not say, by language, and the ways to ask for payment.

A language that is not listed has no words looked for: number, date, amount and contact still are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class Sort(StrEnum):
    """What a word does to its reader, as a message to the author of a text names it."""

    THREAT = "a threat or an insult"
    LATE = "a word of lateness"
    INTEREST = "a word of interest"
    CHARGES = "a word of fees or compensation"
    FORMAL = "a word of the formal demand"
    COURT = "a word of court or collection"


@dataclass(frozen=True, slots=True)
class Words:
    """One language: patterns by sort, and `request`, which finds a sentence that asks to pay."""

    sorts: Mapping[Sort, re.Pattern[str]]
    request: re.Pattern[str]


# Whole words or phrases, parted by semicolons; * stands for any ending (or beginning).
_WORDS: Mapping[str, Mapping[Sort, str]] = {
    "fr": {
        Sort.THREAT: """plainte; pénal; pénale; pénalement; pénaux; police; gendarmerie; prison;
            délit; escro*; voleu*; malhonnête*; mauvais payeur*; liste noire; réseaux sociaux;
            la presse; votre employeur; votre famille; vos proches; vos voisins; vos clients;
            réputation; honte*; publier*; rendre public""",
        Sort.LATE: "retard; retards; impayé*; en souffrance; relance; relances",
        Sort.INTEREST: "pénalité; pénalités; intérêts",
        Sort.CHARGES: """indemnité; indemnités; forfait*; frais de recouvrement; frais de rappel;
            frais de relance; frais de dossier""",
        Sort.FORMAL: "mise en demeure; mettons en demeure; sommation*; contentieux",
        Sort.COURT: """tribunal; tribunaux; juge; juges; justice; judiciaire*; huissier*; avocat*;
            injonction; poursuites; assignation; société de recouvrement""",
    },
    "en": {
        Sort.THREAT: """criminal*; police; prison; jail; fraud*; thief; thieves; crook*;
            dishonest*; bad payer*; blacklist*; social media; the press; your employer;
            your family; your neighbours; your neighbors; your customers; reputation; shame*;
            disgrace*; publish*; credit rating; credit score; credit bureau""",
        Sort.LATE: "overdue; late; past due; unpaid; arrears",
        Sort.INTEREST: "interest; penalty; penalties",
        Sort.CHARGES: """compensation; fee; fees; surcharge*; recovery cost*; recovery charge*;
            collection cost*; collection charge*; late charge*""",
        Sort.FORMAL: "formal demand; formal notice; letter before action; final demand",
        Sort.COURT: """court; courts; legal action; legal proceedings; legal steps; lawsuit*;
            bailiff*; solicitor*; attorney*; lawyer*; collection agency; debt collector*;
            sue you""",
    },
    "de": {
        Sort.THREAT: """strafanzeige; strafbar*; strafrecht*; straftat*; polizei*; gefängnis*;
            betrug*; betrüg*; dieb*; unehrlich*; schwarze liste; soziale medien;
            sozialen medien; sozialen netzwerken; die presse; ihr arbeitgeber;
            ihren arbeitgeber; ihre familie; ihre nachbarn; ihre kunden; schuldnerverzeichnis;
            schufa; schäm*; schande; veröffentlich*; frechheit; unverschämt*""",
        Sort.LATE: "überfällig*; verspät*; zu spät; *verzug*; säumig*; rückständ*; *mahnung*",
        Sort.INTEREST: "*zins*",
        Sort.CHARGES: """*pauschale*; *gebühr*; inkassokosten; entschädigung*; schadenersatz*;
            schadensersatz*""",
        Sort.FORMAL: "*mahnung*; letztmal*",
        Sort.COURT: """gericht; gerichts*; gerichtlich*; *gerichten; *amtsgericht*; rechtsanw*;
            anwalt*; klage*; mahnbescheid*; mahnverfahren*; vollstreck*; zwangsvollstreck*;
            inkasso*""",
    },
    "nl": {
        Sort.THREAT: """aangifte; strafrechtelijk*; strafbaar*; strafzaak; politie; gevangenis;
            fraude*; oplicht*; dief; dieven; oneerlijk*; wanbetaler*; zwarte lijst;
            sociale media; de pers; uw werkgever; uw familie; uw buren; uw klanten; reputatie;
            schaam*; schande; openbaar maken; publiceren""",
        Sort.LATE: "te laat; te late; achterstallig*; achterstand; onbetaald*; aanmaning*",
        Sort.INTEREST: "rente; *rente; boete*",
        Sort.CHARGES: "*vergoeding*; *kosten; toeslag*; forfait*",
        Sort.FORMAL: "ingebrekestelling; in gebreke; sommatie*; sommeren; aanmaning*",
        Sort.COURT: """rechter; rechters; rechtbank*; gerechtelijk*; deurwaarder*; advoca*;
            dagvaard*; incasso*; beslag; uit handen geven""",
    },
}
_REQUESTS = {  # how a sentence begins to ask, and what it then asks for
    "fr": (
        """pourriez-vous; pouvez-vous; merci de; nous vous demandons; nous vous prions;
        nous vous invitons; nous vous serions reconnaissants; nous vous saurions gré;
        nous vous mettons en demeure; veuillez; prière de""",
        "régler; payer; verser; virer; mandater; paiement*; règlement; mandatement",
    ),
    "en": (
        """could you; can you; would you; please; kindly; you must; we ask; we must ask;
        we require; we formally require; we request; we demand""",
        "pay; payment*; settle; transfer; remit",
    ),
    "de": (
        """könnten; können sie; würden sie; bitten; bitte; fordern wir sie; wir fordern sie;
        zahlen sie""",
        "*zahlen; *überweisen; begleichen; ausgleichen; anweisen; anzuweisen; *zahlung; ausgleich",
    ),
    "nl": (
        """wilt u; kunt u; zou u; verzoeken; vragen wij; wij vragen; gelieve; stellen wij u;
        wij stellen u""",
        "betalen; overmaken; voldoen; over te maken; betaling",
    ),
}
_SENTENCE = re.compile(r"(?<=[.?!:])(?<!\d\.)\s+|\n\s*\n")  # `4. Dezember` goes on


def _any(words: str) -> str:
    """A pattern for one of several words."""
    found = (re.escape(" ".join(word.split())) for word in words.split(";"))
    return rf"\b(?:{'|'.join(found)})\b".replace(r"\*", r"\w*")


@cache
def words_of(language: str) -> Words | None:
    """The words of a language, None where none are listed."""
    if language not in _WORDS:
        return None
    asks, what = map(_any, _REQUESTS[language])
    return Words(
        {sort: re.compile(_any(words), re.I) for sort, words in _WORDS[language].items()},
        re.compile(f"{asks}.*?{what}", re.I | re.DOTALL),
    )


def requests(language: str, text: str) -> int:
    """How many sentences of a text ask for payment; 0 also where the language is not listed."""
    words = words_of(language)
    if words is None:
        return 0
    return sum(bool(words.request.search(sentence)) for sentence in _SENTENCE.split(text))
