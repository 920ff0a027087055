"""Uniform samples of rows that pass by, the same in whatever order they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals


class SampledRows(NamedTuple):
    """Rows of a sample; the key decides which of a part's rows are kept."""

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
    """The rows with the smallest keys, of all that were shown: a uniform sample in any order."""

    most: int
    held: list[SampledRows] = field(default_factory=list)
    n_held: int = 0
    highest: int = 2**64 - 1

    def add(self, rows: SampledRows, shown: NDArray[np.bool_]) -> None:
        """Look at those of the rows that are shown."""
        chosen = np.flatnonzero(shown & (rows.keys <= np.uint64(self.highest)))
        if len(chosen):
            self.held.append(rows.take(chosen))
            self.n_held += len(chosen)
        if self.n_held > 2 * self.most:
            self.held = [self.joined()]
            self.n_held = self.most
            self.highest = int(self.held[0].keys[-1])

    def joined(self) -> SampledRows:
        """Return the sample in the order of its keys; equal rows have equal ones."""
        keys = np.concatenate([rows.keys for rows in self.held])
        order = np.argsort(keys, kind="stable")[: self.most]
        frame = concatenate_frames([rows.frame for rows in self.held])
        y = concatenate([rows.y for rows in self.held])
        ids = np.concatenate([rows.ids for rows in self.held])
        return SampledRows(keys, frame, y, ids).take(order)


def concatenate_frames(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put typed rows one below the other."""
    return pd.DataFrame(
        {name: concatenate([frame[name].array for frame in frames]) for name in frames[0].columns}
    )


def concatenate(pieces: Sequence[Any]) -> Any:
    """Put the values of a column one below the other; the categories are all that there are."""
    if isinstance(pieces[0], pd.Categorical):
        return union_categoricals(list(pieces), sort_categories=True)
    return np.concatenate(pieces)
