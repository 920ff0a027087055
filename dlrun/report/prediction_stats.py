"""Counts of test predictions: calibration, confusion, predicted against true values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

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
class ClassCounts:
    """Counts of test predictions of classes.

    Attributes:
        bins: of the second class' probability where there are two classes, else of the largest.
        confusion: (classes, classes) int64; rows are the true class, columns the predicted one.
    """

    bins: tuple[Bin, ...]
    confusion: NDArray[np.int64]


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


def count_classes(frame: pd.DataFrame, labels: tuple[str, ...]) -> ClassCounts:
    """Count test predictions of classes.

    Args:
        frame: as `Study.read_predictions` returns it.
        labels: of the classes, in the order of their indices.
    """
    y = frame["truth"].to_numpy(dtype=np.int64)
    predicted = frame["prediction"].to_numpy(dtype=np.int64)
    n = len(labels)
    confusion = np.bincount(y * n + predicted, minlength=n * n).reshape(n, n)
    if n == 2:  # noqa: PLR2004
        probabilities, occurred = frame[f"p_{labels[1]}"].to_numpy(), y == 1
    else:
        probabilities = frame[[f"p_{label}" for label in labels]].to_numpy().max(axis=1)
        occurred = predicted == y
    n_repeats = max(1, frame["repeat"].nunique())
    return ClassCounts(_bins(probabilities, occurred, n_repeats), confusion)


def _bins(
    probabilities: NDArray[Any], occurred: NDArray[np.bool_], n_repeats: int
) -> tuple[Bin, ...]:
    places = np.clip((probabilities * N_BINS).astype(np.int64), 0, N_BINS - 1)
    counts = np.bincount(places, minlength=N_BINS)
    sums = np.bincount(places, probabilities, minlength=N_BINS)
    hits = np.bincount(places, occurred, minlength=N_BINS)
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


def count_numbers(frame: pd.DataFrame) -> JointCounts:
    """Count test predictions of numbers; see `count_classes`."""
    y = frame["truth"].to_numpy(dtype=np.float64)
    predicted = frame["prediction"].to_numpy(dtype=np.float64)
    low, high = float(y.min()), float(y.max())
    air = (high - low) * 0.02 or abs(high) * 0.02 or 1.0
    low, high = low - air, high + air
    edges = np.linspace(low, high, N_CELLS + 1)
    inside = np.clip(np.nan_to_num(predicted, nan=high), low, high)
    counts, _, _ = np.histogram2d(y, inside, bins=(edges, edges))
    return JointCounts(counts.astype(np.int64), low, high, int(np.sum(inside != predicted)))
