"""Classification: classes without gaps for the estimator, probabilities of all classes from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

from dlrun.classic.nystroem import MAX_EXACT_ROWS


def classes_of(y: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the classes that occur, ascending; (classes,) int64."""
    classes: NDArray[np.int64] = np.unique(y)
    return classes


def encode(y: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return y as positions in `classes`, (rows,) int64: XGBoost takes no gaps."""
    return np.searchsorted(classes, y)


def stopping_arguments(
    matrix: Any, y: NDArray[np.int64], classes: NDArray[np.int64]
) -> dict[str, object]:
    """Return the arguments of `fit` by which boosting stops: validation rows of known classes."""
    known = np.flatnonzero(np.isin(y, classes))
    return {"X_val": matrix[known], "y_val": encode(y[known], classes)} if len(known) else {}


def adapt(estimator: Any, y: NDArray[np.int64], *, scales_target: bool, seed: int) -> Any:
    """Calibrate a classifier without probabilities (Platt 1999), unfitted.

    The sigmoid is fitted to scores of rows that the classifier has not seen: of three folds, or of
    a tenth of the rows above 20,000. With one row of a class it is left as it is.
    """
    rarest = int(np.bincount(y).min())
    if has_probabilities(estimator) or rarest < 2:  # noqa: PLR2004
        return estimator
    if len(y) > MAX_EXACT_ROWS:
        held_out = StratifiedShuffleSplit(1, test_size=0.1, random_state=seed)
        return CalibratedClassifierCV(estimator, cv=held_out)
    folds = StratifiedKFold(min(3, rarest), shuffle=True, random_state=seed)
    return CalibratedClassifierCV(estimator, cv=folds, ensemble=False)


def partial_fit_arguments(classes: NDArray[np.int64]) -> dict[str, object]:
    """Return the arguments of `partial_fit` beside X and y."""
    return {"classes": np.arange(len(classes))}


def calibrate_prefit(estimator: Any, matrix: Any, y: NDArray[np.int64]) -> Any:
    """Calibrate a classifier without probabilities (Platt 1999) that was fitted in parts.

    The sigmoid is fitted to rows that the classifier has seen, but they are few beside all of its
    training rows, so their scores differ little from those of unseen rows.
    """
    if has_probabilities(estimator):
        return estimator
    return CalibratedClassifierCV(FrozenEstimator(estimator)).fit(matrix, y)


def predict(
    estimator: Any, matrix: Any, classes: NDArray[np.int64], n_labels: int
) -> NDArray[np.float64]:
    """Return the probability of each label, (rows, n_labels); 0 without training rows.

    A classifier that predicts classes only gives its class the probability 1.
    """
    if hasattr(estimator, "predict_proba"):
        known = np.asarray(estimator.predict_proba(matrix), dtype=np.float64)
    else:
        known = np.eye(len(classes))[np.asarray(estimator.predict(matrix), dtype=np.int64)]
    values = np.zeros((len(known), n_labels))
    values[:, classes] = known / known.sum(axis=1, keepdims=True)
    return values


def has_probabilities(estimator: Any) -> bool:
    """Return whether calibration would add nothing, or has no scores to start from."""
    return hasattr(estimator, "predict_proba") or not hasattr(estimator, "decision_function")
