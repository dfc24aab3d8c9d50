"""A message's plain text cut into the parts of a letter: what was wrapped flows again."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from connector.messages.table import WIDTH

_ITEM = re.compile(r"[-–*] +")
_RULE = re.compile(r"-{8,}")
_WORKED = re.compile(r".* × .* = ")


@dataclass(frozen=True, slots=True)
class Part:
    """One part: `text`, `list`, `typed` (columns kept), `account`, `schedule` or `signature`."""

    kind: str
    lines: tuple[str, ...] = ()


def parts_of(
    text: str,
    foot: Sequence[str],
    company: str,
    signer: str,
    invoices: Collection[str],
    periods: int,
) -> list[Part]:
    """The parts of a letter in their order, each of account, schedule and signature once.

    Tables drawn with spaces become `account` where they name all `invoices`, a list of as many
    workings as there are `periods` becomes `schedule`; one that a person has changed stays as it
    was typed. The lines of `foot` are left out: the page has its own.
    """
    blocks = [_without(block.split("\n"), foot) for block in re.split(r"\n\s*\n", text.strip("\n"))]
    parts = [_part([line for line in block if line.strip()], invoices, periods) for block in blocks]
    parts = _single([part for part in parts if part.lines])
    signature = Part("signature", ("", *(name for name in (signer, company) if name)))
    if parts and parts[-1].kind == "text" and company in parts[-1].lines[1:]:
        signature = Part("signature", parts.pop().lines)
    if not any(part.kind == "account" for part in parts):
        parts.append(Part("account"))
    parts.append(signature)
    if periods and not any(part.kind == "schedule" for part in parts):
        parts.append(Part("schedule"))
    return parts


def _without(lines: Sequence[str], foot: Sequence[str]) -> list[str]:
    """The lines of a block but for a foot, however it was wrapped."""
    whole = " ".join(" ".join(lines).split())
    return [] if whole in (" ".join(foot), foot[-1]) else [*lines]


def _part(lines: Sequence[str], invoices: Collection[str], periods: int) -> Part:
    if not lines:
        return Part("text")
    whole = "\n".join(lines)
    columns = any(_RULE.fullmatch(line.strip()) for line in lines)
    if columns or any(re.match(r" {4}\S.*: ", line) for line in lines):
        joined = re.sub(r"\s", "", whole)
        mine = all(re.sub(r"\s", "", number) in joined for number in invoices)
        return Part("account" if mine else "typed", tuple(lines))
    flowing = _flowing(lines)
    if all(_ITEM.match(line) for line in flowing):
        items = tuple(_ITEM.sub("", line, count=1) for line in flowing)
        worked = len(items) == periods and all(map(_WORKED.match, items))
        return Part("schedule" if worked else "list", items)
    return Part("text", tuple(flowing))


def _single(parts: Sequence[Part]) -> list[Part]:
    """Only the first account and the first schedule are set as such."""
    seen: set[str] = set()
    kept = []
    for part in parts:
        if part.kind in seen:
            part = Part("typed" if part.kind == "account" else "list", part.lines)
        elif part.kind in ("account", "schedule"):
            seen.add(part.kind)
        kept.append(part)
    return kept


def _flowing(lines: Sequence[str]) -> list[str]:
    """Lines joined where they were wrapped: where the next word would have been too much."""
    made: list[str] = []
    width = 0
    for line in lines:
        word = line.split(maxsplit=1)[0]
        if made and width + 1 + len(word) > WIDTH and not _ITEM.match(line):
            made[-1] += " " + line.strip()
        else:
            made.append(line.strip())
        width = len(line)
    return made
