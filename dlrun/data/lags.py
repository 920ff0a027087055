"""Lags: earlier values of a column, in the order of time, as columns of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.catalog.tasks import TASKS
from dlrun.contract.dataset import Column, Lag, Target
from dlrun.data.splits.time import read_values
from dlrun.data.types.datetime import to_datetime
from dlrun.data.types.infer import infer_type
from dlrun.errors import DataError
from dlrun.recipe.schema import Recipe
from dlrun.system.text import quoted

TYPES: Final = ("number", "category")  # of columns whose earlier values are features
DAY: Final = 86_400.0  # seconds
PERIODS: Final = (DAY, 7 * DAY, 365.2425 * DAY)
MIN_PERIODS: Final = 3  # that the table covers, so that a season can be compared with another


Rows = NDArray[np.int64]  # (rows,) places


def lag_columns(
    recipe: Recipe, frame: pd.DataFrame, types: Mapping[str, str]
) -> tuple[Column, ...]:
    """Return the columns that `data.lags` asks for, such as `temp_lag_1`.

    Args:
        recipe: whose lags they are.
        frame: the raw table, which has the columns that the recipe names.
        types: column → kind, where it is declared.

    Raises:
        DataError: rows share a time, a column has no earlier value, or another one has its name.
    """
    lags, order = recipe.data.lags, recipe.data.split.column
    if lags is None or order is None:
        return ()
    place = recipe.at("data.lags")
    if (shared := frame[order].dropna().duplicated()).any():
        first = frame[order].dropna()[shared].iloc[0]
        message = (
            f"{place}: an earlier row is defined where every row has a time of its own, but "
            f"{order!r} is {str(first)!r} in several rows. Remove the lags, or aggregate the rows."
        )
        raise DataError(message)
    found = []
    for name in lags.columns:
        kind = types.get(name) or infer_type(frame[name])
        if kind not in TYPES:
            message = f"{place}: {name!r} is of the type {kind}. Lags take {' and '.join(TYPES)}."
            raise DataError(message)
        found += [_lag(name, kind, steps, order) for steps in lags.steps]
    if taken := [column.name for column in found if column.name in frame]:
        message = f"{place}: the table has the columns {quoted(taken)} already. Rename them."
        raise DataError(message)
    if max(lags.steps) >= len(frame):
        message = f"{place}: {len(frame)} rows have no value {max(lags.steps)} rows earlier."
        raise DataError(message)
    return tuple(found)


def history_columns(recipe: Recipe, frame: pd.DataFrame, target: Target) -> tuple[Column, ...]:
    """Return the last value of the target, then those of a day, a week and a year ago.

    There is none unless rows are split by time, every row has a time of its own, and the last
    value of such a target is a prediction.
    """
    split, name = recipe.data.split, target.name
    order = str(split.column)
    if split.method != "time" or not TASKS[target.task].has_history:
        return ()
    if frame[order].isna().any() or frame[order].duplicated().any():
        return ()
    kind = "category" if target.labels else "number"
    steps = [1, *seasons(_times(frame[order]))]
    columns = [_lag(name, kind, n, order) for n in steps]
    return tuple(column for column in columns if column.name not in frame)


def seasons(times: NDArray[Any]) -> list[int]:
    """Return how many rows a day, a week and a year have, where that is two at least.

    By the mean distance of rows, so that five working days make a week. Numbers have no seasons.

    Args:
        times: (rows,) datetime64 or float64, in any order.
    """
    if times.dtype.kind != "M" or len(times) < 2:  # noqa: PLR2004 - a distance needs two
        return []
    spacing = float((times.max() - times.min()) / np.timedelta64(1, "s")) / (len(times) - 1)
    found = [round(period / spacing) for period in PERIODS]
    return [n for n in found if 1 < n <= len(times) / MIN_PERIODS]


def with_lags(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Return raw rows with the earlier values that some of these columns are.

    No row is given a value of its own time or later. A missing value is replaced by the last one
    before it, so that each of several rows without a value gets the last known. A column that the
    rows have already is kept.

    Args:
        frame: raw rows; not changed.
        columns: a model's, or a recipe's.

    Raises:
        DataError: the rows lack the column of values or of times, or have no earlier value.
    """
    lagged = {each.name: each.lag for each in columns if each.lag and each.name not in frame}
    formats = {each.name: each.format for each in columns if each.type == "datetime"}
    orders = {
        name: np.argsort(_times(frame[name], formats.get(name, "")), kind="stable")
        for name in dict.fromkeys(lag.order for lag in lagged.values())
        if name in frame
    }
    added = {name: _earlier(frame, name, lag, orders) for name, lag in lagged.items()}
    return frame.assign(**added) if added else frame


def _earlier(frame: pd.DataFrame, name: str, lag: Lag, orders: Mapping[str, Rows]) -> Any:
    """Return the earlier values of a column; the orders are the rows by ascending time."""
    absent = [each for each in (lag.order, lag.of) if each not in frame]
    values = None if absent else _shifted(frame[lag.of], lag.steps, orders[lag.order])
    if values is None or values.isna().all():
        lack = f"lack {quoted(absent)}" if absent else "hold no value so much earlier"
        rows = f"{lag.steps} row{'s' * (lag.steps > 1)}"
        message = (
            f"{name!r} is the value of {lag.of!r} {rows} earlier, by {lag.order!r}, and the rows "
            f"{lack}. Put the {rows} before those to predict into the table too, or a column "
            f"{name!r}."
        )
        raise DataError(message)
    return values.array


def _shifted(values: pd.Series[Any], steps: int, order: Rows) -> pd.Series[Any]:
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return values.iloc[order].ffill().shift(steps).iloc[place]


def _times(values: pd.Series[Any], form: str = "") -> NDArray[Any]:
    """Return the times, dates by the format of their column where it has one."""
    if form:
        return to_datetime(values, form)
    return read_values(values, np.arange(len(values)))


def _lag(name: str, kind: str, steps: int, order: str) -> Column:
    return Column(f"{name}_lag_{steps}", kind, lag=Lag(name, steps, order))
