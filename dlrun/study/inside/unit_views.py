"""How the rows that excite a unit are shown: as pictures, lines or quoted words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.study.inside.pictures import make_sheet, sound_pictures, upright
from dlrun.study.inside.windows import find_box, quote

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.units import Box, UnitForm

PER_LINE: Final = 3  # pictures of a sheet
MOST_POINTS: Final = 48  # of a line
MOST_LINES: Final = 2  # of a series

Line = tuple[float, ...]


@dataclass(frozen=True)
class ShownRows:
    """Rows as they are shown; see `UnitLayer`, `Unit` and `ExcitingRow`."""

    form: UnitForm
    boxes: tuple[Box, ...]
    sides: tuple[int, ...] = ()
    sheet: str = ""
    words: tuple[tuple[str, ...], ...] = ()
    lines: tuple[tuple[Line, ...], ...] = ()


def show_images(cells: Sequence[NDArray[np.uint8]], sizes: NDArray[Any]) -> ShownRows:
    """Show images, each (height, width, channels); sizes of gradients are (rows, height, width)."""
    sheet = make_sheet(cells, PER_LINE)
    return ShownRows("image", tuple(map(find_box, sizes)), cells[0].shape[:2], sheet)


def show_sounds(bands: NDArray[Any], sizes: NDArray[Any], lengths: NDArray[Any]) -> ShownRows:
    """Show spectrograms, (rows, frames, bands), like the sizes of gradients.

    Args:
        bands: of the rows.
        sizes: of the gradients.
        lengths: (rows,) the frames that are no padding, which is shown as silence.
    """
    boxes = tuple(map(find_box, upright(sizes)))
    is_sound = np.arange(bands.shape[1]) < lengths[:, None]
    shown = np.where(is_sound[..., None], bands, bands.min())
    sheet = make_sheet([*sound_pictures(shown)], PER_LINE)
    return ShownRows("sound", boxes, bands.shape[:0:-1], sheet)


def show_lines(steps: NDArray[Any], sizes: NDArray[Any], lengths: NDArray[Any]) -> ShownRows:
    """Show the channels of series that move a unit most, (rows, steps, channels).

    Long series are averaged over stretches of several steps.

    Args:
        steps: of the rows.
        sizes: of the gradients, like the steps.
        lengths: (rows,) the steps that are no padding.
    """
    strongest = np.sort(np.argsort(-sizes.sum(axis=(0, 1)), kind="stable")[:MOST_LINES])
    width = ceil(steps.shape[1] / MOST_POINTS)
    starts = np.arange(0, steps.shape[1], width)
    counts = np.diff([*starts, steps.shape[1]])[:, None]
    means = np.add.reduceat(steps[..., strongest], starts, axis=1) / counts
    boxes = (find_box(each.sum(axis=-1)) for each in sizes)
    n_points = np.maximum(1, -(-lengths.astype(int) // width))
    return ShownRows(
        "line",
        tuple(tuple((start // width, ceil(stop / width)) for start, stop in box) for box in boxes),
        lines=tuple(
            tuple(tuple(round(float(value), 3) for value in line) for line in row[:most].T)
            for row, most in zip(means, n_points, strict=True)
        ),
    )


def show_words(tokens: Sequence[Sequence[str]], joint: str, sizes: NDArray[Any]) -> ShownRows:
    """Quote the words of texts that a unit looks at.

    Args:
        tokens: of each text.
        joint: between them: a blank, or nothing between characters.
        sizes: of the gradients, (rows, tokens), or (rows, 0).
    """
    quoted = (quote(words, size, joint) for words, size in zip(tokens, sizes, strict=True))
    return ShownRows("quote", ((),) * len(tokens), words=tuple(quoted))
