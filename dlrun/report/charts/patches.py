"""How much worse a score becomes without each patch of an image, as a map of the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from dlrun.evidence.formatting import fixed
from dlrun.report.charts.drawing import FONT, label, svg, text_width
from dlrun.report.html import Markup, tag

if TYPE_CHECKING:
    from dlrun.report.charts.drops import Drop

SIZE: Final = 64.0  # of a patch
AIR: Final = 0.75
DARK: Final = 0.8  # share from which light words are easier to read


def draw_patches(
    cells: Mapping[tuple[int, int], tuple[str, Drop]], *, title: str, places: int
) -> Markup:
    """Draw each patch where it lies in the image, shaded by its share of the largest value.

    Args:
        cells: row and column, counted from 1 at the top left → name and value.
        title: of the chart.
        places: decimals of the values.
    """
    most = max(drop.mean for _, drop in cells.values())
    parts = [
        _patch(row, column, drop, name, share=drop.mean / most if most > 0 else 0.0, places=places)
        for (row, column), (name, drop) in sorted(cells.items())
    ]
    description = "; ".join(f"{name}: {drop.text}" for name, drop in cells.values())
    height, width = (SIZE * max(each) for each in zip(*cells, strict=True))
    return svg(title, description, *parts, width=width, height=height)


def _patch(row: int, column: int, drop: Drop, name: str, *, share: float, places: int) -> Markup:
    x, y = SIZE * (column - 1), SIZE * (row - 1)
    square = tag(
        "rect", x=x + AIR, y=y + AIR, width=SIZE - 2 * AIR, height=SIZE - 2 * AIR,
        class_="cell", style=f"--share:{100 * max(share, 0.0):.0f}%",
    )  # fmt: skip
    text = fixed(drop.mean, places)
    size = min(FONT, FONT * (SIZE - 4) / text_width(text))
    words = label(
        text, x + SIZE / 2, y + SIZE / 2, class_="on-dark" if share > DARK else "on-light",
        text_anchor="middle", style=f"font-size:{size:.1f}px",
    )  # fmt: skip
    return tag("g", tag("title", f"{name}: {drop.text}"), square, words)
