"""Maps: an image, the bands of a sound over time, or the steps of a series, for convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod
from typing import Any, Final

from dlrun.deep.backend import keras
from dlrun.deep.blocks.steps import as_sequence
from dlrun.deep.inputs.audio import AudioEncoding, frame_length, hop_length
from dlrun.deep.inputs.groups import Group

SHORTEST: Final = 6  # side that is still pooled
LARGEST: Final = 64  # side of an image whose pixels are laid out
EPSILON: Final = 1e-6  # the root of zero has no slope

ops = keras.ops


@dataclass(frozen=True)
class FeatureMap:
    """A map inside a network that is being built.

    Attributes:
        tensor: (rows, height, width, channels) of an image, (rows, frames, bands, channels) of a
            sound, or (rows, steps, channels); zero where there is padding.
        there: (rows, frames or steps, 1), 1 where there is one and 0 where there is padding; None
            where there is no padding.
    """

    tensor: Any
    there: Any

    @property
    def sides(self) -> tuple[int, ...]:
        """Give height and width, frames and bands, or steps."""
        sides: tuple[int, ...] = self.tensor.shape[1:-1]
        return sides

    def followed(self, tensor: Any, stride: int = 1) -> FeatureMap:
        """Take what a layer made of the map, with zeros where there is padding.

        Args:
            tensor: of the map's dimensions.
            stride: of the layer.
        """
        if self.there is None:
            return FeatureMap(tensor, None)
        there = self.there
        if stride > 1:
            there = keras.layers.MaxPooling1D(stride, padding="same")(there)
        shape = (-1, there.shape[1], *[1] * (len(tensor.shape) - 2))
        return FeatureMap(tensor * ops.cast(ops.reshape(there, shape), tensor.dtype), there)

    def convolve(self, filters: int, size: int, stride: int = 1, **settings: Any) -> Any:
        """Apply filters of the map's dimensions; the sides keep their length over the stride."""
        layer = keras.layers.Conv1D if len(self.sides) == 1 else keras.layers.Conv2D
        # TensorFlow 2.21 corrupts memory when it trains a strided 1 × 1 convolution on a CPU.
        size = max(size, stride)
        return layer(filters, size, strides=stride, padding="same", **settings)(self.tensor)

    def pooled(self) -> FeatureMap:
        """Take the largest of two along each side that is long enough."""
        sizes = [2 if side >= SHORTEST else 1 for side in self.sides]
        layer = keras.layers.MaxPooling1D if len(sizes) == 1 else keras.layers.MaxPooling2D
        return self.followed(layer(tuple(sizes), padding="same")(self.tensor), sizes[0])

    def averaged(self, size: int) -> FeatureMap:
        """Take the average of some places along each side."""
        n_sides = len(self.sides)
        layer = keras.layers.AveragePooling1D if n_sides == 1 else keras.layers.AveragePooling2D
        return self.followed(layer(size, padding="same")(self.tensor), size)

    def mean(self) -> Any:
        """Average over frames or steps; an image's map over height: (rows, …, channels)."""
        if self.there is None:
            return ops.mean(self.tensor, axis=1)
        n_there = ops.maximum(ops.sum(self.there, axis=1), 1)  # (rows, 1)
        n_there = ops.reshape(n_there, (-1, *[1] * (len(self.tensor.shape) - 2)))
        return ops.sum(self.tensor, axis=1) / ops.cast(n_there, self.tensor.dtype)


def as_feature_map(group: Group, filters: int) -> FeatureMap:
    """Take an image, sound or series as a map.

    Args:
        group: of one of these types.
        filters: of the learned bank that makes frames out of a waveform.
    """
    if group.kind == "image":
        return FeatureMap(group.expand(), None)
    steps = as_sequence(group, 0)
    there = None if steps.mask is None else ops.cast(steps.mask[:, :, None], "float32")
    found = FeatureMap(steps.tensor, there)
    if not isinstance(group.encoding, AudioEncoding):
        return found
    if group.encoding.n_mels:
        return FeatureMap(steps.tensor[:, :, : group.encoding.n_mels, None], there)
    size, stride = frame_length(group.encoding.rate), hop_length(group.encoding.rate)
    return found.followed(found.convolve(filters, size, stride, activation="relu"), stride)


def flatten(tensor: Any) -> Any:
    """Lay a map out, (rows, width)."""
    return ops.reshape(tensor, (-1, prod(tensor.shape[1:])))


def flatten_pixels(group: Group) -> Any:
    """Lay out the pixels of an image, those of a large one averaged in squares."""
    tensor = group.expand()
    sizes = tuple(ceil(side / LARGEST) for side in tensor.shape[1:3])
    if max(sizes) > 1:
        tensor = keras.layers.AveragePooling2D(sizes, padding="same")(tensor)
    return flatten(tensor)


def average_sound(group: Group) -> Any:
    """Give the mean and the spread over time of each band of a sound, (rows, 2 · bands)."""
    steps = as_sequence(group, 0)
    mean = steps.mean()
    variance = steps.cleared((steps.tensor - mean[:, None]) ** 2).mean()
    return ops.concatenate([mean, ops.sqrt(variance + EPSILON)], axis=1)
