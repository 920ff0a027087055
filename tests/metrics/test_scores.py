"""Scores agree with their definitions, with weights, and at the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from dlrun.catalog.metrics import metrics_of
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Target
from dlrun.metrics import scores as metrics

BINARY = Target("late", "classification", ("no", "yes"))
THREE = Target("kind", "classification", ("a", "b", "c"))
NUMBER = Target("price", "regression", dtype="float")


def probabilities(rows: int, classes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), rows)


def drawn(rows: int, classes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed + 1).integers(0, classes, rows)


def names_for(target: Target) -> tuple[str, ...]:
    return tuple(metrics_of(target.task))


def test_binary_scores_look_at_the_second_label() -> None:
    y = np.array([0, 0, 1, 1])
    second = np.array([0.1, 0.4, 0.35, 0.8])
    scores = metrics.score(
        ("roc_auc", "average_precision", "brier", "accuracy", "f1", "log_loss"),
        Predictions(np.column_stack([1 - second, second])),
        y,
        BINARY,
    )
    assert scores == pytest.approx(
        {
            "roc_auc": 0.75,
            "average_precision": 5 / 6,
            "brier": (0.1**2 + 0.4**2 + 0.65**2 + 0.2**2) / 4,
            "accuracy": 0.75,
            "f1": (4 / 5 + 2 / 3) / 2,
            "log_loss": -np.log([0.9, 0.6, 0.35, 0.8]).mean(),
        }
    )


def test_multi_class_scores_agree_with_scikit_learn() -> None:
    y, values = drawn(200, 3), probabilities(200, 3)
    codes = values.argmax(axis=1)
    scores = metrics.score(names_for(THREE), Predictions(values), y, THREE)
    del scores["ece"]
    one_hot = np.eye(3)[y]
    assert scores == pytest.approx(
        {
            "roc_auc": sk.roc_auc_score(y, values, multi_class="ovr"),
            "accuracy": sk.accuracy_score(y, codes),
            "balanced_accuracy": sk.balanced_accuracy_score(y, codes),
            "f1": sk.f1_score(y, codes, average="macro"),
            "precision": sk.precision_score(y, codes, average="macro"),
            "recall": sk.recall_score(y, codes, average="macro"),
            "average_precision": sk.average_precision_score(one_hot, values),
            "log_loss": sk.log_loss(y, values),
            "brier": ((values - one_hot) ** 2).sum(axis=1).mean(),
            "mcc": sk.matthews_corrcoef(y, codes),
            "kappa": sk.cohen_kappa_score(y, codes),
        }
    )


def test_ece_weighs_each_bin_by_its_rows() -> None:
    # Two bins: three rows at confidence 0.9, two of them right; one row at 0.6, wrong.
    second = np.array([0.9, 0.9, 0.9, 0.6])
    y = np.array([1, 1, 0, 0])
    values = Predictions(np.column_stack([1 - second, second]))
    expected = 3 / 4 * abs(2 / 3 - 0.9) + 1 / 4 * abs(0 - 0.6)
    assert metrics.score(["ece"], values, y, BINARY)["ece"] == pytest.approx(expected)


def test_perfect_and_certain_predictions_cost_nothing() -> None:
    y = np.array([0, 1, 2, 1])
    scores = metrics.score(names_for(THREE), Predictions(np.eye(3)[y]), y, THREE)
    zero = {"log_loss", "brier", "ece"}
    assert scores == pytest.approx({name: 0.0 if name in zero else 1.0 for name in scores})


def test_log_loss_of_a_certain_mistake_is_finite() -> None:
    wrong = metrics.score(["log_loss"], Predictions(np.array([[1.0, 0.0]])), np.array([1]), BINARY)
    assert wrong["log_loss"] == pytest.approx(-math.log(np.finfo(np.float64).eps))


def test_regression_scores() -> None:
    y, values = np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 2.0])
    scores = metrics.score(names_for(NUMBER), Predictions(values), y, NUMBER)
    assert scores == pytest.approx(
        {
            "rmse": math.sqrt(5 / 3),
            "mae": 1.0,
            "r2": 1 - 5 / (14 / 3),
            "mape": (0 + 1 / 2 + 1 / 2) / 3,
            "median_absolute_error": 1.0,
        }
    )


@pytest.mark.parametrize("target", [BINARY, THREE], ids=["binary", "three"])
def test_rows_of_a_single_class_have_no_roc_auc_and_do_not_warn(target: Target) -> None:
    n_classes = len(target.labels)
    y = np.zeros(5, dtype=np.int64)
    values = np.full((5, n_classes), 0.5 / (n_classes - 1))
    values[:, 0] = 0.5
    scores = metrics.score(names_for(target), Predictions(values), y, target)
    undefined = {name for name, value in scores.items() if math.isnan(value)}
    assert undefined == {"roc_auc", "average_precision"}


def test_an_absent_class_leaves_the_others_their_mean() -> None:
    y, values = drawn(50, 2), probabilities(50, 3)
    scores = metrics.score(names_for(THREE), Predictions(values), y, THREE)
    expected = [sk.roc_auc_score(y == k, values[:, k]) for k in (0, 1)]
    assert scores["roc_auc"] == pytest.approx(np.mean(expected))
    assert all(math.isfinite(value) for value in scores.values())


def test_one_row_has_no_r2() -> None:
    scores = metrics.score(["r2", "rmse"], Predictions(np.array([1.0])), np.array([3.0]), NUMBER)
    assert math.isnan(scores["r2"])
    assert scores["rmse"] == 2.0


def test_rounding_of_float32_probabilities_is_no_warning() -> None:
    values = probabilities(100, 3).astype(np.float32).astype(np.float64)
    assert abs(values.sum(axis=1) - 1).max() > 1e-8
    metrics.score(names_for(THREE), Predictions(values), drawn(100, 3), THREE)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=12, max_size=12).filter(any),
    st.sampled_from([BINARY, THREE, NUMBER]),
    st.integers(0, 1000),
)
def test_a_weight_is_the_same_as_repeating_the_row(
    counts: list[int], target: Target, seed: int
) -> None:
    random = np.random.default_rng(seed)
    if target.task == "regression":
        y, values = random.normal(size=12), random.normal(size=12)
    else:
        y, values = drawn(12, len(target.labels), seed), probabilities(12, len(target.labels))
    # scikit-learn's r2 asks for two rows, weighted or not; weighted medians average differently.
    asked = [n for n in names_for(target) if n not in ("r2", "median_absolute_error")]
    weighted = metrics.score(asked, Predictions(values), y, target, sample_weight=np.array(counts))
    rows = np.repeat(np.arange(12), counts)
    repeated = metrics.score(asked, Predictions(values[rows]), y[rows], target)
    assert weighted == pytest.approx(repeated, nan_ok=True)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (BINARY, ("roc_auc", "accuracy", "f1", "log_loss", "brier", "ece")),
        (THREE, ("accuracy", "log_loss", "f1", "brier", "ece")),
        (NUMBER, ("rmse", "mae", "r2")),
    ],
)
def test_auto_chooses_by_task(target: Target, expected: tuple[str, ...]) -> None:
    assert metrics.choose_metrics("auto", target) == expected


def test_listed_metrics_come_first() -> None:
    chosen = metrics.choose_metrics(["mcc", "log_loss"], BINARY)
    assert chosen == ("mcc", "log_loss", "roc_auc", "accuracy", "f1", "brier", "ece")


def test_a_metric_of_the_other_task_is_refused() -> None:
    with pytest.raises(ValueError) as caught:
        metrics.choose_metrics(["rmse", "accuracy"], NUMBER)
    assert str(caught.value) == (
        "accuracy does not fit regression. Allowed: rmse, mae, r2, mape, median_absolute_error"
    )


def test_all_metrics_that_do_not_fit_are_named_at_once():
    target = Target("price", "regression", dtype="float")
    with pytest.raises(ValueError, match="accuracy, f1 do not fit regression"):
        metrics.choose_metrics(["accuracy", "rmse", "f1"], target)
