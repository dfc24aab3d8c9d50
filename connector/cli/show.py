"""What people see: tables on a terminal, plain text in a pipe, narration on stderr."""

import json
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connector.dunning.plan import Plan, Reminder
from connector.receivables import money

_WIDE = 110


def clean(text: object) -> str:
    """Text from outside as one harmless line: no control characters, no direction overrides."""
    return "".join(
        " " if char in "\n\t" else char
        for char in str(text)
        if char in "\n\t" or not unicodedata.category(char).startswith("C")
    )


def say(text: str) -> None:
    """One line of narration on stderr."""
    sys.stderr.write(f"{clean(text)}\n")


def put(text: str = "") -> None:
    """Lines of the result on stdout."""
    sys.stdout.write(f"{text}\n")


def put_json(value: Mapping[str, Any]) -> None:
    """The result as one JSON object."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    right: Sequence[str] = (),
    wide_only: Sequence[str] = (),
    folded: Sequence[str] = (),
) -> None:
    """A table on stdout: ruled on a terminal, aligned words in a pipe.

    Columns of `wide_only` are left out where there are fewer than 110 columns; a cell that does
    not fit is cut, unless its column is `folded`.
    """
    terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if terminal else 200, highlight=False)
    shown = [
        number
        for number, column in enumerate(columns)
        if console.width >= _WIDE or column not in wide_only
    ]
    drawn = Table(
        box=box.SIMPLE_HEAD if terminal else None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="bold" if terminal else "",
    )
    cells = [[clean(row[number]) for number in shown] for row in rows]
    for place, number in enumerate(shown):
        figure = columns[number] in right
        widest = max((len(row[place]) for row in cells), default=0) if figure else None
        side: Any = "right" if figure else "left"
        drawn.add_column(
            columns[number],
            justify=side,
            overflow="fold" if columns[number] in folded else "ellipsis",
            no_wrap=columns[number] not in folded,
            min_width=widest,
        )
    for row in cells:
        drawn.add_row(*(escape(cell) for cell in row))
    console.print(drawn)


def sums(amounts: Mapping[str, int]) -> str:
    """Amounts by currency: `1184.50 EUR and 300.00 USD`."""
    told = [f"{money.text(amount, code)} {code}" for code, amount in sorted(amounts.items())]
    return " and ".join(told) or "nothing"


def plan(shown: Plan, company: str) -> None:
    """A plan for people: the reminders, then the silences by reason."""
    sample = ", the sample ledger that comes with Relance" if shown.sample else ""
    put(f"{clean(company)} ({shown.ledger_id}){sample}")
    put(f"{shown.today:%A} {shown.today}, mode {shown.mode}")
    lines = sum(len(entry.lines) for entry in shown.reminders)
    put(
        f"{_count(len(shown.reminders), 'reminder')} about {_count(lines, 'due line')}, "
        f"claiming {sums(shown.claimed())}."
    )
    put(f"{_count(len(shown.silences), 'due line')} without a reminder today.")
    if shown.reminders:
        put(f"Routes: {_routes(shown)}.")
    waiting = sum(entry.needs_approval for entry in shown.reminders)
    if waiting:
        put(f"{_count(waiting, 'reminder')} would wait for your approval.")
    put()
    if shown.reminders:
        columns = ("customer", "step", "by", "to", "invoices", "claim")
        rows = (_reminder(entry) for entry in shown.reminders)
        table(columns, rows, right=("claim",), wide_only=("by", "to"))
        put()
    counts: dict[str, list[str]] = {}
    for silence in shown.silences:
        for quiet in silence.reasons:
            counts.setdefault(str(quiet.reason), []).append(silence.invoice)
    if counts:
        ranked = sorted(counts.items(), key=lambda item: (-len(item[1]), item[0]))
        reasons = ((code, len(found), ", ".join(found[:2])) for code, found in ranked)
        table(("silent because", "lines", "such as"), reasons, right=("lines",))
        put()
    mind(text for entry in shown.reminders for text in entry.warnings)
    put("relance why INVOICE says why; relance preview INVOICE shows the message.")


def mind(warnings: Iterable[str]) -> None:
    """What a person should know before messages go, each once."""
    for warning in dict.fromkeys(warnings):
        put(f"Mind: {clean(warning)}")


def _routes(shown: Plan) -> str:
    """How the reminders go: `email by smtp 7, letter by print 1`."""
    ways = Counter(f"{entry.channel} by {entry.route}" for entry in shown.reminders)
    return ", ".join(f"{way} {number}" for way, number in sorted(ways.items()))


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _reminder(entry: Reminder) -> tuple[object, ...]:
    invoices = list(dict.fromkeys(line.invoice for line in entry.lines))
    more = f" +{len(invoices) - 1}" if len(invoices) > 1 else ""
    return (
        entry.customer_name,
        entry.step,
        f"{entry.channel}, {entry.route}",
        ", ".join(entry.to),
        f"{invoices[0]}{more}",
        f"{money.text(entry.claim, entry.currency)} {entry.currency}",
    )
