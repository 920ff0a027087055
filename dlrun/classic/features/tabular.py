"""Numbers, categories and dates as features, fitted to the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, QuantileTransformer, StandardScaler

from dlrun.catalog.features import Encoding
from dlrun.classic.features.spec import FeatureSpec, StatelessTransformer
from dlrun.errors import TrainingError

DENSE_VALUES: Final = 32
NATIVE_VALUES: Final = 254  # HistGradientBoosting takes 255, and unseen values need one
PARTS: Final = ("year", "month", "day", "weekday", "day_of_year", "hour", "minute", "second")


class CategoryCodes(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Integers for the values of category columns.

    The values of the training rows count from 0 in alphabetical order; rare and unseen values
    share the next integer.

    Args:
        min_count: values rarer than this are treated as unseen.
        max_values: the number of values with an integer of their own, the most frequent; None: all.
        missing: stands for a missing value.
    """

    def __init__(
        self, min_count: int = 1, max_values: int | None = None, missing: float = -1.0
    ) -> None:
        self.min_count = min_count
        self.max_values = max_values
        self.missing = missing

    def fit(self, frame: pd.DataFrame, y: object = None) -> Self:
        """Find the values of the training rows."""
        self.values_ = [self._kept(frame[name].array) for name in frame]
        return self

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Return the integers, (rows, columns) float64."""
        columns = zip(frame, self.values_, strict=True)
        return np.column_stack([self._codes(frame[name].array, values) for name, values in columns])

    def _kept(self, column: pd.Categorical) -> NDArray[np.str_]:
        counts = np.bincount(_shifted(column))[1:]
        kept = np.flatnonzero(counts >= self.min_count)
        if self.max_values is not None:
            by_count = np.argsort(-counts[kept], kind="stable")
            kept = kept[by_count[: self.max_values]]
        # As an array of characters: skops saves an object array as a pickle.
        return np.sort(column.categories[kept].to_numpy().astype(np.str_))

    def _codes(self, column: pd.Categorical, values: NDArray[np.str_]) -> NDArray[np.float64]:
        shifted = _shifted(column)
        # Only values that occur are searched for: one row may have thousands of categories.
        used = np.flatnonzero(np.bincount(shifted))
        used = used[used > 0]
        wanted = column.categories[used - 1].to_numpy().astype(np.str_)
        numbers = np.full(len(column.categories) + 1, self.missing, dtype=np.float64)
        numbers[used] = _positions(wanted, values)
        return numbers[shifted]


def _shifted(column: pd.Categorical) -> NDArray[np.int64]:
    """Return the codes of a category column, (rows,) int64 from 1; 0 for a missing value."""
    return column.codes.astype(np.int64) + 1


def _positions(wanted: NDArray[np.str_], values: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return the position of each wanted value among sorted values; their number if absent."""
    if not len(values):
        return np.zeros(len(wanted), dtype=np.int64)
    positions = np.searchsorted(values, wanted)
    is_found = values[np.minimum(positions, len(values) - 1)] == wanted
    return np.where(is_found, positions, len(values))


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Parts of dates and times; all parts of a missing one are NaN.

    Args:
        parts: names of `PARTS`; auto: those that vary among the training rows.
    """

    def __init__(self, parts: str | Sequence[str] = "auto") -> None:
        self.parts = parts

    def fit(self, frame: pd.DataFrame, y: object = None) -> Self:
        """Choose the parts of each column."""
        self.parts_ = [self._chosen(frame[name]) for name in frame]
        return self

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Return the parts, (rows, parts) float64."""
        columns = zip(frame, self.parts_, strict=True)
        return np.column_stack(
            [_part(frame[name], part) for name, parts in columns for part in parts]
        )

    def _chosen(self, column: pd.Series[Any]) -> list[str]:
        if self.parts != "auto":
            return list(self.parts)
        return [part for part in PARTS if _varies(_part(column, part))] or ["year"]


def _part(column: pd.Series[Any], part: str) -> NDArray[np.float64]:
    name = "day_of_week" if part == "weekday" else part
    return getattr(column.dt, name).to_numpy(dtype=np.float64)  # type: ignore[no-any-return]


def _varies(values: NDArray[np.float64]) -> bool:
    known = values[~np.isnan(values)]
    return bool(len(known) and np.ptp(known) > 0)


class RejectMissing(StatelessTransformer):
    """Numbers as they are, none of them missing."""

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame itself.

        Raises:
            TrainingError: a value is missing.
        """
        for name, count in frame.isna().sum().items():
            if count:
                message = (
                    f"column {name}: {count} of {len(frame)} values are missing, and "
                    "preprocessing.number.impute is error. Allowed: median, mean, zero, error"
                )
                raise TrainingError(message)
        return frame


def table_steps(spec: FeatureSpec) -> dict[str, list[Any]]:
    """Return the unfitted steps of the column types of a table; categories come first."""
    number, scaler = spec.preprocessing.number, _scaler(spec)
    parts = spec.preprocessing.datetime.parts
    return {
        "category": _category_steps(spec.preprocessing.category.min_count, spec.encoding),
        "number": _impute_steps(number.impute, spec) + scaler,
        # There is no setting for missing dates.
        "datetime": [DateParts(parts), *_impute_steps("median", spec), *scaler],
    }


def _category_steps(min_count: int, encoding: Encoding) -> list[Any]:
    match encoding:
        case "onehot":
            return [CategoryCodes(min_count), OneHotEncoder(handle_unknown="ignore")]
        case "onehot_dense" | "onehot_network":
            one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
            return [CategoryCodes(min_count, DENSE_VALUES), one_hot]
        case "ordinal":
            return [CategoryCodes(min_count)]
        case _:
            return [CategoryCodes(min_count, NATIVE_VALUES, missing=float("nan"))]


def _impute_steps(impute: str, spec: FeatureSpec) -> list[Any]:
    if impute == "error":
        return [RejectMissing()]
    if spec.encoding == "native":
        return ["passthrough"]
    strategy = "constant" if impute == "zero" else impute
    # The indicator is a feature of its own; a column without values becomes zeros.
    return [
        SimpleImputer(
            strategy=strategy, fill_value=0.0, add_indicator=True, keep_empty_features=True
        )
    ]


def _scaler(spec: FeatureSpec) -> list[Any]:
    if not spec.is_scaled:
        return []
    quantile = QuantileTransformer(
        n_quantiles=min(1000, spec.n_rows), output_distribution="normal", random_state=spec.seed
    )
    scalers = {"standard": StandardScaler(), "minmax": MinMaxScaler(), "quantile": quantile}
    scale = spec.preprocessing.number.scale
    return [scalers[scale]] if scale in scalers else []
