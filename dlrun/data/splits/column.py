"""The column that a split needs: groups, times or subsets."""

from __future__ import annotations

from typing import Any

import pandas as pd
from numpy.typing import NDArray

from dlrun.data.selection import declared_formats
from dlrun.data.splits import split_module
from dlrun.data.types.datetime import to_datetime
from dlrun.errors import DataError
from dlrun.recipe.schema import Recipe


def read_split_values(recipe: Recipe, values: pd.Series[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """Return the values of the split column in these rows of the source.

    Returns:
        (rows,) str groups, datetime64[us] or float64 times, or str subsets.

    Raises:
        DataError: a value is missing, or is no time or no subset.
    """
    check_present(recipe, values, rows)
    form = declared_formats(recipe).get(str(values.name))
    try:
        if form:
            values = pd.Series(to_datetime(values, form), values.index, name=values.name)
        return split_module(str(recipe.data.split.method)).read_values(values, rows)
    except DataError as error:
        message = f"{recipe.at('data.split.column')}: {error}"
        raise DataError(message) from error


def check_present(recipe: Recipe, values: pd.Series[Any], rows: NDArray[Any]) -> None:
    """Check that no value of the split column is missing in these rows.

    Raises:
        DataError: one is.
    """
    missing = rows[values.isna().to_numpy()[rows]]
    if len(missing):
        message = (
            f"{recipe.at('data.split.column')}: column {values.name!r} must not be empty, but is "
            f"in row {values.index[missing[0]] + 1} ({len(missing)} in all)."
        )
        raise DataError(message)
