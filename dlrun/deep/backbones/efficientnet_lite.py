"""EfficientNet-Lite0 (Tan and Le 2019, without squeeze and excitation) in plain Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backend import keras

STAGES: Final = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip
"""Blocks, side of the filters, stride of the first block, expansion, filters at the end."""
EPSILON: Final = 1e-3

layers = keras.layers


def build(state: Mapping[str, NDArray[Any]], side: int) -> Any:
    """Return the network with its weights.

    Args:
        state: the tensors of PyTorch's file, by their names.
        side: of the images, in pixels.

    Raises:
        KeyError, ValueError: a tensor is missing, or of another shape.
    """
    network = make(side)
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(_weights(layer, state))
    return network


def make(side: int) -> Any:
    """Return the network up to its last map: (rows, side, side, 3) from -1 to 1 in, a map out.

    The names of its layers are those of PyTorch's tensors.
    """
    pixels = keras.Input((side, side, 3))
    tensor = _activate("_bn0", _convolve("_conv_stem", pixels, 32, 3, 2))
    number = 0
    for n_blocks, size, stride, expansion, width in STAGES:
        for block in range(n_blocks):
            tensor = _block(
                f"_blocks.{number}.", tensor, size, 1 if block else stride, expansion, width
            )
            number += 1
    tensor = _activate("_bn1", _convolve("_conv_head", tensor, 1280, 1))
    return keras.Model(pixels, tensor, name="efficientnet_lite0")


def count_weights(state: Mapping[str, NDArray[Any]]) -> int:
    """Count the weights of the network, which has no classifier."""
    return sum(
        tensor.size
        for name, tensor in state.items()
        if not name.startswith("_fc.") and tensor.dtype.kind == "f"
    )


def _block(name: str, tensor: Any, size: int, stride: int, expansion: int, width: int) -> Any:
    """Add a wide convolution of each channel between two of single pixels, and a shortcut."""
    n_channels = tensor.shape[-1]
    inner = tensor
    if expansion > 1:
        inner = _convolve(f"{name}_expand_conv", inner, n_channels * expansion, 1)
        inner = _activate(f"{name}_bn0", inner)
    inner = layers.DepthwiseConv2D(
        size, stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(inner)
    inner = _convolve(f"{name}_project_conv", _activate(f"{name}_bn1", inner), width, 1)
    inner = _normalize(f"{name}_bn2", inner)
    is_same = stride == 1 and n_channels == width
    return layers.Add(name=f"{name}add")([inner, tensor]) if is_same else inner


def _convolve(name: str, tensor: Any, width: int, size: int, stride: int = 1) -> Any:
    return layers.Conv2D(width, size, stride, padding="same", use_bias=False, name=name)(tensor)


def _normalize(name: str, tensor: Any) -> Any:
    return layers.BatchNormalization(epsilon=EPSILON, name=name)(tensor)


def _activate(name: str, tensor: Any) -> Any:
    return layers.ReLU(6.0, name=f"{name}_relu")(_normalize(name, tensor))


def _weights(layer: Any, state: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Return a layer's tensors as Keras orders them, and their axes."""
    if isinstance(layer, layers.BatchNormalization):
        names = ("weight", "bias", "running_mean", "running_var")
        return [state[f"{layer.name}.{name}"] for name in names]
    # PyTorch's axes are filters, channels, height, width; of one channel each: channels, 1, …
    kernel = state[f"{layer.name}.weight"]
    is_depthwise = isinstance(layer, layers.DepthwiseConv2D)
    return [np.transpose(kernel, (2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0))]
