"""Rows to predict: a table, arrays, or files for a model with one column of files."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.contract.dataset import Column
from dlrun.data.sources.arrays import read_inputs
from dlrun.data.sources.folders import find_files, holds_files, kind_of
from dlrun.data.sources.registry import read_source
from dlrun.data.sources.tables import read_table
from dlrun.data.types.decode import as_cells, is_present
from dlrun.errors import DataError
from dlrun.system.text import quoted


def read_rows(source: str, columns: Sequence[Column]) -> tuple[pd.DataFrame, Path]:
    """Read the rows that a model predicts.

    Args:
        source: a table, a glob of tables or an .npz, relative to the working directory; for a
            model with one column of images, sounds or texts also such a file, a glob, a folder or
            a zip of them.
        columns: the model's.

    Returns:
        Raw rows, and the folder where relative paths in their cells start.

    Raises:
        DataError: the source does not exist, or cannot be read.
    """
    path = Path(source)
    text = [column.name for column in columns if COLUMN_KINDS[column.type].is_verbatim]
    if has_magic(source) and not path.exists():
        files = sorted(glob(source, recursive=True))
        if files and all(kind_of(PurePath(file)) for file in files):
            return _of_files(source, files, columns), Path()
        raw = read_source(source, Path(), types=dict.fromkeys(text, "text"))
        return raw.frame, raw.folder
    if path.is_dir() or holds_files(path):
        found = find_files(path, _column_of_files(source, columns).type)
        cells = found.cells if path.is_file() else [str(path / cell) for cell in found.cells]
        return _of_files(source, cells, columns), Path()
    if path.is_file() and kind_of(path):
        return _of_files(source, [source], columns), Path()
    if path.is_file() and path.suffix.lower() == ".npz":
        return read_inputs(path, {column.name: column.type for column in columns}), path.parent
    return read_table(path, text=text), path.parent


def _of_files(source: str, cells: Sequence[Any], columns: Sequence[Column]) -> pd.DataFrame:
    column = _column_of_files(source, columns)
    return pd.DataFrame({column.name: as_cells(cells, len(cells))})


def _column_of_files(source: str, columns: Sequence[Column]) -> Column:
    if len(columns) == 1 and COLUMN_KINDS[columns[0].type].suffixes:
        return columns[0]
    message = (
        f"{source} holds files, but the model reads the columns "
        f"{quoted(column.name for column in columns)}. Give it a table with these."
    )
    raise DataError(message)


def printable(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that a table file can store: paths as text, no arrays, no bytes."""
    shown = {}
    for name in rows:
        cell = next((cell for cell in rows[name][is_present(rows[name])]), None)
        if isinstance(cell, os.PathLike | zipfile.Path):
            shown[name] = rows[name].map(str)
        elif not isinstance(cell, list | tuple | dict | bytes | np.ndarray):
            shown[name] = rows[name]
    return pd.DataFrame(shown, index=rows.index)
