"""Where in a TOML text a key stands, so that a message about it can name the line."""

import re

_TABLE = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=")


def line_of(text: str, loc: tuple[str | int, ...]) -> int | None:
    """The line (from 1) of the key that a validation error's location names.

    The nearest enclosing line if the key itself is missing; None if nothing of it is there.
    """
    found: dict[tuple[str | int, ...], int] = {}
    counts: dict[str, int] = {}
    table: tuple[str | int, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(line):
            name = header[2]
            if header[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                table = (name, counts[name])
            else:
                table = _place(name, counts)
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, key[1]), number)
    for length in range(len(loc), 0, -1):
        if loc[:length] in found:
            return found[loc[:length]]
    return None


def _place(name: str, counts: dict[str, int]) -> tuple[str | int, ...]:
    """Where a table stands: `[step.only]` belongs to the latest `[[step]]`."""
    place: list[str | int] = []
    for part in name.split("."):
        place.append(part.strip())
        if part.strip() in counts:
            place.append(counts[part.strip()])
    return tuple(place)
