"""Grad-CAM (Selvaraju et al. 2017): where the last map of convolutions speaks for an output."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backend import keras, tf
from dlrun.deep.inside.dependencies import Place, Traced, at_places, trace
from dlrun.deep.inside.forward import TrainedParts

KINDS: Final = ("image", "audio", "series")
CONVOLUTIONS: Final = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
)


def find_maps(parts: TrainedParts) -> dict[str, Place]:
    """Find the map that the last convolution of each image, sound and series leads to, by group.

    It is taken where it keeps the convolution's sides: behind activation, but before pooling.
    """
    found: dict[str, Place] = {}

    def see(operation: Any, place: Place, traced: Traced, shape: tuple[int | None, ...]) -> Traced:
        sides = shape[1:-1] if isinstance(operation, CONVOLUTIONS) else traced.sides
        is_map = sides == shape[1:-1] and prod(side or 1 for side in sides) > 1
        if is_map and len(traced.groups) == 1:
            (name,) = traced.groups
            found[name] = place
        return Traced(traced.groups, sides)

    trace(parts, see)
    return {name: place for name, place in found.items() if parts.groups[name][0].type in KINDS}


def map_gradients(
    parts: TrainedParts, maps: Mapping[str, Place], row: Mapping[str, Any], output: int
) -> tuple[float, dict[str, NDArray[np.float64]]]:
    """Weigh the channels of maps by the mean gradient of an output, and keep what speaks for it.

    Args:
        parts: of the network.
        maps: of `find_maps`.
        row: its groups, (1, *group.shape) each.
        output: the class or label.

    Returns:
        The output; and of each group (height, width), (frames, bands) or (steps,).
    """
    made: dict[Place, Any] = {}
    inputs = {name: parts.encode(name, row[name]) for name in parts.groups}

    with tf.GradientTape(watch_accessed_variables=False) as tape:

        def change(place: Place, operation: Any, args: Any, kwargs: Any) -> Any:
            tensor = operation(*args, **kwargs)
            if place in maps.values():
                tape.watch(tensor)
                made[place] = tensor
            return tensor

        explained = parts.explained(inputs, output, at_places(change))
    tensors = [made[place] for place in maps.values()]
    gradients = tape.gradient(explained, tensors, unconnected_gradients="zero")
    weighted = {}
    for name, tensor, gradient in zip(maps, tensors, gradients, strict=True):
        sides = range(1, len(tensor.shape) - 1)
        channels = tf.reduce_mean(gradient, axis=[*sides], keepdims=True)
        heat = tf.nn.relu(tf.reduce_sum(tensor * channels, axis=-1))[0]
        weighted[name] = heat.numpy().astype(np.float64)
    return float(explained[0]), weighted
