"""Naive forecasts, the floor of every other forecast: the last known value, or that of a season.

They forecast one step ahead: the values of all earlier rows are known when a row is predicted, so
test rows are predicted from the test rows before them. Where several rows in a row have no value
yet, each gets the last known one. See Hyndman and Athanasopoulos, "Forecasting: principles and
practice" (2021), section 5.2.

Features are (rows, lags): the last value, then those of a day, a week and a year ago as far as
these are different rows; NaN where no row is so old.
"""

from __future__ import annotations

from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

LAST: Final = 0  # column of the last value


class LastValue(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts the last value, or the mean of the training rows where there is none.

    Args:
        seasonal: predict the value of the season that is nearest to y among the training rows.
    """

    def __init__(self, seasonal: bool = False) -> None:
        self.seasonal = seasonal

    def fit(self, lags: NDArray[np.float64], y: NDArray[np.float64]) -> Self:
        """Choose the lag."""
        errors = [_mean(np.abs(column - y)) for column in lags.T]
        self.lag_ = _nearest(errors, seasonal=self.seasonal)
        self.mean_ = np.array([y.mean()])
        return self

    def predict(self, lags: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the earlier value of each row, (rows,)."""
        values = lags[:, self.lag_]
        return np.where(np.isnan(values), self.mean_, values)


class LastClass(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts how often each class follows the last one, a Markov chain of the first order.

    The shares of all classes are added to the counts as one more row, and stand in where no
    earlier class is known.

    Args:
        seasonal: as in `LastValue`; nearest is the lag whose most frequent followers are right
            most often.
    """

    def __init__(self, seasonal: bool = False) -> None:
        self.seasonal = seasonal

    def fit(self, lags: NDArray[np.float64], y: NDArray[np.int64]) -> Self:
        """Count which class follows which at each lag, and choose the lag."""
        self.classes_ = np.unique(y)
        tables = [self._count(_codes(column), y) for column in lags.T]
        wrong = [
            np.where(np.isnan(column), np.nan, self._predict(table, column) != y)
            for table, column in zip(tables, lags.T, strict=True)
        ]
        self.lag_ = _nearest(list(map(_mean, wrong)), seasonal=self.seasonal)
        self.shares_ = tables[self.lag_]
        return self

    def predict_proba(self, lags: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of each class, (rows, classes)."""
        return _look_up(self.shares_, lags[:, self.lag_])

    def predict(self, lags: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the most probable class of each row, (rows,)."""
        return self._predict(self.shares_, lags[:, self.lag_])

    def _predict(
        self, table: NDArray[np.float64], column: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self.classes_[_look_up(table, column).argmax(axis=1)]
        return found

    def _count(self, codes: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the shares of the classes, (1 + earlier classes, classes); first where unknown."""
        followers = np.searchsorted(self.classes_, y)
        all_shares = np.bincount(followers, minlength=len(self.classes_)) / len(y)
        counts = np.tile(all_shares, (codes.max() + 1, 1))
        is_known = codes > 0
        np.add.at(counts, (codes[is_known], followers[is_known]), 1)
        shares: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
        return shares


def _codes(column: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the position of each earlier class in the table of shares; 0 where it is missing."""
    return np.where(np.isnan(column), 0, column + 1).astype(np.int64)


def _look_up(table: NDArray[np.float64], column: NDArray[np.float64]) -> NDArray[np.float64]:
    codes = _codes(column)
    shares: NDArray[np.float64] = table[np.where(codes < len(table), codes, 0)]
    return shares


def _mean(errors: NDArray[Any]) -> float:
    known = errors[~np.isnan(errors)]
    return float(known.mean()) if len(known) else np.inf


def _nearest(errors: list[float], *, seasonal: bool) -> int:
    """Return the lag of the smallest error among the seasons, or the last value."""
    return 1 + int(np.argmin(errors[1:])) if seasonal else LAST
