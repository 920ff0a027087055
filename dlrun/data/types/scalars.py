"""What numbers, categories and dates share: one value in each cell, NaN or NaT where missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.contract.excerpt import ShownCell
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


def drop_values(values: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
    """Return the values, about a share of them missing."""
    return values.mask(rng.random(len(values)) < level)


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
