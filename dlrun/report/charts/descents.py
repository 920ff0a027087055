"""Training losses of several networks on one axis, by epochs or by seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.chart import Chart, chart
from dlrun.report.charts.line_names import LINE, NARROW, line_names, names_height, names_room
from dlrun.report.charts.plot import Plot, tick_room
from dlrun.report.charts.scale import PER_TICK, Scale, padded, vertical_scale

if TYPE_CHECKING:
    from dlrun.report.styles import Style

PLOT: Final = 220.0


@dataclass(frozen=True)
class Descent:
    """The losses of one network.

    Attributes:
        line: epoch or seconds and loss, at least one pair.
    """

    name: str
    style: Style
    line: tuple[tuple[float, float], ...]


def draw_descents(
    descents: Sequence[Descent], *, title: str, axes: tuple[str, str], width: float
) -> Chart:
    """Draw at least one descent; losses of a wide range are on a logarithmic axis."""
    is_narrow = width < NARROW
    top = 34.0 + (names_height(descents) if is_narrow else 0.0)
    height = top + max(PLOT, LINE * len(descents)) + 46
    points = [point for each in descents for point in each.line]
    y = vertical_scale([loss for _, loss in points], height - 46, top)
    right = 10 if is_narrow else names_room(descents)
    low, high = padded((value for value, _ in points), 0.0)
    x = Scale(low, high, tick_room(y), width - right, pixels_per_tick=PER_TICK)
    plot = Plot(x, y)
    parts = [
        *plot.axes(axes[0], f"{axes[1]}, logarithmic" if y.is_log else axes[1]),
        *(plot.curve(each.line, style=each.style) for each in descents),
        *line_names(descents, plot, width=width, is_narrow=is_narrow),
    ]
    description = "; ".join(f"{each.name}: {each.line[-1][1]:.4g}" for each in descents)
    return chart(title, description, parts, width=width, height=height)
