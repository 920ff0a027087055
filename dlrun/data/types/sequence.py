"""What sounds and series share: a cell is an array (steps, …) of floats, of any length."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.data.types.decode import as_cells

N_SEGMENTS: Final = 8
N_STRETCHES: Final = 16  # one of which is replaced at a time


def is_known(values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return whether each cell has steps, (rows,)."""
    return np.array([len(cell) > 0 for cell in values], dtype=bool)


def length_range(cells: pd.Series[Any]) -> tuple[int, int]:
    """Return the smallest and the largest number of steps of the cells that have any."""
    lengths = [len(cell) for cell in cells if len(cell)]
    return min(lengths), max(lengths)


def show_range(low: str, high: str) -> str:
    """Write a range, or its only value."""
    return low if low == high else f"{low}–{high}"


def add_noise(cells: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
    """Add normal noise of `level` standard deviations, of each channel over all rows' steps."""
    filled = [cell for cell in cells if len(cell)]
    std = np.nanstd(np.concatenate(filled), axis=0) if filled else 0.0
    noisy = (
        (cell + rng.normal(0, 1, cell.shape) * (std * level)).astype(cell.dtype) for cell in cells
    )
    return as_cells(noisy, len(cells))


def drop_segment(cells: pd.Series[Any], rng: np.random.Generator, level: float, fill: float) -> Any:
    """Overwrite a contiguous share of each cell, at a random position."""

    def dropped(cell: NDArray[Any]) -> NDArray[Any]:
        length = round(len(cell) * level)
        start = rng.integers(0, len(cell) - length + 1)
        changed = cell.copy()
        changed[start : start + length] = fill
        return changed

    return as_cells((dropped(cell) for cell in cells), len(cells))


def shuffle_blocks(
    cells: pd.Series[Any], n_steps: int, block: int, rng: np.random.Generator
) -> Any:
    """Rearrange the blocks of each cell.

    Args:
        cells: (rows,) arrays (steps, …).
        n_steps: of the longest cell.
        block: steps that stay together.
        rng: draws the order, which is the same for every row.
    """
    priority = rng.random(-(-n_steps // block))

    def rearranged(cell: NDArray[Any]) -> NDArray[Any]:
        blocks = [cell[start : start + block] for start in range(0, len(cell), block)]
        order = np.argsort(priority[: len(blocks)])
        return np.concatenate([blocks[i] for i in order]) if blocks else cell

    return as_cells((rearranged(cell) for cell in cells), len(cells))


def segments(column: Column) -> Iterator[tuple[str, tuple[slice, ...]]]:
    """Yield the name and the steps of each of eight segments."""
    for number, steps in enumerate(even_slices(column.shape[0], N_SEGMENTS), start=1):
        yield f"{column.name} segment {number}", (steps,)


def length_measure(cells: pd.Series[Any], per: float) -> NDArray[np.float64] | None:
    """Return the length of each cell divided by `per`, NaN where missing; None if all are equal."""
    lengths = np.array([len(cell) or np.nan for cell in cells], dtype=np.float64) / per
    return lengths if len(np.unique(lengths[~np.isnan(lengths)])) > 1 else None


def even_slices(length: int, n: int) -> Iterator[slice]:
    """Cut a length into `n` slices that differ by at most one; fewer where it is shorter."""
    edges = np.arange(min(n, length) + 1) * length // min(n, length)
    for start, stop in pairwise(edges):
        yield slice(int(start), int(stop))
