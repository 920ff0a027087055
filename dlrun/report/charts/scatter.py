"""Candidates by their cost and their score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import inf, isfinite
from typing import TYPE_CHECKING, Final

from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart, label, text_width
from dlrun.report.charts.plot import Plot, tick_room
from dlrun.report.charts.scale import PER_TICK_UP, Scale, padded, padded_log

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.charts.marks import Estimate, Position

HEIGHT: Final = 300.0
RADIUS: Final = 5.5
LINE: Final = 14.0  # height of a label
LONGEST: Final = 150.0  # pixels of a name
DISTANCES: Final = (4.0, 14.0, 26.0, 40.0)  # of a name from its mark
SIDES: Final = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))


@dataclass(frozen=True)
class Box:
    """A rectangle that a name or a mark takes."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Return whether two rectangles overlap."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def draw_scatter(
    costs: Sequence[float],
    scores: Sequence[Estimate],
    *,
    title: str,
    axes: tuple[str, str],
    in_view: Sequence[str],
    width: float,
    lower_is_better: bool,
    bounds: tuple[float, float] = (-inf, inf),
) -> Chart:
    """Draw costs, on a logarithmic axis, against scores; a line joins the Pareto front.

    Args:
        costs: one for each candidate, above 0.
        scores: of the same candidates.
        title: of the chart.
        axes: names and units of cost and score.
        in_view: names of the candidates that the score axis spans.
        width: in pixels.
        lower_is_better: the direction of the score.
        bounds: the smallest and the largest possible score.
    """
    spots = list(zip(costs, scores, strict=True))
    inside = [spot for spot in spots if spot[1].name in in_view]
    ends = padded((value for _, score in inside for value in score.span), 0.1, within=bounds)
    y = Scale(*ends, HEIGHT - 46, 34, pixels_per_tick=PER_TICK_UP)
    plot = Plot(Scale(*padded_log(costs, 0.15), tick_room(y), width - 8, is_log=True), y)
    front = _front(inside, lower_is_better=lower_is_better)
    parts = [*plot.axes(*axes), plot.curve(front, "front")]
    taken = [_around(plot.at(cost, score.value)) for cost, score in spots]
    frame = Box(plot.x.start + 2, y.end - 8, plot.x.end, y.start)
    for cost, score in spots:
        at = plot.at(cost, score.value)
        box = _place(score.name, at, taken, frame)
        parts += [*(_name(score.name, at, box) if box else ()), _mark(score, at, plot)]
    description = "; ".join(score.title for score in scores)
    return chart(title, description, parts, width=width, height=HEIGHT)


def _front(
    spots: Sequence[tuple[float, Estimate]], *, lower_is_better: bool
) -> list[tuple[float, float]]:
    """Return the costs and scores that no other beats at no more cost, cheapest first."""
    sign = -1 if lower_is_better else 1
    front: list[tuple[float, float]] = []
    pairs = [(cost, score.value) for cost, score in spots]
    for cost, score in sorted(pairs, key=lambda each: (each[0], -sign * each[1])):
        if not front or sign * score > sign * front[-1][1]:
            front.append((cost, score))
    return front


def _around(at: Position) -> Box:
    reach = RADIUS + 1
    return Box(at[0] - reach, at[1] - reach, at[0] + reach, at[1] + reach)


def _place(name: str, at: Position, taken: list[Box], frame: Box) -> Box | None:
    """Find room for a name, close to its mark first, and take it; None where there is none."""
    width = min(LONGEST, text_width(name)) + 2
    for distance, (across, down) in product(DISTANCES, SIDES):
        x = at[0] + across * (RADIUS + distance + width / 2)
        y = at[1] + down * (RADIUS + distance + LINE / 2 - (4 if across else 0))
        box = Box(x - width / 2, y - LINE / 2, x + width / 2, y + LINE / 2)
        is_inside = frame.left <= box.left and box.right <= frame.right
        is_inside &= frame.top <= box.top and box.bottom <= frame.bottom
        if is_inside and not any(box.overlaps(other) for other in taken):
            taken.append(box)
            return box
    return None


def _mark(score: Estimate, at: Position, plot: Plot) -> Markup:
    if not (plot.y.contains(score.value) and all(map(isfinite, score.span))):
        score = replace(score, ends=None)
    return plot.upright(score, at[0], RADIUS, "interval thin faint")


def _name(name: str, at: Position, box: Box) -> list[Markup]:
    """Write a name so that it ends or starts on the side of its mark, with a leader if far."""
    if box.left > at[0]:
        x, anchor = box.left + 1, "start"
    elif box.right < at[0]:
        x, anchor = box.right - 1, "end"
    else:
        x, anchor = (box.left + box.right) / 2, "middle"
    y = (box.top + box.bottom) / 2
    words = label(name, x, y, room=LONGEST, class_="over", text_anchor=anchor)
    if _around(at).overlaps(Box(box.left - 9, box.top - 9, box.right + 9, box.bottom + 9)):
        return [words]
    end_x = min(max(at[0], box.left), box.right)
    end_y = min(max(at[1], box.top + 3), box.bottom - 3)
    return [marks.line(at, (end_x, end_y), "leader"), words]
