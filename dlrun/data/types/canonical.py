"""Values as bytes: equal values give equal bytes, on every machine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def json_bytes(value: object) -> bytes:
    """Return a value as one line of JSON."""
    return json.dumps(value).encode() + b"\n"


def array_bytes(values: NDArray[Any]) -> Iterator[bytes | memoryview]:
    """Yield the length, the dtype and the values of an array."""
    yield f"{len(values)} {values.dtype.str}\n".encode()
    yield np.ascontiguousarray(values).view(np.uint8).data


def cell_bytes(cells: Iterable[NDArray[Any]]) -> Iterator[bytes | memoryview]:
    """Yield the shape and the values of each array, floats as float32."""
    for cell in cells:
        yield f"{cell.shape}".encode()
        plain = cell if cell.dtype == np.uint8 else canonical(cell, "<f4")
        yield np.ascontiguousarray(plain).data


def canonical(values: NDArray[Any], dtype: str = "<f8") -> NDArray[Any]:
    """Return equal values in equal bytes: one zero, one NaN, little-endian; others as int64."""
    if values.dtype.kind != "f":
        return values.astype("<i8", copy=False)
    values = values.astype(dtype, copy=False) + 0.0
    values[np.isnan(values)] = np.nan
    return values
