"""True classes against predicted ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from dlrun.evidence.formatting import compact
from dlrun.report.charts.drawing import label, shortened, svg, text_width
from dlrun.report.html import Markup, tag

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDEST_LABEL: Final = 96.0
LARGEST_CELL: Final = 64.0
SMALLEST_TEXT: Final = 7.5
DARK: Final = 0.8  # share from which words turn light


def draw_matrix(
    counts: NDArray[np.int64], labels: Sequence[str], *, title: str, width: float = 320.0
) -> Markup:
    """Draw counts as cells, shaded by the share of their row.

    Args:
        counts: (classes, classes) rows are the truth, columns what was predicted.
        labels: of the classes.
        title: of the chart.
        width: in pixels.
    """
    n = len(labels)
    wide = min(WIDEST_LABEL, max(text_width(each) for each in labels))
    left = 26 + wide
    size = min(LARGEST_CELL, (width - left - 4) / n)
    is_upright = wide > size - 1
    bottom = 24 + size * n
    height = bottom + (wide if is_upright else 14) + 30
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    parts = [
        label("true", left - 7, 11, class_="axis", text_anchor="end"),
        label("predicted", left + size * n / 2, height - 8, class_="axis", text_anchor="middle"),
    ]
    for row in range(n):
        y = 24 + size * (row + 0.5)
        parts.append(_words(labels[row], wide, left - 7, y))
        for column in range(n):
            x = left + size * column
            cell = _cell(int(counts[row, column]), float(shares[row, column]), x, y, size)
            words = (
                f"true {labels[row]}, predicted {labels[column]}: {counts[row, column]:,} "
                f"({100 * shares[row, column]:.1f} % of the row)"
            )
            parts.append(tag("g", tag("title", words), *cell))
        parts.append(
            _column_label(
                labels[row], wide, left + size * (row + 0.5), bottom, is_upright=is_upright
            )
        )
    right = int(counts.trace())
    description = f"{right:,} of {int(counts.sum()):,} predictions are right"
    return svg(title, description, *parts, width=width, height=height)


def _words(text: str, room: float, x: float, y: float) -> Markup:
    content = shortened(text, room + 1)
    return tag("text", *content, x=x, y=y, dy=".35em", class_="tick", text_anchor="end")


def _column_label(text: str, room: float, x: float, bottom: float, *, is_upright: bool) -> Markup:
    content = shortened(text, room + 1)
    if is_upright:
        turn = f"rotate(-90 {x:.1f} {bottom + 7:.1f})"
        return tag(
            "text", *content, x=x, y=bottom + 7, dy=".35em", class_="tick", text_anchor="end",
            transform=turn,
        )  # fmt: skip
    return tag(
        "text", *content, x=x, y=bottom + 14, dy=".35em", class_="tick", text_anchor="middle"
    )


def _cell(count: int, share: float, x: float, y: float, size: float) -> list[Markup]:
    shade = f"--share:{100 * share:.0f}%"
    square = tag(
        "rect", x=x + 0.75, y=y - size / 2 + 0.75, width=size - 1.5, height=size - 1.5,
        class_="cell", style=shade,
    )  # fmt: skip
    text = compact(count)
    letters = min(12.0, (size - 3) / (0.6 * len(text)))
    if not count or letters < SMALLEST_TEXT:
        return [square]
    kind = "on-dark" if share > DARK else "on-light"
    words = label(
        text, x + size / 2, y, class_=kind, text_anchor="middle", style=f"font-size: {letters}px"
    )
    return [square, words]
