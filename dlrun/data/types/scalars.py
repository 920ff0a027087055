"""What numbers, categories and dates share: one value in each cell, NaN or NaT where missing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from dlrun.contract.dataset import Column
from dlrun.contract.excerpt import ShownCell
from dlrun.data.types.occluded import Occluded
from dlrun.data.types.writing import is_marker
from dlrun.errors import DataError


def is_known(values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return whether each cell has a value, (rows,)."""
    known: NDArray[np.bool_] = values.notna().to_numpy()
    return known


def canonical(values: pd.Series[Any]) -> list[Any]:
    """Return the values as one array."""
    return [values.to_numpy()]


def measures(_column: Column, values: pd.Series[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the values themselves."""
    yield "", values.array if values.dtype == "category" else values.to_numpy()


def show(_column: Column, cell: Any) -> ShownCell:
    """Return the value as text, empty where missing."""
    if pd.isna(cell):
        return ShownCell("plain", "")
    return ShownCell("plain", f"{cell:.6g}" if isinstance(cell, float) else str(cell))


def occlude(_column: Column, _cell: Any, reference: Any) -> Occluded:
    """Return the reference: a single value has no parts."""
    return Occluded((reference,), ())


def drop_values(values: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
    """Return the values, about a share of them missing."""
    return values.mask(rng.random(len(values)) < level)


def hide_markers(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return raw numbers or dates, None in place of texts such as "?", which mark missing ones."""
    marked = [isinstance(cell, str) and is_marker(cell) for cell in values]
    return values.astype(object).mask(np.array(marked, dtype=bool)) if any(marked) else values


def hide_texts(values: pd.Series[Any], missing: Collection[str]) -> pd.Series[Any]:
    """Return raw values, None in place of some texts, and of the numbers that these name."""
    if not missing:
        return values
    if types.is_numeric_dtype(values.dtype) and not types.is_bool_dtype(values.dtype):
        numbers = pd.to_numeric(pd.Series(list(missing), dtype=object), errors="coerce").dropna()
        hidden = values.isin(numbers)
        return values.astype("float64").mask(hidden) if hidden.any() else values
    hidden = values.isin(list(missing))
    return values.astype(object).mask(hidden) if hidden.any() else values


def refuse_unread(values: pd.Series[Any], unread: pd.Series[bool], kind: str, advice: str) -> None:
    """Raise an error for the first value that is present but could not be cast.

    Raises:
        DataError: there is such a value.
    """
    rows = np.flatnonzero(unread & values.notna())
    if len(rows):
        others = f" ({len(rows)} such rows in all)" if len(rows) > 1 else ""
        message = (
            f"column {values.name!r} is of type {kind}, but row {values.index[rows[0]] + 1} holds "
            f"{str(values.iloc[rows[0]])!r}{others}. {advice}"
        )
        raise DataError(message)
