"""Draws where the time goes: a picture for each goal, a bar for each way, its parts side by side."""

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

WIDTH, LEFT, BAR, GAP = 880, 110, 34, 46
GOALS = {  # the picture of a goal, and its bars
    "reading": {"reading": "ours", "reading_limit": "the limit"},
    "incremental": {"reading again": "ours", "reading_limit again": "the limit"},
    "deciding": {"deciding": "ours"},
    "delivering": {"delivering": "ours", "delivering_limit": "the limit"},
    "starting": {"starting": "--help"},
}
COLORS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#8c8c8c", "#b07aa1", "#9c755f")
Shares = Mapping[str, float]


def draw(found: Mapping[str, Shares], folder: Path) -> Iterator[tuple[str, Path]]:
    """Write a picture of each goal that was measured; bars are as long as their CPU time."""
    for goal, bars in GOALS.items():
        if bars.keys() <= found.keys():
            path = folder / f"performance-{goal}.svg"
            shown = {words: found[name] for name, words in bars.items()}
            path.write_text(picture(shown), encoding="utf-8")
            yield goal, path


def picture(bars: Mapping[str, Shares]) -> str:
    """One goal as SVG, its bars on one scale; seconds, or what is short in milliseconds."""
    longest = max(sum(parts.values()) for parts in bars.values())
    names = list(dict.fromkeys(part for parts in bars.values() for part in parts))
    colors = dict(zip(names, COLORS, strict=False))
    scale = (WIDTH - LEFT - 80) / longest
    shapes, top = [], 16.0
    for words, parts in bars.items():
        shapes.append(_text(LEFT - 10, top + BAR / 2 + 5, words, "end"))
        x = float(LEFT)
        for part in (name for name in names if parts.get(name)):
            wide, told = parts[part] * scale, _told(parts[part], longest)
            shapes.append(
                f'<rect x="{x:.1f}" y="{top:.0f}" width="{wide:.1f}" height="{BAR}" '
                f'fill="{colors[part]}"><title>{escape(part)}: {told}</title></rect>'
            )
            if wide > 34:
                figure = told.partition(" ")[0]
                shapes.append(_text(x + wide / 2, top + BAR / 2 + 5, figure, "middle", "#fff"))
            x += wide
        shapes.append(_text(x + 8, top + BAR / 2 + 5, _told(sum(parts.values()), longest)))
        top += GAP
    top += 4
    x = float(LEFT)
    for part in names:
        wide = 34 + 7.2 * len(part)
        if x + wide > WIDTH:
            x, top = float(LEFT), top + 22
        shapes.append(
            f'<rect x="{x:.0f}" y="{top:.0f}" width="12" height="12" fill="{colors[part]}"/>'
        )
        shapes.append(_text(x + 17, top + 11, part))
        x += wide
    body = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 26:.0f}" '
        f'font-family="sans-serif" font-size="13">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _told(seconds: float, longest: float) -> str:
    if longest >= 1:
        return f"{seconds:.2f} s"
    if longest >= 0.01:
        return f"{seconds * 1e3:.0f} ms"
    return f"{seconds * 1e6:.0f} µs"


def _text(x: float, y: float, words: str, anchor: str = "start", fill: str = "#222") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}"'
    return f"<text {where}>{escape(words)}</text>"
