"""How probable each answer is: one bar in three parts."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.report.charts.drawing import hover, label, svg, text_width
from dlrun.report.html import Markup, tag


def draw_shares(
    parts: Sequence[tuple[str, str, float]], *, title: str, percent: Sequence[str], width: float
) -> Markup:
    """Draw shares that sum to one; the words above a part stand at its end of the bar.

    Args:
        parts: class of the style, name and share, from left to right: the first at the left
            margin, the last at the right one.
        title: of the chart.
        percent: each share in words.
        width: in pixels.
    """
    at, bars, words = 0.0, [], []
    anchors = ("start", "middle", "end")
    places = _apart(
        [(name, p) for (_, name, _), p in zip(parts, percent, strict=True)], parts, width
    )
    for (side, name, share), text, anchor, place in zip(
        parts, percent, anchors, places, strict=True
    ):
        bar = tag("rect", x=at, y=44, width=share * width, height=14, class_=f"side {side}")
        bars.append(hover(bar, title=f"{name}: {text}"))
        words += [
            label(text, place, 14, class_="number", text_anchor=anchor),
            label(name, place, 33, class_="tick", text_anchor=anchor),
        ]
        at += share * width
    description = ", ".join(
        f"{name} {text}" for (_, name, _), text in zip(parts, percent, strict=True)
    )
    return svg(title, description, *bars, *words, width=width, height=60)


def _apart(
    texts: Sequence[tuple[str, str]], parts: Sequence[tuple[str, str, float]], width: float
) -> tuple[float, float, float]:
    """Stand the outer words at the margins and the middle ones over their part, or between."""
    wide = [max(text_width(name), 1.6 * text_width(percent)) for name, percent in texts]
    centre = width * (parts[0][2] + parts[1][2] / 2)
    low, high = wide[0] + wide[1] / 2 + 14, width - wide[2] - wide[1] / 2 - 14
    return 0.0, min(max(centre, low), high), width
