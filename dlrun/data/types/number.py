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
from dlrun.data.types.numerals import parse_numerals
from dlrun.data.types.raw_column import RawColumn
from dlrun.data.types.scalars import (
    canonical,
    drop_values,
    hide_markers,
    is_known,
    measures,
    occlude,
    refuse_unread,
    show,
)
from dlrun.data.types.writing import Written

__all__ = ["add_noise", "canonical", "cast", "describe", "drop_values", "find_format", "is_known",
           "measures", "occlude", "recognises", "show", "to_number", "typical"]  # fmt: skip

EXACT: Final = 2**53  # up to here every whole number has a float64 of its own
ADVICE: Final = "Leave the cell empty where it is missing, or list what stands there in data.na."
INFERRED: Final = frozenset(
    {
        "integer", "floating", "complex", "mixed-integer-float", "decimal", "timedelta",
        "timedelta64", "empty",
    }
)  # fmt: skip


def recognises(raw: RawColumn) -> bool:
    """Return whether all values are numbers or durations, or all are missing.

    Whole numbers that are equal as float64 only, as long identifiers are, are none; texts are if
    they are numbers with separators or signs, or with markers of missing values between them.
    """
    if raw.inferred in INFERRED:
        return not _are_merged(raw.present)
    return raw.numbers is not None and raw.numbers.is_certain


def _are_merged(values: pd.Series[Any]) -> bool:
    """Return whether different whole numbers are equal as float64."""
    if not types.is_integer_dtype(values.dtype) or values.empty:
        return False
    if max(abs(int(values.min())), abs(int(values.max()))) <= EXACT:
        return False
    return bool(values.astype("float64").nunique() < values.nunique())


def find_format(
    raw: RawColumn, column: Column, *, is_declared: bool
) -> tuple[Column, Written | None]:
    """Return the column with its decimal mark and the texts that count as missing.

    Args:
        raw: its values.
        column: of this kind.
        is_declared: the recipe sets the kind; then every text must be a number.
    """
    written = raw.numbers
    if written is None:
        return column, None
    return written.applied_to(column, is_declared=is_declared), written


def cast(frame: pd.DataFrame, column: Column, _folders: Sequence[Path]) -> NDArray[np.float64]:
    """Return the column as numbers, (rows,) (see `to_number`)."""
    return to_number(frame[column.name], column.format)


def to_number(values: pd.Series[Any], decimal: str = "") -> NDArray[np.float64]:
    """Return the values as (rows,) float64; missing and infinite ones are NaN.

    Args:
        values: raw cells.
        decimal: the decimal mark of texts that have separators or signs; empty for plain ones.

    Raises:
        DataError: a value is not a number.
    """
    if types.is_timedelta64_dtype(values.dtype):
        values = values.dt.total_seconds()
    elif not types.is_numeric_dtype(values.dtype):
        values = hide_markers(values)
        read = (
            parse_numerals(values, decimal)
            if decimal
            else pd.to_numeric(values.astype(object), errors="coerce")
        )
        refuse_unread(values, read.isna(), "number", ADVICE)
        values = read
    is_plain = values.dtype == np.float64
    numbers = values.to_numpy() if is_plain else values.to_numpy(np.float64, na_value=np.nan)
    infinite = np.isinf(numbers)
    return np.where(infinite, np.nan, numbers) if infinite.any() else numbers


def count_infinite(values: pd.Series[Any]) -> int:
    """Count the infinite numbers among raw values."""
    if types.is_timedelta64_dtype(values.dtype) or types.is_integer_dtype(values.dtype):
        return 0
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return int(np.isinf(numbers).sum())


def describe(_column: Column, values: pd.Series[Any]) -> str:
    """Return the range of the values."""
    return f"{values.min():g} … {values.max():g}"


def typical(_column: Column, values: pd.Series[Any]) -> float:
    """Return the median; NaN where all are missing."""
    return float(values.median())


def add_noise(values: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
    """Add normal noise of `level` standard deviations of the values."""
    return values + rng.normal(0, 1, len(values)) * (values.std(ddof=0) * level)
