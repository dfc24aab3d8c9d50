"""Draws where the time goes: one bar for each piece of work, its parts side by side."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

WIDTH, LEFT, BAR, GAP = 880, 190, 34, 46
TITLES = {
    "reading": "full read, ours",
    "reading_limit": "full read, the limit",
    "deciding": "decision, ours",
}
COLORS = {
    "HTTP": "#8c8c8c",
    "parse and validate": "#4e79a7",
    "map to records": "#76b7b2",
    "prepare rows": "#59a14f",
    "SQLite": "#f28e2b",
    "commit": "#e15759",
    "facts from SQLite": "#f28e2b",
    "cases and accounts": "#59a14f",
    "judge each line": "#4e79a7",
    "reminders and silences": "#76b7b2",
    "outbox": "#e15759",
}


def draw(found: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Write the picture; bars are as long as their CPU time, on one scale."""
    longest = max(sum(parts.values()) for parts in found.values())
    scale = (WIDTH - LEFT - 70) / longest
    shapes, top = [], 16.0
    for name, parts in found.items():
        shapes.append(_text(LEFT - 10, top + BAR / 2 + 5, TITLES[name], "end"))
        x = float(LEFT)
        for part in COLORS:
            seconds = parts.get(part, 0)
            if not seconds:
                continue
            wide = seconds * scale
            title = f"<title>{escape(part)}: {seconds:.2f} s</title>"
            shapes.append(
                f'<rect x="{x:.1f}" y="{top:.0f}" width="{wide:.1f}" height="{BAR}" '
                f'fill="{COLORS[part]}">{title}</rect>'
            )
            if wide > 34:
                figure = f"{seconds:.1f}"
                shapes.append(_text(x + wide / 2, top + BAR / 2 + 5, figure, "middle", "#fff"))
            x += wide
        total = f"{sum(parts.values()):.1f} s"
        shapes.append(_text(x + 8, top + BAR / 2 + 5, total))
        top += GAP
    top += 8
    for parts in (found["reading"], found["deciding"]):
        x = float(LEFT)
        for part in (part for part in COLORS if part in parts):
            shapes.append(
                f'<rect x="{x:.0f}" y="{top:.0f}" width="12" height="12" fill="{COLORS[part]}"/>'
            )
            shapes.append(_text(x + 17, top + 11, part))
            x += 34 + 7.2 * len(part)
        top += 24
    body = "\n".join(shapes)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 4:.0f}" '
        f'font-family="sans-serif" font-size="13">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n',
        encoding="utf-8",
    )


def _text(x: float, y: float, words: str, anchor: str = "start", fill: str = "#222") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}"'
    return f"<text {where}>{escape(words)}</text>"
