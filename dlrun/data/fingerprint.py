"""Fingerprints of datasets, rows and splits, made of typed values, whatever file they are from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Dataset, Split
from dlrun.data.types import column_module
from dlrun.data.types.canonical import array_bytes, canonical, json_bytes
from dlrun.data.types.cast import is_array

LENGTH: Final = 36  # MLflow's limit for the digest of a data set


def digest_dataset(dataset: Dataset) -> str:
    """Return the first 36 hex characters of the hash of columns, values, y and labels.

    The same content gives the same digest, whether it came from CSV or Parquet.
    """
    target = dataset.target
    digest = hashlib.sha256(json_bytes([target.name, target.task, target.labels]))
    _update(digest, array_bytes(canonical(dataset.y)))
    for column in dataset.columns:
        digest.update(json_bytes([column.name, column.type]))
        _update(digest, column_module(column.type).canonical_bytes(dataset.frame[column.name]))
    return digest.hexdigest()[:LENGTH]


def hash_rows(dataset: Dataset) -> NDArray[np.uint64]:
    """Return a hash of each row, y included, (rows,); equal rows have equal hashes.

    Hashes of arrays differ from process to process.
    """
    frame = dataset.frame.copy(deep=False)
    for column in dataset.columns:
        if is_array(column):
            frame[column.name] = hash_cells(frame[column.name])
    features = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    rows: NDArray[np.uint64] = (features + pd.util.hash_array(dataset.y)).astype(np.uint64)
    return rows


def hash_cells(cells: pd.Series[Any]) -> NDArray[np.int64]:
    """Return a hash of each array, (rows,); equal arrays have equal hashes in this process."""
    return np.array([hash(cell.tobytes()) for cell in cells], dtype=np.int64)


def digest_splits(splits: Iterable[Split], dataset: Dataset) -> str:
    """Return the first 36 hex characters of the hash of the dataset and of all parts' rows."""
    digest = hashlib.sha256(dataset.digest.encode())
    if dataset.stream:
        digest.update(dataset.stream.digest.encode())
    for split in splits:
        for rows in (split.train, split.validation, split.test):
            _update(digest, array_bytes(rows.astype("<i8", copy=False)))
    return digest.hexdigest()[:LENGTH]


def _update(digest: hashlib._Hash, pieces: Iterable[bytes | memoryview]) -> None:
    for piece in pieces:
        digest.update(piece)
