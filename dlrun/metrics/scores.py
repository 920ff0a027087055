"""Scores: both families' predictions measured by the same code, scikit-learn's where it exists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from sklearn import metrics as sk

from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Target
from dlrun.recipe.vocabulary import CLASSIFICATION_METRICS, REGRESSION_METRICS

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_BINS: Final = 15  # of the expected calibration error, as in Guo et al. 2017

AUTO_BINARY: Final = ("roc_auc", "accuracy", "f1", "log_loss", "brier", "ece")
AUTO_MULTI_CLASS: Final = ("accuracy", "log_loss", "f1", "brier", "ece")
AUTO_REGRESSION: Final = ("rmse", "mae", "r2")


@dataclass(frozen=True)
class _Classified:
    """Rows with their true class, the probabilities claimed for them, and their weights."""

    y: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    class_indices: NDArray[np.int64]
    weight: NDArray[np.float64] | None

    @property
    def classes(self) -> NDArray[np.int64]:
        return np.arange(self.probabilities.shape[1])

    @property
    def present(self) -> NDArray[np.int64]:
        return np.unique(self.y)

    def average(self, values: NDArray[Any]) -> float:
        return float(np.average(values, weights=self.weight))


@dataclass(frozen=True)
class _Estimated:
    """Rows with their true number, the number predicted for them, and their weights."""

    y: NDArray[np.float64]
    values: NDArray[np.float64]
    weight: NDArray[np.float64] | None


def _of_each_class(metric: Callable[..., float], rows: _Classified) -> float:
    """Score one class against the rest: the second of two, or the mean over more.

    A class that is absent from these rows, or alone in them, has no such score and is left out;
    when that leaves none, the score is undefined.
    """
    n_classes = rows.probabilities.shape[1]
    classes = np.array([1]) if n_classes == 2 else rows.present  # noqa: PLR2004
    if len(rows.present) < 2:  # noqa: PLR2004
        return float("nan")
    scores = [
        metric(rows.y == k, rows.probabilities[:, k], sample_weight=rows.weight) for k in classes
    ]
    return float(np.mean(scores))


def _of_labels(metric: Callable[..., float]) -> Callable[[_Classified], float]:
    """Make a macro average over the classes that these rows hold or are predicted to be."""
    return lambda rows: float(
        metric(
            rows.y,
            rows.class_indices,
            average="macro",
            zero_division=0.0,
            sample_weight=rows.weight,
        )
    )


def _balanced_accuracy(rows: _Classified) -> float:
    return float(
        sk.recall_score(
            rows.y,
            rows.class_indices,
            labels=rows.present,
            average="macro",
            sample_weight=rows.weight,
        )
    )


def _log_loss(rows: _Classified) -> float:
    """Clip probabilities to the resolution of float64, so that no row costs more than 36.04."""
    return float(
        sk.log_loss(rows.y, rows.probabilities, labels=rows.classes, sample_weight=rows.weight)
    )


def _brier(rows: _Classified) -> float:
    """Square the error of the second class's probability, or sum over more than two classes."""
    if len(rows.classes) == 2:  # noqa: PLR2004
        return rows.average((rows.probabilities[:, 1] - rows.y) ** 2)
    errors = rows.probabilities - (rows.y[:, None] == rows.classes)
    return rows.average((errors**2).sum(axis=1))


def _ece(rows: _Classified) -> float:
    """Average |accuracy - confidence| over 15 bins of equal width (Guo et al. 2017)."""
    confidence = rows.probabilities.max(axis=1)
    gaps = (rows.class_indices == rows.y) - confidence
    weight = np.ones(len(gaps)) if rows.weight is None else rows.weight
    # Bins are closed on the right, as in the paper: 1/15 belongs to the first, 1 to the last.
    bins = np.clip(np.ceil(confidence * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)
    totals = np.bincount(bins, weights=gaps * weight, minlength=N_BINS)
    return float(np.abs(totals).sum() / weight.sum())


def _mcc(rows: _Classified) -> float:
    if len(np.union1d(rows.y, rows.class_indices)) == 1:
        return 0.0  # scikit-learn's value, which it gives with a warning
    return float(sk.matthews_corrcoef(rows.y, rows.class_indices, sample_weight=rows.weight))


def _r2(rows: _Estimated) -> float:
    if len(rows.y) < 2:  # noqa: PLR2004
        return float("nan")
    return float(sk.r2_score(rows.y, rows.values, sample_weight=rows.weight))


def _of_numbers(metric: Callable[..., float]) -> Callable[[_Estimated], float]:
    return lambda rows: float(metric(rows.y, rows.values, sample_weight=rows.weight))


CLASSIFICATION: Final[Mapping[str, Callable[[_Classified], float]]] = {
    "roc_auc": lambda rows: _of_each_class(sk.roc_auc_score, rows),
    "accuracy": lambda rows: rows.average(rows.class_indices == rows.y),
    "balanced_accuracy": _balanced_accuracy,
    "f1": _of_labels(sk.f1_score),
    "precision": _of_labels(sk.precision_score),
    "recall": _of_labels(sk.recall_score),
    "average_precision": lambda rows: _of_each_class(sk.average_precision_score, rows),
    "log_loss": _log_loss,
    "brier": _brier,
    "ece": _ece,
    "mcc": _mcc,
}
REGRESSION: Final[Mapping[str, Callable[[_Estimated], float]]] = {
    "rmse": _of_numbers(sk.root_mean_squared_error),
    "mae": _of_numbers(sk.mean_absolute_error),
    "r2": _r2,
    "mape": _of_numbers(sk.mean_absolute_percentage_error),
    "median_absolute_error": _of_numbers(sk.median_absolute_error),
}


def score(
    names: Sequence[str],
    predictions: Predictions,
    y: NDArray[Any],
    target: Target,
    *,
    sample_weight: NDArray[Any] | None = None,
) -> dict[str, float]:
    """Measure predictions against the truth.

    For two classes, roc_auc, average_precision and brier look at the second label. For more, the
    first two are one-vs-rest means over the classes that the rows hold, and brier is the sum over
    classes. f1, precision and recall are macro averages. A score that these rows cannot give, such
    as the roc_auc of a single class, is nan.

    Args:
        names: metrics of the target's task, as in `dlrun.recipe.vocabulary`.
        predictions: what a candidate says about the rows.
        y: (rows,) class codes or values, at least one row.
        target: what is predicted.
        sample_weight: (rows,) weights of 0 or more, for instance how often a bootstrap drew each.
    """
    kept = slice(None) if sample_weight is None else np.flatnonzero(sample_weight)
    weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)[kept]
    y, values = y[kept], predictions.values[kept]
    if target.task == "regression":
        estimated = _Estimated(y, values, weight)
        return {name: REGRESSION[name](estimated) for name in names}
    class_indices = predictions.class_indices[kept]
    # Softmax in float32 sums to one only roughly, and scikit-learn warns about it.
    probabilities = values / values.sum(axis=1, keepdims=True)
    classified = _Classified(y, probabilities, class_indices, weight)
    return {name: CLASSIFICATION[name](classified) for name in names}


def choose_metrics(
    recipe_metrics: Sequence[str] | Literal["auto"], target: Target
) -> tuple[str, ...]:
    """Choose the metrics of a study, the primary one first.

    Metrics that the recipe lists come first; those of `auto` follow.

    Raises:
        ValueError: a listed metric does not fit the task.
    """
    auto = _auto(target)
    if recipe_metrics == "auto":
        return auto
    is_regression = target.task == "regression"
    allowed = REGRESSION_METRICS if is_regression else CLASSIFICATION_METRICS
    for metric in recipe_metrics:
        if metric not in allowed:
            message = f"{metric} does not fit {target.task}. Allowed: {', '.join(allowed)}"
            raise ValueError(message)
    return tuple(dict.fromkeys((*recipe_metrics, *auto)))


def _auto(target: Target) -> tuple[str, ...]:
    if target.task == "regression":
        return AUTO_REGRESSION
    return AUTO_BINARY if target.is_binary else AUTO_MULTI_CLASS
