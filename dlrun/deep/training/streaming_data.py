"""Training rows streamed from disk in windows: the next one is read while a network trains."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil, prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Stream
from dlrun.data.streaming.prefetch import prefetch
from dlrun.deep.inputs.groups import FrameReader
from dlrun.deep.training.device_data import DeviceDataset, Window, even_edges, join

WINDOW_ROWS: Final = 2**18
WINDOW_BYTES: Final = 2**27  # of the rows of a window as they are read
MIN_ROWS: Final = 2**7
MOST_UNEVEN: Final = 1.25  # times an even share that a worker may read, for the others wait for it

Encode = Callable[[Mapping[str, NDArray[Any]], NDArray[Any]], DeviceDataset]
"""Column groups and y of some rows → what a network is trained on."""


@dataclass(frozen=True)
class StreamShare:
    """Which of the workers that read a stream together this one is.

    Attributes:
        index: of this worker.
        n_workers: in all.
        n_fewest: rows that each worker needs for every step.
    """

    index: int = 0
    n_workers: int = 1
    n_fewest: int = 1


@dataclass(frozen=True)
class StreamedRows:
    """All training rows of a stream in windows, each from many places of the files.

    A window is in memory at a time, and the next one is being read. Of several workers each reads
    its own blocks; where these are too few or too uneven for that, all read all, and train on
    their share of each step.

    Attributes:
        reader: typed columns to column groups.
        seed: with the epoch's number it fixes the order of rows.
        window: rows of a window at most, unless a step has more.
        worker: that reads.
    """

    stream: Stream
    reader: FrameReader
    encode: Encode
    seed: int
    window: int
    worker: StreamShare = StreamShare()

    def __len__(self) -> int:
        return self.stream.sizes[0]

    def windows(self, epoch: int, n_steps: int) -> Iterator[Window]:
        """Yield the rows of an epoch that this worker reads.

        All workers have as many windows, of as many rows as can be, which end with the same steps.
        """
        yield from prefetch(self._windows(epoch, n_steps))

    def _windows(self, epoch: int, n_steps: int) -> Iterator[Window]:
        plan = self._plan(epoch, n_steps).T.tolist()
        n_parts = len(plan[0])
        part = self.worker.index if n_parts > 1 else 0
        buffer = ShuffleBuffer()
        chunks = self.stream.chunks(self.seed, epoch, part=part, n_parts=n_parts)
        for shares in plan:
            while len(buffer) < shares[part]:
                chunk = next(chunks)
                buffer.add(self.reader.read(chunk.frame), chunk.y)
            # Pieces are small enough for their memory to be used again: a system takes as long to
            # give the memory of a window as to fill it.
            pieces = [self.encode(groups, y) for groups, y in buffer.take(shares[part])]
            yield Window(join(pieces), tuple(shares))
        next(chunks, None)  # which checks that the last file has not changed

    def _plan(self, epoch: int, n_steps: int) -> NDArray[np.int64]:
        """Return the rows of each worker in each window, (workers, windows).

        It depends on the epoch and on what is known of the whole stream: all workers make the same.
        There is a single row where all read all.
        """
        if self.worker.n_workers > 1:
            shares = self._cut(self.stream.deal(self.worker.n_workers, self.seed, epoch), n_steps)
            if self._suffices(shares, n_steps):
                return shares
        return self._cut((len(self),), n_steps)

    def _cut(self, n_rows: tuple[int, ...], n_steps: int) -> NDArray[np.int64]:
        """Cut the rows of each worker into windows, each of a step at least."""
        most = max(self.window, ceil(len(self) / n_steps))
        n_windows = ceil(max(n_rows) / most)
        return np.array([np.diff(even_edges(each, n_windows)) for each in n_rows])

    def _suffices(self, shares: NDArray[np.int64], n_steps: int) -> bool:
        """Return whether each worker has enough rows of its own for every step, and none too many.

        Args:
            shares: (workers, windows) rows.
            n_steps: of the epoch.
        """
        ends = shares.sum(axis=0).cumsum().tolist()
        steps = np.diff([round(end * n_steps / len(self)) for end in ends], prepend=0)
        is_even = shares.sum(axis=1).max() * len(shares) <= MOST_UNEVEN * len(self)
        return bool(is_even and (shares >= steps * self.worker.n_fewest).all())


def rows_of_window(groups: Mapping[str, NDArray[Any]]) -> int:
    """Return how many rows are in memory together.

    Args:
        groups: some rows, as they are read.
    """
    per_row = sum(prod(rows.shape[1:]) * rows.itemsize for rows in groups.values())
    return max(MIN_ROWS, min(WINDOW_ROWS, WINDOW_BYTES // max(1, per_row)))


class ShuffleBuffer:
    """Rows that were read ahead of their window."""

    def __init__(self) -> None:
        self._pieces: deque[dict[str, NDArray[Any]]] = deque()
        self._n_rows = 0

    def __len__(self) -> int:
        return self._n_rows

    def add(self, groups: Mapping[str, NDArray[Any]], y: NDArray[Any]) -> None:
        """Add rows."""
        self._pieces.append({**groups, "": y})
        self._n_rows += len(y)

    def take(self, n_rows: int) -> Iterator[tuple[dict[str, NDArray[Any]], NDArray[Any]]]:
        """Remove the first rows, and yield them in pieces: column groups and y."""
        taken = [*self._take(n_rows)]
        lengths = {name: max(piece[name].shape[1:2] for piece in taken) for name in taken[0]}
        for piece in taken:
            groups = {name: _pad(rows, *lengths[name]) for name, rows in piece.items()}
            y = groups.pop("")
            yield groups, y

    def _take(self, n_rows: int) -> Iterator[dict[str, NDArray[Any]]]:
        self._n_rows -= n_rows
        while n_rows:
            piece = self._pieces.popleft()
            if len(piece[""]) > n_rows:
                self._pieces.appendleft({name: rows[n_rows:] for name, rows in piece.items()})
                piece = {name: rows[:n_rows] for name, rows in piece.items()}
            n_rows -= len(piece[""])
            yield piece


def _pad(piece: NDArray[Any], length: int = 0) -> NDArray[Any]:
    """Pad rows of ids with 0, as many as those of the longest text of a window."""
    missing = length - piece.shape[1] if length else 0
    return np.pad(piece, ((0, 0), (0, missing))) if missing else piece
