"""Scores of the same predictions on a thousand different draws of their rows, fast.

Each metric is prepared once (sorted, compared with the truth) and then costs a few passes over the
row counts. `metrics.scores.score` stays the definition of every metric: a test compares the two.
Sums are taken without BLAS, whose threads cost more here than they save.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.candidate import Predictions
    from dlrun.contract.dataset import Target

    Counts = NDArray[np.int64]
    Numbers = NDArray[np.float64]
    Truth = NDArray[Any]

BootstrapScorer = Callable[["Counts"], float]


def bootstrap_scorer(
    metric: str, predictions: Predictions, y: Truth, target: Target
) -> BootstrapScorer:
    """Prepare a metric; the result takes how often each row was drawn, (rows,) int64.

    A draw that has no score, such as the roc_auc of a single class, gives NaN.

    Args:
        metric: a name of `dlrun.recipe.vocabulary`.
        predictions: of the rows of `y`.
        y: (rows,) int64 class codes, or float64 values.
        target: says what the codes mean.
    """
    if target.task == "regression":
        return OF_VALUES[metric](predictions.values, y)
    shares = predictions.values / predictions.values.sum(axis=1, keepdims=True)
    if metric in OF_ONE_CLASS:
        classes = (1,) if target.is_binary else range(len(target.labels))
        return _mean_of_classes(OF_ONE_CLASS[metric](shares[:, k], y == k) for k in classes)
    if metric in OF_TABLE:
        return _of_table(OF_TABLE[metric], predictions.class_indices, y, len(target.labels))
    return OF_SHARES[metric](shares, y)


def _mean(values: Numbers, power: float = 1.0) -> BootstrapScorer:
    return lambda counts: float(((counts * values).sum() / counts.sum()) ** power)


# ---------------------------------------------------------------------------------- numbers


def _r2(values: Numbers, y: Truth) -> BootstrapScorer:
    squares = (values - y) ** 2
    centred = y - y.mean()

    def rescore(counts: Counts) -> float:
        drawn = counts * centred
        spread = (drawn * centred).sum() - drawn.sum() ** 2 / counts.sum()
        return float(1 - (counts * squares).sum() / spread) if spread > 0 else float("nan")

    return rescore


def _median_error(values: Numbers, y: Truth) -> BootstrapScorer:
    errors = np.abs(values - y)
    order = np.argsort(errors, kind="stable")
    ascending = errors[order]

    def rescore(counts: Counts) -> float:
        drawn = np.cumsum(counts.take(order))
        middle = np.array([(drawn[-1] - 1) // 2, drawn[-1] // 2])
        return float(ascending[np.searchsorted(drawn, middle, side="right")].mean())

    return rescore


def _relative_error(values: Numbers, y: Truth) -> Numbers:
    return np.asarray(np.abs(values - y) / np.maximum(np.abs(y), np.finfo(float).eps))


OF_VALUES: Final[dict[str, Callable[[Numbers, Truth], BootstrapScorer]]] = {
    "rmse": lambda values, y: _mean((values - y) ** 2, power=0.5),
    "mae": lambda values, y: _mean(np.abs(values - y)),
    "mape": lambda values, y: _mean(_relative_error(values, y)),
    "r2": _r2,
    "median_absolute_error": _median_error,
}


# ------------------------------------------------------------------- shares of all classes


def _log_loss(shares: Numbers, y: Truth) -> BootstrapScorer:
    given = np.take_along_axis(shares, y[:, None], axis=1)[:, 0]
    return _mean(-np.log(np.clip(given, np.finfo(float).eps, 1.0)))


def _brier(shares: Numbers, y: Truth) -> BootstrapScorer:
    squares = (shares - (np.arange(shares.shape[1]) == y[:, None])) ** 2
    is_binary = shares.shape[1] == 2  # noqa: PLR2004
    return _mean(squares[:, 1] if is_binary else squares.sum(axis=1))


def _ece(shares: Numbers, y: Truth) -> BootstrapScorer:
    from dlrun.metrics.scores import N_BINS  # brings scikit-learn, which nothing else here needs

    confidence = shares.max(axis=1)
    gaps = (shares.argmax(axis=1) == y) - confidence
    bins = np.clip(np.ceil(confidence * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)
    return lambda counts: float(
        np.abs(np.bincount(bins, counts * gaps, N_BINS)).sum() / counts.sum()
    )


OF_SHARES: Final[dict[str, Callable[[Numbers, Truth], BootstrapScorer]]] = {
    "log_loss": _log_loss,
    "brier": _brier,
    "ece": _ece,
}


# -------------------------------------------------------------- one class against the rest


def _mean_of_classes(rescorers: Iterable[BootstrapScorer]) -> BootstrapScorer:
    each = list(rescorers)

    def rescore(counts: Counts) -> float:
        scores = np.array([one(counts) for one in each])
        known = scores[~np.isnan(scores)]
        return float(known.mean()) if len(known) else float("nan")

    return rescore


def _roc_auc(shares: Numbers, positive: NDArray[np.bool_]) -> BootstrapScorer:
    """Count the negatives below each positive, and half of those level with it."""
    winners, losers = np.flatnonzero(positive), np.flatnonzero(~positive)
    losers = losers[np.argsort(shares[losers], kind="stable")]
    below = np.searchsorted(shares[losers], shares[winners], side="left")
    not_above = np.searchsorted(shares[losers], shares[winners], side="right")

    def rescore(counts: Counts) -> float:
        won, lost = counts.take(winners), _running(counts.take(losers))
        pairs = won.sum() * lost[-1]
        beaten = won * (lost.take(below) + lost.take(not_above))
        return float(beaten.sum() / (2 * pairs)) if pairs else float("nan")

    return rescore


def _average_precision(shares: Numbers, positive: NDArray[np.bool_]) -> BootstrapScorer:
    """Average over the positives the precision among all rows that score at least as high."""
    order = np.argsort(-shares, kind="stable")
    winners = order[positive[order]]
    hits_to = np.searchsorted(-shares[winners], -shares[winners], side="right")
    drawn_to = np.searchsorted(-shares[order], -shares[winners], side="right")

    def rescore(counts: Counts) -> float:
        won = counts.take(winners)
        hits, drawn = _running(won), _running(counts.take(order))
        if hits[-1] in (0, drawn[-1]):
            return float("nan")
        precision = hits.take(hits_to) / np.maximum(drawn.take(drawn_to), 1)
        return float((won * precision).sum() / hits[-1])

    return rescore


def _running(counts: Counts) -> Counts:
    return np.concatenate(([0], np.cumsum(counts)))


OF_ONE_CLASS: Final[dict[str, Callable[[Numbers, NDArray[np.bool_]], BootstrapScorer]]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
}


# ------------------------------------------------- the table of true against predicted class


def _of_table(
    read: Callable[[Numbers], float], class_indices: NDArray[np.int64], y: Truth, n_classes: int
) -> BootstrapScorer:
    cells = y * n_classes + class_indices

    def rescore(counts: Counts) -> float:
        flat = np.bincount(cells, counts, minlength=n_classes * n_classes)
        return read(flat.reshape(n_classes, n_classes).astype(np.float64))

    return rescore


def _accuracy(table: Numbers) -> float:
    return float(np.trace(table) / table.sum())


def _macro(table: Numbers, *, of_truth: float, of_said: float) -> float:
    """Average hits ÷ (a mix of the true and the predicted count) over the classes met."""
    y, said = table.sum(axis=1), table.sum(axis=0)
    whole = of_truth * y + of_said * said
    ratios = np.divide(np.diag(table), whole, out=np.zeros_like(whole), where=whole > 0)
    return float(ratios[y + said > 0].mean())


def _balanced_accuracy(table: Numbers) -> float:
    y = table.sum(axis=1)
    return float((np.diag(table)[y > 0] / y[y > 0]).mean())


def _mcc(table: Numbers) -> float:
    total, y, said = table.sum(), table.sum(axis=1), table.sum(axis=0)
    spread = (total**2 - (said**2).sum()) * (total**2 - (y**2).sum())
    together = np.trace(table) * total - (y * said).sum()
    return float(together / spread**0.5) if spread > 0 else 0.0


OF_TABLE: Final[dict[str, Callable[[Numbers], float]]] = {
    "accuracy": _accuracy,
    "f1": partial(_macro, of_truth=0.5, of_said=0.5),
    "precision": partial(_macro, of_truth=0, of_said=1),
    "recall": partial(_macro, of_truth=1, of_said=0),
    "balanced_accuracy": _balanced_accuracy,
    "mcc": _mcc,
}
