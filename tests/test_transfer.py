"""The QR code of a transfer: read back from letter and mail with a decoder that is not ours."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from connector.dunning.plan import Interest, Netted, Reminder
from connector.messages.letter import letter_of, letter_pages
from connector.messages.transfer import Account, account_of, caption, transfer_of
from connector.messages.write import Writer
from connector.outbox.mail import message_bytes
from connector.receivables.records import Message, Transfer
from tests.test_letter import GERMAN, notice
from tests.test_messages import COMPANY, HOSTILE, KEY, TODAY, Seen, line, reminder

IBAN = "FR7630006000011234567890189"
BELGIAN = "BE68539007547034"
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def read(picture: bytes) -> list[str]:
    """The text of every code in a picture."""
    return [found.text for found in zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))]


def code(*lines: str) -> str:
    return "\n".join(["BCD", "002", "1", "SCT", *lines])


def coded(entry: Reminder, **company: str) -> str:
    """The text of a reminder's code, empty where it has none."""
    found = transfer_of(replace(COMPANY, **company), entry)  # type: ignore[arg-type]
    return found.code if found else ""


def mailed(message: Message) -> EmailMessage:
    data = message_bytes(message, sender="c@dupont.fr", key=KEY, now=NOW)
    mail = message_from_bytes(data, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


@pytest.mark.practice("P4-05", "P4-06")
def test_the_code_in_a_mail_is_the_claim_to_the_account_printed() -> None:
    entry = reminder(
        line(1), line(2, balance=8000, amount=8000), credits=(Netted(document="A", amount=56),)
    )
    message = Writer(COMPANY).message(entry, TODAY)
    mail = mailed(message)
    assert mail.get_content_type() == "multipart/alternative"
    _, page = mail.iter_parts()
    assert page.get_content_type() == "multipart/related"
    html, picture = page.iter_parts()
    assert picture["Content-Disposition"].content_disposition == "inline"
    assert read(picture.get_content()) == [
        code("", "Menuiserie Dupont", IBAN, "EUR1314.00", "", "", "F-2026-0001 F-2026-0002")
    ]
    (shown,) = [dict(attrs) for tag, attrs in Seen(html.get_content()).tags if tag == "img"]
    assert f"<{str(shown['src']).removeprefix('cid:')}>" == picture["Content-ID"]
    words = str(shown["alt"])
    assert words.startswith("Pour payer 1 314,00 € par virement, scannez ce code")
    assert "IBAN FR76 3000 6000 0112 3456 7890 189" in words
    assert "F-2026-0001 F-2026-0002" in words
    assert words.split(", ")[1] in Seen(html.get_content()).text
    assert "cid:" not in message.html  # a route that carries no pictures shows none


@pytest.mark.parametrize(
    ("company", "language"), [(COMPANY, "fr"), (replace(GERMAN, bank_line=f"IBAN {IBAN}"), "de")]
)
def test_the_code_in_a_letter_is_the_principal(company: Any, language: str) -> None:
    entry = notice(company, language, 2)
    message = Writer(company).message(entry, TODAY)
    letter = letter_of(replace(entry, message=message), TODAY)
    pages = letter_pages(letter, company, message.subject, message.text, 130)
    (text,) = [text for page in pages for text in read(page)]
    assert text == code("", company.name, IBAN, "EUR2004.11", "", "", "F-2026-0001 F-2026-0002")
    assert entry.interest
    (words, *_) = caption(Transfer(code=text, more=True), language)
    assert {"fr": "le principal de", "de": "Hauptforderung"}[language] in words


def test_a_letter_without_a_code_says_nothing_of_one() -> None:
    company = replace(COMPANY, bank_line="Banque du Port, compte 12345")
    entry = notice(company, "fr")
    message = Writer(company).message(entry, TODAY)
    assert message.transfer is None
    letter = letter_of(replace(entry, message=message), TODAY)
    assert not any(map(read, letter_pages(letter, company, message.subject, message.text, 100)))


@pytest.mark.parametrize(
    ("bank_line", "account"),
    [
        ("IBAN FR76 3000 6000 0112 3456 7890 189", Account(IBAN)),
        (f"IBAN{IBAN}", Account(IBAN)),
        (f"iban : {IBAN.lower()}", Account(IBAN)),
        (
            "Banque X\nIBAN FR76-3000-6000-0112-3456-7890-189\nBIC AGRIFRPP",
            Account(IBAN, "AGRIFRPP"),
        ),
        ("FR76 3000 6000 0112 3456 7890 189 BIC: AGRIFRPPXXX", Account(IBAN, "AGRIFRPPXXX")),
        ("FR76 3000 6000 0112 3456 7890 189 BIC AGRIFRPP BIC BNPAFRPP", Account(IBAN)),
        (f"{IBAN}\n{IBAN}", Account(IBAN)),
        (f"{IBAN}\n{BELGIAN}", None),  # which of the two?
        (f"{IBAN} {BELGIAN}", None),
        ("FR76 3000 6000 0112 3456 7890 188", None),  # check digits
        ("FR76 3000 6000 0112 3456 7890", None),
        ("DE00 0000 0000 0000 0000 00", None),
        ("XX76 3000 6000 0112 3456 7890 189", None),
        ("Barclays 20-00-00 55779911", None),
        ("", None),
    ],
)
def test_the_account_is_the_one_valid_iban(bank_line: str, account: Account | None) -> None:
    assert account_of(bank_line) == account


@pytest.mark.parametrize(
    ("bank_line", "shown"),
    [
        (BELGIAN, True),
        ("CH93 0076 2011 6238 5295 7", False),  # beyond the EEA a BIC is needed
        ("CH93 0076 2011 6238 5295 7, BIC UBSWCHZH80A", True),
        ("TR33 0006 1005 1978 6457 8413 26, BIC TCZBTR2A", False),  # no SEPA
    ],
)
def test_only_accounts_that_a_sepa_transfer_reaches(bank_line: str, shown: bool) -> None:
    assert bool(coded(reminder(), bank_line=bank_line)) is shown


LATE = Interest(mode="claim", amount=1240, charges=4000, until=TODAY)


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({}, True),
        ({"currency": "GBP"}, False),
        ({"currency": "CHF"}, False),
        ({"claim": 0}, False),
        ({"claim": -100}, False),
        ({"claim": 1}, True),
        ({"claim": 99999999999}, True),
        ({"claim": 100000000000}, False),
        ({"template": "thank_you"}, False),
        ({"template": "later_than_usual"}, False),
        ({"template": "instalments"}, False),
        ({"template": "statement"}, True),
        ({"language": "it"}, False),
    ],
)
def test_a_code_is_shown_for_a_claim_in_euros_that_is_asked_for(
    changed: dict[str, object], shown: bool
) -> None:
    assert bool(coded(replace(reminder(), **changed))) is shown  # type: ignore[arg-type]


def test_interest_and_charges_are_never_in_the_amount() -> None:
    found = transfer_of(COMPANY, reminder(interest=LATE))
    assert found
    assert found.more
    assert "\nEUR1234.56\n" in found.code


@pytest.mark.parametrize(
    ("reference", "rest"),
    [
        ("", ["", "F-2026-0001"]),
        ("RF18 5390 0754 7034", ["RF18539007547034"]),  # ISO 11649: the structured field
        ("RF19 5390 0754 7034", ["", "RF19 5390 0754 7034"]),
        ("+++090/9337/55493+++", ["", "+++090/9337/55493+++"]),
    ],
)
def test_what_the_payer_is_asked_to_quote(reference: str, rest: list[str]) -> None:
    assert coded(reminder(line(payment_reference=reference))).split("\n")[9:] == rest


def test_more_invoices_than_a_transfer_can_name() -> None:
    text = coded(reminder(*(line(n) for n in range(1, 41)))).split("\n")[-1]
    assert text == " ".join(f"F-2026-{n:04d}" for n in range(1, 12)) + " +29"
    assert len(text) <= 140


@pytest.mark.parametrize("name", [*HOSTILE, "É" * 200, "名" * 200, "a\nb\nIBAN"])
def test_hostile_names_stay_one_line_and_fit(name: str) -> None:
    entry = reminder(line(invoice=name))
    text = coded(entry, name=name)
    if not text:  # nothing of the name can be printed
        assert not name.isprintable()
        return
    _, _, _, _, bic, payee, iban, amount, purpose, *rest = text.split("\n")
    assert (bic, iban, amount, purpose) == ("", IBAN, "EUR1234.56", "")
    assert len(payee) <= 70
    assert len(rest) <= 2
    assert len(text.encode()) <= 331
    message = replace(Writer(COMPANY).message(reminder(), TODAY), transfer=Transfer(code=text))
    _, page = mailed(message).iter_parts()
    html, picture = page.iter_parts()
    assert read(picture.get_content()) == [text]
    assert len([tag for tag, _ in Seen(html.get_content()).tags if tag == "img"]) == 1
    plain = Seen(Writer(COMPANY).message(reminder(), TODAY).html).tags
    added = {"img", "table", "tr", "td", "br"}
    assert {t for t, _ in Seen(html.get_content()).tags} <= {t for t, _ in plain} | added


def test_equal_messages_make_equal_bytes() -> None:
    message = Writer(COMPANY).message(reminder(), TODAY)
    assert mailed(message).as_bytes() == mailed(message).as_bytes()
