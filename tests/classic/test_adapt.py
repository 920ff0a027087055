"""Settings that the recipe omits are completed; those that it gives reach the estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from sklearn import ensemble, linear_model, naive_bayes, neighbors, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
from threadpoolctl import threadpool_limits

from dlrun.catalog.baselines import BASELINES
from dlrun.catalog.parts import load_part
from dlrun.classic import adapt
from dlrun.classic.adapt import adapt_estimator, baseline_of, encoding_for, openmp_threads
from dlrun.classic.estimators import build
from dlrun.classic.tasks import classification
from dlrun.system.cost import OWN_CHOICE, limited_threads

MATRIX = np.random.default_rng(0).normal(size=(60, 3))
Y = (MATRIX[:, 0] > 0).astype(np.int64)


def adapted(
    name: str, settings: Mapping[str, object], task: str = "classification", seed: int = 7
) -> Any:
    y = Y if task == "classification" else MATRIX[:, 0]
    row, estimator = BASELINES[name], build(name, task, settings, len(MATRIX))
    estimator = adapt_estimator(row, estimator, settings, MATRIX, n_categories=1, seed=seed)
    module = load_part("dlrun.classic.tasks", task)
    return module.adapt(estimator, y, scales_target=row.scales_target, seed=seed)


@pytest.mark.parametrize(
    ("estimator", "encoding"),
    [
        (linear_model.LogisticRegression(), "onehot"),
        (linear_model.Ridge(), "onehot"),
        (svm.LinearSVC(), "onehot"),
        (svm.SVC(), "onehot_dense"),
        (naive_bayes.GaussianNB(), "onehot_dense"),
        (neighbors.KNeighborsRegressor(), "onehot_dense"),
        (tree.DecisionTreeClassifier(), "ordinal"),
        (ensemble.RandomForestRegressor(), "ordinal"),
        (ensemble.GradientBoostingClassifier(), "ordinal"),
        (ensemble.HistGradientBoostingClassifier(), "native"),
        (object(), "onehot_dense"),
    ],
)
def test_the_encoding_follows_the_kind_of_estimator(estimator: Any, encoding: str) -> None:
    assert encoding_for(baseline_of("any.Class", estimator), estimator) == encoding


@pytest.mark.parametrize(
    ("kind", "encoding"),
    [
        ("xgboost", "native"),
        ("xgboost.XGBRFRegressor", "native"),
        ("lightgbm.LGBMRegressor", "native"),
        ("dummy", "none"),
    ],
)
def test_a_row_may_name_the_encoding_of_its_baseline_and_package(kind: str, encoding: str) -> None:
    estimator = build(kind, "regression", {}, 10)
    assert encoding_for(baseline_of(kind, estimator), estimator) == encoding


def test_lightgbm_gets_the_categories_when_it_is_fitted() -> None:
    arguments = BASELINES["lightgbm"].fit_arguments
    assert (arguments(2), arguments(0)) == ({"categorical_feature": [0, 1]}, {})


def test_the_seed_fills_an_open_random_state() -> None:
    assert adapted("random_forest", {}).random_state == 7
    assert adapted("random_forest", {"random_state": 0}).random_state == 0


def test_a_seed_of_32_bits_fits_lightgbm() -> None:
    boosting = adapted("lightgbm", {"n_estimators": 2}, seed=2**32 - 1)
    boosting.fit(MATRIX, Y)


def test_boosting_gets_the_pinned_threads_and_the_categories(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(OWN_CHOICE, "1")
    with limited_threads(3):
        assert adapted("xgboost", {}).n_jobs == 1  # a small table
        assert adapted("xgboost", {"n_jobs": 2}).n_jobs == 2
        monkeypatch.setattr(adapt, "SMALL_CELLS", 0)
        boosting = adapted("xgboost", {})
    assert (boosting.n_jobs, boosting.feature_types) == (3, ["c", "q", "q"])
    assert adapted("hist_gradient_boosting", {}).categorical_features == [0]


def test_a_classifier_without_probabilities_is_calibrated() -> None:
    machine = adapted("svm", {"C": 3.0, "gamma": 0.2})
    assert isinstance(machine, CalibratedClassifierCV)
    assert (machine.estimator.C, machine.estimator.gamma) == (3.0, 0.2)
    assert machine.cv.n_splits == 3


def test_a_class_of_two_rows_leaves_two_folds_for_calibration() -> None:
    y = np.zeros(60, dtype=np.int64)
    y[:2] = 1
    machine = classification.adapt(svm.SVC(), y, scales_target=True, seed=0)
    assert machine.cv.n_splits == 2
    machine.fit(MATRIX, y)


def test_a_class_of_one_row_leaves_nothing_to_calibrate_with() -> None:
    y = np.zeros(60, dtype=np.int64)
    y[0] = 1
    machine = classification.adapt(svm.SVC(), y, scales_target=True, seed=0)
    assert isinstance(machine, svm.SVC)


def test_a_support_vector_regression_learns_a_standardised_number() -> None:
    machine = adapted("svm", {"epsilon": 0.2}, "regression")
    assert isinstance(machine, TransformedTargetRegressor)
    assert machine.regressor.epsilon == 0.2


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_many_rows_get_the_approximate_machine(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapt, "MAX_EXACT_ROWS", 59)
    machine = adapted("svm", {"C": 2.0}, task)
    inner = machine.estimator if task == "classification" else machine.regressor
    assert inner[-1].alpha == pytest.approx(1 / (2.0 * 60))


@pytest.mark.parametrize(
    ("n_rows", "variable", "expected"), [(60, None, 1), (60, "3", 3), (500_000, None, 3)]
)
def test_boosting_takes_one_thread_on_a_small_table_unless_the_user_sets_more(
    monkeypatch: pytest.MonkeyPatch, n_rows: int, variable: str | None, expected: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", variable or "3")
    monkeypatch.setenv(OWN_CHOICE, "1")
    if variable:
        monkeypatch.delenv(OWN_CHOICE)
    with limited_threads(3), threadpool_limits(openmp_threads(n_rows * 3), user_api="openmp"):
        assert _openmp_effective_n_threads() == expected
