"""Fast scores agree with the definitions in `dlrun.metrics.scores`."""

from __future__ import annotations

import numpy as np
import pytest

from dlrun.catalog.metrics import get_metric, metrics_of
from dlrun.catalog.metrics.row import ScoredRows
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Target
from dlrun.metrics.scores import score

N = 120


@pytest.mark.parametrize("metric", metrics_of("classification"))
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_drawn_classes_score_as_defined(metric, n_classes, seed):
    random = np.random.default_rng(seed)
    target = Target("y", "classification", tuple("abcd"[:n_classes]))
    y = random.integers(0, n_classes, N)
    values = random.dirichlet(np.ones(n_classes), N).round(1) + 0.01  # ties, and sums beside one
    predictions = Predictions(values)
    counts = random.integers(0, 3, N)
    if seed == 3:
        counts[y == n_classes - 1] = 0  # one class is not drawn

    expected = score((metric,), predictions, y, target, sample_weight=counts)[metric]

    found = get_metric(metric).bootstrap_scorer(ScoredRows(y, values))(counts)
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("metric", metrics_of("regression"))
@pytest.mark.parametrize("seed", range(3))
def test_drawn_numbers_score_as_defined(metric, seed):
    random = np.random.default_rng(seed)
    target = Target("y", "regression")
    y = random.normal(5000, 900, N)
    predictions = Predictions(y + random.normal(0, 200, N).round(-1))
    counts = random.integers(0, 3, N)

    drawn = np.repeat(np.arange(N), counts)
    expected = score((metric,), Predictions(predictions.values[drawn]), y[drawn], target)

    found = get_metric(metric).bootstrap_scorer(ScoredRows(y, predictions.values))(counts)
    assert found == pytest.approx(expected[metric])


def test_constant_numbers_have_no_r2():
    scorer = get_metric("r2").bootstrap_scorer(ScoredRows(np.full(4, 2.0), np.ones(4)))
    assert np.isnan(scorer(np.ones(4, dtype=np.int64)))
