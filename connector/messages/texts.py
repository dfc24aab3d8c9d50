"""Template files: those of the package, and the firm's own, which win."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from babel import Locale, UnknownLocaleError
from jinja2 import BaseLoader, Environment, TemplateNotFound

from connector.errors import ConfigError

PACKAGE = Path(__file__).parent / "templates"
TERMS = "_terms.md"
SUBJECT = "#subject"  # `fr/friendly.md#subject` is the first line of that file


@dataclass(frozen=True, slots=True)
class Text:
    """What the name of a message's file says; all empty for parts and notes."""

    language: str
    template: str
    variant: str

    @classmethod
    def of(cls, name: str) -> "Text":
        """`fr/friendly.consumer.md` is the French `friendly`, variant `consumer`."""
        language, _, rest = name.removesuffix(".md").partition("/")
        template, _, variant = rest.partition(".")
        return cls(language, template, variant) if rest[:1] != "_" else cls("", "", "")


class Texts(BaseLoader):
    """Template sources by name: `fr/friendly.md` is the body, line numbers as in the file.

    A name that begins with `_` is a part shared by the templates of its language, or a note; it
    has no subject. A name with a point, `fr/friendly.consumer.md`, is a variant of a text.

    Raises:
        ConfigError: the firm's folder does not exist.
    """

    def __init__(self, own: Path | None = None) -> None:
        if own is not None and not own.is_dir():
            raise ConfigError(
                f"RELANCE_TEMPLATES: {own} is not a folder. Create it with one folder a language "
                f"(such as {own / 'fr'}), or remove the setting."
            )
        self.own = _files(own) if own else {}
        self.files = _files(PACKAGE) | self.own

    @property
    def templates(self) -> frozenset[tuple[str, str]]:
        """(template, language) of every message that can be written."""
        texts = map(Text.of, self.files)
        return frozenset(
            (text.template, text.language) for text in texts if text.template and not text.variant
        )

    def chosen(self, language: str, template: str, legal: str, words: Sequence[str]) -> str | None:
        """The file for a message: the variant of a legal duty, else the firm's, else ours.

        Of each the first variant among `words` comes before the plain text. None if there is none.
        """
        if legal and (name := f"{language}/{template}.{legal}.md") in self.files:
            return name
        names = [f"{language}/{template}{word and '.'}{word}.md" for word in (*words, "")]
        found = (name for files in (self.own, self.files) for name in names if name in files)
        return next(found, None)

    def terms(self, language: str) -> str:
        """The firm's terms of payment in a language, on one line; empty where none are written.

        They stand in `fr/_terms.md` of the firm's own folder, plain text.
        """
        path = self.own.get(f"{language}/{TERMS}")
        return " ".join(_read(path).split()) if path else ""

    def version(self, name: str) -> str:
        """Eight hex digits that change with the text or with the parts of its language."""
        parts = name.partition("/")[0] + "/_parts.md"
        files = (self.files.get(each) for each in (name, parts))
        sources = "\x1f".join(_read(path) for path in files if path)
        return hashlib.sha256(sources.encode()).hexdigest()[:8]

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, None]:
        """Source and file of a body or, by its `#subject` name, of a subject."""
        name = template.removesuffix(SUBJECT)
        if name not in self.files:
            raise TemplateNotFound(template)
        path = self.files[name]
        if name.rpartition("/")[2].startswith("_"):
            return _read(path), str(path), None
        subject, body = _parts(path)
        return subject if template.endswith(SUBJECT) else body, str(path), None


def _files(folder: Path) -> dict[str, Path]:
    return {
        f"{file.parent.name}/{file.name}": file
        for file in sorted(folder.glob("*/*.md"))
        if _is_language(file.parent.name)
    }


def _is_language(name: str) -> bool:
    try:
        return Locale.parse(name).language == name
    except (UnknownLocaleError, ValueError):
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text: {error}") from error


def _parts(path: Path) -> tuple[str, str]:
    """Subject and body, both with the line numbers of the file."""
    first, _, rest = _read(path).partition("\n")
    label, colon, subject = first.partition(":")
    if label.strip().lower() != "subject" or not colon or not subject.strip():
        raise ConfigError(
            f"{path}, line 1: no subject. The first line must be `subject: …`, the second empty."
        )
    if rest.partition("\n")[0].strip():
        raise ConfigError(f"{path}, line 2: must be empty, between the subject and the text.")
    return subject.strip(), "\n" + rest
