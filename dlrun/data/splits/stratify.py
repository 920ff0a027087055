"""Random draws that keep the share of every stratum, such as a class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Dataset, Target
from dlrun.data.targets import target_kind

RowPositions = NDArray[np.int64]


def strata_of(y: NDArray[Any], target: Target) -> NDArray[np.int64]:
    """Return the stratum of each row, (rows,): its class code, or zeros where there are none."""
    return target_kind(target.task).strata(y)


def ordered(strata: NDArray[Any], rng: np.random.Generator) -> RowPositions:
    """Return the positions sorted by stratum, in random order within each."""
    order = rng.permutation(len(strata))
    return order[np.argsort(strata[order], kind="stable")]


def draw(strata: NDArray[Any], n: int, rng: np.random.Generator) -> RowPositions:
    """Draw `n` positions, every stratum to its share, give or take one.

    Systematic sampling: every (rows / n)-th position of the rows sorted by stratum.
    """
    return _every(ordered(strata, rng), n, rng)


def draw_spare(strata: NDArray[Any], n: int, rng: np.random.Generator) -> RowPositions:
    """Draw as `draw` does, but at most so many that one row of every stratum stays behind."""
    order = ordered(strata, rng)
    spare = order[1:][strata[order[1:]] == strata[order[:-1]]]
    return _every(spare, min(n, len(spare)), rng)


def nested(
    dataset: Dataset, rows: RowPositions, seed: int, *, each_first: bool = False
) -> RowPositions:
    """Return the rows in an order in which any first n of them are about stratified.

    Args:
        dataset: that the rows are of.
        rows: their positions.
        seed: of the order.
        each_first: one row of every stratum comes before all others, so that none is missing.
    """
    rng = np.random.default_rng(seed)
    strata = strata_of(dataset.y[rows], dataset.target)
    places = np.empty(len(rows))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        order = rng.permutation(len(members))
        places[members] = (order + rng.random()) / len(members) - (each_first & (order == 0))
    return rows[np.argsort(places)]


def _every(order: RowPositions, n: int, rng: np.random.Generator) -> RowPositions:
    places = (np.arange(n) + rng.random()) * (len(order) / n) if n else np.empty(0)
    return order[places.astype(np.int64)]
