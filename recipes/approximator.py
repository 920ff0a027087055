"""Fully connected networks for functions of one number, for universal-approximation.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import keras

REACH: Final = 4.0  # a standardised column lies within 2 of its mean; slopes reach 2.4


def build(
    inputs: Mapping[str, Any], width: int = 32, layers: int = 1, activation: str = "relu"
) -> Any:
    """Stack dense layers of one width; the first one's units turn all over the column.

    Keras starts with biases of zero, so that all units of the first layer turn at the mean, and
    with weights that shrink as the layer gets wider: such a network is nearly a straight line, and
    takes many more steps to leave it.
    """
    tensor = next(iter(inputs.values()))
    spread = keras.initializers.RandomUniform(-REACH, REACH)
    first = keras.layers.Dense(
        width, activation, kernel_initializer="he_uniform", bias_initializer=spread
    )
    tensor = first(tensor)
    for _ in range(layers - 1):
        tensor = keras.layers.Dense(width, activation)(tensor)
    return tensor
