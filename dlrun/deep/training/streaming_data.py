"""Training rows streamed from disk in windows: the next one is read while a network trains."""

from __future__ import annotations

from collections import deque
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
MIN_ROWS: Final = 2**7

Encode = Callable[[Mapping[str, NDArray[Any]], NDArray[Any]], DeviceDataset]
"""Column groups and y of some rows → what a network is trained on."""


@dataclass(frozen=True)
class StreamedRows:
    """All training rows of a stream in windows, each from many places of the files.

    A window is in memory at a time, and the next one is being read.

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
        self._pieces: deque[dict[str, NDArray[Any]]] = deque()
        self._n_rows = 0
        self.window = 0

    def __len__(self) -> int:
        return self._n_rows

    def add(self, groups: Mapping[str, NDArray[Any]], y: NDArray[Any]) -> None:
        """Add rows; the first ones fix the size of the windows."""
        if not self.window:
            per_row = sum(prod(rows.shape[1:]) * rows.itemsize for rows in groups.values())
            fitting = WINDOW_BYTES // max(1, per_row)
            self.window = max(MIN_ROWS, min(WINDOW_ROWS, fitting))
        self._pieces.append({**groups, "": y})
        self._n_rows += len(y)

    def take(self, n_rows: int) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
        """Remove and return the first rows: column groups and y."""
        taken = [*self._take(n_rows)]
        joined = {name: _concatenate([piece.pop(name) for piece in taken]) for name in [*taken[0]]}
        y = joined.pop("")
        return joined, y

    def _take(self, n_rows: int) -> Iterator[dict[str, NDArray[Any]]]:
        self._n_rows -= n_rows
        while n_rows:
            piece = self._pieces.popleft()
            if len(piece[""]) > n_rows:
                self._pieces.appendleft({name: rows[n_rows:] for name, rows in piece.items()})
                piece = {name: rows[:n_rows] for name, rows in piece.items()}
            n_rows -= len(piece[""])
            yield piece


def _concatenate(pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Join rows; ids of texts are as many as those of the longest one of their piece."""
    longest = max(piece.shape[1:2] for piece in pieces)
    return np.concatenate([_pad(piece, *longest) for piece in pieces])


def _pad(piece: NDArray[Any], length: int = 0) -> NDArray[Any]:
    """Pad rows of ids with 0."""
    missing = length - piece.shape[1] if length else 0
    return np.pad(piece, ((0, 0), (0, missing))) if missing else piece
