"""Questions on a terminal; where nobody can answer, or nobody is to be asked, their defaults."""

import sys
from collections.abc import Sequence
from textwrap import shorten

import typer

from connector.cli.show import clean, say


class Questions:
    """Asks on stderr. `asking` is false for scripts: then each answer is its default.

    Raises:
        typer.Abort: the person has had enough (Ctrl-C, Ctrl-D).
    """

    def __init__(self, asking: bool) -> None:
        self.asking = asking and sys.stdin.isatty()

    def text(self, name: str, help: str = "", *, default: str = "", required: bool = False) -> str:
        """A line, asked for again while it is needed and empty; `-` takes the default away."""
        if not self.asking:
            return default
        leave = "- to leave it out" if default else "Enter to leave it out"
        self._explain(help, "" if required else leave)
        while True:
            given = _ask(name, default=default, show_default=bool(default)).strip()
            if given == "-" and not required:
                return ""
            if given and _is_text(given):
                return given
            if not given and not required:
                return ""
            say("Please give an answer; Ctrl-C ends, and nothing is written.")

    def secret(
        self, name: str, help: str = "", *, kept: bool = False, required: bool = True
    ) -> str:
        """A secret, not shown while it is typed; empty where it is `kept` as it is, or left out."""
        if not self.asking:
            return ""
        leave = "Enter to keep the present one" if kept else "Enter to leave it out"
        self._explain(help, leave if kept or not required else "")
        while True:
            given = _ask(name, default="", show_default=False, hide_input=True)
            if (given and _is_text(given)) or (not given and (kept or not required)):
                return given
            say("Please give an answer; Ctrl-C ends, and nothing is written.")

    def choice(
        self, what: str, rows: Sequence[tuple[str, str]], *, default: str = "", name: str = "Choice"
    ) -> str:
        """One of the words at the left, each with its line; by its number too."""
        if not self.asking:
            return default
        say("")
        say(what)
        width = max(len(word) for word, _ in rows)
        for number, (word, line) in enumerate(rows, 1):
            say(f" {number:2}  {word:{width}}  {shorten(line, 73 - width, placeholder=' ...')}")
        words = [word for word, _ in rows]
        while True:
            given = _ask(name, default=default, show_default=bool(default)).strip()
            if given in words:
                return given
            if given.isdecimal() and 0 < int(given) <= len(words):
                return words[int(given) - 1]
            say(f"Please give a number from 1 to {len(words)}, or a word of the list.")

    def yes(self, what: str, *, default: bool) -> bool:
        """Whether the person agrees."""
        return typer.confirm(clean(what), default=default, err=True) if self.asking else default

    def _explain(self, help: str, more: str) -> None:
        say("")
        if told := f"{help[:1].upper()}{help[1:]}{f' ({more})' if more else ''}".strip():
            say(told)


def _ask(name: str, **how: object) -> str:
    return str(typer.prompt(name, err=True, **how))  # type: ignore[arg-type]


def _is_text(given: str) -> bool:
    """Whether it can be kept as UTF-8; what a terminal of another encoding sends cannot."""
    try:
        given.encode()
    except UnicodeEncodeError:
        say("That is not UTF-8 text: set the terminal to UTF-8, or give it by --set.")
        return False
    return True
