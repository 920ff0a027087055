"""How much worse a score becomes without each segment of a sound or series, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.drawing import (
    PER_TICK_UP,
    hover,
    label,
    svg,
    tick_room,
    y_axis,
)
from dlrun.report.charts.scale import Scale, padded
from dlrun.report.html import Markup, tag

if TYPE_CHECKING:
    from dlrun.report.charts.drops import Drop

HEIGHT: Final = 220.0
RADIUS: Final = 5.0


def draw_segments(
    cells: Mapping[int, tuple[str, Drop]],
    *,
    title: str,
    axis: str,
    width: float,
    spanned: Sequence[Drop] = (),
) -> Markup:
    """Draw the segments from left to right, joined by a line.

    Args:
        cells: number of the segment → name and value.
        title: of the chart.
        axis: name and unit of the values.
        width: in pixels.
        spanned: further values that the axis spans, so that charts can be compared.
    """
    drops = [drop for _, drop in cells.values()]
    ends = [end for drop in (*drops, *spanned) for end in drop.ends]
    y = Scale(*padded([0.0, *ends]), HEIGHT - 46, 30, pixels_per_tick=PER_TICK_UP)
    left = tick_room(y)
    x = Scale(0.5, max(cells) + 0.5, left, width - 10)
    zero = tag("line", x1=left, x2=x.end, y1=y(0), y2=y(0), class_="zero")
    line = " ".join(f"{x(number):.1f},{y(drop.mean):.1f}" for number, (_, drop) in _sorted(cells))
    marks = [_mark(number, name, drop, x, y) for number, (name, drop) in _sorted(cells)]
    parts = [
        y_axis(y, axis, left=left, right=x.end),
        zero,
        tag("g", tag("polyline", points=line, class_="curve faint"), style=drops[0].look.style),
        *marks,
        label("segment", (left + x.end) / 2, HEIGHT - 12, class_="axis", text_anchor="middle"),
    ]
    description = "; ".join(f"{name}: {drop.text}" for name, drop in cells.values())
    return svg(title, description, *parts, width=width, height=HEIGHT)


def _sorted(cells: Mapping[int, tuple[str, Drop]]) -> list[tuple[int, tuple[str, Drop]]]:
    return sorted(cells.items(), key=lambda each: each[0])


def _mark(number: int, name: str, drop: Drop, x: Scale, y: Scale) -> Markup:
    at, (low, high) = x(number), drop.ends
    whole = hover(
        tag("line", x1=at, x2=at, y1=y(low), y2=y(high), class_="interval thin"),
        drop.look.mark(at, y(drop.mean), RADIUS),
        title=f"{name}: {drop.text}",
    )
    tick = label(str(number), at, HEIGHT - 32, class_="tick", text_anchor="middle")
    return tag("g", whole, tick, style=drop.look.style)
