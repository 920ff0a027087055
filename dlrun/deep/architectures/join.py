"""Column groups joined to one tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlrun.deep.backend import keras


def join(inputs: Mapping[str, Any]) -> Any:
    """Return all groups side by side, (rows, width)."""
    tensors = list(inputs.values())
    return tensors[0] if len(tensors) == 1 else keras.layers.Concatenate(axis=1)(tensors)


def shape_of(tensor: Any) -> str:
    """Write a Keras tensor's shape, `(rows, 30)`."""
    return f"({', '.join(['rows', *map(str, tensor.shape[1:])])})"
