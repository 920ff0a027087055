"""Two candidates between which the test rows show no difference at all: how much that proves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlrun.evidence.decision import CONFIDENCE, MOST_GROWTH
from dlrun.evidence.statistics import Interval, Probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.catalog.metrics.row import Metric
    from dlrun.evidence.comparison import Basis
    from dlrun.evidence.decision import VerdictKind


@dataclass(frozen=True)
class NoDifference:
    """No difference on any of the rows, so neither folds nor draws of rows have a spread.

    A spread of zero would make both equivalent beyond doubt, were it on five rows. What n rows
    without a difference do say is that the share of rows with one is below p with a probability
    of 1 − (1 − p)^(n+1), by a flat prior; its 95 % bound is about 3/n, the rule of three (Hanley
    & Lippman-Hand, 1983, "If nothing goes wrong, is everything all right?").

    Attributes:
        n: paired folds or rows.
        n_rows: test rows that bear on the score: all, or those of the rarest class.
    """

    n: int
    n_rows: int
    basis: Basis

    @property
    def interval(self) -> Interval:
        """Give the largest difference that the rows leave open, to either side."""
        bound = float(1 - (1 - CONFIDENCE) ** (1 / (self.n_rows + 1)))
        return Interval(0.0, -bound, bound)

    @property
    def p_value(self) -> float:
        """Find nothing against no difference."""
        return 1.0

    def probabilities(self, rope: float) -> Probabilities:
        """Leave what is not equivalent to both sides alike."""
        outside = float((1 - min(rope, 1.0)) ** (self.n_rows + 1))
        return Probabilities(outside / 2, 1 - outside, outside / 2)

    def outcome(self, rope: float) -> VerdictKind:
        """Call them equivalent where there are rows enough."""
        return "equivalent" if self.probabilities(rope).equivalent > CONFIDENCE else "undecided"

    def more_folds(self, rope: float) -> int | None:
        """Say nothing: folds share the rows that are too few."""
        return None

    def growth(self, rope: float) -> float | None:
        """Give how many times as many rows without a difference would make them equivalent."""
        if not 0 < rope < 1:
            return None
        growth = (np.log(1 - CONFIDENCE) / np.log(1 - rope) - 1) / self.n_rows
        return float(growth) if growth <= MOST_GROWTH else None


def effective_rows(row_ids: NDArray[np.int64], y: NDArray[Any], metric: Metric) -> int:
    """Count the distinct test rows of which one can change the score.

    Args:
        row_ids: (rows,) of all splits, so that a row may come up several times.
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
