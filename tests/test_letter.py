"""Letters: what stands on the page, where, and that nothing from outside becomes markup."""

import io
import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from pypdf import PdfReader

from connector.contract import Company
from connector.dunning.plan import Interest, Netted, Reminder, ReminderLine, Worked
from connector.dunning.snapshot import Channel, Rung, Stage
from connector.errors import ConfigError
from connector.messages.letter import Letter, letter_name, letter_of, letter_pages, letter_pdf
from connector.messages.letter_words import WORDS, place_of
from connector.messages.write import Writer
from connector.receivables.interest import interest
from connector.receivables.regimes import REGIMES
from tests.test_messages import COMPANY, TODAY, line, reminder

NOTICE = Rung(Stage.NOTICE, 1)
MILLIMETRE = 72 / 25.4
WORKED = re.compile(r"\d × [\d,.]+ ?% × \d+/")
DEADLINE = date(2026, 12, 7)
GERMAN = Company(
    ledger_id="files:2",
    name="Deichwerk Albers GmbH",
    country="DE",
    timezone="Europe/Berlin",
    currency="EUR",
    legal_id="HRB 12345, Amtsgericht Aurich",
    address="Deichweg 9\n26506 Norddeich",
    bank_line="IBAN DE00 0000 0000 0000 0000 00",
    contact_name="Jürgen Albers",
    email="buchhaltung@albers.example",
    phone="+49 30 23125 131",
)
SELLERS = {
    "fr": COMPANY,
    "de": GERMAN,
    "nl": replace(GERMAN, country="NL", address="Grachtweg 2\n1012 AB Amsterdam"),
    "en": replace(GERMAN, country="GB", address="17 Finch Yard\nLeeds LS1 4AP"),
}


def notice(company: Company, language: str, count: int = 1, **changes: object) -> Reminder:
    """A formal notice about so many invoices, interest and fixed sums claimed by law."""
    regime = REGIMES[
        {"FR": "FR_B2B", "DE": "DE_B2B", "NL": "NL_B2B"}.get(company.country, "UK_B2B")
    ]
    lines: list[ReminderLine] = []
    worked: list[Worked] = []
    for n in range(1, count + 1):
        due_on = date(2026, 10, 1) - timedelta(days=n)
        one = line(
            n,
            invoice=f"F-2026-{n:04d}",
            issued_on=due_on - timedelta(days=30),
            due_on=due_on,
            days_past_due=(TODAY - due_on).days,
            balance=100000 + n * 137,
            amount=100000 + n * 137,
            rung=NOTICE,
            step="formal_notice",
            interest="claim",
            charges="claim",
            had_on=(date(2026, 10, 20), date(2026, 11, 5)),
        )
        lines.append(one)
        statement = interest(regime, one.balance, due_on + timedelta(days=1), TODAY)
        worked.append(Worked(line=one.key, invoice=one.invoice, statement=statement))
    late = Interest(
        mode="claim",
        amount=sum(each.statement.interest for each in worked),
        charges=4000 * count,
        until=TODAY,
        regime=regime.code,
        schedule=tuple(worked),
    )
    facts: dict[str, object] = {
        "customer_name": "Société Générale d'Œuvres & Cie",
        "address": "À l'attention de M. Lefèvre\n12 rue de la Forêt\n38000 Grenoble",
        "channel": Channel.LETTER,
        "route": "print",
        "to": (),
        "step": "formal_notice",
        "rung": NOTICE,
        "template": "formal_notice",
        "language": language,
        "country": company.country,
        "deadline_on": DEADLINE,
        "interest": late,
    }
    return reminder(*lines, **(facts | changes))


def written(company: Company, entry: Reminder) -> tuple[Letter, str, str]:
    message = Writer(company).message(entry, TODAY)
    return letter_of(entry, TODAY), message.subject, message.text


def printed(company: Company, entry: Reminder) -> bytes:
    letter, subject, text = written(company, entry)
    return letter_pdf(letter, company, subject, text)


def text_of(pdf: bytes) -> list[str]:
    """The text of each page, its blanks made one; marks that allow a break are not seen."""
    pages = (page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return [" ".join(page.replace("\u200b", "").split()) for page in pages]


def places(pdf: bytes) -> list[tuple[float, float, str]]:
    """(x, y, text) of what stands on page one, in millimetres from its top left."""
    found: list[tuple[float, float, str]] = []
    page = PdfReader(io.BytesIO(pdf)).pages[0]
    top = float(page.mediabox.height)

    def visit(text: str, cm: list[float], tm: list[float], *_: object) -> None:
        x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
        if text.strip():
            found.append((x / MILLIMETRE, (top - y) / MILLIMETRE, text.strip()))

    page.extract_text(visitor_text=visit)
    return found


def where(pdf: bytes, words: str) -> tuple[float, float]:
    return next((x, y) for x, y, text in places(pdf) if words in text)


@pytest.mark.parametrize("language", sorted(SELLERS))
@pytest.mark.parametrize("count", [1, 30])
def test_a_notice_says_all_that_it_must(language: str, count: int) -> None:
    company = SELLERS[language]
    entry = notice(company, language, count)
    pdf = printed(company, entry)
    pages = text_of(pdf)
    whole = " ".join(pages)
    assert len(pages) == 3 if count == 30 else len(pages) <= 2
    for each in entry.lines:
        assert each.invoice in whole
    assert f"Ref. {entry.key}" in pages[0]
    assert entry.customer_name in pages[0]
    words = WORDS[language]
    assert words["pay_by"] in whole
    assert words["base"] in whole
    assert WORKED.search(whole) is None  # the list of the plain text has become a table
    assert company.contact_name in pages[-1]
    assert words["pay_by"] in pages[-1]
    for number, page in enumerate(pages, 1):
        assert f"{words['page']} {number} / {len(pages)}" in page


@pytest.mark.parametrize(
    ("country", "x", "y"),
    [
        ("FR", (105, 115), (48, 85)),
        ("BE", (105, 115), (48, 85)),
        ("DE", (20, 30), (60, 90)),
        ("AT", (20, 30), (60, 90)),
        ("NL", (20, 30), (48, 85)),
        ("GB", (20, 30), (48, 85)),
        ("US", (20, 30), (48, 85)),
    ],
)
def test_the_address_stands_in_the_window_of_the_country(
    country: str, x: tuple[int, int], y: tuple[int, int]
) -> None:
    company = replace(COMPANY, country=country)
    pdf = printed(company, notice(company, "fr", country=country))
    for words in ("Œuvres", "Lefèvre", "38000 Grenoble"):
        left, top = where(pdf, words)
        assert x[0] <= left <= x[1] + 30, words
        assert y[0] <= top <= y[1], words
    width, height = PdfReader(io.BytesIO(pdf)).pages[0].mediabox[2:]
    assert (round(width), round(height)) == ((612, 792) if country == "US" else (595, 842))


def test_a_long_address_never_leaves_the_window() -> None:
    address = "\n".join(f"{n} chemin du Long Détour, bâtiment {n}, escalier {n}" for n in range(14))
    entry = notice(COMPANY, "fr", address=address, customer_name="X" * 200)
    tops = [y for x, y, text in places(printed(COMPANY, entry)) if "chemin" in text and x > 100]
    assert tops
    assert max(tops) < 50 + 34


def test_equal_arguments_make_equal_bytes() -> None:
    entry = notice(COMPANY, "fr", 3)
    assert printed(COMPANY, entry) == printed(COMPANY, entry)
    other = replace(entry, deadline_on=date(2026, 12, 8))
    assert printed(COMPANY, other) != printed(COMPANY, entry)


HOSTILE = (
    '#import "/etc/passwd": *',
    '#read("letter.typ")',
    "$ x^2 $ *bold* _it_ `code` <label> @ref",
    "\\u{41} \\ // no comment /* none */ [#panic()]",
    '"quoted" } ] ) #sys.inputs',
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_words_are_printed_as_they_are(name: str) -> None:
    company = replace(COMPANY, name=name, contact_name=name, address=f"{name}\n75011 Paris")
    entry = notice(company, "fr", customer_name=name, address=f"{name}\n38000 Grenoble")
    entry = replace(entry, lines=(replace(entry.lines[0], invoice=name),))
    letter, _, _ = written(COMPANY, notice(COMPANY, "fr"))
    letter = letter_of(entry, TODAY)
    pdf = letter_pdf(letter, company, name, f"{name}\n\n- {name}\n- {name}\n\n{name}\n")
    plain = re.sub(r"\s", "", " ".join(text_of(pdf)))
    assert plain.count(re.sub(r"\s", "", name)) >= 8


def test_characters_of_the_four_languages_are_drawn() -> None:
    text = "é è ç œ € ß ä ö ü ij – « » ’ Ż ñ £"
    letter, subject, _ = written(COMPANY, notice(COMPANY, "fr"))
    (page, *_) = text_of(letter_pdf(letter, COMPANY, subject, f"{text}\n"))
    assert text in page


def test_an_edited_text_is_printed_as_typed_with_account_and_signature() -> None:
    letter, _, _ = written(COMPANY, notice(COMPANY, "fr"))
    text = f"Monsieur,\n\nUn mot de ma main.\n\n    a: 1\n    bb: 2\n\nRef. {letter.key}\n"
    whole = " ".join(text_of(letter_pdf(letter, COMPANY, "Un mot", text)))
    for words in ("Un mot de ma main.", "F-2026-0001", "Claire Dupont", WORDS["fr"]["schedule"]):
        assert words in whole
    assert whole.count(f"Ref. {letter.key}") == 1


def test_credits_are_taken_off_in_the_table() -> None:
    entry = notice(COMPANY, "fr", credits=(Netted(document="A-7", amount=5000),))
    whole = " ".join(text_of(printed(COMPANY, entry)))
    assert "À déduire : A-7" in whole
    assert "-50,00" in whole


def test_a_language_without_words_is_refused() -> None:
    letter, subject, text = written(COMPANY, notice(COMPANY, "fr"))
    with pytest.raises(ConfigError, match="'it'"):
        letter_pdf(letter.model_copy(update={"language": "it"}), COMPANY, subject, text)


def test_the_facts_of_a_letter_survive_the_database() -> None:
    letter, _, _ = written(COMPANY, notice(COMPANY, "fr", 2))
    assert Letter.model_validate(letter.model_dump(mode="json")) == letter


def test_pages_as_pictures_show_the_same_number_of_pages() -> None:
    letter, subject, text = written(GERMAN, notice(GERMAN, "de", 30))
    pictures = letter_pages(letter, GERMAN, subject, text, 40)
    assert len(pictures) == len(
        PdfReader(io.BytesIO(printed(GERMAN, notice(GERMAN, "de", 30)))).pages
    )
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


@pytest.mark.parametrize(
    ("address", "town"),
    [
        ("3 rue des Lilas\n75011 Paris", "Paris"),
        ("BP 12\n75011 Paris CEDEX 08", "Paris"),
        ("Deichweg 9\nD-26506 Norddeich", "Norddeich"),
        ("Grachtweg 2\n1012 AB Amsterdam\nPays-Bas", "Amsterdam"),
        ("17 Finch Yard\nLeeds LS1 4AP", "Leeds"),
        ("220 Heron Street\nPortland, OR 97201", "Portland"),
        ("nowhere", ""),
    ],
)
def test_the_town_of_an_address(address: str, town: str) -> None:
    assert place_of(address) == town


def test_the_file_name_is_safe() -> None:
    name = letter_name("0" * 20, "../../Étang & <b>\n")
    assert re.fullmatch(r"[0-9A-Za-z_.-]+\.pdf", name)
    assert not name.startswith(".")
