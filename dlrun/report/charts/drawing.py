"""What every chart is drawn from: the frame, axes, words of a known width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from unicodedata import east_asian_width

from dlrun.report.html import Attribute, Markup, tag

if TYPE_CHECKING:
    from dlrun.report.charts.scale import Scale

FONT: Final = 12.0  # pixels, as in the page's style
PER_TICK_UP: Final = 42.0  # pixels of a vertical axis
PER_TICK: Final = 55.0  # pixels of the horizontal axis of a small chart


def svg(title: str, description: str, *content: str, width: float, height: float) -> Markup:
    """Write a chart with its name, which is also what a screen reader says."""
    names = (tag("title", title), tag("desc", description))
    box = f"0 0 {width:.0f} {height:.0f}"
    return tag("svg", *names, *content, viewBox=box, role="img", width=width, height=height)


def label(content: str, x: float, y: float, **attributes: Attribute) -> Markup:
    """Write words; `y` is the middle of the line."""
    return tag("text", content, x=x, y=y, dy=".35em", **attributes)


def shortened(text: str, width: float, *, size: float = FONT) -> tuple[str, ...]:
    """Return the content of words that have so many pixels, with the whole as hover if cut."""
    if text_width(text, size=size) <= width:
        return (text,)
    kept = text
    while len(kept) > 1 and text_width(kept + "…", size=size) > width:
        kept = kept[:-1]
    return f"{kept.rstrip()}…", tag("title", text)


def text_width(text: str, *, size: float = FONT) -> float:
    """Estimate pixels; East Asian letters are twice as wide as most."""
    return size * sum(1.0 if east_asian_width(letter) in "WF" else 0.6 for letter in text)


def hover(*elements: str, title: str) -> Markup:
    """Group elements that tell the same when the mouse rests on them."""
    return tag("g", tag("title", title), *elements)


def x_axis(scale: Scale, title: str, *, top: float, bottom: float) -> Markup:
    """Draw ticks as faint lines through the plot, their values and the axis' name below."""
    marks: list[Markup] = []
    for value, text in scale.ticks():
        x = scale(value)
        marks += [
            tag("line", x1=x, x2=x, y1=top, y2=bottom, class_="grid"),
            label(text, x, bottom + 14, class_="tick", text_anchor="middle"),
        ]
    middle = (scale.start + scale.end) / 2
    room = 2 * min(middle, scale.end - scale.start)
    words = shortened(title, room)
    marks.append(tag("text", *words, x=middle, y=bottom + 34, class_="axis", text_anchor="middle"))
    return tag("g", *marks)


def y_axis(scale: Scale, title: str, *, left: float, right: float) -> Markup:
    """Draw ticks as faint lines through the plot, their values at the left, the name above."""
    marks: list[Markup] = []
    for value, text in scale.ticks():
        y = scale(value)
        marks += [
            tag("line", x1=left, x2=right, y1=y, y2=y, class_="grid"),
            label(text, left - 7, y, class_="tick", text_anchor="end"),
        ]
    marks.append(label(title, 0, scale.end - 16, class_="axis"))
    return tag("g", *marks)


def tick_room(scale: Scale) -> float:
    """Return the pixels that the tick values of a vertical axis take at its left."""
    return 10 + max((text_width(text) for _, text in scale.ticks()), default=0.0)
