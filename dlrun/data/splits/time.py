"""Splits in the order of time: training, then validation, then test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Dataset
from dlrun.data.splits.plan import FoldRows, SplitPlan, split_values, too_few
from dlrun.data.types.datetime import to_datetime
from dlrun.data.types.infer import infer_type
from dlrun.data.types.number import to_number
from dlrun.data.types.written import find_format
from dlrun.errors import DataError


def read_values(values: pd.Series[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return the times, (rows,) datetime64[us] or float64.

    Raises:
        DataError: a value is neither a date nor a number.
    """
    kind = infer_type(values)
    cast = to_number if kind == "number" else to_datetime
    try:
        times: NDArray[Any] = cast(values, find_format(values, kind).format)[rows]
    except DataError as error:
        message = f"a time split needs dates or numbers: {error}"
        raise DataError(message) from error
    return times


def split(dataset: Dataset, plan: SplitPlan, _rng: np.random.Generator) -> Iterator[FoldRows]:
    """Split so that training comes before validation and validation before test.

    Several folds share out the rows, in the order of time, into one block more than there are
    folds: each fold tests on the next block, and trains on all before it (an expanding window).
    The end of what comes before is for validation: its share of all rows in the last fold, and
    proportionally fewer in earlier ones. Rows of the same time stay together.

    Raises:
        DataError: there are too few different times.
    """
    times = split_values(dataset)
    order = np.argsort(times, kind="stable")
    times = times[order]
    test_share = plan.test if plan.folds == 1 else 1 / (plan.folds + 1)
    for blocks_left in range(plan.folds, 0, -1):
        past = 1 - blocks_left * test_share
        train_end = _cut(times, past * (1 - plan.validation / (1 - test_share)))
        test_start = _cut(times, past)
        test_end = _cut(times, past + test_share)
        if not 0 < train_end < test_start < test_end:
            message = too_few("different times", len(np.unique(times)), plan)
            raise DataError(message)
        yield FoldRows(
            np.sort(order[:train_end]),
            np.sort(order[train_end:test_start]),
            np.sort(order[test_start:test_end]),
        )


def _cut(times: NDArray[Any], share: float) -> int:
    """Return the position where this share of the rows ends, moved to where a time begins."""
    end = round(share * len(times))
    return len(times) if end >= len(times) else int(np.searchsorted(times, times[end]))
