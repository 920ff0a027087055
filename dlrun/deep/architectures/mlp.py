"""Fully connected layers over the joined columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dlrun.deep.architectures.join import join
from dlrun.deep.backend import keras

MOMENTUM: Final = 0.9  # Keras' 0.99 never gets to know a small table's mean


def build(
    inputs: Mapping[str, Any],
    *,
    hidden: Sequence[int],
    activation: str,
    dropout: float,
    normalization: str,
) -> Any:
    """Stack dense layers, each with normalisation, activation and dropout."""
    tensor = join(inputs)
    for units in hidden:
        tensor = keras.layers.Dense(units)(tensor)
        if normalization == "batch":
            tensor = keras.layers.BatchNormalization(momentum=MOMENTUM)(tensor)
        elif normalization == "layer":
            tensor = keras.layers.LayerNormalization()(tensor)
        tensor = keras.layers.Activation(activation)(tensor)
        if dropout:
            tensor = keras.layers.Dropout(dropout)(tensor)
    return tensor
