"""The decision rule of the verdict, and how much more evidence would settle an undecided one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from scipy.special import stdtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.evidence.statistics import Interval, Posterior, Probabilities

VerdictKind = Literal["deep", "classic", "equivalent", "undecided"]

CONFIDENCE: Final = 0.95
MAX_FOLDS: Final = 1000
MAX_GROWTH: Final = 100  # times as many rows
GROWTHS: Final = np.geomspace(1.05, MAX_GROWTH, 400)


def decide_by_folds(probabilities: Probabilities, interval: Interval) -> VerdictKind:
    """Decide from paired folds.

    A side wins when P(it is better by more than the ROPE) > 0.95 and the corrected 95 % interval
    of the difference excludes zero. The second condition matters where the ROPE is narrow beside
    the interval: there the first alone would name a winner in up to 10 % of the studies without
    any difference, and with it at most 5 % are.
    """
    if probabilities.deep > CONFIDENCE and interval.low > 0:
        return "deep"
    if probabilities.classic > CONFIDENCE and interval.high < 0:
        return "classic"
    return "equivalent" if probabilities.equivalent > CONFIDENCE else "undecided"


def decide_by_rows(interval: Interval, rope: float) -> VerdictKind:
    """Decide from the rows of one test set: the interval lies outside the ROPE, or inside it."""
    if interval.low > rope:
        return "deep"
    if interval.high < -rope:
        return "classic"
    is_inside = -rope <= interval.low and interval.high <= rope
    return "equivalent" if is_inside else "undecided"


def folds_to_settle(posterior: Posterior, rope: float, test_share: float) -> int | None:
    """Count the further folds that would settle an undecided verdict.

    Mean and standard deviation are held fixed. Since all folds share training rows, the posterior
    never becomes narrower than their correlation allows; None means that no number of folds up to
    1,000 would do.

    Args:
        posterior: of the folds so far.
        rope: half width of the region of practical equivalence.
        test_share: test rows ÷ (training + test rows) of a split.
    """
    now = posterior.df + 1
    folds = np.arange(now + 1, MAX_FOLDS + 1)
    overlap = test_share / (1 - test_share)
    scales = posterior.scale * np.sqrt((1 / folds + overlap) / (1 / now + overlap))
    enough = folds[_is_settled(posterior.mean, scales, folds - 1, rope)]
    return int(enough[0]) - now if len(enough) else None


def growth_to_settle(posterior: Posterior, rope: float) -> float | None:
    """Return how many times as many rows would settle an undecided verdict of as many folds.

    The standard error of a score shrinks with the square root of the rows; the mean difference is
    held fixed. None is more than 100 times as many.
    """
    scales = posterior.scale / np.sqrt(GROWTHS)
    degrees = np.full(len(GROWTHS), posterior.df)
    return _first(GROWTHS[_is_settled(posterior.mean, scales, degrees, rope)])


def growth_to_settle_rows(interval: Interval, rope: float) -> float | None:
    """Return how many times as many test rows would settle a verdict from one test set."""
    low = interval.mean - (interval.mean - interval.low) / np.sqrt(GROWTHS)
    high = interval.mean + (interval.high - interval.mean) / np.sqrt(GROWTHS)
    is_inside = (-rope <= low) & (high <= rope)
    return _first(GROWTHS[(low > rope) | (high < -rope) | is_inside])


def _is_settled(
    mean: float, scales: NDArray[np.float64], degrees: NDArray[Any], rope: float
) -> NDArray[np.bool_]:
    """Apply the rule of `decide_by_folds` to many posteriors with one mean."""
    better = stdtr(degrees, (abs(mean) - rope) / scales)
    worse = stdtr(degrees, (-abs(mean) - rope) / scales)
    excludes_zero = stdtr(degrees, abs(mean) / scales) > (1 + CONFIDENCE) / 2
    is_won = (better > CONFIDENCE) & excludes_zero
    return np.asarray(is_won | (1 - better - worse > CONFIDENCE))


def _first(growths: NDArray[np.float64]) -> float | None:
    return float(growths[0]) if len(growths) else None
