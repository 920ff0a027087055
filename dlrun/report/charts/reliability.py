"""The observed frequency against the predicted probability (reliability diagram)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart
from dlrun.report.charts.marks import Estimate
from dlrun.report.charts.plot import Plot
from dlrun.report.charts.scale import PER_TICK, PER_TICK_UP, Scale

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.prediction_stats import Bin
    from dlrun.report.styles import Style

SMALLEST, LARGEST = 2.0, 8.0  # radius in pixels
SIZE: Final = 300.0


def draw_reliability(
    bins: Sequence[Bin], style: Style, *, title: str, axes: tuple[str, str]
) -> Chart:
    """Draw a mark for each bin, its area by its rows, over the diagonal of perfect calibration."""
    plot = Plot(
        Scale(0, 1, 40, SIZE - 12, pixels_per_tick=PER_TICK),
        Scale(0, 1, SIZE - 46, 34, pixels_per_tick=PER_TICK_UP),
    )
    points = [(each.predicted_probability, each.observed_frequency) for each in bins]
    most = max((each.n for each in bins), default=1)
    parts = marks.group(
        *plot.axes(*axes),
        plot.diagonal(),
        plot.curve(points, "curve faint"),
        *(_mark(each, style, plot, (each.n / most) ** 0.5) for each in bins),
        style=style,
    )
    pairs = "; ".join(f"{x:.2f}: {y:.2f}" for x, y in points)
    description = f"predicted probability: observed frequency; {pairs}"
    return chart(title, description, [parts], width=SIZE, height=SIZE)


def _mark(each: Bin, style: Style, plot: Plot, share: float) -> Markup:
    text = (
        f"observed {each.observed_frequency:.2f} [{each.low:.2f}, {each.high:.2f}], "
        f"{each.n:,} predictions"
    )
    name = f"predicted {each.predicted_probability:.2f}"
    observed = Estimate(name, style, each.observed_frequency, text, (each.low, each.high))
    radius = SMALLEST + (LARGEST - SMALLEST) * share
    return plot.upright(observed, plot.x(each.predicted_probability), radius)
