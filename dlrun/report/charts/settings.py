"""Scores by one setting: a line for each value of another, and levels to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.chart import Chart, chart
from dlrun.report.charts.line_names import (
    LINE,
    NARROW,
    RADIUS,
    line_names,
    names_height,
    names_room,
)
from dlrun.report.charts.measured_scale import MeasuredScale, WordScale
from dlrun.report.charts.plot import Plot, tick_room
from dlrun.report.charts.scale import (
    PER_TICK,
    WIDE_RANGE,
    Scale,
    padded,
    padded_log,
    vertical_scale,
)

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.charts.marks import Estimate
    from dlrun.report.styles import Style

PLOT: Final = 260.0
APART: Final = 5.0  # pixels between the marks of one value


@dataclass(frozen=True)
class SettingTrace:
    """Scores by the values of a setting, or a single one beside them.

    Attributes:
        points: value of the setting, or the place of a word, and score; ascending, at least one.
        is_level: the score depends on no setting, and is drawn through the whole plot.
    """

    name: str
    style: Style
    points: tuple[tuple[float, Estimate], ...]
    is_level: bool = False

    @property
    def line(self) -> list[tuple[float, float]]:
        """Return the points of the line."""
        return [(value, score.value) for value, score in self.points]


def draw_settings(
    traces: Sequence[SettingTrace],
    *,
    title: str,
    axes: tuple[str, str],
    words: Sequence[str] = (),
    bounds: tuple[float, float] = (-inf, inf),
    width: float,
) -> Chart:
    """Draw scores by a setting; an axis of numbers over a wide range is logarithmic.

    Args:
        traces: at least one is no level.
        title: of the chart.
        axes: names of the setting and of the score.
        words: the values of a setting that has no numbers.
        bounds: the smallest and the largest possible score.
        width: in pixels.
    """
    is_narrow = width < NARROW
    top = 34.0 + (names_height(traces) if is_narrow else 0.0)
    height = top + max(PLOT, LINE * len(traces)) + 46
    scores = [score for each in traces for _, score in each.points]
    ends = [end for score in scores for end in score.span]
    values = [score.value for score in scores]
    y = vertical_scale(values, height - 46, top, linear=ends, within=bounds)
    right = 10 if is_narrow else names_room(traces)
    lines = [each for each in traces if not each.is_level]
    plot = Plot(_values_scale(lines, words, tick_room(y), width - right), y)
    parts = [
        *plot.axes(_axis(axes[0], plot.x), _axis(axes[1], y)),
        *(_level(each, plot) for each in traces if each.is_level),
        *(plot.curve(each.line, style=each.style) for each in lines if not words),
        *_marks(lines, plot),
        *line_names(traces, plot, width=width, is_narrow=is_narrow),
    ]
    description = "; ".join(score.title for score in scores)
    return chart(title, description, parts, width=width, height=height)


def _axis(title: str, scale: Scale) -> str:
    return f"{title}, logarithmic" if scale.is_log else title


def _values_scale(
    lines: Sequence[SettingTrace], words: Sequence[str], start: float, end: float
) -> Scale:
    if words:
        return WordScale(-0.5, len(words) - 0.5, start, end, words=tuple(words))
    values = tuple(sorted({value for each in lines for value, _ in each.points}))
    is_log = values[0] > 0 and values[-1] >= WIDE_RANGE * values[0]
    ends = padded_log(values, 0.04) if is_log else padded(values)
    return MeasuredScale(
        *ends, start, end, is_log=is_log, pixels_per_tick=PER_TICK, measured=values
    )


def _level(each: SettingTrace, plot: Plot) -> Markup:
    value = each.points[0][1].value
    return plot.curve(((plot.x.low, value), (plot.x.high, value)), "curve level", each.style)


def _marks(lines: Sequence[SettingTrace], plot: Plot) -> list[Markup]:
    """Draw the scores; those of one value stand side by side, so that none hides another."""
    return [
        plot.upright(score, plot.x(value) + APART * (place - (len(lines) - 1) / 2), RADIUS)
        for place, each in enumerate(lines)
        for value, score in each.points
    ]
