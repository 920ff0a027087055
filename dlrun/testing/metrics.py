"""Checks of a metric: direction, bounds, weights, order of the rows, and its bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dlrun.catalog.metrics.row import Metric, ScoredRows
from dlrun.data.targets import target_kind
from dlrun.testing.errors import require, run_all

N_ROWS: Final = 60


@dataclass(frozen=True)
class MetricCase:
    """A metric of one task, with good and bad predictions of the same rows."""

    metric: Metric
    good: ScoredRows
    bad: ScoredRows


def _case(metric: Metric, task: str) -> MetricCase:
    rng = np.random.default_rng(0)
    y = target_kind(task).sample(rng.uniform(1, 3, N_ROWS)).y
    n_columns = int(y.max()) + 1 if y.dtype == np.int64 and y.ndim == 1 else 0
    exact = np.eye(n_columns)[y] if n_columns else y.astype(np.float64)
    noise = rng.dirichlet(np.ones(n_columns), N_ROWS) if n_columns else rng.random(exact.shape)
    good, bad = 0.9 * exact + 0.1 * noise, 0.05 * exact + 0.95 * noise
    return MetricCase(metric, ScoredRows(y, good), ScoredRows(y, bad))


def prefers_good_predictions(case: MetricCase) -> None:
    """Check that the direction is the one that the row says."""
    good, bad = case.metric.score(case.good), case.metric.score(case.bad)
    require(np.isfinite([good, bad]).all(), f"it is not finite: {good}, {bad}")
    is_better = case.metric.sign * (good - bad) > 0
    require(is_better, f"good predictions score {good:.3g}, bad ones {bad:.3g}")


def stays_within_its_bounds(case: MetricCase) -> None:
    """Check that scores lie within the bounds that the row says."""
    low, high = case.metric.bounds
    for rows in (case.good, case.bad):
        score = case.metric.score(rows)
        require(low <= score <= high, f"{score:.3g} is not from {low:g} to {high:g}")


def depends_on_no_order(case: MetricCase) -> None:
    """Check that the order of the rows does not matter."""
    rows = case.bad
    backward = case.metric.score(ScoredRows(rows.y[::-1], rows.values[::-1]))
    is_same = np.isclose(backward, case.metric.score(rows), atol=1e-9)
    require(is_same, "it depends on the order of the rows")


def counts_a_weight_of_two_as_two_rows(case: MetricCase) -> None:
    """Check that whole weights equal repeated rows, and that the bootstrap scores the same."""
    rows = case.bad
    counts = np.random.default_rng(1).integers(0, 3, len(rows.y))
    drawn = np.repeat(np.arange(len(rows.y)), counts)
    expected = case.metric.score(ScoredRows(rows.y[drawn], rows.values[drawn]))
    weighted = case.metric.score(rows.weighted(counts))
    require(np.isclose(weighted, expected), f"weighted {weighted:.6g}, repeated {expected:.6g}")
    sampled = case.metric.bootstrap_scorer(rows)(counts)
    require(np.isclose(sampled, expected), f"bootstrap {sampled:.6g}, repeated {expected:.6g}")


METRIC_CHECKS: Final = (
    prefers_good_predictions,
    stays_within_its_bounds,
    depends_on_no_order,
    counts_a_weight_of_two_as_two_rows,
)


def check_metric(metric: Metric) -> None:
    """Check a metric on every task that it measures.

    Raises:
        CheckError: a promise is broken.
    """
    for task in metric.tasks:
        run_all(METRIC_CHECKS, _case(metric, task))
