"""The QR code of a SEPA transfer, which the payer's bank reads instead of having it typed.

Source: European Payments Council, EPC069-12, "Quick Response Code: guidelines to enable data
capture for the initiation of a SEPA credit transfer", version 2.1, read 2026-11-20.
"""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from connector.contract import Company
from connector.dunning.plan import Reminder
from connector.messages import formats
from connector.messages.check import EXEMPT, WAY_TO_PAY
from connector.messages.mail import above_foot
from connector.messages.values import clean, spaced
from connector.receivables import money
from connector.receivables.records import Transfer

CURRENCY = "EUR"
MOST = 999_999_999_99  # cents
_BYTES, _NAME, _TEXT = 331, 70, 140  # of the whole in bytes, of name and remittance in characters
_NUMBER = re.compile(r"(?<![A-Z0-9])(?:IBAN)?(?=([A-Z]{2}\d\d(?:[ .\-]?[A-Z0-9]){11,40}))")
_IN_PARTS = "instalments"  # it proposes to pay in parts: no code for the whole

# Where the code may do without the bank's BIC, and where SEPA reaches beside.
_EEA_CODES = """
AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK
"""
_EEA = frozenset(_EEA_CODES.split())
_SEPA = _EEA | {"AD", "AL", "CH", "GB", "GI", "MC", "MD", "ME", "MK", "RS", "SM", "VA"}

_WORDS = {
    "fr": (
        "Pour payer {amount} par virement, scannez ce code avec l'application de votre banque.",
        "Pour payer le principal de {amount} par virement, scannez ce code avec l'application de "
        "votre banque.",
        "Référence : {reference}",
    ),
    "en": (
        "To pay {amount} by bank transfer, scan this code with your bank's app.",
        "To pay the principal of {amount} by bank transfer, scan this code with your bank's app.",
        "Reference: {reference}",
    ),
    "de": (
        "Um {amount} zu überweisen, scannen Sie diesen Code mit der App Ihrer Bank.",
        "Um die Hauptforderung von {amount} zu überweisen, scannen Sie diesen Code mit der App "
        "Ihrer Bank.",
        "Verwendungszweck: {reference}",
    ),
    "nl": (
        "Om {amount} over te schrijven, scant u deze code met de app van uw bank.",
        "Om de hoofdsom van {amount} over te schrijven, scant u deze code met de app van uw bank.",
        "Kenmerk: {reference}",
    ),
}
_FRAME = (
    '<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 16px">'
    '<tr><td style="vertical-align:top"><img src="{source}" alt="{alt}" width="148" height="148" '
    'style="display:block;border:0"></td>'
    '<td style="padding-left:14px;vertical-align:middle;font-size:14px">{caption}</td></tr></table>'
)


@dataclass(frozen=True, slots=True)
class Account:
    """Where a transfer goes; `bic` is empty where it is not told."""

    iban: str
    bic: str = ""


def account_of(bank_line: str) -> Account | None:
    """The one valid IBAN in the firm's words on how to pay, with its BIC; None if none or several.

    A number counts when its country's length and form and its check digits (ISO 7064, MOD 97-10)
    are right; registers of banks are not asked, for they grow old.
    """
    text = clean(bank_line.replace("\n", " ; ")).upper()
    ibans = set(_ibans(text))
    if len(ibans) != 1:
        return None
    iban = ibans.pop()
    bics = {
        bic for bic in re.findall(r"\b(?:BIC|SWIFT)[\s:/-]*([A-Z0-9]{8,11})\b", text) if _bic(bic)
    }
    return Account(iban, bics.pop() if len(bics) == 1 else "")


def _ibans(text: str) -> Iterable[str]:
    from stdnum import iban

    # looked ahead at, for what follows a number may be the next one
    for match in re.finditer(_NUMBER, text):
        number = iban.compact(match[1])
        lengths = range(15, min(len(number), 34) + 1)  # of each country one alone is right
        yield from (number[:n] for n in lengths if _valid(number[:n]))


def _valid(number: str) -> bool:
    from stdnum import iban

    return iban.is_valid(number, check_country=False)


def _bic(text: str) -> bool:
    from stdnum import bic

    return bic.is_valid(text)


def transfer_of(company: Company, reminder: Reminder) -> Transfer | None:
    """The transfer that settles a reminder's claim, None where no code can or may be shown.

    There is one for a claim in euros, to the one account of a firm in the SEPA area, of a message
    that asks for its whole claim.
    """
    account = account_of(company.bank_line)
    asks = WAY_TO_PAY not in EXEMPT.get(reminder.template, ()) and reminder.template != _IN_PARTS
    payee = clean(company.name)[:_NAME].strip()
    if not account or not asks or not payee or reminder.language not in _WORDS:
        return None
    if reminder.currency != CURRENCY or not 0 < reminder.claim <= MOST:
        return None
    country = account.iban[:2]
    if country not in (_SEPA if account.bic else _EEA):
        return None
    late = reminder.interest
    return Transfer(
        code=_code(account, payee, reminder.claim, _remittance(reminder)),
        more=bool(late and late.mode == "claim" and (late.amount or late.charges)),
    )


def _remittance(reminder: Reminder) -> tuple[str, list[str]]:
    """A structured reference, else the words to quote: a reference, or the invoices' numbers."""
    from stdnum import iso11649

    numbers = list(dict.fromkeys(clean(line.invoice) for line in reminder.lines))
    quoted = {clean(line.payment_reference) for line in reminder.lines} - {""}
    if len(numbers) == 1 and len(quoted) == 1:
        (reference,) = quoted
        if iso11649.is_valid(reference):
            return iso11649.compact(reference), []
        return "", [reference]
    return "", numbers


def _code(account: Account, payee: str, claim: int, remittance: tuple[str, list[str]]) -> str:
    reference, words = remittance
    amount = f"{CURRENCY}{money.text(claim, CURRENCY)}"
    head = ["BCD", "002", "1", "SCT", account.bic, payee, account.iban, amount, "", reference]
    room = _BYTES - len("\n".join([*head, ""]).encode())
    return "\n".join([*head, _fitting(words, room)]).rstrip("\n")


def _fitting(words: list[str], room: int) -> str:
    """As many of the words as a transfer can carry, and how many more there are."""
    for count in range(len(words), 0, -1):
        rest = f" +{len(words) - count}" if count < len(words) else ""
        text = " ".join(words[:count]) + rest
        if len(text) <= _TEXT and len(text.encode()) <= room:
            return text
    return words[0][:_TEXT].encode()[:room].decode(errors="ignore") if words else ""


def picture(code: str) -> bytes:
    """The code as a PNG picture with its quiet zone, dark on white."""
    return _made(code, "png", scale=6)


def drawing(code: str) -> str:
    """The code as an SVG drawing, for paper."""
    return _made(code, "svg", xmldecl=False).decode()


def _made(code: str, kind: str, **how: object) -> bytes:
    import segno  # here, for most commands draw nothing

    # Error correction M and no other, version 13 at most: EPC069-12, section 3.
    drawn = segno.make_qr(code.encode(), error="m", boost_error=False)
    out = io.BytesIO()
    drawn.save(out, kind=kind, border=4, dark="#000", light="#fff", **how)
    return out.getvalue()


def caption(transfer: Transfer, language: str) -> tuple[str, ...]:
    """What stands beside the code, by lines: what it pays, to whom, under which reference."""
    whole, principal, quoted = _WORDS[language]
    _, _, _, _, bic, payee, iban, amount, _, *rest = transfer.code.split("\n")
    locale = formats.locale_of(language, (iban[:2],))
    shown = formats.money(money.parse(amount.removeprefix(CURRENCY), CURRENCY), CURRENCY, locale)
    reference = next((text for text in rest if text), "")
    account = " ".join(iban[n : n + 4] for n in range(0, len(iban), 4))
    return (
        spaced((principal if transfer.more else whole).format(amount=shown)),
        payee,
        f"IBAN {account}{bic and f', BIC {bic}'}",
        *([quoted.format(reference=reference)] if reference else ()),
    )


def shown(html: str, transfer: Transfer, language: str, source: str) -> str:
    """The page with the code above its foot; `source` is the address of its picture."""
    told = caption(transfer, language)
    lines = Markup("<br>").join(told)
    return above_foot(
        html, Markup(_FRAME).format(source=source, alt=", ".join(told), caption=lines)
    )
