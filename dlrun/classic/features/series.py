"""Series as features: their values, their summary, catch22, or random convolutions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Self

import joblib
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from dlrun.classic import extras
from dlrun.classic.features.spec import measured_steps

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.classic.features.spec import FeatureSpec
    from dlrun.contract.dataset import Column

MIN_STEPS: Final = 10  # MultiRocket's kernels span nine, also over the differences
QUANTILES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
MAX_NUMBERS: Final = 50_000_000  # of convolutional features: 200 MB
MIN_KERNELS: Final = 84


class SeriesScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Bring the channels of series to one scale.

    Args:
        scale: standard: mean 0 and standard deviation 1 over all steps of the training rows;
            minmax: from 0 to 1; none.
    """

    def __init__(self, scale: str = "standard") -> None:
        self.scale = scale

    def fit(self, cells: pd.Series[Any], y: object = None) -> Self:
        """Learn where the values of each channel lie."""
        steps = np.concatenate(list(cells)).astype(np.float64)
        known = [channel[~np.isnan(channel)] for channel in steps.T]
        self.shift_ = np.array([self._shift(channel) for channel in known], dtype=np.float32)
        spread = np.array([self._spread(channel) for channel in known], dtype=np.float32)
        self.spread_ = np.where(spread > 0, spread, 1).astype(np.float32)
        return self

    def transform(self, cells: pd.Series[Any]) -> list[NDArray[np.float32]]:
        """Return the scaled series, each (steps, channels) float32."""
        return [(cell - self.shift_) / self.spread_ for cell in cells]

    def _shift(self, values: NDArray[np.float64]) -> float:
        if self.scale == "none" or not len(values):
            return 0.0
        return float(values.mean() if self.scale == "standard" else values.min())

    def _spread(self, values: NDArray[np.float64]) -> float:
        if self.scale == "none" or not len(values):
            return 1.0
        return float(values.std() if self.scale == "standard" else np.ptp(values))


def filled(series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Interpolate the gaps of each channel; an end is held; a channel without values is 0."""
    whole = series.copy()
    for channel in whole.T:
        is_known = ~np.isnan(channel)
        steps = np.arange(len(channel))
        channel[:] = np.interp(steps, steps[is_known], channel[is_known]) if is_known.any() else 0
    return whole


def stretched(series: NDArray[np.float32], n_steps: int) -> NDArray[np.float32]:
    """Interpolate a series to a number of steps, (n_steps, channels); no step becomes zeros."""
    if not len(series):
        return np.zeros((n_steps, series.shape[1]), dtype=np.float32)
    if len(series) == n_steps:
        return series
    old, new = np.linspace(0, 1, len(series)), np.linspace(0, 1, n_steps)
    channels = [np.interp(new, old, channel) for channel in series.T]
    return np.column_stack(channels).astype(np.float32)


def _channels(series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a series as aeon takes it, (channels, steps), in the order of rows.

    For every other order in memory its functions would be compiled once more, for a minute.
    """
    return np.ascontiguousarray(series.T)


class FlatSeries(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Take the values of a series one after the other, gaps filled and stretched to one length.

    Args:
        n_steps: the length.
    """

    def __init__(self, n_steps: int = MIN_STEPS) -> None:
        self.n_steps = n_steps

    def fit(self, cells: Iterable[Any], y: object = None) -> Self:
        """Learn nothing."""
        self.is_fitted_ = True
        return self

    def transform(self, cells: Iterable[Any]) -> NDArray[np.float32]:
        """Return the values, (rows, steps × channels) float32; nan where a series is missing."""
        rows = [stretched(filled(cell), self.n_steps).ravel() for cell in cells]
        return _nan_where_missing(np.stack(rows), cells)


class SummarySeries(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Measure each channel's mean, standard deviation, quartiles and slope, and the length."""

    def fit(self, cells: Iterable[Any], y: object = None) -> Self:
        """Learn nothing."""
        self.is_fitted_ = True
        return self

    def transform(self, cells: Iterable[Any]) -> NDArray[np.float32]:
        """Return the numbers, (rows, 8 × channels + 1) float32; nan where a series is missing."""
        rows = [_summary(stretched(filled(cell), max(2, len(cell))), len(cell)) for cell in cells]
        return _nan_where_missing(np.stack(rows), cells)


def _summary(series: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    slope = np.polyfit(np.linspace(0, 1, len(series)), series, 1)[0]
    quantiles = np.quantile(series, QUANTILES, axis=0)
    numbers = [series.mean(axis=0), series.std(axis=0), slope, *quantiles, np.array([length])]
    row: NDArray[np.float32] = np.concatenate(numbers).astype(np.float32)
    return row


class Catch22Series(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Measure each channel's 22 canonical characteristics (Lubba et al. 2019), mean and spread."""

    def fit(self, cells: Iterable[Any], y: object = None) -> Self:
        """Learn nothing."""
        self.is_fitted_ = True
        return self

    def transform(self, cells: Iterable[Any]) -> NDArray[np.float32]:
        """Return the numbers, (rows, 24 × channels) float32; nan where a series is missing.

        Raises:
            ExtraError: aeon is not installed.
        """
        measure = extras.load("aeon.transformations.collection.feature_based").Catch22(
            catch24=True, replace_nans=True
        )
        whole = [stretched(filled(cell), max(MIN_STEPS, len(cell))) for cell in cells]
        # A series alone in its call does not depend on the others.
        rows = [measure.fit_transform([_channels(one).astype(np.float64)])[0] for one in whole]
        return _nan_where_missing(np.array(rows, dtype=np.float32), cells)


def _nan_where_missing(rows: NDArray[np.float32], cells: Iterable[Any]) -> NDArray[np.float32]:
    rows[[len(cell) == 0 for cell in cells]] = np.nan
    return rows


class Rocket(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Convolve series with thousands of random kernels and pool what they answer.

    Gaps are filled, and every series is stretched to one length.

    Args:
        kind: MiniRocket (Dempster et al. 2021) or MultiRocket (Tan et al. 2022), of aeon.
        n_steps: the length.
        n_kernels: how many kernels.
        seed: draws them.
    """

    def __init__(
        self,
        kind: str = "MiniRocket",
        n_steps: int = MIN_STEPS,
        n_kernels: int = 10_000,
        seed: int = 0,
    ) -> None:
        self.kind = kind
        self.n_steps = n_steps
        self.n_kernels = n_kernels
        self.seed = seed

    def fit(self, cells: Iterable[Any], y: object = None) -> Self:
        """Draw the kernels, and their thresholds from the training rows.

        Raises:
            ExtraError: aeon is not installed.
        """
        kinds = extras.load("aeon.transformations.collection.convolution_based")
        rocket = getattr(kinds, self.kind)(
            n_kernels=self.n_kernels,
            random_state=self.seed % 2**31,
            n_jobs=joblib.effective_n_jobs(None),
        )
        self.rocket_ = rocket.fit(self._stacked(cells))
        return self

    def transform(self, cells: Iterable[Any]) -> NDArray[np.float32]:
        """Return the pooled answers, (rows, answers) float32."""
        values: NDArray[np.float32] = self.rocket_.transform(self._stacked(cells))
        return values

    def _stacked(self, cells: Iterable[Any]) -> NDArray[np.float32]:
        return np.stack([_channels(stretched(filled(cell), self.n_steps)) for cell in cells])


def flat_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Make the steps of `flat`."""
    return [_scaler(spec), FlatSeries(column.shape[0]), *measured_steps(spec)]


def summary_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Make the steps of `summary`."""
    return [_scaler(spec), SummarySeries(), *measured_steps(spec)]


def catch22_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Make the steps of `catch22`."""
    return [_scaler(spec), Catch22Series(), *measured_steps(spec)]


def mini_rocket_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Return the steps of `mini_rocket`."""
    return _rocket_steps("MiniRocket", 10_000, 1, column, spec)


def multi_rocket_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Return the steps of `multi_rocket`, whose kernels also convolve the differences."""
    return _rocket_steps("MultiRocket", 6_250, 8, column, spec)


def _rocket_steps(
    kind: str, n_kernels: int, n_numbers: int, column: Column, spec: FeatureSpec
) -> list[Any]:
    """Return the steps of a kind of Rocket with fewer kernels for many rows."""
    n_steps = max(MIN_STEPS, column.shape[0])
    n_kernels = max(MIN_KERNELS, min(n_kernels, MAX_NUMBERS // spec.n_rows // n_numbers))
    rocket = Rocket(kind, n_steps, n_kernels, spec.seed)
    return [_scaler(spec), rocket, *measured_steps(spec)]


def _scaler(spec: FeatureSpec) -> SeriesScaler:
    return SeriesScaler(spec.preprocessing.series.scale)
