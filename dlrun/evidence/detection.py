"""How well probabilities detect an event: ROC and precision-recall curves, operating points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]

N_STEPS: Final = 200  # along each axis, of which a curve keeps one point


@dataclass(frozen=True)
class OperatingPoint:
    """What predictions reach at the threshold that they use; a share without rows is NaN.

    Attributes:
        recall: share of the events that are predicted.
        precision: share of the predicted events that occur.
        false_positive_rate: share of the other rows for which the event is predicted.
    """

    recall: float
    precision: float
    false_positive_rate: float


@dataclass(frozen=True)
class DetectionCurves:
    """The curves of one event over all thresholds; their ends are exact.

    Attributes:
        event: of which the probabilities are.
        n_events: rows in which it occurs, over all splits.
        roc: (points, 2), false positive rate and recall from (0, 0) to (1, 1).
        precision_recall: (points, 2), recall and precision from recall 0 to 1.
        roc_auc: the area under the whole ROC curve.
        average_precision: the area under the whole precision-recall curve, without interpolation.
        prevalence: share of the rows in which the event occurs.
        at: the operating point of the predictions.
    """

    event: str
    n_events: int
    roc: Points
    precision_recall: Points
    roc_auc: float
    average_precision: float
    prevalence: float
    at: OperatingPoint


def detection_curves(
    event: str,
    probabilities: NDArray[np.float64],
    occurred: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
) -> DetectionCurves | None:
    """Return the curves of an event; None where it occurs in every row or in none.

    Rows of several splits are pooled: for splits of equal size that is averaging their curves by
    threshold (Fawcett 2006, "An introduction to ROC analysis"), so that the operating point lies
    on the curve.

    Args:
        event: its name.
        probabilities: (rows,) of the event.
        occurred: (rows,) whether it occurs.
        predicted: (rows,) whether it is predicted.
    """
    n_events, n_rows = int(occurred.sum()), len(occurred)
    if not 0 < n_events < n_rows:
        return None
    order = np.argsort(-probabilities, kind="stable")
    hits = np.cumsum(occurred[order])
    last = np.append(np.diff(probabilities[order]) != 0, [True])  # row of each threshold
    hits, n_chosen = hits[last], np.flatnonzero(last) + 1
    recall = hits / n_events
    precision = hits / n_chosen
    false_rate = (n_chosen - hits) / (n_rows - n_events)
    roc = np.column_stack([np.append(0, false_rate), np.append(0, recall)])
    return DetectionCurves(
        event,
        n_events,
        _thinned(roc),
        _thinned(np.column_stack([np.append(0, recall), np.append(precision[0], precision)])),
        float(np.trapezoid(roc[:, 1], roc[:, 0])),
        float(np.sum(np.diff(recall, prepend=0) * precision)),
        n_events / n_rows,
        _operating_point(occurred, predicted),
    )


def macro_average(curves: Sequence[DetectionCurves], event: str) -> DetectionCurves:
    """Return the mean over events: of recalls at each false positive rate, and so on.

    Args:
        curves: of one event or more.
        event: the name of the mean.
    """
    grid = np.linspace(0, 1, N_STEPS + 1)
    recalls = [np.interp(grid, each.roc[:, 0], each.roc[:, 1]) for each in curves]
    precisions = [_precision_from(grid, each.precision_recall) for each in curves]
    start = np.zeros((1, 2))
    points = [each.at for each in curves]
    return DetectionCurves(
        event,
        sum(each.n_events for each in curves),
        np.vstack([start, np.column_stack([grid, np.mean(recalls, axis=0)])]),
        np.column_stack([grid, np.mean(precisions, axis=0)]),
        _mean([each.roc_auc for each in curves]),
        _mean([each.average_precision for each in curves]),
        _mean([each.prevalence for each in curves]),
        OperatingPoint(
            _mean([each.recall for each in points]),
            _mean([np.nan_to_num(each.precision) for each in points]),  # as scikit-learn does
            _mean([each.false_positive_rate for each in points]),
        ),
    )


def _operating_point(occurred: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> OperatingPoint:
    hits, n_predicted = int(np.sum(occurred & predicted)), int(predicted.sum())
    n_events = int(occurred.sum())
    precision = hits / n_predicted if n_predicted else float("nan")
    false_rate = (n_predicted - hits) / (len(occurred) - n_events)
    return OperatingPoint(hits / n_events, precision, false_rate)


def _thinned(points: Points) -> Points:
    """Keep the first point of each cell of a fine grid, and the last point."""
    cells = np.floor(points * N_STEPS)
    is_new = np.append([True], np.any(np.diff(cells, axis=0) != 0, axis=1))
    is_new[-1] = True
    kept: Points = points[is_new]
    return kept


def _precision_from(recalls: NDArray[np.float64], points: Points) -> NDArray[np.float64]:
    """Return the precision at the highest threshold that reaches each recall."""
    places = np.searchsorted(points[:, 0], recalls - 1e-9)
    found: NDArray[np.float64] = points[np.minimum(places, len(points) - 1), 1]
    return found


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
