"""By how much one candidate is better than another, from folds, from rows, or from neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import betaincinv

from dlrun.evidence import decision, statistics
from dlrun.evidence.comparison import Difference
from dlrun.evidence.decision import CONFIDENCE, MAX_GROWTH
from dlrun.evidence.statistics import Interval, Posterior, Probabilities, RowVariance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.catalog.metrics.row import Metric
    from dlrun.evidence.comparison import Basis
    from dlrun.evidence.decision import VerdictKind

    Numbers = NDArray[np.float64]

MIDDLES: Final = (np.arange(2000) + 0.5) / 2000  # quantiles that stand for a distribution
N_HALVINGS: Final = 30
MIN_FOLDS: Final = 3  # two leave one degree of freedom, with which intervals are useless


@dataclass(frozen=True)
class PairedComparison:
    """By how much the first candidate is better than the second, in the metric's unit.

    Probabilities and outcome take the first as deep and the second as classic.

    Attributes:
        n: paired folds or rows.
        differences: on each test set.
        posterior: of the difference; None where the rows of one or two test sets were resampled.
        interval: the mean difference and its 95 % interval.
        p_value: two-sided, of no difference.
        more_folds: further folds that would settle an undecided outcome with a chance of 80 %;
            None: no number would.
        growth: how many times as many rows would; None: more than 100.
        is_tied: both predict alike on every row; then growth holds if they go on to.
    """

    basis: Basis
    n: int
    interval: Interval
    p_value: float
    probabilities: Probabilities
    outcome: VerdictKind
    differences: tuple[float, ...] = ()
    posterior: Posterior | None = None
    more_folds: int | None = None
    growth: float | None = None
    is_tied: bool = False


def difference_of(against: str, paired: PairedComparison, p_value: float) -> Difference:
    """Return what a comparison keeps of a pair.

    Args:
        against: the second candidate.
        paired: of the two.
        p_value: adjusted for the number of pairs.
    """
    interval = paired.interval
    return Difference(
        against, interval.mean, interval.low, interval.high, p_value, paired.basis, paired.n
    )


def compare_folds(
    differences: Numbers, test_share: float, rope: float, rows: RowVariance | None = None
) -> PairedComparison:
    """Compare on folds whose training rows overlap.

    Args:
        differences: (test sets,) at least 2.
        test_share: test rows ÷ (training + test rows) of a split.
        rope: half width of the region of practical equivalence.
        rows: the variance of the differences by the draw of their test rows.
    """
    t = statistics.posterior(differences, test_share, rows)
    probabilities, interval = t.probabilities(rope), t.interval()
    outcome = decision.decide(probabilities, interval)
    is_open = outcome == "undecided"
    known = rows or RowVariance(0.0, 0.0, 0, 1)
    excess = max(0.0, float(np.var(differences, ddof=1)) - known.of_one)
    n = len(differences)
    return PairedComparison(
        basis="folds",
        n=n,
        interval=interval,
        p_value=t.p_value,
        probabilities=probabilities,
        outcome=outcome,
        differences=tuple(differences.tolist()),
        posterior=t if t.scale > 0 else None,
        more_folds=decision.folds_to_settle(n, t, excess, known, rope, test_share)
        if is_open
        else None,
        growth=decision.growth_to_settle(t, rope) if is_open else None,
    )


def compare_rows(
    mean: float, resampled: Numbers, n: int, rope: float, exact_p_value: float | None = None
) -> PairedComparison:
    """Compare on the test rows of one or two splits, by a paired bootstrap.

    Args:
        mean: the difference on all rows.
        resampled: (samples,) the difference on bootstrap samples of the rows.
        n: rows.
        rope: half width of the region of practical equivalence.
        exact_p_value: used in place of the bootstrap's.
    """
    interval = statistics.percentile_interval(mean, resampled)
    p_value = statistics.resampled_p_value(resampled) if exact_p_value is None else exact_p_value
    probabilities = statistics.resampled_probabilities(resampled, rope)
    outcome = decision.decide(probabilities, interval)
    normal = Posterior(mean, float(np.std(resampled)), df=len(resampled))
    return PairedComparison(
        basis="rows",
        n=n,
        interval=interval,
        p_value=p_value,
        probabilities=probabilities,
        outcome=outcome,
        growth=decision.growth_to_settle(normal, rope) if outcome == "undecided" else None,
    )


def compare_equal(basis: Basis, n: int, n_rows: int, rope: float) -> PairedComparison:
    """Compare candidates that differ on no row, so that folds and samples do not vary.

    A standard deviation of zero would make both equivalent beyond doubt, were it on five rows.
    That n rows show no difference leaves a share p of rows with one, whose posterior is Beta(½,
    n + ½) (Jeffreys' prior; Brown, Cai & DasGupta, 2001, "Interval estimation for a binomial
    proportion"); those rows favour either side, so that the difference is p times a share between
    −1 and 1, all of which are taken to be equally likely. That is within 0.01 with a probability
    of 0.95 from about 110 rows on. The rule of three, 3/n, asks for 300: it supposes that all of
    them favour the same side.

    Args:
        basis: what was paired.
        n: paired folds or rows.
        n_rows: test rows of which one could change the score, see `effective_rows`.
        rope: half width of the region of practical equivalence.
    """
    outside = _chance_beyond(rope, n_rows)
    bound = _largest(lambda bound: _chance_beyond(bound, n_rows) > 1 - CONFIDENCE, 0.0, 1.0)
    is_open = outside >= 1 - CONFIDENCE
    growth = None
    if is_open and _chance_beyond(rope, MAX_GROWTH * n_rows) < 1 - CONFIDENCE:
        growth = _largest(
            lambda growth: _chance_beyond(rope, growth * n_rows) > 1 - CONFIDENCE, 1.0, MAX_GROWTH
        )
    return PairedComparison(
        basis=basis,
        n=n,
        interval=Interval(0.0, -bound, bound),
        p_value=1.0,
        probabilities=Probabilities(outside / 2, 1 - outside, outside / 2),
        outcome="undecided" if is_open else "equivalent",
        growth=growth,
        is_tied=True,
    )


def _chance_beyond(rope: float, n_rows: float) -> float:
    """Return the chance that a difference exceeds a bound after n rows without any."""
    shares = betaincinv(0.5, n_rows + 0.5, MIDDLES)
    return float(np.maximum(0.0, 1 - rope / shares).mean())


def _largest(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Return the largest value of which a statement holds that is false from there on."""
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return high


def effective_rows(row_ids: NDArray[np.int64], y: NDArray[Any], metric: Metric) -> int:
    """Count the distinct test rows of which one can change the score.

    Args:
        row_ids: (rows,) of all splits, so that a row may occur several times.
        y: (rows,) class indices, or (rows, labels).
        metric: a score of ranks or decisions.

    Returns:
        All distinct rows, or those of the rarest class (of any label); of ranks twice as many,
        since a row that is ranked otherwise changes half of its pairs on average.
    """
    _, first = np.unique(row_ids, return_index=True)
    if metric.rank_rows == "all":
        return len(first)
    labels = y[first].reshape(len(first), -1).T
    rarest = min(int(np.unique(label, return_counts=True)[1].min()) for label in labels)
    return 2 * rarest if metric.rank_rows == "ranks of the rarest class" else rarest
