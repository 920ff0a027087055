"""Metrics of classification. A new one is a row at the end of this file and its functions.

Of two classes, roc_auc, average_precision and brier look at the second. Of more, the first two are
one-vs-rest means over the classes that are present, and brier is the sum over the classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final

from dlrun.catalog.metrics.row import Metric, mean_scorer
from dlrun.system.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn import metrics as sk

    from dlrun.catalog.metrics.row import BootstrapScorer, Counts, Numbers, ScoredRows

    IsPositive = NDArray[np.bool_]
else:
    np, sk = lazy("numpy"), lazy("sklearn.metrics")

N_BINS: Final = 15  # of the expected calibration error, as in Guo et al. 2017


# ---------------------------------------------------------------- one class against the rest


def _one_vs_rest(name: str) -> Callable[[ScoredRows], float]:
    """Score the second of two classes, or each present class against the rest, averaged.

    A class that is absent, or alone, has no such score and is left out.
    """

    def score(rows: ScoredRows) -> float:
        classes = np.array([1]) if rows.n_classes == 2 else rows.present  # noqa: PLR2004
        if len(rows.present) < 2:  # noqa: PLR2004
            return float("nan")
        one = getattr(sk, name)
        scores = [
            one(rows.y == k, rows.probabilities[:, k], sample_weight=rows.weight) for k in classes
        ]
        return float(np.mean(scores))

    return score


def _one_vs_rest_bootstrap(
    prepare: Callable[[Numbers, IsPositive], BootstrapScorer],
) -> Callable[[ScoredRows], BootstrapScorer]:
    def scorer(rows: ScoredRows) -> BootstrapScorer:
        classes = (1,) if rows.n_classes == 2 else range(rows.n_classes)  # noqa: PLR2004
        return mean_of_defined(prepare(rows.probabilities[:, k], rows.y == k) for k in classes)

    return scorer


def mean_of_defined(scorers: Iterable[BootstrapScorer]) -> BootstrapScorer:
    """Average over the classes of which a bootstrap sample has a score."""
    each = list(scorers)

    def score(counts: Counts) -> float:
        scores = np.array([one(counts) for one in each])
        defined = scores[~np.isnan(scores)]
        return float(defined.mean()) if len(defined) else float("nan")

    return score


def roc_auc_bootstrap(probabilities: Numbers, is_positive: IsPositive) -> BootstrapScorer:
    """Count the negatives ranked below each positive, and half of those level with it."""
    positives, negatives = np.flatnonzero(is_positive), np.flatnonzero(~is_positive)
    negatives = negatives[np.argsort(probabilities[negatives], kind="stable")]
    below = np.searchsorted(probabilities[negatives], probabilities[positives], side="left")
    not_above = np.searchsorted(probabilities[negatives], probabilities[positives], side="right")

    def score(counts: Counts) -> float:
        n_positive, n_negative = counts.take(positives), _running(counts.take(negatives))
        n_pairs = n_positive.sum() * n_negative[-1]
        ordered = n_positive * (n_negative.take(below) + n_negative.take(not_above))
        return float(ordered.sum() / (2 * n_pairs)) if n_pairs else float("nan")

    return score


def average_precision_bootstrap(probabilities: Numbers, is_positive: IsPositive) -> BootstrapScorer:
    """Average over the positives the precision among all rows that score at least as high."""
    order = np.argsort(-probabilities, kind="stable")
    positives = order[is_positive[order]]
    thresholds = -probabilities[positives]
    hits_to = np.searchsorted(thresholds, thresholds, side="right")
    rows_to = np.searchsorted(-probabilities[order], thresholds, side="right")

    def score(counts: Counts) -> float:
        n_positive = counts.take(positives)
        hits, drawn = _running(n_positive), _running(counts.take(order))
        if hits[-1] in (0, drawn[-1]):
            return float("nan")
        precision = hits.take(hits_to) / np.maximum(drawn.take(rows_to), 1)
        return float((n_positive * precision).sum() / hits[-1])

    return score


def _running(counts: Counts) -> Counts:
    return np.concatenate(([0], np.cumsum(counts)))


# ------------------------------------------------------------------------- all probabilities


def _log_loss(rows: ScoredRows) -> float:
    """Clip probabilities to the resolution of float64, so that no row costs more than 36.04."""
    classes = np.arange(rows.n_classes)
    return float(sk.log_loss(rows.y, rows.probabilities, labels=classes, sample_weight=rows.weight))


def _log_loss_bootstrap(rows: ScoredRows) -> BootstrapScorer:
    of_true_class = np.take_along_axis(rows.probabilities, rows.y[:, None], axis=1)[:, 0]
    return mean_scorer(-np.log(np.clip(of_true_class, np.finfo(float).eps, 1.0)))


def _squared_errors(rows: ScoredRows) -> Numbers:
    """Square the error of the second class's probability, or sum over more than two classes."""
    squares = (rows.probabilities - (rows.y[:, None] == np.arange(rows.n_classes))) ** 2
    is_binary = rows.n_classes == 2  # noqa: PLR2004
    return np.asarray(squares[:, 1] if is_binary else squares.sum(axis=1))


def _calibration(rows: ScoredRows) -> tuple[NDArray[np.int64], Numbers]:
    """Return the bin of each row's confidence, and its correctness less its confidence.

    Bins are closed on the right, as in the paper: 1/15 belongs to the first, 1 to the last.
    """
    confidence = rows.probabilities.max(axis=1)
    bins = np.clip(np.ceil(confidence * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)
    return bins, (rows.class_indices == rows.y) - confidence


def _ece(rows: ScoredRows) -> float:
    """Average |accuracy − confidence| over 15 bins of equal width (Guo et al. 2017)."""
    bins, gaps = _calibration(rows)
    weight = np.ones(len(gaps)) if rows.weight is None else rows.weight
    totals = np.bincount(bins, weights=gaps * weight, minlength=N_BINS)
    return float(np.abs(totals).sum() / weight.sum())


def _ece_bootstrap(rows: ScoredRows) -> BootstrapScorer:
    bins, gaps = _calibration(rows)
    return lambda counts: float(
        np.abs(np.bincount(bins, counts * gaps, N_BINS)).sum() / counts.sum()
    )


# ------------------------------------------------------------------------ the confusion matrix


def _macro(name: str) -> Callable[[ScoredRows], float]:
    """Average over the classes that are present or predicted."""
    settings = {"average": "macro", "zero_division": 0.0}
    return lambda rows: float(
        getattr(sk, name)(rows.y, rows.class_indices, sample_weight=rows.weight, **settings)
    )


def _balanced_accuracy(rows: ScoredRows) -> float:
    """Average the recall over the classes that are present."""
    settings = {"labels": rows.present, "average": "macro", "sample_weight": rows.weight}
    return float(sk.recall_score(rows.y, rows.class_indices, **settings))


def _mcc(rows: ScoredRows) -> float:
    if len(np.union1d(rows.y, rows.class_indices)) == 1:
        return 0.0  # scikit-learn's value, which it gives with a warning
    return float(sk.matthews_corrcoef(rows.y, rows.class_indices, sample_weight=rows.weight))


def _kappa(rows: ScoredRows) -> float:
    """Compute Cohen's kappa (1960), 0 where the truth and the predictions are one class."""
    if len(np.union1d(rows.y, rows.class_indices)) == 1:
        return 0.0
    return float(sk.cohen_kappa_score(rows.y, rows.class_indices, sample_weight=rows.weight))


def _confusion_bootstrap(
    read: Callable[[Numbers], float],
) -> Callable[[ScoredRows], BootstrapScorer]:
    """Score the confusion matrix, (true classes, predicted classes), of each sample."""

    def scorer(rows: ScoredRows) -> BootstrapScorer:
        shape = (rows.n_classes, rows.n_classes)
        cells = rows.y * rows.n_classes + rows.class_indices

        def score(counts: Counts) -> float:
            flat = np.bincount(cells, counts, minlength=rows.n_classes**2)
            return read(flat.reshape(shape).astype(np.float64))

        return score

    return scorer


def _is_right(rows: ScoredRows) -> NDArray[np.bool_]:
    return np.asarray(rows.class_indices == rows.y)


def _accuracy_of(confusion: Numbers) -> float:
    return float(np.trace(confusion) / confusion.sum())


def _macro_of(confusion: Numbers, *, true: float, predicted: float) -> float:
    """Average hits ÷ (a mix of the true and the predicted count) over present classes."""
    n_true, n_predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    whole = true * n_true + predicted * n_predicted
    ratios = np.divide(np.diag(confusion), whole, out=np.zeros_like(whole), where=whole > 0)
    return float(ratios[n_true + n_predicted > 0].mean())


def _balanced_accuracy_of(confusion: Numbers) -> float:
    n_true = confusion.sum(axis=1)
    return float((np.diag(confusion)[n_true > 0] / n_true[n_true > 0]).mean())


def _mcc_of(confusion: Numbers) -> float:
    n, n_true, n_predicted = confusion.sum(), confusion.sum(axis=1), confusion.sum(axis=0)
    variances = (n**2 - (n_predicted**2).sum()) * (n**2 - (n_true**2).sum())
    covariance = np.trace(confusion) * n - (n_true * n_predicted).sum()
    return float(covariance / variances**0.5) if variances > 0 else 0.0


def _kappa_of(confusion: Numbers) -> float:
    n = confusion.sum()
    by_chance = (confusion.sum(axis=1) * confusion.sum(axis=0)).sum() / n**2
    agreed = np.trace(confusion) / n
    return float((agreed - by_chance) / (1 - by_chance)) if by_chance < 1 else 0.0


# ------------------------------------------------------------------------------------ the rows

_metric: Final = partial(Metric, tasks=("classification",))
_decision: Final = partial(_metric, rank_rows="rarest class")

CLASSIFICATION: Final[tuple[Metric, ...]] = (
    _decision(
        name="roc_auc",
        title="ROC AUC",
        score=_one_vs_rest("roc_auc_score"),
        bootstrap=_one_vs_rest_bootstrap(roc_auc_bootstrap),
        rank_rows="ranks of the rarest class",
        rope=0.005,
        auto_rank_binary=1,
    ),
    _metric(
        name="accuracy",
        is_right=_is_right,
        title="accuracy",
        score=lambda rows: rows.average(rows.class_indices == rows.y),
        bootstrap=_confusion_bootstrap(_accuracy_of),
        rank_rows="all",
        auto_rank=1,
        auto_rank_binary=2,
    ),
    _decision(
        name="balanced_accuracy",
        title="balanced accuracy",
        score=_balanced_accuracy,
        bootstrap=_confusion_bootstrap(_balanced_accuracy_of),
    ),
    _decision(
        name="f1",
        title="F1",
        score=_macro("f1_score"),
        bootstrap=_confusion_bootstrap(partial(_macro_of, true=0.5, predicted=0.5)),
        auto_rank=3,
    ),
    _decision(
        name="precision",
        title="precision",
        score=_macro("precision_score"),
        bootstrap=_confusion_bootstrap(partial(_macro_of, true=0, predicted=1)),
    ),
    _decision(
        name="recall",
        title="recall",
        score=_macro("recall_score"),
        bootstrap=_confusion_bootstrap(partial(_macro_of, true=1, predicted=0)),
    ),
    _decision(
        name="average_precision",
        title="average precision",
        score=_one_vs_rest("average_precision_score"),
        bootstrap=_one_vs_rest_bootstrap(average_precision_bootstrap),
        rank_rows="ranks of the rarest class",
        rope=0.005,
    ),
    _metric(
        name="log_loss",
        title="log loss",
        lower_is_better=True,
        bounds=(0.0, inf),
        score=_log_loss,
        bootstrap=_log_loss_bootstrap,
        auto_rank=2,
        auto_rank_binary=4,
    ),
    _metric(
        name="brier",
        title="Brier score",
        lower_is_better=True,
        bounds=(0.0, 2.0),
        score=lambda rows: rows.average(_squared_errors(rows)),
        bootstrap=lambda rows: mean_scorer(_squared_errors(rows)),
        auto_rank=4,
        auto_rank_binary=5,
    ),
    _metric(
        name="ece",
        title="ECE",
        lower_is_better=True,
        score=_ece,
        bootstrap=_ece_bootstrap,
        auto_rank=5,
        auto_rank_binary=6,
    ),
    _decision(
        name="mcc",
        title="MCC",
        bounds=(-1.0, 1.0),
        score=_mcc,
        bootstrap=_confusion_bootstrap(_mcc_of),
    ),
    _decision(
        name="kappa",
        title="Cohen's kappa",
        bounds=(-1.0, 1.0),
        score=_kappa,
        bootstrap=_confusion_bootstrap(_kappa_of),
    ),
)
