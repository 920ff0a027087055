"""Series: (steps, channels) float32, without steps where missing.

They are read from list cells, JSON text or wide sets of columns.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.catalog.notes import CUT_SEQUENCES
from dlrun.contract.dataset import Column
from dlrun.contract.excerpt import ShownCell
from dlrun.contract.note import Note
from dlrun.data.types.decode import CellError, as_cells, for_each, to_array
from dlrun.data.types.image import has_pixels
from dlrun.data.types.number import to_number
from dlrun.data.types.occluded import Occluded, replace_parts
from dlrun.data.types.raw_column import RawColumn
from dlrun.data.types.sequence import (
    N_STRETCHES,
    add_noise,
    drop_segment,
    even_slices,
    is_known,
    length_measure,
    length_range,
    segments,
    show_range,
    shuffle_blocks,
)
from dlrun.recipe.preprocessing import Series

__all__ = ["add_noise", "cast", "describe", "drop_values", "find_shape", "is_known", "measures",
           "occlude", "recognises", "segments", "show", "shuffle_structure", "to_steps",
           "typical"]  # fmt: skip

# A list of numbers in JSON. Possessive: no backtracking through a thousand digits.
LIST: Final = re.compile(r"\[(?:[\s\[\],]|-?\d[\d.eE+-]*+|NaN|null|-?Infinity)*+(?<=\])\s*")
SHOWN_STEPS: Final = 120
SHOWN_CHANNELS: Final = 6
SEPARATE_CHANNELS: Final = 8  # whose stretches are replaced one by one
N_DIMENSIONS: Final = 2  # of several channels


def recognises(raw: RawColumn) -> bool:
    """Return whether the cells are lists of numbers, also in JSON."""
    if isinstance(raw.cell, list | tuple | np.ndarray):
        return not has_pixels(raw.cell)
    return bool(raw.sample) and all(LIST.fullmatch(value) for value in raw.sample)


def find_shape(
    frame: pd.DataFrame, column: Column, _folders: Sequence[Path], settings: Series
) -> tuple[Column, list[Note]]:
    """Find the length and the number of channels.

    `length: auto` is the longest. The number of channels is the most common one.
    """
    if column.parts:
        shapes = [(len(column.parts), 1)]
    else:
        values = frame[column.name]
        shapes = for_each(values, column, (), lambda _, cell: to_steps(cell).shape)
    if not shapes:
        return replace(column, shape=(1, 1)), []
    ((channels, _),) = Counter(channels for _, channels in shapes).most_common(1)
    longest = max(steps for steps, _ in shapes)
    length = max(1, longest) if settings.length == "auto" else settings.length
    cut = sum(steps > length for steps, _ in shapes)
    notes = []
    if cut:
        whose = "all series" if column.parts else f"{cut:,} of {len(shapes):,} series"
        text = (
            f"Column {column.name!r}: {whose} are cut after {length:,} steps "
            "(preprocessing.series.length)."
        )
        notes.append(CUT_SEQUENCES.note(text))
    return replace(column, shape=(length, channels)), notes


def cast(frame: pd.DataFrame, column: Column, _folders: Sequence[Path]) -> NDArray[Any]:
    """Read series, (rows,) cells (steps, channels) float32; without steps where one is missing.

    Series longer than the column's shape are cut; infinite values become NaN.
    """
    if column.parts:
        return _read_wide(frame, column)
    length, channels = column.shape
    values = frame[column.name]
    series = as_cells([np.zeros((0, channels), np.float32)] * len(values), len(values))

    def read(row: int, cell: Any) -> None:
        steps = to_steps(cell)
        if steps.shape[1] != channels:
            message = (
                f"has {steps.shape[1]} channels, but must have {channels}, as a list of channels, "
                "each a list of steps"
            )
            raise CellError(message)
        series[row] = steps[:length]

    for_each(values, column, (), read)
    return series


def to_steps(cell: Any) -> NDArray[np.float32]:
    """Return a list of steps, or of channels with a list of steps each, as (steps, channels).

    Raises:
        CellError: it is neither.
    """
    if isinstance(cell, str):
        cell = _parse(cell)
    if not isinstance(cell, np.ndarray | list | tuple):
        message = "is no list of numbers"
        raise CellError(message)
    array = to_array(cell)
    if array.ndim > N_DIMENSIONS:
        message = f"has the shape {array.shape}, but must be (channels, steps) or (steps,)"
        raise CellError(message)
    steps = np.ascontiguousarray(np.atleast_2d(array).T, dtype=np.float32)
    return np.where(np.isfinite(steps), steps, np.float32(np.nan))


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        message = "is neither a list of numbers nor one in JSON"
        raise CellError(message) from error


def _read_wide(frame: pd.DataFrame, column: Column) -> NDArray[Any]:
    """Read columns as steps; missing values at the end are padding, not steps."""
    length = column.shape[0]
    parts = column.parts[:length]
    matrix = np.empty((len(frame), len(parts), 1), dtype=np.float32)
    for step, part in enumerate(parts):
        matrix[:, step, 0] = to_number(frame[part])
    known = ~np.isnan(matrix[:, ::-1, 0])
    n_steps = np.where(known.any(axis=1), len(parts) - known.argmax(axis=1), 0)
    return as_cells((row[:n] for row, n in zip(matrix, n_steps, strict=True)), len(frame))


# ------------------------------------------------------------------------------- typed series


def describe(column: Column, values: pd.Series[Any]) -> str:
    """Return the range of the lengths, and the number of channels."""
    n_channels = column.shape[1]
    steps = (f"{steps:,}" for steps in length_range(values))
    return f"{show_range(*steps)} steps, {n_channels:,} channel{'s' * (n_channels > 1)}"


def measures(_column: Column, values: pd.Series[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the number of steps unless all are equal, the mean and the standard deviation."""
    lengths = length_measure(values, 1)
    if lengths is not None:
        yield "steps", lengths
    filled = [cell[~np.isnan(cell)].astype(np.float64) for cell in values]
    yield "mean", np.array([cell.mean() if len(cell) else np.nan for cell in filled])
    deviations = [cell.std() if len(cell) else np.nan for cell in filled]
    yield "standard deviation", np.array(deviations)


def show(_column: Column, cell: Any) -> ShownCell:
    """Return at most `SHOWN_STEPS` steps of the first channels, evenly spaced."""
    steps, channels = cell.shape
    places = np.unique(np.linspace(0, max(steps - 1, 0), SHOWN_STEPS).astype(int))[:steps]
    lines = tuple(
        tuple(float(f"{value:.4g}") if value == value else None for value in cell[places, channel])  # noqa: PLR0124
        for channel in range(min(channels, SHOWN_CHANNELS))
    )
    many = f", {channels} channels" if channels > 1 else ""
    return ShownCell("line", f"{steps:,} steps{many}", lines=lines)


def typical(column: Column, values: pd.Series[Any]) -> NDArray[np.float32]:
    """Return the mean of each step and channel; where none is known, that of the channel, or 0."""
    total, count = np.zeros(column.shape), np.zeros(column.shape)
    for cell in values:
        total[: len(cell)] += np.nan_to_num(cell)
        count[: len(cell)] += ~np.isnan(cell)
    means = total.sum(axis=0) / np.maximum(count.sum(axis=0), 1)
    return np.where(count > 0, total / np.maximum(count, 1), means).astype(np.float32)


def occlude(_column: Column, cell: NDArray[np.float32], reference: NDArray[np.float32]) -> Occluded:
    """Replace one stretch of 16 after the other by the reference's, each channel by itself.

    More than eight channels are replaced together; a missing series becomes the reference.
    """
    if not len(cell):
        return Occluded((reference,), (1, 1))
    stretches = [*even_slices(len(cell), N_STRETCHES)]
    n = cell.shape[1]
    channels = [slice(k, k + 1) for k in range(n)] if n <= SEPARATE_CHANNELS else [slice(n)]
    parts = [(steps, channel) for steps in stretches for channel in channels]
    return Occluded(replace_parts(cell, reference, parts), (len(stretches), len(channels)))


def drop_values(values: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
    """Make a contiguous share of each series missing."""
    return drop_segment(values, rng, level, fill=np.nan)


def shuffle_structure(values: pd.Series[Any], column: Column, rng: np.random.Generator) -> Any:
    """Rearrange the steps."""
    return shuffle_blocks(values, column.shape[0], 1, rng)
