"""Paired statistics: what the differences between two candidates on the same rows can tell.

The Bayesian correlated t-test is written out here, ten lines on Student's t, rather than taken
from baycomp: that package is hardly maintained and brings matplotlib. The tests compare with it.
Student's t comes from `scipy.special`, since `scipy.stats` takes over a second to import.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import stdtr, stdtrit

from dlrun.catalog.metrics import get_metric
from dlrun.metrics.bootstrap import BootstrapScorer, bootstrap_scorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.candidate import Predictions
    from dlrun.contract.dataset import Target

N_RESAMPLES: Final = 1000
NOISE: Final = 1e-12  # relative; a smaller difference is the rounding of two equal scores


@dataclass(frozen=True)
class Probabilities:
    """How probable it is that deep is better, that both are equivalent, that classic is better."""

    deep: float
    equivalent: float
    classic: float


@dataclass(frozen=True)
class Interval:
    """An estimate and the ends of its interval."""

    mean: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """Return the distance between the ends."""
        return self.high - self.low


@dataclass(frozen=True)
class Posterior:
    """Student's t over the true mean of correlated differences."""

    mean: float
    scale: float
    df: int


def differences(first: NDArray[Any], second: NDArray[Any], metric: str) -> NDArray[np.float64]:
    """Return by how much `first` is better than `second`, score by score.

    Args:
        first: (n,) scores, in the metric's unit.
        second: (n,) scores on the same splits.
        metric: says which way is better.
    """
    raw = get_metric(metric).sign * (first - second)
    floor = NOISE * np.maximum(np.abs(first), np.abs(second))
    return np.where(np.abs(raw) <= floor, 0.0, raw)


def posterior(differences: NDArray[np.float64], test_share: float) -> Posterior:
    """Describe the mean of differences whose training rows overlap.

    The correlation between two splits is taken to be the share of test rows (Nadeau & Bengio,
    2003, "Inference for the generalization error"). With a flat prior the posterior is Student's
    t (Benavoli, Corani, Demšar & Zaffalon, 2017, "Time for a change").

    Args:
        differences: (n,) with n of at least 2, one per paired split.
        test_share: test rows ÷ (training + test rows) of a split, between 0 and 1.
    """
    n = len(differences)
    inflation = 1 / n + test_share / (1 - test_share)
    scale = float(np.std(differences, ddof=1) * np.sqrt(inflation))
    return Posterior(float(np.mean(differences)), scale, n - 1)


def correlated_t_test(
    differences: NDArray[np.float64], rope: float, test_share: float
) -> Probabilities:
    """Run the Bayesian correlated t-test with a region of practical equivalence.

    Benavoli, Corani, Demšar & Zaffalon, 2017, "Time for a change: a tutorial for comparing
    multiple classifiers through Bayesian analysis".

    Args:
        differences: (n,) by how much deep is better than classic, one per paired split.
        rope: half width of the region, in the metric's unit.
        test_share: test rows ÷ (training + test rows) of a split.
    """
    at = posterior(differences, test_share)
    if at.scale == 0:
        deep, classic = float(at.mean > rope), float(at.mean < -rope)
    else:
        deep = float(stdtr(at.df, (at.mean - rope) / at.scale))
        classic = float(stdtr(at.df, (-rope - at.mean) / at.scale))
    return Probabilities(deep, max(0.0, 1 - deep - classic), classic)


def nadeau_bengio_interval(
    differences: NDArray[np.float64], test_share: float, level: float = 0.95
) -> Interval:
    """Return the corrected resampled interval of the mean difference (Nadeau & Bengio, 2003).

    Args:
        differences: (n,) with n of at least 2, one per paired split.
        test_share: test rows ÷ (training + test rows) of a split.
        level: how often such an interval holds the true mean.
    """
    at = posterior(differences, test_share)
    reach = float(stdtrit(at.df, (1 + level) / 2)) * at.scale
    return Interval(at.mean, at.mean - reach, at.mean + reach)


def corrected_t_p_value(differences: NDArray[np.float64], test_share: float) -> float:
    """Return the two-sided p-value of the corrected resampled t-test (Nadeau & Bengio, 2003)."""
    at = posterior(differences, test_share)
    if at.scale == 0:
        return float(at.mean == 0)
    return float(2 * stdtr(at.df, -abs(at.mean) / at.scale))


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the exact two-sided p-value that both are right equally often (McNemar, 1947).

    Args:
        first: (rows,) whether the first candidate is right.
        second: (rows,) whether the second one is, on the same rows.
    """
    from scipy.stats import binomtest

    only_first = int(np.sum(first & ~second))
    only_second = int(np.sum(second & ~first))
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number (Holm, 1979), in the order given."""
    adjusted = [0.0] * len(p_values)
    reached = 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = reached
    return adjusted


def paired_bootstrap(
    metric: str,
    a: Predictions,
    b: Predictions,
    y: NDArray[Any],
    target: Target,
    *,
    level: float = 0.95,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return by how much `a` is better than `b`, with the percentile interval over test rows.

    Both are scored on the same draws of rows (Efron & Tibshirani, 1993, "An introduction to the
    bootstrap"). The interval speaks of these two fitted models, not of training them again.

    Args:
        metric: a name of `dlrun.recipe.vocabulary`.
        a: of the rows of `y`.
        b: of the same rows.
        y: (rows,) int64 class codes, or float64 values.
        target: says what the codes mean.
        level: share of resampled differences within the interval.
        n_resamples: how many draws.
        seed: of the draws.
    """
    scorers = [[bootstrap_scorer(metric, each, y, target)] for each in (a, b)]
    rows = [np.arange(len(y))]
    scores = resample(scorers, rows, n_resamples=n_resamples, seed=seed)
    everything = np.ones(len(y), dtype=np.int64)
    observed = [np.array([scorer[0](everything)]) for scorer in scorers]
    mean = float(differences(observed[0], observed[1], metric)[0])
    return percentile_interval(mean, resampled_differences(scores[0], scores[1], metric), level)


def resample(
    scorers: Sequence[Sequence[BootstrapScorer]],
    rows: Sequence[NDArray[np.intp]],
    *,
    draw_splits: bool = False,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Score several candidates on the same draws of test rows, (candidates, n_resamples).

    Args:
        scorers: per candidate one scorer per split; a candidate's score is their mean.
        rows: per split the positions of its test rows among all test rows, counted from 0.
        draw_splits: draw the splits too; right where they all test the same rows and differ in
            their seed alone.
        n_resamples: how many draws.
        seed: of the draws.
    """
    random = np.random.default_rng(seed)
    n_rows = 1 + max(int(positions.max()) for positions in rows)
    scores = np.empty((len(scorers), n_resamples))
    for draw in range(n_resamples):
        counts = np.bincount(random.integers(0, n_rows, n_rows), minlength=n_rows)
        splits = random.integers(0, len(rows), len(rows)) if draw_splits else range(len(rows))
        drawn = {split: counts.take(rows[split]) for split in splits}
        for candidate, by_split in enumerate(scorers):
            scores[candidate, draw] = np.mean([by_split[s](drawn[s]) for s in splits])
    return scores


def resampled_differences(
    first: NDArray[np.float64], second: NDArray[np.float64], metric: str
) -> NDArray[np.float64]:
    """Return by how much `first` is better, draw by draw; draws without a score do not count."""
    leads = differences(first, second, metric)
    finite: NDArray[np.float64] = leads[np.isfinite(leads)]
    return finite


def percentile_interval(
    mean: float, resampled: NDArray[np.float64], level: float = 0.95
) -> Interval:
    """Cut equal tails off resampled differences."""
    tail = (1 - level) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(mean, min(mean, float(low)), max(mean, float(high)))


def resampled_p_value(resampled: NDArray[np.float64]) -> float:
    """Return twice the smaller share of resampled differences on either side of zero."""
    n = len(resampled)
    sides = (np.sum(resampled <= 0), np.sum(resampled >= 0))
    return min(1.0, 2 * (1 + int(min(sides))) / (1 + n))


def resampled_probabilities(resampled: NDArray[np.float64], rope: float) -> Probabilities:
    """Return the shares of resampled differences above, within and below the ROPE."""
    deep, classic = float(np.mean(resampled > rope)), float(np.mean(resampled < -rope))
    return Probabilities(deep, 1 - deep - classic, classic)
