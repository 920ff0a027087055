"""Scores with their intervals, a row for each candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.drawing import hover, label, shortened, svg, text_width, x_axis
from dlrun.report.charts.scale import Scale, padded
from dlrun.report.html import Markup, join, tag

if TYPE_CHECKING:
    from dlrun.report.styles import Style

NARROW: Final = 500
WIDEST_NAME: Final = 230


@dataclass(frozen=True)
class Points:
    """One row.

    Attributes:
        mean: NaN where there is none.
        ends: of the interval, where there is one.
        each: single scores, with what they are.
        text: the value in words, or why there is none.
    """

    name: str
    look: Style
    mean: float
    text: str
    ends: tuple[float, float] | None = None
    each: tuple[tuple[float, str], ...] = ()

    @property
    def values(self) -> list[float]:
        """Return all values that are drawn."""
        return [self.mean, *(self.ends or ()), *(value for value, _ in self.each)]


def draw_intervals(
    rows: Sequence[Points], *, title: str, axis: str, shown: Sequence[str], width: float
) -> Markup:
    """Draw a dot for the mean, a line for the interval, faint dots for single scores.

    Args:
        rows: from top to bottom.
        title: of the chart.
        axis: name and unit of the values.
        shown: names of the rows that the axis spans; others may be drawn at its end.
        width: in pixels; where it is narrow, names stand above their rows.
    """
    is_narrow = width < NARROW
    height_each = 46 if is_narrow else 30
    left = 10.0 if is_narrow else 30 + _widest([row.name for row in rows], WIDEST_NAME)
    right = 10.0 if is_narrow else 16 + _widest([row.text for row in rows], width / 3)
    ends = padded(value for row in rows if row.name in shown for value in row.values)
    scale = Scale(*ends, left, width - right)
    bottom = 6.0 + height_each * len(rows)
    parts = [x_axis(scale, axis, top=6, bottom=bottom)]
    for place, row in enumerate(rows):
        top = 6.0 + height_each * place
        y = top + (31 if is_narrow else height_each / 2)
        parts += [_marks(row, scale, y), _words(row, scale, (top + 11, y), width)]
    description = "; ".join(f"{row.name}: {row.text}" for row in rows)
    return svg(title, description, *parts, width=width, height=bottom + 42)


def _widest(texts: Sequence[str], at_most: float) -> float:
    return min(at_most, max(text_width(text) for text in texts))


def _words(row: Points, scale: Scale, heights: tuple[float, float], width: float) -> Markup:
    above, y = heights
    if width < NARROW:
        room = width - 44 - text_width(row.text)
        value = shortened(row.text, width / 2 if room < width / 3 else width)
        name = shortened(row.name, max(room, width / 2 - 44))
        icon = row.look.mark(13, above, 4.5)
        name_at, value_at = (24.0, above), (width - 8, above)
        anchor = "end"
    else:
        icon = row.look.mark(10, y, 4.5)
        name, value = shortened(row.name, scale.start - 30), shortened(row.text, width - scale.end)
        name_at, value_at, anchor = (22.0, y), (scale.end + 14, y), "start"
    return join(
        [
            tag("g", icon, style=row.look.style),
            tag("text", *name, x=name_at[0], y=name_at[1], dy=".35em"),
            tag(
                "text", *value, x=value_at[0], y=value_at[1], dy=".35em",
                class_="value", text_anchor=anchor,
            ),
        ]
    )  # fmt: skip


def _marks(row: Points, scale: Scale, y: float) -> Markup:
    if isnan(row.mean):
        return Markup()
    if not scale.holds(row.mean):
        return _beyond(row, scale, y)
    dots = [
        tag("circle", tag("title", text), cx=scale(value), cy=y, r=3, class_="dot")
        for value, text in row.each
        if scale.holds(value)
    ]
    line = [_line(scale, row.ends, y)] if row.ends else []
    marker = row.look.mark(scale(row.mean), y, 5.5)
    whole = hover(*line, marker, title=f"{row.name}: {row.text}")
    return tag("g", *dots, whole, style=row.look.style)


def _line(scale: Scale, ends: tuple[float, float], y: float) -> Markup:
    return tag("line", x1=scale(ends[0]), x2=scale(ends[1]), y1=y, y2=y, class_="interval")


def _beyond(row: Points, scale: Scale, y: float) -> Markup:
    """Draw an arrow at the end of the axis, with the value beside it."""
    is_low = row.mean < scale.low
    x, way = (scale.start, 1) if is_low else (scale.end, -1)
    arrow = (
        f"M{x + 9 * way:.1f} {y - 4:.1f}L{x + 2 * way:.1f} {y:.1f}L{x + 9 * way:.1f} {y + 4:.1f}"
    )
    text = label(
        "off the scale", x + 14 * way, y, class_="tick", text_anchor="start" if is_low else "end"
    )
    path = tag("path", d=arrow, class_="curve")
    return tag("g", hover(path, text, title=f"{row.name}: {row.text}"), style=row.look.style)
