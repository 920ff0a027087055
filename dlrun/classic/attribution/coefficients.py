"""Linear models: a coefficient times the distance of a feature from that of the reference row.

They sum to the difference of the outputs exactly. Of features that do not depend on each other they
are the Shapley values (Lundberg & Lee 2017, corollary 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn import linear_model, svm
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator

from dlrun.classic.attribution.contributions import Contributions, margin_unit

# A class that inherits one of these computes X @ coef_ + intercept_, whatever its name.
CLASSIFIERS: Final = (linear_model.LogisticRegression.decision_function,)
REGRESSORS: Final = tuple(
    kind.predict
    for kind in (
        linear_model.LinearRegression, linear_model.Ridge, linear_model.SGDRegressor, svm.LinearSVR
    )
)  # fmt: skip


@dataclass(frozen=True)
class Affine:
    """Outputs that are linear in the features.

    Attributes:
        coefficients: (outputs, features) float64, an output for each class; one for a number.
        intercepts: (outputs,) float64.
        unit: of the outputs, as in `Attribution`.
    """

    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    unit: str


def suits(estimator: Any) -> bool:
    """Return whether a fitted estimator is linear in its features."""
    return affine(estimator) is not None


def contribute(estimator: Any, place: int, matrix: Any, reference: Any) -> Contributions:
    """Return what the features of some rows add to an output.

    Args:
        estimator: fitted, one that `suits`.
        place: of the class among those that the estimator knows; 0 for a number.
        matrix: (rows, features) dense or sparse.
        reference: (1, features) of the reference row.
    """
    linear = affine(estimator)
    if linear is None:
        message = f"{type(estimator).__name__} is not linear in its features"
        raise TypeError(message)
    weights, start = linear.coefficients[place], linear.intercepts[place]
    rows, other = _dense(matrix), _dense(reference)
    return Contributions(
        (rows - other) * weights, rows @ weights + start, float((other @ weights)[0] + start),
        linear.unit,
    )  # fmt: skip


def _dense(matrix: Any) -> NDArray[np.float64]:
    dense = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    return np.asarray(dense, dtype=np.float64)


def affine(estimator: Any) -> Affine | None:
    """Return a fitted estimator as a linear function; None where it is none.

    A linear classifier whose scores a sigmoid maps to probabilities (Platt 1999) is linear in the
    log-odds; of several classes, before their probabilities are normalised.
    """
    if isinstance(estimator, FrozenEstimator):
        return affine(estimator.estimator)
    if isinstance(estimator, TransformedTargetRegressor):
        inner, scaler = affine(estimator.regressor_), estimator.transformer_
        return inner and _scaled(inner, scaler.scale_, scaler.mean_, "")
    if isinstance(estimator, CalibratedClassifierCV):
        return _calibrated(estimator.calibrated_classifiers_)
    kind = type(estimator)
    if getattr(kind, "decision_function", None) in CLASSIFIERS:
        is_certain = hasattr(estimator, "predict_proba")
        unit = margin_unit(len(estimator.classes_)) if is_certain else "margin"
        return _two_sided(Affine(estimator.coef_, estimator.intercept_, unit))
    if getattr(kind, "predict", None) in REGRESSORS:
        weights = np.reshape(estimator.coef_, (1, -1))
        return Affine(weights, np.reshape(estimator.intercept_, -1), "")
    return None


def _two_sided(linear: Affine) -> Affine:
    """Give the first of two classes an output of its own."""
    if len(linear.coefficients) > 1:
        return linear
    sign = np.array([-1.0, 1.0])
    intercepts = sign * np.reshape(linear.intercepts, -1)
    return Affine(sign[:, None] * linear.coefficients, intercepts, linear.unit)


def _calibrated(parts: Any) -> Affine | None:
    """Return a classifier behind sigmoids 1 / (1 + exp(a f + b)) of its scores f."""
    inner = affine(parts[0].estimator) if len(parts) == 1 else None
    sigmoids = parts[0].calibrators
    if inner is None or not all(hasattr(each, "a_") for each in sigmoids):
        return None
    slopes = -np.array([each.a_ for each in sigmoids])
    starts = -np.array([each.b_ for each in sigmoids])
    if len(sigmoids) == 1:  # of two classes, the second's
        second = Affine(inner.coefficients[1:], inner.intercepts[1:], "log-odds")
        return _two_sided(_scaled(second, slopes, starts, "log-odds"))
    return _scaled(inner, slopes, starts, "logit")


def _scaled(linear: Affine, factors: Any, starts: Any, unit: str) -> Affine:
    factors = np.reshape(factors, -1)
    intercepts = linear.intercepts * factors + np.reshape(starts, -1)
    return Affine(linear.coefficients * factors[:, None], intercepts, unit)
