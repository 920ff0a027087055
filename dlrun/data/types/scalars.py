"""Numbers, dates and categories: raw values made to conform to their type."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from dlrun.contract.dataset import ColumnType
from dlrun.errors import DataError

WHOLE: Final = re.compile(r"(-?\d+)\.0+")
TRUTHS: Final = {"true": "True", "false": "False"}


def to_number(values: pd.Series[Any]) -> NDArray[np.float64]:
    """Return the values as (rows,) float64; missing and infinite ones are NaN.

    Raises:
        DataError: a value is not a number.
    """
    if types.is_timedelta64_dtype(values.dtype):
        values = values.dt.total_seconds()
    elif not types.is_numeric_dtype(values.dtype):
        read = pd.to_numeric(values.astype(object), errors="coerce")
        _refuse(values, read.isna(), "number", "Leave the cell empty where it is missing.")
        values = read
    is_plain = values.dtype == np.float64
    numbers = values.to_numpy() if is_plain else values.to_numpy(np.float64, na_value=np.nan)
    infinite = np.isinf(numbers)
    return np.where(infinite, np.nan, numbers) if infinite.any() else numbers


def to_datetime(values: pd.Series[Any]) -> NDArray[np.datetime64]:
    """Return the values as (rows,) datetime64[us], naive UTC.

    Raises:
        DataError: a value is not a date.
    """
    times = values
    if not types.is_datetime64_any_dtype(values.dtype):
        times = parse_dates(values)
        advice = "Write dates as 2013-01-31 or 2013-01-31 09:30:00."
        _refuse(values, times.isna(), "datetime", advice)
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    return times.astype("datetime64[us]").to_numpy()


def to_category(values: pd.Series[Any]) -> pd.Categorical:
    """Return the values as a Categorical of str, its categories sorted (see `category_name`).

    Raises:
        DataError: a value is a list or the like.
    """
    try:
        codes, found = pd.factorize(values)
    except TypeError:  # a list has no hash
        lists = values.map(types.is_list_like)
        _refuse(values, lists, "category", "Write one value in each cell.")
        raise
    names, places = np.unique(
        np.array([category_name(value) for value in found.tolist()], dtype=object),
        return_inverse=True,
    )
    merged = np.append(places, -1)[codes]  # code -1, missing, takes the appended last place
    return pd.Categorical.from_codes(merged, categories=pd.Index(names, dtype="str"))


def category_name(value: object) -> str:
    """Write a category the same way whatever file it came from.

    True and "true" are "True"; 3, 3.0 and "3.0" are "3"; 2.5 is "2.5"; "007" stays "007".
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    whole = WHOLE.fullmatch(text)
    return whole[1] if whole else TRUTHS.get(text.lower(), text)


def parse_dates(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return ISO dates as UTC; NaT where a value is none."""
    if types.is_numeric_dtype(values.dtype):
        values = values.where(values.isna())  # a number is no date
    return pd.to_datetime(values.astype(object), format="ISO8601", errors="coerce", utc=True)


def _refuse(values: pd.Series[Any], unread: pd.Series[bool], kind: ColumnType, advice: str) -> None:
    """Raise an error on the first value that is there but could not be read."""
    rows = np.flatnonzero(unread & values.notna())
    if len(rows):
        others = f" ({len(rows)} such rows in all)" if len(rows) > 1 else ""
        message = (
            f"column {values.name!r} is of type {kind}, but row {values.index[rows[0]] + 1} holds "
            f"{str(values.iloc[rows[0]])!r}{others}. {advice}"
        )
        raise DataError(message)
