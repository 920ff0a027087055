"""Scores by the depth in a network, a line for each network, and what they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final, Literal

from dlrun.report.charts.chart import Chart, chart
from dlrun.report.charts.line_names import (
    LINE,
    NARROW,
    line_names,
    names_height,
    names_room,
)
from dlrun.report.charts.marks import dot, group
from dlrun.report.charts.plot import Plot, tick_room
from dlrun.report.charts.scale import PER_TICK, PER_TICK_UP, Scale, padded

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.styles import Style

PLOT: Final = 240.0
RADIUS: Final = 4.0


@dataclass(frozen=True)
class DepthLine:
    """The scores of a network's layers, or one score that all layers are compared with.

    Attributes:
        points: place of the layer and score; the ends of a level line.
        titles: what the pointer shows at each point; empty on a level line.
        kind: how the line is drawn.
    """

    name: str
    style: Style
    points: tuple[tuple[float, float], ...]
    titles: tuple[str, ...] = ()
    kind: Literal["curve strong", "curve faint", "curve level"] = "curve strong"

    @property
    def line(self) -> list[tuple[float, float]]:
        """Return the points with a score."""
        return [(place, score) for place, score in self.points if isfinite(score)]


def draw_depth(
    lines: Sequence[DepthLine],
    *,
    title: str,
    axis: str,
    bounds: tuple[float, float],
    width: float,
) -> Chart:
    """Draw the scores over the places of the layers."""
    lines = [each for each in lines if each.line]
    is_narrow = width < NARROW
    top = 34.0 + (names_height(lines) if is_narrow else 0.0)
    height = top + max(PLOT, LINE * len(lines)) + 46
    points = [point for each in lines for point in each.line]
    ends = padded([score for _, score in points], within=bounds)
    y = Scale(*ends, height - 46, top, pixels_per_tick=PER_TICK_UP)
    right = width - (10 if is_narrow else names_room(lines))
    last = max(place for place, _ in points)
    x = Scale(1, max(2, last), tick_room(y), right, pixels_per_tick=PER_TICK, finest=1)
    plot = Plot(x, y)
    parts = [
        *plot.axes("layer", axis),
        *(_line(each, plot) for each in reversed(lines)),
        *line_names(lines, plot, width=width, is_narrow=is_narrow),
    ]
    description = "; ".join(
        f"{each.name}: {', '.join(f'{score:.3f}' for _, score in each.line)}" for each in lines
    )
    return chart(title, description, parts, width=width, height=height)


def _line(each: DepthLine, plot: Plot) -> Markup:
    marks = [
        dot(plot.at(*point), RADIUS, "mark", title)
        for point, title in zip(each.points, each.titles, strict=False)
        if isfinite(point[1])
    ]
    return group(plot.curve(each.line, each.kind, each.style), *marks, style=each.style)
