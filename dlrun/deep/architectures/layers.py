"""Layers of keras.layers as the recipe lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlrun.deep.architectures.join import join, shape_of
from dlrun.deep.backend import keras
from dlrun.errors import TrainingError
from dlrun.recipe.keras_layers import parse_layer


def build(inputs: Mapping[str, Any], *, layers: Sequence[object]) -> Any:
    """Apply the layers one after the other to the joined columns.

    Raises:
        TrainingError: a layer cannot be made, or not be applied.
    """
    tensor = join(inputs)
    for number, listed in enumerate(layers, start=1):
        name, _ = parse_layer(listed)
        try:
            tensor = _make(listed)(tensor)
        except Exception as error:
            reason = str(error).strip().partition("\n")[0].rstrip(".")
            message = (
                f"layer {number}, {name}, cannot be applied to its input of shape "
                f"{shape_of(tensor)}: {reason}. "
                "Check its arguments, or change the shape before it with Reshape or Flatten"
            )
            raise TrainingError(message) from error
    return tensor


def _make(listed: object) -> Any:
    name, arguments = parse_layer(listed)
    if "layer" in arguments:  # of wrappers such as Bidirectional
        arguments = {**arguments, "layer": _make(arguments["layer"])}
    return getattr(keras.layers, name)(**arguments)
