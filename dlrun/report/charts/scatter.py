"""Candidates by what they cost and how well they score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import isfinite
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.drawing import (
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
from dlrun.report.charts.scale import Scale, padded, padded_log
from dlrun.report.html import Markup, tag

if TYPE_CHECKING:
    from dlrun.report.styles import Style

RADIUS: Final = 5.5
LINE: Final = 14.0  # height of a label
LONGEST: Final = 150.0
DISTANCES: Final = (4.0, 14.0, 26.0, 40.0)  # of a label from its mark
SIDES: Final = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))


@dataclass(frozen=True)
class Spot:
    """One candidate; `ends` are those of the interval of its score."""

    name: str
    look: Style
    cost: float
    score: float
    title: str
    ends: tuple[float, float] | None = None


@dataclass(frozen=True)
class Box:
    """A rectangle that words or marks take."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Say whether they overlap."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def draw_scatter(
    spots: Sequence[Spot],
    *,
    title: str,
    axes: tuple[str, str],
    shown: Sequence[str],
    width: float,
    lower_is_better: bool,
) -> Markup:
    """Draw cost, on a logarithmic axis, against score; a line joins what nothing else beats.

    Args:
        spots: costs are positive.
        title: of the chart.
        axes: names and units of cost and score.
        shown: names of the candidates that the score axis spans.
        width: in pixels.
        lower_is_better: whether low scores are good.
    """
    height = 300.0
    inside = [spot for spot in spots if spot.name in shown]
    values = [value for spot in inside for value in (spot.score, *(spot.ends or ()))]
    y = Scale(*padded(values, 0.1), height - 46, 34, pixels_per_tick=PER_TICK_UP)
    left = tick_room(y)
    x = Scale(*padded_log([spot.cost for spot in spots], 0.15), left, width - 8, is_log=True)
    boxes = [_around(x(spot.cost), y(spot.score)) for spot in spots]
    front = _front(inside, lower_is_better=lower_is_better)
    path = " ".join(f"{x(spot.cost):.1f},{y(spot.score):.1f}" for spot in front)
    parts = [
        x_axis(x, axes[0], top=y.end, bottom=y.start),
        y_axis(y, axes[1], left=left, right=x.end),
        tag("polyline", points=path, class_="front"),
    ]
    frame = Box(left + 2, y.end - 4, x.end, y.start)
    for spot in spots:
        at = (x(spot.cost), y(spot.score))
        parts.append(_draw(spot, at, y, _place(spot, at, boxes, frame)))
    description = "; ".join(spot.title for spot in spots)
    return svg(title, description, *parts, width=width, height=height)


def _front(spots: Sequence[Spot], *, lower_is_better: bool) -> list[Spot]:
    """Keep those that no other beats in score at no more cost, cheapest first."""
    sign = -1 if lower_is_better else 1
    front: list[Spot] = []
    for spot in sorted(spots, key=lambda each: (each.cost, -sign * each.score)):
        if not front or sign * spot.score > sign * front[-1].score:
            front.append(spot)
    return front


def _around(x: float, y: float) -> Box:
    return Box(x - RADIUS - 1, y - RADIUS - 1, x + RADIUS + 1, y + RADIUS + 1)


def _place(spot: Spot, at: tuple[float, float], taken: list[Box], frame: Box) -> Box | None:
    """Find room for the name, close to its mark first; None where there is none."""
    wide = min(LONGEST, text_width(spot.name)) + 2
    for distance, (across, down) in product(DISTANCES, SIDES):
        middle_x = at[0] + across * (RADIUS + distance + wide / 2)
        middle_y = at[1] + down * (RADIUS + distance + LINE / 2 - (4 if across else 0))
        box = Box(
            middle_x - wide / 2, middle_y - LINE / 2, middle_x + wide / 2, middle_y + LINE / 2
        )
        is_inside = frame.left <= box.left and box.right <= frame.right
        is_inside &= frame.top <= box.top and box.bottom <= frame.bottom
        if is_inside and not any(box.meets(other) for other in taken):
            taken.append(box)
            return box
    return None


def _draw(spot: Spot, at: tuple[float, float], y: Scale, box: Box | None) -> Markup:
    parts = []
    if spot.ends and all(isfinite(end) for end in spot.ends) and y.holds(spot.score):
        low, high = (y(end) for end in spot.ends)
        parts.append(tag("line", x1=at[0], x2=at[0], y1=low, y2=high, class_="interval thin faint"))
    parts.append(spot.look.mark(*at, RADIUS))
    if box is not None:
        if not _around(*at).meets(Box(box.left - 9, box.top - 9, box.right + 9, box.bottom + 9)):
            end_x = min(max(at[0], box.left), box.right)
            end_y = min(max(at[1], box.top + 3), box.bottom - 3)
            parts.append(tag("line", x1=at[0], y1=at[1], x2=end_x, y2=end_y, class_="leader"))
        parts.append(_name(spot.name, at[0], box))
    return tag("g", hover(*parts, title=spot.title), style=spot.look.style)


def _name(name: str, x: float, box: Box) -> Markup:
    """Write the name so that it ends or starts on the side of its mark."""
    if box.left > x:
        place, anchor = box.left + 1, "start"
    elif box.right < x:
        place, anchor = box.right - 1, "end"
    else:
        place, anchor = (box.left + box.right) / 2, "middle"
    text = shortened(name, LONGEST)[0]
    return label(text, place, (box.top + box.bottom) / 2, class_="over", text_anchor=anchor)
