"""Metrics, one row each, looked up by name and by task."""

from __future__ import annotations

from typing import Final

from dlrun.catalog.metrics.classification import CLASSIFICATION
from dlrun.catalog.metrics.multilabel import MULTILABEL
from dlrun.catalog.metrics.regression import REGRESSION
from dlrun.catalog.metrics.row import Metric

METRICS: Final[tuple[Metric, ...]] = (*CLASSIFICATION, *REGRESSION, *MULTILABEL)
METRIC_NAMES: Final[tuple[str, ...]] = tuple(dict.fromkeys(metric.name for metric in METRICS))


def metrics_of(task: str) -> dict[str, Metric]:
    """Return the metrics of a task by their names."""
    return {metric.name: metric for metric in METRICS if task in metric.tasks}


def get_metric(name: str) -> Metric:
    """Return the first metric of a name; title and direction are the same for all tasks.

    Raises:
        KeyError: there is no metric of that name.
    """
    return {metric.name: metric for metric in reversed(METRICS)}[name]


def automatic_metrics(task: str, *, is_binary: bool) -> tuple[str, ...]:
    """Return the metrics that `metrics: auto` chooses, the primary one first."""
    ranks = [
        ((is_binary and metric.auto_rank_binary) or metric.auto_rank, name)
        for name, metric in metrics_of(task).items()
    ]
    return tuple(name for _, name in sorted((rank, name) for rank, name in ranks if rank))
