"""The two versions of a message: wrapped plain text, and HTML that any mail program shows."""

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from connector.messages.table import WIDTH
from connector.messages.values import spaced

SUBJECT_LIMIT = 120
_RULES = ("paragraph", "heading", "list", "blockquote", "hr", "table")
_RULES_IN_LINE = ("newline", "escape", "entity", "emphasis", "link", "autolink")
_RULES_AFTER = ("balance_pairs", "emphasis", "fragments_join")
_LIST_ITEM = re.compile(r"\s*(?:[-–*] +)?")

# Mail programs drop style sheets: what matters stands on each element.
_STYLES = {
    "p": "margin:0 0 16px",
    "ul": "margin:0 0 16px;padding-left:20px",
    "ol": "margin:0 0 16px;padding-left:20px",
    "li": "margin:0 0 4px",
    "a": "color:#0b5394;text-decoration:underline",
    "table": "width:100%;border-collapse:collapse;margin:0 0 20px;font-size:14px",
    "th": "padding:8px 6px;border-bottom:2px solid #9aa5b1;font-weight:bold;vertical-align:bottom",
    "td": "padding:8px 6px;border-bottom:1px solid #d5dbe1;vertical-align:top",
}
_TYPED = "margin:0;white-space:pre-wrap;font-family:Consolas,Menlo,monospace;font-size:14px"
_FOOT = '<p class="foot"'
_SIDES = re.compile(r"text-align:(left|right)")


def subject_line(text: str) -> str:
    """One line of at most 120 characters, with plain spaces for those of numbers."""
    line = " ".join(spaced(text).split())
    return line if len(line) <= SUBJECT_LIMIT else line[: SUBJECT_LIMIT - 1].rstrip() + "…"


def plain_text(body: str, foot: Sequence[str]) -> str:
    """The body with long lines wrapped at 76 columns, a line end kept as one, then the foot."""
    lines = [part for line in body.split("\n") for part in _wrapped(line.rstrip())]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    below = "\n".join(part for line in foot for part in _wrapped(line))
    return f"{text}\n\n{below}\n"


def _wrapped(line: str) -> list[str]:
    if len(line) <= WIDTH:
        return [line]
    mark = _LIST_ITEM.match(line)
    indent = " " * (mark.end() if mark else 0)
    return textwrap.wrap(
        line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def above_reference(text: str, key: str, paragraph: str) -> str:
    """The plain text with one more paragraph above its foot, the one that ends in `Ref. <key>`."""
    body, gap, foot = text.rstrip("\n").rpartition("\n\n")
    if gap and foot.endswith(f"Ref. {key}"):
        return f"{body}\n\n{paragraph}\n\n{foot}\n"
    return f"{body}{gap}{foot}\n\n{paragraph}\n"


def above_foot(html: str, block: Markup) -> str:
    """The page with one more block above its foot; at the end of one that has none."""
    for mark in (_FOOT, "</body>"):
        head, found, tail = html.rpartition(mark)
        if found:
            return f"{head}{block}{found}{tail}"
    return html and f"{html}{block}"


class Page:
    """Turns a template's Markdown into a whole HTML page. No HTML in the Markdown is kept."""

    def __init__(self) -> None:
        self.reader = MarkdownIt("zero", {"html": False, "linkify": False, "breaks": True})
        self.reader.enable([*_RULES, *_RULES_IN_LINE, *_RULES_AFTER])
        self.frame = Environment(
            loader=FileSystemLoader(Path(__file__).parent),
            undefined=StrictUndefined,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        ).get_template("mail.html")

    def html(self, body: str, *, language: str, subject: str, foot: Sequence[str]) -> str:
        """The page; `foot` are lines of plain text under a rule."""
        tokens = self.reader.parse(body)
        _style(tokens)
        inner = Markup(self.reader.renderer.render(tokens, self.reader.options, {}))
        return self.frame.render(language=language, subject=subject, body=inner, foot=foot)

    def typed(self, text: str, *, language: str, subject: str) -> str:
        """The page of a text that a person typed: as it stands, its columns kept."""
        inner = Markup('<p style="{}">{}</p>').format(_TYPED, text)
        return self.frame.render(language=language, subject=subject, body=inner, foot=())


def _style(tokens: Sequence[Token]) -> None:
    first = False
    for token in tokens:
        if token.type == "tr_open":
            first = True
        style = _STYLES.get(token.tag) if token.nesting == 1 else None
        if style:
            side = _SIDES.search(str(token.attrGet("style") or ""))
            style += f";text-align:{side[1]}" if side else ""
            if token.tag == "th" or (token.tag == "td" and not first):  # only numbers may break
                style += ";overflow-wrap:normal"
            first = first and token.tag not in ("th", "td")
            token.attrSet("style", style)
        if token.tag == "table" and token.nesting == 1:
            token.attrSet("class", "lines")
        _style(token.children or ())
