"""Predicted numbers against true ones, as a map of how many rows lie where."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.evidence.formatting import counted
from dlrun.report.charts.drawing import PER_TICK, PER_TICK_UP, svg, tick_room, x_axis, y_axis
from dlrun.report.charts.scale import Scale
from dlrun.report.html import Markup, tag

if TYPE_CHECKING:
    from dlrun.report.prediction_stats import Joint
    from dlrun.report.styles import Style

SIZE: Final = 300.0
N_LEVELS: Final = 5


def draw_density(joint: Joint, look: Style, *, title: str, axes: tuple[str, str]) -> Markup:
    """Draw cells, the stronger the more rows they hold, over the diagonal of perfect answers."""
    y = Scale(joint.low, joint.high, SIZE - 46, 34, pixels_per_tick=PER_TICK_UP)
    x = Scale(joint.low, joint.high, tick_room(y), SIZE - 12, pixels_per_tick=PER_TICK)
    parts = [
        x_axis(x, axes[0], top=y.end, bottom=y.start),
        y_axis(y, axes[1], left=x.start, right=x.end),
        *_levels(joint, x, y),
        tag(
            "line", x1=x.start, y1=y.start, x2=x.end, y2=y.end, class_="diagonal",
        ),
    ]  # fmt: skip
    description = f"{int(joint.counts.sum()):,} predictions"
    group = tag("g", *parts, style=look.style)
    return svg(title, description, group, width=SIZE, height=SIZE)


def _levels(joint: Joint, x: Scale, y: Scale) -> list[Markup]:
    """Draw all cells of one strength as one path, since there may be hundreds."""
    most = int(joint.counts.max())
    steps = np.unique(np.round(np.geomspace(1, most + 1, N_LEVELS + 1)).astype(int))
    n = len(joint.counts)
    wide, tall = (x.end - x.start) / n, (y.start - y.end) / n
    paths = []
    for level, (low, high) in enumerate(pairwise(steps.tolist()), start=1):
        rows, columns = np.nonzero((joint.counts >= low) & (joint.counts < high))
        cells = "".join(
            f"M{x.start + wide * row:.1f} {y.start - tall * (column + 1):.1f}"
            f"h{wide:.2f}v{tall:.2f}h-{wide:.2f}z"
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        )
        if cells:
            text = counted(low, "prediction") if high == low + 1 else f"{low:,} to {high - 1:,}"
            opacity = f"{0.15 + 0.85 * level / (len(steps) - 1):.2f}"
            title = tag("title", f"{text} in each of these cells")
            paths.append(tag("path", title, d=cells, class_="level", fill_opacity=opacity))
    return paths
