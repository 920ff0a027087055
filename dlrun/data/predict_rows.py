"""Rows to predict: a table, arrays, or files for a model with one column of files."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.contract.dataset import AUTO, Column, TextFormat
from dlrun.data.sources.arrays import read_inputs
from dlrun.data.sources.folders import find_files, holds_files, kind_of
from dlrun.data.sources.paths import find_matches, is_pattern
from dlrun.data.sources.registry import read_source
from dlrun.data.sources.shards import find_shards
from dlrun.data.sources.tables import TEXT_SUFFIXES, read_table
from dlrun.data.sources.tar_samples import is_shard
from dlrun.data.sources.url import fetch, is_url
from dlrun.data.streaming.partitions import find_tables
from dlrun.data.types.decode import as_cells, is_present
from dlrun.errors import DataError
from dlrun.system.text import quoted


def read_rows(
    source: str, columns: Sequence[Column], *, form: TextFormat = AUTO, target: str = ""
) -> tuple[pd.DataFrame, Path]:
    """Read the rows that a model predicts.

    Args:
        source: a table, a .tar of samples, a glob or a folder of these, or an .npz, relative to the
            working directory; or the address of a table; for a model with one column of images,
            sounds or texts also such a file, a glob, a folder or a zip of them.
        columns: the model's.
        form: of the text files that it was trained on.
        target: its name, for rows without names of columns, which may lack it.

    Returns:
        Raw rows, and the folder where relative paths in their cells start.

    Raises:
        DataError: the source does not exist, or cannot be read.
    """
    path = fetch(source)[0] if is_url(source) else Path(source)
    text = [
        column.name
        for column in columns
        if COLUMN_KINDS[column.type].is_verbatim or "%" in column.format
    ]
    is_matched = is_pattern(source) and not path.exists()
    files = [str(file) for file in find_matches(path)] if is_matched else []
    if files and all(map(kind_of, files)):
        return _of_files(source, files, columns), Path()
    if is_matched or is_shard(path) or find_tables(path) or find_shards(source, Path()):
        raw = read_source(source, Path(), verbatim=text, wanted=form)
        return raw.frame, raw.folder
    if path.is_dir() or holds_files(path):
        found = find_files(path, _column_of_files(source, columns).type)
        cells = found.cells()
        cells = cells if path.is_file() else tuple(str(path / cell) for cell in cells)
        return _of_files(source, cells, columns), Path()
    if path.is_file() and kind_of(path) and _may_be_cell(path, columns):
        return _of_files(source, [source], columns), Path()
    if path.is_file() and path.suffix.lower() == ".npz":
        return read_inputs(path, {column.name: column.type for column in columns}), path.parent
    return _read_table(path, text, columns, form, target), path.parent


def _may_be_cell(path: Path, columns: Sequence[Column]) -> bool:
    """Return whether a file is a text, an image or a sound; a .txt may be a table as well."""
    is_alone = len(columns) == 1 and bool(COLUMN_KINDS[columns[0].type].suffixes)
    return is_alone or path.suffix.lower() not in TEXT_SUFFIXES


def _read_table(
    path: Path, text: Sequence[str], columns: Sequence[Column], form: TextFormat, target: str
) -> pd.DataFrame:
    """Read a table as the training rows were read; where that lacks a column, as it comes.

    A file without names may lack the target.
    """
    needed = {name for column in columns for name in _raw_names(column)}
    without_target = tuple(name for name in form.names if name != target)
    ways = (
        form,
        replace(form, names=without_target),
        replace(form, separator="auto", decimal="auto", header="auto", names=()),
    )
    for way in dict.fromkeys(ways):
        try:
            frame = read_table(path, text=text, wanted=way).frame
        except DataError:
            continue
        if needed <= {*frame.columns}:
            return frame
    return read_table(path, text=text, wanted=form).frame


def _raw_names(column: Column) -> tuple[str, ...]:
    """Return the columns of a file that a column is made of."""
    return (column.lag.of, column.lag.order) if column.lag else column.parts or (column.name,)


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
    """Return the columns that a table file can store: paths as text, no arrays, no bytes.

    Of files in cells, {bytes, path}, these are the paths, where they are known.
    """
    shown = {}
    for name in rows:
        cell = next((cell for cell in rows[name][is_present(rows[name])]), None)
        if isinstance(cell, os.PathLike | zipfile.Path):
            shown[name] = rows[name].map(str)
        elif isinstance(cell, dict) and cell.get("path"):
            shown[name] = rows[name].map(lambda file: file and file.get("path"), na_action="ignore")
        elif not isinstance(cell, list | tuple | dict | bytes | np.ndarray):
            shown[name] = rows[name]
    return pd.DataFrame(shown, index=rows.index)
