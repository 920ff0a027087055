"""Histograms below each other, a lane for each class, over one axis of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart, label, widest
from dlrun.report.charts.plot import Plot, lane_plot
from dlrun.report.charts.scale import PER_TICK, Scale

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH: Final = 300.0
LANE: Final = 34.0
LOW_LANE: Final = 22.0  # of many
MANY: Final = 5
TOP: Final = 6.0
WIDEST_NAME: Final = 92.0


@dataclass(frozen=True)
class DateScale(Scale):
    """A scale of seconds since 1970 with the dates of its ends as ticks."""

    def ticks(self) -> list[tuple[float, str]]:
        """Return both ends, moved inwards so that their texts have room."""
        air = (self.high - self.low) * 0.12
        return [(value, date_text(value)) for value in (self.low + air, self.high - air)]


def date_text(seconds: float) -> str:
    """Write the day of a time."""
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%d}"


def value_scale(
    edges: Sequence[float], start: float, end: float, *, is_date: bool = False
) -> Scale:
    """Return the horizontal scale of the bins between edges."""
    make = DateScale if is_date else Scale
    return make(edges[0], edges[-1], start, end, pixels_per_tick=PER_TICK)


def draw_lanes(
    edges: Sequence[float],
    lanes: Sequence[tuple[str, Sequence[int]]],
    *,
    title: str,
    axis: str,
    is_date: bool = False,
) -> Chart:
    """Draw the counts of each lane as bars, as high as the share of the lane's rows."""
    names = [name for name, _ in lanes]
    left = min(WIDEST_NAME, widest(names)) + 8 if any(names) else 2.0
    height = 2 * LANE if len(lanes) == 1 else LOW_LANE if len(lanes) > MANY else LANE
    x = value_scale(edges, left, WIDTH - 8, is_date=is_date)
    plot = lane_plot(x, TOP, TOP + height * len(lanes))
    parts = [plot.x_axis(axis)]
    for place, (name, counts) in enumerate(lanes):
        bottom = TOP + height * (place + 1)
        parts.append(_bars(edges, counts, plot, bottom, height - 3, name))
        parts.append(label(name, 0, bottom - height / 2 + 2, room=left - 6, class_="tick"))
    description = "; ".join(f"{name}: {sum(counts):,} rows" for name, counts in lanes)
    return chart(title, description, parts, width=WIDTH, height=plot.y.start + 40)


def _bars(
    edges: Sequence[float], counts: Sequence[int], plot: Plot, bottom: float, room: float, name: str
) -> Markup:
    """Draw bars of equal area for equal shares, the highest as high as the lane."""
    widths = [high - low for low, high in pairwise(edges)]
    heights = [n / width for n, width in zip(counts, widths, strict=True)]
    most = max(heights) or 1.0
    outline = [(plot.x(edges[0]), bottom)]
    for (low, high), each in zip(pairwise(edges), heights, strict=True):
        y = bottom - room * each / most
        outline += [(plot.x(low), y), (plot.x(high), y)]
    outline.append((plot.x(edges[-1]), bottom))
    return marks.group(marks.area(outline, "level"), title=f"{name or 'all'}: {sum(counts):,} rows")
