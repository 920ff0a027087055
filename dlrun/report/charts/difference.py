"""The difference deep − classic: its interval, its posterior, and the region of equivalence."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final

from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart, label, text_width
from dlrun.report.charts.plot import Plot, lane_plot
from dlrun.report.charts.scale import Scale, padded

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.evidence.statistics import Posterior

HILL: Final = 110.0  # height of the density in pixels
TOP: Final = 30.0
N_POINTS: Final = 160
SIDES: Final = ("classic", "equivalent", "deep")


@dataclass(frozen=True)
class Lead:
    """The difference deep − classic, with the sign that makes positive mean "deep is better".

    Attributes:
        rope: half width of the region of practical equivalence.
        text: the difference and its interval in words.
        each: single paired differences, with what they are.
        posterior: None where the interval comes from test rows, or has no width.
    """

    mean: float
    ends: tuple[float, float]
    rope: float
    text: str
    each: tuple[tuple[float, str], ...] = ()
    posterior: Posterior | None = None


def draw_difference(lead: Lead, *, title: str, axis: str, width: float) -> Chart:
    """Draw the difference over the band of practical equivalence."""
    values = [lead.mean, *lead.ends, 0.0, lead.rope, -lead.rope, *(v for v, _ in lead.each)]
    scale = Scale(*padded(values, 0.12), 10, width - 10)
    base = TOP + (HILL if lead.posterior else 14.0)
    plot = lane_plot(scale, TOP, base + 50)
    band = plot.band(-lead.rope, lead.rope)
    interval = marks.line((scale(lead.ends[0]), base + 15), (scale(lead.ends[1]), base + 15),
                          "interval")  # fmt: skip
    parts = [
        marks.group(band, title=f"Too small to matter: within {lead.rope:.2g} of zero"),
        plot.x_axis(axis),
        plot.vertical(0, "zero"),
        *_directions(scale),
        *(_hill(lead.posterior, lead.rope, plot, base) if lead.posterior else ()),
        *(marks.dot((scale(value), base + 34), 3.5, "dot", text) for value, text in lead.each),
        marks.group(
            interval, marks.dot((scale(lead.mean), base + 15), 5.5, "mark"), title=lead.text
        ),
    ]
    return chart(title, lead.text, parts, width=width, height=plot.y.start + 42)


def _directions(scale: Scale) -> list[Markup]:
    """Name both directions, each on its side of zero where it fits; one always does."""
    zero = scale(0)
    return [
        label(text, x, 14, class_="axis", text_anchor=anchor)
        for text, x, anchor, room in (
            ("← classic ML better", zero - 10, "end", zero - scale.start),
            ("deep learning better →", zero + 10, "start", scale.end - zero),
        )
        if text_width(text) + 10 <= room
    ]


def _hill(posterior: Posterior, rope: float, plot: Plot, base: float) -> list[Markup]:
    """Draw the density in three areas: classic better, equivalent, deep better."""
    peak, scale = posterior.density(posterior.mean), plot.x
    bounds = (-inf, -rope, rope, inf)
    parts = []
    for side, low, high in zip(SIDES, bounds[:-1], bounds[1:], strict=True):
        start, end = max(low, scale.low), min(high, scale.high)
        if start >= end:
            continue
        n = max(2, round(N_POINTS * (end - start) / (scale.high - scale.low)))
        values = {start + (end - start) * k / n for k in range(n + 1)}
        values |= {posterior.mean} if start < posterior.mean < end else set()
        heights = [(v, (HILL - 8) * posterior.density(v) / peak) for v in sorted(values)]
        curve = [(scale(value), base - height) for value, height in heights]
        outline = [(scale(start), base), *curve, (scale(end), base)]
        parts.append(marks.area(outline, f"side {side}"))
    return parts
