"""The marks that charts consist of: line, curve, dot, rectangle, cells, estimate with interval.

Positions are (x, y) in pixels; `kind` is the class that charts.css styles.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

from markupsafe import Markup

from dlrun.report.charts.chart import label
from dlrun.report.html import Content, number, tag

if TYPE_CHECKING:
    from dlrun.report.styles import Style

Position = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """A value of a candidate, drawn as its marker over the line of its interval.

    Attributes:
        value: NaN where it is unknown.
        text: the value and its interval in words.
        ends: of the interval; None without one.
    """

    name: str
    style: Style
    value: float
    text: str
    ends: tuple[float, float] | None = None

    @property
    def title(self) -> str:
        """Return the tooltip."""
        return f"{self.name}: {self.text}"

    @property
    def span(self) -> tuple[float, float]:
        """Return the lowest and the highest value that is drawn."""
        return self.ends or (self.value, self.value)


def interval_of(mean: float, sd: float) -> tuple[float, float] | None:
    """Return mean ± sd; None where sd is NaN."""
    return None if isnan(sd) else (mean - sd, mean + sd)


def line(start: Position, end: Position, kind: str) -> Markup:
    """Draw a straight line."""
    return tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=kind)


def curve(points: Iterable[Position], kind: str = "curve", style: str | None = None) -> Markup:
    """Draw the line through points."""
    return tag("polyline", points=_path(points), class_=kind, style=style)


def area(points: Iterable[Position], kind: str) -> Markup:
    """Draw a filled polygon."""
    return tag("polygon", points=_path(points), class_=kind)


def dot(at: Position, radius: float, kind: str, title: str = "") -> Markup:
    """Draw a circle with a tooltip."""
    hover = [tag("title", title)] if title else []
    return tag("circle", *hover, cx=at[0], cy=at[1], r=radius, class_=kind)


def rectangle(corner: Position, width: float, height: float, kind: str) -> Markup:
    """Draw a band or a bar from its upper left corner."""
    return tag("rect", x=corner[0], y=corner[1], width=width, height=height, class_=kind)


def group(*content: Content, title: str = "", style: Style | None = None) -> Markup:
    """Join marks that share a tooltip and a candidate's colour."""
    hover = [tag("title", title)] if title else []
    return tag("g", *hover, *content, style=style.css if style else None)


def cell(
    corner: Position,
    size: float,
    text: str,
    share: float,
    *,
    font: float,
    width: float = 0.0,
) -> list[Markup]:
    """Draw a rectangle shaded by a share from 0 to 1, with text in its middle.

    Args:
        corner: upper left.
        size: of its height.
        text: empty for none.
        share: of the strongest shade.
        font: size of the text.
        width: in pixels; 0 is as wide as high.
    """
    air = 0.75  # between neighbours
    x, y = corner
    width = width or size
    square = tag(
        "rect", x=x + air, y=y + air, width=width - 2 * air, height=size - 2 * air, class_="cell",
        style=f"--share:{100 * share:.0f}%",
    )  # fmt: skip
    if not text:
        return [square]
    kind = "on-dark" if share > 0.8 else "on-light"  # noqa: PLR2004
    words = label(
        text, x + width / 2, y + size / 2, class_=kind, text_anchor="middle",
        style=f"font-size:{number(font)}px",
    )  # fmt: skip
    return [square, words]


def cells(
    corners: Iterable[Position], width: float, height: float, *, opacity: float, title: str
) -> Markup:
    """Draw cells of one strength as one path, since there may be thousands."""
    path = "".join(f"M{x:.1f} {y:.1f}h{width:.2f}v{height:.2f}h-{width:.2f}z" for x, y in corners)
    strength = f"{opacity:.2f}"
    return tag("path", tag("title", title), d=path, class_="level", fill_opacity=strength)


def _path(points: Iterable[Position]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
