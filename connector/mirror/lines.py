"""Due lines of an invoice as they are told, matched to those already known. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from connector.receivables.records import DueLine

_NEW: Mapping[str, Any] = {"gone_on": None}
Known = Mapping[str, Mapping[str, Any]]
"""The mirrored lines of one invoice by `ref`, with `due_on`, `amount` and `gone_on`."""


def matched(lines: Sequence[DueLine], known: Known) -> list[tuple[str, DueLine]]:
    """Each line with the `ref` it keeps for ever, in order of due date.

    A line with an id of the product's is known by it. The others are numbered by (due date,
    amount) when first seen; later they are found again by both, else by the due date, else by
    their order, so that neither a moved date nor a changed amount makes another line of them.

    Raises:
        ValueError: two lines of the invoice share an id.
    """
    if len(lines) == 1 and len(known) <= 1:  # as nearly every invoice is
        only, old = next(iter(known.items()), ("1", _NEW))
        if lines[0].id or old["gone_on"] is None:
            return [(lines[0].id or only, lines[0])]
    found = [(line.id, line) for line in lines if line.id]
    if len({ref for ref, _ in found}) < len(found):
        raise ValueError("two due lines have the same id")
    taken = {ref for ref, _ in found}
    rest = sorted((line for line in lines if not line.id), key=_order)
    for alike in (_same, _same_day, _any):
        left = []
        for line in rest:
            ref = _first(ref for ref in _free(known, taken) if alike(line, known[ref]))
            if ref is None:
                left.append(line)
            else:
                taken.add(ref)
                found.append((ref, line))
        rest = left
    number = max((int(ref) for ref in {*known, *taken} if ref.isdecimal()), default=0)
    found += [(str(rank), line) for rank, line in enumerate(rest, number + 1)]
    return sorted(found, key=lambda pair: (*_order(pair[1]), pair[0]))


def _order(line: DueLine) -> tuple[date, int]:
    return line.due_on or date.max, line.amount


def _free(known: Known, taken: set[str]) -> list[str]:
    """Lines not matched yet, in their order; those the product had dropped come last."""
    free = [ref for ref in known if ref not in taken]
    return sorted(free, key=lambda ref: (known[ref]["gone_on"] is not None, _rank(ref), ref))


def _rank(ref: str) -> int:
    return int(ref) if ref.isdecimal() else 0


def _same(line: DueLine, old: Mapping[str, Any]) -> bool:
    return bool(line.due_on == old["due_on"] and line.amount == old["amount"])


def _same_day(line: DueLine, old: Mapping[str, Any]) -> bool:
    return bool(line.due_on == old["due_on"]) and old["gone_on"] is None


def _any(line: DueLine, old: Mapping[str, Any]) -> bool:
    return old["gone_on"] is None


def _first(found: Iterable[str]) -> str | None:
    return next(iter(found), None)
