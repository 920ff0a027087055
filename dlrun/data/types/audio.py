"""Sounds: measured by their headers, then decoded to one channel and one sample rate."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import ceil, gcd
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.data.types.decode import (
    CellError,
    Folders,
    allocate,
    as_cells,
    for_each,
    locate,
    to_array,
)
from dlrun.errors import DataError
from dlrun.recipe.preprocessing import Audio

LONG_SHARE: Final = 0.95  # `seconds: auto` goes by the longest of this share of the sounds
MUCH_LONGER: Final = 2  # and cuts those that are longer than that by this factor
MARGIN: Final = 256  # samples read beyond the cut, for the filter that resamples
FULL_SCALE: Final = 2**15  # of 16-bit samples


class AudioHeader(NamedTuple):
    """What is known of a sound before it is decoded; an array has no rate of its own: 0."""

    rate: int
    samples: int


def shape_sounds(
    values: pd.Series[Any], column: Column, folders: Folders, settings: Audio
) -> tuple[Column, list[str]]:
    """Fix the sample rate and the length of an audio column; no sound is decoded for it.

    `sample_rate: auto` is the most common rate of the files, of several the highest.
    `seconds: auto` is the longest sound, but at most twice what 95 % of the sounds stay below;
    longer ones are cut.

    Returns:
        The column with its shape and rate, and what is done to the sounds, one sentence each.

    Raises:
        DataError: a file is missing or is no sound, or nothing tells the rate.
    """
    headers = for_each(values, column, folders, lambda _, cell: _read_header(cell, folders))
    if not headers:
        return replace(column, shape=(1,), rate=1), []
    rate = _auto_rate(column, headers) if settings.sample_rate == "auto" else settings.sample_rate
    lengths = [ceil(samples * rate / (own or rate)) for own, samples in headers]
    if settings.seconds == "auto":
        length = _auto_length(lengths)
    else:
        length = max(1, round(settings.seconds * rate))
    resampled = sum(own not in (0, rate) for own, _ in headers)
    cut = sum(other > length for other in lengths)
    notes = []
    if resampled:
        notes.append(
            f"Column {column.name!r}: {resampled:,} of {len(headers):,} sounds are resampled to "
            f"{rate:,} Hz (preprocessing.audio.sample_rate)."
        )
    if cut:
        notes.append(
            f"Column {column.name!r}: {cut:,} of {len(headers):,} sounds are cut after "
            f"{length / rate:.3g} s (preprocessing.audio.seconds)."
        )
    return replace(column, shape=(length,), rate=rate), notes


def _auto_rate(column: Column, headers: list[AudioHeader]) -> int:
    counts = Counter(header.rate for header in headers if header.rate)
    if not counts:
        message = (
            f"column {column.name!r} holds sounds as numbers, which do not tell their sample rate. "
            "Set preprocessing.audio.sample_rate."
        )
        raise DataError(message)
    return max(counts, key=lambda rate: (counts[rate], rate))


def _auto_length(lengths: list[int]) -> int:
    usual = int(np.quantile(lengths, LONG_SHARE, method="higher"))
    return max(1, min(max(lengths), MUCH_LONGER * usual))


def read_sounds(values: pd.Series[Any], column: Column, folders: Folders) -> NDArray[Any]:
    """Decode sounds, (rows,) cells (samples,) float32; of none where one is missing.

    Several channels are averaged; what is longer than the column's shape is cut.

    Raises:
        DataError: a file is missing, or cannot be decoded.
    """
    sounds = allocate((len(values), *column.shape), np.float32, column)
    lengths = np.zeros(len(values), dtype=np.int64)

    def decode(place: int, cell: Any) -> None:
        sound = decode_sound(cell, column.shape[0], column.rate, folders)
        lengths[place] = len(sound)
        sounds[place, : len(sound)] = sound

    for_each(values, column, folders, decode)
    cut = (sound[:length] for sound, length in zip(sounds, lengths, strict=True))
    return as_cells(cut, len(values))


def decode_sound(cell: Any, length: int, rate: int, folders: Folders) -> NDArray[np.float32]:
    """Decode one sound to at most `length` samples at `rate`, from -1 to 1."""
    samples, own = (
        (_from_array(cell), rate)
        if isinstance(cell, np.ndarray | list | tuple)
        else _from_file(cell, length, rate, folders)
    )
    if own != rate:
        samples = _resample(samples, own, rate)
    sound: NDArray[np.float32] = np.clip(np.nan_to_num(samples[:length]), -1, 1)
    return sound


def _from_array(cell: Any) -> NDArray[np.float32]:
    samples = to_array(cell)
    if samples.ndim != 1:
        message = f"has the shape {samples.shape}, but must be (samples,), one channel"
        raise CellError(message)
    scale = 1 if samples.dtype.kind == "f" else FULL_SCALE
    return (samples / scale).astype(np.float32)


def _from_file(
    cell: Any, length: int, rate: int, folders: Folders
) -> tuple[NDArray[np.float32], int]:
    with _open(cell, folders) as file:
        needed = ceil(length * file.samplerate / rate) + MARGIN
        samples = file.read(needed, dtype="float32", always_2d=True)
        return samples.mean(axis=1), file.samplerate


def _read_header(cell: Any, folders: Folders) -> AudioHeader:
    if isinstance(cell, np.ndarray | list | tuple):
        return AudioHeader(0, len(cell))
    with _open(cell, folders) as file:
        return AudioHeader(file.samplerate, file.frames)


def _open(cell: Any, folders: Folders) -> Any:
    import soundfile

    try:
        return soundfile.SoundFile(locate(cell, folders))
    except soundfile.LibsndfileError as error:
        message = f"is no sound that libsndfile can read: {error.error_string.rstrip('.')}"
        raise CellError(message) from error


def _resample(samples: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    from scipy.signal import resample_poly

    shared = gcd(rate, wanted)
    resampled: NDArray[np.float32] = resample_poly(samples, wanted // shared, rate // shared)
    return resampled.astype(np.float32, copy=False)
