"""The weights of a blend: candidates whose mean prediction scores best on validation rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.catalog.metrics.row import ScoredRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.catalog.metrics.row import Metric

    Numbers = NDArray[np.float64]

N_BAGS: Final = 8
N_STEPS: Final = 10  # of each bag; more change the weights of few
MAX_ROWS: Final = 2000  # of each bag


def blend_weights(
    predictions: Numbers, y: NDArray[Any], metric: Metric, *, seed: int = 0
) -> Numbers:
    """Weigh candidates so that their mean prediction scores best, (candidates,); they sum to one.

    Greedy selection with replacement, which starts at the best candidate and ends with the best
    mean on its way (Caruana, Niculescu-Mizil, Crew & Ksikes, 2004, "Ensemble selection from
    libraries of models"), is repeated on bootstrap samples of the rows, and the weights are
    averaged. On few rows one selection on all of them takes the luck of the rows for skill.

    Args:
        predictions: (candidates, rows) or (candidates, rows, labels), as in `Predictions.values`.
        y: (rows,) or (rows, labels) true values of the same rows.
        metric: that is to be best. Where no sample defines it, all weigh alike.
        seed: of the samples.
    """
    rng, n_candidates = np.random.default_rng(seed), len(predictions)
    total = np.zeros(n_candidates)
    for _ in range(N_BAGS if len(y) else 0):
        rows = rng.integers(0, len(y), min(len(y), MAX_ROWS))
        order = rng.permutation(n_candidates)  # the first of those that are level is chosen
        total[order] += _select(predictions[np.ix_(order, rows)], y[rows], metric)
    return total / total.sum() if total.any() else np.full(n_candidates, 1 / n_candidates)


def mix(predictions: Numbers, weights: Numbers) -> Numbers:
    """Return the weighted mean of predictions, (rows,) or (rows, labels).

    Args:
        predictions: (candidates, rows) or (candidates, rows, labels).
        weights: (candidates,) that sum to one.
    """
    shaped = weights.reshape(-1, *[1] * (predictions.ndim - 1))
    mean: Numbers = (shaped * predictions).sum(axis=0)
    return mean


def _select(predictions: Numbers, y: NDArray[Any], metric: Metric) -> Numbers:
    """Return the weights of one greedy selection, all 0 where the metric is not defined."""
    once = np.ones(len(y), dtype=np.int64)

    def score(values: Numbers) -> float:
        found = metric.sign * metric.bootstrap_scorer(ScoredRows(y, values))(once)
        return -np.inf if np.isnan(found) else found

    total, chosen = np.zeros(predictions.shape[1:]), []
    best, n_best = -np.inf, 0
    for step in range(1, N_STEPS + 1):
        scores = [score((total + own) / step) for own in predictions]
        chosen.append(int(np.argmax(scores)))
        total = total + predictions[chosen[-1]]
        if scores[chosen[-1]] > best:
            best, n_best = scores[chosen[-1]], step
    counts = np.bincount(chosen[:n_best], minlength=len(predictions))
    return counts / max(n_best, 1)
