"""The look of each candidate: a colour and a marker that it keeps in every chart.

Colours are those of Okabe & Ito (2008, "Color universal design"), which the colour-blind can tell
apart: cool ones for deep candidates, warm ones and green for classic ones. Markers tell the sides
apart without colour, round against cornered, and go on where colours repeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import cos, pi, sin
from typing import TYPE_CHECKING, Final

from dlrun.report.html import Markup, number, tag

if TYPE_CHECKING:
    from dlrun.contract.candidate import Family
    from dlrun.evidence.candidates import CandidateResults

COLOURS: Final[Mapping[Family, tuple[str, ...]]] = {
    "deep": ("#0072B2", "#56B4E9", "#CC79A7"),
    "classic": ("#D55E00", "#E69F00", "#009E73", "#F0E442"),
}
MARKERS: Final[Mapping[Family, tuple[str, ...]]] = {
    "deep": ("circle", "hexagon", "pentagon"),
    "classic": ("square", "triangle", "diamond", "arrow"),
}
CORNERS: Final = {  # number, and the angle of the first, in turns
    "hexagon": (6, 0.0),
    "pentagon": (5, -0.25),
    "square": (4, 0.125),
    "triangle": (3, -0.25),
    "diamond": (4, 0.0),
    "arrow": (3, 0.25),
}
DUMMY_COLOUR: Final = "#8B939C"


@dataclass(frozen=True)
class Style:
    """How a candidate is drawn."""

    colour: str
    marker: str

    @property
    def style(self) -> str:
        """Return the style of an element whose marks have the candidate's colour."""
        return f"--c:{self.colour}"

    def mark(self, x: float, y: float, radius: float, title: str = "") -> Markup:
        """Draw the marker around a point."""
        hover = (tag("title", title),) if title else ()
        if self.marker == "circle":
            return tag("circle", *hover, cx=x, cy=y, r=radius, class_="mark")
        corners = " ".join(f"{number(a)},{number(b)}" for a, b in self._corners(x, y, radius))
        return tag("polygon", *hover, points=corners, class_="mark")

    def _corners(self, x: float, y: float, radius: float) -> list[tuple[float, float]]:
        n, first = CORNERS[self.marker]
        reach = radius * 1.25  # so that corners weigh as much as the circle
        angles = [2 * pi * (first + k / n) for k in range(n)]
        return [(x + reach * cos(angle), y + reach * sin(angle)) for angle in angles]


def assign_styles(entries: Iterable[CandidateResults]) -> dict[str, Style]:
    """Give each candidate its look, in the order in which the study lists them."""
    n_seen: dict[Family, int] = {"deep": 0, "classic": 0}
    looks = {}
    for entry in entries:
        markers = MARKERS[entry.family]
        if entry.is_dummy:
            looks[entry.name] = Style(DUMMY_COLOUR, markers[0])
            continue
        colours, place = COLOURS[entry.family], n_seen[entry.family]
        n_seen[entry.family] += 1
        looks[entry.name] = Style(
            colours[place % len(colours)], markers[place // len(colours) % len(markers)]
        )
    return looks
