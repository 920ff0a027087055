"""Scores: the predictions of both families, measured by the same code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from dlrun.catalog.metrics import automatic_metrics, metrics_of
from dlrun.catalog.metrics.row import ScoredRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.candidate import Predictions
    from dlrun.contract.dataset import Target


def score(
    names: Sequence[str],
    predictions: Predictions,
    y: NDArray[Any],
    target: Target,
    *,
    sample_weight: NDArray[Any] | None = None,
) -> dict[str, float]:
    """Score predictions; NaN where the rows do not define a score (roc_auc of a single class).

    Args:
        names: metrics of the target's task.
        predictions: of the rows of `y`.
        y: (rows,) class indices or values, at least one row.
        target: what is predicted.
        sample_weight: (rows,) weights of 0 or more, for instance how often a bootstrap drew each.
    """
    rows = ScoredRows(y, predictions.values)
    if sample_weight is not None:
        rows = rows.weighted(sample_weight)
    metrics = metrics_of(target.task)
    return {name: metrics[name].score(rows) for name in names}


def choose_metrics(
    recipe_metrics: Sequence[str] | Literal["auto"], target: Target
) -> tuple[str, ...]:
    """Choose the metrics of a study, the primary one first.

    Metrics that the recipe lists come first; those of `auto` follow.

    Raises:
        ValueError: a listed metric does not fit the task.
    """
    automatic = automatic_metrics(target.task, is_binary=target.is_binary)
    if recipe_metrics == "auto":
        return automatic
    allowed = metrics_of(target.task)
    if misfits := [metric for metric in recipe_metrics if metric not in allowed]:
        verb = "do" if len(misfits) > 1 else "does"
        names = ", ".join(misfits)
        message = f"{names} {verb} not fit {target.task}. Allowed: {', '.join(allowed)}"
        raise ValueError(message)
    return tuple(dict.fromkeys((*recipe_metrics, *automatic)))
