"""How much worse a score becomes, a lane for each change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.chart import FONT, Chart, chart, shortened, widest
from dlrun.report.charts.plot import lane_plot
from dlrun.report.charts.scale import Scale, padded
from dlrun.report.html import tag

if TYPE_CHECKING:
    from dlrun.report.charts.marks import Estimate

WIDEST_NAME: Final = 0.48  # of the width; longer names stand above their lanes
APART: Final = 13.0  # pixels between the marks of a lane
RADIUS: Final = 5.0
SMALL: Final = 11.0  # font size of names that stand above
TOP: Final = 6.0


def draw_drops(
    changes: Mapping[str, Sequence[Estimate]],
    *,
    title: str,
    axis: str,
    width: float,
    spanned: Iterable[Estimate] = (),
) -> Chart:
    """Draw a marker for each mean and a line for its deviation, over a line at zero.

    Args:
        changes: name → how much worse the score of each candidate becomes, from top to bottom.
        title: of the chart.
        axis: name of the values.
        width: in pixels.
        spanned: further values that the axis spans, so that charts can be compared.
    """
    name_width = widest(changes)
    is_above = name_width > WIDEST_NAME * width
    left = 10.0 if is_above else 16 + name_width
    drawn = [drop for drops in changes.values() for drop in drops]
    scale = Scale(
        *padded([0.0, *(v for each in (*drawn, *spanned) for v in each.span)]), left, width - 10
    )
    height_each = (28.0 if is_above else 8.0) + APART * max(map(len, changes.values()))
    plot = lane_plot(scale, TOP, TOP + height_each * len(changes))
    size, room, name_y = (SMALL, width, 12.0) if is_above else (FONT, left, height_each / 2)
    parts = [plot.x_axis(axis), plot.vertical(0, "zero")]
    for place, (name, drops) in enumerate(changes.items()):
        top = TOP + height_each * place
        parts.append(
            tag(
                "text", *shortened(name, room, size=size), x=0, y=top + name_y, dy=".35em",
                class_="over", style=f"font-size:{size:g}px",
            )
        )  # fmt: skip
        first = (21.0 if is_above else (height_each - APART * len(drops)) / 2) + APART / 2
        parts += [plot.flat(drop, top + first + APART * k, RADIUS) for k, drop in enumerate(drops)]
    description = "; ".join(drop.title for drop in drawn)
    return chart(title, description, parts, width=width, height=plot.y.start + 42)
