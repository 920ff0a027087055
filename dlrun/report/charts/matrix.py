"""True classes against predicted ones (confusion matrix)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.evidence.formatting import compact
from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart, label, widest

if TYPE_CHECKING:
    from markupsafe import Markup
    from numpy.typing import NDArray

WIDEST_LABEL: Final = 96.0
LARGEST_CELL: Final = 64.0
SMALLEST_TEXT: Final = 7.5
SMALLEST_CELL: Final = 16.0  # with a count and a tooltip
SMALLEST_LABELLED: Final = 12.0  # cell with its classes beside it
TOP: Final = 24.0
N_LEVELS: Final = 8  # of shade, where cells are small


def draw_matrix(
    counts: NDArray[np.int64], labels: Sequence[str], *, title: str, width: float = 320.0
) -> Chart:
    """Draw counts, (true class, predicted class), as cells shaded by the share of their row."""
    n = len(labels)
    room = min(WIDEST_LABEL, widest(labels))
    has_labels = (width - 30 - room) / n >= SMALLEST_LABELLED
    room = room if has_labels else 20.0
    left = 26 + room
    size = min(LARGEST_CELL, (width - left - 4) / n)
    is_upright = room > size - 1
    bottom = TOP + size * n
    height = bottom + (room if is_upright else 14) + 30
    parts = [
        label("true", left - 7, 11, class_="axis", text_anchor="end"),
        label("predicted", left + size * n / 2, height - 8, class_="axis", text_anchor="middle"),
    ]
    is_large = size >= SMALLEST_CELL
    parts += _cells(counts, labels, left, size) if is_large else _levels(counts, left, size)
    for place, name in enumerate(labels if has_labels else ()):
        at = size * (place + 0.5)
        x, y = left - 7, TOP + at
        parts.append(label(name, x, y, room=room + 1, class_="tick", text_anchor="end"))
        parts.append(_column_label(name, room, left + at, bottom, is_upright=is_upright))
    description = f"{int(counts.trace()):,} of {int(counts.sum()):,} predictions are right"
    return chart(title, description, parts, width=width, height=height)


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    return shares


def _cells(
    counts: NDArray[np.int64], labels: Sequence[str], left: float, size: float
) -> list[Markup]:
    """Draw each cell with its count and a tooltip."""
    shares = _shares(counts)
    parts = []
    for row, column in product(range(len(labels)), repeat=2):
        count, share = int(counts[row, column]), float(shares[row, column])
        text = compact(count)
        font = min(12.0, (size - 3) / (0.6 * len(text)))
        shown = text if count and font >= SMALLEST_TEXT else ""
        title = (
            f"true {labels[row]}, predicted {labels[column]}: {count:,} "
            f"({100 * share:.1f} % of the row)"
        )
        corner = (left + size * column, TOP + size * row)
        parts.append(marks.group(*marks.cell(corner, size, shown, share, font=font), title=title))
    return parts


def _levels(counts: NDArray[np.int64], left: float, size: float) -> list[Markup]:
    """Draw the cells that are not empty by levels of their share."""
    levels = np.ceil(_shares(counts) * N_LEVELS).astype(int)
    parts = [marks.rectangle((left, TOP), size * len(counts), size * len(counts), "ground")]
    for level in np.unique(levels[levels > 0]).tolist():
        found = np.argwhere(levels == level).tolist()
        corners = [(left + size * column, TOP + size * row) for row, column in found]
        title = f"up to {100 * level / N_LEVELS:.0f} % of the row"
        parts.append(marks.cells(corners, size, size, opacity=level / N_LEVELS, title=title))
    return parts


def _column_label(text: str, room: float, x: float, bottom: float, *, is_upright: bool) -> Markup:
    y = bottom + (7 if is_upright else 14)
    turn = f"rotate(-90 {x:.1f} {y:.1f})" if is_upright else None
    anchor = "end" if is_upright else "middle"
    return label(text, x, y, room=room + 1, class_="tick", text_anchor=anchor, transform=turn)
