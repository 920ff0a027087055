"""Scores of the same predictions on many bootstrap samples of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.catalog.metrics.row import BootstrapScorer

N_RESAMPLES: Final = 1000


def resample(
    scorers: Sequence[Sequence[BootstrapScorer]],
    rows: Sequence[NDArray[np.intp]],
    *,
    draw_splits: bool = False,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Score candidates on the same bootstrap samples of test rows, (candidates, n_resamples).

    Efron & Tibshirani, 1993, "An introduction to the bootstrap".

    Args:
        scorers: per candidate one scorer per split; a candidate's score is their mean.
        rows: per split the positions of its test rows among all test rows, counted from 0.
        draw_splits: resample the splits too: right where all test the same rows and differ in
            their seed alone.
        n_resamples: bootstrap samples.
        seed: of the samples.
    """
    rng = np.random.default_rng(seed)
    n_rows = 1 + max(int(positions.max()) for positions in rows)
    scores = np.empty((len(scorers), n_resamples))
    for sample in range(n_resamples):
        counts = np.bincount(rng.integers(0, n_rows, n_rows), minlength=n_rows)
        splits = rng.integers(0, len(rows), len(rows)) if draw_splits else range(len(rows))
        drawn = {split: counts.take(rows[split]) for split in splits}
        for candidate, by_split in enumerate(scorers):
            scores[candidate, sample] = np.mean([by_split[s](drawn[s]) for s in splits])
    return scores
