"""Scores by training rows: a curve for each candidate, and where two of them cross."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final

from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart, label, text_width
from dlrun.report.charts.line_names import (
    LINE,
    NARROW,
    RADIUS,
    line_names,
    names_height,
    names_room,
)
from dlrun.report.charts.measured_scale import MeasuredScale
from dlrun.report.charts.plot import Plot, tick_room
from dlrun.report.charts.scale import PER_TICK, Scale, padded_log, vertical_scale

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.charts.marks import Estimate
    from dlrun.report.styles import Style

PLOT: Final = 260.0
APART: Final = 6.0  # pixels between the marks of one size
WIDEST_ROW: Final = 24.0  # pixels that all of them take


@dataclass(frozen=True)
class Trace:
    """The learning curve of one candidate.

    Attributes:
        points: training rows and mean score, at least one, by rising rows.
        law: rows and scores of the fitted line; empty without one.
    """

    name: str
    style: Style
    points: tuple[tuple[int, Estimate], ...]
    law: tuple[tuple[float, float], ...] = ()

    @property
    def line(self) -> list[tuple[float, float]]:
        """Return the fitted line, or else the one that joins the points."""
        return list(self.law) or [(n_rows, score.value) for n_rows, score in self.points]


@dataclass(frozen=True)
class Crossing:
    """The training rows at which the better of two candidates changes, with the interval."""

    n_rows: float
    ends: tuple[float, float]
    text: str


def draw_learning(
    traces: Sequence[Trace],
    crossing: Crossing | None,
    *,
    title: str,
    axis: str,
    width: float,
    bounds: tuple[float, float] = (-inf, inf),
    of: str = "training rows",
) -> Chart:
    """Draw at least one learning curve over a logarithmic axis of training rows, or of labels.

    `bounds` are the smallest and the largest possible score, `of` is what rises.
    """
    is_narrow = width < NARROW
    top = 34.0 + (names_height(traces) if is_narrow else 0.0)
    height = top + max(PLOT, LINE * len(traces)) + 46
    y = _score_scale(traces, height - 46, top, bounds)
    right = 10 if is_narrow else names_room(traces)
    plot = Plot(_rows_scale(traces, crossing, tick_room(y), width - right), y)
    parts = [
        *plot.axes(f"{of}, logarithmic", f"{axis}, logarithmic" if y.is_log else axis),
        *([_crossing(crossing, plot)] if crossing else []),
        *(plot.curve(each.line, style=each.style) for each in traces),
        *_marks(traces, plot),
        *line_names(traces, plot, width=width, is_narrow=is_narrow),
    ]
    description = "; ".join(score.title for each in traces for _, score in each.points)
    return chart(title, description, parts, width=width, height=height)


def _score_scale(
    traces: Sequence[Trace], start: float, end: float, bounds: tuple[float, float]
) -> Scale:
    scores = [score for each in traces for _, score in each.line]
    scores += [score.value for each in traces for _, score in each.points]
    spans = [end for each in traces for _, score in each.points for end in score.span]
    return vertical_scale(scores, start, end, linear=spans, within=bounds)


def _rows_scale(
    traces: Sequence[Trace], crossing: Crossing | None, start: float, end: float
) -> Scale:
    rows = [n_rows for each in traces for n_rows, _ in each.line]
    ends = padded_log([*rows, *(crossing.ends if crossing else ())], 0.04)
    measured = tuple(sorted({n_rows for each in traces for n_rows, _ in each.points}))
    return MeasuredScale(
        *ends, start, end, is_log=True, pixels_per_tick=PER_TICK, measured=measured
    )


def _marks(traces: Sequence[Trace], plot: Plot) -> list[Markup]:
    """Draw the scores; those of one size stand side by side, so that none hides another."""
    step = min(APART, WIDEST_ROW / len(traces))
    shifts = [step * (place - (len(traces) - 1) / 2) for place in range(len(traces))]
    return [
        plot.upright(score, plot.x(n_rows) + shift, RADIUS, "interval thin faint")
        for shift, each in zip(shifts, traces, strict=True)
        for n_rows, score in each.points
    ]


def _crossing(crossing: Crossing, plot: Plot) -> Markup:
    half = text_width("crossover") / 2
    at = min(max(plot.x(crossing.n_rows), plot.x.start + half), plot.x.end - half)
    name = label("crossover", at, plot.y.start - 9, class_="tick over", text_anchor="middle")
    band, line = plot.band(*crossing.ends), plot.vertical(crossing.n_rows, "zero")
    return marks.group(band, line, name, title=crossing.text)
