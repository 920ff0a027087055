"""Series columns: cut or padded to one length, then scaled as fitted to the training rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.deep.backend import keras
from dlrun.deep.blocks.flatten import flatten
from dlrun.deep.inputs.encoding import Encoding, Read, Spec
from dlrun.deep.inputs.layer_names import layer_name
from dlrun.deep.inputs.number import LARGEST
from dlrun.recipe.preprocessing import Series

if TYPE_CHECKING:
    import pandas as pd

ops = keras.ops


def make_reader(columns: Sequence[Column], model: Any) -> Read:
    """Make the reader of a series column."""
    name = columns[0].name
    steps, channels = model.get_layer(layer_name("series", name)).target_shape
    return lambda frame: read_series(frame[name], steps, channels)


def read_series(
    cells: Iterable[NDArray[np.float32]], steps: int, channels: int
) -> NDArray[np.float32]:
    """Return the first steps of each cell, (rows, steps, channels) float32, padded with NaN."""
    listed = list(cells)
    group = np.full((len(listed), steps, channels), np.nan, dtype=np.float32)
    for row, cell in enumerate(listed):
        group[row, : len(cell)] = cell[:steps]
    return group


@dataclass(frozen=True)
class SeriesEncoding(Encoding):
    """How a series column becomes (rows, steps, channels) float32.

    The steps after the last known value are padding. Where there is any among the training
    rows, a last channel is 1 at steps and 0 at padding, and padding is zero in all channels.

    Attributes:
        steps: that are kept, from the start.
        shift: (channels,) is subtracted, and the rest divided by `scale`, (channels,).
        fill: (channels,) imputed for a missing value: the channel's mean, scaled.
        is_padded: whether any training row is shorter.
    """

    steps: int
    shift: NDArray[np.float32]
    scale: NDArray[np.float32]
    fill: NDArray[np.float32]
    is_padded: bool

    kind: ClassVar[str] = "series"

    @property
    def raw(self) -> Spec:
        """Describe a series of any length."""
        return Spec((None, len(self.shift)), "float32")

    @property
    def group(self) -> Spec:
        """Describe series of one length."""
        return Spec((self.steps, len(self.shift)), "float32")

    @property
    def encoded(self) -> Spec:
        """Describe the scaled channels, and that of the mask."""
        return Spec((self.steps, len(self.shift) + self.is_padded), "float32")

    def read(self, inputs: list[Any]) -> Any:
        """Cut or pad the raw column, (rows, steps, channels), to the steps that are kept."""
        padding = ((0, 0), (0, self.steps), (0, 0))
        padded = ops.pad(inputs[0], padding, constant_values=np.nan)[:, : self.steps]
        shape, name = (self.steps, len(self.shift)), layer_name("series", self.names[0])
        # In mixed precision a layer would round the values.
        return keras.layers.Reshape(shape, dtype="float32", name=name)(padded)

    def encode(self, group: Any) -> Any:
        """Scale and fill; values that are not finite count as missing."""
        known = ops.isfinite(group)
        scaled = ops.clip((group - self.shift) / self.scale, -LARGEST, LARGEST)
        filled = ops.where(known, scaled, self.fill)
        if not self.is_padded:
            return filled
        is_known = ops.cast(ops.any(known, axis=2, keepdims=True), "float32")
        # A step before the last known one is no padding, even where all of it is missing.
        n_from_here = ops.flip(ops.cumsum(ops.flip(is_known, axis=1), axis=1), axis=1)
        mask = ops.minimum(n_from_here, 1.0)
        return ops.concatenate([filled * mask, mask], axis=2)

    def expand(self, encoded: Any) -> Any:
        """Return the steps, with Keras' mask where there is padding."""
        return keras.layers.Masking()(encoded) if self.is_padded else encoded

    def flatten(self, encoded: Any) -> Any:
        """Lay out the steps, (rows, steps · channels)."""
        return flatten(self.expand(encoded))


def fit(columns: Sequence[Column], frame: pd.DataFrame, settings: Series) -> SeriesEncoding:
    """Fit length and scales to the training rows."""
    (column,) = columns
    cells = list(frame[column.name])
    lengths = [_count_steps(cell) for cell in cells]
    steps = max([1, *lengths]) if settings.length == "auto" else settings.length
    values = np.concatenate([cell[:steps] for cell in cells])
    fitted = [_fit_channel(values[:, i], settings) for i in range(column.shape[-1])]
    shift, scale, fill = np.array(fitted, dtype=np.float32).T
    is_padded = min(lengths) < steps
    return SeriesEncoding((column.name,), steps, shift, scale, fill, is_padded)


def _count_steps(cell: NDArray[np.float32]) -> int:
    """Count the steps up to the last known value."""
    known = np.flatnonzero(np.isfinite(cell).any(axis=1))
    return int(known[-1]) + 1 if len(known) else 0


def _fit_channel(channel: NDArray[np.float32], settings: Series) -> tuple[float, float, float]:
    """Return shift, scale and scaled mean of a channel's known values."""
    known = channel[np.isfinite(channel)].astype(np.float64)
    known = known if len(known) else np.zeros(1)
    low, high, mean = known.min(), known.max(), known.mean()
    if settings.scale == "none":
        return 0.0, 1.0, mean
    shift, scale = (low, high - low) if settings.scale == "minmax" else (mean, known.std())
    # That of a constant channel may be a rounding error instead of zero.
    scale = scale if high > low and scale > 0 else 1.0
    return shift, scale, (mean - shift) / scale
