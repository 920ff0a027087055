"""Splits in the order of time: training, then validation, then test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Column, Dataset
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
    return cast_times(values, infer_times(values))[rows]


def infer_times(values: pd.Series[Any]) -> Column:
    """Find whether times are numbers or dates, and how their texts are written."""
    return find_format(values, infer_type(values))


def cast_times(values: pd.Series[Any], column: Column) -> NDArray[Any]:
    """Return the times of all rows, (rows,) datetime64[us] or float64.

    Raises:
        DataError: a value is neither a date nor a number.
    """
    cast = to_number if column.type == "number" else to_datetime
    try:
        times: NDArray[Any] = cast(values, column.format)
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
    for blocks_left in range(plan.folds, 0, -1):
        train, past = past_shares(plan, blocks_left)
        train_end = _cut(times, train)
        test_start = _cut(times, past)
        test_end = _cut(times, past + _test_share(plan))
        if not 0 < train_end < test_start < test_end:
            message = too_few("different times", len(np.unique(times)), plan)
            raise DataError(message)
        yield FoldRows(
            np.sort(order[:train_end]),
            np.sort(order[train_end:test_start]),
            np.sort(order[test_start:test_end]),
        )


def past_shares(plan: SplitPlan, blocks_left: int = 1) -> tuple[float, float]:
    """Return the shares of all rows before the validation part, and before the test part."""
    test_share = _test_share(plan)
    past = 1 - blocks_left * test_share
    return past * (1 - plan.validation / (1 - test_share)), past


def _test_share(plan: SplitPlan) -> float:
    return plan.test if plan.folds == 1 else 1 / (plan.folds + 1)


def _cut(times: NDArray[Any], share: float) -> int:
    """Return the position where this share of the rows ends, moved to where a time begins."""
    end = round(share * len(times))
    return len(times) if end >= len(times) else int(np.searchsorted(times, times[end]))
