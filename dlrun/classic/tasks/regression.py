"""Regression: numbers for the estimator, as they are or standardised, and numbers from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler


def classes_of(y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return an empty array: there are no classes."""
    return np.zeros(0, dtype=np.int64)


def encode(y: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return y as it is."""
    return y


def stopping_arguments(
    matrix: Any, y: NDArray[np.float64], classes: NDArray[np.int64]
) -> dict[str, object]:
    """Return the arguments of `fit` by which boosting stops: the validation rows."""
    return {"X_val": matrix, "y_val": y}


def adapt(estimator: Any, y: NDArray[np.float64], *, scales_target: bool, seed: int) -> Any:
    """Fit an estimator to a standardised target where its defaults suppose one.

    The settings C and epsilon of a support vector machine are in the target's unit.
    """
    if scales_target:
        return TransformedTargetRegressor(estimator, transformer=StandardScaler())
    return estimator


def partial_fit_arguments(classes: NDArray[np.int64]) -> dict[str, object]:
    """Return the arguments of `partial_fit` beside X and y: none."""
    return {}


def calibrate_prefit(estimator: Any, matrix: Any, y: NDArray[np.float64]) -> Any:
    """Return a regressor that was fitted in parts as it is."""
    return estimator


def predict(
    estimator: Any, matrix: Any, classes: NDArray[np.int64], n_labels: int
) -> NDArray[np.float64]:
    """Return one number for each row, (rows,) float64."""
    return np.asarray(estimator.predict(matrix), dtype=np.float64).reshape(-1)
