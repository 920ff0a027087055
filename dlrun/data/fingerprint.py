"""Fingerprints: SHA-256 over what the data says, not over how a file wrote it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Dataset, Split
from dlrun.data.types.infer import is_array

LENGTH: Final = 36  # MLflow's limit for the digest of a data set


def digest_dataset(dataset: Dataset) -> str:
    """Return the first 36 hex characters of the hash of columns, values, truth and labels.

    The same content gives the same digest, whether it came from CSV or Parquet.
    """
    target = dataset.target
    digest = hashlib.sha256()
    _add_json(digest, [target.name, target.task, target.labels])
    _add_array(digest, _canonical(dataset.y))
    for column in dataset.columns:
        _add_json(digest, [column.name, column.type])
        values = dataset.frame[column.name]
        if column.type == "category":
            codes, names = _used(values)
            _add_json(digest, names)
            _add_array(digest, codes)
        elif column.type == "text":
            _add_json(digest, values.tolist())
        elif is_array(column):
            _add_cells(digest, values)
        else:
            _add_array(digest, _canonical(values.to_numpy()))
    return digest.hexdigest()[:LENGTH]


def hash_rows(dataset: Dataset) -> NDArray[np.uint64]:
    """Return a hash of each row, its truth included, (rows,); equal rows have the same one.

    Hashes of different processes differ.
    """
    frame = dataset.frame.copy(deep=False)
    for column in dataset.columns:
        if is_array(column):
            frame[column.name] = hash_cells(frame[column.name])
    features = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    rows: NDArray[np.uint64] = (features + pd.util.hash_array(dataset.y)).astype(np.uint64)
    return rows


def hash_cells(cells: pd.Series[Any]) -> NDArray[np.int64]:
    """Return a hash of each array, (rows,); equal arrays have the same one in this process."""
    return np.array([hash(cell.tobytes()) for cell in cells], dtype=np.int64)


def digest_splits(splits: Iterable[Split], dataset: Dataset) -> str:
    """Return the first 36 hex characters of the hash of all rows of all parts, and of the data."""
    digest = hashlib.sha256(dataset.digest.encode())
    if dataset.stream:
        digest.update(dataset.stream.digest.encode())
    for split in splits:
        for rows in (split.train, split.validation, split.test):
            _add_array(digest, rows.astype("<i8", copy=False))
    return digest.hexdigest()[:LENGTH]


def _add_json(digest: hashlib._Hash, value: object) -> None:
    digest.update(json.dumps(value).encode() + b"\n")


def _add_array(digest: hashlib._Hash, values: NDArray[Any]) -> None:
    digest.update(f"{len(values)} {values.dtype.str}\n".encode())
    digest.update(np.ascontiguousarray(values).view(np.uint8).data)


def _add_cells(digest: hashlib._Hash, cells: Iterable[NDArray[Any]]) -> None:
    for cell in cells:
        digest.update(f"{cell.shape}".encode())
        plain = cell if cell.dtype == np.uint8 else _canonical(cell, "<f4")
        digest.update(np.ascontiguousarray(plain).data)


def _canonical(values: NDArray[Any], dtype: str = "<f8") -> NDArray[Any]:
    """Write equal values with equal bytes: one zero, one NaN, little-endian."""
    if values.dtype.kind != "f":
        return values.astype("<i8", copy=False)
    values = values.astype(dtype, copy=False) + 0.0
    values[np.isnan(values)] = np.nan
    return values


def _used(values: pd.Series[Any]) -> tuple[NDArray[np.int32], list[str]]:
    """Return codes into the sorted categories that occur, -1 for missing."""
    codes = values.cat.codes.to_numpy().astype(np.int64)
    names = values.cat.categories.to_numpy(dtype=object)
    used = np.bincount(codes + 1, minlength=len(names) + 1)[1:] > 0
    order = np.flatnonzero(used)
    order = order[np.argsort(names[order])]
    place = np.full(len(names) + 1, -1, dtype="<i4")
    place[order] = np.arange(len(order))
    return place[codes], names[order].tolist()
