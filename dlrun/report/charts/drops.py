"""How much worse a score becomes, a lane for each change: dots with their deviations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.drawing import FONT, hover, shortened, svg, text_width, x_axis
from dlrun.report.charts.scale import Scale, padded
from dlrun.report.html import Markup, tag

if TYPE_CHECKING:
    from dlrun.report.styles import Style

WIDEST_NAME: Final = 0.48  # of the width; longer names stand above their lanes
APART: Final = 13.0  # pixels between the marks of a lane
RADIUS: Final = 5.0
SMALL: Final = 11.0  # pixels of names that stand above


@dataclass(frozen=True)
class Drop:
    """One mark.

    Attributes:
        mean: how much worse the score becomes.
        spread: standard deviation over the splits; NaN for a single one.
        text: both in words.
    """

    look: Style
    mean: float
    spread: float
    text: str

    @property
    def ends(self) -> tuple[float, float]:
        """Return the ends of the line through the mark."""
        reach = 0.0 if isnan(self.spread) else self.spread
        return self.mean - reach, self.mean + reach


@dataclass(frozen=True)
class Lane:
    """One change, and what it costs each candidate that is drawn."""

    name: str
    drops: tuple[Drop, ...]


def draw_drops(
    lanes: Sequence[Lane],
    *,
    title: str,
    axis: str,
    width: float,
    spanned: Sequence[Lane] = (),
) -> Markup:
    """Draw a dot for each mean and a line for its deviation, over a line at zero.

    Args:
        lanes: from top to bottom.
        title: of the chart.
        axis: name and unit of the values.
        width: in pixels.
        spanned: further lanes that the axis spans, so that charts can be compared.
    """
    widest = max(text_width(lane.name) for lane in lanes)
    is_above = widest > WIDEST_NAME * width
    left = 10.0 if is_above else 16 + widest
    ends = [end for lane in (*lanes, *spanned) for drop in lane.drops for end in drop.ends]
    scale = Scale(*padded([0.0, *ends]), left, width - 10)
    height_each = (28.0 if is_above else 8.0) + APART * max(len(lane.drops) for lane in lanes)
    bottom = 6.0 + height_each * len(lanes)
    zero = tag("line", x1=scale(0), x2=scale(0), y1=6, y2=bottom, class_="zero")
    parts = [x_axis(scale, axis, top=6, bottom=bottom), zero]
    for place, lane in enumerate(lanes):
        top = 6.0 + height_each * place
        middle = top + height_each / 2
        size, room, y = (SMALL, width, top + 12) if is_above else (FONT, left, middle)
        name = shortened(lane.name, room, size=size)
        style = f"font-size:{size:g}px"
        parts.append(tag("text", *name, x=0, y=y, dy=".35em", class_="over", style=style))
        first = (top + 21 if is_above else middle - APART * len(lane.drops) / 2) + APART / 2
        parts += [
            _mark(lane, drop, scale, first + APART * number)
            for number, drop in enumerate(lane.drops)
        ]
    description = "; ".join(f"{lane.name}: {drop.text}" for lane in lanes for drop in lane.drops)
    return svg(title, description, *parts, width=width, height=bottom + 42)


def _mark(lane: Lane, drop: Drop, scale: Scale, y: float) -> Markup:
    low, high = drop.ends
    line = tag("line", x1=scale(low), x2=scale(high), y1=y, y2=y, class_="interval")
    mark = drop.look.mark(scale(drop.mean), y, RADIUS)
    whole = hover(line, mark, title=f"{lane.name}, {drop.text}")
    return tag("g", whole, style=drop.look.style)
