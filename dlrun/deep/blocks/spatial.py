"""Feature maps: an image, the bands of a sound over time, or the steps of a series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from dlrun.deep.backend import keras
from dlrun.deep.blocks.steps import as_sequence
from dlrun.deep.inputs.audio import AudioEncoding
from dlrun.deep.inputs.groups import Group

SHORTEST: Final = 6  # side that is still pooled

ops = keras.ops


@dataclass(frozen=True)
class FeatureMap:
    """A map inside a network that is being built.

    Attributes:
        tensor: (rows, height, width, channels) of an image, (rows, frames, bands, channels) of a
            sound, or (rows, steps, channels); zero at padding.
        mask: (rows, frames or steps, 1) float32, 0 at padding and else 1; None where there is no
            padding.
    """

    tensor: Any
    mask: Any

    @property
    def sides(self) -> tuple[int, ...]:
        """Return height and width, frames and bands, or steps."""
        sides: tuple[int, ...] = self.tensor.shape[1:-1]
        return sides

    def apply_mask(self, tensor: Any, stride: int = 1) -> FeatureMap:
        """Return a tensor that was computed from the map, with zeros at padding.

        Args:
            tensor: of the map's dimensions.
            stride: of the layer that computed it.
        """
        if self.mask is None:
            return FeatureMap(tensor, None)
        mask = self.mask
        if stride > 1:
            mask = keras.layers.MaxPooling1D(stride, padding="same")(mask)
        shape = (-1, mask.shape[1], *[1] * (len(tensor.shape) - 2))
        return FeatureMap(tensor * ops.cast(ops.reshape(mask, shape), tensor.dtype), mask)

    def convolve(self, filters: int, size: int, stride: int = 1, **settings: Any) -> Any:
        """Convolve along all sides; these keep their length over the stride."""
        layer = keras.layers.Conv1D if len(self.sides) == 1 else keras.layers.Conv2D
        # TensorFlow 2.21 corrupts memory when it trains a strided 1 × 1 convolution on a CPU.
        size = max(size, stride)
        return layer(filters, size, strides=stride, padding="same", **settings)(self.tensor)

    def max_pool(self) -> FeatureMap:
        """Take the largest of two along each side that is long enough."""
        sizes = [2 if side >= SHORTEST else 1 for side in self.sides]
        layer = keras.layers.MaxPooling1D if len(sizes) == 1 else keras.layers.MaxPooling2D
        return self.apply_mask(layer(tuple(sizes), padding="same")(self.tensor), sizes[0])

    def average_pool(self, size: int) -> FeatureMap:
        """Average `size` places along each side."""
        n_sides = len(self.sides)
        layer = keras.layers.AveragePooling1D if n_sides == 1 else keras.layers.AveragePooling2D
        return self.apply_mask(layer(size, padding="same")(self.tensor), size)

    def mean(self) -> Any:
        """Average over frames or steps, over height for an image: (rows, …, channels)."""
        if self.mask is None:
            return ops.mean(self.tensor, axis=1)
        counts = ops.maximum(ops.sum(self.mask, axis=1), 1)  # (rows, 1)
        counts = ops.reshape(counts, (-1, *[1] * (len(self.tensor.shape) - 2)))
        return ops.sum(self.tensor, axis=1) / ops.cast(counts, self.tensor.dtype)


def as_feature_map(group: Group, filters: int) -> FeatureMap:
    """Take an image, sound or series as a map.

    Args:
        group: of one of these kinds.
        filters: of the trained filter bank that makes frames of a waveform.
    """
    if group.kind == "image":
        return FeatureMap(group.expand(), None)
    steps = as_sequence(group, 0)
    mask = None if steps.mask is None else ops.cast(steps.mask[:, :, None], "float32")
    features = FeatureMap(steps.tensor, mask)
    if not isinstance(group.encoding, AudioEncoding):
        return features
    if group.encoding.n_mels:
        return FeatureMap(steps.tensor[:, :, : group.encoding.n_mels, None], mask)
    size, stride = group.encoding.frame_length, group.encoding.frame_hop
    return features.apply_mask(features.convolve(filters, size, stride, activation="relu"), stride)
