"""A fitted function of one number, over the true values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from dlrun.evidence.formatting import counted
from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart
from dlrun.report.charts.plot import Plot, tick_room
from dlrun.report.charts.scale import PER_TICK, PER_TICK_UP, Scale, padded

if TYPE_CHECKING:
    from dlrun.report.styles import Style

WIDTH: Final = 300.0
HEIGHT: Final = 230.0

Points = Sequence[tuple[float, float]]


def draw_fit(
    truth: Points,
    fitted: Points,
    style: Style,
    *,
    title: str,
    axes: tuple[str, str],
    ends: tuple[float, float],
) -> Chart:
    """Draw true values as dots and predictions as a line over them.

    Args:
        truth: pairs of the number and the true value.
        fitted: pairs of the number and the prediction, by rising numbers.
        style: of the candidate.
        title: of the chart.
        axes: names of the number and of the target.
        ends: of the vertical axis; predictions beyond them are drawn at its edge.
    """
    y = Scale(*ends, HEIGHT - 46, 34, pixels_per_tick=PER_TICK_UP)
    x = Scale(
        *padded(value for value, _ in truth), tick_room(y), WIDTH - 12, pixels_per_tick=PER_TICK
    )
    plot = Plot(x, y)
    dots = (marks.dot(plot.at(*point), 2, "dot") for point in truth)
    parts = [*plot.axes(*axes), *dots, plot.curve(fitted, "curve strong", style)]
    return chart(title, counted(len(fitted), "prediction"), parts, width=WIDTH, height=HEIGHT)
