"""Perturbations: noise, missing values, junk columns, label noise, lost structure, permutation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.contract.dataset import Column, Dataset
from dlrun.data.targets import target_kind
from dlrun.data.types import column_module
from dlrun.data.types.decode import as_cells

Frame = pd.DataFrame
Rng = np.random.Generator

# ----------------------------------------------------------------------------------- test rows


def add_noise(frame: Frame, rng: Rng, columns: Sequence[Column], level: float) -> Frame:
    """Add normal noise to numbers, pixels, samples and steps; replace categories and words.

    Args:
        frame: typed rows; not changed.
        rng: draws the noise.
        columns: of the frame; dates have no noise.
        level: in standard deviations of the column over these rows; of images, in ranges of
            pixels; of categories and words, the share that is replaced by others of the column.
    """
    noisy = {
        column.name: column_module(column.type).add_noise(frame[column.name], rng, level)
        for column in columns
    }
    return frame.assign(**noisy)


def drop_values(frame: Frame, rng: Rng, columns: Sequence[Column], level: float) -> Frame:
    """Make values missing: cells of a table, words, and segments of images, sounds and series.

    Args:
        frame: typed rows; not changed.
        rng: draws the values.
        columns: of the frame.
        level: the share of the values.
    """
    incomplete = {
        column.name: column_module(column.type).drop_values(frame[column.name], rng, level)
        for column in columns
    }
    return frame.assign(**incomplete)


def permute_cells(frame: Frame, rng: Rng, column: str) -> Frame:
    """Permute the cells of one column among the rows."""
    order = rng.permutation(len(frame))
    return frame.assign(**{column: frame[column].array.take(order)})


def permute_segment(frame: Frame, rng: Rng, column: str, segment: tuple[slice, ...]) -> Frame:
    """Permute one segment of all images, sounds or series of a column among the rows.

    Args:
        frame: typed rows; not changed.
        rng: draws the order.
        column: whose cells are arrays.
        segment: of each array; what lies beyond the shorter of two arrays is not exchanged.
    """
    cells = frame[column].tolist()
    order = rng.permutation(len(cells))
    swapped = (
        _with_segment(cell, cells[other], segment) for cell, other in zip(cells, order, strict=True)
    )
    return frame.assign(**{column: as_cells(swapped, len(cells))})


def _with_segment(
    cell: NDArray[Any], other: NDArray[Any], segment: tuple[slice, ...]
) -> NDArray[Any]:
    own, theirs = cell[segment], other[segment]
    shared = tuple(slice(0, min(a, b)) for a, b in zip(own.shape, theirs.shape, strict=True))
    changed = cell.copy()
    changed[segment][shared] = theirs[shared]
    return changed


# --------------------------------------------------------- datasets on which to train once more


def add_junk_columns(dataset: Dataset, rng: Rng) -> Dataset:
    """Add a column of normal noise for each column, at least two."""
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
    chosen = rng.choice(rows, round(share * len(rows)), replace=False)
    kind = target_kind(dataset.target.task)
    return replace(dataset, y=kind.with_label_noise(dataset.y, dataset.target, chosen, rng))


def shuffle_structure(dataset: Dataset, rng: Rng) -> Dataset:
    """Rearrange pixels, samples, time steps and words in the same way in every row.

    The values of a row are kept, their order is lost. Columns without structure are not changed.
    """
    shuffled = {
        column.name: column_module(column.type).shuffle_structure(
            dataset.frame[column.name], column, rng
        )
        for column in dataset.columns
        if COLUMN_KINDS[column.type].has_structure
    }
    return replace(dataset, frame=dataset.frame.assign(**shuffled))


def _free_names(dataset: Dataset, n: int) -> list[str]:
    names = (f"junk {number}" for number in range(1, 2 * n + len(dataset.columns)))
    return [name for name in names if name not in dataset.frame][:n]
