"""Sounds: (samples,) float32 from -1 to 1, one channel and sample rate, empty where missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from math import ceil, gcd
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.notes import CUT_SEQUENCES, RESAMPLED_SOUNDS
from dlrun.contract.dataset import Column
from dlrun.contract.excerpt import ShownCell
from dlrun.contract.note import Note
from dlrun.data.types.decode import (
    CellError,
    Folders,
    allocate,
    as_cells,
    as_data,
    for_each,
    locate,
    to_array,
)
from dlrun.data.types.occluded import Occluded, replace_parts
from dlrun.data.types.raw_column import RawColumn
from dlrun.data.types.sequence import (
    N_STRETCHES,
    add_noise,
    drop_segment,
    even_slices,
    is_known,
    length_measure,
    length_range,
    segments,
    show_range,
    shuffle_blocks,
)
from dlrun.errors import DataError
from dlrun.recipe.preprocessing import Audio

__all__ = ["add_noise", "cast", "decode_sound", "describe", "drop_values", "find_shape",
           "is_encoded_sound", "is_known", "measures", "occlude", "recognises", "segments", "show",
           "shuffle_structure", "typical"]  # fmt: skip

LENGTH_QUANTILE: Final = 0.95  # of the sounds; `seconds: auto` is at most …
LENGTH_FACTOR: Final = 2  # … this many times as long
MAX_RATE: Final = 2_000_000  # Hz; of ultrasound a tenth
MARGIN: Final = 256  # samples read beyond the end, for the resampling filter
FULL_SCALE: Final = 2**15  # of 16-bit samples
SHOWN_SECONDS: Final = 4  # of a sound that can be played
SHOWN_RATE: Final = 16_000
SILENCE: Final = 1e-10  # the least power, -100 dB
MAGIC: Final = (b"RIFF", b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")
BLOCKS_PER_SECOND: Final = 50  # of a sound whose structure is shuffled


class AudioHeader(NamedTuple):
    """Facts in the header of an encoded sound; the rate of an array is 0, which is unknown."""

    rate: int
    samples: int


def recognises(raw: RawColumn) -> bool:
    """Return whether the cells are encoded sounds, or names of sound files."""
    if isinstance(raw.cell, bytes):
        return is_encoded_sound(raw.cell)
    return raw.names_files("audio")


def is_encoded_sound(cell: bytes) -> bool:
    """Return whether bytes are those of a sound file, or of its path."""
    suffixes = tuple(suffix.encode() for suffix in COLUMN_KINDS["audio"].suffixes)
    return cell.startswith(MAGIC) or cell.lower().endswith(suffixes)


def find_shape(
    frame: pd.DataFrame, column: Column, folders: Folders, settings: Audio
) -> tuple[Column, list[Note]]:
    """Find the sample rate and the length; no sound is decoded.

    `sample_rate: auto` is the most common rate of the files, of several the highest.
    `seconds: auto` is the longest sound, but at most twice the 95 % quantile; longer ones are cut.
    """
    values = frame[column.name]
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
        text = (
            f"Column {column.name!r}: {resampled:,} of {len(headers):,} sounds are resampled to "
            f"{rate:,} Hz (preprocessing.audio.sample_rate)."
        )
        notes.append(RESAMPLED_SOUNDS.note(text))
    if cut:
        text = (
            f"Column {column.name!r}: {cut:,} of {len(headers):,} sounds are cut after "
            f"{length / rate:.3g} s (preprocessing.audio.seconds)."
        )
        notes.append(CUT_SEQUENCES.note(text))
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
    usual = int(np.quantile(lengths, LENGTH_QUANTILE, method="higher"))
    return max(1, min(max(lengths), LENGTH_FACTOR * usual))


def cast(frame: pd.DataFrame, column: Column, folders: Sequence[Path]) -> NDArray[Any]:
    """Decode sounds, (rows,) cells (samples,) float32; empty where one is missing.

    Several channels are averaged; sounds longer than the column's shape are cut.
    """
    values = frame[column.name]
    sounds = allocate((len(values), *column.shape), np.float32, column)
    lengths = np.zeros(len(values), dtype=np.int64)

    def decode(row: int, cell: Any) -> None:
        sound = decode_sound(cell, column.shape[0], column.rate, folders)
        lengths[row] = len(sound)
        sounds[row, : len(sound)] = sound

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
        file = soundfile.SoundFile(locate(cell, folders))
    except soundfile.LibsndfileError as error:
        message = f"is no sound that libsndfile can read: {error.error_string.rstrip('.')}"
        raise CellError(message) from error
    if file.samplerate > MAX_RATE:  # the filter that resamples it would take the whole memory
        message = f"has a sample rate of {file.samplerate:,} Hz, of at most {MAX_RATE:,} Hz"
        raise CellError(message)
    return file


def _resample(samples: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    from scipy.signal import resample_poly

    shared = gcd(rate, wanted)
    resampled: NDArray[np.float32] = resample_poly(samples, wanted // shared, rate // shared)
    return resampled.astype(np.float32, copy=False)


# ---------------------------------------------------------------------------- decoded sounds


def describe(column: Column, values: pd.Series[Any]) -> str:
    """Return the range of the durations in seconds, and the sample rate."""
    seconds = (f"{samples / column.rate:.2g}" for samples in length_range(values))
    return f"{show_range(*seconds)} s at {column.rate:,} Hz"


def measures(column: Column, values: pd.Series[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the seconds unless all are equal, and the loudness in decibels below full scale."""
    seconds = length_measure(values, column.rate)
    if seconds is not None:
        yield "seconds", seconds
    power = [np.mean(np.square(cell, dtype=np.float64)) if len(cell) else np.nan for cell in values]
    yield "loudness, dB", 10 * np.log10(np.maximum(power, SILENCE))


def show(column: Column, cell: Any) -> ShownCell:
    """Return the first seconds of the sound as FLAC of at most 16 kHz."""
    import soundfile

    if not len(cell):
        return ShownCell("plain", "")
    text = f"{len(cell) / column.rate:.2g} s"
    samples, rate = cell[: SHOWN_SECONDS * column.rate], min(column.rate, SHOWN_RATE)
    if rate < column.rate:
        samples = np.clip(_resample(samples, column.rate, rate), -1, 1)
    if len(cell) > SHOWN_SECONDS * column.rate:
        text += f", the first {SHOWN_SECONDS} s"
    file = BytesIO()
    soundfile.write(file, samples, rate, format="FLAC", subtype="PCM_16")
    return ShownCell("sound", text, as_data("audio/flac", file.getvalue()))


def typical(column: Column, _values: pd.Series[Any]) -> NDArray[np.float32]:
    """Return silence, as long as the longest sound."""
    return np.zeros(column.shape, dtype=np.float32)


def occlude(_column: Column, cell: NDArray[np.float32], reference: NDArray[np.float32]) -> Occluded:
    """Silence one stretch of 16 after the other; a missing sound becomes the reference."""
    if not len(cell):
        return Occluded((reference,), (1,))
    stretches = [(each,) for each in even_slices(len(cell), N_STRETCHES)]
    return Occluded(replace_parts(cell, reference, stretches), (len(stretches),))


def drop_values(values: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
    """Silence a contiguous share of each sound."""
    return drop_segment(values, rng, level, fill=0.0)


def shuffle_structure(values: pd.Series[Any], column: Column, rng: np.random.Generator) -> Any:
    """Rearrange blocks of a fiftieth of a second."""
    block = max(1, column.rate // BLOCKS_PER_SECOND)
    return shuffle_blocks(values, column.shape[0], block, rng)
