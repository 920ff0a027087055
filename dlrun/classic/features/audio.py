"""Sounds as features: their samples, or cepstral coefficients and the shape of the spectrum."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.classic import extras
from dlrun.classic.features.image import PcaComponents
from dlrun.classic.features.spec import FeatureSpec, StatelessTransformer, measured_steps
from dlrun.contract.dataset import Column

N_SAMPLES: Final = 16_384
WINDOW_SECONDS: Final = 0.032
N_MELS: Final = 40
N_COEFFICIENTS: Final = 20
N_NUMBERS: Final = 2 * (3 * N_COEFFICIENTS + 6)


class Waveform(StatelessTransformer):
    """The first 16,384 samples of a sound, from −1 to 1; silence after a shorter one."""

    def transform(self, cells: pd.Series[Any]) -> NDArray[np.float32]:
        """Return the samples, (rows, 16,384) float32."""
        values = np.zeros((len(cells), N_SAMPLES), dtype=np.float32)
        for row, cell in zip(values, cells, strict=True):
            row[: len(cell)] = cell[:N_SAMPLES]
        return values


class Mfcc(StatelessTransformer):
    """Mel-frequency cepstral coefficients of a sound and the shape of its spectrum.

    In windows of about 32 ms: 20 coefficients with their first and second differences (Davis &
    Mermelstein 1980), spectral centroid, bandwidth, roll-off and flatness, the zero-crossing rate
    and the root mean square; of each the mean and the standard deviation over the windows.

    Args:
        rate: samples per second.
    """

    def __init__(self, rate: int = 16_000) -> None:
        self.rate = rate

    def transform(self, cells: pd.Series[Any]) -> NDArray[np.float32]:
        """Return the numbers, (rows, 132) float32; NaN where a sound is missing."""
        librosa = extras.load("librosa")
        window = 2 ** round(np.log2(self.rate * WINDOW_SECONDS))
        mels = librosa.filters.mel(sr=self.rate, n_fft=window, n_mels=N_MELS)
        rows = [_measured(librosa, cell, self.rate, window, mels) for cell in cells]
        return np.array(rows, dtype=np.float32)


def _measured(
    librosa: Any, sound: NDArray[np.float32], rate: int, window: int, mels: NDArray[np.float32]
) -> NDArray[np.float32]:
    if not len(sound):
        return np.full(N_NUMBERS, np.nan, dtype=np.float32)
    measure, hop = librosa.feature, window // 2
    padded = np.pad(sound, (0, max(0, window - len(sound))))
    magnitude = np.abs(librosa.stft(padded, n_fft=window, hop_length=hop))
    cepstrum = measure.mfcc(S=librosa.power_to_db(mels @ magnitude**2), n_mfcc=N_COEFFICIENTS)
    over_time = np.vstack([
        cepstrum,
        measure.delta(cepstrum, mode="nearest"),
        measure.delta(cepstrum, order=2, mode="nearest"),
        measure.spectral_centroid(S=magnitude, sr=rate),
        measure.spectral_bandwidth(S=magnitude, sr=rate),
        measure.spectral_rolloff(S=magnitude, sr=rate),
        measure.spectral_flatness(S=magnitude),
        measure.zero_crossing_rate(padded, frame_length=window, hop_length=hop),
        measure.rms(y=padded, frame_length=window, hop_length=hop),
    ])  # fmt: skip
    return np.concatenate([over_time.mean(axis=1), over_time.std(axis=1)])


def waveform_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Return the steps of `waveform`: principal components where scale counts."""
    return [Waveform(), *([PcaComponents(seed=spec.seed)] if spec.is_scaled else [])]


def mfcc_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Return the steps of `mfcc`."""
    return [Mfcc(column.rate), *measured_steps(spec)]
