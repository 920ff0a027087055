"""A linear model on the numbers of each row, with fixed settings: ridge regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.contract.candidate import Predictions
from dlrun.metrics.scores import score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.dataset import Dataset

STRENGTHS: Final = np.logspace(-1, 5, 7)  # of the penalty, of standardised numbers


def linear_score(
    train_matrix: NDArray[Any],
    test_matrix: NDArray[Any],
    train: Dataset,
    test: Dataset,
    metric: str,
) -> float:
    """Fit ridge regression to training rows, and return its score on test rows.

    The numbers are standardised by the training rows, and those beyond them count as their ends:
    what hardly varies among these would else have any size. Classes are regressed on as
    indicators, of which the largest is predicted; the strength of the penalty is chosen by
    leave-one-out on the training rows.

    Args:
        train_matrix: (rows, width) finite numbers.
        test_matrix: (rows, width).
        train: the rows of `train_matrix`.
        test: the rows of `test_matrix`.
        metric: its name.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RidgeCV(STRENGTHS))
    known = _double(train_matrix)
    model.fit(known, _regressed(train))
    within = np.clip(_double(test_matrix), known.min(axis=0), known.max(axis=0))
    predictions = _predictions(model.predict(within), test)
    return score((metric,), predictions, test.y, test.target)[metric]


def _double(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Return finite numbers of double precision."""
    numbers = matrix.astype(np.float64)
    numbers[~np.isfinite(numbers)] = 0.0
    return numbers


def _regressed(train: Dataset) -> NDArray[np.float64]:
    """Return what is regressed on: numbers, or an indicator of each class or label."""
    n_labels = len(train.target.labels)
    is_class = n_labels and train.y.ndim == 1
    numbers: NDArray[np.float64] = np.eye(n_labels)[train.y] if is_class else train.y + 0.0
    return numbers


def _predictions(values: NDArray[np.float64], test: Dataset) -> Predictions:
    """Return what is predicted; the order of probabilities is that of the regressed indicators."""
    if not test.target.labels:
        return Predictions(values.reshape(len(test)))
    if test.y.ndim == 1:
        shares = np.exp(values - values.max(axis=1, keepdims=True))
        return Predictions(shares / shares.sum(axis=1, keepdims=True))
    return Predictions(np.clip(values, 0.0, 1.0))
