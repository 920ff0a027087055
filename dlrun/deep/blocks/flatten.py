"""Column groups of any type as flat vectors, and joined to one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from dlrun.contract.dataset import ColumnType
from dlrun.deep.backend import keras
from dlrun.deep.blocks.spatial import average_sound, flatten_pixels
from dlrun.deep.blocks.steps import average_tokens, flatten_steps
from dlrun.deep.inputs.groups import Group

FLATTENERS: Final[Mapping[ColumnType, Callable[[Group], Any]]] = {
    "number": Group.expand,
    "category": Group.expand,
    "text": average_tokens,
    "image": flatten_pixels,
    "audio": average_sound,
    "series": flatten_steps,
    "datetime": Group.expand,
}


def flatten(group: Group) -> Any:
    """Make a group a vector, (rows, width), with hardly any weights."""
    return FLATTENERS[group.kind](group)


def concatenate(tensors: Iterable[Any]) -> Any:
    """Put vectors side by side, (rows, width)."""
    listed = list(tensors)
    return listed[0] if len(listed) == 1 else keras.layers.Concatenate(axis=1)(listed)


def shape_of(tensor: Any) -> str:
    """Write a Keras tensor's shape, `(rows, 30)`."""
    return f"({', '.join(['rows', *map(str, tensor.shape[1:])])})"
