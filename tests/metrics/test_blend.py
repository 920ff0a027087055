"""The weights of a blend: better than its parts where they err apart, and sane where all is odd."""

from __future__ import annotations

from time import process_time

import numpy as np
import pytest

from dlrun.catalog.metrics import metrics_of
from dlrun.metrics.blend import blend_weights, mix

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, 400)
LOG_LOSS, ROC_AUC, ACCURACY = (
    metrics_of("classification")[name] for name in ("log_loss", "roc_auc", "accuracy")
)
RMSE = metrics_of("regression")["rmse"]


def noisy(n_candidates: int, noise: float, y: np.ndarray = Y) -> np.ndarray:
    """Return probabilities of candidates whose errors are independent, (candidates, rows, 2)."""
    errors = np.random.default_rng(1).normal(0, noise, (n_candidates, len(y)))
    late = np.clip(0.3 + 0.4 * y + errors, 0.01, 0.99)
    return np.stack([1 - late, late], axis=2)


@pytest.mark.parametrize("metric", [LOG_LOSS, ROC_AUC, ACCURACY])
def test_what_errs_apart_is_weighed_alike_and_chance_is_left_out(metric) -> None:
    chance = np.full((1, len(Y), 2), 0.5)
    chance[0, :, 1] = np.random.default_rng(2).permutation(noisy(1, 0.3)[0, :, 1])
    chance[0, :, 0] = 1 - chance[0, :, 1]
    weights = blend_weights(np.concatenate([noisy(2, 0.3), chance]), Y, metric)
    assert weights.sum() == pytest.approx(1)
    assert 0.3 < weights[0] < 0.7
    assert 0.3 < weights[1] < 0.7
    assert weights[2] < 0.2


def test_the_better_one_alone_where_the_other_adds_nothing() -> None:
    y = RNG.normal(size=200)
    good = y + RNG.normal(0, 0.1, 200)
    worse = good + RNG.normal(0, 2.0, 200)
    assert blend_weights(np.stack([worse, good]), y, RMSE)[1] > 0.95


def test_a_blend_of_label_sets_scores_better_than_its_parts() -> None:
    y = RNG.integers(0, 2, (300, 3))
    errors = np.random.default_rng(3).normal(0, 0.3, (4, 300, 3))
    values = np.clip(0.3 + 0.4 * y + errors, 0.01, 0.99)
    weights = blend_weights(values, y, metrics_of("multilabel")["log_loss"])
    assert weights.min() > 0.1
    assert mix(values, weights).shape == (300, 3)


def test_the_same_rows_and_seed_give_the_same_weights() -> None:
    values = noisy(3, 0.3)
    first, again, other = (blend_weights(values, Y, ROC_AUC, seed=seed) for seed in (7, 7, 8))
    assert first.tolist() == again.tolist() != other.tolist()


def test_candidates_that_are_level_are_not_chosen_by_their_place() -> None:
    weights = np.mean([blend_weights(noisy(1, 0.1).repeat(4, axis=0), Y, ROC_AUC, seed=seed)
                       for seed in range(20)], axis=0)  # fmt: skip
    assert weights.max() < 0.5


@pytest.mark.parametrize("n_rows", [0, 5])
def test_where_the_metric_is_not_defined_all_weigh_alike(n_rows: int) -> None:
    y = np.ones(n_rows, dtype=np.int64)  # one class has no ROC AUC
    assert blend_weights(noisy(4, 0.3, y), y, ROC_AUC).tolist() == [0.25] * 4


def test_few_rows_of_one_class_do_not_lose_the_weights() -> None:
    y = np.zeros(12, dtype=np.int64)
    y[3] = 1  # about a third of the samples have no row of it
    weights = blend_weights(noisy(2, 0.3, y), y, ROC_AUC)
    assert weights.sum() == pytest.approx(1)


def test_a_mean_is_weighted_along_the_candidates() -> None:
    values = np.array([[1.0, 2.0], [3.0, 6.0]])
    assert mix(values, np.array([0.75, 0.25])).tolist() == [1.5, 3.0]


@pytest.mark.parametrize("metric", [LOG_LOSS, ROC_AUC])
def test_ten_candidates_of_five_thousand_rows_take_well_under_a_second(metric) -> None:
    y = RNG.integers(0, 2, 5000)
    values, start = noisy(10, 0.3, y), process_time()
    blend_weights(values, y, metric)
    assert process_time() - start < 1.0
