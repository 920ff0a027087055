"""Sections on the test predictions: calibration, confusion, predicted against true values."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import counted
from dlrun.report.charts.density import draw_density
from dlrun.report.charts.matrix import draw_matrix
from dlrun.report.charts.reliability import draw_reliability
from dlrun.report.sections.section import ReportSection, candidate_title, figure, panels, table

if TYPE_CHECKING:
    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import CandidateView, ReportContext

MOST_CLASSES: Final = 12  # of a readable matrix
MOST_CONFUSIONS: Final = 15
MOST_LETTERS: Final = 15  # of an event's name on an axis


def draw_calibration(view: CandidateView) -> Chart | None:
    """Draw the reliability diagram of a candidate; None without probabilities."""
    stats = view.prediction_stats
    if not stats.bins:
        return None
    event = f" of {stats.event}" if len(stats.event) <= MOST_LETTERS else ""
    axes = (f"mean predicted probability{event}", "observed frequency")
    return draw_reliability(stats.bins, view.style, title=f"Calibration of {view.name}", axes=axes)


def draw_confusion(view: CandidateView) -> Chart | None:
    """Draw the confusion matrix of a candidate; None where a row has no single class."""
    counts = view.prediction_stats.confusion
    if counts is None:
        return None
    width = 320.0 if len(counts) <= MOST_CLASSES else 640.0
    return draw_matrix(counts, view.study.labels, title=f"Confusion of {view.name}", width=width)


def draw_predicted(view: CandidateView) -> Chart | None:
    """Draw predicted against true values of a candidate; None where it predicts classes."""
    joint = view.prediction_stats.joint
    if joint is None:
        return None
    target = view.study.data.target if view.study.data else "value"
    title = f"Predicted and true values of {view.name}"
    return draw_density(
        joint, view.style, title=title, axes=(f"true {target}", f"predicted {target}")
    )


def write_calibration(context: ReportContext) -> ReportSection | None:
    """Draw the observed frequency against the predicted probability, for every candidate."""
    charts = [
        (_with_score(view, "ece"), chart)
        for view in context.finished
        if (chart := draw_calibration(view))
    ]
    if not charts:
        return None
    event = context.finished[0].prediction_stats.event
    caption = (
        f"Probabilities are those of {event}. On the diagonal, what is predicted with 80 % "
        "probability occurs in 80 % of the cases. Below it, a candidate is overconfident. Larger "
        "marks are more predictions; lines are 95 % intervals."
    )
    return ReportSection("calibration", "Calibration", figure(panels(charts), caption=caption))


def _with_score(view: CandidateView, metric: str) -> Markup:
    score = view.row.scores.get(metric, float("nan"))
    is_known = score == score  # noqa: PLR0124 - NaN
    return candidate_title(view, f"{get_metric(metric).title} {score:.3g}" if is_known else "")


def write_confusion(context: ReportContext) -> ReportSection | None:
    """Count the true classes against the predicted ones, for the best of each family."""
    views = [view for view in context.champions if view.prediction_stats.confusion is not None]
    if not views:
        return None
    n_classes = len(context.studies[0].labels)
    parts = []
    if n_classes <= MOST_CLASSES:
        caption = (
            "Test predictions of each side's best, counted over all splits: rows are the true "
            "class, columns the predicted one. The shade is the share of the row."
        )
        charts = [
            (candidate_title(view), chart) for view in views if (chart := draw_confusion(view))
        ]
        parts.append(figure(panels(charts), caption=caption))
    if n_classes > 2:  # noqa: PLR2004 - two classes have one confusion each way
        parts += [_most_frequent(view) for view in views]
    return ReportSection("confusion", "Confusion", Markup().join(parts))


def _most_frequent(view: CandidateView) -> Markup:
    """List the most frequent wrong predictions."""
    counts, labels = view.prediction_stats.confusion, view.study.labels
    if counts is None:
        return Markup()
    pairs = sorted(
        (-int(counts[y, predicted]), y, predicted)
        for y, predicted in product(range(len(labels)), repeat=2)
        if y != predicted and counts[y, predicted]
    )
    rows = [
        [labels[y], labels[predicted], f"{-count:,}", f"{-100 * count / counts[y].sum():.1f} %"]
        for count, y, predicted in pairs[:MOST_CONFUSIONS]
    ]
    if not rows:
        return Markup()
    wrong = counted(int(counts.sum() - counts.trace()), "wrong test prediction")
    head = ["true class", "predicted", "count", "of the class"]
    return table(f"{view.name}: the most frequent of {wrong}", head, rows, left=2)


def write_predicted(context: ReportContext) -> ReportSection | None:
    """Draw predicted against true values, for every candidate."""
    charts = [
        (_with_score(view, "r2"), chart)
        for view in context.finished
        if (chart := draw_predicted(view))
    ]
    if not charts:
        return None
    joints = [view.prediction_stats.joint for view in context.finished]
    beyond = sum(joint.n_beyond for joint in joints if joint)
    caption = (
        "A stronger colour is more test predictions; on the diagonal, they equal the true value."
    )
    if beyond:
        caption += f" {counted(beyond, 'prediction')} beyond the range of true values: at the edge."
    return ReportSection("predicted", "Predicted and true", figure(panels(charts), caption=caption))
