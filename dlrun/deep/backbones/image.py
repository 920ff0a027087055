"""Pretrained networks over images: an ImageNet network, or a Keras model of the user's own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backbones.backbone import Backbone, BackboneRequest, Reader
from dlrun.deep.backbones.image_bodies import PLACES, open_body
from dlrun.deep.backbones.image_body import Body
from dlrun.deep.backbones.weights import find_weights
from dlrun.deep.backend import keras
from dlrun.deep.inputs.encoding import Spec

ops = keras.ops
BatchNormalization, Dropout = keras.layers.BatchNormalization, keras.layers.Dropout


class ImageReader(Reader):
    """Stacks images, which have the column's shape already; it needs no files."""

    def read(self, cells: Sequence[Any]) -> NDArray[np.uint8]:
        """Return (rows, height, width, channels) uint8."""
        return np.stack(cells)

    def save(self, folder: Path) -> None:
        """Write nothing."""


@dataclass(frozen=True)
class ImageBackbone(Backbone):
    """A body with what stands before and behind it: resizing, scaling, and the mean of a map.

    Batch normalisation stays as it was pretrained, also while the layers around it are trained:
    the statistics of small batches of other images would spoil what they were trained with.
    Dropout within the body is off.

    Attributes:
        shape: of the images, (height, width, channels); one channel is repeated.
        body: of the network, before it is built.
    """

    name: str
    digest: str
    width: int
    n_weights: int
    shape: tuple[int, ...]
    body: Body

    column_type: ClassVar[str] = "image"  # type: ignore[misc]
    is_trainable: ClassVar[bool] = True  # type: ignore[misc]

    @property
    def group(self) -> Spec:
        """Describe an image of the column."""
        return Spec(self.shape, "uint8")

    @property
    def reader(self) -> Reader:
        """Return what stacks images."""
        return ImageReader()

    def build(self) -> Any:
        """Return a new Keras model: (rows, *shape) uint8 in, (rows, width) out."""
        inputs = keras.Input(self.shape, dtype="uint8")
        pixels = self.body.scaling.apply(_resize(inputs, self.body.size))
        body = self.body.make()
        _settle(body)
        tensor = body(pixels)
        if len(tensor.shape) == PLACES:
            tensor = keras.layers.GlobalAveragePooling2D()(tensor)
        return keras.Model(inputs, tensor)

    def blocks(self, trunk: Any) -> tuple[tuple[Any, ...], ...]:
        """Return the layers to train by the size of the maps that they make, largest first."""
        body = next(layer for layer in trunk.layers if isinstance(layer, keras.Model))
        blocks: dict[int, list[Any]] = {}
        side = self.body.size[0]
        for layer in body.layers:
            made = layer.output.shape
            # A single place may be the mean of a map, by which its channels are weighted.
            if len(made) == PLACES and made[1] and made[1] > 1:
                side = min(side, made[1])
            if layer.weights and not isinstance(layer, BatchNormalization):
                blocks.setdefault(side, []).append(layer)
        return tuple(map(tuple, blocks.values()))

    def projections(self, trunk: Any) -> tuple[Any, ...]:
        """Return none: convolutions have no queries."""
        return ()


def load_reader(_folder: Path) -> ImageReader:
    """Load the reader of images, which has no files."""
    return ImageReader()


def open(request: BackboneRequest) -> ImageBackbone:
    """Open the backbone of an image column.

    Raises:
        RecipeError: there is none of this name, or it does not take images of this size.
        WeightsError: its weights are not here, and cannot be had.
    """
    path = find_weights(request.name, "image", request.folder)
    body = open_body(path, request)
    shape = request.column.shape
    digest = hashlib.sha256(repr((body.digest, body.size, shape)).encode()).hexdigest()
    return ImageBackbone(request.name, digest, body.width, body.n_weights, shape, body)


def _settle(layer: Any) -> None:
    """Keep a body's batch normalisation as it is, and switch its dropout off."""
    for inner in getattr(layer, "layers", ()):
        _settle(inner)
    if isinstance(layer, BatchNormalization):
        layer.trainable = False
    if isinstance(layer, Dropout):
        layer.rate = 0.0


def _resize(inputs: Any, size: tuple[int, int]) -> Any:
    """Return (rows, *size, 3) float32 pixels of uint8 images."""
    pixels = ops.cast(inputs, "float32")
    height, width, n_channels = inputs.shape[1:]
    if (height, width) != size:
        # Antialiasing changes nothing in a larger image, and other formats do not know its form.
        is_smaller = height > size[0] or width > size[1]
        pixels = ops.image.resize(pixels, size, antialias=is_smaller)
    return ops.repeat(pixels, 3, axis=-1) if n_channels == 1 else pixels
