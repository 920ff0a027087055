"""How much worse a score becomes where a segment of an audio or series is permuted, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.chart import Chart, chart, label
from dlrun.report.charts.plot import Plot, tick_room
from dlrun.report.charts.scale import PER_TICK_UP, Scale, padded

if TYPE_CHECKING:
    from dlrun.report.charts.marks import Estimate

HEIGHT: Final = 220.0
RADIUS: Final = 5.0


def draw_segments(
    segments: Mapping[int, Estimate],
    *,
    title: str,
    axis: str,
    width: float,
    spanned: Sequence[Estimate] = (),
) -> Chart:
    """Draw the segments, number → drop, from left to right, joined by a line.

    `spanned` are further values that the axis spans, so that charts can be compared.
    """
    drops = [segments[number] for number in sorted(segments)]
    ends = [end for drop in (*drops, *spanned) for end in drop.span]
    y = Scale(*padded([0.0, *ends]), HEIGHT - 46, 30, pixels_per_tick=PER_TICK_UP)
    plot = Plot(Scale(0.5, max(segments) + 0.5, tick_room(y), width - 10), y)
    middle = (plot.x.start + plot.x.end) / 2
    points = [(number, segments[number].value) for number in sorted(segments)]
    parts = [
        plot.y_axis(axis),
        plot.horizontal(0, "zero"),
        plot.curve(points, "curve faint", drops[0].style),
        label("segment", middle, HEIGHT - 12, class_="axis", text_anchor="middle"),
    ]
    for (number, _), drop in zip(points, drops, strict=True):
        x = plot.x(number)
        parts += [
            plot.upright(drop, x, RADIUS),
            label(str(number), x, HEIGHT - 32, class_="tick", text_anchor="middle"),
        ]
    description = "; ".join(drop.title for drop in drops)
    return chart(title, description, parts, width=width, height=HEIGHT)
