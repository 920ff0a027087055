"""Sounds: cut or padded to one length, then log-mel bands scaled by the training rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil, log2
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.deep.backend import keras
from dlrun.deep.blocks.steps import as_sequence
from dlrun.deep.inputs.encoding import Encoding, Read, Spec
from dlrun.deep.inputs.groups import Group
from dlrun.recipe.preprocessing import Audio

if TYPE_CHECKING:
    import pandas as pd

FRAME_SECONDS: Final = 0.025
HOP_SECONDS: Final = 0.010
ENERGY_FLOOR: Final = 1e-6  # added to each band's energy; that of a full-scale tone is 10,000
TINY: Final = 1e-6
EPSILON: Final = 1e-6  # the root of zero has no slope
CHUNK: Final = 32  # sounds that are encoded at once

ops = keras.ops


def make_reader(columns: Sequence[Column], model: Any) -> Read:
    """Make the reader of the one sound column."""
    (column,) = columns
    n_samples = count_samples(column)
    return lambda frame: read_sounds(frame[column.name], n_samples)


def read_sounds(cells: Iterable[NDArray[np.float32]], n_samples: int) -> NDArray[np.float32]:
    """Return the first samples of each cell, (rows, samples) float32, padded with NaN."""
    listed = list(cells)
    group = np.full((len(listed), n_samples), np.nan, dtype=np.float32)
    for row, cell in zip(group, listed, strict=True):
        row[: len(cell)] = cell[:n_samples]
    return group


def count_samples(column: Column) -> int:
    """Count the samples of the longest sound, at least those of one spectrum."""
    return max(column.shape[0], _fft_length(column.rate))


def _frame_length(rate: int) -> int:
    return max(2, round(rate * FRAME_SECONDS))


def _fft_length(rate: int) -> int:
    """Choose a power of two so long that each of the narrow low bands holds a frequency."""
    return int(2 ** ceil(log2(2 * _frame_length(rate))))


@dataclass(frozen=True)
class AudioEncoding(Encoding):
    """How a sound becomes (frames, bands) float32: log-mel energies, or the waveform itself.

    Where training rows differ in length, a last channel is 1 at sound and 0 at padding, and
    padding is zero in all channels.

    Attributes:
        n_samples: that are kept, from the start.
        rate: samples per second.
        n_mels: bands; 0: the waveform, a frame for every sample.
        shift: (bands,) is subtracted, and the rest divided by `scale`, (bands,).
        is_padded: whether any training row is shorter.
    """

    n_samples: int
    rate: int
    n_mels: int
    shift: NDArray[np.float32]
    scale: NDArray[np.float32]
    is_padded: bool

    kind: ClassVar[str] = "audio"
    raw: ClassVar[Spec] = Spec((None,), "float32")

    @property
    def group(self) -> Spec:
        """Describe sounds of one length."""
        return Spec((self.n_samples,), "float32")

    @property
    def encoded(self) -> Spec:
        """Describe the scaled bands, and the channel of the mask."""
        n_frames = ceil(self.n_samples / self.hop)
        return Spec((n_frames, max(1, self.n_mels) + self.is_padded), "float32")

    @property
    def hop(self) -> int:
        """Count the samples from one encoded frame to the next."""
        return self.frame_hop if self.n_mels else 1

    @property
    def frame_hop(self) -> int:
        """Count the samples of 10 ms."""
        return max(1, round(self.rate * HOP_SECONDS))

    @property
    def frame_length(self) -> int:
        """Count the samples of 25 ms."""
        return _frame_length(self.rate)

    def read(self, inputs: list[Any]) -> Any:
        """Cut or pad the raw column, (rows, samples), to the samples that are kept."""
        padding = ((0, 0), (0, self.n_samples))
        padded = ops.pad(inputs[0], padding, constant_values=np.nan)[:, : self.n_samples]
        # In mixed precision a layer would round the samples.
        return keras.layers.Reshape((self.n_samples,), dtype="float32")(padded)

    def encode(self, group: Any) -> Any:
        """Compute the scaled energy of each band in each frame."""
        is_known = ops.isfinite(group)
        scaled = (self.bands(ops.where(is_known, group, 0.0)) - self.shift) / self.scale
        if not self.is_padded:
            return scaled
        mask = ops.cast(is_known[:, :: self.hop, None], "float32")
        return ops.concatenate([scaled * mask, mask], axis=2)

    def bands(self, samples: Any) -> Any:
        """Return log-mel energies, (rows, frames, bands), or the waveform, (rows, samples, 1)."""
        if not self.n_mels:
            return samples[:, :, None]
        layer = keras.layers.MelSpectrogram(
            fft_length=_fft_length(self.rate),
            sequence_stride=self.hop,
            sequence_length=self.frame_length,
            sampling_rate=self.rate,
            num_mel_bins=self.n_mels,
            power_to_db=False,  # which depends on the loudest of all rows
            dtype="float32",
        )
        energies = ops.swapaxes(layer(samples), 1, 2)
        # A frame stands in the middle of its samples; the last one may stand behind the end.
        return ops.log(energies[:, : self.encoded.shape[0]] + ENERGY_FLOOR)

    def expand(self, encoded: Any) -> Any:
        """Return the frames, with Keras' mask where there is padding."""
        return keras.layers.Masking()(encoded) if self.is_padded else encoded

    def flatten(self, encoded: Any) -> Any:
        """Return mean and standard deviation over time of each band, (rows, 2 · bands)."""
        steps = as_sequence(Group(self, encoded), 0)
        mean = steps.mean()
        variance = steps.apply_mask((steps.tensor - mean[:, None]) ** 2).mean()
        return ops.concatenate([mean, ops.sqrt(variance + EPSILON)], axis=1)


def fit(columns: Sequence[Column], frame: pd.DataFrame, settings: Audio) -> AudioEncoding:
    """Fit mean and standard deviation of each band over the training rows."""
    (column,) = columns
    cells = list(frame[column.name])
    n_mels = settings.mels if settings.features == "log_mel" else 0
    n_bands, n_samples = max(1, n_mels), count_samples(column)
    unscaled = AudioEncoding(
        names=(column.name,),
        n_samples=n_samples,
        rate=column.rate,
        n_mels=n_mels,
        shift=np.zeros(n_bands, dtype=np.float32),
        scale=np.ones(n_bands, dtype=np.float32),
        is_padded=True,
    )
    shift, scale = _moments(unscaled, cells)
    is_padded = min(map(len, cells)) < n_samples
    return replace(unscaled, shift=shift, scale=scale, is_padded=is_padded)


def _moments(
    encoding: AudioEncoding, cells: Sequence[NDArray[np.float32]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and standard deviation of each band over all frames but padding."""
    count, total, squares = 0.0, np.zeros(len(encoding.shift)), np.zeros(len(encoding.shift))
    for start in range(0, len(cells), CHUNK):
        group = read_sounds(cells[start : start + CHUNK], encoding.n_samples)
        encoded = ops.convert_to_numpy(encoding.encode(group)).astype(np.float64)
        bands, mask = encoded[..., :-1], encoded[..., -1]
        count += mask.sum()
        total += bands.sum(axis=(0, 1))
        squares += (bands**2).sum(axis=(0, 1))
    mean = total / max(count, 1)
    std = np.sqrt(np.maximum(squares / max(count, 1) - mean**2, 0.0))
    # That of a band without sound may be a rounding error instead of zero.
    std = np.where(std > TINY, std, 1.0)
    return mean.astype(np.float32), std.astype(np.float32)
