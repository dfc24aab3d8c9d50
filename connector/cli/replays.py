"""What a replay shows: tables, JSON and CSV."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TextIO

from connector.cli.show import clean, put, table
from connector.dunning.policy_file import Policies
from connector.dunning.replay import Sent, by_step, differences
from connector.mirror.past_days import Books
from connector.receivables import money

SHOWN = 10  # differing days
NAMED = 3  # reminders in a cell
COLUMNS = (
    "policy",
    "date",
    "customer",
    "customer_name",
    "step",
    "stage",
    "n",
    "channel",
    "invoice",
    "line",
    "due_on",
    "net",
    "currency",
)


@dataclass(frozen=True, slots=True)
class Play:
    """What one policy would have sent."""

    policies: Policies
    sent: Sequence[Sent]

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.policies.firm.name


@dataclass(frozen=True, slots=True)
class Played:
    """One policy, or two side by side, over the same days of the same books."""

    books: Books
    start: date
    end: date
    plays: Sequence[Play]
    sample: bool = False


def show(played: Played) -> None:
    """The replay for people."""
    books = played.books
    sample = ", the sample ledger that comes with Relance" if played.sample else ""
    put(f"{clean(books.name)} ({books.ledger_id}){sample}")
    put(f"{played.start} to {played.end}; each reminder counts as approved and sent on its day.")
    for words in _sources(played):
        put(words)
    put()
    if len(played.plays) > 1:
        _both(*played.plays)
    else:
        _one(*played.plays)


def _sources(played: Played) -> Iterator[str]:
    """From what each part of the time is known."""
    books = played.books
    if played.start < books.first_pull_on:
        yield f"Before {books.first_pull_on}: by the dates of the documents themselves."
    if played.start <= books.known_on and played.end >= books.first_pull_on:
        yield f"From {max(played.start, books.first_pull_on)}: as it was known on each day."
    if played.end > books.known_on:
        yield f"After {books.known_on}: as if nobody paid."


def _one(play: Play) -> None:
    if play.sent:
        columns = ("date", "customer", "step", "by", "invoices", "claim")
        table(columns, (_row(one) for one in play.sent), right=("claim",))
        put()
        table(("step", "reminders"), by_step(play.sent).items(), right=("reminders",))
        put()
    customers = len({one.reminder.customer_id for one in play.sent})
    put(f"Policy {play.name}: {len(play.sent)} reminders to {customers} customers.")


def _row(one: Sent) -> tuple[object, ...]:
    entry = one.reminder
    claim = f"{money.text(entry.claim, entry.currency)} {entry.currency}"
    return one.on, entry.customer_name, entry.step, entry.channel, _invoices(one), claim


def _invoices(one: Sent) -> str:
    invoices = list(dict.fromkeys(line.invoice for line in one.reminder.lines))
    return f"{invoices[0]}{f' +{len(invoices) - 1}' if len(invoices) > 1 else ''}"


def _both(one: Play, other: Play) -> None:
    left, right = by_step(one.sent), by_step(other.sent)
    rows = [(step, left.get(step, 0), right.get(step, 0)) for step in {**left, **right}]
    names = one.name, other.name if other.name != one.name else f"{other.name} (2)"
    table(("step", *names), [*rows, ("in all", len(one.sent), len(other.sent))], right=names)
    put()
    found = list(differences(one.sent, other.sent))
    if not found:
        put("They never differ.")
        return
    put(f"They differ on {len(found)} days, first on these:")
    put()
    told = ((day.on, _each(day.one), _each(day.other)) for day in found[:SHOWN])
    table(("date", *(f"only {name}" for name in names)), told, right=("date",))


def _each(sent: Sequence[Sent]) -> str:
    told = ", ".join(f"{one.reminder.step} {_invoices(one)}" for one in sent[:NAMED])
    return f"{told}, {len(sent) - NAMED} more" if len(sent) > NAMED else told


def document(played: Played) -> dict[str, object]:
    """The replay as data, with the names of the plan's JSON."""
    books, plays = played.books, played.plays
    found: dict[str, object] = {
        "version": 1,
        "ledger": books.ledger_id,
        "sample": played.sample,
        "from": played.start.isoformat(),
        "to": played.end.isoformat(),
        "by_documents_before": books.first_pull_on.isoformat(),
        "unpaid_after": books.known_on.isoformat(),
        "policies": [
            {
                "policy": play.name,
                "by_step": by_step(play.sent),
                "reminders": [_reminder(one) for one in play.sent],
            }
            for play in plays
        ],
    }
    if len(plays) > 1:
        days = differences(plays[0].sent, plays[1].sent)
        found["differs_on"] = [day.on.isoformat() for day in days]
    return found


def _reminder(one: Sent) -> dict[str, object]:
    entry = one.reminder
    return {
        "date": one.on.isoformat(),
        "customer": {"id": entry.customer_id, "name": entry.customer_name},
        "policy": entry.policy,
        "step": entry.step,
        "stage": str(entry.rung.stage),
        "n": entry.rung.number,
        "channel": str(entry.channel),
        "currency": entry.currency,
        "claim": money.text(entry.claim, entry.currency),
        "invoices": [line.invoice for line in entry.lines],
    }


def write_csv(plays: Iterable[Play], stream: TextIO) -> None:
    """One row for each due line of each reminder."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for play in plays:
        for one in play.sent:
            writer.writerows(_cells(play.name, one))


def _cells(policy: str, one: Sent) -> Iterator[list[str]]:
    entry = one.reminder
    for line in entry.lines:
        cells = (
            policy,
            one.on,
            entry.customer_id,
            entry.customer_name,
            line.step,
            line.rung.stage,
            line.rung.number,
            entry.channel,
            line.invoice,
            line.line,
            line.due_on,
            money.text(line.net, entry.currency),
            entry.currency,
        )
        yield [_harmless(str(cell)) for cell in cells]


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
