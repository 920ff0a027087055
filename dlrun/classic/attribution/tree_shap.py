"""Boosted trees of XGBoost and LightGBM: the Shapley values that the packages compute themselves.

Lundberg et al. (2020): the exact Shapley values of the trees. The baseline is not the output for
the reference row, but the mean output over the training rows, by their number in each leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.classic.attribution.contributions import Contributions, margin_unit
from dlrun.classic.estimators import package_of


def suits(estimator: Any) -> bool:
    """Return whether a fitted estimator is one of these packages' trees."""
    return package_of(estimator) in PACKAGES


def contribute(estimator: Any, place: int, matrix: Any, _reference: Any) -> Contributions:
    """Return what the features of some rows add to the raw output; see `coefficients`."""
    parts = PACKAGES[package_of(estimator)](estimator, matrix)
    n_classes = len(getattr(estimator, "classes_", ()))
    sign, group = (
        (1.0, place) if parts.shape[1] > 1 else (1.0 if place or not n_classes else -1.0, 0)
    )
    own = sign * parts[:, group].astype(np.float64)
    return Contributions(own[:, :-1], own.sum(axis=1), float(own[0, -1]), margin_unit(n_classes))


def _xgboost(estimator: Any, matrix: Any) -> NDArray[Any]:
    import xgboost

    types = getattr(estimator, "feature_types", None)
    rows = xgboost.DMatrix(matrix, feature_types=types, enable_categorical=True)
    found: NDArray[Any] = estimator.get_booster().predict(
        rows, pred_contribs=True, strict_shape=True
    )
    return found


def _lightgbm(estimator: Any, matrix: Any) -> NDArray[Any]:
    found = np.asarray(estimator.predict(matrix, pred_contrib=True))
    return found.reshape(len(found), -1, matrix.shape[1] + 1)


PACKAGES: Final[Mapping[str, Callable[[Any, Any], NDArray[Any]]]] = {
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
}
"""Package → (rows, outputs, features and the baseline) of an estimator's raw outputs."""
