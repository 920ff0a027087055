"""Column types: inferred from what a column holds, and raw rows made to conform to them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from dlrun.contract.dataset import Column, ColumnType
from dlrun.data.types.audio import read_sounds, shape_sounds
from dlrun.data.types.decode import Folders
from dlrun.data.types.image import read_images, shape_images
from dlrun.data.types.scalars import parse_dates, to_category, to_datetime, to_number
from dlrun.data.types.series import read_series, shape_series
from dlrun.data.types.text import read_texts
from dlrun.errors import DataError
from dlrun.recipe.preprocessing import Preprocessing
from dlrun.system.text import listed, quoted

SAMPLE: Final = 1000  # strings that are looked at to tell text, dates and paths from categories
WORDS: Final = 4  # more words than this, in most rows, and mostly unique: text
MOSTLY: Final = 0.5

ISO_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}(:?\d{2}(:?\d{2}([.,]\d+)?)?)?)?.{0,6}")
SUFFIXES: Final[Mapping[ColumnType, tuple[str, ...]]] = MappingProxyType(
    {
        "image": (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
        "audio": (".wav", ".flac", ".ogg", ".mp3"),
        "text": (".txt",),
    }
)
# A list of numbers in JSON. Possessive: no way back through a thousand digits.
LIST: Final = re.compile(r"\[(?:[\s\[\],]|-?\d[\d.eE+-]*+|NaN|null|-?Infinity)*+(?<=\])\s*")
# What pandas says of objects that are no strings; of anything else: a category.
OBJECTS: Final[Mapping[str, ColumnType]] = MappingProxyType(
    {
        "integer": "number", "floating": "number", "mixed-integer-float": "number",
        "decimal": "number", "timedelta": "number", "timedelta64": "number",
        "date": "datetime", "datetime": "datetime", "datetime64": "datetime",
    }
)  # fmt: skip
SOUNDS: Final = (b"RIFF", b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")
COLORED: Final = 3  # dimensions of an image that stands in a cell: height, width, channels
GRAY: Final = 2


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
    Strings are dates if all of them are ISO dates; images, sounds or texts if all of them name
    such files; series if they are lists in JSON; text if they are mostly unique and most have
    more than four words, else categories, even where they could be read as numbers. Encoded
    files are images or sounds, lists are series, and arrays with channels images.
    """
    kind = _type_of_dtype(values.dtype)
    if kind is not None:
        return kind
    present = values.dropna()
    if present.empty:
        return "number"
    first = present.iloc[0]
    if isinstance(first, list | tuple | dict | np.ndarray | bytes):
        return _type_of_cell(first)
    if isinstance(first, os.PathLike):
        return _type_of_strings(present.map(str))
    found = types.infer_dtype(present)
    return _type_of_strings(present) if found == "string" else OBJECTS.get(found, "category")


def _type_of_dtype(dtype: Any) -> ColumnType | None:
    """Return the type where the dtype tells it: not for strings and objects."""
    if isinstance(dtype, pd.CategoricalDtype) or types.is_bool_dtype(dtype):
        return "category"
    if types.is_numeric_dtype(dtype) or types.is_timedelta64_dtype(dtype):
        return "number"
    return "datetime" if types.is_datetime64_any_dtype(dtype) else None


def _type_of_cell(cell: Any) -> ColumnType:
    """Return the type of an encoded file, or of numbers in a list or an array."""
    if isinstance(cell, dict):
        cell = cell.get("bytes") or str(cell.get("path")).encode()
        if cell.lower().endswith(tuple(suffix.encode() for suffix in SUFFIXES["audio"])):
            return "audio"
    if isinstance(cell, bytes):
        return "audio" if cell.startswith(SOUNDS) else "image"
    n_dimensions = 0
    while isinstance(cell, list | tuple | np.ndarray):
        n_dimensions += 1
        cell = cell[0] if len(cell) else None
    is_image = n_dimensions >= COLORED or (n_dimensions == GRAY and isinstance(cell, np.uint8))
    return "image" if is_image else "series"


def _type_of_strings(present: pd.Series[Any]) -> ColumnType:
    sample = present.iloc[:: max(1, len(present) // SAMPLE)].tolist()
    if all(ISO_DATE.fullmatch(value) for value in sample):
        return "datetime" if parse_dates(present).notna().all() else "category"
    for kind, suffixes in SUFFIXES.items():
        start = f"data:{kind}/"
        if all(value.lower().endswith(suffixes) or value.startswith(start) for value in sample):
            return kind
    if all(LIST.fullmatch(value) for value in sample):
        return "series"
    is_prose = np.median([len(value.split()) for value in sample]) > WORDS
    return "text" if is_prose and present.nunique() > MOSTLY * len(present) else "category"


def shape_columns(
    columns: Sequence[Column],
    frame: pd.DataFrame,
    folders: Folders,
    preprocessing: Preprocessing,
) -> tuple[tuple[Column, ...], list[str]]:
    """Fix the shapes of images, sounds and series, from the data and what the recipe sets.

    Args:
        columns: of any type.
        frame: raw rows; the index counts the rows of the source.
        folders: where relative paths may start.
        preprocessing: the sizes, rates and lengths that are set.

    Returns:
        The columns with their shapes, and what will be done to the cells, one sentence each.

    Raises:
        DataError: a file is missing, or is of another kind.
    """
    shaped, notes = [], []
    for column in columns:
        found, said = _shape(column, frame, folders, preprocessing)
        shaped.append(found)
        notes += said
    return tuple(shaped), notes


def _shape(
    column: Column, frame: pd.DataFrame, folders: Folders, preprocessing: Preprocessing
) -> tuple[Column, list[str]]:
    match column.type:
        case "image":
            return shape_images(frame[column.name], column, folders, preprocessing.image)
        case "audio":
            return shape_sounds(frame[column.name], column, folders, preprocessing.audio)
        case "series":
            return shape_series(frame, column, preprocessing.series)
        case _:
            return column, []


def cast_columns(
    frame: pd.DataFrame, columns: Sequence[Column], folders: Folders = (Path(),)
) -> pd.DataFrame:
    """Make raw rows the typed columns that candidates take; other columns are left out.

    Columns hold what `Column` documents; infinite numbers become missing. The rows given are not
    changed.

    Args:
        frame: raw rows, as read from a file or handed in by a user; the index counts the rows
            of the source, from 0.
        columns: the columns to make.
        folders: where relative paths of images, sounds and texts may start.

    Raises:
        DataError: columns are missing, or one holds what its type cannot.
    """
    needed = [name for column in columns for name in (column.parts or (column.name,))]
    absent = [name for name in needed if name not in frame]
    if absent:
        message = (
            f"the data lacks the column{'s' * (len(absent) > 1)} {quoted(absent)}. "
            f"It has: {listed(map(str, frame.columns))}"
        )
        raise DataError(message)
    typed = {column.name: CONVERTERS[column.type](frame, column, folders) for column in columns}
    return pd.DataFrame(typed, index=pd.RangeIndex(len(frame)), copy=False)


def is_known(column: Column, values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Say of each typed cell whether a value is there, (rows,) (see `Column`)."""
    if column.type == "image":
        return np.array([cell.any() for cell in values], dtype=bool)
    if column.type in ("text", "audio", "series"):
        return np.array([len(cell) > 0 for cell in values], dtype=bool)
    return values.notna().to_numpy()


def is_array(column: Column) -> bool:
    """Say whether each cell is an array."""
    return column.type in ("image", "audio", "series")


Converter = Callable[[pd.DataFrame, Column, Folders], Any]
CONVERTERS: Final[Mapping[ColumnType, Converter]] = MappingProxyType(
    {
        "number": lambda frame, column, _: to_number(frame[column.name]),
        "category": lambda frame, column, _: to_category(frame[column.name]),
        "datetime": lambda frame, column, _: to_datetime(frame[column.name]),
        "text": lambda frame, column, folders: read_texts(frame[column.name], column, folders),
        "image": lambda frame, column, folders: read_images(frame[column.name], column, folders),
        "audio": lambda frame, column, folders: read_sounds(frame[column.name], column, folders),
        "series": lambda frame, column, _: read_series(frame, column),
    }
)
