"""NumPy archives (.npz): arrays x and y, or x_train, y_train, x_test and y_test."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.data.raw import RawData
from dlrun.data.wording import listed
from dlrun.errors import DataError

PARTS: Final = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}
MATRIX: Final = 2  # dimensions of a table


def read_arrays(path: Path, target: str | None = None) -> RawData:
    """Read arrays as the columns x0, x1, … and a target column; named parts are kept.

    Raises:
        DataError: the arrays are missing, of other shapes than (rows, columns) and (rows,), or
            hold Python objects.
    """
    arrays = _load(path)
    if {"x", "y"} <= set(arrays):
        return RawData(path.stem, _table(path, arrays, "", target), target or "target")
    names = [name for name in PARTS if {f"x_{name}", f"y_{name}"} <= set(arrays)]
    if "train" not in names:
        message = (
            f"{path.name}: the archive must hold the arrays x and y, or x_train, y_train, x_test "
            f"and y_test, but holds {listed(arrays)}."
        )
        raise DataError(message)
    tables = [_table(path, arrays, f"_{name}", target) for name in names]
    parts = np.repeat([PARTS[name] for name in names], [len(table) for table in tables])
    frame = pd.concat(tables, ignore_index=True)
    return RawData(path.stem, frame, target or "target", pd.Series(parts))


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name.lower(): archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        message = f"{path.name}: cannot be read as .npz: {error}"
        raise DataError(message) from error


def _table(
    path: Path, arrays: dict[str, NDArray[Any]], suffix: str, target: str | None
) -> pd.DataFrame:
    x, y = arrays[f"x{suffix}"], arrays[f"y{suffix}"]
    if x.ndim > MATRIX:
        message = (
            f"{path.name}: x{suffix} has the shape {x.shape}: images or series, which dlrun "
            "cannot learn from yet. A table has the shape (rows, columns)."
        )
        raise DataError(message)
    x = x.reshape(len(x), -1)
    y = y[:, 0] if y.ndim == MATRIX and y.shape[1] == 1 else y
    if y.shape != (len(x),):
        message = (
            f"{path.name}: y{suffix} has the shape {y.shape}, but x{suffix} has {len(x)} rows: "
            f"it must be ({len(x)},)."
        )
        raise DataError(message)
    frame = pd.DataFrame(x, columns=[f"x{place}" for place in range(x.shape[1])])
    frame[target or "target"] = y.astype(str) if y.dtype.kind == "S" else y
    return frame
