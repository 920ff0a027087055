"""Losses by epoch, a line for each split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING, Final

from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart, label, set_apart
from dlrun.report.charts.plot import Plot, tick_room
from dlrun.report.charts.scale import PER_TICK, Scale, vertical_scale

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.styles import Style

MOST_POINTS: Final = 150
MARGIN: Final = 70.0  # for the names at the right
HEIGHT: Final = 260.0


@dataclass(frozen=True)
class LossCurve:
    """The losses of one split.

    Attributes:
        kind: "training" or "validation", which names and styles the line.
        points: epoch and loss.
        best: the epoch whose weights were kept.
    """

    kind: str
    points: tuple[tuple[int, float], ...]
    best: int | None = None

    @property
    def finite(self) -> list[tuple[int, float]]:
        """Return the finite points, at most about `MOST_POINTS`, the last included."""
        known = [(epoch, value) for epoch, value in self.points if isfinite(value)]
        step = -(-len(known) // MOST_POINTS) or 1
        thin = known[::step]
        return thin if not known or thin[-1] == known[-1] else [*thin, known[-1]]


def draw_losses(
    curves: Sequence[LossCurve], style: Style, *, title: str, axis: str, width: float
) -> Chart:
    """Draw the losses of one candidate; at least one curve has a finite point."""
    curves = [each for each in curves if each.finite]
    points = [point for each in curves for point in each.finite]
    y = vertical_scale([value for _, value in points], HEIGHT - 46, 30)
    last = max(epoch for epoch, _ in points)
    first = min(1, last - 1)
    right = width - MARGIN
    plot = Plot(Scale(first, last, tick_room(y), right, pixels_per_tick=PER_TICK, finest=1), y)
    parts = [
        *plot.axes("epoch", f"{axis}, logarithmic" if y.is_log else axis),
        *(_curve(each, style, plot) for each in curves),
        *_names(curves, plot),
    ]
    description = f"{len(points):,} values over {last:,} epochs"
    return chart(title, description, parts, width=width, height=HEIGHT)


def _curve(each: LossCurve, style: Style, plot: Plot) -> Markup:
    """Draw one line, with a dot at the epoch that was kept or at a single point."""
    parts = [plot.curve(each.finite, f"curve {each.kind}")]
    kept = dict(each.points).get(each.best) if each.best is not None else None
    if kept is not None and isfinite(kept) and each.best is not None:
        text = f"{each.kind}, epoch {each.best} was kept: {kept:.4g}"
        parts.append(marks.dot(plot.at(each.best, kept), 3, "mark", text))
    elif len(each.finite) == 1:
        parts.append(marks.dot(plot.at(*each.finite[0]), 2.5, "mark"))
    return marks.group(*parts, style=style)


def _names(curves: Sequence[LossCurve], plot: Plot) -> list[Markup]:
    """Write the name of each kind beside the mean of its ends, apart from the others."""
    ends: dict[str, list[float]] = {}
    for each in curves:
        ends.setdefault(each.kind, []).append(plot.y(each.finite[-1][1]))
    means = sorted((sum(each) / len(each), kind) for kind, each in ends.items())
    heights = set_apart([mean for mean, _ in means], 15, -inf, plot.y.start + 8)
    return [
        label(kind, plot.x.end + 7, y, class_=f"tick {kind}-name")
        for y, (_, kind) in zip(heights, means, strict=True)
    ]
