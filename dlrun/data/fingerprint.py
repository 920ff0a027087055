"""Fingerprints of datasets, rows and splits, made of typed values, whatever file they are from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Dataset, Split
from dlrun.data.types import column_module
from dlrun.data.types.cast import is_array

LENGTH: Final = 36  # hex characters: MLflow's limit for the digest of a data set
ROWS: Final = 2**13  # that are hashed at once: pandas makes objects of texts


def digest_dataset(dataset: Dataset) -> str:
    """Return the SHA-256 of columns, values, y and labels, 36 hex characters.

    The same content gives the same digest, whether it came from CSV or Parquet.
    """
    target = dataset.target
    digest = hashlib.sha256()
    _add(digest, [target.name, target.task, target.labels], _canonical(dataset.y))
    for column in dataset.columns:
        _add(digest, [column.name, column.type])
        values = dataset.frame[column.name]
        if is_array(column):
            _add_cells(digest, values)
        else:
            _add(digest, *column_module(column.type).canonical(values))
    return digest.hexdigest()[:LENGTH]


def hash_rows(dataset: Dataset) -> NDArray[np.uint64]:
    """Return a hash of each row, y included, (rows,); equal rows have equal hashes.

    Hashes of arrays differ from process to process.
    """
    frame = dataset.frame[[column.name for column in dataset.columns]].copy(deep=False)
    for column in dataset.columns:
        if is_array(column):
            frame[column.name] = hash_cells(frame[column.name])
    pieces = [frame[start : start + ROWS] for start in range(0, len(frame), ROWS)]
    hashed = [pd.util.hash_pandas_object(piece, index=False).to_numpy() for piece in pieces]
    y = dataset.y.reshape(len(dataset), -1).T  # one or several columns
    hashes = [np.concatenate(hashed), *map(pd.util.hash_array, y)]
    rows: NDArray[np.uint64] = np.sum(hashes, axis=0, dtype=np.uint64)
    return rows


def hash_cells(cells: pd.Series[Any]) -> NDArray[np.int64]:
    """Return a hash of each array, (rows,); equal arrays have equal hashes in this process."""
    return np.array([hash(cell.tobytes()) for cell in cells], dtype=np.int64)


def digest_splits(splits: Iterable[Split], dataset: Dataset) -> str:
    """Return the SHA-256 of the dataset and of all splits' rows, 36 hex characters."""
    digest = hashlib.sha256(dataset.digest.encode())
    if dataset.stream:
        digest.update(dataset.stream.digest.encode())
    for split in splits:
        _add(digest, *map(_canonical, (split.train, split.validation, split.test)))
    return digest.hexdigest()[:LENGTH]


def _add(digest: hashlib._Hash, *values: Any) -> None:
    """Add arrays as bytes, and anything else as JSON."""
    for value in values:
        if isinstance(value, np.ndarray):
            array = _canonical(value) if value.dtype.kind in "fM" else value
            digest.update(f"{len(array)} {array.dtype.str}\n".encode())
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        else:
            digest.update(json.dumps(value).encode() + b"\n")


def _add_cells(digest: hashlib._Hash, cells: Iterable[NDArray[Any]]) -> None:
    """Add arrays with their shapes, floats as float32."""
    for cell in cells:
        digest.update(f"{cell.shape}".encode())
        array = cell if cell.dtype == np.uint8 else _canonical(cell, "<f4")
        digest.update(np.ascontiguousarray(array).data)


def _canonical(values: NDArray[Any], dtype: str = "<f8") -> NDArray[Any]:
    """Return equal values in equal bytes: one zero, one NaN, little-endian; others as int64."""
    if values.dtype.kind != "f":
        return values.astype("<i8", copy=False)
    values = values.astype(dtype, copy=False) + 0.0
    values[np.isnan(values)] = np.nan
    return values
