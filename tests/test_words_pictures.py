"""The pictures of the documentation: their texts, their files, and where things stand on a page."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from connector.messages.letter import letter_of, letter_pdf
from connector.messages.lint import STANDARD, lint
from connector.messages.texts import Text
from connector.messages.write import Writer
from tests import screenshots
from tests.test_letter import places, text_of
from tests.test_messages import COMPANY, TODAY, Seen
from tests.test_messages_texts import FILES, about, lines

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "texts.md").read_text(encoding="utf-8")

# The words that each picture shows. When a text has changed: python -m tests.screenshots, look at
# the pictures, and write the new digest here.
SHOWN: Mapping[str, str] = {
    "friendly-one": "6ceacda10a37",
    "firm-several": "443fae945cbc",
    "notice-interest": "3572e393eec5",
    "thirty-lines": "926fe1665002",
    "letter-notice": "c7fd87515d6c",
    "letter-statement": "62dfac413d9a",
    "letter-thirty": "9a81ceb6309b",
}


def digest(text: str) -> str:
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:12]


def pdf_of(name: str) -> bytes:
    entry = screenshots.letters()[name]
    made = screenshots.message(entry)
    return letter_pdf(letter_of(entry, TODAY), COMPANY, made.subject, made.text)


@pytest.mark.parametrize("name", screenshots.mails())
def test_a_mail_still_says_what_its_picture_shows(name: str) -> None:
    assert digest(Seen(screenshots.message(screenshots.mails()[name]).html).text) == SHOWN[name]


@pytest.mark.parametrize("name", screenshots.letters())
def test_a_letter_still_says_what_its_picture_shows(name: str) -> None:
    assert digest(" ".join(text_of(pdf_of(name)))) == SHOWN[name]


def test_the_pictures_are_small_and_all_of_them_are_shown() -> None:
    files = {file.stem: file for file in screenshots.FOLDER.glob("*.png")}
    assert set(files) == set(screenshots.KEPT)
    sizes = [file.stat().st_size for file in files.values()]
    assert max(sizes) < 60_000
    assert sum(sizes) < 500_000
    assert set(re.findall(r"pictures/([\w-]+)\.png", PAGE)) == set(files)


# Millimetres from the top left of the sheet, as they were looked at in the pictures.
STANDS = {
    "Société Générale": (110.0, 52.3),  # the first line in the window
    "38000 Grenoble": (110.0, 65.6),
    "Ref. 0123456789abcdef0123": (25.0, 95.5),
    "Objet": (25.0, 102.7),
}


@pytest.mark.parametrize("name", screenshots.letters())
def test_what_a_letter_shows_stands_where_it_was_seen(name: str) -> None:
    found = places(pdf_of(name))
    for words, (x, y) in STANDS.items():
        at = next((a, b) for a, b, text in found if text.startswith(words))
        assert at == pytest.approx((x, y), abs=1.0), words


def test_thirty_lines_have_a_head_and_a_number_on_each_page() -> None:
    pages = text_of(pdf_of("letter-thirty"))
    assert len(pages) == 3
    for number, page in enumerate(pages, 1):
        assert f"Page {number} / 3" in page
        assert "Ref. 0123456789abcdef0123" in page
    assert pages[1].count("Reste dû") == 1  # the table's head again
    assert "F-2026-0030" in pages[1]


@pytest.mark.parametrize("count", [1, 3, 30])
@pytest.mark.parametrize("language", ["de", "en", "fr", "nl"])
def test_each_formal_text_fits_its_letter(language: str, count: int) -> None:
    for file in FILES:
        stage = STANDARD[Text.of(file).template]
        if not file.startswith(language) or stage.value != "notice":
            continue
        many = lines(count)
        entry = about(file, *many, address="1 rue X\n75001 Paris", to=())
        made = Writer(COMPANY).message(entry, TODAY)
        pages = text_of(letter_pdf(letter_of(entry, TODAY), COMPANY, made.subject, made.text))
        assert len(pages) <= (3 if count == 30 else 2), file
        assert all(f"{number} / {len(pages)}" in page for number, page in enumerate(pages, 1))
        assert all(each.invoice in " ".join(pages) for each in many)


# ---- the page on texts


def test_every_text_is_in_the_page() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert set(rows) == set(STANDARD)


def test_the_example_is_sound(tmp_path: Path) -> None:
    example = PAGE.partition("## An example of your own")[2].partition("\n\n    ")[2]
    block = example.partition("\n`parts`")[0]
    text = "\n".join(row.removeprefix("    ") for row in ("    " + block).split("\n"))
    folder = tmp_path / "en"
    folder.mkdir()
    (folder / "friendly.md").write_text(text.strip() + "\n", encoding="utf-8")
    assert lint(tmp_path, ()) == []
    for count in (1, 3):
        wanted = about("en/friendly.md", *lines(count))
        message = Writer(COMPANY, tmp_path).message(wanted, TODAY)
        assert "A short reminder" in message.subject
        assert "Could you pay them this week" in message.text
