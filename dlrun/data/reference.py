"""The reference row of a model: one typed row, with which others are compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from dlrun.contract.dataset import Column, Dataset
from dlrun.data.types import column_module
from dlrun.data.types.cast import is_array
from dlrun.data.types.decode import as_cells

REFERENCE: Final = "reference.npz"
CELLS: Final = "cells"  # of the file: the cells that are no arrays, in JSON
MOST_ROWS: Final = 2000  # evenly spaced, of which the reference is made


def make_reference(train: Dataset) -> pd.DataFrame:
    """Return the reference row of training rows, with the columns of the history.

    Numbers and dates are their median, which some row has, and which neither outliers nor a pile of
    zeros move; a category is the most frequent; a text is empty, a sound silent; an image is the
    mean image, a series the mean of each step.

    Args:
        train: the training rows; of more than 2,000 the reference is that of 2,000 evenly spaced.
    """
    columns = (*train.columns, *train.history)
    rows = np.linspace(0, len(train) - 1, min(len(train), MOST_ROWS)).astype(np.int64)
    some = train.frame.iloc[rows]
    cells = {each.name: column_module(each.type).typical(each, some[each.name]) for each in columns}
    return _typed(cells, columns)


def write_reference(folder: Path, train: Dataset) -> None:
    """Write the reference row of training rows beside a model."""
    columns, row = (*train.columns, *train.history), make_reference(train)
    places = {each.name: f"{place}" for place, each in enumerate(columns) if is_array(each)}
    cells = {each.name: _written(row[each.name][0]) for each in columns if not is_array(each)}
    text = json.dumps({"cells": cells, "arrays": places})
    parts: dict[str, Any] = {place: row[name][0] for name, place in places.items()}
    parts[CELLS] = np.array(text)
    np.savez_compressed(folder / REFERENCE, **parts)


def _written(cell: Any) -> float | str | None:
    if pd.isna(cell):
        return None
    return cell.isoformat() if isinstance(cell, pd.Timestamp) else cell


def read_reference(folder: Path, columns: Sequence[Column]) -> pd.DataFrame | None:
    """Read the reference row beside a model; None where there is none, as with older models.

    Args:
        folder: of the model.
        columns: the model's.
    """
    path = folder / REFERENCE
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as file:
        known = json.loads(str(file[CELLS]))
        cells = known["cells"] | {name: file[place] for name, place in known["arrays"].items()}
    return _typed(cells, columns)


def _typed(cells: Mapping[str, Any], columns: Sequence[Column]) -> pd.DataFrame:
    """Return a typed row of typed cells, of which those that are no arrays may be as in JSON."""
    return pd.DataFrame({each.name: _column(cells[each.name], each) for each in columns})


def _column(cell: Any, column: Column) -> Any:
    if is_array(column):
        return as_cells([cell], 1)
    plain = replace(column, format="", missing=(), lag=None)
    return column_module(column.type).cast(pd.DataFrame({column.name: [cell]}), plain, ())
