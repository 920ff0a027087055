"""How much worse a score becomes, a lane for each change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.chart import FONT, Chart, chart, shortened, widest
from dlrun.report.charts.plot import lanes
from dlrun.report.charts.scale import Scale, padded
from dlrun.report.html import tag

if TYPE_CHECKING:
    from dlrun.report.charts.marks import Estimate

WIDEST_NAME: Final = 0.48  # of the width; longer names stand above their lanes
APART: Final = 13.0  # pixels between the marks of a lane
RADIUS: Final = 5.0
SMALL: Final = 11.0  # font size of names that stand above
TOP: Final = 6.0


@dataclass(frozen=True)
class Lane:
    """One change, and how much worse the score of each drawn candidate becomes by it."""

    name: str
    drops: tuple[Estimate, ...]


def draw_drops(
    changes: Sequence[Lane],
    *,
    title: str,
    axis: str,
    width: float,
    spanned: Sequence[Lane] = (),
) -> Chart:
    """Draw a marker for each mean and a line for its deviation, over a line at zero.

    Args:
        changes: from top to bottom.
        title: of the chart.
        axis: name and unit of the values.
        width: in pixels.
        spanned: further lanes that the axis spans, so that charts can be compared.
    """
    name_width = widest(lane.name for lane in changes)
    is_above = name_width > WIDEST_NAME * width
    left = 10.0 if is_above else 16 + name_width
    ends = [end for lane in (*changes, *spanned) for drop in lane.drops for end in drop.span]
    height_each = (28.0 if is_above else 8.0) + APART * max(len(lane.drops) for lane in changes)
    scale = Scale(*padded([0.0, *ends]), left, width - 10)
    plot = lanes(scale, TOP, TOP + height_each * len(changes))
    size, room, name_y = (SMALL, width, 12.0) if is_above else (FONT, left, height_each / 2)
    parts = [plot.x_axis(axis), plot.vertical(0, "zero")]
    for place, lane in enumerate(changes):
        top = TOP + height_each * place
        parts.append(
            tag(
                "text", *shortened(lane.name, room, size=size), x=0, y=top + name_y, dy=".35em",
                class_="over", style=f"font-size:{size:g}px",
            )
        )  # fmt: skip
        all_marks = APART * len(lane.drops)
        first = (21.0 if is_above else (height_each - all_marks) / 2) + APART / 2
        parts += [
            plot.flat(drop, top + first + APART * k, f"{lane.name}, {drop.text}", radius=RADIUS)
            for k, drop in enumerate(lane.drops)
        ]
    description = "; ".join(f"{lane.name}: {drop.text}" for lane in changes for drop in lane.drops)
    return chart(title, description, parts, width=width, height=plot.y.start + 42)
