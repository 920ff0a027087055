"""How much a fitted estimator has learned, in the unit that its kind is thought of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator


def count_parameters(estimator: Any) -> int:
    """Count what an estimator has learned.

    Nodes of trees; coefficients and intercepts of linear models; support vectors × features;
    training rows × features for nearest neighbours; for anything else the numbers in the
    attributes that end in an underscore. A wrapper or pipeline is the sum of what it holds.
    What the features have learned, such as a vocabulary or components, is left aside, as is the
    preprocessing of a network.
    """
    for mark, count in COUNTERS.items():
        if hasattr(estimator, mark):
            return count(estimator)
    return sum(_count(value) for value in _learned(estimator))


def _hist_nodes(boosting: Any) -> int:
    return sum(len(tree.nodes) for trees in boosting._predictors for tree in trees)


def _xgboost_nodes(boosting: Any) -> int:
    return sum(text.count("\n") for text in boosting.get_booster().get_dump())


def _lightgbm_nodes(boosting: Any) -> int:
    trees = boosting.booster_.dump_model()["tree_info"]
    return sum(2 * tree["num_leaves"] - 1 for tree in trees)


def _coefficients(linear: Any) -> int:
    return int(np.size(linear.coef_) + np.size(getattr(linear, "intercept_", 0.0)))


# What marks a kind of estimator, the most telling first: a linear SVC has coefficients as well.
COUNTERS = {
    "tree_": lambda tree: int(tree.tree_.node_count),
    "_predictors": _hist_nodes,
    "get_booster": _xgboost_nodes,
    "booster_": _lightgbm_nodes,
    "support_vectors_": lambda machine: int(np.prod(machine.support_vectors_.shape)),
    "_fit_X": lambda neighbours: int(np.prod(neighbours._fit_X.shape)),
    "steps": lambda pipeline: sum(count_parameters(step) for _, step in pipeline.steps),
    "calibrated_classifiers_": lambda calibrated: sum(
        count_parameters(one.estimator) for one in calibrated.calibrated_classifiers_
    ),
    "estimators_": lambda ensemble: _count(ensemble.estimators_),
    "coef_": _coefficients,
}


def _learned(estimator: Any) -> Iterator[Any]:
    for name, value in vars(estimator).items():
        if name.endswith("_") and not name.startswith("_"):
            yield value


def _count(value: Any) -> int:
    if isinstance(value, BaseEstimator):
        return count_parameters(value)
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = value.ravel().tolist()
    if isinstance(value, list | tuple):
        return sum(map(_count, value))
    is_array = isinstance(value, np.ndarray) or scipy.sparse.issparse(value)
    return int(value.size) if is_array else 0
