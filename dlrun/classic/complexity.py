"""The size of a fitted estimator, in the unit that is usual for its kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator

from dlrun.catalog.baselines import BASELINES


def count_parameters(estimator: Any) -> int:
    """Return the number of learned values of an estimator.

    Nodes of trees; coefficients and intercepts of linear models; support vectors × features;
    training rows × features for nearest neighbors; for any other estimator the numbers in the
    attributes that end in an underscore. A wrapper or pipeline is the sum of its parts. Features,
    such as a vocabulary, are not counted, as is the preprocessing of a network.
    """
    for mark, count in COUNTERS.items():
        if hasattr(estimator, mark):
            return int(count(estimator))
    return sum(
        _count(value)
        for name, value in vars(estimator).items()
        if name.endswith("_") and not name.startswith("_")
    )


def _coefficients(linear: Any) -> int:
    return int(np.size(linear.coef_) + np.size(getattr(linear, "intercept_", 0.0)))


# Attribute → how an estimator that has it is counted. The baselines' own come first: a linear SVC
# has coefficients as well.
COUNTERS: Final[dict[str, Callable[[Any], int]]] = {
    **dict(row.size for row in BASELINES.values() if row.size),
    "steps": lambda pipeline: sum(count_parameters(step) for _, step in pipeline.steps),
    "calibrated_classifiers_": lambda calibrated: sum(
        count_parameters(one.estimator) for one in calibrated.calibrated_classifiers_
    ),
    "estimators_": lambda ensemble: _count(ensemble.estimators_),
    "coef_": _coefficients,
}


def _count(value: Any) -> int:
    if isinstance(value, BaseEstimator):
        return count_parameters(value)
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = value.ravel().tolist()
    if isinstance(value, list | tuple):
        return sum(map(_count, value))
    is_array = isinstance(value, np.ndarray) or scipy.sparse.issparse(value)
    return int(value.size) if is_array else 0
