"""Histograms over one axis: outlines on each other, to compare candidates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.chart import Chart, chart
from dlrun.report.charts.plot import Plot, tick_room
from dlrun.report.charts.scale import PER_TICK_UP, Scale

if TYPE_CHECKING:
    from dlrun.report.styles import Style

HEIGHT: Final = 240.0


def draw_outlines(
    edges: Sequence[float],
    outlines: Sequence[tuple[Style, Sequence[float]]],
    *,
    title: str,
    axes: tuple[str, str],
    width: float,
) -> Chart:
    """Draw heights above the bins between `edges` as one stepped line for each candidate."""
    highest = max(height for _, heights in outlines for height in heights)
    y = Scale(0, 1.05 * highest or 1.0, HEIGHT - 46, 34, pixels_per_tick=PER_TICK_UP)
    plot = Plot(Scale(edges[0], edges[-1], tick_room(y), width - 12), y)
    parts = [
        *plot.axes(*axes),
        *([plot.vertical(0, "front")] if edges[0] < 0 < edges[-1] else []),
        *(plot.curve(_steps(edges, heights), "curve strong", style) for style, heights in outlines),
    ]
    description = f"{len(edges) - 1} bins from {edges[0]:g} to {edges[-1]:g}"
    return chart(title, description, parts, width=width, height=HEIGHT)


def _steps(edges: Sequence[float], heights: Sequence[float]) -> list[tuple[float, float]]:
    corners = [
        corner
        for (low, high), height in zip(pairwise(edges), heights, strict=True)
        for corner in ((low, height), (high, height))
    ]
    return [(edges[0], 0.0), *corners, (edges[-1], 0.0)]
