"""Column types: inferred from what a column holds, and raw rows made to conform to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from dlrun.contract import Column, ColumnType
from dlrun.data.wording import listed, quoted
from dlrun.errors import DataError

SAMPLE: Final = 1000  # strings that are looked at to tell text, dates and paths from categories
WORDS: Final = 4  # more words than this, in most rows, and mostly unique: text
MOSTLY: Final = 0.5

ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}(:?\d{2}(:?\d{2}([.,]\d+)?)?)?)?.{0,6}")
PATHS: Final[tuple[tuple[ColumnType, re.Pattern[str]], ...]] = (
    ("image", re.compile(r".+\.(png|jpe?g|gif|bmp|webp|tiff?)", re.IGNORECASE)),
    ("audio", re.compile(r".+\.(wav|flac|ogg|mp3)", re.IGNORECASE)),
    ("text", re.compile(r".+\.txt", re.IGNORECASE)),
)
# What pandas says of objects that are no strings; of anything else: a category.
OBJECTS: Final[Mapping[str, ColumnType]] = MappingProxyType(
    {
        "integer": "number", "floating": "number", "mixed-integer-float": "number",
        "decimal": "number", "timedelta": "number", "timedelta64": "number",
        "date": "datetime", "datetime": "datetime", "datetime64": "datetime",
        "bytes": "image",
    }
)  # fmt: skip
WHOLE: Final = re.compile(r"(-?\d+)\.0+")
TRUTHS: Final = {"true": "True", "false": "False"}


def infer_columns(
    frame: pd.DataFrame, declared: Mapping[str, ColumnType] = MappingProxyType({})
) -> tuple[Column, ...]:
    """Give every column of a raw table a type: the declared one, else the inferred one."""
    return tuple(
        Column(str(name), declared.get(str(name)) or infer_type(frame[name])) for name in frame
    )


def infer_type(values: pd.Series[Any]) -> ColumnType:
    """Infer the type of a raw column.

    Numbers and durations are numbers, however few values they take; booleans are categories.
    Strings are dates if all of them are ISO dates, text if they are mostly unique and most have
    more than four words, else categories, even where they could be read as numbers.
    """
    kind = _type_of_dtype(values.dtype)
    if kind is not None:
        return kind
    present = values.dropna()
    if present.empty:
        return "number"
    if isinstance(present.iloc[0], list | tuple | dict | np.ndarray):
        return "series"
    found = types.infer_dtype(present)
    return _type_of_strings(present) if found == "string" else OBJECTS.get(found, "category")


def _type_of_dtype(dtype: Any) -> ColumnType | None:
    """Return the type where the dtype tells it: not for strings and objects."""
    if isinstance(dtype, pd.CategoricalDtype) or types.is_bool_dtype(dtype):
        return "category"
    if types.is_numeric_dtype(dtype) or types.is_timedelta64_dtype(dtype):
        return "number"
    return "datetime" if types.is_datetime64_any_dtype(dtype) else None


def _type_of_strings(present: pd.Series[Any]) -> ColumnType:
    sample = present.iloc[:: max(1, len(present) // SAMPLE)].tolist()
    if all(ISO_DATE.fullmatch(value) for value in sample):
        return "datetime" if _parse_dates(present).notna().all() else "category"
    for kind, pattern in PATHS:
        if all(pattern.fullmatch(value) for value in sample):
            return kind
    is_prose = np.median([len(value.split()) for value in sample]) > WORDS
    return "text" if is_prose and present.nunique() > MOSTLY * len(present) else "category"


def conform(frame: pd.DataFrame, columns: Sequence[Column], folder: Path = Path()) -> pd.DataFrame:
    """Make raw rows the typed columns that candidates take; other columns are left out.

    Columns have the dtypes that `Column` documents; infinite numbers become missing. The rows
    given are not changed.

    Args:
        frame: raw rows, as read from a file or handed in by a user.
        columns: the columns to make.
        folder: where relative paths of images, sounds and texts start.

    Raises:
        DataError: columns are missing, or one holds what its type cannot.
    """
    absent = [column.name for column in columns if column.name not in frame]
    if absent:
        message = (
            f"the data lacks the column{'s' * (len(absent) > 1)} {quoted(absent)}. "
            f"It has: {listed(map(str, frame.columns))}"
        )
        raise DataError(message)
    typed = {column.name: CONVERTERS[column.type](frame[column.name]) for column in columns}
    return pd.DataFrame(typed, index=pd.RangeIndex(len(frame)), copy=False)


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
        times = _parse_dates(values)
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


def _parse_dates(values: pd.Series[Any]) -> pd.Series[Any]:
    if types.is_numeric_dtype(values.dtype):
        values = values.where(values.isna())  # a number is no date
    return pd.to_datetime(values.astype(object), format="ISO8601", errors="coerce", utc=True)


def _refuse(values: pd.Series[Any], unread: pd.Series[bool], kind: ColumnType, advice: str) -> None:
    """Raise an error on the first value that is there but could not be read."""
    rows = np.flatnonzero(unread & values.notna())
    if len(rows):
        others = f" ({len(rows)} such rows in all)" if len(rows) > 1 else ""
        message = (
            f"column {values.name!r} is of type {kind}, but row {rows[0] + 1} holds "
            f"{str(values.iloc[rows[0]])!r}{others}. {advice}"
        )
        raise DataError(message)


CONVERTERS: Final[Mapping[ColumnType, Callable[[pd.Series[Any]], Any]]] = MappingProxyType(
    {"number": to_number, "category": to_category, "datetime": to_datetime}
)
