"""What a candidate said about test rows, counted: calibration, confusion, predicted and true."""

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
    """Predictions that were said to be about equally probable.

    Attributes:
        said: their mean probability.
        came: the share that came true, with its 95 % interval.
        n: how many.
    """

    said: float
    came: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Classes:
    """Test predictions of classes.

    Attributes:
        bins: of the second class' probability where there are two classes, else of the largest.
        confusion: (classes, classes) rows are the truth, columns the prediction.
    """

    bins: tuple[Bin, ...]
    confusion: NDArray[np.int64]


@dataclass(frozen=True)
class Joint:
    """Test predictions of numbers: counts over (true, predicted), on the range of the truth.

    Attributes:
        counts: (cells, cells) int64.
        n_beyond: predictions outside that range, which are counted at its border.
    """

    counts: NDArray[np.int64]
    low: float
    high: float
    n_beyond: int


def count_classes(frame: pd.DataFrame, labels: tuple[str, ...]) -> Classes:
    """Count test predictions of classes.

    Args:
        frame: as `Study.read_predictions` returns it.
        labels: of the classes, in code order.
    """
    y = frame["truth"].to_numpy(dtype=np.int64)
    said = frame["prediction"].to_numpy(dtype=np.int64)
    n = len(labels)
    confusion = np.bincount(y * n + said, minlength=n * n).reshape(n, n)
    if n == 2:  # noqa: PLR2004
        probabilities, came = frame[f"p_{labels[1]}"].to_numpy(), y == 1
    else:
        probabilities = frame[[f"p_{label}" for label in labels]].to_numpy().max(axis=1)
        came = said == y
    n_repeats = max(1, frame["repeat"].nunique())
    return Classes(_bins(probabilities, came, n_repeats), confusion)


def _bins(said: NDArray[Any], came: NDArray[np.bool_], n_repeats: int) -> tuple[Bin, ...]:
    places = np.clip((said * N_BINS).astype(np.int64), 0, N_BINS - 1)
    counts = np.bincount(places, minlength=N_BINS)
    sums = np.bincount(places, said, minlength=N_BINS)
    hits = np.bincount(places, came, minlength=N_BINS)
    return tuple(
        _bin(float(sums[k] / counts[k]), float(hits[k] / counts[k]), int(counts[k]), n_repeats)
        for k in np.flatnonzero(counts)
    )


def _bin(said: float, came: float, n: int, n_repeats: int) -> Bin:
    """Give the interval of Wilson (1927); a row that every repeat tests counts once in it."""
    rows = n / n_repeats
    middle = (came + Z**2 / (2 * rows)) / (1 + Z**2 / rows)
    reach = Z * np.sqrt(came * (1 - came) / rows + Z**2 / (4 * rows**2)) / (1 + Z**2 / rows)
    return Bin(said, came, max(0.0, middle - float(reach)), min(1.0, middle + float(reach)), n)


def count_numbers(frame: pd.DataFrame) -> Joint:
    """Count test predictions of numbers; see `count_classes`."""
    y = frame["truth"].to_numpy(dtype=np.float64)
    said = frame["prediction"].to_numpy(dtype=np.float64)
    low, high = float(y.min()), float(y.max())
    air = (high - low) * 0.02 or abs(high) * 0.02 or 1.0
    low, high = low - air, high + air
    edges = np.linspace(low, high, N_CELLS + 1)
    inside = np.clip(np.nan_to_num(said, nan=high), low, high)
    counts, _, _ = np.histogram2d(y, inside, bins=(edges, edges))
    return Joint(counts.astype(np.int64), low, high, int(np.sum(inside != said)))
