"""Scores by training rows: a curve for each candidate, and where two of them cross."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.drawing import (
    PER_TICK,
    PER_TICK_UP,
    hover,
    label,
    shortened,
    svg,
    text_width,
    tick_room,
    x_axis,
    y_axis,
)
from dlrun.report.charts.lines import WIDE_RANGE
from dlrun.report.charts.scale import Scale, padded, padded_log
from dlrun.report.html import Markup, tag

if TYPE_CHECKING:
    from dlrun.report.styles import Style

NARROW: Final = 500  # names stand above the plot
PLOT: Final = 260.0
LINE: Final = 16.0  # height of a name
WIDEST_NAME: Final = 220.0
RADIUS: Final = 4.5
APART: Final = 6.0  # pixels between the marks of one size
WIDEST_ROW: Final = 24.0  # pixels that all of them take


@dataclass(frozen=True)
class Point:
    """A mean score; `spread` is its standard deviation over the splits, NaN for a single one."""

    n_rows: int
    score: float
    spread: float
    text: str

    @property
    def ends(self) -> tuple[float, float]:
        """Return the ends of the line through the mark."""
        reach = 0.0 if isnan(self.spread) else self.spread
        return self.score - reach, self.score + reach


@dataclass(frozen=True)
class Trace:
    """One candidate.

    Attributes:
        points: at least one, by rising rows.
        law: rows and scores of the fitted line; empty where there is none.
    """

    name: str
    look: Style
    points: tuple[Point, ...]
    law: tuple[tuple[float, float], ...] = ()

    @property
    def line(self) -> list[tuple[float, float]]:
        """Return the fitted line, or else the one that joins the points."""
        return list(self.law) or [(point.n_rows, point.score) for point in self.points]


@dataclass(frozen=True)
class Crossing:
    """Where the better of two candidates changes, in training rows, with its interval."""

    n_rows: float
    ends: tuple[float, float]
    text: str


@dataclass(frozen=True)
class RowsScale(Scale):
    """A scale of training rows, with ticks at those that were measured where they have room."""

    measured: tuple[int, ...] = ()

    def ticks(self) -> list[tuple[float, str]]:
        """Return the measured rows from the largest down, and round values beyond them."""
        beyond = [tick for tick in super().ticks() if tick[0] > self.measured[-1]]
        wanted = [(float(n_rows), f"{n_rows:,}") for n_rows in reversed(self.measured)]
        kept: list[tuple[float, str]] = []
        for tick in [*wanted, *beyond]:
            if all(self._are_apart(tick, other) for other in kept):
                kept.append(tick)
        return sorted(kept)

    def _are_apart(self, one: tuple[float, str], other: tuple[float, str]) -> bool:
        room = (text_width(one[1]) + text_width(other[1])) / 2 + 8
        return abs(self(one[0]) - self(other[0])) >= room


def draw_learning(
    traces: Sequence[Trace], crossing: Crossing | None, *, title: str, axis: str, width: float
) -> Markup:
    """Draw the scores of all candidates over a logarithmic axis of training rows.

    Args:
        traces: at least one.
        crossing: of two of them, where it is known.
        title: of the chart.
        axis: name and unit of the scores.
        width: in pixels; where it is narrow, names stand above the plot.
    """
    is_narrow = width < NARROW
    top = 34.0 + (LINE * len(traces) + 10 if is_narrow else 0.0)
    height = top + max(PLOT, LINE * len(traces)) + 46
    y = _score_scale(traces, height - 46, top)
    widest = min(WIDEST_NAME, max(text_width(trace.name) for trace in traces))
    left = tick_room(y)
    x = _rows_scale(traces, crossing, left, width - (10 if is_narrow else 34 + widest))
    parts = [
        x_axis(x, "training rows, logarithmic", top=y.end, bottom=y.start),
        y_axis(y, f"{axis}, logarithmic" if y.is_log else axis, left=left, right=x.end),
        *([_crossing(crossing, x, y)] if crossing else []),
        *(_line(trace, x, y) for trace in traces),
        *(_marks(trace, shift, x, y) for trace, shift in zip(traces, _shifts(traces), strict=True)),
        *_names(traces, x, y, width=width, is_narrow=is_narrow),
    ]
    description = "; ".join(point.text for trace in traces for point in trace.points)
    return svg(title, description, *parts, width=width, height=height)


def _score_scale(traces: Sequence[Trace], start: float, end: float) -> Scale:
    scores = [score for trace in traces for _, score in trace.line]
    scores += [point.score for trace in traces for point in trace.points]
    is_log = min(scores) > 0 and max(scores) > WIDE_RANGE * min(scores)
    spans = [edge for trace in traces for point in trace.points for edge in point.ends]
    ends = padded_log(scores) if is_log else padded([*scores, *spans])
    return Scale(*ends, start, end, is_log=is_log, pixels_per_tick=PER_TICK_UP)


def _rows_scale(
    traces: Sequence[Trace], crossing: Crossing | None, start: float, end: float
) -> Scale:
    rows = [n_rows for trace in traces for n_rows, _ in trace.line]
    ends = padded_log([*rows, *(crossing.ends if crossing else ())], 0.04)
    measured = sorted({point.n_rows for trace in traces for point in trace.points})
    return RowsScale(
        *ends, start, end, is_log=True, pixels_per_tick=PER_TICK, measured=tuple(measured)
    )


def _line(trace: Trace, x: Scale, y: Scale) -> Markup:
    path = " ".join(f"{x(n_rows):.1f},{y(score):.1f}" for n_rows, score in trace.line)
    return tag("polyline", points=path, class_="curve", style=trace.look.style)


def _shifts(traces: Sequence[Trace]) -> list[float]:
    """Set the marks of one size side by side, so that none hides another."""
    step = min(APART, WIDEST_ROW / len(traces))
    return [step * (place - (len(traces) - 1) / 2) for place in range(len(traces))]


def _marks(trace: Trace, shift: float, x: Scale, y: Scale) -> Markup:
    marks = []
    for point in trace.points:
        at, (low, high) = x(point.n_rows) + shift, point.ends
        line = tag("line", x1=at, x2=at, y1=y(low), y2=y(high), class_="interval thin faint")
        mark = trace.look.mark(at, y(point.score), RADIUS)
        marks.append(hover(line, mark, title=point.text))
    return tag("g", *marks, style=trace.look.style)


def _crossing(crossing: Crossing, x: Scale, y: Scale) -> Markup:
    left, right = (x(end) for end in crossing.ends)
    at = x(crossing.n_rows)
    band = tag("rect", x=left, y=y.end, width=right - left, height=y.start - y.end, class_="rope")
    line = tag("line", x1=at, x2=at, y1=y.end, y2=y.start, class_="zero")
    half = text_width("crossover") / 2
    place = min(max(at, x.start + half), x.end - half)
    name = label("crossover", place, y.start - 9, class_="tick over", text_anchor="middle")
    return hover(band, line, name, title=crossing.text)


def _names(
    traces: Sequence[Trace], x: Scale, y: Scale, *, width: float, is_narrow: bool
) -> list[Markup]:
    """Write the names beside the ends of their lines, or above each other where it is narrow."""
    ranked = sorted(traces, key=lambda trace: y(trace.line[-1][1]))
    if is_narrow:
        heights = [8 + LINE * place for place in range(len(ranked))]
        left = 2.0
    else:
        heights = _apart([y(trace.line[-1][1]) for trace in ranked], y.end, y.start)
        left = x.end + 6
    names = []
    for trace, height in zip(ranked, heights, strict=True):
        words = shortened(trace.name, width - left - 18)
        text = tag("text", *words, x=left + 18, y=height, dy=".35em")
        icon = trace.look.mark(left + 7, height, RADIUS)
        names.append(tag("g", icon, text, style=trace.look.style))
    return names


def _apart(heights: Sequence[float], top: float, bottom: float) -> list[float]:
    """Move rising heights so far apart that a name fits each, all between top and bottom."""
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + LINE if moved else top))
    limit = bottom
    for place in reversed(range(len(moved))):
        moved[place] = min(moved[place], limit)
        limit = moved[place] - LINE
    return moved
