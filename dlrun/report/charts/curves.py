"""Curves of two shares, such as ROC, each with the point at which predictions stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart
from dlrun.report.charts.plot import Plot
from dlrun.report.charts.scale import PER_TICK, PER_TICK_UP, Scale

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.styles import Style

LEFT: Final = 40.0  # room of the vertical axis
RADIUS: Final = 6.0


@dataclass(frozen=True)
class ShareCurve:
    """The curve of one candidate.

    Attributes:
        points: pairs of shares from 0 to 1.
        at: the point to mark; None where it is unknown.
        text: the candidate and that point in words.
    """

    style: Style
    points: Sequence[tuple[float, float]]
    at: tuple[float, float] | None
    text: str


def draw_curves(
    curves: Sequence[ShareCurve],
    *,
    title: str,
    axes: tuple[str, str],
    chance: tuple[tuple[float, float], tuple[float, float]],
    width: float,
) -> Chart:
    """Draw the curves over the dashed line of guessing; both axes run from 0 to 1."""
    height = width
    x = Scale(0, 1, LEFT, width - 12, pixels_per_tick=PER_TICK)
    y = Scale(0, 1, height - 46, 34, pixels_per_tick=PER_TICK_UP)
    plot = Plot(x, y)
    parts = [
        *plot.axes(*axes),
        plot.curve(chance, "front"),
        *(plot.curve(each.points, "curve strong", each.style) for each in curves),
        *(_mark(each, plot) for each in curves if each.at),
    ]
    description = "; ".join(each.text for each in curves)
    return chart(title, description, parts, width=width, height=height)


def _mark(each: ShareCurve, plot: Plot) -> Markup:
    mark = each.style.draw(*plot.at(*(each.at or (0, 0))), RADIUS)
    return marks.group(mark, title=each.text, style=each.style)
