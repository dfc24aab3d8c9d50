"""Letters as PDF: the message on the firm's paper, its address where the envelope's window is."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from connector.contract import Company
from connector.messages.letter_facts import Letter, letter_of
from connector.messages.letter_page import page_data
from connector.messages.values import clean, file_name

__all__ = ["Letter", "letter_name", "letter_of", "letter_pages", "letter_pdf"]

SOURCE = Path(__file__).with_name("letter.typ")


def letter_pdf(letter: Letter, company: Company, subject: str, text: str) -> bytes:
    """The letter as a PDF file; equal arguments, equal bytes. `text` is the message's plain text.

    Raises:
        ConfigError: the frame of a letter has no words in its language.
    """
    pages = _compiled(letter, company, subject, text, "pdf")
    assert isinstance(pages, bytes)
    return pages


def letter_pages(
    letter: Letter, company: Company, subject: str, text: str, dots: float = 72.0
) -> list[bytes]:
    """The pages of the letter as PNG pictures, of so many dots an inch.

    Raises:
        ConfigError: as `letter_pdf`.
    """
    pages = _compiled(letter, company, subject, text, "png", dots)
    return [pages] if isinstance(pages, bytes) else pages


def letter_name(letter_key: str, customer_name: str) -> str:
    """The name of a letter's file, safe on every system."""
    return f"{letter_key}-{file_name(clean(customer_name))[:40].strip('-.')}.pdf"


def _compiled(
    letter: Letter,
    company: Company,
    subject: str,
    text: str,
    kind: Literal["pdf", "png"],
    dots: float = 72.0,
) -> bytes | list[bytes]:
    import typst  # here, for it is large and most commands print nothing

    data = json.dumps(page_data(letter, company, subject, text), ensure_ascii=False)
    dated = letter.dated_on
    made = typst.compile(
        SOURCE,
        root=SOURCE.parent,  # the page reads no file, and could read none elsewhere
        format=kind,
        ppi=dots,
        ignore_system_fonts=True,
        sys_inputs={"data": data},
        timestamp=int(datetime(dated.year, dated.month, dated.day, tzinfo=UTC).timestamp()),
    )
    assert made is not None
    return made
