"""Multi-label classification: one classifier for each label against the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import StratifiedKFold
from sklearn.multioutput import MultiOutputClassifier

from dlrun.classic.tasks.classification import has_probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray


def classes_of(y: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of each label that varies, and −1 − that of each that all rows have."""
    varied = np.flatnonzero(y.min(axis=0) < y.max(axis=0))
    return np.concatenate([varied, -1 - np.flatnonzero(y.min(axis=0))])


def encode(y: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the labels that vary, (rows, varied labels): the others need no classifier."""
    return y[:, classes[classes >= 0]]


def adapt(estimator: Any, y: NDArray[np.int64], *, scales_target: bool, seed: int) -> Any:
    """Copy a classifier for every label, calibrated where it has no probabilities (Platt 1999).

    Args:
        estimator: unfitted.
        y: (rows, varied labels) of the training rows.
        scales_target: has no effect on labels.
        seed: draws the folds of the calibration.
    """
    rarest = int(np.minimum(y.sum(axis=0), (1 - y).sum(axis=0)).min())
    if not has_probabilities(estimator) and rarest > 1:
        folds = StratifiedKFold(min(3, rarest), shuffle=True, random_state=seed)
        estimator = CalibratedClassifierCV(estimator, cv=folds, ensemble=False)
    return MultiOutputClassifier(estimator)


def stopping_arguments(
    matrix: Any, y: NDArray[np.int64], classes: NDArray[np.int64]
) -> dict[str, object]:
    """Return no arguments: each label's classifier stops by a share of its training rows."""
    return {}


def partial_fit_arguments(classes: NDArray[np.int64]) -> dict[str, object]:
    """Return no arguments: rows with several labels are not streamed."""
    return {}


def calibrate_prefit(estimator: Any, matrix: Any, y: NDArray[np.int64]) -> Any:
    """Return the estimator as it is: rows with several labels are not streamed."""
    return estimator


def predict(
    estimator: Any, matrix: Any, classes: NDArray[np.int64], n_labels: int
) -> NDArray[np.float64]:
    """Return the probability of each label, (rows, n_labels); 0 or 1 without probabilities."""
    if hasattr(estimator, "predict_proba"):
        known = np.column_stack([each[:, 1] for each in estimator.predict_proba(matrix)])
    else:
        known = np.asarray(estimator.predict(matrix), dtype=np.float64)
    values = np.zeros((len(known), n_labels))
    values[:, classes[classes >= 0]] = known
    values[:, -1 - classes[classes < 0]] = 1.0
    return values
