"""Paired statistics of the differences between two candidates on the same rows.

The Bayesian correlated t-test is written out here rather than taken from baycomp, which is hardly
maintained and brings Matplotlib; the tests compare with it. Student's t comes from
`scipy.special`, since `scipy.stats` takes over a second to import.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p, pi
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import stdtr, stdtrit

from dlrun.catalog.metrics import get_metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

ROUNDING: Final = 1e-12  # relative; a smaller difference is the rounding of two equal scores


@dataclass(frozen=True)
class Probabilities:
    """The probabilities that deep is better, that both are equivalent, that classic is better."""

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

    def density(self, value: float) -> float:
        """Return the probability density at a value; the scale is above 0."""
        n = self.df
        peak = lgamma((n + 1) / 2) - lgamma(n / 2) - log(n * pi) / 2 - log(self.scale)
        return exp(peak - (n + 1) / 2 * log1p(((value - self.mean) / self.scale) ** 2 / n))


def differences(first: NDArray[Any], second: NDArray[Any], metric: str) -> Numbers:
    """Return by how much `first` is better than `second`, (n,), in the metric's unit.

    Args:
        first: (n,) scores.
        second: (n,) scores on the same splits.
        metric: gives the direction.
    """
    raw = get_metric(metric).sign * (first - second)
    tolerance = ROUNDING * np.maximum(np.abs(first), np.abs(second))
    return np.where(np.abs(raw) <= tolerance, 0.0, raw)


def posterior(differences: Numbers, test_share: float) -> Posterior:
    """Return the posterior of the mean of differences whose training rows overlap.

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


def correlated_t_test(differences: Numbers, rope: float, test_share: float) -> Probabilities:
    """Compute the Bayesian correlated t-test with a region of practical equivalence.

    Benavoli, Corani, Demšar & Zaffalon, 2017, "Time for a change: a tutorial for comparing
    multiple classifiers through Bayesian analysis".

    Args:
        differences: (n,) by how much deep is better than classic, as for `posterior`.
        rope: half width of the region, in the metric's unit.
        test_share: as for `posterior`.
    """
    t = posterior(differences, test_share)
    if t.scale == 0:
        deep, classic = float(t.mean > rope), float(t.mean < -rope)
    else:
        deep = float(stdtr(t.df, (t.mean - rope) / t.scale))
        classic = float(stdtr(t.df, (-rope - t.mean) / t.scale))
    return Probabilities(deep, max(0.0, 1 - deep - classic), classic)


def nadeau_bengio_interval(
    differences: Numbers, test_share: float, level: float = 0.95
) -> Interval:
    """Return the corrected resampled interval of the mean difference (Nadeau & Bengio, 2003).

    Args:
        differences: (n,) as for `posterior`.
        test_share: as for `posterior`.
        level: the coverage of the interval.
    """
    t = posterior(differences, test_share)
    half_width = float(stdtrit(t.df, (1 + level) / 2)) * t.scale
    return Interval(t.mean, t.mean - half_width, t.mean + half_width)


def corrected_t_p_value(differences: Numbers, test_share: float) -> float:
    """Return the two-sided p-value of the corrected resampled t-test (Nadeau & Bengio, 2003)."""
    t = posterior(differences, test_share)
    if t.scale == 0:
        return float(t.mean == 0)
    return float(2 * stdtr(t.df, -abs(t.mean) / t.scale))


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the exact two-sided p-value of equal accuracies (McNemar, 1947).

    Args:
        first: (rows,) whether the first candidate predicts the true class.
        second: (rows,) the same of the second one.
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
    largest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def resampled_differences(first: Numbers, second: Numbers, metric: str) -> Numbers:
    """Return by how much `first` is better on each sample, without samples that have no score."""
    found = differences(first, second, metric)
    finite: Numbers = found[np.isfinite(found)]
    return finite


def percentile_interval(mean: float, resampled: Numbers, level: float = 0.95) -> Interval:
    """Return the percentile interval of resampled differences, which contains their mean."""
    tail = (1 - level) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(mean, min(mean, float(low)), max(mean, float(high)))


def resampled_p_value(resampled: Numbers) -> float:
    """Return twice the smaller share of resampled differences on either side of zero."""
    n = len(resampled)
    sides = (np.sum(resampled <= 0), np.sum(resampled >= 0))
    return min(1.0, 2 * (1 + int(min(sides))) / (1 + n))


def resampled_probabilities(resampled: Numbers, rope: float) -> Probabilities:
    """Return the shares of resampled differences above, within and below the ROPE."""
    deep, classic = float(np.mean(resampled > rope)), float(np.mean(resampled < -rope))
    return Probabilities(deep, 1 - deep - classic, classic)
