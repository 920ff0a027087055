"""By how much one candidate is better than another, from folds, from rows, or from neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.evidence import decision, statistics
from dlrun.evidence.decision import CONFIDENCE, MAX_GROWTH
from dlrun.evidence.statistics import Interval, Posterior, Probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.catalog.metrics.row import Metric
    from dlrun.evidence.comparison import Basis
    from dlrun.evidence.decision import VerdictKind

    Numbers = NDArray[np.float64]

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
        more_folds: further folds that would settle an undecided outcome; None: no number would.
        growth: how many times as many rows would settle an undecided outcome; None: more than 100.
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


def compare_folds(differences: Numbers, test_share: float, rope: float) -> PairedComparison:
    """Compare on folds whose training rows overlap.

    Args:
        differences: (folds,) at least 2.
        test_share: test rows ÷ (training + test rows) of a split.
        rope: half width of the region of practical equivalence.
    """
    interval = statistics.nadeau_bengio_interval(differences, test_share)
    probabilities = statistics.correlated_t_test(differences, rope, test_share)
    outcome = decision.decide_by_folds(probabilities, interval)
    t = statistics.posterior(differences, test_share)
    is_open = outcome == "undecided"
    return PairedComparison(
        basis="folds",
        n=len(differences),
        interval=interval,
        p_value=statistics.corrected_t_p_value(differences, test_share),
        probabilities=probabilities,
        outcome=outcome,
        differences=tuple(differences.tolist()),
        posterior=t if t.scale > 0 else None,
        more_folds=decision.folds_to_settle(t, rope, test_share) if is_open else None,
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
    outcome = decision.decide_by_rows(interval, rope)
    is_open = outcome == "undecided"
    return PairedComparison(
        basis="rows",
        n=n,
        interval=interval,
        p_value=p_value,
        probabilities=statistics.resampled_probabilities(resampled, rope),
        outcome=outcome,
        growth=decision.growth_to_settle_rows(interval, rope) if is_open else None,
    )


def compare_equal(basis: Basis, n: int, n_rows: int, rope: float) -> PairedComparison:
    """Compare candidates without any difference, so that folds and samples do not vary.

    A standard deviation of zero would make both equivalent beyond doubt, were it on five rows.
    With a flat prior, n rows without a difference show that the share of rows with one is below p
    with a probability of 1 − (1 − p)^(n+1); its 95 % bound is about 3/n, the rule of three (Hanley
    & Lippman-Hand, 1983, "If nothing goes wrong, is everything all right?").

    Args:
        basis: what was paired.
        n: paired folds or rows.
        n_rows: test rows of which one could change the score, see `effective_rows`.
        rope: half width of the region of practical equivalence.
    """
    bound = float(1 - (1 - CONFIDENCE) ** (1 / (n_rows + 1)))
    outside = float((1 - min(rope, 1.0)) ** (n_rows + 1))
    is_open = 1 - outside <= CONFIDENCE
    growth = None
    if is_open and 0 < rope < 1:
        growth = float((np.log(1 - CONFIDENCE) / np.log(1 - rope) - 1) / n_rows)
    return PairedComparison(
        basis=basis,
        n=n,
        interval=Interval(0.0, -bound, bound),
        p_value=1.0,
        probabilities=Probabilities(outside / 2, 1 - outside, outside / 2),
        outcome="undecided" if is_open else "equivalent",
        growth=growth if growth is not None and growth <= MAX_GROWTH else None,
    )


def effective_rows(row_ids: NDArray[np.int64], y: NDArray[Any], metric: Metric) -> int:
    """Count the distinct test rows of which one can change the score.

    Args:
        row_ids: (rows,) of all splits, so that a row may occur several times.
        y: (rows,) class indices, or (rows, labels).
        metric: a score of ranks or decisions.

    Returns:
        All distinct rows, or those of the rarest class (of any label).
    """
    _, first = np.unique(row_ids, return_index=True)
    if metric.rank_rows == "all":
        return len(first)
    labels = y[first].reshape(len(first), -1).T
    return min(int(np.unique(label, return_counts=True)[1].min()) for label in labels)
