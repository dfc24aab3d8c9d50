"""How documents stood on each day, from their rows and the events about them. Pure.

From the first complete pull on, the events tell it exactly. Before it, the ledger's own dates do:
an invoice is there from its issue, a payment counts from its day, a credit note from its issue.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, pairwise
from typing import Any

from connector.receivables.records import DocumentState, PaymentState

Values = dict[str, Any]
Stages = list[tuple[date, Values]]
"""What a row's columns hold from each day on, oldest first; the first one begins with time."""

_BALANCES = ("balance", "settled", "reopened", "line_gone")
_HIDDEN = {"state": DocumentState.DRAFT.value}  # a document that nobody can know of yet
_NOT_YET = {"state": PaymentState.VOID.value}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that changed; `text` holds words such as `open -> paid`."""

    on: date
    what: str
    before: int | None
    after: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Effect:
    """A payment or credit that lowered an invoice, or one line of it, on a day."""

    on: date
    amount: int
    line: str = ""


def at(stages: Stages, day: date) -> Values:
    """What held on a day."""
    return next(values for on, values in reversed(stages) if on <= day)


def tidy(stages: Iterable[tuple[date, Values]]) -> Stages:
    """One stage a day, the last one of it, and none that changes nothing."""
    by_day = sorted(dict(stages).items(), key=lambda stage: stage[0])
    return by_day[:1] + [new for old, new in pairwise(by_day) if new[1] != old[1]]


def line_stages(row: Values, events: Sequence[Event], first: date) -> Stages:
    """A due line as the events tell it, from the first complete pull on."""
    now = {name: row[name] for name in ("due_on", "balance", "settled_on", "reopened_on")}
    now["gone_on"] = row["gone_on"]
    told = [event for event in events if event.what in (*_BALANCES, "due_date")]
    values = dict(now)
    for event in reversed(told):  # what it was before the first of them
        if event.what == "due_date":
            values["due_on"] = _day(event.text.partition(" -> ")[0])
        else:
            values["balance"] = event.before
    if told:
        values |= {"gone_on": None}
        if any(event.what in ("settled", "reopened") for event in told):
            values |= {"settled_on": None, "reopened_on": None}
    stages = [(date.min, dict(values))]
    for event in told:
        if event.what == "due_date":
            values["due_on"] = _day(event.text.partition(" -> ")[2])
        else:
            values["balance"] = event.after
        if event.what == "settled":
            values["settled_on"] = event.on
        if event.what == "reopened":
            values |= {"settled_on": None, "reopened_on": event.on}
        if event.what == "line_gone":
            values["gone_on"] = event.on
        stages.append((event.on, dict(values)))
    if row["first_seen_on"] > first and any(event.what == "line_seen" for event in events):
        absent = values | {"balance": 0, "gone_on": row["first_seen_on"]}
        born = at(tidy(stages), row["first_seen_on"])
        later = [stage for stage in stages if stage[0] > row["first_seen_on"]]
        stages = [(date.min, absent), (row["first_seen_on"], born), *later]
    return tidy(stages)


def _day(text: str) -> date | None:
    return None if text == "None" else date.fromisoformat(text)


def invoice_stages(
    row: Values,
    lines: Mapping[int, tuple[Values, Stages]],
    events: Sequence[Event],
    effects: Iterable[Effect],
    first: date,
    read_on: date,
) -> tuple[Stages, dict[int, Stages]]:
    """An invoice and its due lines by row id; `effects` are those before the first pull.

    `read_on` is the day on which the version in the mirror came in.
    """
    states = _state_log(row["state"], events)
    state = at(states, first)["state"]
    undone = _undone(
        {key: (line, at(told, first)) for key, (line, told) in lines.items()}, effects, first
    )
    seen = next((event.on for event in events if event.what == "invoice_seen"), first)
    born = seen if seen > first else min(row["issued_on"], first)
    line_days = {
        key: tidy([*undone[key], *((max(on, first), values) for on, values in _from(told, first))])
        for key, (_, told) in lines.items()
    }
    moments = chain(states, *line_days.values())
    days = {born, first, *(on for on, _ in moments)}
    days |= {read_on} if read_on > first else set()
    total_now = sum(line["balance"] for line, _ in lines.values())
    stages: Stages = [(date.min, _HIDDEN | _figures(row, total_now, total_now, True))]
    for day in sorted(day for day in days if day >= born):
        balances = [at(told, day)["balance"] for told in line_days.values()]
        stood = at(states, day)["state"] if day >= first else state
        if day < first and any(balances) and stood in (DocumentState.PAID, DocumentState.CREDITED):
            stood = DocumentState.OPEN.value
        known = day >= read_on or read_on <= first
        stages.append((day, {"state": stood} | _figures(row, sum(balances), total_now, known)))
    return tidy(stages), line_days


def _from(stages: Stages, first: date) -> Stages:
    """The stages that count from a day on."""
    return [(first, at(stages, first)), *(stage for stage in stages if stage[0] > first)]


def _figures(row: Values, total: int, total_now: int, known: bool) -> Values:
    """The product's own figures, as far from the lines as they are now if that was `known`."""
    return {
        name: None if row[name] is None else total + (row[name] - total_now if known else 0)
        for name in ("balance", "open_balance")
    }


def _state_log(state: str, events: Sequence[Event]) -> Stages:
    told = [event for event in events if event.what in ("state", "missing")]
    stages: Stages = []
    for event in reversed(told):
        stages.append((event.on, {"state": state}))
        before = event.text.partition(" -> ")[0] if event.what == "state" else "open"
        state = before
    return tidy([(date.min, {"state": state}), *reversed(stages)])


def _undone(
    lines: Mapping[int, tuple[Values, Values]], effects: Iterable[Effect], first: date
) -> dict[int, Stages]:
    """The lines before the first pull, by row id, out of each row and what it held then.

    What lowered them is taken back, the latest first; what names no line, from the last line on.
    """
    stages: dict[int, Stages] = {key: [] for key in lines}
    balance = {key: held["balance"] for key, (_, held) in lines.items()}
    told = sorted(effects, key=lambda effect: effect.on, reverse=True)
    there = [key for key, (_, held) in lines.items() if held["gone_on"] is None]
    there.sort(key=lambda key: lines[key][0]["rank"], reverse=True)
    rest = sum(lines[key][0]["amount"] for key in there) - sum(effect.amount for effect in told)
    if told and rest > 0 and not any(balance.values()):
        told.insert(0, Effect(told[0].on, rest))  # a discount: gone with the last payment
    for effect in told:
        for key in there:
            stages[key].append((effect.on, lines[key][1] | {"balance": balance[key]}))
        left = effect.amount
        named = [key for key in there if lines[key][0]["ref"] == effect.line]
        for key in named or there:
            room = max(lines[key][0]["amount"] - balance[key], 0)
            part = left if named else min(left, room)
            balance[key] += part
            left -= part
    for key, (_, held) in lines.items():
        stages[key].append((date.min, held | {"balance": balance[key]}))
        stages[key].reverse()  # of several on one day `tidy` keeps the last
    return stages


def credit_stages(row: Values, events: Sequence[Event], first: date) -> Stages:
    """A credit note: its open part and state."""
    values = {"state": row["state"], "balance": row["balance"]}
    stages: Stages = []
    for event in reversed(events):
        if event.what in ("credit_note", "missing"):
            stages.append((event.on, dict(values)))
            values["balance"] = event.before
            before, arrow, _ = event.text.partition(" -> ")
            if arrow:
                values["state"] = before
            elif event.what == "missing":
                values["state"] = DocumentState.OPEN.value
    seen = next((event.on for event in events if event.what == "credit_note_seen"), first)
    born = seen if seen > first else min(row["issued_on"], first)
    hidden = values | _HIDDEN
    return tidy([(date.min, hidden), (born, values), *reversed(stages)])


def payment_stages(
    row: Values, events: Sequence[Event], first: date, ahead: Sequence[tuple[date, int]]
) -> Stages:
    """A payment: its state, day, amount and the part set against nothing.

    `ahead` are the days of issue of the invoices it is set against, with the part of each: money
    that came before its invoice was set against nothing until then.
    """
    values = {name: row[name] for name in ("state", "paid_on", "amount", "unallocated")}
    stages: Stages = []
    for event in reversed(events):
        if event.what in ("payment_changed", "payment_gone"):
            stages.append((event.on, dict(values)))
            values |= _before(event.text)
    seen = next((event.on for event in events if event.what == "payment_seen"), first)
    born = seen if seen > first else min(values["paid_on"], first)
    early: Stages = []
    for day in sorted({born, *(on for on, _ in ahead if born < on <= first)}):
        unset = sum(amount for on, amount in ahead if day < on <= first)
        early.append((day, values | {"unallocated": values["unallocated"] + unset}))
    return tidy([(date.min, values | _NOT_YET), *early, *reversed(stages)])


def _before(text: str) -> Values:
    """The values before a change, as `payment R-1: state pending -> booked, amount 1 -> 2` says."""
    found: Values = {}
    for change in text.rpartition(": ")[2].split(", "):
        name, _, moved = change.partition(" ")
        old, arrow, _ = moved.partition(" -> ")
        if arrow and name in ("amount", "unallocated"):
            found[name] = int(old)
        elif arrow and name == "paid_on":
            found[name] = date.fromisoformat(old)
        elif arrow and name == "state":
            found[name] = old
    return found


def reallocated_on(events: Sequence[Event]) -> date | None:
    """The day on which what a payment is set against changed last, None if it never did."""
    days = [
        event.on
        for event in events
        if event.what in ("payment_changed", "payment_gone")
        and "allocations" in event.text.rpartition(": ")[2].split(", ")
    ]
    return max(days, default=None)
