"""Series as features: their values, their summary, catch22, or random convolutions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Self

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from dlrun.classic import extras
from dlrun.classic.features.spec import FeatureSpec, StatelessTransformer, measured_steps
from dlrun.contract.dataset import Column

MIN_STEPS: Final = 10  # MultiRocket's kernels span nine, also over the differences
QUANTILES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
MAX_NUMBERS: Final = 50_000_000  # of convolutional features: 200 MB
MIN_KERNELS: Final = 84


class SeriesScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Scales the channels of series.

    Args:
        scale: standard: mean 0 and standard deviation 1 over all steps of the training rows;
            minmax: from 0 to 1; none.
    """

    def __init__(self, scale: str = "standard") -> None:
        self.scale = scale

    def fit(self, cells: pd.Series[Any], y: object = None) -> Self:
        """Compute the shift and the scale of each channel."""
        steps = np.concatenate(list(cells)).astype(np.float64)
        known = [channel[~np.isnan(channel)] for channel in steps.T]
        shifts, scales = zip(*map(self._shift_and_scale, known), strict=True)
        self.shift_ = np.array(shifts, dtype=np.float32)
        scale = np.array(scales, dtype=np.float32)
        self.scale_ = np.where(scale > 0, scale, 1).astype(np.float32)
        return self

    def transform(self, cells: pd.Series[Any]) -> list[NDArray[np.float32]]:
        """Return the scaled series, each (steps, channels) float32."""
        return [(cell - self.shift_) / self.scale_ for cell in cells]

    def _shift_and_scale(self, values: NDArray[np.float64]) -> tuple[float, float]:
        if self.scale == "none" or not len(values):
            return 0.0, 1.0
        if self.scale == "standard":
            return float(values.mean()), float(values.std())
        return float(values.min()), float(np.ptp(values))


def interpolate_missing(series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Interpolate missing steps of each channel; ends are repeated; an empty channel is 0."""
    whole = series.copy()
    for channel in whole.T:
        is_known = ~np.isnan(channel)
        steps = np.arange(len(channel))
        channel[:] = np.interp(steps, steps[is_known], channel[is_known]) if is_known.any() else 0
    return whole


def resample(series: NDArray[np.float32], n_steps: int) -> NDArray[np.float32]:
    """Interpolate a series to a number of steps, (n_steps, channels); zeros if it has no step."""
    if not len(series):
        return np.zeros((n_steps, series.shape[1]), dtype=np.float32)
    if len(series) == n_steps:
        return series
    old, new = np.linspace(0, 1, len(series)), np.linspace(0, 1, n_steps)
    channels = [np.interp(new, old, channel) for channel in series.T]
    return np.column_stack(channels).astype(np.float32)


def _whole(series: NDArray[np.float32], n_steps: int) -> NDArray[np.float32]:
    return resample(interpolate_missing(series), n_steps)


def _channels(series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a series as aeon takes it, (channels, steps), contiguous by rows.

    aeon's functions are compiled once more for every other order in memory, for a minute.
    """
    return np.ascontiguousarray(series.T)


class FlatSeries(StatelessTransformer):
    """The values of a series of `n_steps`, missing steps interpolated."""

    def __init__(self, n_steps: int = MIN_STEPS) -> None:
        self.n_steps = n_steps

    def transform(self, cells: Iterable[Any]) -> NDArray[np.float32]:
        """Return the values, (rows, steps × channels) float32; NaN where a series is missing."""
        rows = [_whole(cell, self.n_steps).ravel() for cell in cells]
        return _nan_where_missing(np.stack(rows), cells)


class SummarySeries(StatelessTransformer):
    """Mean, standard deviation, quartiles and slope of each channel, and the length."""

    def transform(self, cells: Iterable[Any]) -> NDArray[np.float32]:
        """Return the numbers, (rows, 8 × channels + 1) float32; NaN where a series is missing."""
        rows = [_summary(_whole(cell, max(2, len(cell))), len(cell)) for cell in cells]
        return _nan_where_missing(np.stack(rows), cells)


def _summary(series: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    slope = np.polyfit(np.linspace(0, 1, len(series)), series, 1)[0]
    quantiles = np.quantile(series, QUANTILES, axis=0)
    numbers = [series.mean(axis=0), series.std(axis=0), slope, *quantiles, np.array([length])]
    row: NDArray[np.float32] = np.concatenate(numbers).astype(np.float32)
    return row


class Catch22Series(StatelessTransformer):
    """22 canonical characteristics (Lubba et al. 2019), mean and deviation of each channel."""

    def transform(self, cells: Iterable[Any]) -> NDArray[np.float32]:
        """Return the numbers, (rows, 24 × channels) float32; NaN where a series is missing."""
        catch22 = extras.load("aeon.transformations.collection.feature_based").Catch22(
            catch24=True, replace_nans=True
        )
        whole = [_whole(cell, max(MIN_STEPS, len(cell))) for cell in cells]
        # One call for each series, so that its numbers do not depend on the others.
        rows = [catch22.fit_transform([_channels(one).astype(np.float64)])[0] for one in whole]
        return _nan_where_missing(np.array(rows, dtype=np.float32), cells)


def _nan_where_missing(rows: NDArray[np.float32], cells: Iterable[Any]) -> NDArray[np.float32]:
    rows[[len(cell) == 0 for cell in cells]] = np.nan
    return rows


class Rocket(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Pooled outputs of random kernels, convolved with series of `n_steps`.

    aeon's MiniRocket (Dempster et al. 2021) or MultiRocket (Tan et al. 2022), by its `kind`.
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
        """Draw the kernels, and their thresholds from the training rows."""
        kinds = extras.load("aeon.transformations.collection.convolution_based")
        rocket = getattr(kinds, self.kind)(
            n_kernels=self.n_kernels,
            random_state=self.seed % 2**31,
            n_jobs=joblib.effective_n_jobs(None),
        )
        self.rocket_ = rocket.fit(self._stacked(cells))
        return self

    def transform(self, cells: Iterable[Any]) -> NDArray[np.float32]:
        """Return the pooled outputs, (rows, outputs) float32."""
        values: NDArray[np.float32] = self.rocket_.transform(self._stacked(cells))
        return values

    def _stacked(self, cells: Iterable[Any]) -> NDArray[np.float32]:
        return np.stack([_channels(_whole(cell, self.n_steps)) for cell in cells])


def flat_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Return the steps of `flat`."""
    return [_scaler(spec), FlatSeries(column.shape[0]), *measured_steps(spec)]


def summary_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Return the steps of `summary`."""
    return [_scaler(spec), SummarySeries(), *measured_steps(spec)]


def catch22_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Return the steps of `catch22`."""
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
