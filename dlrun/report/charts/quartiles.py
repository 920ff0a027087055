"""A number by the values of a column: its median and quartiles in each bin or category."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart, label, widest
from dlrun.report.charts.lanes import value_scale
from dlrun.report.charts.plot import Plot, lane_plot, tick_room
from dlrun.report.charts.scale import PER_TICK, PER_TICK_UP, Scale, padded

if TYPE_CHECKING:
    from dlrun.contract.excerpt import Quartiles

WIDTH: Final = 300.0
HEIGHT: Final = 220.0
ROW: Final = 20.0
TOP: Final = 6.0
WIDEST_NAME: Final = 110.0


def draw_by_value(
    edges: Sequence[float],
    quartiles: Sequence[Quartiles | None],
    *,
    title: str,
    axes: tuple[str, str],
    is_date: bool = False,
) -> Chart:
    """Draw the median as a line over a band between the quartiles; empty bins have none."""
    known = [
        (low, high, each)
        for (low, high), each in zip(pairwise(edges), quartiles, strict=True)
        if each
    ]
    y = Scale(
        *padded(value for _, _, each in known for value in each), HEIGHT - 46, 34,
        pixels_per_tick=PER_TICK_UP,
    )  # fmt: skip
    x = value_scale(edges, tick_room(y), WIDTH - 10, is_date=is_date)
    plot = Plot(x, y)
    bands = [
        marks.rectangle(
            plot.at(low, each[2]), x(high) - x(low), max(1.0, y(each[0]) - y(each[2])), "band"
        )
        for low, high, each in known
    ]
    line = plot.curve(
        [(at, each[1]) for low, high, each in known for at in (low, high)], "curve strong"
    )
    return chart(title, _words(edges, known), [*plot.axes(*axes), *bands, line],
                 width=WIDTH, height=HEIGHT)  # fmt: skip


def _words(edges: Sequence[float], known: Sequence[tuple[float, float, Quartiles]]) -> str:
    medians = "; ".join(f"{low:.4g} to {high:.4g}: {each[1]:.4g}" for low, high, each in known)
    return f"median from {edges[0]:.4g} on: {medians}"


def draw_by_category(
    names: Sequence[str], quartiles: Sequence[Quartiles | None], *, title: str, axis: str
) -> Chart:
    """Draw the median of each category as a mark on the line between its quartiles."""
    left = min(WIDEST_NAME, widest(names)) + 10
    pairs = list(zip(names, quartiles, strict=True))
    known = [(name, each) for name, each in pairs if each]
    ends = padded(value for _, each in known for value in each)
    x = Scale(*ends, left, WIDTH - 10, pixels_per_tick=PER_TICK)
    plot = lane_plot(x, TOP, TOP + ROW * len(known))
    parts = [plot.x_axis(axis)]
    for place, (name, (low, middle, high)) in enumerate(known):
        at = TOP + ROW * (place + 0.5)
        line = marks.line((x(low), at), (x(high), at), "interval")
        text = f"{name}: median {middle:.4g}, quartiles {low:.4g} and {high:.4g}"
        dot = marks.dot((x(middle), at), 4, "mark")
        parts.append(marks.group(line, dot, title=text))
        parts.append(label(name, 0, at, room=left - 8, class_="tick"))
    description = "; ".join(f"{name}: median {each[1]:.4g}" for name, each in known)
    return chart(title, description, parts, width=WIDTH, height=plot.y.start + 40)
