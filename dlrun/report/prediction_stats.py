"""Statistics of test predictions: calibration, confusion, predicted against true values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.data.targets import target_kind

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.data.targets import Calibration

N_BINS: Final = 10
N_CELLS: Final = 28
Z: Final = 1.96


@dataclass(frozen=True)
class Bin:
    """Predictions of about the same probability.

    Attributes:
        predicted_probability: mean over the bin.
        observed_frequency: share of the rows in which the event occurs.
        low: lower end of the frequency's 95 % interval.
        high: upper end.
        n: predictions.
    """

    predicted_probability: float
    observed_frequency: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class JointCounts:
    """Counts of test predictions of numbers over (true, predicted), on the range of true values.

    Attributes:
        counts: (cells, cells) int64.
        n_beyond: predictions outside that range, which are counted at its border.
    """

    counts: NDArray[np.int64]
    low: float
    high: float
    n_beyond: int


@dataclass(frozen=True)
class PredictionStats:
    """Statistics of a candidate's test predictions.

    Attributes:
        event: of which the bins are, such as the second class.
        bins: by rising probability; empty where numbers are predicted.
        confusion: (true, predicted) int64 counts; None where a row has no single class.
        joint: None where classes are predicted.
    """

    event: str = ""
    bins: tuple[Bin, ...] = ()
    confusion: NDArray[np.int64] | None = None
    joint: JointCounts | None = None


def describe_predictions(
    frame: pd.DataFrame, task: str, labels: tuple[str, ...]
) -> PredictionStats:
    """Return the statistics of test predictions.

    Args:
        frame: as `Study.read_predictions` returns it.
        task: of the study.
        labels: of the classes, in the order of their indices.
    """
    kind = target_kind(task)
    y, predictions = kind.from_table(frame, labels)
    calibration = kind.calibration(y, predictions, labels)
    if calibration is None:
        return PredictionStats(joint=_joint_counts(y, predictions.values))
    bins = _bins(calibration, max(1, frame["repeat"].nunique()))
    return PredictionStats(calibration.of, bins, kind.confusion(y, predictions, labels))


def _bins(calibration: Calibration, n_repeats: int) -> tuple[Bin, ...]:
    probabilities = calibration.probabilities
    places = np.clip((probabilities * N_BINS).astype(np.int64), 0, N_BINS - 1)
    counts = np.bincount(places, minlength=N_BINS)
    sums = np.bincount(places, probabilities, minlength=N_BINS)
    hits = np.bincount(places, calibration.observed, minlength=N_BINS)
    return tuple(
        _bin(float(sums[k] / counts[k]), float(hits[k] / counts[k]), int(counts[k]), n_repeats)
        for k in np.flatnonzero(counts)
    )


def _bin(probability: float, frequency: float, n: int, n_repeats: int) -> Bin:
    """Add the interval of Wilson (1927), in which a row counts once over all repeats."""
    rows = n / n_repeats
    middle = (frequency + Z**2 / (2 * rows)) / (1 + Z**2 / rows)
    variance = frequency * (1 - frequency) / rows + Z**2 / (4 * rows**2)
    reach = float(Z * np.sqrt(variance) / (1 + Z**2 / rows))
    return Bin(probability, frequency, max(0.0, middle - reach), min(1.0, middle + reach), n)


def _joint_counts(y: NDArray[Any], predicted: NDArray[np.float64]) -> JointCounts:
    low, high = float(y.min()), float(y.max())
    air = (high - low) * 0.02 or abs(high) * 0.02 or 1.0
    low, high = low - air, high + air
    edges = np.linspace(low, high, N_CELLS + 1)
    inside = np.clip(np.nan_to_num(predicted, nan=high), low, high)
    counts, _, _ = np.histogram2d(y, inside, bins=(edges, edges))
    return JointCounts(counts.astype(np.int64), low, high, int(np.sum(inside != predicted)))
