"""Rows in the order of time: the column that says so, and a warning where a split ignores it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from dlrun.catalog.notes import RANDOM_OVER_TIME
from dlrun.catalog.splits import SPLIT_METHODS
from dlrun.contract.dataset import Column, Dataset
from dlrun.contract.note import Note
from dlrun.recipe.schema import Recipe

MIN_TIMES: Final = 10
NUMBER_NAMES: Final = ("year", "date", "timestamp")  # of numbers that are times, in any case
IRREGULARITY: Final = 0.1  # of the mean distance from the median one


def time_column(dataset: Dataset) -> str | None:
    """Return the first column by whose times the rows are ordered.

    Its times are dates, or numbers of such a name; none is missing, and the rows are sorted by
    them, upward or downward, or each row is one step of a regular series, in whatever order.
    """
    names = (column.name for column in dataset.columns if _may_be_time(column))
    return next((name for name in names if _is_ordered(dataset.frame[name])), None)


def unordered_split_warnings(recipe: Recipe, dataset: Dataset) -> Iterator[Note]:
    """Yield a warning where rows in the order of time are split at random."""
    method = SPLIT_METHODS.get(recipe.data.split.method or "")
    is_chosen = method is not None and method.needs_column
    if is_chosen or dataset.split_values is not None or dataset.stream:
        return
    if name := time_column(dataset):
        yield RANDOM_OVER_TIME.note(
            f"Column {name!r} orders the rows in time, but the split is random: candidates learn "
            "from the future of their test rows, and new rows will be later than all of them. "
            f"Set data.split: {{method: time, column: {name}}}, unless time does not matter here."
        )


def _may_be_time(column: Column) -> bool:
    return column.type == "datetime" or (
        column.type == "number" and column.name.casefold() in NUMBER_NAMES
    )


def _is_ordered(times: pd.Series[Any]) -> bool:
    if times.isna().any() or times.nunique() < MIN_TIMES:
        return False
    if times.is_monotonic_increasing or times.is_monotonic_decreasing:
        return True
    steps = np.diff(np.sort(times.to_numpy())).astype(np.float64)
    distance = abs(steps.mean() - np.median(steps))
    return bool(steps.min() > 0 and distance <= IRREGULARITY * steps.mean())
