"""Typed columns of a table as a matrix of numbers, by what its training rows hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Column

EPOCH: Final = np.datetime64(0, "D")
DAY: Final = np.timedelta64(1, "D")
LEAST_VARIATION: Final = 1e-12


@dataclass(frozen=True)
class MatrixReader:
    """Columns of numbers, categories and dates as numbers, NaN where a value is missing.

    Categories count from 0 in the order of their frequency; one that no training row has is
    missing. Dates are days.

    Attributes:
        columns: that are read.
        values: category column → its values, the most frequent first.
    """

    columns: tuple[Column, ...]
    values: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, columns: Sequence[Column], frame: pd.DataFrame) -> Self:
        """Find the categories of training rows."""
        categories = [column.name for column in columns if column.type == "category"]
        counts = {name: frame[name].value_counts() for name in categories}
        values = {name: tuple(counts[name].index[counts[name] > 0]) for name in categories}
        return cls(tuple(columns), values)

    def read(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Return rows as numbers, (rows, columns) float64."""
        return np.column_stack([self._numbers(column, frame) for column in self.columns])

    def only(self, positions: NDArray[np.int64]) -> Self:
        """Return a reader of the columns at these positions."""
        return replace(self, columns=tuple(self.columns[place] for place in positions))

    def _numbers(self, column: Column, frame: pd.DataFrame) -> NDArray[np.float64]:
        cells: Any = frame[column.name]
        if column.type == "category":
            codes = pd.Index(self.values[column.name]).get_indexer(cells.astype(object))
            return np.where(codes < 0, np.nan, codes)
        if column.type == "datetime":
            days = (cells.to_numpy() - EPOCH) / DAY
            return np.where(cells.isna(), np.nan, days)
        return cells.to_numpy(dtype=np.float64)  # type: ignore[no-any-return]


def most_telling(
    matrix: NDArray[np.float64], y: NDArray[np.int64], n_columns: int
) -> NDArray[np.int64]:
    """Return the columns whose means differ most between classes, ascending: by the F statistic.

    Args:
        matrix: (rows, columns), NaN where a value is missing.
        y: (rows,) classes.
        n_columns: how many.
    """
    known = ~np.isnan(matrix)
    mean = np.where(known, matrix, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, matrix - mean, 0.0)
    of_class = [centred[y == each] for each in np.unique(y)]
    between = np.sum([len(rows) * rows.mean(axis=0) ** 2 for rows in of_class], axis=0)
    share = between / np.maximum((centred**2).sum(axis=0), LEAST_VARIATION)
    chosen: NDArray[np.int64] = np.sort(np.argsort(-share, kind="stable")[:n_columns])
    return chosen
