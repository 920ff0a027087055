"""Uniform samples of a stream of rows, independent of their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals


class SampledRows(NamedTuple):
    """Rows of a sample.

    Attributes:
        keys: (rows,) the rows with the smallest ones are the sample.
        y: (rows,) a Categorical of labels, or float64 values.
        ids: (rows,) their numbers in the source.
    """

    keys: NDArray[np.uint64]
    frame: pd.DataFrame
    y: Any
    ids: NDArray[np.int64]

    def take(self, rows: NDArray[Any]) -> SampledRows:
        """Return some of the rows."""
        frame = self.frame.iloc[rows].reset_index(drop=True)
        for name in frame.columns[frame.dtypes == "category"]:
            frame[name] = frame[name].cat.remove_unused_categories()
        return SampledRows(self.keys[rows], frame, self.y[rows], self.ids[rows])


@dataclass
class BottomKSample:
    """The rows with the smallest hashes (keys): a uniform sample, whatever the order.

    Attributes:
        size: of the sample.
        kept: candidates for the sample; between `size` and twice as many rows.
        max_key: rows with larger keys are not in the sample.
    """

    size: int
    kept: list[SampledRows] = field(default_factory=list)
    n_kept: int = 0
    max_key: int = 2**64 - 1

    def add(self, rows: SampledRows, is_eligible: NDArray[np.bool_]) -> None:
        """Add the eligible ones of some rows."""
        chosen = np.flatnonzero(is_eligible & (rows.keys <= np.uint64(self.max_key)))
        if len(chosen):
            self.kept.append(rows.take(chosen))
            self.n_kept += len(chosen)
        if self.n_kept > 2 * self.size:
            self.kept = [self.rows()]
            self.n_kept = self.size
            self.max_key = int(self.kept[0].keys[-1])

    def rows(self) -> SampledRows:
        """Return the sample in the order of its keys."""
        keys = np.concatenate([rows.keys for rows in self.kept])
        order = np.argsort(keys, kind="stable")[: self.size]
        frame = concatenate_frames([rows.frame for rows in self.kept])
        y = concatenate([rows.y for rows in self.kept])
        ids = np.concatenate([rows.ids for rows in self.kept])
        return SampledRows(keys, frame, y, ids).take(order)


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
