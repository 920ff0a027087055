"""Raw rows cast to typed columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.contract.dataset import Column
from dlrun.contract.note import Note
from dlrun.data.types import column_module
from dlrun.data.types.scalars import hide_texts
from dlrun.errors import DataError
from dlrun.recipe.preprocessing import Preprocessing
from dlrun.system.text import listed, quoted


def find_shapes(
    columns: Sequence[Column],
    frame: pd.DataFrame,
    folders: Sequence[Path],
    preprocessing: Preprocessing,
) -> tuple[tuple[Column, ...], list[Note]]:
    """Find the shapes of images, sounds and series, from the data and the recipe.

    Args:
        columns: of any kind.
        frame: raw rows; the index counts the rows of the source.
        folders: where relative paths may start.
        preprocessing: the sizes, rates and lengths that are set.

    Returns:
        The columns with their shapes, and a note for each change that the shape causes.

    Raises:
        DataError: a file is missing, or is of another kind.
    """
    shaped, notes = list(columns), list[Note]()
    for position, column in enumerate(columns):
        if is_array(column):
            settings = getattr(preprocessing, column.type)
            find_shape = column_module(column.type).find_shape
            shaped[position], added = find_shape(frame, column, folders, settings)
            notes += added
    return tuple(shaped), notes


def cast_columns(
    frame: pd.DataFrame, columns: Sequence[Column], folders: Sequence[Path] = (Path(),)
) -> pd.DataFrame:
    """Cast raw rows to the typed columns that candidates take; other columns are left out.

    The cells are those that `Column` documents; infinite numbers become missing. The given rows
    are not changed.

    Args:
        frame: raw rows, from a file or a user; the index counts the rows of the source, from 0.
        columns: the columns to make.
        folders: where relative paths of images, sounds and texts may start.

    Raises:
        DataError: columns are missing, or a value cannot be cast to its column's type.
    """
    needed = [name for column in columns for name in (column.parts or (column.name,))]
    absent = [name for name in needed if name not in frame]
    if absent:
        message = (
            f"the data lacks the column{'s' * (len(absent) > 1)} {quoted(absent)}. "
            f"It has: {listed(map(str, frame.columns))}"
        )
        raise DataError(message)
    typed = {column.name: _cast(frame, column, folders) for column in columns}
    return pd.DataFrame(typed, index=pd.RangeIndex(len(frame)), copy=False)


def _cast(frame: pd.DataFrame, column: Column, folders: Sequence[Path]) -> Any:
    if column.missing:
        names = column.parts or (column.name,)
        hidden = {name: hide_texts(frame[name], column.missing) for name in names}
        frame = pd.DataFrame(hidden, index=frame.index, copy=False)
    return column_module(column.type).cast(frame, column, folders)


def is_known(column: Column, values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return whether each typed cell has a value, (rows,) (see `Column`)."""
    return column_module(column.type).is_known(values)


def is_array(column: Column) -> bool:
    """Return whether each cell of a column is an array."""
    return COLUMN_KINDS[column.type].is_array
