"""The values of one configuration file by name, with their places and what is wrong with them."""

import difflib
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from dotenv.parser import parse_stream

PREFIX = "RELANCE_"


def nearest(word: str, words: Collection[str], cutoff: float = 0.6) -> str:
    """The word that was probably meant, empty if none is near."""
    return next(iter(difflib.get_close_matches(word, sorted(words), 1, cutoff)), "")


_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,~=-]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}


def statement(name: str, value: str) -> str:
    """A line that gives a name this value, white space around it aside, whatever is in it."""
    value = value.strip()
    if _PLAIN.fullmatch(value):
        return f"{name}={value}"
    quoted = "".join(_ESCAPES.get(char, char) for char in value)
    # A backslash before the closing quote would escape it for some readers. The space between
    # is one of those that every reading of ours takes away.
    return f'{name}="{quoted} "' if value.endswith("\\") else f'{name}="{quoted}"'


def rewritten(text: str, changed: Mapping[str, str]) -> str:
    """The text of a file with other values for these names, in place, or else at its end."""
    parts, left = [], dict(changed)
    for found in parse_stream(io.StringIO(text)):
        written = found.original.string
        if found.key in left:
            blank = written[: len(written) - len(written.lstrip())]
            written = f"{blank}{statement(found.key, left.pop(found.key))}\n"
        parts.append(written)
    whole = "".join(parts)
    if whole and not whole.endswith("\n"):
        whole += "\n"
    return whole + "".join(f"{statement(name, value)}\n" for name, value in left.items())


def where(path: Path | None, lines: Mapping[str, int], option: str) -> str:
    """The place to mend an option: `config.env:3`, `environment`, or the file alone."""
    line = lines.get(option)
    if line == 0:
        return "environment"
    return f"{path}:{line}" if line else str(path or "sample")


class Values:
    """What a file and the environment give, by short name; wrong values are problems and left out.

    An empty value is as if it were not given. `lines` goes by full name, 0 for the environment.
    """

    def __init__(
        self,
        path: Path,
        environ: Mapping[str, str],
        options: Collection[str],
        text: str | None = None,
    ) -> None:
        self.path = path
        self.folder = path.absolute().parent
        self.given: dict[str, str] = {}
        self.lines: dict[str, int] = {}
        self.problems: list[str] = []
        read = self._text() if text is None else text
        self._read(read, options)
        self._read_environment(environ)

    def problem(self, name: str, text: str) -> None:
        """Keep a problem with the option of this short name."""
        full = PREFIX + name
        self.problems.append(f"{where(self.path, self.lines, full)}: {full} {text}")

    def refuse_unknown(self, known: Collection[str], let_pass: str = "") -> None:
        """Keep a problem for every name nobody reads, for a typo must not become a default.

        Names that begin with `let_pass` are left to somebody else.
        """
        short = [name.removeprefix(PREFIX) for name in known]
        for full in self.lines:
            if full in known or (let_pass and full.startswith(let_pass)):
                continue
            name = full.removeprefix(PREFIX)
            meant = nearest(name.upper(), short)
            hint = f"did you mean {PREFIX}{meant}?" if meant else "config.example.env lists them"
            self.problem(name, f"is not an option: {hint}")

    def text(self, name: str) -> str:
        return self.given.get(PREFIX + name, "")

    def matching(self, name: str, pattern: str, expected: str) -> str:
        """The value in lower case if it has the form, else empty."""
        value = self.text(name).lower()
        if not value or re.fullmatch(pattern, value):
            return value
        self.problem(name, f"is {value!r}: expected {expected}")
        return ""

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """The value if it is one of these words, else empty."""
        return self.matching(name, "|".join(choices), f"one of {', '.join(choices)}")

    def number(self, name: str, least: int, most: int) -> int | None:
        """The value if it is a whole number within these bounds, both included."""
        value = self.text(name)
        if not value:
            return None
        if re.fullmatch("[0-9]{1,9}", value) and least <= int(value) <= most:
            return int(value)
        self.problem(name, f"is {value!r}: expected a whole number from {least} to {most}")
        return None

    def place(self, name: str) -> Path | None:
        """The value as a path relative to the file; nothing is said of what is there."""
        value = self.text(name)
        return self.folder / Path(value).expanduser() if value else None

    def _text(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            self.problems.append(f"{self.path}:{line}: not UTF-8 text: save the file as UTF-8")
        except OSError as error:
            self.problems.append(f"{self.path}: cannot be read: {error.strerror}: mend its rights")
        return ""

    def _read(self, text: str, options: Collection[str]) -> None:
        for name, value, line in self._statements(text):
            if not name.startswith(PREFIX):
                if meant := nearest(name.upper(), options, 0.8):
                    self.problems.append(
                        f"{self.path}:{line}: {name} is not an option: did you mean {meant}?"
                    )
                continue
            first = self.lines.setdefault(name, line)
            if first != line:
                self.problems.append(
                    f"{self.path}:{line}: {name} is given twice, first on line {first}: keep one"
                )
            elif value:
                self.given[name] = value

    def _statements(self, text: str) -> Iterator[tuple[str, str, int]]:
        """Name, value and line of each statement; one that does not read is a problem.

        Nothing is interpolated: a password may hold a `$`.
        """
        for statement in parse_stream(io.StringIO(text)):
            written = statement.original.string
            blank = written[: len(written) - len(written.lstrip())]
            line = statement.original.line + blank.count("\n")
            name, value = statement.key, statement.value
            if statement.error or (name and value is None):
                # What is written there is not shown: it may hold a secret.
                self.problems.append(f"{self.path}:{line}: not understood: write NAME=value")
            elif name:
                yield name, (value or "").strip(), line

    def _read_environment(self, environ: Mapping[str, str]) -> None:
        """Let the environment win, leaving out names that only hold a secret for `env:NAME`."""
        values = (*self.given.values(), *environ.values())
        held = {value[4:].strip() for value in values if value.startswith("env:")}
        for name, value in sorted(environ.items()):
            if name.startswith(PREFIX) and value.strip() and name not in held:
                self.given[name] = value.strip()
                self.lines[name] = 0
