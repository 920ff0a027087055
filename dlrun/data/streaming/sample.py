"""Uniform samples of a stream of rows, independent of their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.contract.dataset import Column
from dlrun.data.types.decode import as_cells

SLACK: Final = 1.25  # times as many bytes as are in the sample may be held before it is cut


class SampledRows(NamedTuple):
    """Rows of a sample.

    Attributes:
        keys: (rows,) the rows with the smallest ones are the sample.
        y: (rows,) a Categorical of labels, or float64 values.
        ids: (rows,) their numbers in the source.
        n_bytes: (rows,) of their decoded images, sounds and texts.
    """

    keys: NDArray[np.uint64]
    frame: pd.DataFrame
    y: Any
    ids: NDArray[np.int64]
    n_bytes: NDArray[np.int64]

    def take(self, rows: NDArray[Any]) -> SampledRows:
        """Return some of the rows."""
        frame = self.frame.iloc[rows].reset_index(drop=True)
        for name in frame.columns[frame.dtypes == "category"]:
            frame[name] = frame[name].cat.remove_unused_categories()
        return SampledRows(self.keys[rows], frame, self.y[rows], self.ids[rows], self.n_bytes[rows])


@dataclass
class BottomKSample:
    """The rows with the smallest hashes (keys): a uniform sample, whatever the order.

    Attributes:
        size: rows of the sample, at most.
        max_bytes: of its decoded images, sounds and texts.
        kept: candidates for the sample.
        n_kept: rows of these, between `size` and twice as many.
        bytes_kept: of these, at most `SLACK` times `max_bytes`.
        max_key: rows with larger keys are not in the sample.
    """

    size: int
    max_bytes: int
    kept: list[SampledRows] = field(default_factory=list)
    n_kept: int = 0
    bytes_kept: int = 0
    max_key: int = 2**64 - 1

    def add(self, rows: SampledRows, is_eligible: NDArray[np.bool_]) -> None:
        """Add the eligible ones of some rows."""
        chosen = np.flatnonzero(is_eligible & (rows.keys <= np.uint64(self.max_key)))
        if len(chosen):
            self._keep(_owned(rows.take(chosen)))
        if self.n_kept > 2 * self.size or self.bytes_kept > SLACK * self.max_bytes:
            best, self.max_key = self._best()
            self.kept, self.n_kept, self.bytes_kept = [], 0, 0
            self._keep(best)

    def _keep(self, rows: SampledRows) -> None:
        self.kept.append(rows)
        self.n_kept += len(rows.keys)
        self.bytes_kept += int(rows.n_bytes.sum())

    def rows(self) -> SampledRows:
        """Return the sample in the order of its keys."""
        return self._best()[0]

    def _best(self) -> tuple[SampledRows, int]:
        """Return the sample of the rows that are kept, and the first key that is not in it."""
        keys, ids, n_bytes = (
            np.concatenate([getattr(rows, name) for rows in self.kept])
            for name in ("keys", "ids", "n_bytes")
        )
        order = np.argsort(keys, kind="stable")
        fitting = np.searchsorted(np.cumsum(n_bytes[order]), self.max_bytes, "right")
        n_rows = min(self.size, max(1, int(fitting)))
        next_key = int(keys[order[n_rows]]) if n_rows < len(order) else self.max_key
        frame = concatenate_frames([rows.frame for rows in self.kept])
        y = concatenate([rows.y for rows in self.kept])
        return SampledRows(keys, frame, y, ids, n_bytes).take(order[:n_rows]), next_key


def _owned(rows: SampledRows) -> SampledRows:
    """Return the rows with copies of their arrays, which are views of all arrays of a batch."""
    for name, values in rows.frame.items():
        if rows.n_bytes.any() and isinstance(values.iloc[0], np.ndarray):
            rows.frame[name] = as_cells((cell.copy() for cell in values), len(values))
    return rows


def count_bytes(frame: pd.DataFrame, columns: Sequence[Column]) -> NDArray[np.int64]:
    """Count the bytes of each row's arrays and texts, (rows,)."""
    counts = np.zeros(len(frame), np.int64)
    for column in columns:
        kind, values = COLUMN_KINDS[column.type], frame[column.name]
        if kind.is_array:
            counts += [cell.nbytes for cell in values]
        elif not kind.is_grouped:
            counts += [len(text) for text in values]
    return counts


def concatenate_frames(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate typed rows."""
    return pd.DataFrame(
        {name: concatenate([frame[name].array for frame in frames]) for name in frames[0].columns}
    )


def concatenate(pieces: Sequence[Any]) -> Any:
    """Concatenate the values of a column; categories become their union."""
    if isinstance(pieces[0], pd.Categorical):
        return union_categoricals(list(pieces), sort_categories=True)
    return np.concatenate(pieces)
