"""Metrics of regression. A new one is a row at the end of this file and its functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final

from dlrun.catalog.metrics.row import Metric, mean_scorer
from dlrun.system.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    from sklearn import metrics as sk

    from dlrun.catalog.metrics.row import BootstrapScorer, Counts, Numbers, ScoredRows
else:
    np, sk = lazy("numpy"), lazy("sklearn.metrics")


def _sklearn(name: str) -> Callable[[ScoredRows], float]:
    return lambda rows: float(getattr(sk, name)(rows.y, rows.values, sample_weight=rows.weight))


def _squared_errors(rows: ScoredRows) -> Numbers:
    return np.asarray((rows.values - rows.y) ** 2)


def _absolute_errors(rows: ScoredRows) -> Numbers:
    return np.asarray(np.abs(rows.values - rows.y))


def _relative_errors(rows: ScoredRows) -> Numbers:
    return np.asarray(_absolute_errors(rows) / np.maximum(np.abs(rows.y), np.finfo(float).eps))


def _r2(rows: ScoredRows) -> float:
    if len(rows.y) < 2:  # noqa: PLR2004
        return float("nan")
    return float(sk.r2_score(rows.y, rows.values, sample_weight=rows.weight))


def _r2_bootstrap(rows: ScoredRows) -> BootstrapScorer:
    squares = _squared_errors(rows)
    centred = rows.y - rows.y.mean()

    def score(counts: Counts) -> float:
        drawn = counts * centred
        variation = (drawn * centred).sum() - drawn.sum() ** 2 / counts.sum()
        return float(1 - (counts * squares).sum() / variation) if variation > 0 else float("nan")

    return score


def _median_absolute_error_bootstrap(rows: ScoredRows) -> BootstrapScorer:
    errors = _absolute_errors(rows)
    order = np.argsort(errors, kind="stable")
    ascending = errors[order]

    def score(counts: Counts) -> float:
        drawn = np.cumsum(counts.take(order))
        middle = np.array([(drawn[-1] - 1) // 2, drawn[-1] // 2])
        return float(ascending[np.searchsorted(drawn, middle, side="right")].mean())

    return score


_metric: Final = partial(Metric, tasks=("regression",))
_error: Final = partial(_metric, lower_is_better=True, bounds=(0.0, inf), is_rope_relative=True)

REGRESSION: Final[tuple[Metric, ...]] = (
    _error(
        name="rmse",
        title="RMSE",
        score=_sklearn("root_mean_squared_error"),
        bootstrap=lambda rows: mean_scorer(_squared_errors(rows), power=0.5),
        auto_rank=1,
    ),
    _error(
        name="mae",
        title="MAE",
        score=_sklearn("mean_absolute_error"),
        bootstrap=lambda rows: mean_scorer(_absolute_errors(rows)),
        auto_rank=2,
    ),
    _metric(
        name="r2",
        title="R²",
        bounds=(-inf, 1.0),
        score=_r2,
        bootstrap=_r2_bootstrap,
        auto_rank=3,
    ),
    _error(
        name="mape",
        title="MAPE",
        score=_sklearn("mean_absolute_percentage_error"),
        bootstrap=lambda rows: mean_scorer(_relative_errors(rows)),
    ),
    _error(
        name="median_absolute_error",
        title="median absolute error",
        score=_sklearn("median_absolute_error"),
        bootstrap=_median_absolute_error_bootstrap,
    ),
)
