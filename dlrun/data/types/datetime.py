"""Dates and times: datetime64[us], naive UTC, NaT where missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from dlrun.contract.dataset import Column
from dlrun.data.types.raw_column import RawColumn
from dlrun.data.types.scalars import canonical, drop_values, is_known, measures, refuse_unread, show

__all__ = ["add_noise", "canonical", "cast", "describe", "drop_values", "is_known", "measures",
           "recognises", "show", "to_datetime"]  # fmt: skip

INFERRED: Final = frozenset({"date", "datetime", "datetime64"})
ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}(:?\d{2}(:?\d{2}([.,]\d+)?)?)?)?.{0,6}")


def recognises(raw: RawColumn) -> bool:
    """Return whether all values are dates, or strings that are ISO dates."""
    if raw.inferred in INFERRED:
        return True
    is_pattern = bool(raw.sample) and all(ISO_DATE.fullmatch(value) for value in raw.sample)
    return is_pattern and bool(_parse(raw.strings).notna().all())


def cast(frame: pd.DataFrame, column: Column, _folders: Sequence[Path]) -> NDArray[np.datetime64]:
    """Return the column as dates, (rows,) (see `to_datetime`)."""
    return to_datetime(frame[column.name])


def to_datetime(values: pd.Series[Any]) -> NDArray[np.datetime64]:
    """Return the values as (rows,) datetime64[us], naive UTC.

    Raises:
        DataError: a value is not a date.
    """
    times = values
    if not types.is_datetime64_any_dtype(values.dtype):
        times = _parse(values)
        advice = "Write dates as 2013-01-31 or 2013-01-31 09:30:00."
        refuse_unread(values, times.isna(), "datetime", advice)
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    return times.astype("datetime64[us]").to_numpy()


def _parse(values: Any) -> pd.Series[Any]:
    """Return ISO dates as UTC; NaT for any other value."""
    if types.is_numeric_dtype(values.dtype):
        values = values.where(values.isna())  # a number is no date
    parsed: pd.Series[Any] = pd.to_datetime(
        values.astype(object), format="ISO8601", errors="coerce", utc=True
    )
    return parsed


def describe(_column: Column, values: pd.Series[Any]) -> str:
    """Return the first and the last date."""
    return f"{values.min()} … {values.max()}"


def add_noise(values: pd.Series[Any], _rng: np.random.Generator, _level: float) -> Any:
    """Return the dates as they are: they have no noise."""
    return values
