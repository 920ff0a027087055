"""A plot: the plane between a horizontal and a vertical scale, with axes and marks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlrun.report.charts import marks
from dlrun.report.charts.chart import label, text_width
from dlrun.report.charts.scale import Scale

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.charts.marks import Estimate, Position
    from dlrun.report.styles import Style


@dataclass(frozen=True)
class Plot:
    """Two scales; `y` runs from the bottom to the top of the plot."""

    x: Scale
    y: Scale

    def at(self, x: float, y: float) -> Position:
        """Return the pixels of a pair of values."""
        return self.x(x), self.y(y)

    def axes(self, x_title: str, y_title: str) -> list[Markup]:
        """Draw both axes."""
        return [self.x_axis(x_title), self.y_axis(y_title)]

    def x_axis(self, title: str) -> Markup:
        """Draw ticks as faint lines through the plot, their values and the title below."""
        parts: list[Markup] = []
        for value, text in self.x.ticks():
            x, y = self.x(value), self.y.start + 14
            parts.append(self.vertical(value, "grid"))
            parts.append(label(text, x, y, class_="tick", text_anchor="middle"))
        middle = (self.x.start + self.x.end) / 2
        room = 2 * min(middle, self.x.end - self.x.start)
        y = self.y.start + 30
        words = label(title, middle, y, room=room, class_="axis", text_anchor="middle")
        return marks.group(*parts, words)

    def y_axis(self, title: str) -> Markup:
        """Draw ticks as faint lines through the plot, their values at its left, the title above."""
        parts: list[Markup] = []
        for value, text in self.y.ticks():
            words = label(text, self.x.start - 7, self.y(value), class_="tick", text_anchor="end")
            parts += [self.horizontal(value, "grid"), words]
        return marks.group(*parts, label(title, 0, self.y.end - 16, class_="axis"))

    def vertical(self, x: float, kind: str) -> Markup:
        """Draw a line through the whole plot at a value of the horizontal axis."""
        return marks.line((self.x(x), self.y.end), (self.x(x), self.y.start), kind)

    def horizontal(self, y: float, kind: str) -> Markup:
        """Draw a line through the whole plot at a value of the vertical axis."""
        return marks.line((self.x.start, self.y(y)), (self.x.end, self.y(y)), kind)

    def diagonal(self) -> Markup:
        """Draw the line from the lower left to the upper right corner."""
        return marks.line((self.x.start, self.y.start), (self.x.end, self.y.end), "diagonal")

    def band(self, low: float, high: float) -> Markup:
        """Draw an interval of the horizontal axis as a band through the whole plot."""
        corner = (self.x(low), self.y.end)
        width, height = self.x(high) - self.x(low), self.y.start - self.y.end
        return marks.rectangle(corner, width, height, "rope")

    def curve(
        self, points: Iterable[tuple[float, float]], kind: str = "curve", style: Style | None = None
    ) -> Markup:
        """Draw the line through pairs of values."""
        css = style.css if style else None
        return marks.curve((self.at(*point) for point in points), kind, css)

    def upright(
        self, each: Estimate, x: float, radius: float, kind: str = "interval thin"
    ) -> Markup:
        """Draw an estimate of the vertical axis at the pixel `x`."""
        low, high = map(self.y, each.span)
        bar = [marks.line((x, low), (x, high), kind)] if each.ends else []
        mark = each.style.draw(x, self.y(each.value), radius)
        return marks.group(*bar, mark, title=each.title, style=each.style)

    def flat(self, each: Estimate, y: float, radius: float) -> Markup:
        """Draw an estimate of the horizontal axis at the pixel `y`."""
        low, high = map(self.x, each.span)
        bar = [marks.line((low, y), (high, y), "interval")] if each.ends else []
        mark = each.style.draw(self.x(each.value), y, radius)
        return marks.group(*bar, mark, title=each.title, style=each.style)


def lane_plot(x: Scale, top: float, bottom: float) -> Plot:
    """Return a plot whose vertical positions are pixels between top and bottom."""
    return Plot(x, Scale(0, 1, bottom, top))


def tick_room(scale: Scale) -> float:
    """Return the pixels that the tick values of a vertical axis take at its left."""
    return 10 + max((text_width(text) for _, text in scale.ticks()), default=0.0)
