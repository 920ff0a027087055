"""Numbers: float64, NaN where missing."""

from __future__ import annotations

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
           "recognises", "show", "to_number"]  # fmt: skip

INFERRED: Final = frozenset(
    {
        "integer", "floating", "complex", "mixed-integer-float", "decimal", "timedelta",
        "timedelta64", "empty",
    }
)  # fmt: skip


def recognises(raw: RawColumn) -> bool:
    """Return whether all values are numbers or durations, or all are missing."""
    return raw.inferred in INFERRED


def cast(frame: pd.DataFrame, column: Column, _folders: Sequence[Path]) -> NDArray[np.float64]:
    """Return the column as numbers, (rows,) (see `to_number`)."""
    return to_number(frame[column.name])


def to_number(values: pd.Series[Any]) -> NDArray[np.float64]:
    """Return the values as (rows,) float64; missing and infinite ones are NaN.

    Raises:
        DataError: a value is not a number.
    """
    if types.is_timedelta64_dtype(values.dtype):
        values = values.dt.total_seconds()
    elif not types.is_numeric_dtype(values.dtype):
        read = pd.to_numeric(values.astype(object), errors="coerce")
        refuse_unread(values, read.isna(), "number", "Leave the cell empty where it is missing.")
        values = read
    is_plain = values.dtype == np.float64
    numbers = values.to_numpy() if is_plain else values.to_numpy(np.float64, na_value=np.nan)
    infinite = np.isinf(numbers)
    return np.where(infinite, np.nan, numbers) if infinite.any() else numbers


def describe(_column: Column, values: pd.Series[Any]) -> str:
    """Return the range of the values."""
    return f"{values.min():g} … {values.max():g}"


def add_noise(values: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
    """Add normal noise of `level` standard deviations of the values."""
    return values + rng.normal(0, 1, len(values)) * (values.std(ddof=0) * level)
