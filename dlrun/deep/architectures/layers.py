"""Layers of keras.layers as the recipe lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlrun.deep.backend import keras
from dlrun.deep.blocks.flatten import concatenate, shape_of
from dlrun.deep.inputs.groups import Group
from dlrun.errors import TrainingError
from dlrun.recipe.layer_list import parse_layer


def build(groups: Mapping[str, Group], *, layers: Sequence[object]) -> Any:
    """Apply the layers one after the other to the only image, sound, text or series.

    Without one they are applied to the joined columns; other columns beside it are joined to the
    output of the layers.

    Raises:
        TrainingError: a layer cannot be made, or not be applied; or there are several images,
            sounds, texts or series.
    """
    shaped = [name for name, group in groups.items() if not group.is_table]
    flat = [group.flatten() for name, group in groups.items() if name not in shaped]
    if not shaped:
        return _apply(layers, concatenate(flat))
    if len(shaped) > 1:
        message = (
            f"layers can follow on one image, sound, text or series, but here are "
            f"{', '.join(shaped)}. Leave all but one out with data.exclude, or write a function "
            "(module:function)"
        )
        raise TrainingError(message)
    tensor = _apply(layers, groups[shaped[0]].expand())
    return concatenate([tensor, *flat]) if flat else tensor


def _apply(layers: Sequence[object], tensor: Any) -> Any:
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
