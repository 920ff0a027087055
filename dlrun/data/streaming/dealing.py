"""Blocks dealt to the workers that read a stream together, each its own ones."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heapreplace

import numpy as np
from numpy.typing import NDArray


def deal_blocks(
    order: NDArray[np.int64], n_rows: NDArray[np.int64], n_parts: int
) -> Sequence[NDArray[np.int64]]:
    """Deal the blocks into parts of about as many rows.

    Greedy (Graham 1969): the larger blocks first, each to the part that has the fewest rows.

    Args:
        order: (blocks,) the numbers of all blocks in the order of an epoch.
        n_rows: (blocks,) the rows to read of each block, by its number.
        n_parts: one for each worker.

    Returns:
        The numbers of each part's blocks, in the order of the epoch.
    """
    heap = [(0, part) for part in range(n_parts)]
    heapify(heap)
    part_of = np.zeros(len(order), np.int64)
    for place in np.argsort(-n_rows[order], kind="stable").tolist():
        n_dealt, part_of[place] = heap[0]
        heapreplace(heap, (n_dealt + int(n_rows[order[place]]), part_of[place]))
    return [order[part_of == part] for part in range(n_parts)]
