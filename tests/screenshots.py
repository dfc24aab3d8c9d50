"""Draws the pictures of docs/pictures: mails in a browser, letters by typst. Not a test.

    python -m tests.screenshots            those that the documentation shows
    python -m tests.screenshots FOLDER     all of them, both widths, light and dark

Needs Chromium (Debian: chromium) and Pillow. `tests/test_words_pictures.py` holds the texts that
the pictures show to what the program writes.
"""

import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from connector.dunning.plan import Reminder
from connector.dunning.snapshot import Channel, Rung, Stage
from connector.messages.letter import letter_of, letter_pages
from connector.messages.write import Writer
from connector.receivables.records import Message
from tests.test_letter import notice
from tests.test_messages import COMPANY, TODAY, line
from tests.test_messages_texts import about, late, lines

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
CHROMIUM = "chromium"
WIDTHS = {"phone": 375, "desktop": 1024}
DOTS = 72  # an inch of a letter's page
HEIGHT = 4200  # of the window; what is empty below the mail is cut off
SHOWN = 1600
KEPT = (
    "friendly-one-phone",
    "friendly-one-phone-dark",
    "firm-several-desktop",
    "firm-several-phone-dark",
    "notice-interest-phone",
    "thirty-lines-phone",
    "letter-notice-1",
    "letter-statement-1",
    "letter-thirty-1",
    "letter-thirty-2",
)


def mails() -> Mapping[str, Reminder]:
    """The mails of the pictures, by the name of their file."""
    linked = line(pay_link="https://pay.example/f/2026-0001", reference="PO 4500012345")
    orders = "4500012345/4500012346/4500012347/4500012348"
    long = line(4, invoice="RE-2026-11-0000000017-KORREKTUR-A", reference=orders)
    several = (*lines(3), long)
    return {
        "friendly-one": about("fr/friendly.md", linked, contact_name="Mme Lefèvre"),
        "firm-several": about(
            "en/firm.md", *several, mode="mention", interest=late(several, "mention", "FR_B2B")
        ),
        "notice-interest": about("de/formal_notice.md", *lines(2), mode="claim"),
        "thirty-lines": about("nl/statement.md", *lines(30)),
    }


def letters() -> Mapping[str, Reminder]:
    """The letters of the pictures."""
    by_post = {
        "channel": Channel.LETTER,
        "to": (),
        "customer_name": "Société Générale d'Œuvres & Cie",
        "address": "À l'attention de M. Lefèvre\n12 rue de la Forêt\n38000 Grenoble",
    }
    return {
        "letter-notice": notice(COMPANY, "fr", 1),
        "letter-statement": about(
            "fr/statement.md", *lines(4), rung=Rung(Stage.FRIENDLY, 1), **by_post
        ),
        "letter-thirty": notice(COMPANY, "fr", 30),
    }


def message(entry: Reminder) -> Message:
    return Writer(COMPANY, pdf=True).message(entry, TODAY)


def draw(folder: Path, work: Path, wanted: Collection[str]) -> None:
    """The mails at both widths, light and dark, and the pages of the letters; none named: all."""
    for name, entry in mails().items():
        html = message(entry).html
        for place, width in WIDTHS.items():
            for dark in (False, True):
                stem = f"{name}-{place}{'-dark' if dark else ''}"
                if stem in wanted or not wanted:
                    shot(html, folder / f"{stem}.png", width, work, dark=dark)
    for name, entry in letters().items():
        made = message(entry)
        pages = letter_pages(letter_of(entry, TODAY), COMPANY, made.subject, made.text, DOTS)
        for number, page in enumerate(pages, 1):
            if wanted and f"{name}-{number}" not in wanted:
                continue
            (folder / f"{name}-{number}.png").write_bytes(page)
    for file in folder.glob("*.png"):
        shrink(file)


def shot(html: str, target: Path, width: int, work: Path, *, dark: bool) -> None:
    """One page in a browser; a frame gives it its width, for no window is as narrow as a phone."""
    mail, frame = work / "mail.html", work / "frame.html"
    mail.write_text(html, encoding="utf-8")
    scheme = "dark" if dark else "light"
    frame.write_text(
        f'<!DOCTYPE html><html style="color-scheme:{scheme}"><body style="margin:0">'
        f'<iframe src="mail.html" style="border:0;width:{width}px;height:{HEIGHT}px"></iframe>',
        encoding="utf-8",
    )
    flags = ["--force-dark-mode"] if dark else []
    subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--disable-background-networking", f"--user-data-dir={work / 'profile'}"),
            *(f"--window-size={width},{HEIGHT}", f"--screenshot={target}", *flags),
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            frame.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    trim(target, width)


def trim(file: Path, width: int) -> None:
    """The picture without the empty strip below the page, at most three screens of it."""
    from PIL import Image, ImageChops

    with Image.open(file) as found:
        page = found.convert("RGB").crop((0, 0, width, HEIGHT))
    ground = Image.new("RGB", page.size, page.getpixel((2, HEIGHT - 2)))
    box = ImageChops.difference(page, ground).getbbox()
    bottom = min((box[3] if box else HEIGHT) + 24, SHOWN)
    page.crop((0, 0, width, bottom)).save(file)


def shrink(file: Path) -> None:
    """Thirty-two colours suffice for text, and make a small file."""
    from PIL import Image

    with Image.open(file) as found:
        found.convert("RGB").quantize(32).save(file, optimize=True)


def main() -> None:
    every = len(sys.argv) > 1
    folder = Path(sys.argv[1]) if every else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="relance-pictures-") as work:
        draw(folder, Path(work), () if every else KEPT)


if __name__ == "__main__":
    main()
