"""Splits that the data brings: train and test rows, perhaps validation rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Dataset
from dlrun.data.splits.plan import SUBSETS, FoldRows, SplitPlan, n_rows_of, split_values
from dlrun.data.splits.stratify import draw_spare, strata_of
from dlrun.data.types.category import to_category
from dlrun.errors import DataError
from dlrun.system.text import listed

# Names of columns' values, folders and arrays, with the subsets that they mean.
SUBSET_NAMES: Final = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}


def read_values(values: pd.Series[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return "train", "validation" or "test", (rows,) str.

    Raises:
        DataError: a value names no subset.
    """
    names = np.asarray(to_category(values))[rows]
    found = pd.unique(names).tolist()
    unknown = sorted(name for name in found if name.strip().lower() not in SUBSET_NAMES)
    if unknown:
        message = (
            f"{listed(map(repr, unknown), 5)} is no part of the data. Allowed: {', '.join(SUBSETS)}"
        )
        raise DataError(message)
    meant = {name: SUBSET_NAMES[name.strip().lower()] for name in found}
    return pd.Series(names).map(meant).to_numpy(dtype=object)


def split(dataset: Dataset, plan: SplitPlan, rng: np.random.Generator) -> Iterator[FoldRows]:
    """Keep the subsets that the data brings; without validation rows, draw some from training.

    They are their share of the training rows, so that a large test part leaves those as they are.

    Raises:
        DataError: there are no training or no test rows.
    """
    names = split_values(dataset)
    train, validation, test = (np.flatnonzero(names == subset) for subset in SUBSETS)
    for subset, rows in (("train", train), ("test", test)):
        if len(rows) == 0:
            message = f"no row belongs to the part {subset!r}."
            raise DataError(message)
    if len(validation) == 0:
        wanted = min(n_rows_of(plan.validation, len(train)), len(train) // 2)
        drawn = draw_spare(strata_of(dataset.y, dataset.target)[train], wanted, rng)
        train, validation = np.sort(np.delete(train, drawn)), np.sort(train[drawn])
        yield FoldRows(train, validation, test, is_refit=True)
        return
    yield FoldRows(train, validation, test)
