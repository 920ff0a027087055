"""A chart: a named SVG image, in the page or as a file of its own; texts of a known width."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final
from unicodedata import east_asian_width

from markupsafe import Markup

from dlrun.report.html import Attribute, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FONT: Final = 12.0  # pixels, as in charts.css
MARGIN: Final = 16.0  # pixels around the chart in a file
HEADING: Final = 30.0  # pixels above it
HEADING_FONTS: Final = (9.0, 14.0)  # smallest and largest


@dataclass(frozen=True)
class Chart:
    """An SVG image; sizes are in pixels.

    Attributes:
        title: the accessible name.
        description: the values in words, for screen readers.
    """

    title: str
    description: str
    content: Markup
    width: float
    height: float

    def __html__(self) -> Markup:
        """Return the element to embed in a page, which brings the styles."""
        names = tag("title", self.title), tag("desc", self.description)
        box = f"0 0 {self.width:.0f} {self.height:.0f}"
        return tag(
            "svg", *names, self.content, viewBox=box, role="img", width=self.width,
            height=self.height,
        )  # fmt: skip

    def to_file(self) -> str:
        """Return an SVG file: the styles, a background, the title and the chart."""
        width, height = self.width + 2 * MARGIN, self.height + 2 * MARGIN + HEADING
        left, top = -MARGIN, -MARGIN - HEADING
        paper = tag("rect", x=left, y=top, width=width, height=height, class_="paper")
        smallest, largest = HEADING_FONTS
        font = max(smallest, min(largest, self.width / text_width(self.title, size=1)))
        words = shortened(self.title, self.width, size=font)
        style = f"font-size:{font:.1f}px"
        heading = tag("text", *words, x=0, y=top + 24, class_="heading", style=style)
        return tag(
            "svg", tag("title", self.title), tag("desc", self.description),
            tag("style", read_css("charts")), paper, heading, self.content,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"{left:.0f} {top:.0f} {width:.0f} {height:.0f}", width=width, height=height,
        )  # fmt: skip


def read_css(name: str) -> Markup:
    """Return the text of a style sheet of the report."""
    return Markup(files("dlrun.report").joinpath(f"{name}.css").read_text("utf-8"))


def chart(
    title: str, description: str, parts: Iterable[Markup], *, width: float, height: float
) -> Chart:
    """Join parts to a chart."""
    return Chart(title, description, Markup().join(parts), width, height)


def label(text: str, x: float, y: float, *, room: float = 0.0, **attributes: Attribute) -> Markup:
    """Write a line of text whose middle is at `y`, cut to `room` pixels if that is positive."""
    content = shortened(text, room) if room > 0 else (text,)
    return tag("text", *content, x=x, y=y, dy=".35em", **attributes)


def shortened(text: str, width: float, *, size: float = FONT) -> tuple[str, ...]:
    """Return a text of at most so many pixels; where it is cut, with the whole as its tooltip."""
    if text_width(text, size=size) <= width:
        return (text,)
    kept = text
    while len(kept) > 1 and text_width(kept + "…", size=size) > width:
        kept = kept[:-1]
    return f"{kept.rstrip()}…", tag("title", text)


def text_width(text: str, *, size: float = FONT) -> float:
    """Estimate the width in pixels; East Asian letters are wider than others."""
    return size * sum(1.0 if east_asian_width(letter) in "WF" else 0.6 for letter in text)


def set_apart(heights: Sequence[float], distance: float, top: float, bottom: float) -> list[float]:
    """Move ascending heights to at least a distance from each other, between top and bottom."""
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + distance if moved else top))
    limit = bottom
    for place in reversed(range(len(moved))):
        moved[place] = min(moved[place], limit)
        limit = moved[place] - distance
    return moved


def widest(texts: Iterable[str]) -> float:
    """Return the width in pixels of the widest text."""
    return max(map(text_width, texts))
