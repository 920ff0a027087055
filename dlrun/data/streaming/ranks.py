"""The number of a rank among more numbers than memory holds: exact, in a pass or two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

N_BINS: Final = 2**17  # about, after a merge
MOST_BINS: Final = 2**20  # and numbers that wait to be counted

Numbers = NDArray[Any]
"""(rows,) int64 or float64, in any order."""


class Found(NamedTuple):
    """A number of some rank.

    Attributes:
        n_before: how many are smaller.
    """

    value: Any
    n_before: int


@dataclass
class RankBins:
    """Counts of numbers in ranges that do not overlap.

    A range is a single number, until there are too many different ones and neighbours are merged.

    Attributes:
        low: (bins,) the smallest number of each, ascending.
        high: (bins,) the largest number of each.
        counts: (bins,) int64.
        waiting: numbers that are not counted yet.
    """

    low: Numbers = field(default_factory=lambda: np.zeros(0))
    high: Numbers = field(default_factory=lambda: np.zeros(0))
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    waiting: list[Numbers] = field(default_factory=list)

    def add(self, numbers: Numbers) -> None:
        """Add numbers."""
        self.waiting.append(numbers)
        if sum(map(len, self.waiting)) > MOST_BINS:
            self.count()

    def count(self) -> None:
        """Count the numbers that wait."""
        values, counts = np.unique(np.concatenate(self.waiting), return_counts=True)
        self.waiting = []
        places = np.searchsorted(self.low, values, side="right") - 1
        is_in = places >= 0
        is_in[is_in] = values[is_in] <= self.high[places[is_in]]
        np.add.at(self.counts, places[is_in], counts[is_in])
        new = values[~is_in]
        low = np.concatenate([self.low, new]) if len(self.low) else new
        order = np.argsort(low, kind="stable")
        self.high = (np.concatenate([self.high, new]) if len(self.high) else new)[order]
        self.counts = np.concatenate([self.counts, counts[~is_in]])[order]
        self.low = low[order]
        if len(self.low) > MOST_BINS:
            self._merge()

    def _merge(self) -> None:
        """Merge neighbours that are few; a number that is frequent keeps a range of its own."""
        most = int(self.counts.sum()) // N_BINS + 1
        is_large = self.counts > most
        group = (np.cumsum(self.counts) - self.counts) // most
        is_first = np.append(True, (np.diff(group) > 0) | is_large[1:] | is_large[:-1])
        first = np.flatnonzero(is_first)
        self.high = self.high[np.append(first[1:], len(self.low)) - 1]
        self.low = self.low[first]
        self.counts = np.add.reduceat(self.counts, first)

    def find(self, rank: int) -> tuple[Any, Any, int]:
        """Return the range with the number of a rank, from 0, and how many come before it."""
        ends = np.cumsum(self.counts)
        place = int(np.searchsorted(ends, rank, side="right"))
        return self.low[place], self.high[place], int(ends[place] - self.counts[place])


def find_shares(
    read: Callable[[], Iterable[Numbers]], shares: Sequence[float]
) -> tuple[int, list[Found | None]]:
    """Find the numbers at which shares of the sorted numbers end, None where none is left.

    Args:
        read: yields all numbers, in pieces; called once, and again while there are more different
            numbers than fit into memory.
        shares: of all numbers, from 0 to 1.

    Returns:
        How many numbers there are, and the first number after each share.
    """
    bins = _counted(read())
    n_numbers = int(bins.counts.sum())
    ranks = [round(share * n_numbers) for share in shares]
    return n_numbers, [_find(read, bins, rank) if rank < n_numbers else None for rank in ranks]


def _find(read: Callable[[], Iterable[Numbers]], bins: RankBins, rank: int) -> Found:
    low, high, n_before = bins.find(rank)
    while low != high:
        bins = _counted(piece[(piece >= low) & (piece <= high)] for piece in read())
        low, high, n_more = bins.find(rank - n_before)
        n_before += n_more
    return Found(low, n_before)


def _counted(pieces: Iterable[Numbers]) -> RankBins:
    bins = RankBins()
    for piece in pieces:
        bins.add(piece)
    if bins.waiting:
        bins.count()
    return bins
