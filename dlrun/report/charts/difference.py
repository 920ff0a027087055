"""By how much deep learning is better: the interval, what is probable, what would not matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma, log, log1p, pi
from typing import Final

from dlrun.report.charts.drawing import hover, label, svg, text_width, x_axis
from dlrun.report.charts.scale import Scale, padded
from dlrun.report.html import Markup, tag

HILL: Final = 110.0  # pixels
N_POINTS: Final = 160
SIDES: Final = ("classic", "equivalent", "deep")


@dataclass(frozen=True)
class Belief:
    """Student's t over the true difference."""

    mean: float
    scale: float
    df: int

    def density(self, value: float) -> float:
        """Return the probability density."""
        n = self.df
        peak = lgamma((n + 1) / 2) - lgamma(n / 2) - log(n * pi) / 2 - log(self.scale)
        return exp(peak - (n + 1) / 2 * log1p(((value - self.mean) / self.scale) ** 2 / n))


@dataclass(frozen=True)
class Lead:
    """Deep minus classic, turned so that positive means that deep is better.

    Attributes:
        rope: half width of what does not matter in practice.
        each: single paired results, with what they are.
        belief: None where the interval comes from test rows, or is without width.
        text: the difference and its interval in words.
    """

    mean: float
    ends: tuple[float, float]
    rope: float
    text: str
    each: tuple[tuple[float, str], ...] = ()
    belief: Belief | None = None


def draw_difference(lead: Lead, *, title: str, axis: str, width: float) -> Markup:
    """Draw the difference over the band of what does not matter."""
    values = [lead.mean, *lead.ends, 0.0, lead.rope, -lead.rope, *(v for v, _ in lead.each)]
    scale = Scale(*padded(values, 0.12), 10, width - 10)
    base = 30 + (HILL if lead.belief else 14.0)
    bottom = base + 50
    band = _band(lead, scale, top=30, bottom=bottom)
    zero = tag("line", x1=scale(0), x2=scale(0), y1=30, y2=bottom, class_="zero")
    parts = [band, x_axis(scale, axis, top=30, bottom=bottom), zero, _sides(scale)]
    if lead.belief:
        parts.append(_hill(lead.belief, lead.rope, scale, base))
    parts += [
        *(
            tag("circle", tag("title", text), cx=scale(v), cy=base + 34, r=3.5, class_="dot")
            for v, text in lead.each
        ),
        hover(
            tag(
                "line", x1=scale(lead.ends[0]), x2=scale(lead.ends[1]), y1=base + 15,
                y2=base + 15, class_="interval",
            ),
            tag("circle", cx=scale(lead.mean), cy=base + 15, r=5.5, class_="mark"),
            title=lead.text,
        ),
    ]  # fmt: skip
    return svg(title, lead.text, *parts, width=width, height=bottom + 42)


def _band(lead: Lead, scale: Scale, *, top: float, bottom: float) -> Markup:
    left, right = scale(-lead.rope), scale(lead.rope)
    rect = tag("rect", x=left, y=top, width=right - left, height=bottom - top, class_="rope")
    return hover(rect, title=f"Too small to matter: within {lead.rope:.2g} of zero")


def _sides(scale: Scale) -> Markup:
    """Name both directions, each on its side of zero where it fits; one always does."""
    parts = []
    for text, x, anchor, room in (
        ("← classic ML better", scale(0) - 10, "end", scale(0) - scale.start),
        ("deep learning better →", scale(0) + 10, "start", scale.end - scale(0)),
    ):
        if text_width(text) + 10 <= room:
            parts.append(label(text, x, 14, class_="axis", text_anchor=anchor))
    return tag("g", *parts)


def _hill(belief: Belief, rope: float, scale: Scale, base: float) -> Markup:
    """Draw the density in three areas, as wide as the axis."""
    top = belief.density(belief.mean)
    bounds = (-inf, -rope, rope, inf)
    parts = []
    for side, low, high in zip(SIDES, bounds[:-1], bounds[1:], strict=True):
        start, end = max(low, scale.low), min(high, scale.high)
        if start >= end:
            continue
        n = max(2, round(N_POINTS * (end - start) / (scale.high - scale.low)))
        values = [start + (end - start) * k / n for k in range(n + 1)]
        values = sorted({*values, *([belief.mean] if start < belief.mean < end else [])})
        curve = _points(values, belief, scale, base, top)
        area = f"{scale(start):.1f},{base:.1f} {curve} {scale(end):.1f},{base:.1f}"
        parts.append(tag("polygon", points=area, class_=f"side {side}"))
    return tag("g", *parts)


def _points(values: Sequence[float], belief: Belief, scale: Scale, base: float, top: float) -> str:
    tall = HILL - 8
    return " ".join(
        f"{scale(value):.1f},{base - tall * belief.density(value) / top:.1f}" for value in values
    )
