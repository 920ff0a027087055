"""A series as small lines without axes, one for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart
from dlrun.report.charts.scale import Scale, padded

WIDTH: Final = 210.0
HEIGHT: Final = 70.0

Steps = Sequence[float | None]


def draw_sparkline(lines: Sequence[Steps], *, title: str, description: str) -> Chart:
    """Draw channels over their steps; a missing value is a gap."""
    known = [value for each in lines for value in each if value is not None]
    y = Scale(*padded(known or [0.0]), HEIGHT - 2, 2)
    last = max((len(each) for each in lines), default=1) - 1
    x = Scale(0, max(last, 1), 2, WIDTH - 2)
    parts = [
        marks.curve([(x(step), y(value)) for step, value in run], "curve plain")
        for each in lines
        for run in _runs(each)
    ]
    return chart(title, description, parts, width=WIDTH, height=HEIGHT)


def _runs(steps: Steps) -> list[list[tuple[int, float]]]:
    """Return the stretches without a missing value."""
    runs: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(steps):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((place, value))
    return [run for run in runs if run]
