"""A matrix of numbers as the cells that the network reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.tabular_prior.limits import CELL, GROUP

FARTHEST: Final = 5.0
"""Standard deviations at which a number is cut off."""


@dataclass(frozen=True)
class CellScale:
    """What cells are measured by: the training rows of a table.

    Attributes:
        mean: (columns,) of the known numbers.
        deviation: (columns,) their standard deviation; 1 where there is none.
        sorted: (columns, training rows) in rising order, NaN last.
        n_known: (columns,) how many of them are no NaN.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    sorted: NDArray[np.float64]
    n_known: NDArray[np.int64]

    @classmethod
    def of(cls, matrix: NDArray[np.float64]) -> CellScale:
        """Measure training rows, (rows, columns) with NaN for a missing number."""
        known = ~np.isnan(matrix)
        n_known = known.sum(axis=0)
        divisor = np.maximum(n_known, 1)
        filled = np.where(known, matrix, 0.0)
        mean = filled.sum(axis=0) / divisor
        deviation = np.sqrt((np.where(known, filled - mean, 0.0) ** 2).sum(axis=0) / divisor)
        is_constant = deviation <= 1e-9 * (1 + np.abs(mean))
        return cls(mean, np.where(is_constant, 1.0, deviation), np.sort(matrix.T), n_known)

    def cells(self, matrix: NDArray[np.float64]) -> NDArray[np.float32]:
        """Describe rows, (rows, columns, CELL): of each cell its score, rank and absence.

        The rank is the share of training rows below it, from -1 to 1; missing numbers are zeros.
        """
        missing = np.isnan(matrix)
        score = np.clip((matrix - self.mean) / self.deviation, -FARTHEST, FARTHEST)
        rank = np.column_stack([self._rank(i, column) for i, column in enumerate(matrix.T)])
        described = np.stack([score, rank, missing], axis=-1)
        described[missing, : CELL - 1] = 0.0
        return described.astype(np.float32)

    def _rank(self, position: int, column: NDArray[np.float64]) -> NDArray[np.float64]:
        n_known = int(self.n_known[position])
        known = self.sorted[position, :n_known]
        below = known.searchsorted(column, "left") + known.searchsorted(column, "right")
        rank: NDArray[np.float64] = below / max(n_known, 1) - 1.0
        return rank


def tokens_of(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Group columns: (rows, columns, CELL) as (tokens, rows, GROUP * CELL).

    A column that is left over stands beside zeros.
    """
    n_rows, n_columns, _ = cells.shape
    padded = np.pad(cells, ((0, 0), (0, -n_columns % GROUP), (0, 0)))
    return padded.reshape(n_rows, -1, GROUP * CELL).swapaxes(0, 1)
