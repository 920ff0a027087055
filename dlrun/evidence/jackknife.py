"""The variance of scores by the draw of their test rows, from leaving groups of rows out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.evidence.statistics import RowVariance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.catalog.metrics.row import BootstrapScorer

    Numbers = NDArray[np.float64]

N_GROUPS: Final = 100


def assign_groups(n_rows: int) -> NDArray[np.int64]:
    """Assign rows at random to groups of the same size, at most 100 groups."""
    groups = np.arange(n_rows) % min(n_rows, N_GROUPS)
    return np.random.default_rng(0).permutation(groups)


def changes_without(
    scorers: Sequence[BootstrapScorer], groups: Sequence[NDArray[np.int64]], n_groups: int
) -> Numbers:
    """Return by how much each split's score changes without each group, (splits, groups).

    A score that is not defined without a group (a single class is left) does not change.

    Args:
        scorers: one per split.
        groups: (rows,) the group of each test row, per split.
        n_groups: of all splits.
    """
    changes = np.zeros((len(scorers), n_groups))
    for split, (scorer, own) in enumerate(zip(scorers, groups, strict=True)):
        whole = scorer(np.ones(len(own), dtype=np.int64))
        for group in np.unique(own):
            is_kept = own != group
            score = scorer(is_kept.astype(np.int64)) if is_kept.any() else whole
            changes[split, group] = 0.0 if np.isnan(score) else score - whole
    return changes


def row_variance(changes: Numbers, n_rows: int) -> RowVariance:
    """Return the variance of differences by the draw of test rows.

    The grouped jackknife (Efron & Tibshirani, 1993, "An introduction to the bootstrap", chapter
    11). Since a row belongs to the same group in all test sets, repeats that test it again count
    it once.

    Args:
        changes: (test sets, groups) of the differences without each group.
        n_rows: distinct test rows.
    """
    n_groups = changes.shape[1]
    correction = (n_groups - 1) / n_groups
    return RowVariance(
        of_mean=float(correction * (changes.mean(axis=0) ** 2).sum()),
        of_one=float(correction * (changes**2).sum(axis=1).mean()),
        n_rows=n_rows,
        df=max(1, n_groups - 1),
    )
