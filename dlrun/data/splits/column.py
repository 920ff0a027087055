"""The column that a split goes by: groups, times, or the parts that the data brings."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.data.types.category import to_category
from dlrun.data.types.datetime import to_datetime
from dlrun.data.types.infer import infer_type
from dlrun.data.types.number import to_number
from dlrun.errors import DataError
from dlrun.recipe.schema import Recipe
from dlrun.system.text import listed

PARTS: Final = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}


def read_split_values(recipe: Recipe, values: pd.Series[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """Return what the split goes by, for these rows of the source.

    Returns:
        (rows,) str groups, datetime64[us] or float64 times, or str parts.

    Raises:
        DataError: a value is missing, or is no time or no part.
    """
    _refuse_missing(recipe, values, rows)
    method = recipe.data.split.method
    if method == "time":
        times: NDArray[Any] = _times(recipe, values)[rows]
        return times
    names = np.asarray(to_category(values))[rows]
    return names if method == "group" else _parts(recipe, names)


def _refuse_missing(recipe: Recipe, values: pd.Series[Any], rows: NDArray[Any]) -> None:
    missing = rows[values.isna().to_numpy()[rows]]
    if len(missing):
        message = (
            f"{recipe.at('data.split.column')}: column {values.name!r} must not be empty, but is "
            f"in row {values.index[missing[0]] + 1} ({len(missing)} in all)."
        )
        raise DataError(message)


def _times(recipe: Recipe, values: pd.Series[Any]) -> NDArray[Any]:
    kind = infer_type(values)
    try:
        return to_number(values) if kind == "number" else to_datetime(values)
    except DataError as error:
        message = f"{recipe.at('data.split.column')}: a time split needs dates or numbers: {error}"
        raise DataError(message) from error


def _parts(recipe: Recipe, names: NDArray[Any]) -> NDArray[Any]:
    found = pd.unique(names).tolist()
    strange = sorted(name for name in found if name.strip().lower() not in PARTS)
    if strange:
        message = (
            f"{recipe.at('data.split.column')}: {listed(map(repr, strange), 5)} is no part of the "
            "data. Allowed: train, validation, test"
        )
        raise DataError(message)
    known = {name: PARTS[name.strip().lower()] for name in found}
    return pd.Series(names).map(known).to_numpy(dtype=object)
