"""Template files: those of the package, and the firm's own, which win."""

from pathlib import Path

from babel import Locale, UnknownLocaleError
from jinja2 import BaseLoader, Environment, TemplateNotFound

from connector.errors import ConfigError

PACKAGE = Path(__file__).parent / "templates"
SUBJECT = "#subject"  # `fr/friendly.md#subject` is the first line of that file


class Texts(BaseLoader):
    """Template sources by name: `fr/friendly.md` is the body, line numbers as in the file.

    A name that begins with `_` is a part shared by the templates of its language, or a note; it
    has no subject.

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
        pairs = (name.removesuffix(".md").split("/") for name in self.files)
        return frozenset((template, lang) for lang, template in pairs if template[0] != "_")

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
