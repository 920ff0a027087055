"""The rows of the metrics agree with each other, and are looked up by name and task."""

from __future__ import annotations

import numpy as np
import pytest

from dlrun.catalog.metrics import METRIC_NAMES, METRICS, automatic_metrics, get_metric, metrics_of
from dlrun.catalog.metrics.row import Metric, ScoredRows


def test_one_name_has_one_title_and_one_direction():
    facts = {(metric.name, metric.title, metric.lower_is_better) for metric in METRICS}
    assert len(facts) == len(METRIC_NAMES)


def test_a_task_has_a_name_once():
    pairs = [(task, metric.name) for metric in METRICS for task in metric.tasks]
    assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize("is_binary", [True, False])
@pytest.mark.parametrize("task", sorted({task for metric in METRICS for task in metric.tasks}))
def test_automatic_metrics_are_in_order(task, is_binary):
    chosen = [metrics_of(task)[name] for name in automatic_metrics(task, is_binary=is_binary)]
    ranks = [(is_binary and each.auto_rank_binary) or each.auto_rank for each in chosen]
    assert ranks == list(range(1, len(chosen) + 1))


@pytest.mark.parametrize(
    ("metric", "level", "width"),
    [
        ("roc_auc", 0.8, 0.005),
        ("average_precision", 0.009, 0.003),
        ("accuracy", 0.9, 0.01),
        ("accuracy", 0.994, 0.002),
        ("accuracy", 1.0, 0.001),
        ("log_loss", 200.0, 0.01),
        ("brier", 0.015, 0.005),
        ("rmse", 200.0, 2.0),
        ("r2", 0.7, 0.01),
    ],
)
def test_the_rope_where_the_recipe_sets_none(metric: str, level: float, width: float) -> None:
    assert get_metric(metric).automatic_rope(level) == pytest.approx(width)


def test_a_metric_without_a_fast_bootstrap_is_scored_with_weights():
    metric = Metric(
        name="hits", title="hits", tasks=("t",), score=lambda rows: rows.average(rows.y)
    )
    rows = ScoredRows(np.array([1.0, 0.0, 5.0]), np.zeros(3))
    assert metric.bootstrap_scorer(rows)(np.array([3, 1, 0])) == 0.75
