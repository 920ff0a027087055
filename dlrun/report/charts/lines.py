"""Losses epoch by epoch, a line for each split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.drawing import PER_TICK, PER_TICK_UP, label, svg, tick_room, x_axis, y_axis
from dlrun.report.charts.scale import Scale, padded, padded_log
from dlrun.report.html import Markup, tag

if TYPE_CHECKING:
    from dlrun.report.styles import Style

MOST_POINTS: Final = 150
WIDE_RANGE: Final = 30  # times as much; from there on a logarithmic axis shows more
MARGIN: Final = 70.0


@dataclass(frozen=True)
class LossCurve:
    """One line; `best` is the epoch that was kept.

    Attributes:
        kind: the class of its style, and its name at the end of the line.
        points: epoch and value.
    """

    kind: str
    points: tuple[tuple[int, float], ...]
    best: int | None = None

    @property
    def finite(self) -> list[tuple[int, float]]:
        """Return the points that can be drawn, thinned where they are many; the last stays."""
        known = [(epoch, value) for epoch, value in self.points if isfinite(value)]
        step = -(-len(known) // MOST_POINTS) or 1
        thin = known[::step]
        return thin if not known or thin[-1] == known[-1] else [*thin, known[-1]]


def draw_curves(
    curves: Sequence[LossCurve], look: Style, *, title: str, axis: str, width: float = 300.0
) -> Markup:
    """Draw the curves of one candidate; those of a kind share their name at the end.

    Args:
        curves: at least one with a finite point.
        look: the candidate's.
        title: of the chart.
        axis: name and unit of the values.
        width: in pixels.
    """
    height = 220.0
    points = [point for curve in curves for point in curve.finite]
    values = [value for _, value in points]
    is_log = min(values) > 0 and max(values) > WIDE_RANGE * min(values)
    ends = padded_log(values) if is_log else padded(values)
    y = Scale(*ends, height - 46, 30, is_log=is_log, pixels_per_tick=PER_TICK_UP)
    left, last = tick_room(y), max(epoch for epoch, _ in points)
    first = min(1, last - 1)
    x = Scale(first, last, left, width - MARGIN, pixels_per_tick=PER_TICK, finest=1)
    parts = [
        x_axis(x, "epoch", top=y.end, bottom=y.start),
        y_axis(y, f"{axis}, logarithmic" if is_log else axis, left=left, right=x.end),
        *(_draw(curve, look, x, y) for curve in curves if curve.finite),
        *_names(curves, x, y),
    ]
    description = f"{len(points):,} values over {last:,} epochs"
    return svg(title, description, *parts, width=width, height=height)


def _draw(curve: LossCurve, look: Style, x: Scale, y: Scale) -> Markup:
    path = " ".join(f"{x(epoch):.1f},{y(value):.1f}" for epoch, value in curve.finite)
    parts = [tag("polyline", points=path, class_=f"curve {curve.kind}")]
    kept = dict(curve.points).get(curve.best) if curve.best is not None else None
    if kept is not None and isfinite(kept) and curve.best is not None:
        text = f"{curve.kind}, epoch {curve.best} was kept: {kept:.4g}"
        parts.append(
            tag("circle", tag("title", text), cx=x(curve.best), cy=y(kept), r=3, class_="mark")
        )
    elif len(curve.finite) == 1:
        parts.append(
            tag("circle", cx=x(curve.finite[0][0]), cy=y(curve.finite[0][1]), r=2.5, class_="mark")
        )
    return tag("g", *parts, style=look.style)


def _names(curves: Sequence[LossCurve], x: Scale, y: Scale) -> list[Markup]:
    """Write each kind's name beside the mean of its ends, apart from the others."""
    ends: dict[str, list[float]] = {}
    for curve in curves:
        if curve.finite:
            ends.setdefault(curve.kind, []).append(y(curve.finite[-1][1]))
    heights = sorted((sum(each) / len(each), kind) for kind, each in ends.items())
    names: list[Markup] = []
    above = -100.0
    for height, kind in heights:
        above = max(height, above + 15)
        names.append(label(kind, x.end + 7, min(above, y.start + 8), class_=f"tick {kind}-name"))
    return names
