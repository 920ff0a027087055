"""A number of each layer after each epoch, as a map of cells."""

from __future__ import annotations

from itertools import groupby
from math import ceil, log10
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart, label, widest
from dlrun.report.html import tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markupsafe import Markup
    from numpy.typing import NDArray

WIDTH: Final = 320.0
WIDEST_NAME: Final = 104.0
HEIGHTS: Final = (4.0, 15.0)  # of a row, at least and at most
MOST_HEIGHT: Final = 330.0  # of all rows together
LABELLED: Final = 11.0  # pixels between the names of rows
N_LEVELS: Final = 8
N_COLUMNS: Final = 30
DIGITS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def draw_heat_map(
    values: NDArray[np.float64],
    names: Sequence[str],
    epochs: Sequence[int],
    *,
    title: str,
    ends: tuple[float, float],
    is_log: bool = False,
) -> Chart:
    """Draw (rows, epochs) numbers, the stronger the larger; NaN is left out.

    Args:
        values: of each row and epoch; many epochs are joined, as their means, or geometric means
            where `is_log`.
        names: of the rows, from top to bottom.
        epochs: their numbers.
        title: of the chart.
        ends: the values of the weakest and of the strongest shade.
        is_log: whether the shades are of orders of magnitude.
    """
    levels = _levels(values, ends, is_log=is_log)
    size = min(HEIGHTS[1], max(HEIGHTS[0], MOST_HEIGHT / len(names)))
    left = min(WIDEST_NAME, widest(names)) + 7
    bottom, width = size * len(names), (WIDTH - left - 4) / levels.shape[1]
    parts = [marks.rectangle((left, 0), WIDTH - left - 4, bottom, "ground")]
    parts += _cells(levels, left, width, size)
    for row in range(0, len(names), ceil(LABELLED / size)):
        y = size * (row + 0.5)
        parts.append(
            label(names[row], left - 7, y, room=left - 6, class_="tick", text_anchor="end")
        )
    for x, anchor, epoch in ((left, "start", epochs[0]), (WIDTH - 4, "end", epochs[-1])):
        parts.append(label(str(epoch), x, bottom + 12, class_="tick", text_anchor=anchor))
    middle = (left + WIDTH - 4) / 2
    parts.append(label("epoch", middle, bottom + 12, class_="axis", text_anchor="middle"))
    parts += _key(left, bottom + 30, ends, is_log=is_log)
    known = values[np.isfinite(values)]
    span = f"{known.min():.2g} to {known.max():.2g}" if len(known) else "none"
    description = f"{len(names)} layers, {len(epochs)} epochs: {span}"
    return chart(title, description, parts, width=WIDTH, height=bottom + 62)


def _levels(
    values: NDArray[np.float64], ends: tuple[float, float], *, is_log: bool
) -> NDArray[np.int64]:
    """Return the level of each cell, from 1; 0 where there is no number, or less than the least."""
    low, high = ends
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = np.log10(values) if is_log else values
    low, high = (log10(low), log10(high)) if is_log else (low, high)
    pieces = np.array_split(shown, min(N_COLUMNS, shown.shape[1]), axis=1)
    means = np.stack([piece.mean(axis=1) for piece in pieces], axis=1)
    shares = np.nan_to_num((means - low) / (high - low), nan=-1.0, neginf=-1.0, posinf=1.0)
    levels: NDArray[np.int64] = np.ceil(shares * N_LEVELS).clip(0, N_LEVELS).astype(np.int64)
    return levels


def _cells(levels: NDArray[np.int64], left: float, width: float, height: float) -> Iterator[Markup]:
    """Draw a path for each level, of stretches of equal cells."""
    stretches: dict[int, str] = {}
    for row, cells in enumerate(levels.tolist()):
        column = 0
        for level, group in groupby(cells):
            n = len([*group])
            x, y = left + width * column, height * row
            path = f"M{x:.1f} {y:.1f}h{width * n:.1f}v{height - 0.8:.1f}h-{width * n:.1f}z"
            stretches[level] = stretches.get(level, "") + path
            column += n
    for level in sorted(stretches.keys() - {0}):
        yield tag("path", d=stretches[level], class_="level", fill_opacity=_opacity(level))


def _key(left: float, top: float, ends: tuple[float, float], *, is_log: bool) -> Iterator[Markup]:
    """Draw the shades, with the numbers at their ends and in the middle."""
    step = 16.0
    for level in range(1, N_LEVELS + 1):
        x = left + step * (level - 1)
        yield tag(
            "rect", x=x, y=top, width=step, height=8, class_="level",
            fill_opacity=_opacity(level),
        )  # fmt: skip
    low, high = ends
    middle = 10 ** ((log10(low) + log10(high)) / 2) if is_log else (low + high) / 2
    for place, value in enumerate((low, middle, high)):
        text = _power(value) if is_log else f"{100 * value:.0f} %"
        x = left + step * N_LEVELS * place / 2
        anchor = ("start", "middle", "end")[place]
        yield label(text, x, top + 19, class_="tick", text_anchor=anchor)


def _opacity(level: int) -> str:
    return f"{level / N_LEVELS:.2f}"


def _power(value: float) -> str:
    exponent = round(log10(value))
    return "1" if exponent == 0 else f"10{str(exponent).translate(DIGITS)}"
