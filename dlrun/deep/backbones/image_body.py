"""The part of an image backbone that has the weights, and the pixels that it was trained with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dlrun.deep.backend import keras

ops = keras.ops

WHITE: Final = 255.0
MEANS: Final = (0.485, 0.456, 0.406)
STDS: Final = (0.229, 0.224, 0.225)
"""Of red, green and blue in ImageNet, white being 1."""


@dataclass(frozen=True)
class Scaling:
    """How pixels of 0 to 255 are scaled: `scale * pixel + offset`, for all channels or each."""

    scale: float | tuple[float, ...] = 1.0
    offset: float | tuple[float, ...] = 0.0
    is_bgr: bool = False

    def apply(self, pixels: Any) -> Any:
        """Return (rows, height, width, 3) red, green and blue as they were in training."""
        if self.is_bgr:
            pixels = ops.flip(pixels, axis=-1)
        if self == AS_ITS_OWN:
            return pixels
        # In mixed precision a layer would round the pixels before they are scaled.
        return keras.layers.Rescaling(self.scale, self.offset, dtype="float32")(pixels)


AS_ITS_OWN: Final = Scaling()
"""Of a network that scales its pixels itself."""


@dataclass(frozen=True)
class Body:
    """A network of convolutions, before it is built.

    Attributes:
        size: height and width of what enters it.
        width: of the vector, or of each place of the map, that comes out.
        n_weights: the number of its weights.
        scaling: of the pixels, as in its training.
        digest: of its weights and of how it is built.
        make: builds it, with its weights: (rows, *size, 3) float32 in, (rows, width) or a map out.
    """

    size: tuple[int, int]
    width: int
    n_weights: int
    scaling: Scaling
    digest: str
    make: Callable[[], Any]
