"""Tensors as flat vectors, joined to one."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from dlrun.deep.backend import keras


def flatten(tensor: Any) -> Any:
    """Lay out all axes but the rows, (rows, width)."""
    return keras.ops.reshape(tensor, (-1, prod(tensor.shape[1:])))


def concatenate(tensors: Iterable[Any]) -> Any:
    """Put vectors side by side, (rows, width)."""
    listed = list(tensors)
    return listed[0] if len(listed) == 1 else keras.layers.Concatenate(axis=1)(listed)


def shape_of(tensor: Any) -> str:
    """Write a Keras tensor's shape, `(rows, 30)`."""
    return f"({', '.join(['rows', *map(str, tensor.shape[1:])])})"
