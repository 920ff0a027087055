"""Dates and times: datetime64[us], naive UTC, NaT where missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from dlrun.contract.dataset import Column
from dlrun.data.types.date_formats import parse_dates
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
           "measures", "occlude", "recognises", "show", "to_datetime", "typical"]  # fmt: skip

INFERRED: Final = frozenset({"date", "datetime", "datetime64"})
ISO_ADVICE: Final = "Write dates as 2013-01-31 or 2013-01-31 09:30:00."


def recognises(raw: RawColumn) -> bool:
    """Return whether all values are dates, or texts of one format of dates."""
    return raw.inferred in INFERRED or (raw.dates is not None and raw.dates.is_certain)


def find_format(
    raw: RawColumn, column: Column, *, is_declared: bool
) -> tuple[Column, Written | None]:
    """Return the column with the format of its texts, and what counts as missing.

    Args:
        raw: its values.
        column: of this kind; a format that it has is kept.
        is_declared: the recipe sets the kind; then every text must be a date.
    """
    written = None if column.format else raw.dates
    if written is None:
        return column, None
    return written.applied_to(column, is_declared=is_declared), written


def cast(frame: pd.DataFrame, column: Column, _folders: Sequence[Path]) -> NDArray[np.datetime64]:
    """Return the column as dates, (rows,) (see `to_datetime`)."""
    return to_datetime(frame[column.name], column.format)


def to_datetime(values: pd.Series[Any], name: str = "") -> NDArray[np.datetime64]:
    """Return the values as (rows,) datetime64[us], naive UTC.

    Args:
        values: raw cells.
        name: the format of texts, as in `strptime`; empty for ISO dates.

    Raises:
        DataError: a value is not a date.
    """
    times = values
    if not types.is_datetime64_any_dtype(values.dtype):
        shown = hide_markers(values)
        times = parse_dates(shown, name)
        advice = f"Write dates as {name} (data.features)." if name else ISO_ADVICE
        refuse_unread(shown, times.isna(), "datetime", advice)
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    return times.astype("datetime64[us]").to_numpy()


def describe(_column: Column, values: pd.Series[Any]) -> str:
    """Return the first and the last date."""
    return f"{values.min()} … {values.max()}"


def typical(_column: Column, values: pd.Series[Any]) -> Any:
    """Return the median, of two the earlier; NaT where all are missing."""
    return values.quantile(0.5, interpolation="lower")


def add_noise(values: pd.Series[Any], _rng: np.random.Generator, _level: float) -> Any:
    """Return the dates as they are: they have no noise."""
    return values
