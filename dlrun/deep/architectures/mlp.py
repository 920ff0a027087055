"""Fully connected layers over the joined columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dlrun.deep.backend import keras
from dlrun.deep.blocks.flatten import concatenate
from dlrun.deep.distributed.replicas import synchronized
from dlrun.deep.inputs.groups import Group

MOMENTUM: Final = 0.9  # Keras' 0.99 takes too many steps for a small table


def build(groups: Mapping[str, Group], *, encode: str | None, **settings: Any) -> Any:
    """Flatten and join all groups under dense layers; numbers are embedded by their group."""
    return stack(concatenate(group.flatten() for group in groups.values()), **settings)


def stack(
    tensor: Any, *, hidden: Sequence[int], activation: str, dropout: float, normalization: str
) -> Any:
    """Stack dense layers, each with normalisation, activation and dropout."""
    for units in hidden:
        tensor = keras.layers.Dense(units)(tensor)
        tensor = normalize(tensor, normalization)
        tensor = keras.layers.Activation(activation)(tensor)
        if dropout:
            tensor = keras.layers.Dropout(dropout)(tensor)
    return tensor


def normalize(tensor: Any, kind: str) -> Any:
    """Normalise a tensor's last axis: batch, layer or none."""
    if kind == "batch":
        return synchronized(keras.layers.BatchNormalization(momentum=MOMENTUM))(tensor)
    return keras.layers.LayerNormalization()(tensor) if kind == "layer" else tensor
