"""Statistics of test predictions: calibration, confusion, detection, true values, residuals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from heapq import nlargest
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.contract.candidate import Predictions
from dlrun.data.targets import target_kind
from dlrun.evidence.detection import DetectionCurves, detection_curves, macro_average

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.data.targets import Calibration, TargetKind

N_BINS: Final = 10
MOST_DETECTIONS: Final = 100
MOST_WORST: Final = 8  # rows of a candidate
N_CELLS: Final = 28
NEARLY_ALL: Final = 0.995  # of the residuals, which an axis spans
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
    """Counts of test predictions of numbers over two values.

    Attributes:
        counts: (cells of x, cells of y) int64.
        x: the ends of the first value's range.
        y: the ends of the second one's.
        n_beyond: predictions outside these ranges, which are counted at the border.
    """

    counts: NDArray[np.int64]
    x: tuple[float, float]
    y: tuple[float, float]
    n_beyond: int


@dataclass(frozen=True)
class Residuals:
    """What is left of the true values when the predicted ones are taken off.

    Attributes:
        values: (predictions,) float64, true minus predicted.
        by_prediction: counts over (predicted, residual).
    """

    values: NDArray[np.float64]
    by_prediction: JointCounts

    def within(self, share: float) -> float:
        """Return the distance from 0 that this share of the residuals keeps."""
        return float(np.quantile(np.abs(self.values), share))


@dataclass(frozen=True)
class WorstRow:
    """A test row that is predicted badly.

    Attributes:
        loss: cross-entropy or absolute error, the mean over its predictions.
        truth: in words.
        prediction: in words, the mean over its predictions.
    """

    row_id: int
    loss: float
    truth: str
    prediction: str


@dataclass(frozen=True)
class PredictionStats:
    """Statistics of a candidate's test predictions.

    Attributes:
        event: of which the bins are, such as the second class.
        bins: by rising probability; empty where numbers are predicted.
        confusion: (true, predicted) int64 counts; None where a row has no single class.
        detections: of the second of two classes, or of each class or label that some rows have
            and others lack, at most the `MOST_DETECTIONS` most frequent; empty where numbers are
            predicted.
        joint: counts over (true, predicted); None where classes are predicted.
        residuals: None where classes are predicted.
        worst: the rows of the largest losses, the worst first.
    """

    event: str = ""
    bins: tuple[Bin, ...] = ()
    confusion: NDArray[np.int64] | None = None
    detections: tuple[DetectionCurves, ...] = ()
    joint: JointCounts | None = None
    residuals: Residuals | None = None
    worst: tuple[WorstRow, ...] = ()

    @cached_property
    def detection(self) -> DetectionCurves | None:
        """Return the curves of the only event, or the mean over several."""
        if len(self.detections) > 1:
            return macro_average(self.detections, f"mean of {len(self.detections)}")
        return next(iter(self.detections), None)


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
    worst = _worst_rows(frame["row_id"].to_numpy(), y, predictions, labels, kind)
    calibration = kind.calibration(y, predictions, labels)
    if calibration is None:
        return replace(_of_numbers(y, predictions.values), worst=worst)
    bins = _bins(calibration, max(1, frame["repeat"].nunique()))
    frequent = nlargest(
        MOST_DETECTIONS,
        enumerate(kind.detections(y, predictions, labels)),
        key=lambda each: each[1].occurred.sum(),
    )
    curves = (
        detection_curves(each.event, each.probabilities, each.occurred, each.predicted)
        for _, each in sorted(frequent, key=lambda each: each[0])
    )
    return PredictionStats(
        calibration.of,
        bins,
        kind.confusion(y, predictions, labels),
        tuple(filter(None, curves)),
        worst=worst,
    )


def _worst_rows(
    row_ids: NDArray[np.int64],
    y: NDArray[Any],
    predictions: Predictions,
    labels: tuple[str, ...],
    kind: TargetKind,
) -> tuple[WorstRow, ...]:
    """Rank rows by their mean loss over all predictions of them."""
    distinct, first, places = np.unique(row_ids, return_index=True, return_inverse=True)
    losses = np.bincount(places, kind.row_losses(y, predictions)) / np.bincount(places)
    chosen = np.argsort(-losses, kind="stable")[:MOST_WORST]
    means = np.array([predictions.values[places == row].mean(axis=0) for row in chosen])
    texts = kind.row_texts(y[first[chosen]], Predictions(means), labels)
    return tuple(
        WorstRow(int(distinct[row]), float(losses[row]), *words)
        for row, words in zip(chosen, texts, strict=True)
    )


def _of_numbers(y: NDArray[np.float64], predicted: NDArray[np.float64]) -> PredictionStats:
    span = _range(y)
    residuals = (y - predicted)[np.isfinite(predicted)]
    reach = 1.05 * float(np.quantile(np.abs(residuals), NEARLY_ALL)) if len(residuals) else 0.0
    limits = (-reach, reach) if reach else (-1.0, 1.0)
    finite = predicted[np.isfinite(predicted)]
    by_prediction = _joint_counts(finite, residuals, span, limits)
    return PredictionStats(
        joint=_joint_counts(y, predicted, span, span),
        residuals=Residuals(residuals, by_prediction),
    )


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


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    air = (high - low) * 0.02 or abs(high) * 0.02 or 1.0
    return low - air, high + air


def _joint_counts(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    x: tuple[float, float],
    y: tuple[float, float],
) -> JointCounts:
    shown = [
        np.clip(np.nan_to_num(values, nan=ends[1]), *ends)
        for values, ends in ((first, x), (second, y))
    ]
    edges = [np.linspace(*ends, N_CELLS + 1) for ends in (x, y)]
    counts, _, _ = np.histogram2d(shown[0], shown[1], bins=edges)
    n_beyond = int(np.sum((shown[0] != first) | (shown[1] != second)))
    return JointCounts(counts.astype(np.int64), x, y, n_beyond)
