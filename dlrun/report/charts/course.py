"""The course of searches: the best score so far against the seconds that were spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.chart import Chart, chart
from dlrun.report.charts.line_names import (
    LINE,
    NARROW,
    line_names,
    names_height,
    names_room,
)
from dlrun.report.charts.marks import group
from dlrun.report.charts.plot import Plot, tick_room
from dlrun.report.charts.scale import PER_TICK, Scale, padded_log, vertical_scale

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.styles import Style

PLOT: Final = 240.0
SHORTEST: Final = 1e-3  # seconds; a logarithmic axis has no zero


@dataclass(frozen=True)
class CourseLine:
    """The course of a candidate's searches, or of a side's.

    Attributes:
        points: seconds and the score from then on, at least one.
        text: both ends in words.
        is_strong: whether it is drawn in front of the others.
    """

    name: str
    style: Style
    points: tuple[tuple[float, float], ...]
    text: str
    is_strong: bool

    @property
    def line(self) -> list[tuple[float, float]]:
        """Return the corners of its steps."""
        known = [(max(seconds, SHORTEST), score) for seconds, score in self.points]
        corners = known[:1]
        for (_, before), (seconds, score) in pairwise(known):
            if score != before:
                corners += [(seconds, before), (seconds, score)]
        return [*corners, known[-1]]


def draw_course(lines: Sequence[CourseLine], *, title: str, axis: str, width: float) -> Chart:
    """Draw at least one line over a logarithmic axis of seconds."""
    is_narrow = width < NARROW
    top = 34.0 + (names_height(lines) if is_narrow else 0.0)
    height = top + max(PLOT, LINE * len(lines)) + 46
    points = [point for each in lines for point in each.line]
    y = vertical_scale([score for _, score in points], height - 46, top)
    right = width - (10 if is_narrow else names_room(lines))
    ends = padded_log([seconds for seconds, _ in points], 0.02)
    x = Scale(*ends, tick_room(y), right, is_log=True, pixels_per_tick=PER_TICK)
    plot = Plot(x, y)
    parts = [
        *plot.axes("seconds of fitting in a search, logarithmic", axis),
        *(_line(each, plot) for each in sorted(lines, key=lambda each: each.is_strong)),
        *line_names(lines, plot, width=width, is_narrow=is_narrow),
    ]
    description = "; ".join(f"{each.name}: {each.text}" for each in lines)
    return chart(title, description, parts, width=width, height=height)


def _line(each: CourseLine, plot: Plot) -> Markup:
    kind = "curve strong" if each.is_strong else "curve faint"
    title = f"{each.name}: {each.text}"
    return group(plot.curve(each.line, kind, each.style), title=title, style=each.style)
