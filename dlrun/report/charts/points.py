"""Rows as points of a plane, coloured by class or by value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from markupsafe import Markup

from dlrun.report.charts.chart import Chart, chart
from dlrun.report.charts.marks import rectangle
from dlrun.report.charts.scale import padded
from dlrun.report.html import number, tag

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE: Final = 280.0
RADIUS: Final = 3.0
SHADES: Final = 8  # of a number
# Okabe & Ito (2008), then the rest of Tol's muted scheme (2021): all differ for the colour-blind.
CLASS_COLOURS: Final = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#999933",
    "#332288", "#44AA99",
)  # fmt: skip
OTHER: Final = "#8B939C"  # classes beyond these


def class_colour(code: int) -> str:
    """Return the colour of a class; those after the tenth share one."""
    return CLASS_COLOURS[code] if code < len(CLASS_COLOURS) else OTHER


def value_colours(values: Sequence[float]) -> list[str]:
    """Return the shade of each number, by its rank: blue is low, orange is high."""
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    shades = ranks * SHADES // max(1, len(values))
    return [
        f"color-mix(in srgb, #D55E00 {100 * int(shade) // (SHADES - 1)}%, #0072B2)"
        for shade in shades
    ]


def draw_points(
    points: NDArray[np.float64], colours: Sequence[str], *, title: str, description: str
) -> Chart:
    """Draw the rows; both axes have one scale.

    Args:
        points: (rows, 2).
        colours: of each row.
        title: of the chart.
        description: in words.
    """
    low, high = zip(*(padded(points[:, axis], 0.04) for axis in (0, 1)), strict=True)
    reach = max(high[0] - low[0], high[1] - low[1])
    places = (points - (np.add(low, high) - reach) / 2) / reach * SIZE
    parts = [
        rectangle((0, 0), SIZE, SIZE, "ground"),
        *(_cloud(places, colours, colour) for colour in dict.fromkeys(colours)),
    ]
    return chart(title, description, parts, width=SIZE, height=SIZE)


def _cloud(places: NDArray[np.float64], colours: Sequence[str], colour: str) -> Markup:
    """Draw all rows of a colour as one path of round ends of lines without length."""
    path = "".join(
        f"M{number(x)} {number(SIZE - y)}h0"
        for (x, y), own in zip(places.tolist(), colours, strict=True)
        if own == colour
    )
    return tag(
        "path", d=path, stroke=colour, stroke_width=2 * RADIUS, stroke_linecap="round",
        stroke_opacity=0.7, fill="none",
    )  # fmt: skip
