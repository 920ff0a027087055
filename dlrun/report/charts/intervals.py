"""Scores with their intervals, a row for each candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import TYPE_CHECKING, Final

from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart, label, text_width, widest
from dlrun.report.charts.plot import Plot, lane_plot
from dlrun.report.charts.scale import Scale, padded

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.charts.marks import Estimate

NARROW: Final = 500  # below it, names stand above their rows
WIDEST_NAME: Final = 230
TOP: Final = 6.0


@dataclass(frozen=True)
class ScoreRow:
    """The mean score of a candidate, and its scores on single splits with their tooltips."""

    score: Estimate
    single: tuple[tuple[float, str], ...] = ()

    @property
    def values(self) -> list[float]:
        """Return all values that are drawn."""
        return [*self.score.span, *(value for value, _ in self.single)]


def draw_intervals(
    rows: Sequence[ScoreRow],
    *,
    title: str,
    axis: str,
    in_view: Sequence[str],
    width: float,
    bounds: tuple[float, float] = (-inf, inf),
    origin: float | None = None,
) -> Chart:
    """Draw a marker for the mean, a line for the interval, faint dots for single scores.

    Args:
        rows: from top to bottom.
        title: of the chart.
        axis: name of the score.
        in_view: names of the candidates that the axis spans; others are drawn at its end.
        width: in pixels.
        bounds: the smallest and the largest possible score.
        origin: a value that the axis spans and a line marks; None for none.
    """
    is_narrow = width < NARROW
    height_each = 46 if is_narrow else 30
    names, texts = [row.score.name for row in rows], [row.score.text for row in rows]
    left = 10.0 if is_narrow else 30 + min(WIDEST_NAME, widest(names))
    right = 10.0 if is_narrow else 16 + min(width / 3, widest(texts))
    origins = [] if origin is None else [origin]
    ends = padded(
        [*origins, *(v for row in rows if row.score.name in in_view for v in row.values)],
        within=bounds,
    )
    plot = lane_plot(Scale(*ends, left, width - right), TOP, TOP + height_each * len(rows))
    parts = [plot.x_axis(axis), *(plot.vertical(value, "zero") for value in origins)]
    for place, row in enumerate(rows):
        top = TOP + height_each * place
        if is_narrow:
            parts += [_marks(row, plot, top + 31), *_words_above(row, top + 11, width)]
        else:
            y = top + height_each / 2
            parts += [_marks(row, plot, y), *_words_beside(row, plot, y, width)]
    description = "; ".join(row.score.title for row in rows)
    return chart(title, description, parts, width=width, height=plot.y.start + 42)


def _words_beside(row: ScoreRow, plot: Plot, y: float, width: float) -> list[Markup]:
    end = plot.x.end
    return [
        _icon(row, 10, y),
        label(row.score.name, 22, y, room=plot.x.start - 30),
        label(row.score.text, end + 14, y, room=width - end, class_="value", text_anchor="start"),
    ]


def _words_above(row: ScoreRow, y: float, width: float) -> list[Markup]:
    room = width - 44 - text_width(row.score.text)  # that the value leaves to the name
    value_room = width / 2 if room < width / 3 else width
    return [
        _icon(row, 13, y),
        label(row.score.name, 24, y, room=max(room, width / 2 - 44)),
        label(row.score.text, width - 8, y, room=value_room, class_="value", text_anchor="end"),
    ]


def _icon(row: ScoreRow, x: float, y: float) -> Markup:
    return marks.group(row.score.style.draw(x, y, 4.5), style=row.score.style)


def _marks(row: ScoreRow, plot: Plot, y: float) -> Markup:
    score = row.score
    if isnan(score.value):
        return marks.group()
    if not plot.x.contains(score.value):
        return _beyond(score, plot.x, y)
    dots = [
        marks.dot((plot.x(value), y), 3, "dot", text)
        for value, text in row.single
        if plot.x.contains(value)
    ]
    return marks.group(*dots, plot.flat(score, y, 5.5), style=score.style)


def _beyond(score: Estimate, x: Scale, y: float) -> Markup:
    """Draw an arrow at the end of the axis that the score lies beyond."""
    is_low = score.value < x.low
    start, way, anchor = (x.start, 1, "start") if is_low else (x.end, -1, "end")
    arrow = marks.curve([(start + 9 * way, y - 4), (start + 2 * way, y), (start + 9 * way, y + 4)])
    text = label("off the scale", start + 14 * way, y, class_="tick", text_anchor=anchor)
    return marks.group(arrow, text, title=score.title, style=score.style)
