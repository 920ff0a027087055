"""NumPy archives (.npz): arrays x and y, or x_train, y_train, x_test and y_test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.data.sources.archives import DAMAGE, open_zip
from dlrun.data.sources.raw import RawData
from dlrun.data.splits.predefined import SUBSET_NAMES
from dlrun.data.types.decode import CellError, as_cells
from dlrun.data.types.image import scale_pixels
from dlrun.errors import DataError
from dlrun.system.text import listed

TABLE_DIMENSIONS: Final = 2
CUBE_DIMENSIONS: Final = 3  # gray images, or series with channels
COLOR_DIMENSIONS: Final = 4  # images with channels
WHITE: Final = 255
NO_TYPES: Final[Mapping[str, str]] = MappingProxyType({})


def read_arrays(
    path: Path, target: str | None = None, types: Mapping[str, str] = NO_TYPES
) -> RawData:
    """Read arrays as a table with a target column; train and test rows are kept apart.

    A matrix becomes the columns x0, x1, …; (rows, height, width) of whole numbers and (rows,
    height, width, channels) a column `image`; (rows, channels, steps) of floats a column
    `series`.

    Args:
        path: the archive.
        target: a name for the target, else `target`.
        types: column → kind; where only one column is an image, a sound or a series, x is it.

    Raises:
        DataError: arrays are missing, have other shapes, or are of Python objects.
    """
    arrays = _load(path)
    if {"x", "y"} <= set(arrays):
        names = [""]
    else:
        names = [f"_{name}" for name in SUBSET_NAMES if {f"x_{name}", f"y_{name}"} <= set(arrays)]
        if "_train" not in names:
            message = (
                f"{path.name}: the archive must hold the arrays x and y, or x_train, y_train, "
                f"x_test and y_test, but holds {listed(arrays)}."
            )
            raise DataError(message)
    x = _concatenate(path, {f"x{name}": arrays[f"x{name}"] for name in names})
    frame, known = _columns(path, x, types)
    y = [_target(path, arrays, name) for name in names]
    subsets = np.repeat(
        [SUBSET_NAMES.get(name[1:], "") for name in names], [len(part) for part in y]
    )
    frame[target or "target"] = np.concatenate(y)
    return RawData(
        path.stem, frame, target or "target", pd.Series(subsets) if names[0] else None, known
    )


def read_inputs(path: Path, types: Mapping[str, str]) -> pd.DataFrame:
    """Read the array x alone, as `read_arrays` does, for rows without y.

    Raises:
        DataError: the array is missing, or has another shape.
    """
    arrays = _load(path)
    name = next((name for name in ("x", "x_test") if name in arrays), None)
    if name is None:
        message = f"{path.name}: the archive must hold the array x, but holds {listed(arrays)}."
        raise DataError(message)
    return _columns(path, arrays[name], types)[0]


def _load(path: Path) -> dict[str, NDArray[Any]]:
    with open_zip(path):  # checks its size
        pass
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name.lower(): archive[name] for name in archive.files}
    except (*DAMAGE, MemoryError) as error:
        message = f"{path.name}: cannot be read as .npz: {error}"
        raise DataError(message) from error


def _concatenate(path: Path, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    (name, first), *others = arrays.items()
    for other, array in others:
        if array.shape[1:] != first.shape[1:]:
            message = (
                f"{path.name}: {name} has the shape {first.shape}, but {other} {array.shape}: "
                "rows must have the same shape in all parts."
            )
            raise DataError(message)
    return np.concatenate(list(arrays.values())) if others else first


def _target(path: Path, arrays: Mapping[str, NDArray[Any]], suffix: str) -> NDArray[Any]:
    x, y = arrays[f"x{suffix}"], arrays[f"y{suffix}"]
    y = y[:, 0] if y.ndim == TABLE_DIMENSIONS and y.shape[1] == 1 else y
    if y.shape != x.shape[:1]:
        message = (
            f"{path.name}: y{suffix} has the shape {y.shape}, but x{suffix} has {len(x)} rows: "
            f"it must be ({len(x)},)."
        )
        raise DataError(message)
    return y.astype(str) if y.dtype.kind == "S" else y


def _columns(
    path: Path, x: NDArray[Any], types: Mapping[str, str]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the columns of x, and their kinds where the array determines them."""
    declared = [(name, kind) for name, kind in types.items() if COLUMN_KINDS[kind].is_array]
    if len(declared) == 1:
        ((name, kind),) = declared
    elif x.ndim <= TABLE_DIMENSIONS:
        x = x.reshape(len(x), -1)
        return pd.DataFrame(x, columns=[f"x{number}" for number in range(x.shape[1])]), {}
    else:
        kind = "series" if x.ndim == CUBE_DIMENSIONS and x.dtype.kind == "f" else "image"
        name = kind
    cells = _images(path, x) if kind == "image" else x
    if cells.ndim not in (TABLE_DIMENSIONS, CUBE_DIMENSIONS, COLOR_DIMENSIONS) or len(cells) == 0:
        message = (
            f"{path.name}: x has the shape {x.shape}, but must be (rows, columns), (rows, height, "
            "width), (rows, height, width, channels) or (rows, channels, steps)."
        )
        raise DataError(message)
    return pd.DataFrame({name: as_cells(cells, len(cells))}), {name: kind}


def _images(path: Path, x: NDArray[Any]) -> NDArray[Any]:
    """Return (rows, height, width, channels) uint8.

    Values that are neither integers up to 255 nor floats up to 1 are scaled by their maximum.
    """
    pixels = x[..., None] if x.ndim == CUBE_DIMENSIONS else x
    high = pixels.max() if pixels.size else 0
    is_known = high <= 1 if pixels.dtype.kind == "f" else high <= WHITE
    try:
        return scale_pixels(pixels, None if is_known else float(high))
    except CellError as error:
        message = f"{path.name}: x {error}."
        raise DataError(message) from error
