"""The names of lines: beside their ends, or above the plot where it is narrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from dlrun.report.charts import marks
from dlrun.report.charts.chart import label, set_apart, widest

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.charts.plot import Plot
    from dlrun.report.styles import Style

NARROW: Final = 500  # below it, names stand above the plot
LINE: Final = 16.0  # height of a name
WIDEST_NAME: Final = 220.0
RADIUS: Final = 4.5


class NamedLine(Protocol):
    """A line of a plot, with a name and the style of its marker."""

    @property
    def name(self) -> str:
        """Return the name."""

    @property
    def style(self) -> Style:
        """Return the style."""

    @property
    def line(self) -> Sequence[tuple[float, float]]:
        """Return the points, at least one."""


def names_room(lines: Sequence[NamedLine]) -> float:
    """Return the pixels that the names take at the right of a plot."""
    return 34 + min(WIDEST_NAME, widest(each.name for each in lines))


def names_height(lines: Sequence[NamedLine]) -> float:
    """Return the pixels that the names take above a narrow plot."""
    return LINE * len(lines) + 10


def line_names(
    lines: Sequence[NamedLine], plot: Plot, *, width: float, is_narrow: bool
) -> list[Markup]:
    """Write the names beside the ends of their lines, or below each other where it is narrow."""
    ends = {each.name: plot.y(each.line[-1][1]) for each in lines}
    ranked = sorted(lines, key=lambda each: ends[each.name])
    if is_narrow:
        heights = [8 + LINE * place for place in range(len(ranked))]
        left = 2.0
    else:
        heights = set_apart([ends[each.name] for each in ranked], LINE, plot.y.end, plot.y.start)
        left = plot.x.end + 6
    return [
        marks.group(
            each.style.draw(left + 7, height, RADIUS),
            label(each.name, left + 18, height, room=width - left - 18),
            style=each.style,
        )
        for each, height in zip(ranked, heights, strict=True)
    ]
