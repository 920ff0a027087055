"""The filters of the first convolution of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, Any, Final

from dlrun.deep.backend import keras
from dlrun.deep.inside.units import count_channels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POINTWISE: Final = {"Activation", "BatchNormalization", "Cast", "Multiply", "ReLU"}
"""Classes of operations that keep the places and the units of a map."""
PLANE: Final = 4  # axes of the kernel of a convolution along two sides
MOST_LINES: Final = 2  # channels of a series that are drawn as lines


@dataclass(frozen=True)
class InputFilters:
    """The first convolution over an image, a sound or a series.

    Attributes:
        group: its name.
        kernels: (filters, height, width, channels) on an image, (filters, bands, frames, 1) on a
            spectrogram, the lowest band last, (filters, channels, steps, 1) on a series or a
            waveform.
        kind: of the group: image, audio or series.
        layer: its Keras layer.
    """

    group: str
    kernels: NDArray[np.float32]
    kind: str
    layer: Any

    @property
    def are_pictures(self) -> bool:
        """Say whether a filter is best drawn as a picture; else as some lines."""
        return self.kind == "image" or self.kernels.shape[1] > MOST_LINES

    def belong_to(self, tensor: Any) -> bool:
        """Say whether the units of a layer are those of the convolution, place by place."""
        operation = tensor._keras_history.operation
        while operation is not self.layer and type(operation).__name__ in POINTWISE:
            inputs = operation.input
            operation = (inputs[0] if isinstance(inputs, list) else inputs)._keras_history.operation
        return operation is self.layer


def first_filters(body: Any, kinds: Mapping[str, str]) -> InputFilters | None:
    """Return the filters of the first convolution, if it reads a group itself or its patches.

    Args:
        body: encoded groups → outputs.
        kinds: group → the kind of its columns.
    """
    convolutions = (keras.layers.Conv1D, keras.layers.Conv2D)
    layers = [layer for layer in body.layers if isinstance(layer, convolutions)]
    groups = [name for name, kind in kinds.items() if kind in ("image", "audio", "series")]
    if not layers or len(groups) != 1:
        return None
    (group,), layer = groups, layers[0]
    kernels = _kernels(layer.kernel.numpy(), kinds[group], count_channels(body, group))
    return None if kernels is None else InputFilters(group, kernels, kinds[group], layer)


def _kernels(kernel: NDArray[np.float32], kind: str, n_channels: int) -> NDArray[np.float32] | None:
    """Lay out a kernel, (…, channels, filters), as `InputFilters.kernels`."""
    *sides, n_inputs, _ = kernel.shape
    if kind == "image" and len(sides) > 1:
        return _join_patches(kernel, n_channels)
    if kind == "audio" and kernel.ndim == PLANE and n_inputs == 1:
        return kernel.transpose(3, 1, 0, 2)[:, ::-1]
    if len(sides) == 1 and n_inputs in (n_channels, n_channels + 1):  # with or without the mask
        lines = kernel[:, :n_channels].transpose(2, 1, 0)[..., None]
        return lines[:, ::-1] if kind == "audio" else lines
    return None


def _join_patches(kernel: NDArray[np.float32], n_channels: int) -> NDArray[np.float32] | None:
    """Return kernels over pixels, also of a convolution over laid out square patches."""
    height, width, n_inputs, n_filters = kernel.shape
    side = isqrt(n_inputs // n_channels)
    if side * side * n_channels != n_inputs:
        return None
    patches = kernel.reshape(height, width, side, side, n_channels, n_filters)
    joined: NDArray[np.float32] = patches.transpose(5, 0, 2, 1, 3, 4)
    return joined.reshape(n_filters, height * side, width * side, n_channels)
