"""Metrics of multi-label classification: macro means over labels, and scores of whole label sets.

A label is predicted from a probability of 0.5 on.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Final

from dlrun.catalog.metrics import classification
from dlrun.catalog.metrics.row import Metric, mean_scorer
from dlrun.system.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn import metrics as sk

    from dlrun.catalog.metrics.row import BootstrapScorer, Counts, Numbers, ScoredRows
else:
    np, sk = lazy("numpy"), lazy("sklearn.metrics")

TASKS: Final = ("multilabel",)
THRESHOLD: Final = 0.5


def _macro(name: str) -> Callable[[ScoredRows], float]:
    """Average over the labels that some rows have and others lack."""

    def score(rows: ScoredRows) -> float:
        varied = np.flatnonzero(rows.y.min(axis=0) < rows.y.max(axis=0))
        one = getattr(sk, name)
        scores = [one(rows.y[:, k], rows.values[:, k], sample_weight=rows.weight) for k in varied]
        return float(np.mean(scores)) if scores else float("nan")

    return score


def _macro_bootstrap(
    prepare: Callable[..., BootstrapScorer],
) -> Callable[[ScoredRows], BootstrapScorer]:
    return lambda rows: classification.mean_of_defined(
        prepare(rows.values[:, k], rows.y[:, k] == 1) for k in range(rows.n_classes)
    )


def _is_predicted(rows: ScoredRows) -> NDArray[np.bool_]:
    return np.asarray(rows.values >= THRESHOLD)


def _f1(rows: ScoredRows) -> float:
    predicted = _is_predicted(rows)
    settings = {"average": "macro", "zero_division": 0.0, "sample_weight": rows.weight}
    return float(sk.f1_score(rows.y, predicted, **settings))


def _f1_bootstrap(rows: ScoredRows) -> BootstrapScorer:
    """Count hits and misses of each label in the rows drawn."""
    predicted, y = _is_predicted(rows).astype(np.int64), rows.y

    def score(counts: Counts) -> float:
        hits, whole = (
            (counts[:, None] * cells).sum(axis=0) for cells in (y * predicted, y + predicted)
        )
        return float(np.divide(2 * hits, whole, out=np.zeros(len(whole)), where=whole > 0).mean())

    return score


def _is_right(rows: ScoredRows) -> NDArray[np.bool_]:
    """Return whether the whole label set of each row is predicted."""
    return np.asarray((_is_predicted(rows) == rows.y).all(axis=1))


def _wrong(rows: ScoredRows) -> Numbers:
    """Return the share of wrong labels of each row."""
    return np.asarray((_is_predicted(rows) != rows.y).mean(axis=1))


def _cross_entropy(rows: ScoredRows) -> Numbers:
    """Return the mean over labels of −log of the probability given to what is true."""
    given = np.where(rows.y == 1, rows.values, 1 - rows.values)
    return np.asarray(-np.log(np.clip(given, np.finfo(float).eps, 1.0)).mean(axis=1))


MULTILABEL: Final = (
    Metric(
        name="roc_auc",
        title="ROC AUC",
        tasks=TASKS,
        score=_macro("roc_auc_score"),
        bootstrap=_macro_bootstrap(classification.roc_auc_bootstrap),
        rope=0.005,
        rank_rows="all",
        auto_rank=1,
    ),
    Metric(
        name="average_precision",
        title="average precision",
        tasks=TASKS,
        score=_macro("average_precision_score"),
        bootstrap=_macro_bootstrap(classification.average_precision_bootstrap),
        rope=0.005,
        rank_rows="all",
    ),
    Metric(
        name="f1",
        title="F1",
        tasks=TASKS,
        score=_f1,
        bootstrap=_f1_bootstrap,
        rank_rows="all",
        auto_rank=2,
    ),
    Metric(
        name="accuracy",  # of whole label sets: subset accuracy
        is_right=_is_right,
        title="accuracy",
        tasks=TASKS,
        rank_rows="all",
        auto_rank=3,
        score=lambda rows: rows.average(_is_right(rows)),
        bootstrap=lambda rows: mean_scorer(_is_right(rows).astype(float)),
    ),
    Metric(
        name="hamming_loss",
        title="Hamming loss",
        tasks=TASKS,
        lower_is_better=True,
        rank_rows="all",
        score=lambda rows: rows.average(_wrong(rows)),
        bootstrap=lambda rows: mean_scorer(_wrong(rows)),
        auto_rank=5,
    ),
    Metric(
        name="log_loss",
        title="log loss",
        tasks=TASKS,
        lower_is_better=True,
        bounds=(0.0, inf),
        score=lambda rows: rows.average(_cross_entropy(rows)),
        bootstrap=lambda rows: mean_scorer(_cross_entropy(rows)),
        auto_rank=4,
    ),
)
