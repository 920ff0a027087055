"""Parameters are counted in the unit of each kind of estimator."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn import ensemble, linear_model, naive_bayes, neighbors, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor

from dlrun.classic.complexity import count_parameters

MATRIX = np.random.default_rng(0).normal(size=(100, 4))
TRUTH = np.digitize(MATRIX[:, 0], [-0.5, 0.5])  # three classes
STUMP = 3  # nodes: a root and two leaves


@pytest.mark.parametrize(
    ("estimator", "count"),
    [
        (linear_model.LogisticRegression(), 3 * 4 + 3),
        (linear_model.Ridge(), 4 + 1),
        (tree.DecisionTreeClassifier(max_depth=1), STUMP),
        (ensemble.RandomForestClassifier(5, max_depth=1, random_state=0), 5 * STUMP),
        (ensemble.GradientBoostingClassifier(n_estimators=5, max_depth=1), 5 * 3 * STUMP),
        (ensemble.HistGradientBoostingClassifier(max_iter=5, max_depth=1), 5 * 3 * STUMP),
        (xgboost.XGBClassifier(n_estimators=5, max_depth=1), 5 * 3 * STUMP),
        (lightgbm.LGBMClassifier(n_estimators=5, max_depth=1, verbosity=-1), 5 * 3 * STUMP),
        (neighbors.KNeighborsClassifier(), 100 * 4),
        (naive_bayes.GaussianNB(), 3 * 4 + 3 * 4 + 3 + 3 + 3),
        (TransformedTargetRegressor(linear_model.Ridge()), 4 + 1),
        (DummyRegressor(), 1),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, int) else "",
)
def test_count(estimator: Any, count: int) -> None:
    assert count_parameters(estimator.fit(MATRIX, TRUTH)) == count


def test_support_vectors_count_with_their_features_also_when_calibrated() -> None:
    machine = CalibratedClassifierCV(svm.SVC(), ensemble=False, cv=3).fit(MATRIX, TRUTH)
    inner = machine.calibrated_classifiers_[0].estimator
    assert count_parameters(machine) == len(inner.support_) * 4
