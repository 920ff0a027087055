"""Training rows streamed from disk in windows: the next one is read while a network trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Stream
from dlrun.data.streaming.prefetch import prefetch
from dlrun.deep.inputs.groups import FrameReader
from dlrun.deep.training.device_data import DeviceDataset

WINDOW_ROWS: Final = 2**18
WINDOW_BYTES: Final = 2**27  # of the rows of a window as they are read
MIN_ROWS: Final = 2**10

Encode = Callable[[Mapping[str, NDArray[Any]], NDArray[Any]], DeviceDataset]
"""Column groups and y of some rows → what a network is trained on."""


@dataclass(frozen=True)
class StreamedRows:
    """All training rows of a stream in windows, each from many places of the files.

    Two windows are in memory at a time, and a third is being read.

    Attributes:
        reader: typed columns to column groups.
        seed: with the epoch's number it fixes the order of rows.
    """

    stream: Stream
    reader: FrameReader
    encode: Encode
    seed: int

    def __len__(self) -> int:
        return self.stream.sizes[0]

    def windows(self, epoch: int) -> Iterator[DeviceDataset]:
        """Yield the rows of an epoch; all windows but the last have the same number of rows."""
        yield from prefetch(self._windows(epoch))

    def _windows(self, epoch: int) -> Iterator[DeviceDataset]:
        buffer = ShuffleBuffer()
        for chunk in self.stream.chunks(self.seed, epoch):
            buffer.add(self.reader.read(chunk.frame), chunk.y)
            while len(buffer) >= buffer.window:
                yield self.encode(*buffer.take(buffer.window))
        if len(buffer):
            yield self.encode(*buffer.take(len(buffer)))


class ShuffleBuffer:
    """Rows that were read ahead of their window."""

    def __init__(self) -> None:
        self._pieces: list[dict[str, NDArray[Any]]] = []
        self._n_rows = 0
        self.window = WINDOW_ROWS

    def __len__(self) -> int:
        return self._n_rows

    def add(self, groups: Mapping[str, NDArray[Any]], y: NDArray[Any]) -> None:
        """Add rows; the first ones fix the size of the windows."""
        if not self._pieces:
            per_row = sum(prod(rows.shape[1:]) * rows.itemsize for rows in groups.values())
            fitting = WINDOW_BYTES // max(1, per_row)
            self.window = max(MIN_ROWS, min(WINDOW_ROWS, fitting))
        self._pieces.append({**groups, "": y})
        self._n_rows += len(y)

    def take(self, n_rows: int) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
        """Remove and return the first rows: column groups and y."""
        joined = {
            name: _concatenate([piece[name] for piece in self._pieces]) for name in self._pieces[0]
        }
        self._pieces = [{name: rows[n_rows:].copy() for name, rows in joined.items()}]
        self._n_rows -= n_rows
        taken = {name: rows[:n_rows] for name, rows in joined.items()}
        y = taken.pop("")
        return taken, y


def _concatenate(pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Join rows; ids of texts are as many as those of the longest one of their piece."""
    longest = max(piece.shape[1:2] for piece in pieces)
    return np.concatenate([_pad(piece, *longest) for piece in pieces])


def _pad(piece: NDArray[Any], length: int = 0) -> NDArray[Any]:
    """Pad rows of ids with 0."""
    missing = length - piece.shape[1] if length else 0
    return np.pad(piece, ((0, 0), (0, missing))) if missing else piece
