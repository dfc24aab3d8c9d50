"""Templates rendered in a sandbox, as plain text or as Markdown for HTML; errors name the line."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from babel import Locale
from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from connector.errors import ConfigError
from connector.messages import formats
from connector.messages.texts import SUBJECT, TERMS, Texts
from connector.messages.values import markdown, web_address

# `safe` and its like would let text from outside through unescaped.
_REFUSED_FILTERS = ("safe", "urlize", "xmlattr", "tojson", "forceescape", "striptags")
_AUTHOR_ERRORS = (
    TemplateError,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


class Engine:
    """Renders the same templates in one of two ways.

    With `html`, every value is escaped for Markdown as it is printed, whichever way it came, and
    the result is Markdown that a template wrote; without, values are printed as they are.
    """

    def __init__(self, texts: Texts, *, html: bool) -> None:
        self.texts = texts
        self.html = html
        self.environment = SandboxedEnvironment(
            loader=texts,
            undefined=StrictUndefined,
            autoescape=html,
            finalize=_escaped if html else _plain,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for name in _REFUSED_FILTERS:
            del self.environment.filters[name]
        self.environment.filters |= {
            "money": _money,
            "ldate": _long_date,
            "sdate": _short_date,
            "days": _days,
            "link": _html_link if html else _plain_link,
        }

    def subject(self, name: str, context: Mapping[str, Any]) -> str:
        """The first line of a template, rendered."""
        return self.render(name + SUBJECT, context)

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """A template rendered with the context and, as `parts`, its language's shared macros.

        Raises:
            ConfigError: names file, line and what is wrong.
        """
        parts_name = name.partition("/")[0] + "/_parts.md"
        full = dict(context)
        try:
            if parts_name in self.texts.files:
                parts: Any = self.environment.get_template(parts_name).make_module(full)
                full |= {"parts": parts, "greeting": parts.greeting()}
            return self.environment.get_template(name).render(full)
        except _AUTHOR_ERRORS as error:
            raise ConfigError(self._told(name, error)) from error

    def tree(self, name: str) -> nodes.Template:
        """A template as Jinja reads it; an empty one where the file does not exist."""
        if name.removesuffix(SUBJECT) not in self.texts.files:
            return self.environment.parse("")
        source, path, _ = self.texts.get_source(self.environment, name)
        return self.environment.parse(source, name, path)

    def problems(self) -> list[str]:
        """What is wrong with the firm's own files before any message is written."""
        found: list[str] = []
        for name in self.texts.own:
            if name.endswith(f"/{TERMS}"):
                continue  # plain words, no template
            pages = [name] if "/_" in name else [name + SUBJECT, name]
            try:
                for page in pages:
                    self.environment.get_template(page)
            except ConfigError as error:
                found += error.problems
            except TemplateError as error:
                found.append(self._told(name, error))
        return found

    def _told(self, name: str, error: Exception) -> str:
        path = str(self.texts.files.get(name.removesuffix(SUBJECT), name))
        line: int | None = None
        if isinstance(error, TemplateSyntaxError):
            path, line = error.filename or path, error.lineno
        else:
            ours = {str(file) for file in self.texts.files.values()}
            trace = error.__traceback__
            while trace:
                if trace.tb_frame.f_code.co_filename in ours:
                    path, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
                trace = trace.tb_next
        where = f"{path}, line {line}" if line else path
        return f"{where}: {error}. Mend the line, or remove the file to use the standard text."


def _locale(context: Context) -> Locale:
    locale = context["locale"]
    assert isinstance(locale, Locale)
    return locale


@pass_context
def _plain(context: Context, value: Any) -> Any:
    """A value about to be printed: dates become words, nothing at all is an error."""
    if value is None:
        raise ValueError("a value that is empty here is printed; put it inside {% if … %}")
    if isinstance(value, date) and not isinstance(value, datetime):
        return formats.long_date(value, _locale(context))
    return value


@pass_context
def _escaped(context: Context, value: Any) -> Markup:
    value = _plain(context, value)
    return value if isinstance(value, Markup) else markdown(str(value))


@pass_context
def _money(context: Context, amount: int) -> str:
    return formats.money(amount, context["currency"], _locale(context))


@pass_context
def _long_date(context: Context, day: date) -> str:
    return formats.long_date(day, _locale(context))


@pass_context
def _short_date(context: Context, day: date) -> str:
    return formats.short_date(day, _locale(context))


@pass_context
def _days(context: Context, count: int) -> str:
    return formats.days(count, _locale(context))


def _plain_link(address: str, words: str = "") -> str:
    return web_address(address)


def _html_link(address: str, words: str = "") -> Markup:
    shown = web_address(address)
    label = words if isinstance(words, Markup) else markdown(words or shown)
    return Markup(f"[{label}](<{markdown(shown)}>)") if shown else Markup("")
