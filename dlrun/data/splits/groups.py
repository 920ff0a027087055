"""Whole groups dealt out to piles, so that every pile gets its share of every class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def assign_groups(
    groups: NDArray[np.int64],
    strata: NDArray[Any],
    shares: Sequence[float],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Deal rows out to piles without parting a group.

    Greedy, as scikit-learn's StratifiedGroupKFold: the larger groups first, each to the pile that
    lies furthest behind its share of the rows and of each stratum. In numpy it takes no pass over
    the rows in Python, and no pile stays empty while there are as many groups as piles. Sizes are
    shaken by up to a factor of two before they are sorted: otherwise repeats would be alike.

    Args:
        groups: (rows,) group codes from 0, without gaps.
        strata: (rows,) class codes.
        shares: of all rows, one for each pile.
        rng: breaks ties and shakes the sizes.

    Returns:
        (rows,) the pile of each row.
    """
    counts = np.zeros((groups.max() + 1, strata.max() + 2))
    np.add.at(counts, (groups, strata), 1)
    sizes = counts.sum(axis=1)
    counts[:, -1] = sizes  # the rows as such weigh as much as a class does
    totals = np.maximum(counts.sum(axis=0), 1)
    filled = np.zeros((len(shares), counts.shape[1]))
    pile_of = np.empty(len(counts), dtype=np.int64)
    order = np.argsort(-sizes * (1 + rng.random(len(sizes))))
    for n_left, group in zip(range(len(order), 0, -1), order, strict=True):
        # What the sum of squares of (filled / totals) / share grows by.
        cost = (2 * filled + counts[group]) @ (counts[group] / totals**2) / shares
        is_empty = filled[:, -1] == 0
        if is_empty.sum() >= n_left:
            cost[~is_empty] = np.inf
        pile = cost.argmin()
        filled[pile] += counts[group]
        pile_of[group] = pile
    return pile_of[groups]
