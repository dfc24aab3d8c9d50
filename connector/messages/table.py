"""One table of amounts, as aligned text of at most 76 columns or as a Markdown table."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connector.messages.values import markdown

WIDTH = 76
GAP = "  "


@dataclass(frozen=True, slots=True)
class Table:
    """Cells row by row. The first `left` columns are set to the left, the others to the right.

    Rows of `total` come last and stand out.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: Sequence[str]
    left: int

    def text(self) -> str:
        """Columns aligned with spaces; where they do not fit, one short block a row."""
        everything = [self.headings, *self.rows, self.total]
        full = [row for row in everything if row[1]]  # a row without a second cell may run over it
        widths = [max(len(row[column]) for row in full) for column in range(len(self.headings))]
        for row in everything:
            widths[-1] = max(widths[-1], len(row[-1]))
            spare = sum(widths[1:-1]) + len(GAP) * (len(widths) - 2)
            if not row[1]:
                widths[0] = max(widths[0], len(row[0]) - spare)
        if sum(widths) + len(GAP) * (len(widths) - 1) > WIDTH:
            return self._blocks()
        lines = [self._aligned(row, widths) for row in everything]
        rule = "-" * max(len(line) for line in lines)
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    def _aligned(self, row: Sequence[str], widths: Sequence[int]) -> str:
        if not row[1]:
            return row[0] + row[-1].rjust(sum(widths) + len(GAP) * (len(widths) - 1) - len(row[0]))
        cells = [
            cell.ljust(width) if column < self.left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return GAP.join(cells).rstrip(" ")

    def _blocks(self) -> str:
        blocks: list[str] = []
        for row in [*self.rows, self.total]:
            blocks += textwrap.wrap(row[0], WIDTH, drop_whitespace=True)
            told = zip(self.headings[1:], row[1:], strict=True)
            blocks += [f"    {heading}: {cell}" for heading, cell in told if cell]
        return "\n".join(blocks)

    def markdown(self) -> str:
        """The same as a table in Markdown, every cell escaped, the total in bold."""
        bars = [":--" if column < self.left else "--:" for column in range(len(self.headings))]
        bold = [f"**{markdown(cell)}**" if cell else "" for cell in self.total]
        head, *rows = (list(map(markdown, row)) for row in (self.headings, *self.rows))
        return "\n".join([_bars(head), _bars(bars), *map(_bars, rows), _bars(bold)])


def _bars(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
