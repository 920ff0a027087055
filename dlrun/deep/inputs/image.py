"""Images: kept as bytes, and standardised by the training rows inside the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.deep.backend import keras
from dlrun.deep.blocks.flatten import flatten
from dlrun.deep.inputs.encoding import Encoding, Read, Spec
from dlrun.recipe.preprocessing import Image

if TYPE_CHECKING:
    import pandas as pd

WHITE: Final = 255
LARGEST_SIDE: Final = 64  # of an image whose pixels are laid out

ops = keras.ops


def make_reader(columns: Sequence[Column], model: Any) -> Read:
    """Make the reader of the one image column."""
    (column,) = columns
    return lambda frame: read_images(frame, column)


def read_images(frame: pd.DataFrame, column: Column) -> NDArray[np.uint8]:
    """Return a column's images, (rows, height, width, channels) uint8."""
    images = np.empty((len(frame), *column.shape), dtype=np.uint8)
    for image, cell in zip(images, frame[column.name], strict=True):
        image[:] = cell
    return images


def resize(images: Any, sides: Sequence[int | None]) -> Any:
    """Resize images, (rows, height, width, channels), to sides in pixels, as uint8."""
    resized = ops.image.resize(ops.cast(images, "float32"), sides, antialias=True)
    return ops.cast(ops.clip(ops.round(resized), 0, WHITE), "uint8")


@dataclass(frozen=True)
class ImageEncoding(Encoding):
    """How an image becomes (height, width, channels) numbers; encoded as bytes to save memory.

    Attributes:
        shape: height, width, channels.
        mean: (channels,) of all pixels of the training rows.
        std: (channels,) their standard deviation.
    """

    shape: tuple[int, ...]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]

    kind: ClassVar[str] = "image"

    @property
    def raw(self) -> Spec:
        """Describe an image of any size."""
        return Spec((None, None, self.shape[-1]), "uint8")

    @property
    def group(self) -> Spec:
        """Describe an image of the size that the network works on."""
        return Spec(self.shape, "uint8")

    def read(self, inputs: list[Any]) -> Any:
        """Resize the images, which leaves those of the right size unchanged."""
        return resize(inputs[0], self.shape[:2])

    def expand(self, encoded: Any) -> Any:
        """Standardise each channel."""
        # Along whole lines of pixels: a CPU takes three times as long for vectors of three numbers.
        height, width, channels = self.shape
        lines = ops.reshape(ops.cast(encoded, "float32"), (-1, height, width * channels))
        scaled = (lines - np.tile(self.mean, width)) * np.tile(1 / self.std, width)
        return ops.reshape(scaled, (-1, *self.shape))

    def flatten(self, encoded: Any) -> Any:
        """Lay out the pixels, those of a large image averaged in squares."""
        tensor = self.expand(encoded)
        sizes = tuple(ceil(side / LARGEST_SIDE) for side in tensor.shape[1:3])
        if max(sizes) > 1:
            tensor = keras.layers.AveragePooling2D(sizes, padding="same")(tensor)
        return flatten(tensor)


def fit(columns: Sequence[Column], frame: pd.DataFrame, settings: Image) -> ImageEncoding:
    """Fit mean and standard deviation of each channel over the training rows."""
    (column,) = columns
    shades = np.arange(WHITE + 1)
    counts = np.zeros((column.shape[-1], WHITE + 1), dtype=np.int64)
    for image in frame[column.name]:
        for channel in range(len(counts)):
            counts[channel] += np.bincount(image[..., channel].ravel(), minlength=WHITE + 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    mean = shares @ shades
    std = np.sqrt((shares * (shades - mean[:, None]) ** 2).sum(axis=1))
    return ImageEncoding(
        (column.name,),
        column.shape,
        mean.astype(np.float32),
        np.where(std > 0, std, 1.0).astype(np.float32),
    )
