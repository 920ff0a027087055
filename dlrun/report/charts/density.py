"""Two numbers of each test prediction: a map of how many lie where."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from dlrun.evidence.formatting import counted
from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart
from dlrun.report.charts.plot import Plot, tick_room
from dlrun.report.charts.scale import PER_TICK, PER_TICK_UP, Scale

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.prediction_stats import JointCounts
    from dlrun.report.styles import Style

SIZE: Final = 300.0
N_LEVELS: Final = 5


def draw_density(
    joint: JointCounts,
    style: Style,
    *,
    title: str,
    axes: tuple[str, str],
    perfect: Literal["diagonal", "zero"] = "diagonal",
) -> Chart:
    """Draw counts as cells, with the line on which perfect predictions lie."""
    y = Scale(*joint.y, SIZE - 46, 34, pixels_per_tick=PER_TICK_UP)
    x = Scale(*joint.x, tick_room(y), SIZE - 12, pixels_per_tick=PER_TICK)
    plot = Plot(x, y)
    line = plot.diagonal() if perfect == "diagonal" else plot.horizontal(0, "front")
    parts = marks.group(*plot.axes(*axes), *_levels(joint, plot), line, style=style)
    description = f"{int(joint.counts.sum()):,} predictions"
    return chart(title, description, [parts], width=SIZE, height=SIZE)


def _levels(joint: JointCounts, plot: Plot) -> list[Markup]:
    """Draw the cells by levels of their count, which grow geometrically."""
    edges = np.unique(np.round(np.geomspace(1, joint.counts.max() + 1, N_LEVELS + 1)).astype(int))
    n = len(joint.counts)
    width, height = (plot.x.end - plot.x.start) / n, (plot.y.start - plot.y.end) / n
    paths = []
    for level, (low, high) in enumerate(pairwise(edges.tolist()), start=1):
        found = np.argwhere((joint.counts >= low) & (joint.counts < high)).tolist()
        corners = [
            (plot.x.start + width * column, plot.y.start - height * (row + 1))
            for column, row in found
        ]
        text = counted(low, "prediction") if high == low + 1 else f"{low:,} to {high - 1:,}"
        if corners:
            paths.append(
                marks.cells(
                    corners, width, height, opacity=0.15 + 0.85 * level / (len(edges) - 1),
                    title=f"{text} in each of these cells",
                )
            )  # fmt: skip
    return paths
