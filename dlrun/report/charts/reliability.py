"""What was said to be probable against how often it came true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.drawing import PER_TICK, PER_TICK_UP, hover, svg, x_axis, y_axis
from dlrun.report.charts.scale import Scale
from dlrun.report.html import Markup, tag

if TYPE_CHECKING:
    from dlrun.report.prediction_stats import Bin
    from dlrun.report.styles import Style

SMALLEST, LARGEST = 2.0, 8.0
SIZE: Final = 300.0


def draw_reliability(
    bins: Sequence[Bin], look: Style, *, title: str, axes: tuple[str, str]
) -> Markup:
    """Draw a mark for each bin of probabilities, the larger the more rows, over the diagonal."""
    x = Scale(0, 1, 40, SIZE - 12, pixels_per_tick=PER_TICK)
    y = Scale(0, 1, SIZE - 46, 34, pixels_per_tick=PER_TICK_UP)
    most = max((each.n for each in bins), default=1)
    parts = [
        x_axis(x, axes[0], top=y.end, bottom=y.start),
        y_axis(y, axes[1], left=x.start, right=x.end),
        tag("line", x1=x(0), y1=y(0), x2=x(1), y2=y(1), class_="diagonal"),
    ]
    path = " ".join(f"{x(each.said):.1f},{y(each.came):.1f}" for each in bins)
    parts.append(tag("polyline", points=path, class_="curve faint"))
    for each in bins:
        at, radius = x(each.said), SMALLEST + (LARGEST - SMALLEST) * (each.n / most) ** 0.5
        parts.append(
            hover(
                tag("line", x1=at, x2=at, y1=y(each.low), y2=y(each.high), class_="interval thin"),
                look.mark(at, y(each.came), radius),
                title=f"said {each.said:.2f}, came true {each.came:.2f} "
                f"[{each.low:.2f}, {each.high:.2f}], {each.n:,} predictions",
            )
        )
    description = "; ".join(f"{each.said:.2f}: {each.came:.2f}" for each in bins)
    group = tag("g", *parts, style=look.style)
    return svg(title, f"said: came true; {description}", group, width=SIZE, height=SIZE)
