"""Changes made on purpose: noise, gaps, junk, wrong labels, lost structure, cells that moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Column, ColumnType, Dataset

if TYPE_CHECKING:
    from collections.abc import Mapping

Frame = pd.DataFrame
Rng = np.random.Generator
Cells = NDArray[Any]

GRID: Final = 4  # patches of an image along each side
SEGMENTS: Final = 8  # of a sound or a series
BLOCKS_PER_SECOND: Final = 50  # of a sound whose structure is shuffled


# ------------------------------------------------------------- test rows of a fitted candidate


def add_noise(frame: Frame, rng: Rng, columns: Sequence[Column], level: float) -> Frame:
    """Add normal noise to numbers, pixels, samples and steps; replace categories and words.

    Args:
        frame: typed rows, which stay as they are.
        rng: draws the noise.
        columns: of the frame; dates have no noise.
        level: of noise, in standard deviations of the column over these rows (of an image: of
            the range of its pixels); of categories and words, the share that is replaced by
            another one of the column's.
    """
    return _changed(frame, columns, NOISE, rng, level)


def drop_values(frame: Frame, rng: Rng, columns: Sequence[Column], level: float) -> Frame:
    """Make values missing: cells of a table, words, and stretches of images, sounds and series.

    Args:
        frame: typed rows, which stay as they are.
        rng: chooses what goes missing.
        columns: of the frame.
        level: the share that goes missing.
    """
    return _changed(frame, columns, GAPS, rng, level)


def permute_cells(frame: Frame, rng: Rng, column: str) -> Frame:
    """Deal the cells of one column to the rows anew."""
    order = rng.permutation(len(frame))
    return frame.assign(**{column: frame[column].array.take(order)})


def permute_part(frame: Frame, rng: Rng, column: str, part: tuple[slice, ...]) -> Frame:
    """Deal one part of all images, sounds or series of a column to the rows anew.

    Args:
        frame: typed rows, which stay as they are.
        rng: deals the parts.
        column: whose cells are arrays.
        part: of each array; what lies beyond a shorter one is left out.
    """
    cells = frame[column].tolist()
    order = rng.permutation(len(cells))
    swapped = [
        _with_part(cell, cells[other], part) for cell, other in zip(cells, order, strict=True)
    ]
    return frame.assign(**{column: as_cells(swapped)})


def segments_of(column: Column) -> Iterator[tuple[str, tuple[slice, ...]]]:
    """Name the parts of an image (patches) or of a sound or series (segments), in order."""
    if column.type == "image":
        height, width, _ = column.shape
        for row, rows in enumerate(_slices(height, GRID), start=1):
            for place, columns in enumerate(_slices(width, GRID), start=1):
                yield f"{column.name} patch {row},{place}", (rows, columns)
    else:
        for number, steps in enumerate(_slices(column.shape[0], SEGMENTS), start=1):
            yield f"{column.name} segment {number}", (steps,)


def _slices(length: int, n: int) -> Iterator[slice]:
    edges = np.arange(min(n, length) + 1) * length // min(n, length)
    for start, stop in pairwise(edges):
        yield slice(int(start), int(stop))


def _with_part(cell: Cells, other: Cells, part: tuple[slice, ...]) -> Cells:
    own, theirs = cell[part], other[part]
    common = tuple(slice(0, min(a, b)) for a, b in zip(own.shape, theirs.shape, strict=True))
    changed = cell.copy()
    changed[part][common] = theirs[common]
    return changed


# ------------------------------------------------------------- datasets that are learned anew


def add_junk_columns(dataset: Dataset, rng: Rng) -> Dataset:
    """Add as many columns of normal noise as there are columns, two at least."""
    n_junk = max(2, len(dataset.columns))
    names = _free_names(dataset, n_junk)
    junk = pd.DataFrame(rng.normal(size=(len(dataset), n_junk)), columns=names)
    return replace(
        dataset,
        columns=(*dataset.columns, *(Column(name, "number") for name in names)),
        frame=pd.concat([dataset.frame, junk], axis=1),
    )


def add_label_noise(dataset: Dataset, rng: Rng, rows: NDArray[np.int64], share: float) -> Dataset:
    """Give a share of these rows another class, or the number of another of them."""
    y = dataset.y.copy()
    spoiled = rng.choice(rows, round(share * len(rows)), replace=False)
    n_classes = len(dataset.target.labels)
    if n_classes:
        y[spoiled] = (y[spoiled] + rng.integers(1, n_classes, len(spoiled))) % n_classes
    else:
        y[spoiled] = y[rng.permutation(spoiled)]
    return replace(dataset, y=y)


def shuffle_structure(dataset: Dataset, rng: Rng) -> Dataset:
    """Rearrange pixels, time steps and words the same way in every row.

    What a row holds stays; what stands beside what is lost. Of sounds, pieces of a fiftieth of a
    second are rearranged. Columns without such a structure stay as they are.
    """
    changed = {
        column.name: _shuffled(dataset.frame[column.name], column, rng)
        for column in dataset.columns
        if column.type in STRUCTURED
    }
    return replace(dataset, frame=dataset.frame.assign(**changed))


def _shuffled(cells: pd.Series[Any], column: Column, rng: Rng) -> Any:
    if column.type == "text":
        rows = [text.split() for text in cells]
        priority = rng.random(max(map(len, rows), default=0))
        ranks = [np.argsort(priority[: len(row)]) for row in rows]
        joined = [" ".join(row[i] for i in rank) for row, rank in zip(rows, ranks, strict=True)]
        return pd.Series(joined, dtype="str", index=cells.index)
    if column.type == "image":
        height, width, channels = column.shape
        order = rng.permutation(height * width)
        return as_cells([cell.reshape(-1, channels)[order].reshape(cell.shape) for cell in cells])
    block = max(1, column.rate // BLOCKS_PER_SECOND)  # of a series: one step
    priority = rng.random(-(-column.shape[0] // block))
    return as_cells([_rearranged(cell, priority, block) for cell in cells])


def _rearranged(cell: Cells, priority: NDArray[np.float64], block: int) -> Cells:
    """Put the blocks of a sequence in the order of their priorities."""
    blocks = [cell[start : start + block] for start in range(0, len(cell), block)]
    order = np.argsort(priority[: len(blocks)])
    return np.concatenate([blocks[i] for i in order]) if blocks else cell


def _free_names(dataset: Dataset, n: int) -> list[str]:
    names = (f"junk {number}" for number in range(1, 2 * n + len(dataset.columns)))
    return [name for name in names if name not in dataset.frame][:n]


# ----------------------------------------------------------------------- one type of column


def _changed(
    frame: Frame,
    columns: Sequence[Column],
    changes: Mapping[ColumnType, Change],
    rng: Rng,
    level: float,
) -> Frame:
    changed = {
        column.name: changes[column.type](frame[column.name], rng, level)
        for column in columns
        if column.type in changes
    }
    return frame.assign(**changed)


def as_cells(arrays: Sequence[Cells]) -> NDArray[np.object_]:
    """Return arrays as the cells of an object column, whatever their shapes."""
    cells = np.empty(len(arrays), dtype=object)
    for row, array in enumerate(arrays):  # all at once, NumPy would stack arrays of one shape
        cells[row] = array
    return cells


def _noisy_number(values: pd.Series[Any], rng: Rng, level: float) -> Any:
    return values + rng.normal(0, 1, len(values)) * (values.std(ddof=0) * level)


def _other_category(values: pd.Series[Any], rng: Rng, level: float) -> Any:
    """Replace a share by the value of another row, which may be the same one."""
    return values.where(rng.random(len(values)) >= level, _dealt(values, rng))


def _noisy_words(texts: pd.Series[Any], rng: Rng, level: float) -> Any:
    words = [text.split() for text in texts]
    known = np.array([word for text in words for word in text] or [""], dtype=object)
    noisy = [
        " ".join(np.where(rng.random(len(text)) < level, rng.choice(known, len(text)), text))
        if text
        else ""
        for text in words
    ]
    return pd.Series(noisy, dtype="str", index=texts.index)


def _noisy_image(cells: pd.Series[Any], rng: Rng, level: float) -> Any:
    def noisy(cell: Cells) -> Cells:
        return np.clip(cell + rng.normal(0, 255 * level, cell.shape), 0, 255).astype(np.uint8)

    return as_cells([noisy(cell) for cell in cells])


def _noisy_sequence(cells: pd.Series[Any], rng: Rng, level: float) -> Any:
    spread = _spread(cells)
    return as_cells(
        [
            (cell + rng.normal(0, 1, cell.shape) * (spread * level)).astype(cell.dtype)
            for cell in cells
        ]
    )


def _spread(cells: pd.Series[Any]) -> Any:
    """Return the standard deviation over all steps of all rows, of each channel."""
    filled = [cell for cell in cells if len(cell)]
    return np.nanstd(np.concatenate(filled), axis=0) if filled else 0.0


def _without_values(values: pd.Series[Any], rng: Rng, level: float) -> Any:
    return values.mask(rng.random(len(values)) < level)


def _without_words(texts: pd.Series[Any], rng: Rng, level: float) -> Any:
    kept = [" ".join(word for word in text.split() if rng.random() >= level) for text in texts]
    return pd.Series(kept, dtype="str", index=texts.index)


def _blotted_image(cells: pd.Series[Any], rng: Rng, level: float) -> Any:
    def blotted(cell: Cells) -> Cells:
        height, width = (round(side * level**0.5) for side in cell.shape[:2])
        top = rng.integers(0, cell.shape[0] - height + 1)
        left = rng.integers(0, cell.shape[1] - width + 1)
        changed = cell.copy()
        changed[top : top + height, left : left + width] = 0
        return changed

    return as_cells([blotted(cell) for cell in cells])


def _gap(cell: Cells, rng: Rng, level: float, filler: float) -> Cells:
    length = round(len(cell) * level)
    start = rng.integers(0, len(cell) - length + 1)
    changed = cell.copy()
    changed[start : start + length] = filler
    return changed


def _silenced(cells: pd.Series[Any], rng: Rng, level: float) -> Any:
    return as_cells([_gap(cell, rng, level, 0.0) for cell in cells])


def _interrupted(cells: pd.Series[Any], rng: Rng, level: float) -> Any:
    return as_cells([_gap(cell, rng, level, np.nan) for cell in cells])


def _dealt(values: pd.Series[Any], rng: Rng) -> pd.Series[Any]:
    return values.iloc[rng.permutation(len(values))].set_axis(values.index)


Change = Callable[["pd.Series[Any]", Rng, float], Any]
NOISE: Final[Mapping[ColumnType, Change]] = MappingProxyType(
    {
        "number": _noisy_number,
        "category": _other_category,
        "text": _noisy_words,
        "image": _noisy_image,
        "audio": _noisy_sequence,
        "series": _noisy_sequence,
    }
)
GAPS: Final[Mapping[ColumnType, Change]] = MappingProxyType(
    {
        "number": _without_values,
        "category": _without_values,
        "datetime": _without_values,
        "text": _without_words,
        "image": _blotted_image,
        "audio": _silenced,
        "series": _interrupted,
    }
)
STRUCTURED: Final = ("image", "audio", "series", "text")
