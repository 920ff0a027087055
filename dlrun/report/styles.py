"""The style of each candidate: a colour and a marker that are the same in every chart.

The colours are those of Okabe & Ito (2008, "Color universal design"), which colour-blind readers
can distinguish: cool ones for deep candidates, warm ones and green for classic ones, the colour of
the text for blends of both. The markers of the families differ too, round, cornered and a star, and
change where colours repeat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import cos, pi, sin
from typing import TYPE_CHECKING, Final, Protocol

from dlrun.report.html import number, tag

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.contract.candidate import Family

COLOURS: Final[Mapping[Family, tuple[str, ...]]] = {
    "deep": ("#0072B2", "#56B4E9", "#CC79A7"),
    "classic": ("#D55E00", "#E69F00", "#009E73", "#F0E442"),
    "both": ("var(--ink)",),
}
MARKERS: Final[Mapping[Family, tuple[str, ...]]] = {
    "deep": ("circle", "hexagon", "pentagon"),
    "classic": ("square", "triangle", "diamond", "arrow"),
    "both": ("star",),
}
CORNERS: Final = {  # number, and the angle of the first, in turns
    "hexagon": (6, 0.0),
    "pentagon": (5, -0.25),
    "square": (4, 0.125),
    "triangle": (3, -0.25),
    "diamond": (4, 0.0),
    "arrow": (3, 0.25),
    "star": (8, -0.25),
}
INNER: Final = {"star": 0.4}  # of the reach: that of every second corner
DUMMY_COLOUR: Final = "#8B939C"


@dataclass(frozen=True)
class Style:
    """The colour and the marker of a candidate."""

    colour: str
    marker: str

    @property
    def css(self) -> str:
        """Return the style attribute that gives an element's marks this colour."""
        return f"--c:{self.colour}"

    def draw(self, x: float, y: float, radius: float) -> Markup:
        """Draw the marker around a point in pixels."""
        if self.marker == "circle":
            return tag("circle", cx=x, cy=y, r=radius, class_="mark")
        n, first = CORNERS[self.marker]
        reach = radius * 1.25  # about the area of the circle
        reaches = (reach, reach * INNER.get(self.marker, 1.0))
        points = [(reaches[k % 2], 2 * pi * (first + k / n)) for k in range(n)]
        corners = " ".join(
            f"{number(x + far * cos(angle))},{number(y + far * sin(angle))}"
            for far, angle in points
        )
        return tag("polygon", points=corners, class_="mark")


class Styled(Protocol):
    """A candidate as far as its style depends on it."""

    @property
    def name(self) -> str:
        """Return the name."""

    @property
    def family(self) -> Family:
        """Return the side."""

    @property
    def is_dummy(self) -> bool:
        """Return whether it is the baseline that ignores the columns."""


def assign_styles(results: Iterable[Styled]) -> dict[str, Style]:
    """Return candidate → style, in the order of the study; the dummy is grey."""
    n_seen: Counter[Family] = Counter()
    styles = {}
    for each in results:
        colours, markers = COLOURS[each.family], MARKERS[each.family]
        if each.is_dummy:
            styles[each.name] = Style(DUMMY_COLOUR, markers[0])
            continue
        round_, place = divmod(n_seen[each.family], len(colours))
        n_seen[each.family] += 1
        styles[each.name] = Style(colours[place], markers[round_ % len(markers)])
    return styles
