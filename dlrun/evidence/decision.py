"""The decision rule of the verdict, and how much more evidence would settle an undecided one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from scipy.special import stdtr, stdtrit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.evidence.statistics import Interval, Posterior, Probabilities, RowVariance

    Numbers = NDArray[np.floating[Any]]

VerdictKind = Literal["deep", "classic", "both", "equivalent", "undecided"]

CONFIDENCE: Final = 0.95
BEYOND_ROPE: Final = 0.8
SETTLED: Final = 0.8
MAX_FOLDS: Final = 1000
MAX_GROWTH: Final = 100  # times as many rows
FOLDS: Final = np.unique(np.geomspace(1, MAX_FOLDS, 100).round())  # further ones
TINY: Final = 1e-300  # instead of no move at all
GROWTHS: Final = np.geomspace(1.05, MAX_GROWTH, 100)


def decide(probabilities: Probabilities, interval: Interval) -> VerdictKind:
    """Decide from the distribution of the difference.

    A side wins when the 95 % interval of the difference excludes zero and it is better by more
    than the ROPE with a probability above 0.8. The first bounds the studies without any
    difference in which a winner is named to 5 %, whatever the ROPE; the second keeps leads that
    are certain, but too small to matter, from being called a win. To ask for the second with 0.95
    would find a difference of three times the ROPE half as often.
    """
    if interval.low > 0 and probabilities.deep > BEYOND_ROPE:
        return "deep"
    if interval.high < 0 and probabilities.classic > BEYOND_ROPE:
        return "classic"
    return "equivalent" if probabilities.equivalent > CONFIDENCE else "undecided"


def folds_to_settle(
    n_now: int, now: Posterior, excess: float, rows: RowVariance, rope: float, test_share: float
) -> int | None:
    """Count the further folds that settle an undecided verdict with a chance of 80 %.

    Further folds on the same rows average out the variation by training alone, so that the mean
    may move by that part and the scale falls to what the rows allow. None: no number up to 1,000
    reaches that chance.

    Args:
        n_now: test sets so far.
        now: the posterior that they give.
        excess: variance of one difference by training.
        rows: the variance by the draw of test rows.
        rope: half width of the region of practical equivalence.
        test_share: test rows ÷ (training + test rows) of a split.
    """
    folds = n_now + FOLDS
    saved = excess * (1 / n_now - 1 / folds)
    scales = np.sqrt(np.maximum(now.scale**2 - saved, rows.inflated(test_share)))
    chances = _chance_settled(now, np.sqrt(saved), scales, folds - 1, rope)
    enough = FOLDS[chances >= SETTLED]
    return int(enough[0]) if len(enough) else None


def growth_to_settle(now: Posterior, rope: float) -> float | None:
    """Return how many times as many rows settle an undecided verdict with a chance of 80 %.

    The variance falls with the number of rows, and the mean may move by what it falls by (the
    predictive distribution of the next mean; Spiegelhalter, Freedman & Blackburn, 1986,
    "Monitoring clinical trials: conditional or predictive power?"). None is more than 100 times as
    many.
    """
    moves = now.scale * np.sqrt(1 - 1 / GROWTHS)
    degrees = np.full(len(GROWTHS), now.df)
    chances = _chance_settled(now, moves, now.scale / np.sqrt(GROWTHS), degrees, rope)
    enough = GROWTHS[chances >= SETTLED]
    return float(enough[0]) if len(enough) else None


def _chance_settled(
    now: Posterior, moves: Numbers, scales: Numbers, degrees: Numbers, rope: float
) -> Numbers:
    """Return the chance that `decide` settles the next posterior.

    Args:
        now: today's posterior; the next mean is Student's t about its mean.
        moves: (n,) scales of that.
        scales: (n,) of the next posterior.
        degrees: (n,) of freedom of the next posterior.
        rope: half width of the region of practical equivalence.
    """
    won = np.maximum(
        stdtrit(degrees, (1 + CONFIDENCE) / 2) * scales,
        rope + stdtrit(degrees, BEYOND_ROPE) * scales,
    )
    level = np.maximum(0.0, rope - stdtrit(degrees, (1 + CONFIDENCE) / 2) * scales)

    def below(value: Numbers) -> Numbers:
        share: Numbers = stdtr(now.df, (value - now.mean) / np.maximum(moves, TINY))
        return share

    inside = np.where(level > 0, below(level) - below(-level), 0.0)
    chances: Numbers = 1 - below(won) + below(-won) + inside
    return chances
