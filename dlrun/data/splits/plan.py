"""What a split method is asked for, and what it returns for each fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Dataset
from dlrun.data.splits.stratify import RowPositions

SUBSETS: Final = ("train", "validation", "test")


class FoldRows(NamedTuple):
    """Row positions of one fold, ascending; `is_refit` as in `Split`."""

    train: RowPositions
    validation: RowPositions
    test: RowPositions
    is_refit: bool = False


@dataclass(frozen=True)
class SplitPlan:
    """The folds to make.

    Attributes:
        folds: how many.
        test: share of all rows in the test part of a single fold.
        validation: share of all rows in the validation part.
    """

    folds: int
    test: float
    validation: float

    @property
    def test_share(self) -> float:
        """Return the share of all rows in the test part of each fold."""
        return self.test if self.folds == 1 else 1 / self.folds


def split_values(dataset: Dataset) -> NDArray[Any]:
    """Return the values of the split column, (rows,)."""
    if dataset.split_values is None:
        message = "this split needs a column, but the dataset was read without one"
        raise ValueError(message)
    return dataset.split_values


def n_rows_of(share: float, n_rows: int) -> int:
    """Return a share of the rows, at least one."""
    return max(1, round(n_rows * share))


def others(n_rows: int, rows: RowPositions) -> RowPositions:
    """Return the positions of all other rows."""
    return np.delete(np.arange(n_rows), rows)


def too_few(what: str, n: int, plan: SplitPlan) -> str:
    """Return the message that there are too few groups or times."""
    folds = f"{plan.folds} folds, each" if plan.folds > 1 else "one split"
    return (
        f"the number of {what}, {n}, is too small for {folds} with a training, a validation and "
        "a test part."
    )
