"""Paired statistics of the differences between two candidates on the same rows.

The Bayesian correlated t-test is written out here rather than taken from baycomp, which is hardly
maintained and brings Matplotlib; the tests compare with it. Student's t comes from
`scipy.special`, since `scipy.stats` takes over a second to import.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p, pi, sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import stdtr, stdtrit

from dlrun.catalog.metrics import get_metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

ROW_INFLATION: Final = 1.5
FEW_ROWS: Final = 700
PRIOR: Final = 0.5  # data sets without any difference
N_DRAWS: Final = 20_000
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
    df: float

    def density(self, value: float) -> float:
        """Return the probability density at a value; the scale is above 0."""
        n = self.df
        peak = lgamma((n + 1) / 2) - lgamma(n / 2) - log(n * pi) / 2 - log(self.scale)
        return exp(peak - (n + 1) / 2 * log1p(((value - self.mean) / self.scale) ** 2 / n))

    def probabilities(self, rope: float) -> Probabilities:
        """Return the probabilities above, within and below the ROPE.

        With a flat prior this is the Bayesian correlated t-test (Benavoli, Corani, Demšar &
        Zaffalon, 2017, "Time for a change: a tutorial for comparing multiple classifiers through
        Bayesian analysis").

        Args:
            rope: half width of the region of practical equivalence, in the metric's unit.
        """
        if self.scale == 0:
            deep, classic = float(self.mean > rope), float(self.mean < -rope)
        else:
            deep = float(stdtr(self.df, (self.mean - rope) / self.scale))
            classic = float(stdtr(self.df, (-rope - self.mean) / self.scale))
        return Probabilities(deep, max(0.0, 1 - deep - classic), classic)

    def interval(self, level: float = 0.95) -> Interval:
        """Return the mean and its interval of this coverage."""
        half_width = float(stdtrit(self.df, (1 + level) / 2)) * self.scale
        return Interval(self.mean, self.mean - half_width, self.mean + half_width)

    @property
    def p_value(self) -> float:
        """Return the two-sided p-value of no difference."""
        if self.scale == 0:
            return float(self.mean == 0)
        return float(2 * stdtr(self.df, -abs(self.mean) / self.scale))


@dataclass(frozen=True)
class RowVariance:
    """The variance of a difference by the draw of its test rows, see `jackknife`.

    Attributes:
        of_mean: of the mean over all test sets.
        of_one: of a single test set, the mean over them.
        n_rows: distinct test rows.
        df: degrees of freedom of `of_mean`.
    """

    of_mean: float
    of_one: float
    n_rows: int
    df: int

    def inflated(self, test_share: float) -> float:
        """Return the variance of the mean, raised by the least variation by training.

        Cross-validation that knows the test rows alone is too narrow (Bates, Hastie & Tibshirani,
        2023, "Cross-validation: what does it estimate and how well does it do it?"). The factor is
        1 + 1.5 × share/(1 − share) up to 700 rows and falls towards 1 beyond them: the true scores
        of models that are trained again vary with 1 ÷ rows beside the draw of rows. Both numbers
        were chosen in simulations, see tests/benchmarks/honesty.py.

        Args:
            test_share: test rows ÷ (training + test rows) of a split.
        """
        overlap = test_share / (1 - test_share)
        few = min(1.0, FEW_ROWS / max(self.n_rows, 1))
        return self.of_mean * (1 + ROW_INFLATION * overlap * few)


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


def posterior(
    differences: Numbers, test_share: float, rows: RowVariance | None = None
) -> Posterior:
    """Return the posterior of the mean of differences whose training rows overlap.

    Nadeau & Bengio (2003, "Inference for the generalization error") take the correlation of two
    splits to be their share of test rows: the variance of the mean is that of one difference
    times 1/n + share/(1 − share). That wastes what the test rows themselves say. Where `rows` is
    given, the part of it that the draw of test rows explains is taken as it is in the mean, in
    which every row has been tested, and the correction applies to the rest, the variation by
    training. Since folds train on the same rows, and few of them hardly show that variation, the
    variance by rows is raised at least: see `RowVariance.inflated`. Nor is the scale smaller than
    what one more row could have changed.

    Args:
        differences: (n,) with n of at least 2, one per test set.
        test_share: test rows ÷ (training + test rows) of a split, between 0 and 1.
        rows: of the same differences.
    """
    n, mean = len(differences), float(np.mean(differences))
    variance = float(np.var(differences, ddof=1))
    overlap = test_share / (1 - test_share)
    inflation = 1 / n + overlap
    if rows is None:
        return Posterior(mean, sqrt(variance * inflation), n - 1)
    by_folds = rows.of_mean + max(0.0, variance - rows.of_one) * inflation
    by_rows = rows.inflated(test_share)
    by_one_row = (mean / (rows.n_rows + 1)) ** 2
    if by_folds <= max(by_rows, by_one_row):
        return Posterior(mean, sqrt(max(by_rows, by_one_row)), rows.df)
    # Satterthwaite, 1946, "An approximate distribution of estimates of variance components"
    spread = (variance * inflation) ** 2 / (n - 1) + rows.of_mean**2 / rows.df
    return Posterior(mean, sqrt(by_folds), max(n - 1.0, by_folds**2 / spread))


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


def signed_rank_probabilities(differences: Numbers, rope: float = 1.0) -> Probabilities:
    """Return the probabilities of a difference on data sets like these: above, within, below.

    The Bayesian signed-rank test (Benavoli, Corani, Mangili, Zaffalon & Ruggeri, 2014, "A Bayesian
    Wilcoxon signed-rank test based on the Dirichlet process"): data sets have weights that follow
    a Dirichlet distribution, with a prior of half a data set without any difference; a side leads
    in a draw of weights where most of the pairs of data sets have a mean difference beyond the
    ROPE on its side.

    Args:
        differences: (data sets,) of one candidate or side over another.
        rope: half width of the region of practical equivalence, in their unit.
    """
    known = np.concatenate([[0.0], differences])
    pairs = (known[:, None] + known) / 2
    draws = np.random.default_rng(0).dirichlet([PRIOR, *np.ones(len(differences))], N_DRAWS)
    above, below = (((draws @ _beyond(sign * pairs, rope)) * draws).sum(axis=1) for sign in (1, -1))
    leaders = np.argmax([above, 1 - above - below, below], axis=0)
    shares = np.bincount(leaders, minlength=3) / N_DRAWS
    return Probabilities(*map(float, shares))


def _beyond(means: Numbers, rope: float) -> Numbers:
    """Return 1 where a mean is above the ROPE, and one half where it is on its edge."""
    return (np.sign(means - rope) + 1) / 2
