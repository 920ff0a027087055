"""Scores of the same predictions on many bootstrap samples of their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlrun.catalog.metrics import metrics_of
from dlrun.catalog.metrics.row import BootstrapScorer, ScoredRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.candidate import Predictions
    from dlrun.contract.dataset import Target

__all__ = ["BootstrapScorer", "bootstrap_scorer"]


def bootstrap_scorer(
    metric: str, predictions: Predictions, y: NDArray[Any], target: Target
) -> BootstrapScorer:
    """Prepare a metric; the result takes how often each row was drawn, (rows,) int64.

    It equals `dlrun.metrics.scores.score` with the counts as weights, and is NaN where the sample
    does not define the score, as for the roc_auc of a single class.

    Args:
        metric: a metric of the target's task.
        predictions: of the rows of `y`.
        y: (rows,) int64 class indices, or float64 values.
        target: what is predicted.
    """
    return metrics_of(target.task)[metric].bootstrap_scorer(ScoredRows(y, predictions.values))
